"""How late the event loop is, in wall time: what a live session can lose to a busy machine."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

from core.engine.metrics import Series

TICK_S = 0.01
REMEMBERED_S = 1.0
"""A reading is the worst of this long: whoever looks ten times a second misses none."""


class LoopLag:
    """Ticks every 10 ms while ``counts`` says that it counts; a call gives the worst of the last second."""

    def __init__(self, series: Series, counts: Callable[[], bool] = lambda: True) -> None:
        self._series = series
        self._counts = counts
        self._late: deque[tuple[float, float]] = deque()

    def __call__(self) -> int:
        """Milliseconds."""
        self._forget(monotonic())
        return int(max((late_ms for _, late_ms in self._late), default=0.0))

    async def run(self) -> None:
        """Measure until cancelled."""
        due_s = monotonic() + TICK_S
        while True:
            await asyncio.sleep(max(0.0, due_s - monotonic()))
            now_s = monotonic()
            if self._counts():
                late_ms = max(0.0, now_s - due_s) * 1_000
                self._series.add(late_ms)
                self._late.append((now_s, late_ms))
                self._forget(now_s)
            due_s = max(due_s + TICK_S, now_s)

    def _forget(self, now_s: float) -> None:
        while self._late and self._late[0][0] < now_s - REMEMBERED_S:
            self._late.popleft()
