"""SIGUSR1: the way to get flat that needs no screen, no keyboard and no second program.

``kill -USR1 PID`` trips the kill switch and closes every group, under the console and without one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Iterator

from core.domain.inputs import OperatorAction, OperatorCommand
from core.engine.service import CoreService

_came_early: list[int] = []

log = logging.getLogger("hedgerow.signal")

BY = "SIGUSR1"
REASON = "the process was sent SIGUSR1"


Command = Callable[[OperatorCommand], None]


def kill_and_flatten(service: CoreService, command: Command) -> None:
    """Stop new risk first, then close everything: the latch must stand before the first exit is sent."""
    saw = service.snapshot().version
    log.critical("SIGUSR1: tripping the kill switch and flattening everything.")
    command(OperatorCommand(OperatorAction.KILL, "", BY, saw, REASON))
    command(OperatorCommand(OperatorAction.FLATTEN_ALL, "ALL", BY, saw, REASON))


@contextlib.contextmanager
def keeping_early_signal() -> Iterator[None]:
    """While this lasts SIGUSR1 ends nothing: ``flattening_on_signal`` carries out one that came before it.

    To be entered on the main thread, before the account's lock names this process to anybody.
    """
    if sys.platform == "win32":
        yield
        return
    _came_early.clear()
    before = signal.signal(signal.SIGUSR1, lambda number, frame: _came_early.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_DFL if before is None else before)


@contextlib.contextmanager
def flattening_on_signal(service: CoreService, command: Command | None = None) -> Iterator[None]:
    """While this lasts SIGUSR1 flattens, as often as it comes: the core does nothing twice.

    ``command`` is another way in than the service's own, which a console that only watches has shut.

    To be entered on the event loop's own thread. Does nothing where there is no such signal.
    """
    if sys.platform == "win32":
        yield
        return
    obey = service.command if command is None else command
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGUSR1)
    loop.add_signal_handler(signal.SIGUSR1, kill_and_flatten, service, obey)
    if _came_early:
        _came_early.clear()
        kill_and_flatten(service, obey)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)
        signal.signal(signal.SIGUSR1, signal.SIG_DFL if before is None else before)
