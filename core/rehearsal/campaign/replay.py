"""Playing a seed again in another process with another hash seed: the rows must be the same to the last."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Timer

import msgspec

from core.rehearsal.campaign.seed_run import run_named

_PATIENCE_S = 300


class Again(msgspec.Struct, frozen=True):
    """What is to be played once more; ``scenario`` is ``""`` for the story that the seed draws."""

    seed: int
    scenario: str
    guards_off: list[str]
    deadly: list[int]


class Replayer:
    """Another process that plays what it is told, one after the other; it ends with whoever asks it."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def last_hash(self, again: Again) -> str:
        """The hash of the last row when the other process plays this; ``""`` where it failed."""
        child = self._started(again.seed)
        assert child.stdin is not None
        assert child.stdout is not None
        patience = Timer(_PATIENCE_S, child.kill)
        patience.start()
        try:
            child.stdin.write(msgspec.json.encode(again) + b"\n")
            child.stdin.flush()
            said = child.stdout.readline()
        except OSError:
            said = b""
        finally:
            patience.cancel()
        if not said:
            self.close()
        return said.decode().strip()

    def close(self) -> None:
        """End the other process. The next question starts a new one."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def _started(self, seed: int) -> subprocess.Popen[bytes]:
        if self._child is not None:
            return self._child
        root = Path(__file__).parents[3]
        paths = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH", ""))))
        self._child = subprocess.Popen(
            [sys.executable, "-m", "core.rehearsal.campaign.replay"],
            env={**os.environ, "PYTHONHASHSEED": str(1 + seed % 4_000_000_000), "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self._child


def main() -> None:
    """Play what each line of the standard input says, and print the last hash of each."""
    for line in sys.stdin.buffer:
        again = msgspec.json.decode(line, type=Again)
        result = run_named(
            again.scenario,
            again.seed,
            guards_off=frozenset(again.guards_off),
            deadly=tuple(again.deadly),
        )
        print(result.last_hash, flush=True)


if __name__ == "__main__":
    main()
