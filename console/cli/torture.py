"""``hedgerow torture``: seeded disasters by the thousand, against the production code, each judged."""

from __future__ import annotations

import json as jsonlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from time import monotonic
from typing import Annotated, Any, Protocol

import typer

from console.cli.failing import refuse
from core.market.errors import MarketDataError
from core.rehearsal.campaign.guards import GUARDS, guards_named
from core.rehearsal.campaign.pool import Run, Seeds, play_all
from core.rehearsal.campaign.program import program_digest, scenario_digest
from core.rehearsal.campaign.seed_run import SeedResult
from core.rehearsal.campaign.staging import is_own_story, stage_named
from core.rehearsal.campaign.sweep import sweep as sweep_runs
from core.rehearsal.campaign.tally import PROGRAM, CannotResume, Progress, Tally, load, save
from core.rehearsal.scenario import ScenarioError
from core.strategies.errors import StrategyError

SEEDS, SEEDS_MOST = 300, 1_000_000_000
SWEEP_SEED = 1
_SAVE_EVERY_S = 5.0


def register(app: typer.Typer) -> None:
    """Add ``torture`` to the program."""
    app.command()(torture)


def torture(
    seeds: Annotated[
        int | None, typer.Option(min=1, max=SEEDS_MOST, help="How many seeds; 300 without it.")
    ] = None,
    first: Annotated[
        int | None, typer.Option("--from", min=0, max=2**62, help="The first seed; 0 without it.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="Play this scenario with every seed, not the seeds' own stories.")
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(help="Crash at every effect boundary of this scenario in turn, or of 'all'."),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help=f"Switch a guard off: {', '.join(sorted(GUARDS))}.")
    ] = None,
    crash_at: Annotated[
        list[int] | None, typer.Option(min=1, max=2**62, help="Crash at this effect boundary as well.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes; one a core without it.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Keep the progress here, and go on from it.")] = None,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Do not stop at a violation.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else.")] = False,
) -> None:
    """Torture: run seeds of disasters through the production code and judge every one by every invariant.

    Exit status: 0 no violation, 1 a violation, 2 what was asked for cannot be done.
    """
    try:
        guards_off = guards_named(without or ())
    except ValueError as error:
        refuse(error)
    if sweep is not None:
        _require_alone(
            {
                "--seeds": seeds,
                "--from": first,
                "--scenario": scenario,
                "--crash-at": crash_at,
                "--resume": resume,
            }
        )
    begin, count = first or 0, seeds or SEEDS
    deadly = tuple(sorted(crash_at or ()))
    try:
        if scenario is not None:
            stage_named(scenario, begin)
        runs: Sequence[Run] = (
            sweep_runs(sweep, SWEEP_SEED, guards_off)
            if sweep is not None
            else Seeds(begin, count, scenario or "", deadly, guards_off)
        )
        asked: dict[str, Any] = {
            PROGRAM: program_digest(),
            "from": begin,
            "scenario": scenario or "",
            "scenario_file": scenario_digest(scenario or ""),
            "without": sorted(guards_off),
            "crash_at": list(deadly),
        }
    except (ScenarioError, StrategyError, MarketDataError) as error:
        refuse(error)
    tally = Tally()
    if resume is not None:
        if not resume.absolute().parent.is_dir():
            refuse(
                f"--resume {resume}: there is no folder {resume.absolute().parent}; make it, or give another"
            )
        try:
            kept = load(resume, asked)
        except CannotResume as error:
            refuse(error)
        if kept is not None:
            tally, runs = kept.tally, runs[kept.next_seed - begin :]
    failed = _play(runs, tally, asked, resume, workers or os.cpu_count() or 1, keep_going=keep_going)
    if json:
        typer.echo(jsonlib.dumps(tally.as_json(), ensure_ascii=False))
    else:
        typer.echo(tally.readable())
        for result in failed[:5]:
            typer.echo("\n" + _failure(result, guards_off))
    raise typer.Exit(1 if tally.violations or tally.shortfall else 0)


def _play(
    runs: Sequence[Run],
    tally: Tally,
    asked: dict[str, Any],
    resume: Path | None,
    workers: int,
    *,
    keep_going: bool,
) -> list[SeedResult]:
    """Make the runs and count them; what has failed is returned."""
    failed: list[SeedResult] = []
    before_s, began_s = tally.wall_s, monotonic()
    saved_s = began_s
    with _bar(len(runs)) as bar:
        try:
            for result in play_all(runs, workers, keep_going=keep_going):
                tally.add(result)
                tally.wall_s = before_s + monotonic() - began_s
                if result.violations:
                    failed.append(result)
                bar.advance(len(tally.violations))
                if resume is not None and monotonic() - saved_s > _SAVE_EVERY_S:
                    save(resume, Progress(asked, result.seed + 1, tally))
                    saved_s = monotonic()
        except KeyboardInterrupt:
            typer.echo("stopped", err=True)
    if resume is not None and runs:
        save(resume, Progress(asked, asked["from"] + tally.seeds, tally))
    return failed


def _failure(result: SeedResult, guards_off: frozenset[str]) -> str:
    """What a person needs to see it again: seed, invariant, the last rows, and the commands."""
    lines = [f"SEED {result.seed}  {result.scenario}"]
    if result.deadly:
        lines[0] += f"  dying at {', '.join(map(str, result.deadly))}"
    lines += [f"  invariant {number}: {detail}" for number, _, detail in result.violations[:5]]
    lines += ["  the last rows before it:", *(f"    {line}" for line in result.story)]
    how = "".join(f" --crash-at {number}" for number in result.deadly)
    how += "".join(f" --without {guard}" for guard in sorted(guards_off))
    own = is_own_story(result.played, result.seed)
    scenario = "" if own else f" --scenario {quote(result.played)}"
    lines += [
        f"  again:          hedgerow torture --seeds 1 --from {result.seed}{scenario}{how}",
        f"  on the console: {rehearsing(result.played, result.seed, how)}",
    ]
    return "\n".join(lines)


def rehearsing(played: str, seed: int, how: str = "") -> str:
    """The command that plays the same to the last row, on the console or with ``--headless``."""
    return f"hedgerow rehearse --tortured --scenario {quote(played)} --seed {seed}{how}"


def _require_alone(others: dict[str, object]) -> None:
    """A sweep decides by itself what is played and how often: what would say so as well is refused."""
    given = [name for name, value in others.items() if value is not None and value != []]
    if given:
        refuse(
            f"--sweep decides itself what is played, with seed {SWEEP_SEED}, and is not resumed: "
            f"leave out {', '.join(given)}"
        )


class _Bar(Protocol):
    def advance(self, violations: int) -> None: ...


class _NoBar:
    def advance(self, violations: int) -> None:
        """Nobody is looking."""


@contextmanager
def _bar(total: int) -> Iterator[_Bar]:
    """A bar on stderr, where there is a terminal to show it."""
    if not sys.stderr.isatty():
        yield _NoBar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
    )
    task = progress.add_task("seeds", total=total)

    class Shown:
        def advance(self, violations: int) -> None:
            described = f"seeds, {violations} violations" if violations else "seeds"
            progress.update(task, advance=1, description=described, refresh=True)

    with progress:
        yield Shown()
