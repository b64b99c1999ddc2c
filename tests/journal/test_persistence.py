"""Both adapters keep the same promises; the one with a thread also keeps them when it is interrupted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.domain.facts import ForeignOrderSeen
from core.journal.aiosqlite_persistence import AiosqlitePersistence
from core.journal.errors import JournalClosed, JournalUnusable, JournalWriteFailed
from core.journal.persistence import InlinePersistence, PersistenceLayer
from core.journal.writing import Batch, WriteFault
from tests.journal.builders import batch, rows
from tests.journal.failing import FailingCommits

ADAPTERS = ["aiosqlite", "inline", "inline in memory"]


@asynccontextmanager
async def journal_of(
    adapter: str, folder: Path, fault: WriteFault | None = None
) -> AsyncIterator[PersistenceLayer]:
    path = folder / "a.journal"
    journal: PersistenceLayer
    if adapter == "aiosqlite":
        journal = await AiosqlitePersistence.open(path, fault=fault)
    elif adapter == "inline":
        journal = InlinePersistence(path, fault=fault)
    else:
        journal = InlinePersistence(fault=fault)
    try:
        yield journal
    finally:
        await journal.close()


def one(after: int) -> Batch:
    return Batch(rows(after, ForeignOrderSeen(str(after + 1), "")))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_what_was_committed_is_read_back(adapter: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with journal_of(adapter, tmp_path) as journal:
            assert journal.last_seq == 0
            for after in (0, 2, 4):
                await journal.commit(batch(after))
            await journal.commit(Batch(()))
            assert journal.last_seq == 6
            assert list(journal.read()) == [*batch(0).rows, *batch(2).rows, *batch(4).rows]

    asyncio.run(main())


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_failed_commit_reaches_its_caller_and_the_next_one_succeeds(adapter: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with journal_of(adapter, tmp_path, FailingCommits(first=2, count=2)) as journal:
            await journal.commit(batch(0))
            for _ in range(2):
                with pytest.raises(JournalWriteFailed, match="disk is full"):
                    await journal.commit(batch(2))
                assert journal.last_seq == 2
            await journal.commit(batch(2))
            assert [row.seq for row in journal.read()] == [1, 2, 3, 4]

    asyncio.run(main())


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_closed_journal_refuses_commits_and_closes_again_in_peace(adapter: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with journal_of(adapter, tmp_path) as journal:
            await journal.commit(batch(0))
            await journal.close()
            await journal.close()
            with pytest.raises(JournalClosed):
                await journal.commit(batch(2))

    asyncio.run(main())


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_defect_in_a_batch_leaves_the_journal_usable(adapter: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with journal_of(adapter, tmp_path) as journal:
            with pytest.raises((JournalWriteFailed, AttributeError)):
                await journal.commit(Batch(batch(0).rows, ("no group",)))  # type: ignore[arg-type]
            await journal.commit(batch(0))
            assert journal.last_seq == 2

    asyncio.run(main())


def test_both_adapters_write_the_same_file_content(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            journal_of("aiosqlite", tmp_path) as threaded,
            journal_of("inline in memory", tmp_path) as inline,
        ):
            for journal in (threaded, inline):
                for after in (0, 2, 4):
                    await journal.commit(batch(after))
            assert list(threaded.read()) == list(inline.read())

    asyncio.run(main())


def test_what_waits_is_committed_together_and_in_order(tmp_path: Path) -> None:
    async def main() -> None:
        journal = await AiosqlitePersistence.open(tmp_path / "a.journal")
        try:
            await asyncio.gather(*(journal.commit(one(after)) for after in range(64)))
            assert journal.last_seq == 64
            assert journal.transactions < 8
            assert [row.seq for row in journal.read()] == list(range(1, 65))
        finally:
            await journal.close()

    asyncio.run(main())


def test_a_caller_that_is_cancelled_takes_no_commit_with_it(tmp_path: Path) -> None:
    async def main() -> None:
        in_transaction, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            in_transaction.set()
            go_on.wait(10)

        journal = await AiosqlitePersistence.open(tmp_path / "a.journal", fault=hold)
        try:
            caller = asyncio.create_task(journal.commit(batch(0)))
            await asyncio.to_thread(in_transaction.wait, 10)
            caller.cancel()
            with pytest.raises(asyncio.CancelledError):
                await caller
            go_on.set()
            await journal.commit(batch(2))
            assert [row.seq for row in journal.read()] == [1, 2, 3, 4]
        finally:
            await journal.close()

    asyncio.run(main())


def test_closing_commits_what_waits_even_when_the_closer_is_cancelled(tmp_path: Path) -> None:
    async def main() -> None:
        in_transaction, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            in_transaction.set()
            go_on.wait(10)

        journal = await AiosqlitePersistence.open(tmp_path / "a.journal", fault=hold)
        commits = [asyncio.create_task(journal.commit(one(0)))]
        await asyncio.to_thread(in_transaction.wait, 10)
        commits += [asyncio.create_task(journal.commit(one(after))) for after in (1, 2)]
        await asyncio.sleep(0)
        closer = asyncio.create_task(journal.close())
        await asyncio.sleep(0)
        closer.cancel()
        await asyncio.sleep(0)
        assert not closer.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await closer
        await asyncio.gather(*commits)
        assert [row.seq for row in journal.read()] == [1, 2, 3]
        assert journal.transactions == 2

    asyncio.run(main())


def test_a_refused_file_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = threading.active_count()

    async def main() -> None:
        with pytest.raises(JournalUnusable):
            await AiosqlitePersistence.open(tmp_path / "missing" / "a.journal")

    asyncio.run(main())
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(5)
    assert threading.active_count() <= before


def test_the_latency_of_a_rehearsed_disk_is_waited_for_after_the_commit() -> None:
    async def main() -> None:
        seen: list[int] = []

        async def latency() -> None:
            seen.append(journal.last_seq)
            await asyncio.sleep(0)

        journal = InlinePersistence(latency=latency)
        await journal.commit(batch(0))
        await journal.commit(batch(2))
        assert seen == [2, 4]
        await journal.close()

    asyncio.run(main())
