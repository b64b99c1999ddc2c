"""The kill switch: latched until a person resets it, and never in the way of an exit."""

from __future__ import annotations

from core.domain.facts import KillSwitchTripped, OperatorActed
from core.domain.groups import Goal
from core.domain.inputs import CoreStarted, JournalTrouble, OperatorAction, OperatorCommand
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Purpose, Source
from tests.builders import LOT, Desk, desk_with, fill_everything, open_condor, plan

_S = ExecutionLifecycle


def ask(desk: Desk, action: OperatorAction, target: str = "", reason: str = "") -> None:
    desk.give(OperatorCommand(action, target, "tester", 0, reason))


def entries(desk: Desk) -> int:
    return len(desk.sends(purpose=Purpose.ENTRY))


def test_after_a_trip_nothing_that_adds_risk_goes_out_and_entries_are_taken_back() -> None:
    desk = desk_with(plan())
    desk.accept()
    desk.fill(desk.sent[0], 4 * LOT)
    sent = entries(desk)
    ask(desk, OperatorAction.KILL)
    assert all(order.cancel_pending for order in desk.group().live_orders if order.purpose is Purpose.ENTRY)
    for order in desk.sent[:2]:
        desk.cancelled(order)
    fill_everything(desk)
    assert entries(desk) == sent
    assert desk.net() == {}
    assert desk.is_in(_S.CLOSED)


def test_an_exit_goes_on_through_a_trip() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT, "G-001")
    ask(desk, OperatorAction.KILL)
    fill_everything(desk)
    assert desk.is_in(_S.CLOSED)


def test_an_open_group_is_left_as_it_is_by_a_trip_by_hand() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.KILL)
    desk.later(10_000)
    assert desk.is_in(_S.OPEN)
    assert not desk.sends(purpose=Purpose.EXIT)


def test_the_latch_survives_a_restart() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.KILL)
    desk.give(CoreStarted(restart=True))
    desk.later(100)
    desk.read_books(Source.RECOVERY)
    desk.later(5_000)
    assert desk.submit(plan(number=2)).state is _S.REJECTED


def test_a_reset_needs_a_reason_that_somebody_typed() -> None:
    desk = Desk().start()
    ask(desk, OperatorAction.KILL)
    ask(desk, OperatorAction.RESET_KILL, reason="   ")
    assert desk.account.kill.tripped
    ask(desk, OperatorAction.RESET_KILL, reason="the feed is back")
    assert not desk.account.kill.tripped
    assert desk.account.alerts["kill-switch"].cleared


def test_a_journal_that_fails_trips_at_once_and_its_return_does_not_reset() -> None:
    desk = open_condor()
    desk.give(JournalTrouble("disk full"))
    assert desk.account.kill.tripped
    assert desk.account.journal_failed
    desk.give(JournalTrouble("", 3))
    assert not desk.account.journal_failed
    assert desk.account.kill.tripped


def test_flattening_everything_closes_half_filled_groups_to_nothing() -> None:
    desk = desk_with(plan())
    desk.accept()
    for order in desk.sent[:2]:
        desk.fill(order, 4 * LOT)
    desk.accept()
    for order in desk.sends(side=Side.SELL):
        desk.fill(order)
    ask(desk, OperatorAction.FLATTEN_ALL)
    assert desk.group().goal is Goal.EXIT
    for order in desk.sent[:2]:
        desk.cancelled(order)
    fill_everything(desk)
    assert desk.net() == {}


def test_what_a_person_asked_for_is_recorded_before_and_after() -> None:
    desk = Desk().start()
    ask(desk, OperatorAction.KILL)
    kinds = [type(row.fact) for row in desk.rows[-4:]]
    assert kinds[0] is OperatorActed
    assert KillSwitchTripped in kinds
    assert kinds[-1] is OperatorActed
