"""Counting sends: never more in a second, a minute or a day than allowed, and some left for what must go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from core.domain.orders import Lane
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S, to_ist


@dataclass(frozen=True, slots=True)
class _Window:
    """A calendar second, minute or day, what may be sent in it, and what entries leave to others."""

    name: str
    start: int | date
    most: int
    reserve: int


class Pace:
    """Every send of a run by its calendar second, minute and day, over every life of the core."""

    def __init__(self) -> None:
        self._sends: Counter[tuple[str, int | date]] = Counter()
        self._entries: Counter[int] = Counter()

    def sent(self, now_ns: int, lane: Lane, settings: ExecutionSettings) -> Iterator[str]:
        """Count one send, and say which limits of the account it breaks.

        An entry has to leave something of each window for the cancels, hedges and exits that may follow it.
        """
        for window in _windows(now_ns, settings):
            key = (window.name, window.start)
            sent = self._sends[key] = self._sends[key] + 1
            if sent > window.most:
                yield f"{sent} sends in one {window.name}, {window.most} allowed"
            elif lane is Lane.ENTRY and sent > window.most - window.reserve:
                yield f"an entry is the {sent}th send of one {window.name}: too little is left for exits"
        if lane is Lane.ENTRY:
            second = now_ns // NS_PER_S
            self._entries[second] += 1
            if self._entries[second] > settings.orders_per_second - settings.reserve_per_second:
                yield f"{self._entries[second]} entries in one second leave too little for exits"


def _windows(now_ns: int, settings: ExecutionSettings) -> tuple[_Window, _Window, _Window]:
    per_minute, per_day = settings.orders_per_minute, settings.orders_per_day
    day_reserve = per_day * settings.reserve_per_day_bps // 10_000
    return (
        # A slow disk lets what was decided apart leave together: then one of a second is still left.
        _Window("second", now_ns // NS_PER_S, settings.orders_per_second, 1),
        _Window("minute", now_ns // (60 * NS_PER_S), per_minute, per_minute // 10),
        _Window("day", to_ist(now_ns).date(), per_day, day_reserve),
    )
