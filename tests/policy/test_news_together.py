"""News that waited together: all of it is known before anything is sent on any of it."""

from __future__ import annotations

from core.domain.inputs import AllNews, OperatorAction, OperatorCommand, OrderNews
from core.domain.instruments import Side
from core.domain.orders import OrderStatus
from tests.builders import LONG_PUT, LOT, SHORT_PUT, VERTICAL, Desk, desk_with, plan


def shrinking() -> Desk:
    """A vertical with its wing filled and four of ten lots sold, being flattened: the sale is cancelled."""
    desk = desk_with(plan(VERTICAL))
    desk.accept()
    desk.fill(desk.sent[0])
    desk.accept()
    sale = desk.sends(SHORT_PUT, Side.SELL)[0]
    desk.fill(sale, 4 * LOT)
    desk.give(OperatorCommand(OperatorAction.FLATTEN, "G-001", "tester", 0))
    desk.answer_changes()
    return desk


def sold_wings(desk: Desk) -> int:
    return sum(order.units for order in desk.sends(LONG_PUT, Side.SELL))


def test_a_late_fill_that_waits_behind_a_cancel_keeps_its_cover() -> None:
    desk = shrinking()
    sale = desk.sends(SHORT_PUT, Side.SELL)[0]
    cancelled = desk.change(sale, status=OrderStatus.CANCELLED)
    late = desk.change(sale, filled_units=10 * LOT, status=OrderStatus.COMPLETE)
    desk.give(AllNews((OrderNews(cancelled), OrderNews(late))))
    assert sold_wings(desk) == 0


def test_told_one_by_one_the_cover_of_what_is_over_may_go() -> None:
    desk = shrinking()
    desk.cancelled(desk.sends(SHORT_PUT, Side.SELL)[0])
    assert sold_wings(desk) == 6 * LOT
