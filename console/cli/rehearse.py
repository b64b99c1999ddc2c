"""``hedgerow rehearse``: play a scenario or a recorded day against the simulated exchange."""

from __future__ import annotations

import json as jsonlib
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from console.cli.failing import refuse
from console.cli.finished import finished_report
from console.cli.playing import Play, play
from console.cli.tortured import Raised, play_tortured, require_new, staged_as_asked
from core.brokers.paper.books import ExchangeFileError
from core.domain.settings import ExecutionSettings
from core.journal.errors import JournalError
from core.journal.opening import require_journal
from core.market.errors import MarketDataError
from core.market.limits_file import LimitsFileError, read_limits
from core.market.sessions import load_calendar
from core.rehearsal.campaign.staging import Staged
from core.rehearsal.journal_identity import WrongJournal
from core.rehearsal.preparation import Asked, prepare
from core.rehearsal.report import readable
from core.rehearsal.scenario import ScenarioError
from core.rehearsal.shelf import DEFAULT, find_scenario, shipped
from core.risk.limits import RiskLimits
from core.strategies.catalogue import STRATEGIES
from core.strategies.errors import StrategyError

SEED_MAX = 2**63 - 1
"""The journal keeps a seed as SQLite keeps an integer."""
LEAST_COLUMNS, LEAST_ROWS = 100, 30


def register(app: typer.Typer) -> None:
    """Add ``rehearse`` to the program."""
    app.command()(rehearse)


def rehearse(
    scenario: Annotated[
        str, typer.Option(help="A shipped scenario by name, or a file ending in .toml.")
    ] = DEFAULT,
    chain: Annotated[
        Path | None, typer.Option(help="Play this recorded chain instead of the synthetic market.")
    ] = None,
    underlying: Annotated[str, typer.Option(help="What the chain is on.")] = "NIFTY",
    strategy: Annotated[
        str | None,
        typer.Option(help=f"Trade this instead of the scenario's: {', '.join(STRATEGIES)}."),
    ] = None,
    group: Annotated[Path | None, typer.Option(help="Trade the group that this TOML file describes.")] = None,
    lots: Annotated[
        int | None, typer.Option(min=1, help="How many lots of the strategy; the scenario's without it.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=SEED_MAX, help="The same seed plays the same story.")] = 1,
    funds: Annotated[
        int | None,
        typer.Option(
            min=1, help="The account's funds in rupees, half of them cash; the scenario's without it."
        ),
    ] = None,
    limits: Annotated[Path | None, typer.Option(help="The account's own limits, a TOML file.")] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            help="Market seconds a wall second. Without it 1 in the console; headless, as fast as it can."
        ),
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="Without the console, as where there is no terminal.")
    ] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Leave the group open at the end.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print the report as one JSON object, and nothing else.")
    ] = False,
    journal: Annotated[
        Path | None,
        typer.Option(
            help="Keep the journal here, and go on with it if it is there; a temporary one without it."
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the JSON report here as well.")] = None,
    exit_when_done: Annotated[
        bool, typer.Option("--exit-when-done", help="Close the console at the end.")
    ] = False,
    observe: Annotated[bool, typer.Option("--observe", help="A console that can only watch.")] = False,
    tortured: Annotated[
        bool,
        typer.Option("--tortured", help="Play it as torture does, to the last row; --speed changes nothing."),
    ] = False,
    crash_at: Annotated[
        list[int] | None,
        typer.Option(min=1, max=2**62, help="With --tortured: crash at this effect boundary as well."),
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="With --tortured: switch this guard off.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the scenarios and end.")] = False,
) -> None:
    """Play a scenario or a recorded day on paper money, from the first order to the verdict.

    Exit status: 0 the verdict is PASS, 1 it is FAIL or the console was left before there was one, 2 what
    was asked for cannot be done.
    """
    if list_:
        for each in shipped():
            typer.echo(f"{each.name:<28} {each.about}")
        return
    if speed is not None and not 0 < speed <= 10_000:
        refuse(f"--speed {speed:g} is no speed: give market seconds a wall second, from above 0 to 10000")
    if strategy is not None and group is not None:
        refuse("--strategy and --group are two ways to say the same thing: give one of them")
    if report is not None:
        _require_place(report)
    shown = not headless and sys.stdin.isatty() and sys.stdout.isatty()
    if shown:
        _require_room()
    if (crash_at or without) and not tortured:
        refuse("--crash-at and --without go with --tortured: add it")
    if tortured:
        _require_pure(
            {
                "--chain": chain,
                "--strategy": strategy,
                "--group": group,
                "--lots": lots,
                "--funds": funds,
                "--limits": limits,
                "--hold": hold or None,
            }
        )
    staged: Staged | None = None
    try:
        if tortured:
            staged = staged_as_asked(scenario, seed, crash_at or [], without or [])
            prepared = staged.prepared
        else:
            decided = RiskLimits(), ExecutionSettings()
            if limits is not None:
                decided = read_limits(limits, ExecutionSettings())
            asked = Asked(
                find_scenario(scenario),
                chain,
                underlying,
                strategy,
                group,
                lots,
                seed,
                funds,
                hold,
                *decided,
            )
            prepared = prepare(asked, load_calendar())
    except (ScenarioError, StrategyError, MarketDataError, LimitsFileError) as error:
        refuse(error)
    for warning in prepared.warnings:
        typer.echo(f"hedgerow: warning: {warning}", err=True)
    path = journal or Path(tempfile.mkdtemp(prefix="hedgerow-")) / "rehearsal.journal"
    onwards = "play it again from its beginning" if tortured else f"go on with --journal {path}"
    how = Play(
        prepared,
        path,
        report=report,
        speed=speed if speed is not None else (1.0 if shown else None),
        console=shown,
        exit_when_done=exit_when_done,
        observe=observe,
        progress=not json,
    )
    try:
        require_journal(path)  # before even a lock is made beside something else
        if staged is not None:
            require_new(path)
            result = play_tortured(how, staged)
        else:
            result = finished_report(how) or play(how)
    except (JournalError, WrongJournal, MarketDataError, ExchangeFileError) as error:
        refuse(error)
    except Raised as error:
        typer.echo(f"FAIL: the program itself raised {error}\njournal: {path}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo(f"stopped; {onwards}", err=True)
        raise typer.Exit(130) from None
    if result is None:
        typer.echo(
            "Left before its end: nothing was judged, so this is no PASS (exit status 1). "
            f"{onwards[0].upper()}{onwards[1:]}",
            err=True,
        )
        raise typer.Exit(1)
    # The terminal may be gone by now; the report is on disk and the verdict is the exit status.
    with suppress(OSError):
        typer.echo(jsonlib.dumps(result, ensure_ascii=False) if json else readable(result))
    raise typer.Exit(0 if result["verdict"] == "PASS" else 1)


def _require_pure(others: dict[str, object]) -> None:
    """With anything else than torture has, it would not be what torture played."""
    given = [name for name, value in others.items() if value is not None]
    if given:
        refuse(f"--tortured plays exactly what torture played: leave out {', '.join(given)}")


def _require_place(report: Path) -> None:
    folder = report.absolute().parent
    if not folder.is_dir():
        refuse(f"--report {report}: there is no folder {folder}; make it, or give another")
    if report.is_dir():
        refuse(f"--report {report} is a folder: give the name of a file in it")
    if not os.access(folder, os.W_OK | os.X_OK):
        refuse(f"--report {report}: the folder {folder} is read-only for you; give another")


def _require_room() -> None:
    columns, rows = shutil.get_terminal_size()
    if columns < LEAST_COLUMNS or rows < LEAST_ROWS:
        refuse(
            f"this terminal has {columns}x{rows} characters and the console needs {LEAST_COLUMNS}x"
            f"{LEAST_ROWS}: make it larger, or add --headless"
        )
