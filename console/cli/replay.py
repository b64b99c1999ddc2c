"""``hedgerow replay``: the screens of a session that is over, from its journal."""

from __future__ import annotations

import asyncio
import getpass
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from console.cli.failing import refuse
from core.domain.lifecycle import IllegalTransition
from core.engine.replay import JournalReplay
from core.journal.errors import JournalError
from core.journal.opening import read_journal

LEAST_COLUMNS, LEAST_ROWS = 100, 30


def register(app: typer.Typer) -> None:
    """Add ``replay`` to the program."""
    app.command()(replay)


def replay(
    journal: Annotated[Path, typer.Argument(help="The journal of a rehearsal or of a live session.")],
    at: Annotated[
        str, typer.Option(help="Begin there: 14:32:07, a row's number, 50%, or +30 seconds from the start.")
    ] = "",
) -> None:
    """Look at a session again, moment by moment. Nothing is decided anew, and nothing can be sent.

    Space plays and pauses, comma and full stop step, < and > go to the last and the next alert, [ and ]
    change the speed, g goes to a time or a row.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        refuse(
            "replay needs a terminal; `sqlite3 JOURNAL 'SELECT * FROM timeline'` reads a journal without one"
        )
    columns, rows = shutil.get_terminal_size()
    if columns < LEAST_COLUMNS or rows < LEAST_ROWS:
        refuse(
            f"this terminal has {columns}x{rows} characters and the console needs "
            f"{LEAST_COLUMNS}x{LEAST_ROWS}: make it larger"
        )
    past = _folded(journal)
    from console.transport import Transport

    transport = Transport(past)
    problem = transport.seek(at) if at else ""
    if problem:
        refuse(f"--at {problem}")
    asyncio.run(_shown(transport))


def _folded(journal: Path) -> JournalReplay:
    """The journal, read whole; ends the program with a sentence where it cannot be."""
    try:
        return JournalReplay(tuple(read_journal(journal)), title=journal.name)
    except (JournalError, ValueError) as error:
        refuse(error)
    except IllegalTransition as error:
        refuse(f"{journal} holds a move that this version of the program does not know ({error})")


async def _shown(transport: object) -> None:
    from console.host import run_console
    from console.options import ConsoleOptions
    from console.transport import Transport

    assert isinstance(transport, Transport)
    options = ConsoleOptions(by=getpass.getuser(), observe=True, transport=transport)
    await run_console(transport.replay, None, options)
