"""A virtual-time run that somebody else's event loop drives, in step with the wall: a console can watch it.

The steps, and their order, are those of ``run_virtual``. Between two of them the other loop does its own work
on the same thread, so what it asks of the run it asks at an instant of market time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from time import monotonic
from typing import Any, Generic, TypeVar

from core.rehearsal.market_time import MarketTime
from core.rehearsal.sim_loop import Deadlock, Shuffle, SimLoop

Result = TypeVar("Result")

_BEAT_S = 0.005
_BUDGET_S = 0.010
"""How long one beat may keep the other loop waiting, beyond the step it is at."""
_BEHIND_S = 0.25


class Stepped(Generic[Result]):
    """A program on a ``SimLoop`` of its own. ``close`` it when no other loop runs any more."""

    def __init__(
        self, main: Callable[[], Coroutine[Any, Any, Result]], market: MarketTime, shuffle: Shuffle | None
    ) -> None:
        self._market = market
        self._loop = SimLoop(market, shuffle)
        self._task: asyncio.Task[Result] = self._loop.create_task(main())

    async def run(self, speed: float) -> Result:
        """Let it run to its end, ``speed`` market seconds a wall second; time lost is not caught up.

        Raises what the program raises, ``Deadlock``, and an error that no task took.
        """
        outer = asyncio.get_running_loop()
        ended: asyncio.Future[None] = outer.create_future()
        anchor_ns, anchor_s = self._market.now_ns(), monotonic()

        def beat() -> None:
            nonlocal anchor_ns, anchor_s
            if ended.done():
                return
            began_s = monotonic()
            target_ns = anchor_ns + int((began_s - anchor_s) * speed * 1e9)
            try:
                idle = self._advance(target_ns, began_s + _BUDGET_S)
            except BaseException as error:
                ended.set_exception(error)
                return
            if self._task.done():
                ended.set_result(None)
                return
            if not idle and (target_ns - self._market.now_ns()) / 1e9 / speed > _BEHIND_S:
                anchor_ns, anchor_s = self._market.now_ns(), monotonic()
            outer.call_later(_BEAT_S if idle else 0, beat)

        # Beats are plain callbacks: a task of the other loop would be the current one while ours run.
        outer.call_soon(beat)
        await ended
        for context in self._loop.errors:
            raise context.get("exception") or RuntimeError(context["message"])
        return self._task.result()

    def _advance(self, until_ns: int, deadline_s: float) -> bool:
        """Take turns until ``until_ns`` of market time or the wall's deadline; whether it came so far."""
        loop = self._loop
        loop.horizon_ns = until_ns
        with _as_running(loop):
            while not self._task.done():
                if loop.waits_beyond_horizon:
                    return True
                loop._run_once()
                if monotonic() >= deadline_s:
                    return False
        return True

    def close(self) -> None:
        """End what is left of it."""
        self._loop.horizon_ns = None
        asyncio.set_event_loop(self._loop)
        try:
            with contextlib.suppress(Deadlock):
                self._loop.end_everything()
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()


@contextlib.contextmanager
def _as_running(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """While this lasts ``loop`` is the one that runs on this thread."""
    outer = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(outer)
