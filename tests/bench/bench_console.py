"""How late a 10 ms ticker runs in the loop that the console paints in. Run: ``python -m
tests.bench.bench_console``.

Ten groups (or ``--groups N``) change ten times a second while the whole screen paints at 4 Hz, headless at
160x50: Textual composes every frame and only leaves out the last step, writing it. The same run without a
console is printed beside it, so that what the machine does by itself can be told apart.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import time

from console.app import HedgerowApp
from console.host import GC_THRESHOLDS
from console.options import ConsoleOptions
from tests.console.moving import MovingService

TICK_S = 0.01
STEP_EVERY = 10
WARM_UP_S = 1.0


async def tick(service: MovingService, seconds: float) -> list[float]:
    """Tick on absolute deadlines, stepping the core every 100 ms; how late each tick was, in ms."""
    late: list[float] = []
    start = due = time.perf_counter()
    count = 0
    while due - start < seconds:
        due += TICK_S
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        now = time.perf_counter()
        late.append((now - due) * 1_000)
        if now - due > TICK_S:
            due = now
        count += 1
        if count % STEP_EVERY == 0:
            service.step()
    return late


def summary(late: list[float], cpu_s: float, seconds: float) -> dict[str, float]:
    """p50, p99 and max in ms, and the share of a core."""
    ordered = sorted(late)
    return {
        "ticks": len(ordered),
        "p50_ms": round(ordered[len(ordered) // 2], 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 2),
        "max_ms": round(ordered[-1], 2),
        "cpu_pct": round(100 * cpu_s / seconds, 1),
    }


async def measured(groups: int, seconds: float, *, console: bool) -> dict[str, float]:
    """One run, with the console or without."""
    service = MovingService(groups)
    if not console:
        cpu = time.process_time()
        late = await tick(service, seconds)
        return summary(late, time.process_time() - cpu, seconds)
    app = HedgerowApp(service, ConsoleOptions(theme_folders=(), no_colour=False))
    async with app.run_test(size=(160, 50)):
        await tick(service, WARM_UP_S)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        cpu = time.process_time()
        late = await tick(service, seconds)
        return summary(late, time.process_time() - cpu, seconds)


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    chosen = parser.parse_args()
    told = {
        "groups": chosen.groups,
        "without_console": asyncio.run(measured(chosen.groups, chosen.seconds, console=False)),
        "with_console": asyncio.run(measured(chosen.groups, chosen.seconds, console=True)),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
