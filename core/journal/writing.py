"""``JournalWriter.apply``: the one way in which anything gets into the journal, all of it or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from core.domain.facts import Recorded
from core.domain.groups import MultiLegOrderGroup
from core.journal.chain import ChainHead, row_hash
from core.journal.codec import FactUnwritable, encode_fact
from core.journal.errors import JournalWriteFailed
from core.journal.tables import (
    EMERGENCY_HEDGE,
    EXECUTION_STATE,
    LEG_STATE,
    ORDER_STATE,
    ExecutionState,
    Row,
    emergency_hedge_rows,
    leg_state_row,
    legs_json,
    order_state_rows,
)

_EVENT: Final = "INSERT INTO events VALUES (?,?,?,?,?,?)"

WriteFault = Callable[[], None]
"""Called inside the transaction, just before it is committed; raises ``sqlite3.Error`` to make it fail."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Facts to commit together, numbered on from the last committed one, and the groups that they changed.

    ``groups`` are as they stand after the last of ``rows``; without rows there is nothing to commit.
    """

    rows: tuple[Recorded, ...]
    groups: tuple[MultiLegOrderGroup, ...] = ()


def merged(batches: Iterable[Batch]) -> Batch:
    """Several batches as one: all rows in order, and each group as it stood last."""
    rows: list[Recorded] = []
    groups: dict[str, MultiLegOrderGroup] = {}
    for batch in batches:
        rows.extend(batch.rows)
        for group in batch.groups:
            groups[group.plan.group_id] = group
    return Batch(tuple(rows), tuple(groups.values()))


class JournalWriter:
    """Writes batches over one connection in autocommit mode (``isolation_level=None``), and keeps the chain.

    It remembers each group as last committed, so that only the legs that changed are written again.
    """

    def __init__(
        self, connection: sqlite3.Connection, head: ChainHead, fault: WriteFault | None = None
    ) -> None:
        self._connection = connection
        self._fault = fault
        self._written: dict[str, _Written] = {}
        self.head = head

    def apply(self, batch: Batch) -> None:
        """Commit a batch of at least one row in one transaction.

        Raises ``JournalWriteFailed`` when it did not happen: it is then rolled back, and the chain as before.
        """
        connection = self._connection
        try:
            events, after = _chained(batch.rows, self.head)
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_EVENT, events)
            written = self._write_states(batch)
            if self._fault is not None:
                self._fault()
            connection.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise JournalWriteFailed(str(error), "Check the disk's free space and its health.") from error
            if isinstance(error, (FactUnwritable, OverflowError, UnicodeError)):
                raise JournalWriteFailed(str(error)) from error
            raise
        self.head = after
        self._written.update(written)

    def _write_states(self, batch: Batch) -> Mapping[str, _Written]:
        connection = self._connection
        last = batch.rows[-1]
        groups: dict[str, MultiLegOrderGroup] = {}
        written: dict[str, _Written] = {}
        for group in batch.groups:
            group_id = group.plan.group_id
            groups[group_id] = group
            before = self._written.get(group_id)
            changed = _changed_legs(before, group)
            text = legs_json(group) if before is None or changed else before.legs
            written[group_id] = _Written(group, text)
            connection.execute(EXECUTION_STATE, ExecutionState.of(group, text, last.at_ns, last.seq))
            if changed:
                connection.executemany(LEG_STATE, [leg_state_row(group, leg, last.seq) for leg in changed])
        orders = order_state_rows(batch.rows, groups)
        if orders:
            connection.executemany(ORDER_STATE, orders)
        hedges = emergency_hedge_rows(batch.rows)
        if hedges:
            connection.executemany(EMERGENCY_HEDGE, hedges)
        return written


class _Written(NamedTuple):
    group: MultiLegOrderGroup
    legs: str


def _changed_legs(before: _Written | None, group: MultiLegOrderGroup) -> list[int]:
    if before is None or before.group.copies != group.copies:
        return list(range(len(group.legs)))
    old = before.group.legs
    return [index for index, leg in enumerate(group.legs) if index >= len(old) or leg is not old[index]]


def _chained(rows: Iterable[Recorded], head: ChainHead) -> tuple[list[Row], ChainHead]:
    seq, before = head.seq, head.hash
    events: list[Row] = []
    for row in rows:
        if row.seq != seq + 1:
            raise JournalWriteFailed(
                f"row {row.seq} was to follow row {seq}, so it was decided on facts that are not on disk"
            )
        seq = row.seq
        kind, body = encode_fact(row.fact)
        before = row_hash(before, seq, row.at_ns, row.group_id, kind, body)
        events.append((seq, row.at_ns, row.group_id, kind, body, before))
    return events, ChainHead(seq, before)
