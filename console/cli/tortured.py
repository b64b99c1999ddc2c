"""Playing exactly what ``hedgerow torture`` has played: the same rows, headless or watched on the console."""

from __future__ import annotations

import asyncio
from pathlib import Path

from console.cli.failing import refuse
from console.cli.flatten_signal import flattening_on_signal
from console.cli.playing import Play, keep, open_books, progress, under_console
from core.brokers.paper.books import ExchangeBooks
from core.journal.lock import AccountLock
from core.journal.persistence import InlinePersistence
from core.rehearsal.campaign.guards import guards_named
from core.rehearsal.campaign.seed_run import raised_text
from core.rehearsal.campaign.staging import Staged, stage_named
from core.rehearsal.journal_identity import journal_paths
from core.rehearsal.report import Report
from core.rehearsal.run import Rehearsal
from core.rehearsal.sim_loop import run_virtual
from core.rehearsal.stepping import Stepped


class Raised(RuntimeError):
    """The program itself raised: in a campaign that is the violation."""


def staged_as_asked(scenario: str, seed: int, crash_at: list[int], without: list[str]) -> Staged:
    """What a campaign would play. Ends with status 2 for an unknown guard, raises what ``prepare`` does."""
    try:
        guards_off = guards_named(without)
    except ValueError as error:
        refuse(error)
    return stage_named(scenario, seed, deadly=crash_at, guards_off=guards_off)


def require_new(journal: Path) -> None:
    """A torture is played from its beginning: half of one would die elsewhere. Ends with status 2."""
    for path in (journal, *journal_paths(journal)):
        if path.exists():
            refuse(
                f"--journal {journal}: {path} is there, and this is played from its beginning: give another"
            )


def play_tortured(how: Play, staged: Staged) -> Report | None:
    """Play it. ``None`` when a person left the console before the end.

    Raises ``Raised`` where the program raised, and ``JournalError`` or ``ExchangeFileError`` before anything
    has happened.
    """
    with AccountLock(how.journal):
        journal = InlinePersistence(how.journal, sole_writer=True)
        try:
            books: ExchangeBooks = open_books(how)
            try:
                name = str(how.journal)
                rehearsal = staged.rehearsal(journal, books, observe=how.observe, journal_name=name)
                report = _played(how, staged, rehearsal)
            finally:
                books.close()
        finally:
            asyncio.run(journal.close())
    if report is not None:
        keep(how, report)
    return report


def _played(how: Play, staged: Staged, rehearsal: Rehearsal) -> Report | None:
    try:
        if how.speed is None:
            with progress(how, rehearsal):
                return run_virtual(rehearsal.play, rehearsal.clock, staged.shuffle())
        stepped = Stepped(rehearsal.play, rehearsal.clock, staged.shuffle())
        try:
            return asyncio.run(_stepped(how, how.speed, rehearsal, stepped))
        finally:
            stepped.close()
    except Exception as error:
        raise Raised(raised_text(error)) from error


async def _stepped(how: Play, speed: float, rehearsal: Rehearsal, stepped: Stepped[Report]) -> Report | None:
    playing = asyncio.create_task(stepped.run(speed))
    pacing = asyncio.create_task(_never())
    try:
        with flattening_on_signal(rehearsal):
            if how.console:
                return await under_console(how, rehearsal, playing, pacing)
            with progress(how, rehearsal):
                return await playing
    finally:
        for task in (playing, pacing):
            task.cancel()
        await asyncio.gather(playing, pacing, return_exceptions=True)


async def _never() -> None:
    """The run paces itself."""
    await asyncio.Event().wait()
