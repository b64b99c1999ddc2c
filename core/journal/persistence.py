"""``PersistenceLayer``: the port through which facts are made durable, and its adapter for simulations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol

from core.domain.facts import Recorded
from core.journal.errors import JournalClosed
from core.journal.opening import IN_MEMORY, Synchronous, open_image, open_journal, read_journal, read_rows
from core.journal.writing import Batch, JournalWriter, WriteFault


class PersistenceLayer(Protocol):
    """Where the facts go before anything follows from them."""

    @property
    def last_seq(self) -> int:
        """The number of the last committed row, 0 in an empty journal."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was noticed at the opening that a person should know."""
        ...

    async def commit(self, batch: Batch) -> None:
        """Return once the batch is durable.

        Raises ``JournalWriteFailed`` when it is not, nothing of it, and ``JournalClosed`` after ``close``. A
        caller that is cancelled while it waits does not know: the commit goes on, and ``last_seq`` tells.
        """
        ...

    def read(self) -> Iterator[Recorded]:
        """Every committed row in order. Raises ``JournalCorrupt`` at the first that is not as written."""
        ...

    async def close(self) -> None:
        """Commit what waits, then close the file. Harmless when repeated."""
        ...


class InlinePersistence:
    """Commits on the caller's thread, into memory or a file: no second thread, so a seed decides everything.

    ``latency`` is awaited after each commit and before it is acknowledged, on whatever clock it uses;
    ``fault`` may make a commit fail. Raises what ``open_journal`` raises.
    """

    def __init__(
        self,
        path: str | Path = IN_MEMORY,
        synchronous: Synchronous = Synchronous.FULL,
        *,
        latency: Callable[[], Awaitable[None]] | None = None,
        fault: WriteFault | None = None,
        sole_writer: bool = False,
        image: bytes | None = None,
    ) -> None:
        """``image`` is what an earlier one in memory left behind; ``path`` is not looked at then."""
        if image is None:
            opened = open_journal(path, synchronous, sole_writer=sole_writer)
        else:
            path, opened = IN_MEMORY, open_image(image)
        self._path = path
        self._connection = opened.connection
        self._writer = JournalWriter(opened.connection, opened.head, fault)
        self._latency = latency
        self._closed = False
        self._warnings = opened.warnings

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was noticed at the opening that a person should know."""
        return self._warnings

    @property
    def last_seq(self) -> int:
        """The number of the last committed row, 0 in an empty journal."""
        return self._writer.head.seq

    @property
    def last_hash(self) -> str:
        """The hash of the last committed row: equal for two journals only if every row is."""
        return self._writer.head.hash

    def image(self) -> bytes:
        """The bytes of the database as committed, to be opened again after a simulated crash."""
        return self._connection.serialize()

    async def commit(self, batch: Batch) -> None:
        """See ``PersistenceLayer``."""
        if self._closed:
            raise JournalClosed
        if not batch.rows:
            return
        self._writer.apply(batch)
        if self._latency is not None:
            await self._latency()

    def read(self) -> Iterator[Recorded]:
        """See ``PersistenceLayer``."""
        if str(self._path) != IN_MEMORY:
            return read_journal(self._path)
        if self._closed:
            raise JournalClosed
        return read_rows(self._connection, "in memory")

    async def close(self) -> None:
        """See ``PersistenceLayer``. What was in memory is gone."""
        self._closed = True
        self._connection.close()
