"""How orders fill: displayed size, replenishment, stops, cancels."""

from __future__ import annotations

from core.brokers.paper import refusals, statuses
from core.brokers.paper.config import ExchangeConfig
from core.brokers.paper.draws import Span
from core.brokers.paper.exchange import SimExchange, Step
from core.brokers.paper.ledger import NEVER_NS
from core.domain.instruments import Side
from core.domain.orders import OrderReport, OrderStatus
from tests.brokers.paper.builders import (
    LONG_CALL,
    MS,
    SECOND,
    SHORT_CALL,
    TEN,
    change,
    exchange,
    order,
    quote,
)


def the_order(market: SimExchange) -> OrderReport:
    return market.ledger.order_rows(NEVER_NS)[-1]


def placed(step: Step) -> str:
    assert step.refusal is None
    assert step.order_id is not None
    return step.order_id


def test_a_marketable_limit_fills_at_the_touch_and_not_at_its_limit() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 130, 95_00))
    assert the_order(market).status is OrderStatus.COMPLETE
    assert the_order(market).average_paise == 90_00


def test_only_the_displayed_size_fills_and_the_rest_waits() -> None:
    market = exchange(None, quote(units=195))
    market.place(TEN, order(Side.BUY, 650, 90_00))
    row = the_order(market)
    assert (row.status, row.filled_units) == (OrderStatus.OPEN, 195)


def test_a_second_order_finds_the_displayed_size_used_up() -> None:
    market = exchange(None, quote(units=195))
    market.place(TEN, order(Side.BUY, 130))
    market.place(TEN + MS, order(Side.BUY, 130, tag="HR0001G1L1C2A1"))
    assert [row.filled_units for row in market.ledger.order_rows(NEVER_NS)] == [130, 65]


def test_buyers_do_not_use_up_what_is_shown_to_sellers() -> None:
    market = exchange(None, quote(units=65))
    market.place(TEN, order(Side.BUY, 65))
    market.place(TEN, order(Side.SELL, 65, 89_00, tag="HR0001G1L1C2A1"))
    assert [row.filled_units for row in market.ledger.order_rows(NEVER_NS)] == [65, 65]


def test_the_next_quote_replenishes_and_fills_the_rest_at_its_own_touch() -> None:
    market = exchange(None, quote(units=65))
    market.place(TEN, order(Side.BUY, 130, 91_00))
    market.on_quotes(TEN + SECOND, {SHORT_CALL: quote(ask=91_00, at_ns=TEN + SECOND)})
    assert the_order(market).status is OrderStatus.COMPLETE
    assert [booked.report.price_paise for booked in market.ledger.trades] == [90_00, 91_00]


def test_the_same_quote_told_again_shows_no_new_size() -> None:
    market = exchange(None, quote(units=65))
    market.place(TEN, order(Side.BUY, 130))
    market.on_quotes(TEN + SECOND, {SHORT_CALL: quote(units=65)})
    assert the_order(market).filled_units == 65


def test_displayed_odd_units_fill_in_whole_lots_only() -> None:
    market = exchange(None, quote(units=129))
    market.place(TEN, order(Side.BUY, 130))
    assert the_order(market).filled_units == 65


def test_an_order_behind_the_touch_waits_until_a_quote_crosses_it() -> None:
    market = exchange()
    market.place(TEN, order(Side.SELL, 65, 92_00))
    assert the_order(market).status is OrderStatus.OPEN
    step = market.on_quotes(TEN + SECOND, {SHORT_CALL: quote(bid=92_50, ask=93_00, at_ns=TEN + SECOND)})
    assert the_order(market).status is OrderStatus.COMPLETE
    assert [frame.raw_status for frame in step.frames] == ["COMPLETE"]


def test_the_better_priced_of_two_waiting_orders_fills_first() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 65, 80_00))
    market.place(TEN, order(Side.BUY, 65, 85_00, tag="HR0001G1L1C2A1"))
    market.on_quotes(TEN + SECOND, {SHORT_CALL: quote(bid=78_00, ask=79_00, units=65, at_ns=TEN + SECOND)})
    assert [row.filled_units for row in market.ledger.order_rows(NEVER_NS)] == [0, 65]


def test_a_crossed_quote_fills_nobody() -> None:
    market = exchange(None, quote(bid=91_00, ask=90_00))
    market.place(TEN, order(Side.BUY, 65, 95_00))
    assert the_order(market).filled_units == 0


def test_a_quote_older_than_the_limit_fills_nobody() -> None:
    market = exchange()
    market.place(TEN + 181 * SECOND, order(Side.BUY, 65, 95_00))
    assert the_order(market).filled_units == 0


def test_a_side_that_is_not_quoted_fills_nobody() -> None:
    market = exchange(None, quote(ask=None))
    market.place(TEN, order(Side.BUY, 65, 95_00))
    assert the_order(market).filled_units == 0


def test_the_history_of_an_order_has_kites_sequence() -> None:
    market = exchange(None, quote(units=65))
    order_id = placed(market.place(TEN, order(Side.BUY, 130, 90_00)))
    market.modify(TEN + SECOND, order_id, change(91_00, 130))
    market.on_quotes(TEN + 2 * SECOND, {SHORT_CALL: quote(at_ns=TEN + 2 * SECOND)})
    assert [row.raw_status for row in market.history(order_id)] == [
        "PUT ORDER REQ RECEIVED",
        "VALIDATION PENDING",
        "OPEN PENDING",
        "OPEN",
        "OPEN",
        "MODIFY VALIDATION PENDING",
        "MODIFY PENDING",
        "MODIFIED",
        "OPEN",
        "COMPLETE",
    ]


def test_a_partial_fill_is_streamed_as_an_update_with_its_filled_quantity() -> None:
    market = exchange(None, quote(units=65))
    step = market.place(TEN, order(Side.BUY, 130))
    assert [(frame.raw_status, frame.filled_units) for frame in step.frames] == [("OPEN", 0), ("UPDATE", 65)]


def test_a_stop_rests_until_a_trade_reaches_its_trigger() -> None:
    market = exchange()
    order_id = placed(market.place(TEN, order(Side.BUY, 65, 101_00, trigger=100_00)))
    assert the_order(market).status is OrderStatus.TRIGGER_PENDING
    market.on_quotes(TEN + SECOND, {SHORT_CALL: quote(bid=98_00, ask=99_50, at_ns=TEN + SECOND)})
    assert the_order(market).status is OrderStatus.TRIGGER_PENDING
    later = TEN + 2 * SECOND
    market.on_quotes(later, {SHORT_CALL: quote(bid=99_50, ask=100_50, at_ns=later, last=100_00)})
    assert the_order(market).status is OrderStatus.COMPLETE
    assert [row.raw_status for row in market.history(order_id)][3:] == ["TRIGGER PENDING", "OPEN", "COMPLETE"]


def test_a_bid_through_the_trigger_releases_a_stop_without_a_trade() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 65, 101_00, trigger=100_00))
    step = market.on_quotes(
        TEN + SECOND, {SHORT_CALL: quote(bid=100_00, ask=100_50, last=90_00, at_ns=TEN + SECOND)}
    )
    assert step.frames[-1].status is OrderStatus.COMPLETE


def test_a_wide_offer_alone_does_not_release_a_buy_stop() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 65, 121_00, trigger=120_00))
    market.on_quotes(TEN + SECOND, {SHORT_CALL: quote(bid=80_00, ask=140_00, last=90_00, at_ns=TEN + SECOND)})
    assert the_order(market).status is OrderStatus.TRIGGER_PENDING


def test_a_gap_over_the_limit_leaves_a_released_stop_open_and_unfilled() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 65, 101_00, trigger=100_00))
    market.on_quotes(TEN + SECOND, {SHORT_CALL: quote(bid=115_00, ask=116_00, at_ns=TEN + SECOND)})
    row = the_order(market)
    assert (row.status, row.filled_units) == (OrderStatus.OPEN, 0)


def test_a_stop_outside_the_protection_range_at_its_trigger_is_rejected_in_the_exchanges_words() -> None:
    market = exchange(None, quote(bid=99_00, ask=100_00))
    market.place(TEN, order(Side.SELL, 65, 60_00, trigger=80_00))
    assert the_order(market).status is OrderStatus.TRIGGER_PENDING
    market.on_quotes(
        TEN + SECOND, {SHORT_CALL: quote(bid=110_00, ask=112_00, last=79_00, at_ns=TEN + SECOND)}
    )
    row = the_order(market)
    assert (row.status, row.message) == (OrderStatus.REJECTED, "17070 : The Price is out of the LPP range")


def test_a_stop_becomes_a_marketable_limit_by_one_modification() -> None:
    market = exchange()
    order_id = placed(market.place(TEN, order(Side.BUY, 65, 101_00, trigger=100_00)))
    market.modify(TEN + SECOND, order_id, change(92_00))
    assert the_order(market).status is OrderStatus.COMPLETE


def test_a_cancel_takes_effect_only_when_its_time_has_come() -> None:
    market = exchange(ExchangeConfig(cancel_delay=Span(10 * MS, 10 * MS)))
    order_id = placed(market.place(TEN, order(Side.BUY, 65, 80_00)))
    market.cancel(TEN + SECOND, order_id)
    assert the_order(market).raw_status == "CANCEL PENDING"
    market.advance(TEN + SECOND + 9 * MS)
    assert the_order(market).raw_status == "CANCEL PENDING"
    market.advance(TEN + SECOND + 10 * MS)
    assert the_order(market).status is OrderStatus.CANCELLED


def test_a_fill_can_win_against_a_cancel_that_was_accepted() -> None:
    market = exchange(ExchangeConfig(cancel_delay=Span(10 * MS, 10 * MS)))
    order_id = placed(market.place(TEN, order(Side.BUY, 65, 80_00)))
    market.cancel(TEN + SECOND, order_id)
    soon = TEN + SECOND + 5 * MS
    market.on_quotes(soon, {SHORT_CALL: quote(bid=79_00, ask=80_00, at_ns=soon)})
    assert the_order(market).status is OrderStatus.COMPLETE
    assert market.advance(TEN + 2 * SECOND).records == ()


def test_a_cancel_that_is_due_beats_a_quote_that_comes_later() -> None:
    market = exchange(ExchangeConfig(cancel_delay=Span(10 * MS, 10 * MS)))
    order_id = placed(market.place(TEN, order(Side.BUY, 65, 80_00)))
    market.cancel(TEN + SECOND, order_id)
    late = TEN + SECOND + 20 * MS
    market.on_quotes(late, {SHORT_CALL: quote(bid=79_00, ask=80_00, at_ns=late)})
    row = the_order(market)
    assert (row.status, row.filled_units) == (OrderStatus.CANCELLED, 0)


def test_a_cancelled_order_keeps_the_part_that_was_filled() -> None:
    market = exchange(None, quote(units=65))
    order_id = placed(market.place(TEN, order(Side.BUY, 130)))
    market.cancel(TEN + SECOND, order_id)
    market.advance(TEN + 2 * SECOND)
    row = the_order(market)
    assert (row.status, row.filled_units) == (OrderStatus.CANCELLED, 65)


def test_a_cancel_that_nobody_confirms_stays_pending_for_ever() -> None:
    market = exchange()
    order_id = placed(market.place(TEN, order(Side.BUY, 65, 80_00)))
    market.cancel(TEN, order_id, delay_ns=NEVER_NS)
    market.advance(TEN + 3_600 * SECOND)
    assert the_order(market).raw_status == "CANCEL PENDING"
    assert market.next_due_ns() is None


def test_a_forced_fill_reaches_a_cancelled_order_but_never_a_rejected_one() -> None:
    market = exchange()
    order_id = placed(market.place(TEN, order(Side.BUY, 65, 80_00)))
    market.cancel(TEN, order_id)
    market.advance(TEN + SECOND)
    step = market.force_fill(TEN + 2 * SECOND, order_id)
    assert (step.frames[-1].filled_units, step.frames[-1].status) == (65, OrderStatus.COMPLETE)
    vetoed = placed(market.place(TEN, order(tag="HR0001G1L1C2A1"), veto="RMS:Blocked"))
    assert market.force_fill(TEN + 3 * SECOND, vetoed).records == ()


def test_working_orders_lapse_at_the_end_of_the_session() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 65, 80_00))
    market.end_session(TEN + SECOND)
    row = the_order(market)
    assert (row.status, row.message) == (OrderStatus.CANCELLED, refusals.LAPSED)
    assert not market.ledger.working


def test_orders_in_other_contracts_are_left_alone_by_a_quote() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 65, 80_00, symbol=LONG_CALL))
    assert market.on_quotes(TEN + SECOND, {SHORT_CALL: quote(at_ns=TEN + SECOND)}).records == ()


def test_every_raw_status_is_a_state_with_a_meaning_or_said_of_a_change() -> None:
    words = {value for name, value in vars(statuses).items() if name.isupper() and isinstance(value, str)}
    assert words == set(statuses.NORMALISED) | statuses.OF_A_CHANGE
    assert not statuses.OF_A_CHANGE & set(statuses.NORMALISED)
