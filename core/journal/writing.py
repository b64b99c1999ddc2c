"""``apply``: the one way in which anything gets into the journal, all of it or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

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
    Row,
    emergency_hedge_rows,
    execution_state_row,
    leg_state_rows,
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


def apply(
    connection: sqlite3.Connection, batch: Batch, head: ChainHead, fault: WriteFault | None = None
) -> ChainHead:
    """Commit a batch in one transaction and return the new head of the chain.

    ``batch`` has at least one row, ``connection`` is in autocommit mode (``isolation_level=None``) and
    ``head`` is the last committed row.
    Raises ``JournalWriteFailed`` when it did not happen; it is then rolled back, and ``head`` still holds.
    """
    try:
        events, after = _chained(batch.rows, head)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_EVENT, events)
        _write_states(connection, batch)
        if fault is not None:
            fault()
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
    return after


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


def _write_states(connection: sqlite3.Connection, batch: Batch) -> None:
    last = batch.rows[-1]
    groups = {group.plan.group_id: group for group in batch.groups}
    for group in batch.groups:
        connection.execute(EXECUTION_STATE, execution_state_row(group, last.at_ns, last.seq))
        connection.executemany(LEG_STATE, leg_state_rows(group, last.seq))
    orders = order_state_rows(batch.rows, groups)
    if orders:
        connection.executemany(ORDER_STATE, orders)
    hedges = emergency_hedge_rows(batch.rows)
    if hedges:
        connection.executemany(EMERGENCY_HEDGE, hedges)
