"""The judge of what a run left behind must notice what should never be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.brokers.paper.exchange import API
from core.brokers.paper.records import (
    ExchangeRecord,
    OrderAccepted,
    OrderTraded,
    RequestRefused,
    StatusChanged,
)
from core.domain.account import Severity
from core.domain.evolve import fold
from core.domain.facts import (
    AlertRaised,
    Fact,
    GateDecided,
    GroupPlanned,
    JournalOpened,
    OrderIntended,
    ProcessStarted,
    Recorded,
    StateChanged,
)
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import ChildOrder, OrderType, Purpose
from core.domain.tags import tag_for
from core.domain.timing import NS_PER_S
from core.rehearsal.wire.judging import Left, judge
from tests.builders import plan

NONCE = "JUDGED"
PLAN = plan()
LONG = next(leg for leg in PLAN.legs if leg.side is Side.BUY)
SHORT = next(leg for leg in PLAN.legs if leg.side is Side.SELL)
CONTRACTS = {leg.contract.symbol: leg.contract for leg in PLAN.legs}


def order(leg_index: int, child: int, side: Side, units: int, purpose: Purpose = Purpose.ENTRY) -> ChildOrder:
    leg = PLAN.legs[leg_index]
    return ChildOrder(
        tag_for(NONCE, PLAN.number, leg_index, child, 1), PLAN.group_id, leg_index, child, 1, purpose,
        leg.contract.symbol, leg.contract.exchange, PLAN.product, side, units, leg.contract.lot_units,
        OrderType.LIMIT, 100_00, 0, NS_PER_S,
    )  # fmt: skip


def rows(*orders: ChildOrder, gated: bool = True) -> list[Recorded]:
    facts: list[Fact] = [JournalOpened(NONCE, 1, "", "LIVE", "", "", 1), GroupPlanned(PLAN)]
    if gated:
        facts.append(GateDecided(PLAN.group_id, True, 0, 0, 0, "", ""))
    facts += [OrderIntended(each, 0, 0) for each in orders]
    return [Recorded(n, NS_PER_S, "" if n == 1 else PLAN.group_id, fact) for n, fact in enumerate(facts, 1)]


def accepted(each: ChildOrder, at_s: float = 2, placed_by: str = API) -> OrderAccepted:
    return OrderAccepted(
        int(at_s * NS_PER_S), f"id-{each.tag}", each.tag if placed_by == API else "", each.symbol,
        each.exchange, each.product, each.side, each.units, each.order_type, 100_00, 0, placed_by,
    )  # fmt: skip


def traded(each: ChildOrder, units: int, trade_id: str, at_s: float = 2) -> OrderTraded:
    at_ns = int(at_s * NS_PER_S)
    return OrderTraded(at_ns, f"id-{each.tag}", trade_id, units, 100_00, at_ns, at_ns)


def found(records: Sequence[ExchangeRecord], *orders: ChildOrder, gated: bool = True) -> set[int]:
    left = Left(records, rows(*orders, gated=gated), CONTRACTS, 1.0)
    assert isinstance(fold(left.rows).groups[PLAN.group_id], MultiLegOrderGroup)
    return {violation.invariant for violation in judge(left)}


BUY = order(LONG.index, 1, Side.BUY, LONG.contract.lot_units)
SELL = order(SHORT.index, 1, Side.SELL, SHORT.contract.lot_units)


def test_a_short_without_its_cover_is_found_on_the_books_and_so_is_that_nothing_came() -> None:
    records: list[ExchangeRecord] = [accepted(SELL), traded(SELL, SELL.units, "1"), accepted(BUY, at_s=30)]
    assert {1, 8} <= found(records, SELL, BUY)
    assert 8 not in found([*records[:2], accepted(BUY, at_s=2.8)], SELL, BUY)


def test_a_refused_sale_or_a_stop_is_no_answer_and_a_refused_purchase_is() -> None:
    records: list[ExchangeRecord] = [accepted(SELL), traded(SELL, SELL.units, "1")]
    stop = replace(order(SHORT.index, 2, Side.BUY, SELL.units, Purpose.STOP), order_type=OrderType.SL)
    more = order(SHORT.index, 3, Side.SELL, SELL.units)
    assert 8 in found([*records, accepted(stop, at_s=2.5)], SELL, stop)
    for each, late in ((more, True), (BUY, False)):
        refused = RequestRefused(int(2.5 * NS_PER_S), "place", "", each.tag, 429, "NetworkException", "")
        assert (8 in found([*records, refused], SELL, each)) is late


def test_manual_is_an_answer_once_a_critical_alert_says_so() -> None:
    records: list[ExchangeRecord] = [accepted(SELL), traded(SELL, SELL.units, "1")]
    alert = AlertRaised(f"manual:{PLAN.group_id}", Severity.CRITICAL, "", "manual", PLAN.group_id)
    states = (ExecutionLifecycle.VALIDATING, ExecutionLifecycle.PLACING, ExecutionLifecycle.MANUAL)
    for also, late in (((), True), ((alert,), False)):
        told = rows(SELL)
        facts: list[Fact] = [StateChanged(PLAN.group_id, state, "") for state in states]
        told += [
            Recorded(len(told) + n, int(2.5 * NS_PER_S), PLAN.group_id, fact)
            for n, fact in enumerate([*facts, *also], 1)
        ]
        violations = judge(Left(records, told, CONTRACTS, 1.0))
        assert (8 in {violation.invariant for violation in violations}) is late


def test_a_fill_after_a_cancel_spoils_cover_but_must_still_be_answered() -> None:
    cancelled = StatusChanged(int(1.5 * NS_PER_S), f"id-{SELL.tag}", "CANCELLED", "")
    invariants = found([accepted(SELL, 1), cancelled, traded(SELL, SELL.units, "1")], SELL)
    assert 1 not in invariants
    assert 8 in invariants


def test_a_short_that_somebody_else_has_closed_needs_no_cover() -> None:
    theirs = replace(order(SHORT.index, 9, Side.BUY, SELL.units), tag="theirs")
    closed: list[ExchangeRecord] = [
        accepted(theirs, 1, placed_by="trader"),
        traded(theirs, SELL.units, "1", 1),
    ]
    records: list[ExchangeRecord] = [accepted(SELL), traded(SELL, SELL.units, "2")]
    assert not {1, 8} & found([*closed, *records], SELL)
    assert {1, 8} <= found(records, SELL)


def test_an_order_that_was_never_intended_is_found() -> None:
    assert 2 in found([accepted(BUY)])


def test_a_trade_that_is_not_in_the_journal_is_found() -> None:
    assert {9, 7} <= found([accepted(BUY), traded(BUY, BUY.units, "1")], BUY)


def test_an_exit_that_turns_a_position_is_found() -> None:
    exit_ = order(LONG.index, 2, Side.SELL, 2 * BUY.units, Purpose.EXIT)
    records: list[ExchangeRecord] = [
        accepted(BUY),
        traded(BUY, BUY.units, "1"),
        accepted(exit_),
        traded(exit_, exit_.units, "2"),
    ]
    assert 4 in found(records, BUY, exit_)


def test_more_than_was_planned_is_found() -> None:
    most = PLAN.units(LONG.index)
    more = [order(LONG.index, n, Side.BUY, most) for n in (1, 2)]
    records: list[ExchangeRecord] = []
    for each in more:
        records += [accepted(each), traded(each, most, each.tag)]
    assert 5 in found(records, *more)


@pytest.mark.parametrize("units", [1, 10_000 * LONG.contract.lot_units])
def test_an_order_that_is_no_whole_lots_or_above_the_freeze_is_found(units: int) -> None:
    odd = order(LONG.index, 1, Side.BUY, units)
    assert 13 in found([accepted(odd)], odd)


def test_an_entry_before_its_gate_is_found() -> None:
    assert 10 in found([], BUY, gated=False)
    assert 10 not in found([], BUY)


def test_a_gate_ends_with_its_process_and_an_adopted_order_needs_none() -> None:
    told = rows()
    more: list[Fact] = [ProcessStarted(True), OrderIntended(BUY, 0, 0)]
    told += [Recorded(len(told) + n, 3 * NS_PER_S, PLAN.group_id, fact) for n, fact in enumerate(more, 1)]
    for at_s, found_ in ((4, True), (2, False)):
        violations = judge(Left([accepted(BUY, at_s)], told, CONTRACTS, 1.0))
        assert (10 in {violation.invariant for violation in violations}) is found_


def test_a_group_that_never_came_to_rest_is_found() -> None:
    assert 14 in found([])
