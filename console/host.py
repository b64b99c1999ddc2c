"""Keeps a screen over a running core: starts it, restarts it when it crashes, and goes on without one.

The core is an ordinary task of ``main`` and is never awaited, cancelled or touched here.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

from console.app import HedgerowApp
from console.options import ConsoleOptions
from core.engine.service import CoreService

log = logging.getLogger("hedgerow.console")
# Without this, a program that has set up no log would have these lines drawn across its own screen.
log.addHandler(logging.NullHandler())

RESTARTS_MAX = 5
RESTARTS_WITHIN_S = 60.0
RESTART_AFTER_S = 0.25
GC_THRESHOLDS = (4_000, 10, 100)
"""Painting makes some thousand objects in cycles a second: few at a time are collected in 3 ms, a hundred
thousand of them held the loop for 100."""


class ConsoleEnd(StrEnum):
    """Why there is no screen any more; the core knows nothing of it."""

    CLOSED = "closed"
    """A person left."""
    ASKED = "asked"
    """``leave`` was set."""
    TERMINAL_LOST = "terminal-lost"
    """Hung up or unreadable: go on headless."""
    TERMINATED = "terminated"
    """SIGTERM."""
    INTERRUPTED = "interrupted"
    """SIGINT from outside; the Ctrl-C key is the q key."""
    CRASHED = "crashed"
    """Crashed too often within a minute: go on headless."""


async def run_console(
    service: CoreService,
    core_task: asyncio.Task[Any] | None,
    options: ConsoleOptions | None = None,
    *,
    leave: asyncio.Event | None = None,
    on_painted: Callable[[], None] | None = None,
    on_gone: Callable[[], None] | None = None,
) -> ConsoleEnd:
    """Show the console until a person leaves it, the terminal is gone, or ``leave`` is set; says which.

    ``on_painted`` is called whenever a screen has first reached the terminal and ``on_gone`` when it ends or
    crashes: between the two the loop belongs to the core and a steady screen. Signals are handled while this
    runs, and SIGHUP stays ignored after a lost terminal.
    """
    return await _Host(service, core_task, options or ConsoleOptions(), leave, on_painted, on_gone).run()


class _Host:
    """One supervision: the screen of the moment, and the first reason to end."""

    def __init__(
        self,
        service: CoreService,
        core_task: asyncio.Task[Any] | None,
        options: ConsoleOptions,
        leave: asyncio.Event | None,
        on_painted: Callable[[], None] | None,
        on_gone: Callable[[], None] | None,
    ) -> None:
        self._service = service
        self._core_task = core_task
        self._options = options
        self._leave = leave
        self._on_painted = on_painted
        self._on_gone = on_gone
        self._app: HedgerowApp | None = None
        self._end: ConsoleEnd | None = None
        self._over = asyncio.Event()
        self._crashes: deque[float] = deque(maxlen=RESTARTS_MAX)
        self._frozen = False

    async def run(self) -> ConsoleEnd:
        """Screen after screen, until one ends for a reason."""
        with self._signals(), self._watching_core():
            watcher = asyncio.create_task(self._watch_leave()) if self._leave is not None else None
            try:
                return await self._screens()
            finally:
                if watcher is not None:
                    watcher.cancel()
                self._app = None

    async def _screens(self) -> ConsoleEnd:
        notice = ""
        while self._end is None:
            crash = await self._one_screen(notice)
            if self._end is not None:
                break
            if crash is None:
                return ConsoleEnd.CLOSED
            now = asyncio.get_running_loop().time()
            self._crashes.append(now)
            if len(self._crashes) == RESTARTS_MAX and now - self._crashes[0] < RESTARTS_WITHIN_S:
                log.critical(
                    "The screen crashed %d times within a minute; going on without one.", RESTARTS_MAX
                )
                return ConsoleEnd.CRASHED
            notice = f"The screen crashed and was restarted; the core was not affected ({crash!r})."
            log.error("%s", notice)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), RESTART_AFTER_S)
        return self._end

    async def _one_screen(self, notice: str) -> BaseException | None:
        """One screen from start to end; what it crashed of, ``None`` if it was closed."""
        try:
            app = HedgerowApp(
                self._service,
                self._options,
                notices=(notice,) if notice else (),
                on_painted=self._painted,
                driver_class=self._driver_class(),
            )
            app.core_stopped = self._core_words()
            self._app = app
            await app.run_async()
            # Textual swallows a cancellation of its task: it would look like a screen that ended by itself.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError
        except Exception as error:
            log.exception("The screen could not run.")
            return error
        finally:
            self._app = None
            if self._on_gone is not None:
                self._on_gone()
        if app.crash is None and not app.left and self._end is None:
            return RuntimeError("it ended by itself")
        return app.crash

    def _driver_class(self) -> type | None:
        """Ours on a POSIX terminal; Textual's own elsewhere."""
        if sys.platform == "win32":
            return None
        from console.driver import SteadyDriver

        lost = staticmethod(self._terminal_lost)
        return type("SupervisedDriver", (SteadyDriver,), {"terminal_lost": lost})

    def _painted(self) -> None:
        """The first whole picture is on the terminal."""
        if not self._frozen:
            # What start-up made lives as long as the process: looking at it again on every collection costs
            # the loop tens of milliseconds (57 ms measured, 6 ms afterwards).
            self._frozen = True
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
        if self._on_painted is not None:
            self._on_painted()

    def _finish(self, end: ConsoleEnd) -> None:
        if self._end is None:
            self._end = end
            self._over.set()
        if self._app is not None:
            self._app.exit()

    def _terminal_lost(self, why: str) -> None:
        log.warning("The terminal is gone (%s); going on without a screen.", why)
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._finish(ConsoleEnd.TERMINAL_LOST)

    async def _watch_leave(self) -> None:
        assert self._leave is not None
        await self._leave.wait()
        self._finish(ConsoleEnd.ASKED)

    @contextlib.contextmanager
    def _watching_core(self) -> Iterator[None]:
        """Tell the screen when the core's task has ended of itself."""
        task = self._core_task
        if task is None:
            yield
            return

        def told(_: asyncio.Task[Any]) -> None:
            if self._app is not None:
                self._app.core_stopped = self._core_words()

        task.add_done_callback(told)
        try:
            yield
        finally:
            task.remove_done_callback(told)

    def _core_words(self) -> str:
        """Why the core is no longer running; empty while it is, or when it came to its proper end."""
        task = self._core_task
        if task is None or not task.done():
            return ""
        if task.cancelled():
            return "it was cancelled"
        error = task.exception()
        return "" if error is None else f"{type(error).__name__}: {error}"

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGHUP loses the terminal; SIGTERM and SIGINT end the screen, and the caller decides about the
        core.
        """
        if sys.platform == "win32":
            yield
            return
        loop = asyncio.get_running_loop()
        handlers: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGHUP: lambda: self._terminal_lost("hung up"),
            signal.SIGTERM: lambda: self._finish(ConsoleEnd.TERMINATED),
            signal.SIGINT: lambda: self._finish(ConsoleEnd.INTERRUPTED),
        }
        before = {number: signal.getsignal(number) for number in handlers}
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            lost = self._end is ConsoleEnd.TERMINAL_LOST
            for number, old in before.items():
                # A lost terminal hangs up as well, perhaps only now: SIGHUP must not be fatal for an instant.
                if not (lost and number is signal.SIGHUP):
                    loop.remove_signal_handler(number)
                    signal.signal(number, signal.SIG_DFL if old is None else old)
