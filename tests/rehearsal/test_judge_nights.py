"""A night without a core: what the judge excuses is what no book told, and no more than that."""

from __future__ import annotations

from dataclasses import replace

from core.brokers.paper.books import MemoryBooks
from core.brokers.paper.records import ExchangeRecord
from core.domain.account import Account
from core.domain.evolve import fold
from core.domain.facts import BooksReconciled, ProcessStarted, Recorded
from core.domain.instruments import PositionKey, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.timing import NS_PER_S
from core.rehearsal.invariants.ends import nothing_lost
from core.rehearsal.invariants.resting import (
    at_the_end,
    blurred,
    kept_looks,
    known_until_ns,
    shared_overnight,
)
from core.rehearsal.invariants.truth import Truth
from tests.rehearsal.test_judge_ends import account
from tests.rehearsal.wire.test_judging import CONTRACTS, LONG, NONCE, PLAN, accepted, order, rows, traded

BOUGHT = order(LONG.index, 1, Side.BUY, LONG.contract.lot_units)
THEIRS = replace(order(LONG.index, 9, Side.SELL, BOUGHT.units), tag="theirs")
NIGHT = ((0, 3_600 * NS_PER_S),)
BEFORE = ((-2, -1),)


def truth_of(*records: ExchangeRecord) -> Truth:
    truth = Truth(MemoryBooks(), CONTRACTS, NONCE)
    truth.append(list(records))
    return truth


def test_a_trade_that_no_living_core_could_read_need_not_be_in_the_journal_and_any_other_must() -> None:
    truth = truth_of(accepted(BOUGHT), traded(BOUGHT, BOUGHT.units, "1"))
    told = rows(BOUGHT)
    assert nothing_lost(told, truth.trades) == "not in the journal: trade 1"
    assert nothing_lost(told, truth.trades, BEFORE) == "not in the journal: trade 1"
    assert nothing_lost(told, truth.trades, NIGHT) == ""


def test_only_what_somebody_else_traded_in_that_night_is_unclear() -> None:
    ours: list[ExchangeRecord] = [accepted(BOUGHT), traded(BOUGHT, BOUGHT.units, "1")]
    sold: list[ExchangeRecord] = [accepted(THEIRS, placed_by="trader"), traded(THEIRS, THEIRS.units, "2")]
    known = fold(rows(BOUGHT))
    key = PositionKey(LONG.contract.exchange, LONG.contract.symbol, PLAN.product)
    assert blurred(known, truth_of(*ours), NIGHT, ()) == frozenset()
    assert blurred(known, truth_of(*ours, *sold), NIGHT, ()) == {key}
    assert blurred(known, truth_of(*ours, *sold), BEFORE, ()) == frozenset()


def test_an_order_that_was_over_and_fills_in_that_night_is_unclear_as_well() -> None:
    truth = truth_of(accepted(BOUGHT), traded(BOUGHT, BOUGHT.units, "1"))
    known = fold(rows(BOUGHT))
    assert blurred(known, truth, NIGHT, {BOUGHT.tag})
    assert not blurred(known, truth, BEFORE, {BOUGHT.tag})


def found(state: Account, truth: Truth, unseen: tuple[tuple[int, int], ...]) -> list[int]:
    unclear = blurred(state, truth, unseen, ())
    return [invariant for invariant, _, _ in at_the_end(state, truth, 0, rested=True, unclear=unclear)]


def test_a_closed_group_that_holds_something_is_excused_only_where_nobody_can_tell_whose_it_is() -> None:
    ours: list[ExchangeRecord] = [accepted(BOUGHT), traded(BOUGHT, BOUGHT.units, "1")]
    sold: list[ExchangeRecord] = [accepted(THEIRS, placed_by="trader"), traded(THEIRS, THEIRS.units, "2")]
    closed = account(ExecutionLifecycle.CLOSED)
    assert found(closed, truth_of(*ours), NIGHT) == [14]
    assert found(closed, truth_of(*ours, *sold), NIGHT) == []
    assert found(closed, truth_of(*ours, *sold), ()) == [14]


def test_a_position_that_orders_of_two_groups_moved_in_that_night_is_nobodys_to_divide() -> None:
    ours: list[ExchangeRecord] = [accepted(BOUGHT), traded(BOUGHT, BOUGHT.units, "1")]
    key = PositionKey(LONG.contract.exchange, LONG.contract.symbol, PLAN.product)
    alone = fold(rows(BOUGHT))
    group = alone.groups[PLAN.group_id]
    second = replace(group, plan=replace(group.plan, group_id="G-002", number=2))
    both = alone.with_group(second)
    assert shared_overnight(alone, truth_of(*ours), NIGHT[0]) == {}
    assert shared_overnight(both, truth_of(*ours), BEFORE[0]) == {}
    assert shared_overnight(both, truth_of(*ours), NIGHT[0]) == {key: {PLAN.group_id, "G-002"}}


def test_what_is_known_ends_with_the_last_process_that_has_read_the_books() -> None:
    def at(second: int, fact: ProcessStarted | BooksReconciled) -> Recorded:
        return Recorded(second, second * NS_PER_S, "", fact)

    first = [at(100, ProcessStarted(False)), at(101, BooksReconciled(0)), at(120, BooksReconciled(0))]
    assert known_until_ns(first, 130 * NS_PER_S) == 115 * NS_PER_S
    assert known_until_ns(first, 150 * NS_PER_S) == 120 * NS_PER_S, "nothing was written any more"
    second = [*first, at(132, ProcessStarted(True))]
    assert known_until_ns(second, 160 * NS_PER_S) == 117 * NS_PER_S, "it died before it had read anything"
    third = [*second, at(161, ProcessStarted(True)), at(162, BooksReconciled(0))]
    assert known_until_ns(third, 170 * NS_PER_S) == 155 * NS_PER_S


def test_books_whose_rows_never_reached_the_disk_taught_nobody_anything() -> None:
    written = [
        Recorded(1, 100 * NS_PER_S, "", ProcessStarted(False)),
        Recorded(2, 101 * NS_PER_S, "", BooksReconciled(0)),
        Recorded(3, 125 * NS_PER_S, "", BooksReconciled(0)),
    ]
    looks = [(101 * NS_PER_S, 100 * NS_PER_S), (126 * NS_PER_S, 124 * NS_PER_S)]
    assert known_until_ns(written, 150 * NS_PER_S, kept_looks(written, looks)) == 100 * NS_PER_S
    looks.append((125 * NS_PER_S, 124 * NS_PER_S))
    assert known_until_ns(written, 150 * NS_PER_S, kept_looks(written, looks)) == 124 * NS_PER_S
