"""The clock of a live session: the machine's monotonic clock, anchored to exchange time at its start."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable

from core.domain.timing import NS_PER_S

LEAST_WAIT_S = 1e-6
"""Shorter than this a loop cannot wait: it would turn round and round until the time has come."""


class SystemClock:
    """A ``Clock`` that a change of the machine's wall clock does not move.

    ``anchor_ns`` is exchange time now, the machine's own if ``None``. ``speed`` is market seconds a wall
    second: 1 against a real broker, whatever a simulated exchange runs at otherwise.
    """

    def __init__(self, anchor_ns: int | None = None, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"a clock runs forward: the speed must be above zero, not {speed:g}")
        self._mono_ns = time.monotonic_ns()
        self._anchor_ns = time.time_ns() if anchor_ns is None else anchor_ns
        self._calls: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None
        self.speed = speed

    def now_ns(self) -> int:
        """See ``Clock``."""
        passed_ns = time.monotonic_ns() - self._mono_ns
        return self._anchor_ns + (passed_ns if self.speed == 1.0 else int(passed_ns * self.speed))

    async def sleep_until(self, deadline_ns: int) -> None:
        """See ``Clock``."""
        if deadline_ns <= self.now_ns():
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.call_at(deadline_ns, lambda: None if done.done() else done.set_result(None))
        await done

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> None:
        """See ``Clock``. Calls of one time are taken in the order in which they were asked for."""
        self._number += 1
        heapq.heappush(self._calls, (at_ns, self._number, callback))
        if self._calls[0][1] == self._number:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._calls:
            left_ns = self._calls[0][0] - self.now_ns()
            wait_s = max(LEAST_WAIT_S, left_ns / self.speed / NS_PER_S) if left_ns > 0 else 0.0
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._ring)

    def _ring(self) -> None:
        """Take what is due. The loop may be a little early, and what is called compares times."""
        self._timer = None
        due = self.now_ns()
        try:
            while self._calls and self._calls[0][0] <= due:
                _, _, callback = heapq.heappop(self._calls)
                callback()
        finally:
            self._set_timer()
