"""Playing a rehearsal: as fast as it can, paced against the wall, or under the console."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from console.cli.flatten_signal import flattening_on_signal
from console.cli.journal_tail import journal_tail
from console.cli.progress import market_progress
from core.brokers.paper.books import ExchangeBooks, ExchangeFileError, ExchangeIdentity, FileBooks
from core.brokers.paper.records import OrderAccepted
from core.engine.metrics import Series
from core.journal.aiosqlite_persistence import AiosqlitePersistence
from core.journal.lock import AccountLock
from core.journal.opening import read_journal
from core.journal.persistence import InlinePersistence, PersistenceLayer
from core.rehearsal.journal_identity import journal_paths
from core.rehearsal.preparation import Prepared
from core.rehearsal.report import Report, write_report
from core.rehearsal.run import Rehearsal
from core.rehearsal.sim_loop import run_virtual

_LAG_EVERY_S = 0.01


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
        if not how.journal.exists() and journal_paths(how.journal)[0].exists():
            open_books(how).close()  # what is wrong with them is said before a journal is made beside them
        if how.speed is None:
            return _virtual(how)
        return asyncio.run(_paced(how))


def _virtual(how: Play) -> Report:
    journal = InlinePersistence(how.journal, sole_writer=True)
    try:
        books = open_books(how)
        try:
            rehearsal = Rehearsal(how.prepared, journal, books, paced=False, journal_name=str(how.journal))
            with progress(how, rehearsal):
                report = run_virtual(rehearsal.play, rehearsal.clock)
        finally:
            books.close()
    finally:
        asyncio.run(journal.close())
    keep(how, report)
    return report


async def _paced(how: Play) -> Report | None:
    books = None
    journal: PersistenceLayer | None = None
    try:
        journal = await AiosqlitePersistence.open(how.journal, sole_writer=True)
        books = open_books(how)
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
        lag: asyncio.Task[None] | None = None
        try:
            with flattening_on_signal(rehearsal):
                if how.console:
                    return await under_console(how, rehearsal, playing, pacing)
                lag = asyncio.create_task(watch_lag(_lag_of(rehearsal)))
                with progress(how, rehearsal):
                    await _first_to_fail(playing, pacing)
                return playing.result()
        finally:
            tasks = [playing, pacing] if lag is None else [playing, pacing, lag]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        if journal is not None:
            await journal.close()
        if books is not None:
            books.close()


def progress(how: Play, rehearsal: Rehearsal) -> AbstractContextManager[None]:
    """A bar of market time, where one is wanted and there is a terminal."""
    prepared = how.prepared
    return market_progress(rehearsal.clock, prepared.start_ns, prepared.end_ns, wanted=how.progress)


async def _first_to_fail(playing: asyncio.Task[Report], pacing: asyncio.Task[None]) -> None:
    """Wait for the end of the play; a clock that stops with an error must not leave it waiting for ever."""
    await asyncio.wait({playing, pacing}, return_when=asyncio.FIRST_COMPLETED)
    if pacing.done() and not playing.done():
        pacing.result()


async def _played(how: Play, rehearsal: Rehearsal) -> Report:
    """Play and keep the report, before any screen is asked to leave."""
    report = await rehearsal.play()
    keep(how, report)
    return report


async def under_console(
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
            ConsoleOptions(by=getpass.getuser(), observe=how.observe, journal_tail=journal_tail(how.journal)),
            leave=leave,
            on_painted=painted.show,
            on_gone=painted.hide,
        )
    )
    lag = asyncio.create_task(watch_lag(_lag_of(rehearsal), painted))
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


def keep(how: Play, report: Report) -> None:
    """Beside the journal first, so that a finished one is known as such, then where it was asked for."""
    write_report(report, journal_paths(how.journal)[1])
    if how.report is not None:
        write_report(report, how.report)


def open_books(how: Play) -> ExchangeBooks:
    """The exchange's own file: made before the journal has any group, and without it there is no going on."""
    prepared = how.prepared
    identity = ExchangeIdentity(prepared.asked.seed, prepared.asked.scenario.name, prepared.market)
    path, _ = journal_paths(how.journal)
    begun = how.journal.is_file() and any(row.group_id for row in read_journal(how.journal))
    if not begun and not path.exists():
        return FileBooks.create(path, identity)
    books = FileBooks.open(path, identity)
    if not begun and any(isinstance(record, OrderAccepted) for record in books.records()):
        books.close()
        raise ExchangeFileError(
            f"{path} holds orders of a journal that is gone, and {how.journal} holds none; "
            "put the journal back, or give a new --journal"
        )
    return books


def _lag_of(rehearsal: Rehearsal) -> Callable[[], Series]:
    """The lag of whichever engine runs now: opening a new journal, or a crash, puts another in its place."""
    return lambda: rehearsal.engine.metrics.loop_lag


async def watch_lag(series: Callable[[], Series], counts: Callable[[], bool] = lambda: True) -> None:
    """Measure how late a 10 ms ticker of this loop is, while ``counts`` says that it counts."""
    due_s = monotonic() + _LAG_EVERY_S
    while True:
        await asyncio.sleep(max(0.0, due_s - monotonic()))
        now_s = monotonic()
        if counts():
            series().add(max(0.0, now_s - due_s) * 1_000)
        due_s = max(due_s + _LAG_EVERY_S, now_s)
