"""How long a commit takes: inline and through the thread, waiting for the disk (FULL) or not (NORMAL).

``python -m tests.bench.bench_journal [FOLDER]`` commits typical two-row batches one after another, as the
engine does, in a temporary folder of FOLDER (the disk that matters), and prints one line a way.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from time import perf_counter_ns

from core.journal.aiosqlite_persistence import AiosqlitePersistence
from core.journal.opening import Synchronous, read_journal
from core.journal.persistence import InlinePersistence, PersistenceLayer
from tests.journal.builders import batch

COMMITS = 2_000
WARM_UP = 100


async def latencies_us(journal: PersistenceLayer) -> list[float]:
    """The time of each commit, sorted, in microseconds."""
    taken: list[float] = []
    try:
        for commit in range(WARM_UP + COMMITS):
            rows = batch(journal.last_seq)
            began = perf_counter_ns()
            await journal.commit(rows)
            if commit >= WARM_UP:
                taken.append((perf_counter_ns() - began) / 1_000)
    finally:
        await journal.close()
    return sorted(taken)


async def main(folder: str | None) -> None:
    """Measure every way in one run."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        here = Path(name)
        ways: list[tuple[str, PersistenceLayer]] = [("inline, in memory", InlinePersistence())]
        for level in Synchronous:
            ways.append((f"inline, {level}", InlinePersistence(here / f"inline-{level}", level)))
            threaded = await AiosqlitePersistence.open(here / f"aiosqlite-{level}", level)
            ways.append((f"aiosqlite, {level}", threaded))
        print(f"{'two-row commits, microseconds':32}{'p50':>8}{'p99':>8}{'max':>9}")
        for way, journal in ways:
            taken = await latencies_us(journal)
            p50, p99, longest = taken[len(taken) // 2], taken[len(taken) * 99 // 100], taken[-1]
            print(f"{way:32}{p50:8.0f}{p99:8.0f}{longest:9.0f}")
        began = perf_counter_ns()
        rows = sum(1 for _ in read_journal(here / f"aiosqlite-{Synchronous.FULL}"))
        print(
            f"reading back {rows} rows: {(perf_counter_ns() - began) / 1_000 / rows:.1f} microseconds a row"
        )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
