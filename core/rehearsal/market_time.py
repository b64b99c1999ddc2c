"""Market time: the clock of a rehearsal, which moves only when everything at the present instant is done.

All that happens in a rehearsed market is a call at a time, kept in one queue. Whoever drives it, a virtual
loop as fast as it can or a paced one against the wall, takes the calls one by one in the same order, so a
seed gives the same story at any speed and a slow machine delays the market instead of missing deadlines.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from time import monotonic

_ROUNDS = 4
"""Turns of the event loop without new work after which an instant counts as done: a call may wake a task,
which may finish and so wake another that awaited it."""


class MarketTime:
    """A ``Clock`` whose time is the time of the last call that was taken."""

    def __init__(self, start_ns: int) -> None:
        self._now_ns = start_ns
        self._calls: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self._holds = 0
        self._changed = asyncio.Event()
        self.fired = 0
        """How many calls have been taken."""

    def now_ns(self) -> int:
        """See ``Clock``."""
        return self._now_ns

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> None:
        """See ``Clock``. Calls of one time are taken in the order in which they were asked for."""
        self._number = number = self._number + 1
        calls = self._calls
        heapq.heappush(calls, (at_ns if at_ns > self._now_ns else self._now_ns, number, callback))
        if calls[0][1] == number:
            self._changed.set()

    async def sleep_until(self, deadline_ns: int) -> None:
        """See ``Clock``."""
        if deadline_ns <= self._now_ns:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        holding = False

        def wake() -> None:
            nonlocal holding
            if not done.done():
                holding = True
                self.hold()
                done.set_result(None)

        self.call_at(deadline_ns, wake)
        try:
            await done
        finally:
            if holding:
                self.release()

    def hold(self) -> None:
        """Something is being done at this instant: time waits until as many ``release`` calls have come."""
        self._holds += 1

    def release(self) -> None:
        """What was being done is done, or has been handed on as a later call."""
        self._holds -= 1
        if not self._holds:
            self._changed.set()

    @property
    def next_ns(self) -> int | None:
        """The time of the next call, ``None`` when nothing will ever happen any more."""
        return self._calls[0][0] if self._calls else None

    def fire(self) -> None:
        """Take the next call: time becomes its time."""
        self._now_ns, _, callback = heapq.heappop(self._calls)
        self.fired += 1
        callback()

    async def pace(self, speed: float, *, catch_up: bool = False) -> None:
        """Take calls for ever, ``speed`` market seconds a wall second, never before their wall time.

        A market that has fallen behind does not hurry to catch up: the wall time it lost is given up. With
        ``catch_up`` it hurries, because somebody else keeps the same time on a clock of its own.
        """
        anchor_ns, anchor_s = self._now_ns, monotonic()
        while True:
            await self._settle()
            if not self._calls:
                await self._wait(None)
                continue
            due_s = anchor_s + (self._calls[0][0] - anchor_ns) / 1e9 / speed
            delay_s = due_s - monotonic()
            if delay_s > 0:
                await self._wait(delay_s)
                continue
            if delay_s < -0.25 and not catch_up:
                anchor_ns, anchor_s = self._calls[0][0], monotonic()
            self.fire()

    async def _settle(self) -> None:
        """Return once nothing is being done at this instant and nothing woken by it has still to run."""
        quiet = 0
        while quiet < _ROUNDS:
            if self._holds:
                quiet = 0
                self._changed.clear()
                await self._changed.wait()
            await asyncio.sleep(0)
            quiet = quiet + 1 if not self._holds else 0

    async def _wait(self, seconds: float | None) -> None:
        """Wait for the wall, or until the queue has a new first call."""
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
