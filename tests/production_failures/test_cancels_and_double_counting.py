"""Cancels that were not, fills that were counted twice.

Held in tests/policy:

failure                                             | module     | test
----------------------------------------------------|------------|------------------------------------------
nautilus #4288: a cancel guessed after a time-out   | stop_fired | a_cancel_nobody_confirms_is_asked_for...
nautilus #4288: the exit goes out a second time     | closing    | a_cancel_that_loses_to_a_fill_sends_no...
nautilus #3493: inferred fill, then the real one    | unanswered | news_in_any_order_and_any_number_counts..
Lean: a duplicate notification                      | reconcile  | reading_the_same_books_again_records...
"""

from __future__ import annotations

from core.domain.cover import confirmed_holdings, uncovered_beyond_plan
from core.domain.evolve import fold
from core.domain.facts import DivergenceFound
from core.domain.groups import IncompletePolicy
from core.domain.inputs import CoreStarted, OperatorAction, OperatorCommand, OrderNews, TradeNews
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Outcome, Purpose, Source
from tests.builders import (
    LONG_PUT,
    LOT,
    SHORT_PUT,
    VERTICAL,
    Desk,
    desk_with,
    fill_everything,
    open_condor,
    opening,
    plan,
)

_S = ExecutionLifecycle


def _wing_filled_short_working() -> Desk:
    """A vertical of ten copies whose wing is filled, three of the shorts too, and whose rest still works."""
    desk = desk_with(plan(VERTICAL, on_incomplete=IncompletePolicy.UNWIND))
    desk.accept()
    desk.fill(desk.sent[0])
    desk.accept()
    desk.fill(desk.sends(SHORT_PUT)[0], 3 * LOT)
    return desk


def wings_sold(desk: Desk) -> int:
    return sum(order.units for order in desk.sends(LONG_PUT, Side.SELL))


def test_an_order_that_fills_while_it_is_being_cancelled_still_gets_its_hedge() -> None:
    """hummingbot #2501: the maker order filled during its cancel, and the hedge was never sent."""
    desk = _wing_filled_short_working()
    short = desk.sends(SHORT_PUT)[0]
    desk.give(OperatorCommand(OperatorAction.UNWIND, "G-001", "tester", 0))
    assert desk.order(short.tag).cancel_pending
    desk.accept()
    desk.fill(desk.sends(SHORT_PUT, Side.BUY)[0])
    assert wings_sold(desk) == 3 * LOT, "seven shorts may fill yet: their wings stay"
    desk.fill(short)
    assert desk.net() == {LONG_PUT: 10 * LOT, SHORT_PUT: -7 * LOT}
    while desk.net():
        before = desk.net()
        desk.accept()
        for order in desk.group().live_orders:
            desk.fill(order)
            assert not uncovered_beyond_plan(desk.group().plan, confirmed_holdings(desk.group()))
        assert desk.net() != before
    assert sum(order.units for order in desk.sends(SHORT_PUT, Side.BUY)) == 10 * LOT


def test_no_time_turns_a_cancel_that_nobody_confirmed_into_a_cancel() -> None:
    """nautilus #4288: phantom cancels, and twice the exposure four times in twelve minutes."""
    desk = _wing_filled_short_working()
    short = desk.sends(SHORT_PUT)[0]
    desk.give(OperatorCommand(OperatorAction.UNWIND, "G-001", "tester", 0))
    desk.accept()
    desk.fill(desk.sends(SHORT_PUT, Side.BUY)[0])
    for _ in range(120):
        desk.later(5_000)
        desk.answer_changes(Outcome.UNKNOWN)
        desk.read_books()
    assert not desk.order(short.tag).is_terminal
    assert wings_sold(desk) == 3 * LOT, "ten minutes later the others may still fill"
    desk.cancelled(short)
    fill_everything(desk)
    assert desk.net() == {}


def test_a_position_that_holds_a_part_of_a_working_order_is_not_added_to_it() -> None:
    """nautilus #3476, #3478: net positions already contain the partial fills of open orders."""
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    desk.trade(wing, 4 * LOT)
    desk.give(CoreStarted(restart=True))
    for _ in range(4):
        desk.later(6_000)
        desk.read_books(Source.RECOVERY)
    assert desk.net()[LONG_PUT] == 4 * LOT
    assert desk.order(wing.tag).working_units == 6 * LOT
    assert desk.account.foreign == {}
    assert not [f for f in desk.facts(DivergenceFound) if f.divergence.endswith("position")]  # type: ignore[union-attr]


def test_a_restart_to_which_everything_is_told_again_books_nothing_twice() -> None:
    """QuantDinger PR #232: after a restart the same fills were booked a second time."""
    desk = open_condor()
    group = desk.group()
    again = Desk(
        account=fold((*opening(), *desk.rows)),
        view=desk.view,
        now_ns=desk.now_ns,
        ids=desk.ids,
        book=desk.book,
        trades=desk.trades,
    )
    again.give(CoreStarted(restart=True))
    for report in again.book.values():
        again.give(OrderNews(report))
    for trade in (*again.trades, *again.trades):
        again.give(TradeNews(trade))
    again.read_books(Source.RECOVERY)
    again.later(12_000)
    again.read_books()
    assert again.group().legs == group.legs, "units, values and prices alike"
    assert not again.sent


def test_a_late_fill_during_the_exit_is_not_left_behind() -> None:
    """nautilus: a fill on an order that was closed waits for a position poll that is off by default."""
    desk = _wing_filled_short_working()
    short = desk.sends(SHORT_PUT)[0]
    desk.give(OperatorCommand(OperatorAction.UNWIND, "G-001", "tester", 0))
    desk.cancelled(short)
    fill_everything(desk)
    assert desk.is_in(_S.CLOSED)
    desk.fill(short, 2 * LOT)
    assert desk.net() == {SHORT_PUT: -2 * LOT}
    assert [order.units for order in desk.sends(SHORT_PUT, Side.BUY)][-1] == 2 * LOT
    fill_everything(desk)
    assert desk.net() == {}
    assert desk.is_in(_S.CLOSED)
    assert not desk.sends(purpose=Purpose.STOP)
