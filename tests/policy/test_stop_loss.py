"""Resting stops: they stand for exactly the confirmed short units that nothing else is exiting."""

from __future__ import annotations

from dataclasses import replace

from core.domain.facts import ModifyIntended
from core.domain.inputs import CoreStarted, OperatorAction, OperatorCommand, OrderNews, WakeUp
from core.domain.instruments import Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import ChildOrder, OrderStatus, OrderType, Outcome, Purpose
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S
from tests.builders import LOT, SHORT_CALL, SHORT_PUT, leg, market, option
from tests.policy.stop_desk import StopDesk, entering, fill_entries, open_with_stops, stopped_plan

_S = ExecutionLifecycle


def with_wings(copies: int = 10) -> StopDesk:
    """Both wings are filled and both shorts are out."""
    desk = entering(stopped_plan(copies=copies))
    for order in list(desk.sent):
        desk.accept(order)
        desk.fill(order)
    desk.accept()
    return desk


def short_call(desk: StopDesk) -> ChildOrder:
    (order,) = desk.sends(SHORT_CALL, Side.SELL)
    return order


def test_a_stop_is_placed_for_the_units_of_the_first_fill() -> None:
    desk = with_wings()
    assert not desk.stops()
    desk.fill(short_call(desk), 3 * LOT)
    stop = desk.stop()
    assert (stop.side, stop.order_type, stop.units) == (Side.BUY, OrderType.SL, 3 * LOT)
    assert (stop.trigger_paise, stop.limit_paise) == (138_00, 138_70)


def test_fills_within_a_second_are_one_resize() -> None:
    desk = with_wings()
    desk.fill(short_call(desk), 3 * LOT)
    desk.accept()
    for _ in range(3):
        desk.later(200)
        desk.fill(short_call(desk), LOT)
    assert desk.stop_units() == 3 * LOT
    desk.later(500)
    assert [change.units for change in desk.changes() if change.trigger_paise] == [6 * LOT]
    desk.carry_out()
    desk.fill(short_call(desk), LOT)
    assert not [change for change in desk.changes() if change.trigger_paise]
    desk.later(1_100)
    assert [change.units for change in desk.changes() if change.trigger_paise] == [7 * LOT]


def test_an_open_group_has_stops_for_all_it_is_short_and_none_on_its_longs() -> None:
    desk = open_with_stops()
    assert (desk.stop_units(SHORT_CALL), desk.stop_units(SHORT_PUT)) == (10 * LOT, 10 * LOT)
    assert not [order for order in desk.sent if order.trigger_paise and order.side is Side.SELL]
    assert not desk.alert_ids()


def test_stops_are_sliced_by_the_freeze_quantity_and_add_up() -> None:
    desk = open_with_stops(stopped_plan(copies=60))
    assert sum(order.units for order in desk.stops()) == 60 * LOT
    assert max(order.units for order in desk.stops()) == 1_755


def test_beyond_fifteen_changes_a_child_is_added_so_that_ten_stay() -> None:
    desk = with_wings(copies=26)
    for _ in range(40):
        if desk.order(short_call(desk).tag).working_units:
            desk.fill(short_call(desk), LOT)
        desk.later(1_100)
        desk.accept()
        desk.carry_out()
    assert desk.stop_units() == desk.group().legs[3].held_units
    assert len(desk.stops()) > 1
    spent = [fact.tag for fact in desk.facts(ModifyIntended) if isinstance(fact, ModifyIntended)]
    assert max(spent.count(order.tag) for order in desk.stops()) == 15


def test_units_that_someone_else_closed_leave_the_stop_at_once() -> None:
    desk = open_with_stops()
    desk.closed_by_hand(3, 4 * LOT)
    desk.give(WakeUp(("G-001",)))
    assert any(change.units == 6 * LOT and change.tag == desk.stop().tag for change in desk.changes()), (
        desk.effects
    )


def test_a_partial_exit_takes_its_units_off_the_stop_before_it_is_sent() -> None:
    desk = open_with_stops()
    desk.closed_by_hand(2, 4 * LOT)  # the short put: six copies are whole
    desk.give(WakeUp(("G-001",)))
    desk.later(10)
    assert not desk.sends(SHORT_CALL, Side.BUY, Purpose.UNWIND)
    desk.carry_out()
    (exit_order,) = desk.sends(SHORT_CALL, Side.BUY, Purpose.UNWIND)
    assert (exit_order.units, desk.stop_units()) == (4 * LOT, 6 * LOT)


def test_an_exit_changes_the_resting_stops_and_sends_no_second_order() -> None:
    desk = open_with_stops()
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "me", 0))
    assert desk.group().state is _S.EXITING
    assert {change.tag for change in desk.changes() if change.to_limit} == {
        desk.stop(SHORT_CALL).tag,
        desk.stop(SHORT_PUT).tag,
    }
    desk.carry_out()
    desk.later(100)
    assert not desk.sends(SHORT_CALL, Side.BUY, Purpose.EXIT)
    for order in (*desk.stops(SHORT_CALL), *desk.stops(SHORT_PUT)):
        desk.fill(order)
    assert all(order.side is Side.SELL for order in desk.sends(purpose=Purpose.EXIT))


def test_an_exit_whose_change_goes_unanswered_sends_nothing_beside_it() -> None:
    desk = open_with_stops()
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "me", 0))
    desk.carry_out(Outcome.UNKNOWN)
    desk.later(900)
    assert not desk.sends(side=Side.BUY, purpose=Purpose.EXIT)
    desk.later(400)
    assert any(change.to_limit and change.tag == desk.stop().tag for change in desk.changes())
    assert not desk.sends(side=Side.BUY, purpose=Purpose.EXIT)


def test_books_that_show_an_unanswered_change_carried_out_settle_it() -> None:
    desk = open_with_stops()
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "me", 0))
    stop = desk.stop()
    change = next(each for each in desk.changes() if each.tag == stop.tag)
    desk.now_ns += 50
    desk._carry_out(change)
    desk.read_books()
    known = desk.order(stop.tag)
    assert (known.order_type, known.limit_paise, known.modify_pending) == (
        OrderType.LIMIT,
        change.limit_paise,
        False,
    )


def test_a_refused_stop_is_tried_again_more_and_more_slowly_and_someone_is_told_of_a_naked_short() -> None:
    naked = (leg(0, option(24_800, Right.CE), Side.SELL),)
    desk = entering(stopped_plan(naked, allow_naked=True), ExecutionSettings(allow_naked=True), None)
    desk.accept()
    desk.fill(desk.sent[0])
    for _ in range(8):
        for order in [each for each in desk.sent if each.tag not in desk.ids]:
            desk.ids[order.tag] = "refused"
            desk.refuse(order)
        desk.later(1_000)
    assert 3 <= len(desk.sends(purpose=Purpose.STOP)) <= 5
    assert "unstopped:G-001" in desk.alert_ids()
    desk.later(6_000)
    desk.accept()
    assert "unstopped:G-001" not in desk.alert_ids()


def test_stops_survive_the_kill_switch() -> None:
    desk = open_with_stops()
    desk.give(OperatorCommand(OperatorAction.KILL, "", "me", 0))
    desk.later(5_000)
    assert not desk.cancels()
    assert desk.stop_units() == 10 * LOT


def test_with_its_guard_off_the_kill_switch_takes_the_stops_away() -> None:
    desk = open_with_stops()
    desk.guards_off = frozenset({"stops-survive-kill"})
    desk.give(OperatorCommand(OperatorAction.KILL, "", "me", 0))
    assert desk.cancels()


def test_after_a_restart_the_stops_in_the_books_are_ours_and_none_is_added() -> None:
    desk = open_with_stops()
    before = len(desk.sent)
    desk.give(CoreStarted(True))
    desk.later(100)
    desk.read_books()
    desk.later(5_000)
    assert len(desk.sent) == before
    assert desk.stop_units() == 10 * LOT


def test_a_stop_that_only_the_broker_remembers_is_adopted_as_a_stop() -> None:
    desk = open_with_stops()
    forgotten = desk.book[desk.ids[desk.stop().tag]]
    tag = forgotten.tags[0][:10] + "00Z010000"
    desk.give(OrderNews(replace(forgotten, order_id="99", tags=(tag,), at_ns=desk.now_ns)))
    assert desk.order(tag).purpose is Purpose.STOP
    assert [each.tag for each in desk.cancels()] == [tag]


def test_a_stop_too_many_makes_way_without_taking_the_other_with_it() -> None:
    desk = open_with_stops()
    kept = desk.stop().tag
    forgotten = desk.book[desk.ids[kept]]
    tag = forgotten.tags[0][:10] + "00Z010000"
    desk.give(OrderNews(replace(forgotten, order_id="99", tags=(tag,), at_ns=desk.now_ns)))
    for _ in range(20):
        desk.later(100)
        desk.monitor()
    assert {each.tag for each in desk.cancels()} == {tag}
    assert desk.order(kept).is_resting_stop


def test_stops_that_lapse_with_the_session_are_armed_again_at_the_open() -> None:
    desk = open_with_stops()
    closes = desk.now_ns + NS_PER_S
    desk.view = replace(desk.view, opens_ns=desk.now_ns - NS_PER_S, closes_ns=closes)
    desk.later(2_000)
    for symbol in (SHORT_CALL, SHORT_PUT):
        desk.cancelled(desk.stop(symbol))
    before = len(desk.sent)
    desk.later(60_000)
    assert len(desk.sent) == before
    desk.view = replace(desk.view, opens_ns=desk.now_ns, closes_ns=desk.now_ns + 10_000 * NS_PER_S)
    desk.quote(SHORT_CALL, 69_00, 70_00)
    assert {order.symbol: order.units for order in desk.sent[before:]} == {
        SHORT_CALL: 10 * LOT,
        SHORT_PUT: 10 * LOT,
    }
    assert all(order.order_type is OrderType.SL for order in desk.sent[before:])


def test_a_trigger_made_from_a_guess_is_corrected_once_the_trades_are_known() -> None:
    desk = with_wings()
    desk.fill(short_call(desk), 10 * LOT, price_paise=75_00)  # better than its limit of 69.00
    desk.accept()
    assert desk.stop().trigger_paise == 138_00
    desk.read_books()
    desk.later(1_100)
    (change,) = [each for each in desk.changes() if each.trigger_paise]
    assert (change.trigger_paise, change.units) == (150_00, 10 * LOT)


def test_a_cancelled_stop_is_replaced() -> None:
    desk = open_with_stops()
    desk.cancelled(desk.stop())
    assert desk.stop().status is OrderStatus.INTENDED
    assert desk.stop_units() == 10 * LOT


def test_a_group_without_stops_gets_none() -> None:
    desk = open_with_stops(stopped_plan(stop_premium_bps=0))
    assert not desk.sends(purpose=Purpose.STOP)


def test_a_naked_group_without_any_stop_is_an_alert() -> None:
    naked = (leg(0, option(24_800, Right.CE), Side.SELL), leg(1, option(24_200, Right.PE), Side.SELL))
    wanted = stopped_plan(naked, allow_naked=True, stop_premium_bps=0)
    desk = entering(wanted, ExecutionSettings(allow_naked=True), market(each.contract for each in naked))
    fill_entries(desk)
    assert "unstopped:G-001" in desk.alert_ids()


def test_a_resize_that_never_arrived_is_found_out_from_the_books_and_asked_for_again() -> None:
    desk = with_wings()
    desk.fill(short_call(desk), 3 * LOT)
    desk.accept()
    desk.fill(short_call(desk), 2 * LOT)
    desk.later(1_100)
    desk.carry_out(Outcome.UNKNOWN)
    assert desk.stop_units() == 5 * LOT  # the worse of the two
    desk.later(5_100)
    desk.carry_out()
    desk.read_books()
    desk.later(1_100)
    assert [change.units for change in desk.changes() if change.trigger_paise] == [5 * LOT]
    desk.carry_out()
    assert desk.stop().units == 5 * LOT


def test_a_stop_that_stands_for_more_than_is_held_goes_to_market_only_for_what_is_held() -> None:
    desk = open_with_stops()
    desk.closed_by_hand(3, 4 * LOT)
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "me", 0))
    released = [change for change in desk.changes() if change.to_limit and change.tag == desk.stop().tag]
    assert all(change.units == 6 * LOT for change in released)
    for _ in range(8):
        desk.carry_out()
        desk.later(1_000)
    asked = sum(order.working_units for order in desk.group().live_orders if order.symbol == SHORT_CALL)
    assert asked == 6 * LOT
