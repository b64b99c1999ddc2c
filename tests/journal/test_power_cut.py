"""A power cut at any write or sync: with FULL, every acknowledged row is in what the disk kept."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import cast

import apsw
import pytest

from core.journal.chain import ChainHead
from core.journal.opening import Synchronous, read_journal, schema_script
from core.journal.writing import JournalWriter
from tests.journal.builders import batch
from tests.journal.disk import ForgetfulDisk

Cut = tuple[int, dict[str, bytes]]
"""The last acknowledged row at the moment of a cut, and what the disk kept."""


def cuts_of_a_run(folder: Path, synchronous: Synchronous, seed: int, commits: int = 40) -> list[Cut]:
    choice = random.Random(seed)
    disk = ForgetfulDisk(f"forgetful-{synchronous}-{seed}")
    connection = apsw.Connection(str(folder / "a.journal"), vfs=disk.name)
    cuts: list[Cut] = []
    try:
        # Without shared memory, which this disk does not offer, WAL needs the exclusive mode.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA wal_autocheckpoint=60")
        connection.execute(schema_script())
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        writer = JournalWriter(cast(sqlite3.Connection, connection), ChainHead())

        def perhaps_cut() -> None:
            if choice.random() < 0.1:
                cuts.append((writer.head.seq, disk.after_cut(choice)))

        disk.on_operation = perhaps_cut
        for _ in range(commits):
            writer.apply(batch(writer.head.seq))
            cuts.append((writer.head.seq, disk.after_cut(choice)))
        disk.on_operation = lambda: None
    finally:
        connection.close()
        disk.unregister()
    return cuts


def rows_left(folder: Path, number: int, files: dict[str, bytes]) -> int:
    """How many rows are read, chain and all, from what the disk kept."""
    image = folder / f"cut-{number}"
    image.mkdir()
    for name, content in files.items():
        (image / name).write_bytes(content)
    return sum(1 for _ in read_journal(image / "a.journal"))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_full_no_acknowledged_row_is_lost_to_a_power_cut(seed: int, tmp_path: Path) -> None:
    cuts = cuts_of_a_run(tmp_path, Synchronous.FULL, seed)
    assert len(cuts) > 60
    for number, (acknowledged, files) in enumerate(cuts):
        left = rows_left(tmp_path, number, files)
        assert acknowledged <= left <= acknowledged + 2
        assert left % 2 == 0, "half a transaction was kept"


def test_with_normal_the_last_rows_may_be_lost_but_the_chain_holds(tmp_path: Path) -> None:
    cuts = cuts_of_a_run(tmp_path, Synchronous.NORMAL, seed=1)
    lost = [
        number
        for number, (acknowledged, files) in enumerate(cuts)
        if rows_left(tmp_path, number, files) < acknowledged
    ]
    assert lost, "this disk forgets nothing, so the test of FULL proves nothing"
