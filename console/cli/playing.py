"""Playing a rehearsal: as fast as it can, paced against the wall, or under the console."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from core.brokers.paper.books import ExchangeBooks, ExchangeIdentity, FileBooks
from core.engine.metrics import Series
from core.journal.aiosqlite_persistence import AiosqlitePersistence
from core.journal.lock import AccountLock
from core.journal.opening import read_journal
from core.journal.persistence import InlinePersistence, PersistenceLayer
from core.rehearsal.preparation import Prepared
from core.rehearsal.report import Report, write_report
from core.rehearsal.run import Rehearsal, journal_paths
from core.rehearsal.sim_loop import run_virtual

_LAG_EVERY_S = 0.01
_PROGRESS_STEPS = 200


@dataclass(frozen=True, slots=True)
class Play:
    """How a prepared rehearsal is to be played; ``speed`` None is as fast as it can, in virtual time."""

    prepared: Prepared
    journal: Path
    report: Path | None
    speed: float | None
    console: bool
    exit_when_done: bool
    observe: bool
    progress: bool


def play(how: Play) -> Report | None:
    """Play it. ``None`` when a person left the console before the end.

    Raises ``JournalError``, ``WrongJournal`` or ``ExchangeFileError`` before anything has happened.
    """
    with AccountLock(how.journal):
        if how.speed is None:
            return _virtual(how)
        return asyncio.run(_paced(how))


def _virtual(how: Play) -> Report:
    journal = InlinePersistence(how.journal, sole_writer=True)
    try:
        books = _open_books(how)
        try:
            rehearsal = Rehearsal(how.prepared, journal, books, paced=False, journal_name=str(how.journal))
            with _ProgressBar(how, rehearsal):
                report = run_virtual(rehearsal.play, rehearsal.clock)
        finally:
            books.close()
    finally:
        asyncio.run(journal.close())
    _keep(how, report)
    return report


async def _paced(how: Play) -> Report | None:
    books = None
    journal: PersistenceLayer | None = None
    try:
        journal = await AiosqlitePersistence.open(how.journal, sole_writer=True)
        books = _open_books(how)
        rehearsal = Rehearsal(
            how.prepared,
            journal,
            books,
            paced=True,
            observe=how.observe,
            journal_name=str(how.journal),
        )
        pacing = asyncio.create_task(rehearsal.clock.pace(how.speed or 1.0))
        playing = asyncio.create_task(_played(how, rehearsal))
        try:
            if how.console:
                return await _under_console(how, rehearsal, playing, pacing)
            lag = asyncio.create_task(watch_lag(rehearsal.engine.metrics.loop_lag))
            with _ProgressBar(how, rehearsal):
                await _first_to_fail(playing, pacing)
            lag.cancel()
            return playing.result()
        finally:
            for task in (playing, pacing):
                task.cancel()
            await asyncio.gather(playing, pacing, return_exceptions=True)
    finally:
        if journal is not None:
            await journal.close()
        if books is not None:
            books.close()


async def _first_to_fail(playing: asyncio.Task[Report], pacing: asyncio.Task[None]) -> None:
    """Wait for the end of the play; a clock that stops with an error must not leave it waiting for ever."""
    await asyncio.wait({playing, pacing}, return_when=asyncio.FIRST_COMPLETED)
    if pacing.done() and not playing.done():
        pacing.result()


async def _played(how: Play, rehearsal: Rehearsal) -> Report:
    """Play and keep the report, before any screen is asked to leave."""
    report = await rehearsal.play()
    _keep(how, report)
    return report


async def _under_console(
    how: Play, rehearsal: Rehearsal, playing: asyncio.Task[Report], pacing: asyncio.Task[None]
) -> Report | None:
    """Play under the console. When the terminal is lost the play goes on without it, to its end."""
    from console.host import ConsoleEnd, run_console
    from console.options import ConsoleOptions

    painted = _Painted()
    leave = asyncio.Event()
    screen = asyncio.create_task(
        run_console(
            rehearsal,
            playing,
            ConsoleOptions(by=getpass.getuser(), observe=how.observe),
            leave=leave,
            on_painted=painted.show,
            on_gone=painted.hide,
        )
    )
    lag = asyncio.create_task(watch_lag(rehearsal.engine.metrics.loop_lag, painted))
    try:
        await asyncio.wait({screen, playing, pacing}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done() and how.exit_when_done:
            leave.set()
        end = await screen
        if end in (ConsoleEnd.TERMINAL_LOST, ConsoleEnd.CRASHED):
            painted.show()
            await _first_to_fail(playing, pacing)
        return playing.result() if playing.done() else None
    finally:
        lag.cancel()
        screen.cancel()
        await asyncio.gather(screen, return_exceptions=True)


class _Painted:
    """Whether loop lag counts: from the first painted screen, and not while a screen is being restarted."""

    def __init__(self) -> None:
        self._shown = False

    def show(self) -> None:
        """A screen has reached the terminal, or none will any more."""
        self._shown = True

    def hide(self) -> None:
        """The screen is gone."""
        self._shown = False

    def __call__(self) -> bool:
        return self._shown


def _keep(how: Play, report: Report) -> None:
    """Beside the journal first, so that a finished one is known as such, then where it was asked for."""
    write_report(report, journal_paths(how.journal)[1])
    if how.report is not None:
        write_report(report, how.report)


def _open_books(how: Play) -> ExchangeBooks:
    """The exchange's own file. It is made before the journal has any group; without it there is no going on."""
    prepared = how.prepared
    identity = ExchangeIdentity(prepared.asked.seed, prepared.asked.scenario.name, prepared.market)
    path, _ = journal_paths(how.journal)
    begun = how.journal.is_file() and any(row.group_id for row in read_journal(how.journal))
    if path.exists() or begun:
        return FileBooks.open(path, identity)
    return FileBooks.create(path, identity)


async def watch_lag(series: Series, counts: Callable[[], bool] = lambda: True) -> None:
    """Measure how late a 10 ms ticker of this loop is, while ``counts`` says that it counts."""
    due_s = monotonic() + _LAG_EVERY_S
    while True:
        await asyncio.sleep(max(0.0, due_s - monotonic()))
        now_s = monotonic()
        if counts():
            series.add(max(0.0, now_s - due_s) * 1_000)
        due_s = max(due_s + _LAG_EVERY_S, now_s)


class _ProgressBar:
    """A bar on stderr that follows market time, where there is a terminal to show it."""

    def __init__(self, how: Play, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal
        self._start_ns = how.prepared.start_ns
        self._span_ns = max(1, how.prepared.end_ns - how.prepared.start_ns)
        shown = how.progress and sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not shown,
            auto_refresh=False,
        )
        self._task = self._bar.add_task("market time", total=_PROGRESS_STEPS)
        self._shown = shown

    def __enter__(self) -> None:
        self._bar.start()
        if self._shown:
            self._tick()

    def _tick(self) -> None:
        clock = self._rehearsal.clock
        done = (clock.now_ns() - self._start_ns) * _PROGRESS_STEPS // self._span_ns
        self._bar.update(self._task, completed=done, refresh=True)
        clock.call_at(clock.now_ns() + self._span_ns // _PROGRESS_STEPS, self._tick)

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
