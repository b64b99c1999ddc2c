"""A campaign over real sockets, some seeds beside each other: mostly it waits for the wall's clock.

``python -m core.rehearsal.wire.campaign --seeds 300 --speed 5 --workers 4 --resume FILE`` plays drawn
stories, each judged at the core's door and on the exchange's own books; ``--shipped`` plays every shipped
scenario instead. Unlike a run in virtual time, one over sockets is not the same twice: a seed gives the same
market, groups and faults, not the same instants.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from core.rehearsal.report import write_report
from core.rehearsal.scenario import ScenarioError
from core.rehearsal.shelf import find_scenario, shipped
from core.rehearsal.wire.seed_run import DRAWN, WireResult, line, run_seed, started

MOST_WORKERS = 16


class CannotResume(ValueError):
    """The file belongs to another campaign, or to none; the message says which."""


class Kept(msgspec.Struct):
    """How far a campaign has come: what was asked for, and what every seed that was played came to."""

    asked: dict[str, Any]
    results: list[WireResult] = []
    wall_s: float = 0.0
    """Of all sittings together."""


def load(path: Path, asked: Mapping[str, Any]) -> Kept:
    """Where a campaign stopped, or its beginning. Raises ``CannotResume``."""
    if not path.exists():
        return Kept(dict(asked))
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError) as error:
        raise CannotResume(f"{path}: not the progress of a campaign ({error}); give another file") from error
    for name, wanted in asked.items():
        if kept.asked.get(name) != wanted:
            was = kept.asked.get(name)
            raise CannotResume(f"{path}: belongs to a campaign with {name} {was!r}, not {wanted!r}")
    return kept


def drawn(first: int, count: int) -> list[tuple[str, int]]:
    """So many seeds, each with the story that it draws."""
    return [(f"{DRAWN}{seed}", seed) for seed in range(first, first + count)]


def run_campaign(
    stories: Sequence[tuple[str, int]], *, speed: float, workers: int = 1, keep: Path | None = None
) -> Iterator[WireResult]:
    """Play scenarios at seeds, ``workers`` beside each other; the results as they come.

    What failed is kept in ``keep``, in a folder a story.
    """

    def play(scenario: str, seed: int) -> WireResult:
        with tempfile.TemporaryDirectory(prefix="hedgerow-wire-") as name:
            result = run_seed(scenario, seed, Path(name), speed=speed)
            if keep is not None and not result.passed:
                shutil.copytree(name, keep / f"{scenario}-{seed}", dirs_exist_ok=True)
        return result

    pool = ThreadPoolExecutor(workers)
    try:
        for done in as_completed([pool.submit(play, scenario, seed) for scenario, seed in stories]):
            yield done.result()
    finally:
        # Ended early, by a signal or by whoever asks, nothing that was started may trade on.
        pool.shutdown(wait=False, cancel_futures=True)
        for process in tuple(started):
            with suppress(ProcessLookupError):
                process.kill()
        pool.shutdown()


def summary(kept: Kept) -> dict[str, Any]:
    """The campaign in figures, as one JSON object."""
    total: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for result in kept.results:
        total.update(seeds=1, failed=int(not result.passed), kills=result.kills)
        total.update(naked_units=int(result.naked_most > 0))
        faults.update(result.faults)
        ends.update(result.states.values())
    return {
        **{name: total[name] for name in ("seeds", "failed", "kills")},
        "seeds_with_naked_units": total["naked_units"],
        "groups": dict(sorted(ends.items())),
        "faults": dict(sorted(faults.items())),
        "seconds_a_seed": round(sum(result.wall_s for result in kept.results) / max(1, total["seeds"]), 1),
        "wall_s": round(kept.wall_s, 1),
    }


def play(kept: Kept, stories: Sequence[tuple[str, int]], asked: argparse.Namespace) -> None:
    """Play what is left, print every seed as it ends, and keep the progress."""
    played = {(result.scenario, result.seed) for result in kept.results}
    left = [story for story in stories if story not in played]
    before_s, began_s = kept.wall_s, time.monotonic()
    for result in run_campaign(left, speed=asked.speed, workers=asked.workers, keep=asked.keep):
        kept.results.append(result)
        kept.wall_s = before_s + time.monotonic() - began_s
        print(line(result), flush=True)
        if asked.resume is not None:
            write_report(msgspec.to_builtins(kept), asked.resume)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=300, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--speed", type=float, default=5.0, help="market seconds a wall second")
    parser.add_argument("--scenario", action="append", default=[], help="play this one at every seed instead")
    parser.add_argument(
        "--shipped", action="store_true", help="play every shipped scenario at the first seed"
    )
    parser.add_argument("--workers", type=int, default=1, help="how many seeds beside each other")
    parser.add_argument("--resume", type=Path, help="keep the progress here, and go on from it")
    parser.add_argument("--keep", type=Path, help="keep books and journals of what failed here")
    asked = parser.parse_args()
    if asked.seeds < 1 or not 0 < asked.speed <= 100 or not 1 <= asked.workers <= MOST_WORKERS:
        parser.error(f"there is at least one seed, a speed from above 0 to 100, 1 to {MOST_WORKERS} workers")
    try:
        for name in asked.scenario:
            find_scenario(name)
    except ScenarioError as error:
        parser.error(str(error))
    return asked


def main() -> None:
    """Play a campaign and print every seed, and the sum at the end. Exit status 1 where one failed."""
    asked = _asked()
    # Ended from outside, it must still end the processes that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stories = drawn(asked.first, asked.seeds)
    names = [each.name for each in shipped()] if asked.shipped else asked.scenario
    if names:
        seeds = [asked.first] if asked.shipped else range(asked.first, asked.first + asked.seeds)
        stories = [(name, seed) for seed in seeds for name in names]
    what = {"first": asked.first, "speed": asked.speed, "scenarios": names}
    try:
        kept = Kept(what) if asked.resume is None else load(asked.resume, what)
    except CannotResume as error:
        sys.exit(f"--resume {error}")
    play(kept, stories, asked)
    told = summary(kept)
    print(msgspec.json.encode(told).decode())
    raise SystemExit(1 if told["failed"] else 0)


if __name__ == "__main__":
    main()
