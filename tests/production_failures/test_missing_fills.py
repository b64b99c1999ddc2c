"""Fills that the broker has and the engine does not: lost on the stream, in the poll, or in between.

Held in tests/policy:

failure                                             | module     | test
----------------------------------------------------|------------|------------------------------------------
nautilus #3869, hummingbot #4738: no frame told     | reconcile  | a_fill_that_no_frame_told_of_is_taken...
nautilus #4411: unanswered, guessed rejected, fills | unanswered | an_order_proved_absent_that_shows_up...
nautilus #4707, #4566: failed snapshot, empty book  | unanswered | books_that_could_not_be_read_prove...
"""

from __future__ import annotations

from dataclasses import replace

from core.brokers.port import StreamDown, StreamUp
from core.domain.account import DivergenceKind
from core.domain.facts import DivergenceFound
from core.domain.inputs import BooksRead, OrderNews
from core.domain.instruments import Product, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import (
    OrderReport,
    OrderStatus,
    OrderType,
    TradeReport,
)
from tests.builders import LONG_PUT, LOT, NOW, VERTICAL, desk_with, plan
from tests.engine.rig import Rig

_S = ExecutionLifecycle


def test_a_fill_within_milliseconds_that_no_list_of_open_orders_would_show_is_found() -> None:
    """nautilus #3870: fills under 200 ms vanish from an open-orders query."""
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    desk.trade(wing)
    assert desk.book[desk.ids[wing.tag]].status is OrderStatus.COMPLETE
    desk.later(3_000)
    desk.read_books()
    assert desk.net() == {LONG_PUT: 10 * LOT}
    assert desk.order(wing.tag).is_terminal


def test_an_acknowledged_order_that_a_book_does_not_show_is_neither_over_nor_sent_again() -> None:
    """nautilus #3870, #5000: an order missing from a query is dropped, and its fill finds nobody."""
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    for _ in range(10):
        desk.later(6_000)
        desk.give(BooksRead(replace(desk.snapshot(), orders=(), trades=())))
    assert not desk.order(wing.tag).is_terminal
    assert desk.sends(LONG_PUT) == [wing]
    desk.fill(wing)
    assert desk.net() == {LONG_PUT: 10 * LOT}


def test_rows_that_nobody_can_place_do_not_keep_the_rest_of_the_books_from_being_read() -> None:
    """nautilus #4072: a KeyError over one row of a poll interrupts the fills behind it."""
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    desk.trade(wing, 4 * LOT)
    odd = OrderReport(
        "X1",
        (),
        "NO SUCH SYMBOL",
        "BFO",
        Product.MIS,
        Side.SELL,
        OrderType.LIMIT,
        7,
        7,
        0,
        0,
        None,
        "A WORD NOBODY KNOWS",
    )
    trade = TradeReport("T0", "X2", "NO SUCH SYMBOL", "BFO", Product.MIS, Side.SELL, 7, 0, NOW)
    book = desk.snapshot()
    desk.later(5_000)
    desk.give(BooksRead(replace(book, orders=(odd, *book.orders), trades=(trade, *book.trades))))
    assert desk.net() == {LONG_PUT: 4 * LOT}
    assert desk.group().legs[0].priced_bought_units == 4 * LOT, "the trade behind the odd one counts too"


def test_a_stream_that_looks_healthy_and_tells_of_four_fills_in_eighteen_loses_none() -> None:
    """Lean TradeStation PR #95: 4 of 18 fills delivered on a healthy stream."""
    desk = desk_with(plan(VERTICAL, copies=18))
    wing = desk.sent[0]
    desk.accept(wing)
    for number in range(18):
        report = desk.trade(wing, LOT)
        desk.later(200)
        if number in (0, 1, 7, 9):
            desk.give(OrderNews(report))
    assert desk.net()[LONG_PUT] == 10 * LOT, "each frame tells the whole quantity until then"
    desk.later(3_000)
    desk.read_books()
    assert desk.net()[LONG_PUT] == 18 * LOT
    missed = [fact for fact in desk.facts(DivergenceFound) if isinstance(fact, DivergenceFound)]
    assert [fact.divergence for fact in missed] == [DivergenceKind.MISSED_FILL], "and it is counted as missed"


def test_what_filled_while_the_stream_was_down_is_known_a_second_after_it_returns() -> None:
    """Lean IB #249, ib_insync #130: fills between disconnect and reconnect never arrive."""

    async def story(rig: Rig) -> None:
        await rig.later(20_000)
        rig.broker.reads.clear()
        rig.engine.on_stream(StreamDown("gone"))
        await rig.later(500)
        rig.engine.on_stream(StreamUp())
        await rig.later(1_000)

    rig = Rig().play(story)
    assert rig.broker.reads, "not at the next poll, up to twelve seconds later"


def test_a_fill_before_the_answer_to_its_send_is_one_fill_when_both_have_come() -> None:
    """nautilus #3949, Lean's locked stream: orders may fill before the call that places them returns."""

    async def story(rig: Rig) -> None:
        await rig.submit(copies=2)
        await rig.later(30_000)

    rig = Rig()
    rig.play(story)
    group = rig.engine.account.groups["G-001"]
    assert group.state is _S.OPEN, "the broker of this rig tells the stream first"
    assert {abs(leg.net_units) for leg in group.legs} == {2 * LOT}


def test_a_group_is_completed_by_polls_alone() -> None:
    """hummingbot #4738 and others: the stream tells nothing at all, so nothing ever counts as filled."""
    desk = desk_with(plan())
    for _ in range(6):
        for order in [each for each in desk.sent if each.tag not in desk.ids]:
            desk.accept(order)
            desk.trade(order)
        desk.later(3_000)
        desk.read_books()
    assert desk.is_in(_S.OPEN), desk.group().reason
