"""A virtual-time event loop: real coroutines, no wall clock, no threads, one seed.

The loop asks its selector for the time when no task is ready; here that is the moment at which market time
moves to its next call. Nothing else moves it. The order of ready tasks is first come, first served, or drawn
from a seed, which is a legal order too.

Tasks inherit the ``LIFE`` they were started in. A life can be frozen: none of its steps runs any more, not
even a ``finally``, which is what a dead process looks like from outside, or one whose machine sleeps.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import base_events
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, ContextVar
from typing import Any, Protocol, TypeVar, TypeVarTuple, cast

from core.rehearsal.market_time import MarketTime

Result = TypeVar("Result")
Args = TypeVarTuple("Args")

LIFE: ContextVar[object | None] = ContextVar("life", default=None)
"""Which life of the core a task belongs to; ``None`` for the world's own."""


class _Step(Protocol):
    """What a handle of the loop is made of: asyncio keeps these two to itself."""

    _callback: Callable[..., object]
    _context: Context


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
    """Runs a program in market time. ``shuffle`` draws the order of tasks that are ready together.

    It stands on parts that asyncio keeps to itself, the same in every Python from 3.11 on.
    """

    _ready: deque[asyncio.Handle]
    _stopping: bool

    def __init__(self, market: MarketTime, shuffle: Shuffle | None = None) -> None:
        super().__init__()
        self._market = market
        self._start_ns = market.now_ns()
        self._shuffle = shuffle
        self._selector = _Selector(self)
        self._clock_resolution = 1e-9
        self.horizon_ns: int | None = None
        """The market time beyond which no call happens yet; ``None`` for no such time."""
        self._frozen: dict[int, object] = {}
        self._parked: list[asyncio.Handle] = []
        self._remembered: list[asyncio.Task[Any]] = []
        self.errors: list[dict[str, Any]] = []
        self.set_exception_handler(self._remember)

    def time(self) -> float:
        """Market seconds since the loop was made."""
        return (self._market.now_ns() - self._start_ns) / 1e9

    def freeze(self, life: object) -> None:
        """Run no step of this life until it is thawed."""
        self._frozen[id(life)] = life
        # A task that waits for ever is garbage to the collector, and collecting it would run its ``finally``.
        self._remembered.extend(asyncio.all_tasks(self))

    def thaw(self, life: object) -> None:
        """Let a frozen life go on where it stopped."""
        self._frozen.pop(id(life), None)
        parked, self._parked = self._parked, []
        self._ready.extend(parked)

    def end_everything(self) -> None:
        """Cancel every task that is left, frozen ones too: what the collector ends, it ends half-way."""
        self._frozen.clear()
        parked, self._parked = self._parked, []
        self._ready.extend(parked)
        self._remembered.clear()
        pending = asyncio.all_tasks(self)
        for task in pending:
            task.cancel()
        if pending:
            self.run_until_complete(asyncio.gather(*pending, return_exceptions=True))

    def _park(self) -> None:
        ready = self._ready
        for _ in range(len(ready)):
            handle = ready.popleft()
            life = cast(_Step, handle)._context.get(LIFE)
            (self._parked if id(life) in self._frozen else ready).append(handle)

    @property
    def waits_beyond_horizon(self) -> bool:
        """Whether no task is ready, and the next call comes after ``horizon_ns``."""
        if self._frozen:
            self._park()
        next_ns = self._market.next_ns
        return (
            not self._ready
            and next_ns is not None
            and self.horizon_ns is not None
            and next_ns > self.horizon_ns
        )

    def advance(self) -> None:
        """Let calls happen until a task has something to do. Raises ``Deadlock`` when none is left."""
        market, ready = self._market, self._ready
        while not ready and not self._stopping:
            if market.next_ns is None:
                raise Deadlock(market.now_ns())
            if self.horizon_ns is not None and market.next_ns > self.horizon_ns:
                return
            market.fire()
            if ready and self._frozen:
                self._park()  # what a call has woken runs in this very turn

    def call_at(
        self,
        when: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
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
        if self._frozen:
            self._park()
        if self._shuffle is not None and len(self._ready) > 1:
            self._reorder(self._shuffle)
        super()._run_once()  # type: ignore[misc]

    def _reorder(self, shuffle: Shuffle) -> None:
        """Steps of different tasks may come in any order; plain callbacks keep theirs."""
        ready = self._ready
        steps = [n for n, handle in enumerate(ready) if _is_step(handle)]
        chosen = [ready[n] for n in steps]
        for place in steps:
            ready[place] = chosen.pop(shuffle(len(chosen)))

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Args], Result], *args: *Args
    ) -> asyncio.Future[Result]:
        """Work for a thread is done here and now: a thread would be a second source of order."""
        future: asyncio.Future[Result] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _remember(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.errors.append(context)


def _is_step(handle: asyncio.Handle) -> bool:
    owner = getattr(cast(_Step, handle)._callback, "__self__", None)
    return isinstance(owner, asyncio.Task)


def run_virtual(
    main: Callable[[], Coroutine[Any, Any, Result]], market: MarketTime, shuffle: Shuffle | None = None
) -> Result:
    """Run a program to its end in market time. An error that no task took is raised here."""
    loop = SimLoop(market, shuffle)
    try:
        asyncio.set_event_loop(loop)
        try:
            result = loop.run_until_complete(main())
        except BaseException:
            with contextlib.suppress(Deadlock):
                loop.end_everything()
            raise
        loop.end_everything()
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    for context in loop.errors:
        raise context.get("exception") or RuntimeError(context["message"])
    return result
