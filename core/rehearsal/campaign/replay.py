"""Playing a seed again in another process with another hash seed: the rows must be the same to the last."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from core.rehearsal.campaign.seed_run import run_seed
from core.rehearsal.scenario import Scenario
from core.rehearsal.shelf import find_scenario

_PATIENCE_S = 300


def replay_hash(seed: int, scenario: str, guards_off: frozenset[str], deadly: tuple[int, ...]) -> str:
    """The hash of the last row when a fresh process plays this; ``""`` where it failed."""
    command = [
        sys.executable,
        "-m",
        "core.rehearsal.campaign.replay",
        str(seed),
        scenario,
        ",".join(sorted(guards_off)),
        ",".join(map(str, deadly)),
    ]
    root = Path(__file__).parents[3]
    paths = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH", ""))))
    environment = {**os.environ, "PYTHONHASHSEED": str(1 + seed % 4_000_000_000), "PYTHONPATH": paths}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def main(arguments: list[str]) -> None:
    """Play what the arguments say and print the last hash."""
    seed, name, guards, deadly = arguments
    scenario: Scenario | None = find_scenario(name) if name else None
    result = run_seed(
        int(seed),
        scenario,
        guards_off=frozenset(filter(None, guards.split(","))),
        deadly=tuple(int(number) for number in filter(None, deadly.split(","))),
    )
    print(result.last_hash)


if __name__ == "__main__":
    main(sys.argv[1:])
