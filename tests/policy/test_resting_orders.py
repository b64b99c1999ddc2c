"""Positions compared while an order of ours stands in the market: what others did must not hide behind it."""

from __future__ import annotations

from dataclasses import replace

from core.domain.evolve import evolve
from core.domain.facts import HoldingClosedByOthers, PositionDoubted, Recorded, StateChanged
from core.domain.inputs import BooksRead, OperatorAction, OperatorCommand
from core.domain.instruments import PositionKey, Product, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import ChildOrder, Source
from tests.builders import LOT, SHORT_PUT, Desk, open_condor

KEY = PositionKey("NFO", SHORT_PUT, Product.NRML)


def look(desk: Desk, times: int = 1) -> None:
    """Read the books, each time longer after the last one than the position book can lag."""
    for _ in range(times):
        desk.later(6_000)
        desk.read_books()


def left_to_a_person() -> tuple[Desk, ChildOrder]:
    """A condor of ten copies in a person's hands, and what stays: its buy-back, four lots filled."""
    desk = open_condor()
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
    exits = desk.sends(SHORT_PUT, Side.BUY)
    desk.accept()
    desk.fill(exits[-1], 4 * LOT)
    manual = StateChanged("G-001", ExecutionLifecycle.MANUAL, "it did not fill", ManualCause.EXIT_EXHAUSTED)
    desk.account = evolve(desk.account, Recorded(desk.account.seq + 1, desk.now_ns, "G-001", manual))
    assert desk.order(exits[-1].tag).working_units == 6 * LOT
    assert desk.account.net_units(KEY) == -6 * LOT
    look(desk)
    return desk, exits[-1]


def test_units_closed_by_others_beside_an_order_left_to_a_person_are_charged() -> None:
    """Campaign seeds 7471 and 11826: the exchange had nothing left, and we told of a short for ever."""
    desk, _ = left_to_a_person()
    desk.others[KEY] = 6 * LOT
    look(desk, 2)
    assert desk.account.net_units(KEY) == 0
    assert desk.facts(HoldingClosedByOthers)
    assert f"closed:G-001:{SHORT_PUT}" in desk.account.alerts


def test_the_traders_own_units_beside_an_order_left_to_a_person_are_shown() -> None:
    """Campaign seed 7764: units that another had bought beside ours were never seen."""
    desk, _ = left_to_a_person()
    desk.others[KEY] = -2 * LOT
    look(desk, 2)
    assert desk.account.foreign == {KEY: -2 * LOT}
    assert desk.account.net_units(KEY) == -6 * LOT


def test_an_order_that_was_heard_of_a_moment_ago_moves_and_nothing_is_compared() -> None:
    desk, order = left_to_a_person()
    desk.others[KEY] = 6 * LOT
    for _ in range(4):
        desk.later(3_000)
        desk.fill(order, LOT)
        desk.read_books()
    assert not desk.facts(PositionDoubted)
    assert not desk.facts(HoldingClosedByOthers)


def test_a_fill_between_two_looks_makes_the_second_one_the_first() -> None:
    desk, order = left_to_a_person()
    desk.others[KEY] = 6 * LOT
    look(desk)
    desk.later(100)
    desk.fill(order, LOT)
    look(desk, 2)
    assert desk.account.net_units(KEY) == -5 * LOT
    assert not desk.facts(HoldingClosedByOthers)
    look(desk)
    assert desk.facts(HoldingClosedByOthers)


def test_a_book_that_does_not_list_a_working_order_tells_nothing_of_its_position() -> None:
    desk, order = left_to_a_person()
    desk.others[KEY] = 6 * LOT
    for _ in range(3):
        desk.later(6_000)
        book = desk.snapshot()
        rows = tuple(row for row in book.orders if row.order_id != desk.ids[order.tag])
        desk.give(BooksRead(replace(book, orders=rows), Source.POLL))
    assert not desk.facts(PositionDoubted)


def test_a_send_that_went_unanswered_keeps_its_position_from_being_compared() -> None:
    desk = open_condor()
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
    lost = desk.sends(SHORT_PUT, Side.BUY)[-1]
    desk.lose_reply(lost, arrived=False)
    desk.others[KEY] = 6 * LOT
    desk.later(6_000)
    desk.read_books()
    assert desk.order(lost.tag).is_unknown
    assert KEY not in desk.account.doubts
