"""A virtual-time event loop: real coroutines, no wall clock, no threads, one seed.

The loop asks its selector for the time when no task is ready; here that is the moment at which market time
moves to its next call. Nothing else moves it. The order of ready tasks is first come, first served, or drawn
from a seed, which is a legal order too.
"""

from __future__ import annotations

import asyncio
from asyncio import base_events
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from core.rehearsal.market_time import MarketTime

Result = TypeVar("Result")

Shuffle = Callable[[int], int]
"""Given how many tasks are ready, which one goes first."""


class Deadlock(RuntimeError):
    """Every task waits and nothing will ever happen: somebody forgot a deadline."""

    def __init__(self, at_ns: int) -> None:
        super().__init__(f"at {at_ns} ns every task waits and no call is due")


class _Selector:
    """Stands where sockets would be waited for; moves time instead."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        """Called when the loop wants to wait: take the next call, unless something is ready."""
        if timeout is None or timeout > 0:
            self._loop.advance()
        return []

    def close(self) -> None:
        """Nothing is open."""


class SimLoop(base_events.BaseEventLoop):
    """Runs a program in market time. ``shuffle`` draws the order of tasks that are ready together."""

    def __init__(self, market: MarketTime, shuffle: Shuffle | None = None) -> None:
        super().__init__()
        self._market = market
        self._start_ns = market.now_ns()
        self._shuffle = shuffle
        self._selector = _Selector(self)
        self._clock_resolution = 1e-9
        self.errors: list[dict[str, Any]] = []
        self.set_exception_handler(self._remember)

    def time(self) -> float:
        """Market seconds since the loop was made."""
        return (self._market.now_ns() - self._start_ns) / 1e9

    def advance(self) -> None:
        """Let the next call happen. Raises ``Deadlock`` when there is none."""
        if self._market.next_ns is None:
            raise Deadlock(self._market.now_ns())
        self._market.fire()

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        """Timers of libraries become calls of market time like all others."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)

        def ring() -> None:
            if not handle.cancelled():
                self._ready.append(handle)

        self._market.call_at(self._start_ns + round(when * 1e9), ring)
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is passed over when its time comes."""

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no sockets."""

    def _write_to_self(self) -> None:
        """There is no other thread to wake us."""

    def _run_once(self) -> None:
        if self._shuffle is not None and len(self._ready) > 1:
            self._reorder(self._shuffle)
        super()._run_once()  # type: ignore[misc]

    def _reorder(self, shuffle: Shuffle) -> None:
        """Steps of different tasks may come in any order; plain callbacks keep theirs."""
        ready: deque[asyncio.Handle] = self._ready
        steps = [n for n, handle in enumerate(ready) if _is_step(handle)]
        chosen = [ready[n] for n in steps]
        for place in steps:
            ready[place] = chosen.pop(shuffle(len(chosen)))

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Work for a thread is done here and now: a thread would be a second source of order."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is none."""

    def _remember(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.errors.append(context)


def _is_step(handle: asyncio.Handle) -> bool:
    owner = getattr(handle._callback, "__self__", None)
    return isinstance(owner, asyncio.Task)


def run_virtual(
    main: Callable[[], Coroutine[Any, Any, Result]], market: MarketTime, shuffle: Shuffle | None = None
) -> Result:
    """Run a program to its end in market time. An error that no task took is raised here."""
    loop = SimLoop(market, shuffle)
    try:
        asyncio.set_event_loop(loop)
        result = loop.run_until_complete(main())
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        if pending:
            loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    for context in loop.errors:
        raise context.get("exception") or RuntimeError(context["message"])
    return result
