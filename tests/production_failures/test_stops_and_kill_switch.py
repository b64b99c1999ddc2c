"""Stops that went off by surprise or were missing, and kill switches that were not.

Held in tests/policy:

failure                                             | module     | test
----------------------------------------------------|------------|------------------------------------------
freqtrade: an exit proceeds after a failed cancel   | stop_fired | where_it_cannot_be_changed_it_is_...
freqtrade #5539: a cancelled stop stays away        | stop_loss  | a_cancelled_stop_is_replaced
freqtrade #4999: an exit on a price of long ago     | group_stops| an_old_price_closes_nothing
go-trader #1462: a latch that a restart forgets     | kill_switch| the_latch_survives_a_restart
go-trader #1190: FLAT said before the broker did    | closing    | an_exit_ends_closed_only_when_the_books...
Auramaur #408: what a reset does is nowhere said    | kill_switch| a_reset_needs_a_reason_that_somebody_typed
Lean: a vanished short taken for an assignment      | (risk)     | a_vanished_short_is_settlement_only...
"""

from __future__ import annotations

import pytest

from core.domain.facts import KillSwitchTripped
from core.domain.inputs import HealthReading, MonitorPass, OperatorAction, OperatorCommand
from core.domain.instruments import PositionKey, Product, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Purpose
from core.domain.timing import NS_PER_S
from tests.builders import (
    LONG_PUT,
    LOT,
    SHORT_CALL,
    SHORT_PUT,
    Desk,
    desk_with,
    fill_everything,
    open_condor,
    plan,
)
from tests.policy.stop_desk import open_with_stops, stopped_plan

_S = ExecutionLifecycle


def command(desk: Desk, action: OperatorAction, target: str = "", reason: str = "") -> None:
    desk.give(OperatorCommand(action, target, "tester", 0, reason))


def kill(desk: Desk) -> None:
    command(desk, OperatorAction.KILL)


# Stops


@pytest.mark.parametrize(
    ("bid_paise", "ask_paise"),
    [(150_00, 149_00), (None, 150_00), (None, None)],
    ids=["crossed", "one side only", "no quote at all"],
)
def test_a_quote_that_nobody_can_trust_fires_no_stop(bid_paise: int | None, ask_paise: int | None) -> None:
    """freqtrade #12598, #9753: surprise emergency exits on one odd price."""
    desk = open_with_stops(stopped_plan(stop_loss_paise=10_000_00))
    desk.quote(SHORT_CALL, bid_paise, ask_paise)
    desk.monitor()
    assert desk.is_in(_S.OPEN)
    assert not desk.sends(purpose=Purpose.EXIT)
    assert not desk.changes()


def test_a_wide_offer_is_no_reason_to_buy_a_short_back() -> None:
    """freqtrade #5770: the wrong side of a wide book counted as the price."""
    desk = open_with_stops()
    desk.quote(SHORT_CALL, 69_00, 300_00, last_paise=69_00)
    desk.monitor()
    assert desk.is_in(_S.OPEN)
    assert not desk.changes()


def test_every_short_unit_has_a_stop_or_an_exit_at_every_moment_of_an_exit() -> None:
    """freqtrade #6808: while an exit is pending, and after it is cancelled, no stop stands."""
    desk = open_with_stops()
    command(desk, OperatorAction.EXIT, "G-001")
    for _ in range(200):
        for leg in (2, 3):
            group = desk.group()
            buying = group.working(leg, Side.BUY)
            assert buying == -group.legs[leg].net_units, "as much as is short, never more"
        desk.carry_out()
        desk.accept()
        desk.later(100)
        live = [order for order in desk.group().live_orders if order.side is Side.BUY]
        if live and desk.now_ns % 3 == 0:
            desk.fill(live[0], LOT)
    for order in list(desk.group().live_orders):
        desk.fill(order)
    fill_everything(desk)
    assert desk.net() == {}


def test_an_exit_that_waits_too_long_is_repriced_and_never_doubled() -> None:
    """freqtrade #12598: a time-out counter turns a patient exit into a second one at market."""
    desk = open_condor()
    command(desk, OperatorAction.EXIT, "G-001")
    desk.accept()
    for step in range(30):
        desk.move_quote(SHORT_PUT, 79_00 + 100 * step, 80_00 + 100 * step)
        desk.later(1_000)
        desk.answer_changes()
    assert len(desk.sends(SHORT_PUT, Side.BUY)) == 1
    assert desk.group().working(2, Side.BUY) == 10 * LOT


# The kill switch


def test_a_trip_takes_back_entries_of_groups_that_hold_nothing_yet() -> None:
    """go-trader #1191, PR #351: only orders beside a position were cancelled; the others filled later."""
    desk = desk_with(plan())
    desk.accept()
    assert desk.is_in(_S.PLACING)
    kill(desk)
    assert all(order.cancel_pending for order in desk.group().live_orders)
    for order in desk.sent:
        desk.cancelled(order)
    desk.later(100)
    desk.read_books()
    assert desk.is_in(_S.CLOSED)


def test_an_entry_that_fills_after_the_trip_is_taken_back() -> None:
    """go-trader #1190: latched and called flat, while an order was still at the venue."""
    desk = desk_with(plan())
    desk.accept()
    wing = desk.sent[0]
    kill(desk)
    desk.fill(wing)
    assert desk.net() == {LONG_PUT: 10 * LOT}, "it goes on recording"
    desk.cancelled(desk.sent[1])
    assert [order.units for order in desk.sends(LONG_PUT, Side.SELL)] == [10 * LOT]
    fill_everything(desk)
    assert desk.net() == {}


def test_while_it_is_latched_uncovered_units_are_still_answered() -> None:
    """go-trader #1462: halted means that nothing is sent, not even what protects."""
    desk = open_condor()
    kill(desk)
    desk.others[PositionKey("NFO", LONG_PUT, Product.NRML)] = -10 * LOT
    for _ in range(3):
        desk.later(6_000)
        desk.read_books()
    desk.monitor()
    answers = [order for order in desk.sent if order.purpose in (Purpose.HEDGE, Purpose.UNWIND)]
    assert answers
    fill_everything(desk)
    assert desk.net().get(SHORT_PUT, 0) == 0


def test_a_trip_does_not_take_the_stops_away() -> None:
    """go-trader: the switch cancels all resting orders, the stops among them, and the shorts stand bare."""
    desk = open_with_stops()
    kill(desk)
    desk.later(10_000)
    assert desk.stop_units() == 10 * LOT
    assert not desk.cancels()


def closed_at_a_loss() -> Desk:
    """A condor that was left at bad prices, and nothing else."""
    desk = open_condor()
    command(desk, OperatorAction.EXIT, "G-001")
    for _ in range(6):
        for order in [each for each in desk.sent if each.tag not in desk.ids]:
            desk.accept(order)
            desk.fill(order, price_paise=200_00 if order.side is Side.BUY else 5_00)
        desk.later(100)
        desk.read_books()
    assert desk.is_in(_S.CLOSED)
    return desk


def test_a_loss_that_was_realised_counts_for_the_day() -> None:
    """go-trader #1462: the limit looked at open positions, so each closed loss made room for the next."""
    desk = closed_at_a_loss()
    lost = -sum(leg.cash_paise for leg in desk.group().legs)
    assert lost > 0
    desk.give(MonitorPass(HealthReading(funds_total_paise=lost * 51)))
    assert not desk.facts(KillSwitchTripped)
    desk.give(MonitorPass(HealthReading(funds_total_paise=lost * 49)))
    assert [trip.by for trip in desk.facts(KillSwitchTripped)] == ["daily-loss"]  # type: ignore[union-attr]


def test_a_loss_of_another_day_is_not_todays() -> None:
    """go-trader #1462: the day's loss was never put back, and the account stood still for ever."""
    desk = closed_at_a_loss()
    desk.now_ns += 24 * 3_600 * NS_PER_S
    desk.give(MonitorPass(HealthReading(funds_total_paise=1_00_000_00)))
    assert not desk.facts(KillSwitchTripped)
