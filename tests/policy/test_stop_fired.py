"""Stops that fire: their own limit first, then the same order changed, then a confirmed cancel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.account import Severity
from core.domain.capabilities import Capabilities
from core.domain.facts import LegsRetired
from core.domain.groups import Goal
from core.domain.inputs import OperatorAction, OperatorCommand, OrderNews, WakeUp
from core.domain.instruments import Right, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import ChildOrder, OrderStatus, OrderType, Outcome, Purpose
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_MS
from tests.builders import LONG_CALL, LONG_PUT, LOT, SHORT_CALL, SHORT_PUT, leg, market, option
from tests.policy.stop_desk import StopDesk, entering, fill_entries, open_with_stops, stopped_plan

_S = ExecutionLifecycle
CANNOT_CHANGE = ExecutionSettings().for_broker(Capabilities(modify_stop_to_limit=False))
NAKED_CALL = option(24_800, Right.CE)
NAKED = (leg(0, NAKED_CALL, Side.SELL), leg(1, option(24_200, Right.PE), Side.SELL))


def triggered(settings: ExecutionSettings | None = None) -> tuple[StopDesk, ChildOrder]:
    """A condor whose short call has just reached its stop, within the stop's limit."""
    desk = open_with_stops(settings=settings)
    desk.quote(SHORT_CALL, 137_50, 138_50)
    stop = desk.stop()
    desk.trigger(stop)
    return desk, stop


def buys(desk: StopDesk, symbol: str = SHORT_CALL) -> list[ChildOrder]:
    """Purchases of a short leg other than its resting stop."""
    return [order for order in desk.sends(symbol, Side.BUY) if order.purpose is not Purpose.STOP]


def naked_strangle() -> StopDesk:
    """A strangle with stops, in a market that also lists strikes further out."""
    chain = [each.contract for each in NAKED] + [option(25_000 + 100 * n, Right.CE) for n in range(3)]
    settings = ExecutionSettings(allow_naked=True, modify_stop_to_limit=False)
    desk = entering(stopped_plan(NAKED, allow_naked=True), settings, market(chain))
    desk.quote(chain[2].symbol, 39_00, 40_00)
    fill_entries(desk)
    desk.effects.clear()
    return desk


# Its own limit, for two seconds


def test_a_triggered_stop_is_left_alone_for_two_seconds() -> None:
    desk, _ = triggered()
    desk.later(1_980)
    assert (desk.changes(), desk.cancels(), buys(desk)) == ([], [], [])
    assert desk.group().state is _S.EXITING
    desk.later(40)
    (change,) = desk.changes()
    assert change.to_limit
    assert change.limit_paise > desk.stop().limit_paise


def test_a_triggered_stop_whose_short_somebody_else_has_closed_is_cancelled_at_once() -> None:
    desk, stop = triggered()
    desk.closed_by_hand(3, 10 * LOT)
    desk.give(WakeUp(("G-001",)))
    assert [cancel.tag for cancel in desk.cancels()] == [stop.tag]
    assert not desk.changes()
    desk.carry_out()
    desk.cancelled(stop)
    desk.later(100)
    assert not buys(desk)
    assert [order.symbol for order in desk.sends(purpose=Purpose.EXIT)] == [LONG_CALL]


def test_a_stop_in_the_market_gives_way_to_a_smaller_exit_once_it_is_over() -> None:
    desk, stop = triggered()
    desk.later(2_100)
    desk.carry_out()
    assert desk.stop().order_type is OrderType.LIMIT
    desk.closed_by_hand(3, 4 * LOT)
    desk.give(WakeUp(("G-001",)))
    assert [cancel.tag for cancel in desk.cancels()] == [stop.tag]
    desk.later(1_000)
    assert not buys(desk)
    desk.cancelled(stop)
    assert [order.units for order in buys(desk)] == [6 * LOT]


def test_a_triggered_stop_that_has_time_left_asks_for_what_is_held_when_it_goes_to_market() -> None:
    desk, stop = triggered()
    desk.closed_by_hand(3, 4 * LOT)
    desk.give(WakeUp(("G-001",)))
    assert not desk.cancels()
    desk.later(2_100)
    (change,) = desk.changes()
    assert (change.tag, change.to_limit, change.units) == (stop.tag, True, 6 * LOT)


def test_it_is_looked_at_every_ten_milliseconds_meanwhile() -> None:
    desk, _ = triggered()
    assert desk.wakes["G-001"] - desk.now_ns == 10 * NS_PER_MS


def test_a_gap_beyond_the_limit_ends_the_wait_at_once() -> None:
    desk, stop = triggered()
    desk.later(300)
    desk.quote(SHORT_CALL, 160_00, 162_00)
    (change,) = desk.changes()
    assert (change.tag, change.to_limit, change.limit_paise >= 162_00) == (stop.tag, True, True)


def test_a_last_price_at_the_limit_is_no_gap() -> None:
    desk, _ = triggered()
    desk.quote(SHORT_CALL, 138_00, 139_40, last_paise=138_70)
    assert not desk.changes()


def test_a_stop_that_fills_at_its_limit_needs_no_fallback_and_takes_its_long_with_it() -> None:
    desk, stop = triggered()
    desk.fill(stop)
    (sale,) = desk.sends(LONG_CALL, Side.SELL)
    assert (sale.units, sale.purpose) == (10 * LOT, Purpose.EXIT)
    assert not desk.alert_ids()


def test_the_long_is_sold_only_as_its_short_is_confirmed_closed() -> None:
    desk, stop = triggered()
    assert not desk.sends(LONG_CALL, Side.SELL)
    desk.fill(stop, 4 * LOT)
    assert [order.units for order in desk.sends(LONG_CALL, Side.SELL)] == [4 * LOT]


def test_a_one_sided_stop_makes_the_other_side_the_groups_target() -> None:
    desk, stop = triggered()
    assert [fact.legs for fact in desk.facts(LegsRetired) if isinstance(fact, LegsRetired)] == [
        tuple(
            index
            for index, plan in enumerate(desk.group().plan.legs)
            if plan.contract.symbol in (LONG_CALL, SHORT_CALL)
        )
    ]
    desk.fill(stop)
    desk.accept()
    desk.fill(desk.sends(LONG_CALL, Side.SELL)[0])
    assert desk.group().state is _S.OPEN
    assert desk.net() == {LONG_PUT: 10 * LOT, SHORT_PUT: -10 * LOT}
    assert desk.stop_units(SHORT_PUT) == 10 * LOT
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "me", 0))
    assert (desk.group().state, desk.group().goal) == (_S.EXITING, Goal.EXIT)


def test_both_stops_end_the_group() -> None:
    desk, call = triggered()
    put = desk.stop(SHORT_PUT)
    desk.trigger(put)
    desk.fill(call)
    desk.fill(put)
    desk.accept()
    for order in desk.sends(side=Side.SELL, purpose=Purpose.EXIT):
        desk.fill(order)
    desk.later(100)
    desk.read_books()
    assert (desk.group().state, desk.net()) == (_S.CLOSED, {})


def test_a_fill_told_before_the_trigger_fires_the_stop_too() -> None:
    desk = open_with_stops()
    desk.fill(desk.stop())
    assert desk.sends(LONG_CALL, Side.SELL)


# The same order, changed


def test_the_changed_order_is_chased_until_it_is_done_and_a_person_is_told() -> None:
    desk, stop = triggered()
    desk.later(2_010)
    desk.carry_out()
    assert desk.account.alerts["stop-market:G-001:3"].severity is Severity.INFO
    desk.quote(SHORT_CALL, 170_00, 172_00)
    desk.later(1_100)
    (change,) = desk.changes()
    assert (change.tag, change.limit_paise > 172_00) == (stop.tag, True)
    assert not buys(desk)


def test_a_frame_from_before_the_change_takes_nothing_back() -> None:
    desk, stop = triggered()
    before = desk.book[desk.ids[stop.tag]]
    desk.later(2_010)
    desk.carry_out()
    desk.give(OrderNews(before))
    assert desk.order(stop.tag).order_type is OrderType.LIMIT
    assert not desk.cancels()


def test_a_change_accepted_and_not_carried_out_counts_as_refused() -> None:
    desk, stop = triggered()
    desk.later(2_010)
    before = desk.book[desk.ids[stop.tag]]
    desk.carry_out()
    desk.later(20)
    desk.give(OrderNews(replace(before, at_ns=desk.now_ns, message="Price exceeds circuit limits")))
    desk.later(20)
    assert [cancel.tag for cancel in desk.cancels()] == [stop.tag]
    assert not buys(desk)


# A confirmed cancel, where it cannot be changed


@pytest.mark.parametrize("why", ["unsupported", "refused", "spent"])
def test_where_it_cannot_be_changed_it_is_cancelled_and_the_remainder_waits_for_the_end(why: str) -> None:
    settings = {
        "unsupported": CANNOT_CHANGE,
        "refused": ExecutionSettings(),
        "spent": ExecutionSettings(modifies_max=0, stop_modifies_max=0),
    }[why]
    desk, stop = triggered(settings)
    desk.later(2_010)
    if why == "refused":
        desk.carry_out(Outcome.REJECTED)
    assert [cancel.tag for cancel in desk.cancels()] == [stop.tag]
    desk.carry_out()
    desk.later(50)
    assert not buys(desk)
    desk.fill(stop, 4 * LOT)
    assert not buys(desk)
    desk.cancelled(stop)
    (rest,) = buys(desk)
    assert (rest.units, rest.purpose) == (6 * LOT, Purpose.EXIT)


def test_a_cancel_that_loses_to_a_fill_sends_no_second_exit() -> None:
    desk, stop = triggered(CANNOT_CHANGE)
    desk.later(2_010)
    desk.carry_out(Outcome.REJECTED)  # it is being processed
    desk.fill(stop)
    desk.later(5_000)
    assert not buys(desk)
    assert "cancel:G-001" not in desk.alert_ids()


def test_a_cancelled_stop_that_tells_of_its_fills_only_at_the_end_is_exited_for_what_is_left() -> None:
    desk, stop = triggered(CANNOT_CHANGE)
    desk.later(2_010)
    desk.carry_out()
    desk.trade(stop, 9 * LOT)
    desk.cancelled(stop)
    assert [order.units for order in buys(desk)] == [LOT]


def test_a_stop_refused_at_its_trigger_falls_back_at_once() -> None:
    desk = open_with_stops()
    desk.reject(desk.stop())
    (order,) = buys(desk)
    assert (order.units, order.order_type) == (10 * LOT, OrderType.LIMIT)
    assert order.intended_at_ns == desk.now_ns


def test_a_price_beyond_the_stop_before_it_could_be_placed_is_exited_at_once() -> None:
    desk = open_with_stops()
    desk.cancelled(desk.stop())
    desk.refuse(desk.stop(), "Trigger price should be higher than the last traded price")
    desk.quote(SHORT_CALL, 150_00, 152_00)
    assert [order.units for order in buys(desk)] == [10 * LOT]


def test_a_price_beyond_the_limit_fires_before_any_frame_has_told() -> None:
    desk = open_with_stops()
    desk.quote(SHORT_CALL, 160_00, 162_00)
    assert [change.tag for change in desk.changes() if change.to_limit] == [desk.stop().tag]


def test_a_price_at_the_trigger_asks_the_books() -> None:
    desk = open_with_stops()
    desk.quote(SHORT_CALL, 138_00, 138_50)
    assert desk.asked_for_books()
    assert desk.group().state is _S.OPEN


# A cancel that nobody confirms


def test_a_cancel_nobody_confirms_is_asked_for_every_quarter_second_and_nothing_else_is_sent() -> None:
    desk, stop = triggered(CANNOT_CHANGE)
    desk.later(2_010)
    asked = len(desk.cancels())
    desk.later(1_100)
    assert len(desk.cancels()) - asked == 4
    assert desk.account.alerts["cancel:G-001"].severity is Severity.CRITICAL
    assert not buys(desk)
    desk.cancelled(stop)
    assert [order.units for order in buys(desk)] == [10 * LOT]
    desk.later(100)
    assert "cancel:G-001" not in desk.alert_ids()


def test_after_five_seconds_a_covered_short_goes_to_a_person_and_nothing_is_bought() -> None:
    desk, _ = triggered(CANNOT_CHANGE)
    desk.later(2_010 + 5_100)
    assert (desk.group().state, desk.group().cause) == (_S.MANUAL, ManualCause.CANCEL_UNCONFIRMED)
    assert not buys(desk)
    assert not desk.sends(purpose=Purpose.HEDGE)


def test_after_five_seconds_a_naked_short_is_covered_at_another_strike_and_goes_to_a_person() -> None:
    desk = naked_strangle()
    stop = desk.stop(NAKED_CALL.symbol)
    desk.trigger(stop)
    desk.later(2_010 + 5_100)
    (cover,) = desk.sends(purpose=Purpose.HEDGE)
    assert (cover.symbol, cover.side, cover.units) == (option(25_000, Right.CE).symbol, Side.BUY, 10 * LOT)
    assert (desk.group().state, desk.group().cause) == (_S.MANUAL, ManualCause.CANCEL_UNCONFIRMED)
    desk.later(3_000)
    assert len(desk.sends(purpose=Purpose.HEDGE)) == 1
    assert not buys(desk, NAKED_CALL.symbol)


def test_the_old_order_filling_after_the_cover_leaves_a_bounded_position() -> None:
    desk = naked_strangle()
    stop = desk.stop(NAKED_CALL.symbol)
    desk.trigger(stop)
    desk.later(2_010 + 5_100)
    (cover,) = desk.sends(purpose=Purpose.HEDGE)
    desk.accept(cover)
    desk.fill(cover)
    desk.fill(stop)
    desk.later(10_000)
    assert desk.net()[cover.symbol] == 10 * LOT
    assert NAKED_CALL.symbol not in desk.net()
    assert not buys(desk, NAKED_CALL.symbol)


def test_without_the_guard_a_second_exit_does_go_out() -> None:
    desk, _ = triggered(CANNOT_CHANGE)
    desk.guards_off = frozenset({"cancel-confirmation"})
    desk.later(2_300)
    assert buys(desk)


# Where everything else meets it


def test_an_operators_exit_during_the_wait_does_not_wait() -> None:
    desk, stop = triggered()
    desk.later(200)
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "me", 0))
    assert stop.tag in {change.tag for change in desk.changes() if change.to_limit}


def test_a_restart_during_the_wait_goes_on_where_it_was() -> None:
    desk, stop = triggered()
    desk.later(500)
    desk.start(restart=True)
    desk.later(100)
    assert [change.tag for change in desk.changes() if change.to_limit] == [stop.tag]
    assert not buys(desk)


def test_a_stop_that_fires_while_the_group_is_entering_ends_all_of_it() -> None:
    desk = entering(stopped_plan())
    for order in list(desk.sent):
        desk.accept(order)
        desk.fill(order)
    desk.accept()
    desk.fill(desk.sends(SHORT_CALL, Side.SELL)[0])
    desk.accept()
    desk.trigger(desk.stop())
    assert (desk.group().state, desk.group().copies) == (_S.UNWINDING, 0)
    assert desk.sends(SHORT_PUT)[0].tag in {cancel.tag for cancel in desk.cancels()}


def test_in_manual_a_stop_still_falls_back_and_the_long_is_left_to_the_person() -> None:
    desk = open_with_stops()
    by_hand = replace(desk.group(), state=_S.MANUAL, cause=ManualCause.OPERATOR)
    desk.account = replace(desk.account, groups={"G-001": by_hand})
    stop = desk.stop()
    desk.trigger(stop)
    desk.later(2_010)
    assert [change.tag for change in desk.changes() if change.to_limit] == [stop.tag]
    desk.carry_out()
    desk.fill(stop)
    desk.later(1_000)
    assert not desk.sends(LONG_CALL, Side.SELL)
    assert desk.group().state is _S.MANUAL


def test_a_price_locked_at_its_range_is_said_and_the_order_keeps_its_place() -> None:
    desk, stop = triggered()
    desk.quote(SHORT_CALL, 138_50, None, last_paise=138_50, upper_paise=138_50)
    desk.later(2_010)
    desk.carry_out()
    desk.later(20_000)
    desk.carry_out()
    assert "locked:G-001:3" in desk.alert_ids()
    assert not desk.cancels()
    assert desk.order(stop.tag).limit_paise >= 138_50
    assert desk.order(stop.tag).modifies <= 2
    assert desk.group().state is _S.EXITING


def test_a_stop_locked_where_it_cannot_be_changed_is_not_cancelled() -> None:
    desk, _ = triggered(CANNOT_CHANGE)
    desk.quote(SHORT_CALL, 138_50, None, last_paise=138_50, upper_paise=138_50)
    desk.later(5_000)
    assert not desk.cancels()
    assert "locked:G-001:3" in desk.alert_ids()


def test_a_resize_on_its_way_when_the_stop_fires_is_counted_until_it_is_answered() -> None:
    desk = entering(stopped_plan())
    for order in list(desk.sent):
        desk.accept(order)
        desk.fill(order)
    desk.accept()
    sale = desk.sends(SHORT_CALL, Side.SELL)[0]
    desk.fill(sale, 4 * LOT)
    desk.accept()
    desk.fill(sale, 2 * LOT)
    desk.later(1_100)  # the stop is being changed from 4 to 6 lots
    stop = desk.stop()
    desk.trigger(stop)
    desk.cancelled(sale)
    desk.later(2_500)
    assert not buys(desk)
    desk.carry_out(Outcome.REJECTED)
    desk.later(300)
    assert sum(order.working_units for order in desk.group().live_orders if order.side is Side.BUY) <= 6 * LOT


def test_a_status_taken_back_by_an_older_book_does_not_unfire_a_stop() -> None:
    desk, stop = triggered()
    row = desk.book[desk.ids[stop.tag]]
    desk.give(OrderNews(replace(row, status=OrderStatus.TRIGGER_PENDING)))
    desk.later(2_010)
    assert [change.tag for change in desk.changes() if change.to_limit] == [stop.tag]
