"""``kill -9`` at any moment: every acknowledged row is there, the chain holds, and writing goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from core.journal.opening import read_journal

WRITER = """
import asyncio, sys
from core.journal.aiosqlite_persistence import AiosqlitePersistence
from core.journal.lock import AccountLock
from tests.journal.builders import batch

async def main(path):
    journal = await AiosqlitePersistence.open(path, sole_writer=True)
    try:
        while True:
            await journal.commit(batch(journal.last_seq))
            sys.stdout.write(f"{journal.last_seq}\\n")
            sys.stdout.flush()
    finally:
        await journal.close()

with AccountLock(sys.argv[1]):
    asyncio.run(main(sys.argv[1]))
"""


def killed_after(path: Path, acknowledgements: int) -> int:
    """The last row that a writer had acknowledged when it was killed in full run."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    with writer:
        for _ in range(acknowledgements):
            assert writer.stdout.readline(), "the writer ended by itself"
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().splitlines(keepends=True)
    whole = [line for line in rest if line.endswith("\n")]
    return int(whole[-1]) if whole else 0


def test_no_acknowledged_row_is_lost_by_killing_the_writer(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    moments = random.Random(20250829)
    before = 0
    for _ in range(5):
        acknowledged = killed_after(path, moments.randrange(1, 200))
        seqs = [row.seq for row in read_journal(path)]
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(seqs) >= max(acknowledged, before + 2)
        assert len(seqs) % 2 == 0, "half a transaction was kept"
        before = len(seqs)
