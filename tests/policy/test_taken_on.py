"""A group in a person's hands does what the person says, whatever the broker refused before."""

from __future__ import annotations

import pytest

from core.domain.effects import CancelOrder
from core.domain.facts import OperatorActed
from core.domain.groups import IncompletePolicy
from core.domain.inputs import OperatorAction
from core.domain.instruments import PositionKey, Product, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import ChildOrder, Purpose
from core.policy.decide import fail
from tests.builders import LONG_CALL, LOT, SHORT_CALL, Desk, desk_with, open_condor, plan
from tests.policy.test_closing import ask, half_filled

_S = ExecutionLifecycle
_A = OperatorAction


def fresh(desk: Desk) -> list[ChildOrder]:
    """Orders on their way that nobody has answered."""
    return [o for o in desk.sent if o.tag not in desk.ids and desk.order(o.tag).outcome is None]


def refuse_everything(desk: Desk, rounds: int = 60) -> Desk:
    """A broker that refuses whatever is sent, until a person is called."""
    for _ in range(rounds):
        for order in fresh(desk):
            desk.refuse(order, "RMS: blocked")
        desk.later(500)
        desk.read_books()
        if desk.is_in(_S.MANUAL):
            return desk
    raise AssertionError(desk.group().state)


def trade_again(desk: Desk, rounds: int = 40) -> None:
    """The broker takes and fills again what is sent from now on."""
    for _ in range(rounds):
        for order in fresh(desk):
            desk.accept(order)
            desk.fill(order)
        desk.later(250)
        desk.answer_changes()
        desk.read_books()


def refused_exit() -> Desk:
    desk = open_condor()
    ask(desk, _A.EXIT)
    refuse_everything(desk)
    assert desk.group().cause is ManualCause.CANNOT_SEND
    return desk


def answer(desk: Desk) -> str:
    acted = [row.fact for row in desk.rows if isinstance(row.fact, OperatorActed)]
    return [fact.detail for fact in acted if fact.answered][-1]


@pytest.mark.parametrize("action", [_A.EXIT, _A.FLATTEN, _A.FLATTEN_ALL, _A.UNWIND])
def test_a_group_whose_orders_were_all_refused_is_closed_when_a_person_asks_again(
    action: OperatorAction,
) -> None:
    desk = refused_exit()
    desk.later(60_000)
    assert desk.is_in(_S.MANUAL)
    ask(desk, action, "" if action is _A.FLATTEN_ALL else "G-001")
    trade_again(desk)
    assert desk.is_in(_S.CLOSED)
    assert desk.net() == {}


def test_it_is_closed_as_well_by_a_process_that_follows() -> None:
    desk = refused_exit()
    desk.start(restart=True)
    ask(desk, _A.FLATTEN)
    trade_again(desk)
    assert desk.is_in(_S.CLOSED)


def test_what_is_refused_again_calls_for_a_person_again() -> None:
    desk = refused_exit()
    sent = len(desk.sent)
    ask(desk, _A.FLATTEN)
    refuse_everything(desk)
    assert len(desk.sent) - sent >= 6
    assert desk.group().cause is ManualCause.CANNOT_SEND


def test_a_whole_group_that_could_not_be_exited_is_kept_when_a_person_completes_it() -> None:
    desk = refused_exit()
    ask(desk, _A.COMPLETE)
    desk.later(1_000)
    assert desk.is_in(_S.OPEN)
    assert desk.group().copies == 10


def test_shorts_that_were_refused_are_tried_again_when_a_person_completes() -> None:
    desk = desk_with(plan(on_incomplete=IncompletePolicy.UNWIND))
    for _ in range(60):
        for order in fresh(desk):
            if order.purpose is Purpose.ENTRY and order.side is Side.BUY:
                desk.accept(order)
                desk.fill(order)
            else:
                desk.refuse(order, "margin")
        desk.later(500)
        if desk.is_in(_S.MANUAL):
            break
    assert desk.is_in(_S.MANUAL)
    ask(desk, _A.COMPLETE)
    trade_again(desk)
    assert desk.is_in(_S.OPEN)
    assert desk.group().copies == 10


def test_what_others_closed_is_not_bought_again_and_the_person_is_told() -> None:
    desk = open_condor()
    desk.others[PositionKey("NFO", LONG_CALL, Product.NRML)] = -5 * LOT
    refuse_everything(desk)
    ask(desk, _A.COMPLETE)
    assert answer(desk).startswith("refused: units of G-001 were closed by someone else")
    assert desk.is_in(_S.MANUAL)


def test_a_group_on_its_way_out_is_not_scaled_down_and_the_person_is_told() -> None:
    desk = half_filled(IncompletePolicy.UNWIND)
    ask(desk, _A.UNWIND)
    ask(desk, _A.SCALE_DOWN)
    assert answer(desk).startswith("refused: G-001 is being brought to 0 copies already")
    assert desk.group().copies == 0


def uncovered_in_manual() -> Desk:
    desk = open_condor()
    desk.others[PositionKey("NFO", LONG_CALL, Product.NRML)] = -5 * LOT
    return refuse_everything(desk)


def test_positions_that_a_person_has_marked_as_handled_stay_as_they_are() -> None:
    desk = uncovered_in_manual()
    sent = len(desk.sent)
    ask(desk, _A.HANDLED)
    desk.later(120_000)
    assert desk.is_in(_S.MANUAL)
    assert len(desk.sent) == sent


def test_uncovered_units_that_nobody_takes_on_are_unwound_after_half_a_minute() -> None:
    desk = uncovered_in_manual()
    sent = len(desk.sent)
    desk.monitor()
    desk.later(29_000)
    assert desk.is_in(_S.MANUAL)
    desk.later(2_000)
    assert not desk.is_in(_S.MANUAL)
    assert len(desk.sent) > sent


def test_half_a_minute_is_counted_from_when_cover_went_and_not_from_when_a_person_was_called() -> None:
    desk = open_condor()
    ask(desk, _A.EXIT)
    refuse_everything(desk)
    assert desk.is_in(_S.MANUAL)
    desk.monitor()
    desk.later(600_000)
    desk.others[PositionKey("NFO", LONG_CALL, Product.NRML)] = -5 * LOT
    for _ in range(2):
        desk.later(6_000)
        desk.read_books()
    desk.monitor()
    assert desk.group().unhedged.uncovered_since_ns
    assert desk.is_in(_S.MANUAL), "a person who closes by hand, the long first, is not traded against"
    desk.later(31_000)
    assert not desk.is_in(_S.MANUAL)


def broken_while_entering() -> Desk:
    """A decision has failed while four copies are covered and their shorts work."""
    desk = desk_with(plan())
    desk.accept()
    for order in list(desk.sends(side=Side.BUY)):
        desk.fill(order, 4 * LOT)
    desk.accept()
    decision = fail(desk.account, "G-001", "boom", desk.view, desk.now_ns)
    desk.account = decision.account
    desk.rows.extend(decision.rows)
    assert desk.is_in(_S.MANUAL)
    return desk


def test_a_fill_after_a_group_was_marked_as_handled_is_news() -> None:
    desk = broken_while_entering()
    ask(desk, _A.HANDLED)
    assert desk.group().handled
    short = next(order for order in desk.group().live_orders if order.symbol == SHORT_CALL)
    desk.fill(short)
    assert not desk.group().handled


def test_a_trip_takes_back_the_entries_of_a_group_in_a_persons_hands() -> None:
    desk = broken_while_entering()
    entries = {order.tag for order in desk.group().live_orders if order.purpose is Purpose.ENTRY}
    assert entries
    desk.effects.clear()
    ask(desk, _A.KILL, "")
    desk.later(1_000)
    assert {effect.tag for effect in desk.effects if isinstance(effect, CancelOrder)} == entries
