"""Counting sends: never more in a second or a minute than allowed, and some left for what must go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from core.domain.orders import Lane
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S


class Pace:
    """Every send of a run by its calendar second and minute, over every life of the core."""

    def __init__(self) -> None:
        self._sends: Counter[int] = Counter()
        self._entries: Counter[int] = Counter()
        self._minutes: Counter[int] = Counter()

    def sent(self, now_ns: int, lane: Lane, settings: ExecutionSettings) -> Iterator[str]:
        """Count one send, and say which limits of the account it breaks."""
        second, minute = now_ns // NS_PER_S, now_ns // (60 * NS_PER_S)
        self._sends[second] += 1
        self._minutes[minute] += 1
        if self._sends[second] > settings.orders_per_second:
            yield f"{self._sends[second]} sends in one second, {settings.orders_per_second} allowed"
        if self._minutes[minute] > settings.orders_per_minute:
            yield f"{self._minutes[minute]} sends in one minute, {settings.orders_per_minute} allowed"
        if lane is Lane.ENTRY:
            self._entries[second] += 1
            if self._entries[second] > settings.orders_per_second - settings.reserve_per_second:
                yield f"{self._entries[second]} entries in one second leave nothing for exits"
