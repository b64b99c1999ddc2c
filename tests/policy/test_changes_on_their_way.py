"""What is told of an order while its changes are on their way: nothing older takes a change back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.inputs import BooksRead, ModifyReply, OrderNews
from core.domain.orders import ChildOrder, OrderReport, OrderStatus, Outcome
from core.domain.timing import NS_PER_MS
from tests.builders import LOT, SHORT_CALL
from tests.policy.stop_desk import StopDesk
from tests.policy.test_stop_loss import short_call, with_wings


def growing() -> tuple[StopDesk, ChildOrder, OrderReport]:
    """A stop of three lots that is asked to stand for five; beside it, its row from before the change."""
    desk = with_wings()
    desk.fill(short_call(desk), 3 * LOT)
    desk.accept()
    desk.fill(short_call(desk), 2 * LOT)
    before = desk.book[desk.ids[desk.stop().tag]]
    desk.later(1_100)
    return desk, desk.stop(), before


def test_a_row_stamped_between_the_decision_and_the_change_does_not_take_the_change_back() -> None:
    desk, stop, before = growing()
    triggered = replace(before, status=OrderStatus.OPEN, at_ns=desk.now_ns + 1)
    asked_ns = desk.now_ns
    desk.now_ns += 300 * NS_PER_MS  # the disk was slow: the change left later than it was decided
    desk.carry_out()
    assert desk.order(stop.tag).units == 5 * LOT
    old = desk.snapshot(asked_ns)
    rows = tuple(triggered if row.order_id == before.order_id else row for row in old.orders)
    desk.give(BooksRead(replace(old, orders=rows)))
    assert desk.order(stop.tag).units == 5 * LOT


def test_books_asked_for_before_a_change_say_nothing_of_it_however_late_they_are_looked_at() -> None:
    desk, stop, before = growing()
    old = desk.snapshot(desk.now_ns - 1)
    desk.carry_out()
    rows = tuple(before if row.order_id == before.order_id else row for row in old.orders)
    desk.now_ns += 9_000 * NS_PER_MS  # the machine slept
    desk.give(BooksRead(replace(old, orders=rows)))
    assert desk.order(stop.tag).units == 5 * LOT


def test_the_answer_to_an_earlier_change_settles_no_later_one() -> None:
    desk, stop, _ = growing()
    (first,) = [change for change in desk.changes() if change.tag == stop.tag]
    desk._carry_out(first)
    desk.now_ns += 1
    desk.give(OrderNews(desk.change(stop)))  # the stream is faster than the answer
    desk.effects.clear()
    desk.fill(short_call(desk), 2 * LOT)
    desk.later(1_100)
    (second,) = [change for change in desk.changes() if change.tag == stop.tag]
    assert (first.number, second.number, second.units) == (1, 2, 7 * LOT)
    desk.give(ModifyReply(stop.tag, Outcome.CONFIRMED, number=first.number))
    known = desk.order(stop.tag)
    assert (known.units, known.modify_pending) == (5 * LOT, True)
    desk.give(ModifyReply(stop.tag, Outcome.CONFIRMED, number=second.number))
    assert desk.order(stop.tag).units == 7 * LOT


@pytest.mark.parametrize("later", [Outcome.REJECTED, Outcome.UNKNOWN])
def test_a_change_that_nobody_answered_counts_until_something_settles_it(later: Outcome) -> None:
    desk, stop, _ = growing()
    desk.carry_out(Outcome.UNKNOWN)
    assert desk.stop_units(SHORT_CALL) == 5 * LOT
    desk.later(5_100)
    desk.carry_out(later)
    assert desk.order(stop.tag).working_units == 5 * LOT
    desk.later(5_100)
    desk.read_books()
    known = desk.order(stop.tag)
    assert (known.units, known.unsettled_units) == (3 * LOT, 0)
