"""Leaving: shorts first, a long only as its short is confirmed closed, and nothing twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.cover import confirmed_holdings, uncovered_beyond_plan
from core.domain.effects import CancelOrder
from core.domain.evolve import evolve
from core.domain.facts import CancelIntended, ModifyIntended, Recorded
from core.domain.groups import Goal, IncompletePolicy
from core.domain.inputs import BooksRead, OperatorAction, OperatorCommand, OrderNews
from core.domain.instruments import PositionKey, Product, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import OrderStatus, Outcome, Purpose
from core.policy.closing import cancel_entries
from core.policy.collaborators import Collaborators
from core.policy.turn import Turn
from tests.builders import (
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
    open_condor,
    plan,
)

_S = ExecutionLifecycle


def ask(desk: Desk, action: OperatorAction, target: str = "G-001") -> None:
    desk.give(OperatorCommand(action, target, "tester", 0, "because"))


def half_filled(policy: IncompletePolicy = IncompletePolicy.SCALE_DOWN, **terms: object) -> Desk:
    """A condor of ten copies: four whole ones, six more of the long put, and the rest still working."""
    desk = desk_with(plan(on_incomplete=policy, **terms))  # type: ignore[arg-type]
    desk.accept()
    desk.fill(desk.sent[0])
    desk.fill(desk.sent[1], 4 * LOT)
    desk.accept()
    for order in desk.sends(side=Side.SELL):
        desk.fill(order)
    assert desk.is_in(_S.PARTIALLY_EXPOSED)
    return desk


def test_a_purchase_that_only_takes_an_excess_sale_back_is_not_cancelled_with_the_entries() -> None:
    desk = half_filled(IncompletePolicy.UNWIND)
    group = desk.group()
    [entry] = [order for order in group.live_orders if order.side is Side.BUY]
    leg = group.legs[entry.leg]
    for excess, over in ((entry.working_units, True), (entry.working_units - LOT, False)):
        sold = replace(leg, sold_units=leg.bought_units + excess)
        legs = tuple(sold if each is leg else each for each in group.legs)
        account = desk.account.with_group(replace(group, legs=legs))
        turn = Turn(account, desk.view, desk.now_ns, Collaborators())
        cancel_entries(turn, "G-001", "the group is being reduced")
        asked = {effect.tag for effect in turn.done().effects if isinstance(effect, CancelOrder)}
        assert (entry.tag not in asked) is over


# Exits


def test_an_exit_buys_the_shorts_back_before_it_sells_a_long() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT)
    assert desk.is_in(_S.EXITING)
    assert {(o.symbol, o.side, o.purpose) for o in desk.sends(purpose=Purpose.EXIT)} == {
        (SHORT_PUT, Side.BUY, Purpose.EXIT),
        (SHORT_CALL, Side.BUY, Purpose.EXIT),
    }
    desk.accept()
    desk.later(900)
    assert not desk.sends(side=Side.SELL, purpose=Purpose.EXIT)


def test_a_long_is_sold_only_as_far_as_its_short_is_confirmed_closed() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT)
    desk.accept()
    back = desk.sends(SHORT_PUT, purpose=Purpose.EXIT)[0]
    desk.fill(back, 3 * LOT)
    assert [(o.symbol, o.units) for o in desk.sends(side=Side.SELL, purpose=Purpose.EXIT)] == [
        (LONG_PUT, 3 * LOT)
    ]
    group = desk.group()
    assert not uncovered_beyond_plan(group.plan, confirmed_holdings(group))


def test_an_exit_ends_closed_only_when_the_books_have_confirmed_it() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT)
    for _ in range(4):
        desk.accept()
        for order in list(desk.group().live_orders):
            desk.fill(order)
    assert desk.net() == {}
    assert desk.is_in(_S.EXITING)
    stale = desk.snapshot(asked_at_ns=NOW)
    desk.later(100)
    desk.give(BooksRead(stale))
    assert desk.is_in(_S.EXITING), "those books were asked for before the question"
    desk.read_books()
    assert desk.is_in(_S.CLOSED)


def test_an_exit_that_does_not_fill_is_made_marketable_once_a_second() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT)
    desk.accept()
    desk.move_quote(SHORT_PUT, 99_00, 100_00)
    desk.later(900)
    assert not desk.facts(ModifyIntended)
    desk.later(200)
    moved = desk.facts(ModifyIntended)
    assert [fact.limit_paise for fact in moved] == [102_00]  # type: ignore[union-attr]


def test_an_exit_at_its_time_closes_the_group_by_itself() -> None:
    desk = open_condor(exit_at_ns=NOW + 300_000_000_000)
    desk.later(301_000)
    fill_everything(desk)
    assert desk.is_in(_S.CLOSED)
    assert desk.net() == {}


# A person closes what is not whole


@pytest.mark.parametrize("policy", list(IncompletePolicy))
@pytest.mark.parametrize("action", [OperatorAction.EXIT, OperatorAction.UNWIND, OperatorAction.FLATTEN_ALL])
def test_a_person_who_closes_a_half_filled_group_is_left_with_nothing(
    policy: IncompletePolicy, action: OperatorAction
) -> None:
    desk = half_filled(policy)
    ask(desk, action)
    for order in [o for o in desk.group().live_orders if o.purpose is Purpose.ENTRY]:
        desk.cancelled(order)
    fill_everything(desk)
    assert desk.net() == {}
    assert desk.is_in(_S.CLOSED)


def test_a_person_who_closes_a_group_that_is_being_scaled_down_is_left_with_nothing() -> None:
    desk = half_filled(good_for_s=20)
    desk.later(21_000)
    assert desk.group().goal is Goal.REDUCE
    ask(desk, OperatorAction.EXIT)
    for order in [o for o in desk.group().live_orders if o.purpose is Purpose.ENTRY]:
        desk.cancelled(order)
    fill_everything(desk)
    assert desk.net() == {}
    assert desk.is_in(_S.CLOSED)


@pytest.mark.parametrize("policy", list(IncompletePolicy))
def test_scaling_down_on_request_keeps_every_whole_copy(policy: IncompletePolicy) -> None:
    desk = half_filled(policy)
    ask(desk, OperatorAction.SCALE_DOWN)
    for order in [o for o in desk.group().live_orders if o.purpose is Purpose.ENTRY]:
        desk.cancelled(order)
    fill_everything(desk)
    units = 4 * LOT
    assert desk.net() == {LONG_PUT: units, LONG_CALL: units, SHORT_PUT: -units, SHORT_CALL: -units}
    assert desk.is_in(_S.OPEN)


# Cancels


def test_a_cancel_that_loses_to_a_fill_keeps_the_copies_it_completed() -> None:
    desk = half_filled(good_for_s=20)
    desk.later(21_000)
    wing = desk.sent[1]
    assert desk.order(wing.tag).cancel_pending
    desk.fill(wing)
    fill_everything(desk)
    assert desk.is_in(_S.OPEN)
    assert set(map(abs, desk.net().values())) == {4 * LOT}, "the shorts of the other six were never sent"


def test_a_cancel_that_loses_to_a_fill_sends_no_second_exit() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT)
    desk.accept()
    back = desk.sends(SHORT_PUT, purpose=Purpose.EXIT)[0]
    for step in range(40):
        desk.move_quote(SHORT_PUT, 80_00 + 300 * step, 81_00 + 300 * step)
        desk.later(1_050)
        desk.answer_changes()
        if desk.order(back.tag).cancel_pending:
            break
    assert desk.order(back.tag).cancel_pending, "its modifications are spent, the rest goes in a new order"
    assert len(desk.sends(SHORT_PUT, purpose=Purpose.EXIT)) == 1
    desk.later(3_000)
    assert len(desk.sends(SHORT_PUT, purpose=Purpose.EXIT)) == 1, "nothing while it may still fill"
    desk.fill(back)
    desk.later(3_000)
    assert len(desk.sends(SHORT_PUT, purpose=Purpose.EXIT)) == 1
    assert desk.net().get(SHORT_PUT) is None


def test_after_a_confirmed_cancel_the_rest_goes_out_and_no_more() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT)
    desk.accept()
    back = desk.sends(SHORT_PUT, purpose=Purpose.EXIT)[0]
    desk.fill(back, 3 * LOT)
    desk.cancelled(back)
    assert [o.units for o in desk.sends(SHORT_PUT, purpose=Purpose.EXIT)] == [10 * LOT, 7 * LOT]


def test_a_cancel_is_asked_for_again_until_the_broker_calls_the_order_over() -> None:
    desk = half_filled(good_for_s=20)
    desk.later(21_000)
    for _ in range(6):
        desk.answer_changes()
        desk.later(1_000)
    wing = desk.sent[1].tag
    asked = [fact for fact in desk.facts(CancelIntended) if fact.tag == wing]  # type: ignore[union-attr]
    assert len(asked) >= 4
    desk.cancelled(desk.sent[1])
    desk.later(5_000)
    assert len([f for f in desk.facts(CancelIntended) if f.tag == wing]) == len(asked)  # type: ignore[union-attr]


def test_an_order_whose_id_is_not_known_is_cancelled_as_soon_as_the_books_name_it() -> None:
    desk = desk_with(plan(VERTICAL, good_for_s=20))
    desk.lose_reply(desk.sent[0], arrived=True)
    desk.later(100)
    ask(desk, OperatorAction.EXIT)
    assert not desk.facts(CancelIntended)
    desk.read_books()
    assert [fact.tag for fact in desk.facts(CancelIntended)] == [desk.sent[0].tag]  # type: ignore[union-attr]


# Late fills


def test_a_late_fill_of_a_cancelled_order_is_taken_over_and_traded_away() -> None:
    desk = half_filled(good_for_s=20)
    desk.later(21_000)
    wing = desk.sent[1]
    desk.cancelled(wing)
    fill_everything(desk)
    assert desk.is_in(_S.OPEN)
    row = desk.change(wing, filled_units=5 * LOT)
    desk.give(OrderNews(row))
    assert desk.group().legs[1].net_units == 5 * LOT
    assert [o.units for o in desk.sends(LONG_CALL, Side.SELL)][-1] == LOT
    assert row.status is OrderStatus.CANCELLED


def test_a_late_fill_on_a_closed_group_reopens_it_and_is_taken_back() -> None:
    desk = desk_with(plan(VERTICAL, good_for_s=20))
    desk.accept()
    wing = desk.sent[0]
    desk.later(21_000)
    desk.answer_changes()
    desk.cancelled(wing)
    desk.later(100)
    desk.read_books()
    assert desk.is_in(_S.CLOSED)
    desk.fill(wing, 2 * LOT)
    assert desk.is_in(_S.UNWINDING)
    fill_everything(desk)
    assert desk.is_in(_S.CLOSED)
    assert desk.net() == {}


# When the broker will not


def test_an_exit_that_the_broker_keeps_refusing_calls_for_a_person() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT)
    for _ in range(8):
        for order in [o for o in desk.sends(purpose=Purpose.EXIT) if desk.order(o.tag).outcome is None]:
            desk.refuse(order, "RMS: blocked")
        desk.later(2_000)
    assert desk.is_in(_S.MANUAL)
    assert desk.group().cause is ManualCause.CANNOT_SEND
    assert "RMS: blocked" in desk.group().reason
    assert "manual:G-001" in desk.account.alerts


def test_an_exit_that_never_fills_calls_for_a_person_and_leaves_its_order_in_the_market() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT)
    desk.accept()
    for step in range(120):
        if desk.is_in(_S.MANUAL):
            break
        for symbol in (SHORT_PUT, SHORT_CALL):
            desk.move_quote(symbol, 80_00 + 300 * step, 81_00 + 300 * step)
        desk.later(1_050)
        desk.answer_changes()
        for order in list(desk.group().live_orders):
            if order.cancel_pending:
                desk.cancelled(order)
        desk.accept()
    assert desk.group().cause is ManualCause.EXIT_EXHAUSTED
    assert any(order.purpose is Purpose.EXIT for order in desk.group().live_orders)
    assert len(desk.facts(ModifyIntended)) <= 60


def test_a_refused_modification_of_an_exit_is_tried_again_and_the_order_stays() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT)
    desk.accept()
    desk.move_quote(SHORT_PUT, 99_00, 100_00)
    desk.later(1_100)
    desk.answer_changes(Outcome.REJECTED)
    desk.later(1_100)
    assert len(desk.facts(ModifyIntended)) == 2
    assert len(desk.sends(SHORT_PUT, purpose=Purpose.EXIT)) == 1


def test_a_blind_exit_that_is_refused_is_tried_again_nearer_to_the_last_price() -> None:
    desk = open_condor()
    desk.later(4_000_000)
    ask(desk, OperatorAction.EXIT)
    for _ in range(3):
        desk.refuse(desk.sends(SHORT_PUT, Side.BUY)[-1], "Price exceeds circuit limits")
        desk.later(2_000)
    limits = [order.limit_paise for order in desk.sends(SHORT_PUT, Side.BUY)]
    assert len(limits) == 4
    assert limits == sorted(set(limits), reverse=True), "each nearer than the one before"
    assert limits[-1] > 79_50, "and still beyond the last price"


def test_a_late_fill_on_a_short_takes_the_sale_of_its_long_back() -> None:
    desk = half_filled(IncompletePolicy.UNWIND)
    ask(desk, OperatorAction.UNWIND)
    late = next(order for order in desk.sends(SHORT_PUT, Side.SELL))
    desk.accept()
    for order in desk.sends(side=Side.BUY, purpose=Purpose.UNWIND):
        desk.fill(order)
    desk.accept()
    sales = [o for o in desk.sends(LONG_PUT, Side.SELL) if not desk.order(o.tag).is_terminal]
    assert sales
    row = desk.book[desk.ids[late.tag]]
    desk.book[desk.ids[late.tag]] = replace(row, units=row.units + 2 * LOT, status=OrderStatus.CANCELLED)
    desk.trade(late, 2 * LOT)
    desk.read_books()
    assert any(desk.order(order.tag).cancel_pending for order in sales)


def test_an_order_called_absent_that_arrives_after_its_successor_has_filled_is_taken_back() -> None:
    desk = open_condor()
    desk.give(OperatorCommand(OperatorAction.FLATTEN, "G-001", "tester", 0))
    lost = desk.sends(SHORT_PUT, Side.BUY)[0]
    other = desk.sends(SHORT_CALL, Side.BUY)[0]
    desk.accept(other)
    desk.fill(other)
    desk.lose_reply(lost, arrived=False)
    for _ in range(7):
        desk.later(1_000)
        desk.read_books()
    again = desk.sends(SHORT_PUT, Side.BUY)[-1]
    assert again.tag != lost.tag
    desk.accept(again)
    desk.fill(again)
    desk._book(lost)
    desk.give(OrderNews(desk.change(lost)))
    assert lost.tag in [effect.tag for effect in desk.effects if isinstance(effect, CancelOrder)]
    desk.cancelled(lost)
    fill_everything(desk)
    assert not any(desk.net().values())
    assert desk.is_in(_S.CLOSED)


@pytest.mark.parametrize("on_incomplete", list(IncompletePolicy))
def test_a_late_fill_on_an_open_group_is_reversed_alone(on_incomplete: IncompletePolicy) -> None:
    desk = open_condor(on_incomplete=on_incomplete)
    held, sent = desk.net(), len(desk.sent)
    wing = next(order for order in desk.sent if order.symbol == LONG_PUT)
    desk.change(wing, units=wing.units + 2 * LOT)
    desk.fill(wing, 2 * LOT)
    assert desk.net()[LONG_PUT] == held[LONG_PUT] + 2 * LOT
    fill_everything(desk)
    assert [(o.symbol, o.side, o.units) for o in desk.sent[sent:]] == [(LONG_PUT, Side.SELL, 2 * LOT)]
    assert desk.is_in(ExecutionLifecycle.OPEN)
    assert desk.net() == held


def test_a_group_that_lacks_units_is_still_what_its_policy_says() -> None:
    desk = open_condor(on_incomplete=IncompletePolicy.UNWIND)
    key = PositionKey("NFO", LONG_PUT, Product.NRML)
    desk.others[key] = -10 * LOT
    for _ in range(2):
        desk.later(6_000)
        desk.read_books()
    fill_everything(desk)
    assert desk.is_in(ExecutionLifecycle.CLOSED)


def test_a_sale_whose_cancel_is_never_confirmed_is_pressed_and_goes_to_a_person() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT)
    for order in [each for each in desk.sent if each.tag not in desk.ids]:
        desk.accept(order)
        desk.fill(order)
    sale = next(order for order in desk.sends(LONG_PUT, Side.SELL))
    if sale.tag not in desk.ids:
        desk.accept(sale)
    told = CancelIntended(sale.tag, "what it sells covers a short again")
    desk.account = evolve(desk.account, Recorded(desk.account.seq + 1, desk.now_ns, "G-001", told))
    desk.effects.clear()
    desk.later(3_000)
    assert sum(isinstance(each, CancelOrder) and each.tag == sale.tag for each in desk.effects) >= 2
    assert "cancel:G-001" in {name for name, alert in desk.account.alerts.items() if not alert.cleared}
    desk.later(3_000)
    assert (desk.group().state, desk.group().cause) == (_S.MANUAL, ManualCause.CANCEL_UNCONFIRMED)
    assert len(desk.sends(LONG_PUT, Side.SELL)) == 1
    assert not desk.sends(purpose=Purpose.HEDGE)
