"""Entering: protection first, shorts only against confirmed protection, in whole copies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.cover import confirmed_holdings, uncovered_beyond_plan, worst_holdings
from core.domain.facts import GateAsked, GoalChanged, ModifyIntended
from core.domain.groups import IncompletePolicy
from core.domain.inputs import QuotesMoved
from core.domain.instruments import PositionKey, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Purpose
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S
from tests.builders import (
    CONDOR,
    LONG_CALL,
    LONG_PUT,
    LOT,
    NOW,
    SHORT_CALL,
    SHORT_PUT,
    VERTICAL,
    Desk,
    desk_with,
    fill_everything,
    leg,
    market,
    open_condor,
    option,
    plan,
)

_S = ExecutionLifecycle


def short_units(desk: Desk) -> int:
    return sum(order.units for order in desk.sends(side=Side.SELL, purpose=Purpose.ENTRY))


def test_the_wings_go_first_and_no_short_before_any_of_them_has_filled() -> None:
    desk = desk_with(plan())
    assert [(order.symbol, order.units) for order in desk.sent] == [(LONG_PUT, 650), (LONG_CALL, 650)]
    desk.accept()
    desk.later(5_000)
    assert short_units(desk) == 0


def test_one_wing_alone_releases_no_short() -> None:
    desk = desk_with(plan())
    desk.accept()
    desk.fill(desk.sent[0])
    assert short_units(desk) == 0


def test_forty_percent_of_both_wings_releases_forty_percent_of_each_short() -> None:
    desk = desk_with(plan())
    desk.accept()
    desk.fill(desk.sent[0], 4 * LOT)
    desk.fill(desk.sent[1], 4 * LOT)
    assert {order.symbol: order.units for order in desk.sends(side=Side.SELL)} == {
        SHORT_PUT: 4 * LOT,
        SHORT_CALL: 4 * LOT,
    }


def test_a_copy_counts_only_when_it_is_whole_in_every_wing() -> None:
    desk = desk_with(plan())
    desk.accept()
    desk.fill(desk.sent[0])
    desk.fill(desk.sent[1], 3 * LOT + 40)
    assert {order.units for order in desk.sends(side=Side.SELL)} == {3 * LOT}


def test_shorts_are_topped_up_as_the_wings_go_on_filling_and_never_beyond() -> None:
    desk = desk_with(plan())
    desk.accept()
    for units in (LOT, 2 * LOT, 3 * LOT, 4 * LOT):
        desk.fill(desk.sent[0], units)
        desk.fill(desk.sent[1], units)
        desk.accept()
        group = desk.group()
        assert not uncovered_beyond_plan(group.plan, worst_holdings(group))
        desk.later(2_000)
    assert short_units(desk) == 2 * 10 * LOT


def test_whatever_fills_first_a_group_becomes_whole_and_never_stands_uncovered() -> None:
    desk = desk_with(plan())
    for _ in range(60):
        if desk.is_in(_S.OPEN):
            break
        desk.accept()
        for order in [o for o in desk.group().live_orders if o.order_id]:
            desk.fill(order, min(order.working_units, LOT))
            group = desk.group()
            assert not uncovered_beyond_plan(group.plan, confirmed_holdings(group))
        desk.later(200)
    assert desk.is_in(_S.OPEN)
    assert desk.net() == {LONG_PUT: 650, LONG_CALL: 650, SHORT_PUT: -650, SHORT_CALL: -650}


def test_a_fill_that_comes_before_its_acknowledgement_counts_once() -> None:
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    order_id = desk._book(wing)
    desk.fill(wing)
    assert desk.net() == {LONG_PUT: 650}
    desk.accept(wing)
    assert desk.order(wing.tag).order_id == order_id
    assert desk.net() == {LONG_PUT: 650}
    assert [order.units for order in desk.sends(SHORT_PUT)] == [650]


def test_a_naked_short_waits_until_everything_else_is_whole() -> None:
    legs = (
        VERTICAL[0],
        leg(1, option(24_200, Right.PE), Side.SELL),
        leg(2, option(24_800, Right.CE), Side.SELL),
    )
    wanted = plan(legs, 4, allow_naked=True)
    settings = ExecutionSettings(allow_naked=True)
    desk = desk_with(wanted, settings=settings)
    desk.accept()
    desk.fill(desk.sent[0])
    desk.accept()
    assert not desk.sends(SHORT_CALL)
    covered = desk.sends(SHORT_PUT)[0]
    desk.fill(covered, LOT)
    assert [order.units for order in desk.sends(SHORT_CALL)] == [LOT]
    desk.accept()
    desk.fill(covered)
    assert sum(order.units for order in desk.sends(SHORT_CALL)) == 4 * LOT


def test_children_are_sliced_below_the_freeze_quantity_in_whole_lots() -> None:
    desk = desk_with(plan(VERTICAL, 60))
    wings = desk.sends(LONG_PUT)
    assert [order.units for order in wings] == [1_755, 1_755, 390]
    assert len({order.tag for order in wings}) == 3
    fill_everything(desk)
    assert desk.is_in(_S.OPEN)
    assert max(order.units for order in desk.sent) <= 1_800


# Prices


def test_an_order_that_the_market_leaves_behind_is_repriced_once_a_second() -> None:
    desk = desk_with(plan(VERTICAL))
    desk.accept()
    wing = desk.sent[0]
    for step in range(1, 4):
        desk.move_quote(LONG_PUT, 39_00 + 5 * step, 40_00 + 5 * step)
        desk.give(QuotesMoved(frozenset({LONG_PUT})))
        desk.later(300)
        desk.answer_changes()
    assert len(desk.facts(ModifyIntended)) == 0
    desk.later(200)
    desk.answer_changes()
    assert [fact.limit_paise for fact in desk.facts(ModifyIntended)] == [40_15]  # type: ignore[union-attr]
    assert desk.order(wing.tag).limit_paise == 40_15


def test_a_price_is_never_chased_beyond_the_slippage_agreed() -> None:
    desk = desk_with(plan(VERTICAL, max_slippage_bps=100))
    desk.accept()
    desk.move_quote(LONG_PUT, 49_00, 50_00)
    desk.later(1_000)
    desk.give(QuotesMoved(frozenset({LONG_PUT})))
    assert [fact.limit_paise for fact in desk.facts(ModifyIntended)] == [40_50]  # type: ignore[union-attr]
    desk.answer_changes()
    desk.later(30_000)
    assert len(desk.facts(ModifyIntended)) == 1


def test_a_group_is_given_up_before_release_when_its_credit_cannot_be_had_any_more() -> None:
    desk = desk_with(plan(limit_net_paise=75_00))
    assert desk.sent, "79 + 69 - 40 - 30 is a credit of 78"
    desk.accept()
    desk.fill(desk.sent[0])
    desk.move_quote(SHORT_PUT, 69_00, 70_00)
    desk.fill(desk.sent[1])
    assert short_units(desk) == 0
    assert desk.is_in(_S.UNWINDING)
    assert "the credit would be 68.00, agreed was 75.00" in desk.group().reason
    fill_everything(desk)
    assert desk.is_in(_S.CLOSED)
    assert desk.net() == {}


def test_a_debit_above_the_one_agreed_sends_nothing() -> None:
    legs = (leg(0, option(24_000, Right.PE), Side.SELL), leg(1, option(24_200, Right.PE), Side.BUY))
    desk = desk_with(plan(legs, limit_net_paise=-40_00))
    assert desk.sent == []
    desk.read_books()
    assert desk.is_in(_S.CLOSED)
    assert "the debit would be 41.00, agreed was 40.00" in [
        fact.reason  # type: ignore[union-attr]
        for fact in desk.facts(GoalChanged)
    ]


# Giving up


@pytest.mark.parametrize(
    ("policy", "kept"),
    [(IncompletePolicy.SCALE_DOWN, 4), (IncompletePolicy.UNWIND, 0), (IncompletePolicy.COMPLETE, 4)],
)
def test_when_time_is_up_the_policy_says_what_becomes_of_a_half_filled_group(
    policy: IncompletePolicy, kept: int
) -> None:
    desk = desk_with(plan(on_incomplete=policy, good_for_s=20))
    desk.accept()
    desk.fill(desk.sent[0])
    desk.fill(desk.sent[1], 4 * LOT)
    desk.accept()
    for order in desk.sends(side=Side.SELL):
        desk.fill(order)
    desk.later(21_000)
    desk.cancelled(desk.sent[1])
    fill_everything(desk)
    assert desk.is_in(_S.OPEN if kept else _S.CLOSED)
    units = kept * LOT
    wanted = {LONG_PUT: units, LONG_CALL: units, SHORT_PUT: -units, SHORT_CALL: -units} if kept else {}
    assert desk.net() == wanted


def test_nothing_filled_in_time_ends_closed_once_the_broker_has_confirmed_it() -> None:
    desk = desk_with(plan(good_for_s=20))
    desk.accept()
    desk.later(21_000)
    desk.answer_changes()
    assert desk.is_in(_S.PLACING)
    for order in desk.sent:
        desk.cancelled(order)
    assert desk.is_in(_S.PLACING), "the books have not been read since"
    desk.later(100)
    desk.read_books()
    assert desk.is_in(_S.CLOSED)


def test_a_leg_that_the_broker_keeps_refusing_ends_the_entry() -> None:
    desk = desk_with(plan(VERTICAL))
    for attempt in (1, 2, 3):
        order = desk.sends(LONG_PUT)[-1]
        assert order.attempt == attempt
        desk.refuse(order, "margin")
        desk.later(600)
    assert len(desk.sends(LONG_PUT)) == 3
    assert "was refused 3 times" in desk.group().reason


def test_a_repriced_leg_that_never_fills_is_given_up_after_ten_tries() -> None:
    desk = desk_with(plan(VERTICAL, max_slippage_bps=5_000))
    desk.accept()
    for step in range(1, 14):
        desk.move_quote(LONG_PUT, 39_00 + 20 * step, 40_00 + 20 * step)
        desk.later(1_100)
        desk.give(QuotesMoved(frozenset({LONG_PUT})))
        desk.answer_changes()
    assert len(desk.facts(ModifyIntended)) == 10
    assert "re-priced 10 times" in desk.group().reason


# What has to be waited for


def test_nothing_is_sent_on_a_crossed_or_stale_quote() -> None:
    view = market(each.contract for each in VERTICAL)
    desk = desk_with(plan(VERTICAL), view=replace(view, stale_after_ns=3 * NS_PER_S))
    desk.accept()
    desk.later(10_000)
    desk.fill(desk.sent[0])
    assert not desk.sends(SHORT_PUT), "its quote is ten seconds old"
    desk.move_quote(LONG_PUT, 39_00, 40_00)
    desk.move_quote(SHORT_PUT, 80_00, 79_00)
    desk.give(QuotesMoved(frozenset({SHORT_PUT})))
    assert not desk.sends(SHORT_PUT), "it is crossed"
    desk.move_quote(SHORT_PUT, 79_00, 80_00)
    desk.give(QuotesMoved(frozenset({SHORT_PUT})))
    assert desk.sends(SHORT_PUT)


def test_a_margin_decision_older_than_five_seconds_is_repeated_before_a_short_is_released() -> None:
    desk = desk_with(plan(VERTICAL))
    desk.accept()
    first = desk.group().gate
    desk.later(6_000)
    desk.fill(desk.sent[0])
    gate = desk.group().gate
    assert first is not None
    assert gate is not None
    assert gate.at_ns > first.at_ns
    assert desk.sends(SHORT_PUT)


def test_a_margin_refused_on_the_way_in_releases_no_short_and_is_not_asked_for_in_a_loop() -> None:
    desk = desk_with(plan(VERTICAL, good_for_s=60))
    desk.accept()
    desk.later(6_000)
    desk.funds = replace(desk.funds, available_paise=1_00)
    desk.fill(desk.sent[0])
    asked = len(desk.facts(GateAsked))
    for _ in range(20):
        desk.later(100)
        desk.give(QuotesMoved(frozenset({SHORT_PUT})))
    assert not desk.sends(SHORT_PUT)
    assert len(desk.facts(GateAsked)) <= asked + 1
    desk.later(120_000)
    fill_everything(desk)
    assert desk.is_in(_S.CLOSED)


def test_a_group_submitted_twice_is_one_group() -> None:
    desk = desk_with(plan())
    sent = len(desk.sent)
    desk.submit(plan())
    assert len(desk.account.groups) == 1
    assert len(desk.sent) == sent


def test_an_open_group_sends_nothing_more() -> None:
    desk = open_condor()
    sent = len(desk.sent)
    for _ in range(50):
        desk.monitor()
        desk.later(1_000)
    assert len(desk.sent) == sent
    assert desk.now_ns > NOW
    assert len(desk.group().plan.legs) == len(CONDOR)


def test_a_leg_that_would_close_what_the_trader_took_on_meanwhile_is_not_sent() -> None:
    desk = desk_with(plan())
    wing, other = desk.sends(LONG_PUT)[0], desk.sends(LONG_CALL)[0]
    desk.accept()
    desk.fill(other)
    desk.move_quote(LONG_PUT, None, None)
    desk.cancelled(wing)
    desk.others[PositionKey("NFO", LONG_PUT, Product.NRML)] = -3 * LOT
    for _ in range(2):
        desk.later(6_000)
        desk.read_books()
    desk.move_quote(LONG_PUT, 39_00, 40_00)
    desk.give(QuotesMoved(frozenset({LONG_PUT})))
    fill_everything(desk)
    assert desk.sends(LONG_PUT) == [wing]
    assert not desk.net(), "what cannot be completed is taken back"
