"""One seed over real sockets: the exchange in one process, the core in another, killed and restarted."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

from core.brokers.paper.books import ExchangeIdentity, FileBooks
from core.domain.evolve import fold
from core.domain.timing import NS_PER_S
from core.engine.metrics import Metrics
from core.journal.errors import JournalError
from core.journal.opening import read_journal
from core.rehearsal.faults.engine import FaultEngine
from core.rehearsal.faults.kinds import FaultKind
from core.rehearsal.invariants.violation import Violation
from core.rehearsal.preparation import Asked, Prepared, prepare
from core.rehearsal.shelf import find_scenario
from core.rehearsal.verdict import Evidence, verdict
from core.rehearsal.wire.judging import Left, judge, replayed
from core.rehearsal.wire.player import Ending, Part
from core.rehearsal.wire.ready import Ready

START_S = 60.0
SLACK_S = 90.0
"""Wall seconds beyond the market's own length after which a run counts as hung."""
_EXCHANGE = "import console.cli; console.cli.main()"
DRAWN = "torture-"
"""How the names of stories begin that a seed draws."""

started: set[subprocess.Popen[bytes]] = set()
"""The processes of seeds that are being played: whoever is ended from outside ends them too."""


@dataclass(slots=True)
class WireResult:
    """What became of one seed."""

    scenario: str
    seed: int
    violations: list[Violation] = field(default_factory=list)
    trouble: str = ""
    """A process that hung or fell over, with its last words."""
    untrue: list[str] = field(default_factory=list)
    """What the scenario says must hold at its end, and does not."""
    states: dict[str, str] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    naked_most: int = 0
    wall_s: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every invariant held, the scenario ended as it says, and both processes came to theirs."""
        return not (self.violations or self.untrue or self.trouble)


def run_seed(
    scenario: str, seed: int, folder: Path, *, speed: float = 10.0, kills: Sequence[float] | None = None
) -> WireResult:
    """Play a scenario at a seed over the wire. ``kills`` are wall seconds after which the core is killed.

    Without ``kills`` a drawn story has none to three of them, by its seed, and any other scenario those that
    its own crashes ask for.
    """
    began_s = time.monotonic()
    prepared = prepare(Asked(find_scenario(scenario), seed=seed))
    result = WireResult(scenario, seed)
    books = folder / "books"
    command = [sys.executable, "-c", _EXCHANGE, "exchange", "--wire", "kite", "--held"]
    command += ["--scenario", scenario, "--seed", str(seed), "--speed", str(speed), "--books", str(books)]
    with (folder / "exchange.err").open("wb") as errors:
        exchange = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
    started.add(exchange)
    down: list[tuple[int, int]] = []
    try:
        ready = _ready(exchange)
        if ready is not None:
            journal, noted = str(folder / "journal"), str(folder / "violations")
            part = Part(ready, scenario, seed, speed, journal, noted, grace_s=120)
            moments = kills_of(prepared, speed) if kills is None else list(kills)
            down = _trade(part, folder, moments, prepared, result)
    finally:
        exchange.terminate()
        said, _ = exchange.communicate(timeout=30)
        started.discard(exchange)
    if ready is None or (not result.trouble and exchange.returncode not in (0, -15)):
        result.trouble = (
            f"the exchange ended with status {exchange.returncode}: {_last(folder / 'exchange.err')}"
        )
    for line in said.splitlines()[-1:]:
        result.faults = _together(result.faults, msgspec.json.decode(line).get("faults", {}))
    if ready is not None:
        _judge(result, folder, prepared, speed, down)
    result.wall_s = time.monotonic() - began_s
    return result


def _together(*tallies: Mapping[str, int]) -> dict[str, int]:
    together: Counter[str] = Counter()
    for tally in tallies:
        together.update(tally)
    return {kind: count for kind, count in sorted(together.items()) if count}


def _ready(exchange: subprocess.Popen[bytes]) -> Ready | None:
    """What the exchange announces, ``None`` where it ends without a word."""
    stream: IO[bytes] | None = exchange.stdout
    line = stream.readline() if stream is not None else b""
    return msgspec.json.decode(line, type=Ready) if line else None


def kills_of(prepared: Prepared, speed: float) -> list[float]:
    """After how many wall seconds the core is killed.

    In two drawn stories of three it is, up to three times, mostly while the groups enter.
    """
    asked = prepared.asked
    if asked.scenario.name.startswith(DRAWN):
        length_s = (prepared.end_ns - prepared.start_ns) / NS_PER_S / speed
        dice = random.Random(asked.seed)
        count = dice.choice((0, 0, 1, 1, 2, 3))
        return sorted(0.3 + dice.random() ** 2 * length_s * 0.7 for _ in range(count))
    faults = FaultEngine(asked.seed, prepared.faults)
    moments = []
    for rule in faults.windows(FaultKind.CRASH):
        for n in range((rule.until_ns - rule.from_ns) // NS_PER_S):
            at_ns = rule.from_ns + n * NS_PER_S
            if faults.strikes(FaultKind.CRASH, n, at_ns) is not None:
                moments.append((at_ns - prepared.start_ns) / NS_PER_S / speed)
    return moments


def _trade(
    part: Part, folder: Path, moments: list[float], prepared: Prepared, result: WireResult
) -> list[tuple[int, int]]:
    """Run the core to its end, killing it at these moments; the market times at which none was alive."""
    dice = random.Random(part.seed + 1)
    patience_s = part.grace_s / part.speed + SLACK_S
    length_s = (prepared.end_ns - prepared.start_ns) / NS_PER_S / part.speed
    started_s: float | None = None
    down: list[tuple[int, int]] = []
    dead_s = 0.0
    while True:
        player, errors = _start(part, folder)
        try:
            begun_s = _await_life(player, folder)
            started_s = begun_s if started_s is None else started_s
            if dead_s:
                died_ns = _market(prepared, part, dead_s - started_s)
                down.append((died_ns, _market(prepared, part, begun_s - started_s)))
            left_s = moments.pop(0) - (time.monotonic() - started_s) if moments else None
            if left_s is not None and _outlives(player, left_s):
                player.kill()
                player.wait()
                dead_s = time.monotonic()
                result.kills += 1
                time.sleep(dice.uniform(0.05, 0.5))
                continue
            ahead_s = max(0.0, length_s - (time.monotonic() - started_s))
            said, _ = player.communicate(timeout=ahead_s + patience_s)
        except subprocess.TimeoutExpired:
            result.trouble = "the core did not come to its end"
            player.kill()
            player.communicate()
            return down
        finally:
            errors.close()
            if player.poll() is not None:
                started.discard(player)
        if player.returncode != 0:
            result.trouble = f"the core ended with status {player.returncode}: {_last(folder / 'player.err')}"
        else:
            ending = msgspec.json.decode(said, type=Ending)
            result.states = ending.states
            result.faults = _together(ending.faults, {FaultKind.CRASH.value: result.kills})
        return down


def _start(part: Part, folder: Path) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    errors = (folder / "player.err").open("ab")
    player = subprocess.Popen(
        [sys.executable, "-m", "core.rehearsal.wire.player"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
    )
    started.add(player)
    assert player.stdin is not None
    player.stdin.write(msgspec.json.encode(part))
    player.stdin.close()
    player.stdin = None
    return player, errors


def _await_life(player: subprocess.Popen[bytes], folder: Path) -> float:
    """Wait until this process has begun to trade (its journal grows), or has ended."""
    journal = folder / "journal-wal"
    before = journal.stat().st_mtime_ns if journal.exists() else 0
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and player.poll() is None:
        if journal.exists() and journal.stat().st_mtime_ns > before:
            break
        time.sleep(0.01)
    return time.monotonic()


def _outlives(player: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it is still there after so long."""
    try:
        player.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return True
    return False


def _market(prepared: Prepared, part: Part, wall_s: float) -> int:
    return prepared.start_ns + int(wall_s * part.speed * NS_PER_S)


def _judge(
    result: WireResult, folder: Path, prepared: Prepared, speed: float, down: list[tuple[int, int]]
) -> None:
    asked = prepared.asked
    books = FileBooks.open(
        folder / "books", ExchangeIdentity(asked.seed, asked.scenario.name, prepared.market)
    )
    try:
        records = list(books.records())
    finally:
        books.close()
    try:
        rows = list(read_journal(folder / "journal"))
    except JournalError as error:
        result.trouble = result.trouble or str(error)
        return
    asked_for = [each.plan.group_id for each in prepared.submissions]
    # A restart is not precise to the instant: a second of the wall on either side belongs to it.
    margin_ns = int(speed * NS_PER_S)
    wide = [(begun - margin_ns, ended + 2 * margin_ns) for begun, ended in down]
    left = Left(records, rows, prepared.source.contracts, speed, wide, asked_for)
    result.violations += judge(left)
    truth = replayed(left)
    result.naked_most = truth.naked_most
    noted = folder / "violations"
    if noted.exists():
        lines = noted.read_bytes().splitlines()
        result.violations += [msgspec.json.decode(line, type=Violation) for line in lines]
    seen = Evidence(
        prepared=prepared,
        account=fold(rows),
        metrics=Metrics(),
        truth=truth,
        fired=Counter({FaultKind(name): count for name, count in result.faults.items()}),
        violations=(),
        working_orders=0,
        now_ns=max([row.at_ns for row in rows], default=prepared.start_ns),
        wall_s=0.0,
        paced=False,
        journal_name="",
    )
    result.untrue = [each["text"] for each in verdict(seen)["statements"] if not each["holds"]]


def _last(path: Path) -> str:
    text = path.read_text(errors="replace").strip()
    return text[-600:]


def line(result: WireResult) -> str:
    """One seed as a person reads it."""
    mark = "ok  " if result.passed else "FAIL"
    states = ",".join(result.states.values())
    text = f"{mark} {result.scenario} seed {result.seed}: {states or '-'}, killed {result.kills} times"
    text += f", {sum(result.faults.values())} faults, {result.wall_s:.1f} s"
    text += "".join(f"\n     does not hold: {statement}" for statement in result.untrue)
    for violation in result.violations:
        text += f"\n     invariant {violation.invariant}: {violation.detail}"
    return text + (f"\n     {result.trouble}" if result.trouble else "")
