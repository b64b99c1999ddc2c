"""Feed the Kite adapter damaged frames and bodies by the million.

``python -m tests.bench.fuzz_kite --inputs 10000000 --seed 1``; a crash prints its input and ends with 1.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.brokers.kite.fuzzing import KiteFuzz

ROUND = 100_000


def main() -> int:
    """Run the rounds; the exit code is 1 if anything crashed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    started = time.perf_counter()
    well = refused = done = 0
    for number in range(0, asked.inputs, ROUND):
        fuzz = KiteFuzz(asked.seed + number)
        inputs = min(ROUND, asked.inputs - number)
        try:
            fuzz.run(inputs)
        except Exception:
            print(f"crashed in the round of seed {asked.seed + number} on {fuzz.last!r}", file=sys.stderr)
            raise
        well, refused, done = well + fuzz.read_well, refused + fuzz.refused, done + inputs
        took = time.perf_counter() - started
        print(
            f"{done:>12,} inputs, {well:,} read, {refused:,} refused, {done / took:,.0f} a second", flush=True
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
