"""``PersistenceLayer`` for production: one writer task, one connection, its own thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import aiosqlite

from core.domain.facts import Recorded
from core.journal.errors import JournalClosed, JournalError, JournalWriteFailed
from core.journal.opening import OpenedJournal, Synchronous, open_journal, read_journal
from core.journal.writing import Batch, JournalWriter, WriteFault, merged

_Waiter = tuple[Batch, "asyncio.Future[None]"]


class _Connection(aiosqlite.Connection):
    """A connection whose transactions run whole on its thread, so that nothing can stop one half-way."""

    async def run(self, work: Callable[[Batch], None], batch: Batch) -> None:
        """Run ``work`` on the connection's thread: one hop, however many statements."""
        await self._execute(work, batch)  # type: ignore[no-untyped-call]


class AiosqlitePersistence:
    """Callers queue batches and await a shielded future; one task commits whatever waits, together.

    Open it with ``await AiosqlitePersistence.open(...)`` and close it in a ``finally``: the thread behind it
    keeps a process alive that forgets to, until the event loop ends.
    """

    def __init__(
        self, path: Path, connection: _Connection, opened: OpenedJournal, fault: WriteFault | None
    ) -> None:
        self._path = path
        self._connection = connection
        self._journal = JournalWriter(opened.connection, opened.head, fault)
        self._queue: asyncio.Queue[_Waiter | None] = asyncio.Queue()
        self._closed = False
        self._writing = asyncio.create_task(self._write(), name="journal-writer")
        self.transactions = 0
        self._warnings = opened.warnings

    @classmethod
    async def open(
        cls,
        path: str | Path,
        synchronous: Synchronous = Synchronous.FULL,
        *,
        fault: WriteFault | None = None,
        sole_writer: bool = False,
    ) -> AiosqlitePersistence:
        """Open or create the journal. Raises what ``open_journal`` raises."""
        opened: OpenedJournal | None = None
        refused: JournalError | None = None

        def connect() -> sqlite3.Connection:
            nonlocal opened, refused
            try:
                opened = open_journal(path, synchronous, sole_writer=sole_writer)
            except JournalError as error:
                # An error raised here would end the thread behind the event loop's back; one that is
                # handed over is raised below, after an orderly end.
                refused = error
                return sqlite3.connect(":memory:")
            return opened.connection

        connection = _Connection(connect, iter_chunk_size=64)
        await connection
        if opened is None:
            await connection.close()
            raise refused if refused is not None else JournalClosed()
        journal = cls(Path(path), connection, opened, fault)
        # A task that is cancelled before its first step runs no ``finally``: let the writer take it.
        await asyncio.sleep(0)
        return journal

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was noticed at the opening that a person should know."""
        return self._warnings

    @property
    def last_seq(self) -> int:
        """The number of the last committed row, 0 in an empty journal."""
        return self._journal.head.seq

    async def commit(self, batch: Batch) -> None:
        """See ``PersistenceLayer``."""
        if self._closed:
            raise JournalClosed
        if not batch.rows:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((batch, done))
        await asyncio.shield(done)

    def read(self) -> Iterator[Recorded]:
        """See ``PersistenceLayer``; over a connection of its own, which cannot write."""
        return read_journal(self._path)

    async def close(self) -> None:
        """See ``PersistenceLayer``. A cancelled caller is cancelled once the file is closed, not before."""
        if not self._closed:
            self._closed = True
            self._queue.put_nowait(None)
        cancelled: asyncio.CancelledError | None = None
        while not self._writing.done():
            try:
                await asyncio.wait([self._writing])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    async def _write(self) -> None:
        try:
            more = True
            while more:
                waiting: list[_Waiter] = []
                item = await self._queue.get()
                while item is not None:
                    waiting.append(item)
                    if self._queue.empty():
                        break
                    item = self._queue.get_nowait()
                more = item is not None
                if waiting:
                    await self._commit_together(waiting)
        finally:
            # Without ``close`` this is reached only as the loop goes down, which the thread must not outlive.
            self._closed = True
            while not self._queue.empty():
                late = self._queue.get_nowait()
                if late is not None:
                    _settle(late[1], JournalClosed())
            ended = self._connection.stop()
            if ended is not None:
                await ended

    async def _commit_together(self, waiting: list[_Waiter]) -> None:
        failure: Exception | None = None
        try:
            batch = merged(batch for batch, _ in waiting)
            await self._connection.run(self._journal.apply, batch)
            self.transactions += 1
        except asyncio.CancelledError:
            for _, done in waiting:
                done.cancel()
            raise
        except JournalError as error:
            failure = error
        except Exception as error:
            # A defect in a batch must reach its caller and leave the writer alive for the next one.
            failure = JournalWriteFailed(f"{type(error).__name__}: {error}")
            failure.__cause__ = error
        for _, done in waiting:
            _settle(done, failure)


def _settle(done: asyncio.Future[None], failure: Exception | None) -> None:
    if done.done():
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)
        # The caller may be gone; a failure that nobody awaits is no defect of the loop's.
        done.exception()
