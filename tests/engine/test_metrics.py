"""What is counted of a session, also where its first rows were written by an earlier process."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.account import Account
from core.domain.facts import (
    ExposureRestored,
    Fact,
    FillRecorded,
    GateDecided,
    HedgeWanted,
    OrderSeen,
    ProcessStarted,
    Recorded,
    StateChanged,
)
from core.domain.groups import Unhedged
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import ChildOrder, OrderStatus, Purpose, Source
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.engine.metrics import Metrics
from tests.builders import NOW, desk_with, plan


def test_a_hedge_of_an_earlier_life_is_timed_though_a_later_breach_stands_now() -> None:
    desk = desk_with(plan())
    order, group = desk.sent[0], desk.group()
    orders = {order.tag: replace(group.orders[order.tag], purpose=Purpose.HEDGE)}
    late = replace(group, orders=orders, unhedged=Unhedged(since_ns=NOW + 90 * NS_PER_S))
    account = replace(desk.account, groups={group.group_id: late})
    wanted = HedgeWanted(group.group_id, "reverse", order.symbol, Side.BUY, order.units, "uncovered")
    filled = FillRecorded(
        "T1", order.symbol, order.units, Side.BUY, 1, group.group_id, order.tag, "O1", NOW, Source.POLL
    )
    metrics = Metrics()
    metrics.count(
        [
            Recorded(1, NOW, group.group_id, wanted),
            Recorded(2, NOW + NS_PER_S // 4, group.group_id, filled),
        ],
        account,
    )
    assert (metrics.hedge_fill.count, metrics.hedge_fill.max) == (1, 250.0)


BREACH = NOW - 40 * NS_PER_MS
"""The group has been outside its limits since then."""


def hedging() -> tuple[Account, ChildOrder]:
    """An account outside its limits whose one order is a hedge."""
    desk = desk_with(plan())
    group = desk.group()
    order = replace(desk.sent[0], purpose=Purpose.HEDGE)
    group = replace(group, orders={order.tag: order}, unhedged=Unhedged(since_ns=BREACH))
    return replace(desk.account, groups={group.group_id: group}), order


def wanted(order: ChildOrder) -> HedgeWanted:
    return HedgeWanted(order.group_id, "reverse", order.symbol, Side.BUY, order.units, "uncovered")


def seen(order: ChildOrder, filled_units: int) -> OrderSeen:
    return OrderSeen(order.tag, "O1", OrderStatus.OPEN, filled_units, 1, Source.STREAM, "")


def traded(order: ChildOrder) -> FillRecorded:
    return FillRecorded(
        "T1", order.symbol, 65, Side.BUY, 1, order.group_id, order.tag, "O1", NOW, Source.TRADES
    )


def tell(metrics: Metrics, account: Account, fact: Fact, after_ms: int) -> None:
    metrics.count([Recorded(1, NOW + after_ms * NS_PER_MS, "G-001", fact)], account)


def test_a_hedge_is_timed_from_the_breach_to_the_hand_over_of_its_first_order() -> None:
    account, order = hedging()
    metrics = Metrics()
    metrics.handed_over(order, NOW)
    assert metrics.hedge_send.count == 0, "nothing was wanted yet"
    tell(metrics, account, wanted(order), 0)
    metrics.handed_over(replace(order, purpose=Purpose.EXIT), NOW + NS_PER_MS)
    assert metrics.hedge_send.count == 0
    metrics.handed_over(order, NOW + 3 * NS_PER_MS)
    metrics.handed_over(replace(order, child=2), NOW + 9 * NS_PER_MS)
    assert (metrics.hedge_send.count, metrics.hedge_send.max) == (1, 43.0)


def test_cover_is_timed_from_when_units_stood_uncovered_not_from_an_older_breach_of_delta() -> None:
    account, order = hedging()
    (group,) = account.groups.values()
    outside = Unhedged(since_ns=NOW - 10 * NS_PER_S, uncovered_since_ns=BREACH)
    account = account.with_group(replace(group, unhedged=outside))
    metrics = Metrics()
    tell(metrics, account, wanted(order), 0)
    metrics.handed_over(order, NOW)
    assert metrics.hedge_send.max == 40.0


def test_a_fill_is_timed_when_it_is_first_known_and_not_again_by_the_trade_book() -> None:
    account, order = hedging()
    metrics = Metrics()
    tell(metrics, account, wanted(order), 0)
    tell(metrics, account, seen(order, 0), 20)
    assert metrics.hedge_fill.count == 0
    tell(metrics, account, seen(order, 65), 60)
    tell(metrics, account, ExposureRestored("G-001", 1), 100)
    tell(metrics, account, traded(order), 900)
    assert (metrics.hedge_fill.count, metrics.hedge_fill.max) == (1, 100.0)


@pytest.mark.parametrize(
    "over",
    [ExposureRestored("G-001", 1), StateChanged("G-001", ExecutionLifecycle.CLOSED, "nothing is left")],
)
def test_a_breach_that_something_else_answered_is_not_charged_to_a_later_hedge(over: Fact) -> None:
    account, order = hedging()
    metrics = Metrics()
    tell(metrics, account, wanted(order), 0)
    tell(metrics, account, over, 200)
    metrics.handed_over(order, NOW + 90 * NS_PER_S)
    tell(metrics, account, seen(order, 65), 90_100)
    assert (metrics.hedge_send.count, metrics.hedge_fill.count) == (0, 0)


def test_what_an_earlier_process_may_have_sent_is_not_timed_to_an_order_of_this_one() -> None:
    account, order = hedging()
    metrics = Metrics()
    tell(metrics, account, wanted(order), 0)
    tell(metrics, account, ProcessStarted(restart=True), 5_000)
    metrics.handed_over(order, NOW + 6 * NS_PER_S)
    assert metrics.hedge_send.count == 0
    tell(metrics, account, seen(order, 65), 6_100)
    assert (metrics.hedge_fill.count, metrics.hedge_fill.max) == (1, 6_140.0)


def test_margins_are_compared_where_both_are_known() -> None:
    def gate(seq: int, basket_paise: int, estimate_paise: int) -> Recorded:
        fact = GateDecided("G-001", True, 0, 0, 0, "", "Passed", basket_paise, estimate_paise)
        return Recorded(seq, NOW + seq, "G-001", fact)

    metrics = Metrics()
    metrics.count([gate(1, 100, 110), gate(2, 100, 0), gate(3, 0, 110)], Account())
    metrics.count([gate(4, 200, 198)], Account())
    compared = metrics.baskets.comparisons
    assert [(one.at_ns - NOW, one.ours_paise, one.broker_paise) for one in compared] == [
        (1, 110, 100),
        (4, 198, 200),
    ]
