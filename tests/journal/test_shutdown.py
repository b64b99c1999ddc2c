"""However ``main`` ends, the process ends, and what was acknowledged is on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from core.journal.opening import read_journal

PROGRAM = """
import asyncio, sys
from core.journal.aiosqlite_persistence import AiosqlitePersistence
from tests.journal.builders import batch

async def raises(path):
    journal = await AiosqlitePersistence.open(path)
    try:
        await journal.commit(batch(0))
        waiting = asyncio.create_task(journal.commit(batch(2)))
        await asyncio.sleep(0)
        raise RuntimeError("the core has failed")
    finally:
        await journal.close()

async def raises_and_forgets_to_close(path):
    journal = await AiosqlitePersistence.open(path)
    await journal.commit(batch(0))
    waiting = asyncio.create_task(journal.commit(batch(2)))
    await asyncio.sleep(0)
    raise RuntimeError("the core has failed")

async def raises_at_once(path):
    await AiosqlitePersistence.open(path)
    raise RuntimeError("the core has failed")

async def leaves_by_sys_exit(path):
    journal = await AiosqlitePersistence.open(path)
    try:
        await journal.commit(batch(0))
        waiting = asyncio.create_task(journal.commit(batch(2)))
        await asyncio.sleep(0)
        sys.exit(1)
    finally:
        await journal.close()

async def cancels_everything_mid_commit(path):
    journal = await AiosqlitePersistence.open(path)
    try:
        await journal.commit(batch(0))
        waiting = asyncio.create_task(journal.commit(batch(2)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.sleep(60)
    finally:
        await journal.close()

asyncio.run(globals()[sys.argv[1]](sys.argv[2]))
"""

WAYS = [
    "raises",
    "raises_at_once",
    "raises_and_forgets_to_close",
    "leaves_by_sys_exit",
    "cancels_everything_mid_commit",
]


@pytest.mark.parametrize("way", WAYS)
def test_the_process_ends_within_two_seconds_of_its_main(way: str, tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    began = monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, way, str(path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=20,
    )
    took = monotonic() - began
    assert ended.returncode == 1, ended.stderr
    assert took < 2 + start_up_s()
    expected = {"cancels_everything_mid_commit": "CancelledError", "leaves_by_sys_exit": ""}
    assert "Exception in thread" not in ended.stderr
    assert expected.get(way, "the core has failed") in ended.stderr
    assert [row.seq for row in read_journal(path)] in ([], [1, 2], [1, 2, 3, 4])
    if way in ("raises", "leaves_by_sys_exit"):
        assert sum(1 for _ in read_journal(path)) == 4, "closing did not commit what waited"


def start_up_s() -> float:
    """How long this machine takes to start the same program and do nothing."""
    began = monotonic()
    program = PROGRAM.rpartition("asyncio.run")[0]
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=True, timeout=20)
    return monotonic() - began
