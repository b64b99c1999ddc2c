"""Sends that nobody answered: never repeated blindly, found by their tag, or proved absent."""

from __future__ import annotations

from dataclasses import replace

from core.domain.account import DivergenceKind
from core.domain.facts import DivergenceFound, FillRecorded, OrderNotFound, OrderProvedAbsent
from core.domain.inputs import BooksFailed, BooksRead, CoreStarted, OrderNews, SendReply, TradeNews
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import OrderStatus, Outcome, Purpose, Source
from core.domain.tags import tag_for
from tests.builders import (
    LONG_CALL,
    LONG_PUT,
    LOT,
    NONCE,
    SHORT_PUT,
    VERTICAL,
    Desk,
    desk_with,
    fill_everything,
    market,
    open_condor,
    plan,
)

_S = ExecutionLifecycle


def unanswered(*, arrived: bool) -> Desk:
    desk = desk_with(plan(VERTICAL))
    desk.lose_reply(desk.sent[0], arrived=arrived)
    return desk


def wings(desk: Desk) -> list[str]:
    return [order.tag for order in desk.sends(LONG_PUT)]


def test_an_unanswered_send_is_not_repeated_however_long_nothing_is_heard() -> None:
    desk = unanswered(arrived=False)
    for _ in range(60):
        desk.later(1_000)
        desk.monitor()
    assert len(wings(desk)) == 1


def test_the_books_are_asked_once_a_second_while_a_send_is_unanswered() -> None:
    desk = unanswered(arrived=False)
    before = desk.asked_for_books()
    desk.later(10_000)
    assert 9 <= desk.asked_for_books() - before <= 11


def test_an_unanswered_send_that_arrived_is_found_by_its_tag_and_never_sent_again() -> None:
    desk = unanswered(arrived=True)
    desk.later(1_000)
    desk.read_books()
    order = desk.order(desk.sent[0].tag)
    assert order.outcome is Outcome.CONFIRMED
    assert order.order_id == desk.ids[order.tag]
    fill_everything(desk)
    desk.fill(desk.sent[0])
    assert len(wings(desk)) == 1


def test_an_unanswered_send_that_filled_shows_its_trades_once() -> None:
    desk = unanswered(arrived=True)
    desk.trade(desk.sent[0])
    desk.later(1_000)
    desk.read_books()
    desk.read_books()
    assert desk.net() == {LONG_PUT: 10 * LOT}
    assert len(desk.facts(FillRecorded)) == 1


def test_absence_is_proved_only_after_five_seconds_and_five_whole_books() -> None:
    desk = unanswered(arrived=False)
    for _ in range(10):
        desk.later(100)
        desk.read_books()
    assert len(desk.facts(OrderNotFound)) == 10
    assert not desk.facts(OrderProvedAbsent), "one second is too soon, however often it was asked"
    desk = unanswered(arrived=False)
    for _ in range(4):
        desk.later(3_000)
        desk.read_books()
    assert not desk.facts(OrderProvedAbsent), "twelve seconds, and only four answers"
    desk.later(1_000)
    desk.read_books()
    assert len(desk.facts(OrderProvedAbsent)) == 1


def test_what_is_proved_absent_is_sent_again_under_a_new_tag() -> None:
    desk = unanswered(arrived=False)
    for _ in range(6):
        desk.later(1_000)
        desk.read_books()
    desk.later(1_000)
    life = desk.account.life
    assert wings(desk) == [tag_for(NONCE, 1, 0, 1, attempt, life) for attempt in (1, 2)]


def test_books_that_could_not_be_read_prove_nothing() -> None:
    desk = unanswered(arrived=False)
    for _ in range(20):
        desk.later(1_000)
        desk.give(BooksFailed("half an answer"))
    assert not desk.facts(OrderNotFound, OrderProvedAbsent)
    assert len(wings(desk)) == 1


def test_books_that_were_asked_for_before_the_send_prove_nothing() -> None:
    desk = desk_with(plan(VERTICAL))
    before_ns = desk.now_ns - 1
    desk.lose_reply(desk.sent[0], arrived=False)
    for _ in range(10):
        desk.later(1_000)
        desk.give(BooksRead(desk.snapshot(asked_at_ns=before_ns)))
    assert not desk.facts(OrderNotFound)


def test_an_order_proved_absent_that_shows_up_after_all_is_taken_over_and_balanced() -> None:
    desk = unanswered(arrived=False)
    for _ in range(6):
        desk.later(1_000)
        desk.read_books()
    desk.later(1_000)
    desk.accept(desk.sent[1])
    desk.fill(desk.sent[1])
    desk._book(desk.sent[0])
    desk.fill(desk.sent[0])
    assert desk.order(desk.sent[0].tag).filled_units == 10 * LOT
    fill_everything(desk)
    assert desk.is_in(_S.OPEN)
    assert desk.net() == {LONG_PUT: 10 * LOT, SHORT_PUT: -10 * LOT}


def test_no_short_goes_out_while_a_send_of_the_group_is_unanswered() -> None:
    desk = desk_with(plan())
    put, call = desk.sent
    desk.accept(put)
    desk.fill(put)
    desk.lose_reply(call, arrived=True)
    desk.trade(call, 4 * LOT)
    desk.later(5_000)
    assert not desk.sends(side=Side.SELL)
    desk.read_books()
    assert {order.units for order in desk.sends(side=Side.SELL)} == {4 * LOT}


def test_a_reply_that_comes_late_takes_nothing_back() -> None:
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk._book(wing)
    desk.fill(wing)
    desk.give(SendReply(wing.tag, Outcome.UNKNOWN, None, "time-out"))
    assert desk.order(wing.tag).outcome is Outcome.CONFIRMED
    desk.give(SendReply(wing.tag, Outcome.REJECTED, None, "no"))
    assert desk.order(wing.tag).outcome is Outcome.CONFIRMED
    assert desk.net() == {LONG_PUT: 10 * LOT}


def test_news_in_any_order_and_any_number_counts_the_largest_quantity_once() -> None:
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    first = desk.trade(wing, 2 * LOT)
    second = desk.trade(wing, 3 * LOT)
    for report in (second, first, second, first):
        desk.give(OrderNews(report))
    assert desk.order(wing.tag).filled_units == 5 * LOT
    for trade in (*desk.trades, *desk.trades):
        desk.give(TradeNews(trade))
    assert desk.net() == {LONG_PUT: 5 * LOT}
    assert len(desk.facts(FillRecorded)) == 2


def test_an_older_frame_does_not_bring_a_finished_order_back() -> None:
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    opened = desk.book[desk.ids[wing.tag]]
    desk.fill(wing)
    desk.give(OrderNews(opened))
    order = desk.order(wing.tag)
    assert order.status is OrderStatus.COMPLETE
    assert order.is_terminal


def test_a_status_nobody_knows_is_never_the_end_of_an_order() -> None:
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    desk.give(OrderNews(desk.change(wing, status=None, raw_status="SOMETHING NEW")))
    assert not desk.order(wing.tag).is_terminal


# After a restart


def test_what_was_in_flight_when_the_process_died_is_unanswered_and_not_sent_again() -> None:
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk._book(wing)
    desk.give(CoreStarted(restart=True))
    assert desk.order(wing.tag).outcome is Outcome.UNKNOWN
    desk.later(1_000)
    desk.read_books(Source.RECOVERY)
    desk.later(60_000)
    assert desk.order(wing.tag).outcome is Outcome.CONFIRMED
    assert len(wings(desk)) == 1


def test_fills_missed_while_the_process_was_down_are_taken_over_before_anything_is_sent() -> None:
    desk = desk_with(plan(VERTICAL))
    desk.accept()
    desk.trade(desk.sent[0], 4 * LOT)
    desk.give(CoreStarted(restart=True))
    assert not desk.sends(SHORT_PUT)
    desk.later(100)
    desk.read_books(Source.RECOVERY)
    assert desk.net() == {LONG_PUT: 4 * LOT}
    assert not desk.sends(SHORT_PUT), "the settling has not passed"
    desk.later(2_100)
    assert [order.units for order in desk.sends(SHORT_PUT)] == [4 * LOT]


def test_nothing_that_adds_risk_goes_out_after_a_restart_before_it_was_judged_again() -> None:
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept()
    desk.fill(wing, 4 * LOT)
    desk.accept()
    sent = len(desk.sent)
    desk.funds = replace(desk.funds, available_paise=1_00)
    desk.give(CoreStarted(restart=True))
    desk.later(100)
    desk.read_books(Source.RECOVERY)
    desk.cancelled(wing)
    desk.later(20_000)
    assert len(desk.sent) == sent
    desk.funds = replace(desk.funds, available_paise=20_00_00_000_00)
    desk.later(6_000)
    assert len(desk.sent) > sent


def test_an_open_group_survives_a_restart_untouched() -> None:
    desk = open_condor()
    sent = len(desk.sent)
    desk.give(CoreStarted(restart=True))
    desk.later(100)
    desk.read_books(Source.RECOVERY)
    desk.later(60_000)
    assert desk.is_in(_S.OPEN)
    assert len(desk.sent) == sent


def test_an_order_with_our_nonce_that_the_journal_does_not_know_joins_its_group() -> None:
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    lost = replace(wing, tag=tag_for(NONCE, 1, 0, 2, 1), child=2)
    desk._book(lost)
    desk.trade(lost, 2 * LOT)
    desk.read_books()
    assert desk.net() == {LONG_PUT: 2 * LOT}
    found = [fact.divergence for fact in desk.facts(DivergenceFound)]  # type: ignore[union-attr]
    assert found == [DivergenceKind.UNKNOWN_ORDER_OF_OURS]
    assert not any(divergence.is_open for divergence in desk.account.divergences.values())


def test_a_hedge_that_an_earlier_process_bought_and_could_not_write_down_joins_its_group() -> None:
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    desk.view = market()
    tag = tag_for(NONCE, 1, len(VERTICAL), 1, 1)
    hedge = replace(wing, tag=tag, leg=len(VERTICAL), symbol=LONG_CALL)
    desk._book(hedge)
    desk.trade(hedge, 2 * LOT)
    desk.read_books()
    added = desk.group().legs[len(VERTICAL)]
    assert (added.plan.contract.symbol, added.net_units) == (LONG_CALL, 2 * LOT)
    assert desk.order(tag).purpose is Purpose.HEDGE
    assert not desk.account.foreign
    assert not any(divergence.is_open for divergence in desk.account.divergences.values())


def test_a_tag_that_only_looks_like_ours_is_somebody_elses() -> None:
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    for tag in (f"{NONCE}001-00101", f"{NONCE}00100!101", f"{NONCE}", f"{NONCE}001Ω00101"):
        stranger = replace(wing, tag=tag)
        row = replace(desk.book[desk.ids[wing.tag]], order_id=f"X{tag}", tags=(stranger.tag,))
        desk.give(OrderNews(row))
    kinds = [fact.divergence for fact in desk.facts(DivergenceFound)]  # type: ignore[union-attr]
    assert kinds == [DivergenceKind.FOREIGN_ORDER] * 4
