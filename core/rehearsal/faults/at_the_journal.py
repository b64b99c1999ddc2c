"""Faults of the disk under the journal. The exchange's own file stays writable."""

from __future__ import annotations

import sqlite3

from core.domain.timing import NS_PER_MS, Clock
from core.rehearsal.faults.engine import FaultEngine
from core.rehearsal.faults.kinds import FaultKind

_K = FaultKind


class JournalFaults:
    """A ``WriteFault`` and a commit latency for ``InlinePersistence``, over all lives of the core."""

    def __init__(self, engine: FaultEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._commits = 0
        self.full_until_ns = 0

    def __call__(self) -> None:
        """Raise ``sqlite3.OperationalError`` where this commit is to fail."""
        engine = self._engine
        self._commits += 1
        now_ns = self._clock.now_ns()
        if now_ns < self.full_until_ns:
            engine.count(_K.DISK_FULL)
            raise sqlite3.OperationalError("database or disk is full")
        if engine.strikes(_K.FAILING_JOURNAL, self._commits, now_ns):
            engine.count(_K.FAILING_JOURNAL)
            raise sqlite3.OperationalError("disk I/O error")

    async def latency(self) -> None:
        """Wait as long as this commit takes to be acknowledged."""
        engine, now_ns = self._engine, self._clock.now_ns()
        if engine.strikes(_K.SLOW_JOURNAL, self._commits, now_ns):
            engine.count(_K.SLOW_JOURNAL)
            late_ns = engine.between(_K.SLOW_JOURNAL, self._commits, 5 * NS_PER_MS, 900 * NS_PER_MS)
            await self._clock.sleep_until(now_ns + late_ns)
