"""How long opening a page or an overlay holds the loop. Run: ``python -m tests.bench.bench_opening``.

A console over ten groups, headless at 160x50. Each key is pressed ``--times`` times and closed with Escape;
a ticker of 1 ms in the same loop says how long the longest silence was. Both wall time and processor time
of the thread are given: on a machine that does other things, only the second is the console's own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from statistics import median

from console.app import HedgerowApp
from console.host import GC_THRESHOLDS
from console.options import ConsoleOptions
from tests.console.moving import MovingService

OPENED_BY = {
    "group": "enter",
    "positions": "p",
    "alerts": "A",
    "health": "H",
    "ticket": "n",
    "recover": "r",
    "flatten": "f9",
    "kill switch": "K",
    "runbook": "question_mark",
    "help": "h",
}
BUDGET_MS = 50.0


class Longest:
    """The longest stretch between two turns of the loop, in wall and in processor milliseconds."""

    def __init__(self) -> None:
        self.wall_ms = self.own_ms = 0.0

    async def watch(self) -> None:
        wall, own = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now, used = time.perf_counter(), time.thread_time()
            self.wall_ms = max(self.wall_ms, (now - wall) * 1_000)
            self.own_ms = max(self.own_ms, (used - own) * 1_000)
            wall, own = now, used


async def measured(times: int) -> dict[str, dict[str, float]]:
    """For each screen the median and the largest of the longest silences."""
    app = HedgerowApp(MovingService(10), ConsoleOptions(theme_folders=(), keys_file=None, no_colour=False))
    told = {}
    async with app.run_test(size=(160, 50)) as pilot:
        await asyncio.sleep(1.0)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        for name, key in OPENED_BY.items():
            wall, own = [], []
            for _ in range(times):
                longest = Longest()
                watching = asyncio.create_task(longest.watch())
                app.simulate_key(key)
                await asyncio.sleep(0.15)
                watching.cancel()
                wall.append(longest.wall_ms)
                own.append(longest.own_ms)
                await pilot.press("escape")
                await asyncio.sleep(0.05)
            told[name] = {
                "wall_p50_ms": round(median(wall), 1),
                "wall_max_ms": round(max(wall), 1),
                "own_p50_ms": round(median(own), 1),
                "own_max_ms": round(max(own), 1),
            }
    return told


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    told = asyncio.run(measured(parser.parse_args().times))
    print(json.dumps({"budget_ms": BUDGET_MS, "opening": told}, indent=2))


if __name__ == "__main__":
    main()
