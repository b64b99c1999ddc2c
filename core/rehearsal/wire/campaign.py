"""A campaign over real sockets: the exchange in one process, the core in another, killed and restarted.

``python -m core.rehearsal.wire.campaign --seeds 300`` plays drawn stories one after the other, each judged at
the core's door and on the exchange's own books, and prints what was found. Unlike a run in virtual time, one
over sockets is not the same twice: a seed gives the same market, groups and faults, not the same instants.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from core.brokers.paper.books import ExchangeIdentity, FileBooks
from core.domain.timing import NS_PER_S
from core.journal.opening import read_journal
from core.rehearsal.faults.kinds import FaultKind
from core.rehearsal.invariants.violation import Violation
from core.rehearsal.preparation import Asked, Prepared, prepare
from core.rehearsal.shelf import find_scenario
from core.rehearsal.wire.judging import Left, judge, naked_most
from core.rehearsal.wire.player import Ending, Part
from core.rehearsal.wire.ready import Ready

START_S = 60.0
SLACK_S = 90.0
"""Wall seconds beyond the market's own length after which a run counts as hung."""
_EXCHANGE = "import console.cli; console.cli.main()"


@dataclass(slots=True)
class WireResult:
    """What became of one seed."""

    scenario: str
    seed: int
    violations: list[Violation] = field(default_factory=list)
    trouble: str = ""
    """A process that hung or fell over, with its last words."""
    states: dict[str, str] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    naked_most: int = 0
    wall_s: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every invariant held and both processes came to their ends."""
        return not self.violations and not self.trouble


def run_seed(
    scenario: str, seed: int, folder: Path, *, speed: float = 10.0, kills: Sequence[float] | None = None
) -> WireResult:
    """Play a scenario at a seed over the wire. ``kills`` are wall seconds after which the core is killed.

    Without ``kills`` they are drawn from the seed: none to three.
    """
    began_s = time.monotonic()
    prepared = prepare(Asked(find_scenario(scenario), seed=seed))
    result = WireResult(scenario, seed)
    length_s = (prepared.end_ns - prepared.start_ns) / NS_PER_S / speed
    books = folder / "books"
    command = [sys.executable, "-c", _EXCHANGE, "exchange", "--wire", "kite", "--held"]
    command += ["--scenario", scenario, "--seed", str(seed), "--speed", str(speed), "--books", str(books)]
    with (folder / "exchange.err").open("wb") as errors:
        exchange = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
    try:
        ready = _ready(exchange)
        part = Part(
            ready, scenario, seed, speed, str(folder / "journal"), str(folder / "violations"), grace_s=120
        )
        moments = _drawn_kills(seed, length_s) if kills is None else list(kills)
        down = _trade(part, folder, moments, length_s, prepared, result)
    finally:
        exchange.terminate()
        said, _ = exchange.communicate(timeout=30)
    if not result.trouble and exchange.returncode not in (0, -15):
        result.trouble = (
            f"the exchange ended with status {exchange.returncode}: {_last(folder / 'exchange.err')}"
        )
    for line in said.splitlines()[-1:]:
        result.faults.update(msgspec.json.decode(line).get("faults", {}))
    _judge(result, folder, prepared, speed, down)
    result.wall_s = time.monotonic() - began_s
    return result


def _ready(exchange: subprocess.Popen[bytes]) -> Ready:
    stream: IO[bytes] | None = exchange.stdout
    line = stream.readline() if stream is not None else b""
    if not line:
        raise RuntimeError("the exchange did not start")
    return msgspec.json.decode(line, type=Ready)


def _drawn_kills(seed: int, length_s: float) -> list[float]:
    """In two stories of three the core is killed, up to three times, mostly while the groups enter."""
    dice = random.Random(seed)
    count = dice.choice((0, 0, 1, 1, 2, 3))
    return sorted(0.3 + dice.random() ** 2 * length_s * 0.7 for _ in range(count))


def _trade(
    part: Part, folder: Path, moments: list[float], length_s: float, prepared: Prepared, result: WireResult
) -> list[tuple[int, int]]:
    """Run the core to its end, killing it at these moments; the market times at which none was alive."""
    dice = random.Random(part.seed + 1)
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
            total_s = length_s + part.grace_s / part.speed + SLACK_S
            said, _ = player.communicate(timeout=max(5.0, total_s - (time.monotonic() - started_s)))
        except subprocess.TimeoutExpired:
            result.trouble = "the core did not come to its end"
            player.kill()
            player.communicate()
            return down
        finally:
            errors.close()
        if player.returncode != 0:
            result.trouble = f"the core ended with status {player.returncode}: {_last(folder / 'player.err')}"
        else:
            result.states = msgspec.json.decode(said, type=Ending).states
        return down


def _start(part: Part, folder: Path) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    errors = (folder / "player.err").open("ab")
    player = subprocess.Popen(
        [sys.executable, "-m", "core.rehearsal.wire.player"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
    )
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
    late = any(rule.kind is FaultKind.PLACED_LATE for rule in prepared.faults)
    # A restart is not precise to the instant: a second of the wall on either side belongs to it.
    margin_ns = int(speed * NS_PER_S)
    wide = [(begun - margin_ns, ended + 2 * margin_ns) for begun, ended in down]
    left = Left(records, list(read_journal(folder / "journal")), prepared.source.contracts, speed, wide, late)
    result.violations += judge(left)
    result.naked_most = naked_most(left)
    noted = folder / "violations"
    if noted.exists():
        lines = noted.read_bytes().splitlines()
        result.violations += [msgspec.json.decode(line, type=Violation) for line in lines]


def _last(path: Path) -> str:
    text = path.read_text(errors="replace").strip()
    return text[-600:]


def run_campaign(
    scenarios: Sequence[str], seeds: Iterable[int], *, speed: float, keep: Path | None = None
) -> Iterable[WireResult]:
    """Play every seed, on each of the scenarios in turn; ``{}`` in a scenario's name is the seed.

    What failed is kept in ``keep``, in a folder a seed.
    """
    for number, seed in enumerate(seeds):
        scenario = scenarios[number % len(scenarios)].replace("{}", str(seed))
        with tempfile.TemporaryDirectory(prefix="hedgerow-wire-") as name:
            folder = Path(name)
            result = run_seed(scenario, seed, folder, speed=speed)
            if keep is not None and not result.passed:
                shutil.copytree(folder, keep / f"{scenario}-{seed}", dirs_exist_ok=True)
            yield result


def line(result: WireResult) -> str:
    """One seed as a person reads it."""
    mark = "ok  " if result.passed else "FAIL"
    states = ",".join(result.states.values())
    text = f"{mark} {result.scenario} seed {result.seed}: {states or '-'}, killed {result.kills} times"
    text += f", {sum(result.faults.values())} faults, {result.wall_s:.1f} s"
    for violation in result.violations:
        text += f"\n     invariant {violation.invariant}: {violation.detail}"
    return text + (f"\n     {result.trouble}" if result.trouble else "")


def main() -> None:
    """Play a campaign and print every seed, and the sum at the end. Exit status 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=300, help="how many")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--speed", type=float, default=10.0, help="market seconds a wall second")
    parser.add_argument("--scenario", action="append", help="by name; torture-{} draws a story a seed")
    parser.add_argument("--keep", type=Path, help="keep books and journals of what failed here")
    asked = parser.parse_args()
    # Ended from outside, it must still end the processes that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    total: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    seeds = range(asked.first, asked.first + asked.seeds)
    chosen = asked.scenario or ["torture-{}"]
    for result in run_campaign(chosen, seeds, speed=asked.speed, keep=asked.keep):
        print(line(result), flush=True)
        total["seeds"] += 1
        total["failed"] += not result.passed
        total["kills"] += result.kills
        faults += result.faults
        ends.update(result.states.values())
    summary: dict[str, Any] = {**total, "groups": dict(ends), "faults": dict(sorted(faults.items()))}
    print(msgspec.json.encode(summary).decode())
    raise SystemExit(1 if total["failed"] else 0)


if __name__ == "__main__":
    main()
