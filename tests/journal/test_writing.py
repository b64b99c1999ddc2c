"""One transaction: the rows, their chain, and the tables in step, or nothing of it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

import pytest

from core.domain.facts import ForeignOrderSeen, HedgeWanted, OrderIntended, OrderSeen
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import OrderStatus, Outcome, Purpose, Source
from core.journal.errors import JournalCorrupt, JournalWriteFailed
from core.journal.opening import IN_MEMORY, open_journal, read_rows
from core.journal.writing import Batch, JournalWriter, WriteFault, merged
from tests.journal.builders import AT_NS, batch, condor, filled, order, rows
from tests.journal.failing import FailingCommits


def opened(fault: WriteFault | None = None) -> tuple[sqlite3.Connection, JournalWriter]:
    journal = open_journal(IN_MEMORY)
    journal.connection.row_factory = sqlite3.Row
    return journal.connection, JournalWriter(journal.connection, journal.head, fault)


def table(connection: sqlite3.Connection, name: str) -> list[sqlite3.Row]:
    return connection.execute(f"SELECT * FROM {name}").fetchall()


def test_the_public_columns_of_events_are_as_promised() -> None:
    connection, writer = opened()
    writer.apply(batch(0))
    row = table(connection, "events")[1]
    assert row.keys() == ["seq", "at_ns", "group_id", "kind", "body", "hash"]
    assert row["kind"] == "state_changed"
    assert json.loads(row["body"])["reason"] == "the wings are sent first"
    assert list(read_rows(connection, "here")) == list(batch(0).rows)


def test_the_tables_say_where_each_group_leg_and_order_stands() -> None:
    connection, writer = opened()
    first = batch(0)
    writer.apply(first)
    open_order = replace(order(), status=OrderStatus.OPEN, filled_units=300, order_id="77")
    bought = replace(filled(first.groups[0], 0, 300), orders={open_order.tag: open_order})
    seen = OrderSeen(order().tag, "77", OrderStatus.OPEN, 300, 5_815, Source.STREAM, "")
    writer.apply(Batch(rows(2, seen), (bought,)))

    (state,) = table(connection, "execution_states")
    assert (state["group_id"], state["state"], state["updated_seq"]) == ("G-001", "PARTIALLY_EXPOSED", 3)
    assert state["updated_ist"] == "2025-08-29 09:30:00.123"
    assert json.loads(state["legs"])[0] == {
        "symbol": "NIFTY25AUG24000PE",
        "side": "BUY",
        "target_units": 750,
        "net_units": 300,
    }
    legs = table(connection, "leg_states")
    assert [leg["target_units"] for leg in legs] == [750, 750, -750, -750]
    assert [leg["net_units"] for leg in legs] == [300, 0, 0, 0]
    assert [leg["updated_seq"] for leg in legs] == [3, 2, 2, 2]
    (sent,) = table(connection, "order_states")
    assert (sent["status"], sent["filled_units"], sent["order_id"]) == ("OPEN", 300, "77")


def test_a_scale_down_changes_the_target_of_legs_that_did_not_trade() -> None:
    connection, writer = opened()
    group = condor(order())
    writer.apply(Batch(rows(0, OrderIntended(order(), 1, 2)), (group,)))
    writer.apply(Batch(rows(1, ForeignOrderSeen("1", "")), (replace(group, copies=4),)))
    assert [leg["target_units"] for leg in table(connection, "leg_states")] == [300, 300, -300, -300]
    assert json.loads(table(connection, "execution_states")[0]["legs"])[3]["target_units"] == -300


def test_an_emergency_hedge_is_a_row_that_says_why_and_its_order_is_found() -> None:
    connection, writer = opened()
    hedge = replace(order("QX7K2M0010501", Purpose.HEDGE), outcome=Outcome.UNKNOWN)
    wanted = HedgeWanted("G-001", "complete", hedge.symbol, Side.BUY, 750, "750 short calls stand uncovered")
    writer.apply(Batch(rows(0, wanted, OrderIntended(hedge, 1, 2)), (condor(hedge),)))
    (row,) = table(connection, "emergency_hedges")
    assert (row["wanted_seq"], row["wanted_at_ns"], row["units"]) == (1, AT_NS + 1, 750)
    assert row["reason"] == "750 short calls stand uncovered"
    (sent,) = table(connection, "hedge_orders")
    assert (sent["tag"], sent["outcome"]) == ("QX7K2M0010501", "UNKNOWN")


@pytest.mark.parametrize(
    "statement",
    ["UPDATE events SET body = '{}' WHERE seq = 1", "DELETE FROM events", "DELETE FROM events WHERE seq = 2"],
)
def test_rows_cannot_be_changed_or_deleted_with_any_tool(statement: str) -> None:
    connection, writer = opened()
    writer.apply(batch(0))
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    assert len(table(connection, "events")) == 2


@pytest.mark.parametrize("column", ["at_ns = at_ns + 1", "group_id = 'G-002'", "kind = 'goal_changed'"])
def test_a_changed_row_is_named(column: str) -> None:
    connection, writer = opened()
    for after in range(0, 10, 2):
        writer.apply(batch(after))
    connection.execute("DROP TRIGGER events_are_never_changed")
    connection.execute(f"UPDATE events SET {column} WHERE seq = 7")
    read = read_rows(connection, "here")
    assert [next(read).seq for _ in range(6)] == [1, 2, 3, 4, 5, 6]
    with pytest.raises(JournalCorrupt, match="at row 7") as caught:
        next(read)
    assert caught.value.seq == 7


def test_a_missing_row_is_named() -> None:
    connection, writer = opened()
    for after in range(0, 10, 2):
        writer.apply(batch(after))
    connection.execute("DROP TRIGGER events_are_never_deleted")
    connection.execute("DELETE FROM events WHERE seq = 4")
    with pytest.raises(JournalCorrupt, match="row 5 follows row 3"):
        list(read_rows(connection, "here"))


def test_a_commit_that_fails_leaves_nothing_and_the_next_one_may_succeed() -> None:
    fault = FailingCommits(first=2)
    connection, writer = opened(fault)
    writer.apply(batch(0))
    head, before = writer.head, [tuple(row) for row in table(connection, "leg_states")]
    failing = Batch(rows(2, ForeignOrderSeen("1", "")), (filled(condor(order()), 0, 75),))
    with pytest.raises(JournalWriteFailed, match="database or disk is full") as caught:
        writer.apply(failing)
    assert "no new risk" in str(caught.value)
    assert not connection.in_transaction
    assert writer.head == head
    assert [tuple(row) for row in table(connection, "leg_states")] == before
    writer.apply(failing)
    assert table(connection, "leg_states")[0]["net_units"] == 75
    assert [row.seq for row in read_rows(connection, "here")] == [1, 2, 3]
    assert (fault.attempts, fault.failed) == (3, 1)


def test_a_disk_that_is_really_full_fails_the_commit_and_loses_nothing() -> None:
    connection, writer = opened()
    writer.apply(batch(0))
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    def fill_the_disk() -> None:
        for _ in range(1_000):
            writer.apply(batch(writer.head.seq))

    with pytest.raises(JournalWriteFailed, match="full"):
        fill_the_disk()
    committed = writer.head.seq
    assert [row.seq for row in read_rows(connection, "here")] == list(range(1, committed + 1))
    connection.execute("PRAGMA max_page_count = 100000")
    writer.apply(batch(committed))
    assert writer.head.seq == committed + 2


def test_rows_decided_on_facts_that_never_reached_the_disk_are_refused() -> None:
    _, writer = opened()
    writer.apply(batch(0))
    with pytest.raises(JournalWriteFailed, match="row 5 was to follow row 2"):
        writer.apply(batch(4))
    assert writer.head.seq == 2


def test_text_that_is_no_unicode_fails_its_commit_and_not_the_journal() -> None:
    connection, writer = opened()
    with pytest.raises(JournalWriteFailed, match="foreign_order_seen"):
        writer.apply(Batch(rows(0, ForeignOrderSeen("1", "\ud800"))))
    writer.apply(batch(0))
    assert len(table(connection, "events")) == 2


def test_batches_together_keep_all_rows_and_the_last_of_each_group() -> None:
    first, last = condor(), replace(condor(), state=ExecutionLifecycle.OPEN)
    other = condor(group_id="G-002")
    together = merged(
        [
            Batch(rows(0, ForeignOrderSeen("1", "")), (first, other)),
            Batch(rows(1, ForeignOrderSeen("2", "")), (last,)),
        ]
    )
    assert [row.seq for row in together.rows] == [1, 2]
    assert together.groups == (last, other)
