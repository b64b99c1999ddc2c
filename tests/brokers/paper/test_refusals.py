"""Every refusal, with the words that come with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

import pytest

from core.brokers.paper import refusals
from core.brokers.paper.config import ExchangeConfig
from core.brokers.paper.exchange import SimExchange, Step
from core.brokers.paper.ledger import NEVER_NS
from core.brokers.port import OrderRequest
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Side
from core.domain.orders import OrderStatus
from core.domain.timing import from_ist
from tests.brokers.paper.builders import (
    CONTRACTS,
    DAY,
    FORWARD,
    FUTURE,
    LONG_CALL,
    SECOND,
    SHORT_CALL,
    TEN,
    change,
    exchange,
    key,
    order,
    quote,
)


def words(step: Step) -> tuple[int, str, str]:
    assert step.order_id is None
    assert step.refusal is not None
    return step.refusal.status, step.refusal.error_type, step.refusal.message


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (order(units=64), "Invalid `quantity`. Enter quantity in multiples of 65."),
        (order(units=0), "Invalid `quantity`."),
        (order(units=-65), "Invalid `quantity`."),
        (
            order(units=1820),
            "The order quantity 1820 (28 lots) is higher than the maximum quantity of 1800 (27 lots) allowed "
            "by the exchanges. You can place an order by splitting the quantity.",
        ),
        (
            order(limit=90_03),
            "Tick size for this script is 0.05. Kindly enter price in the multiple of tick size for this "
            "script",
        ),
        (
            order(limit=101_00, trigger=100_02),
            "Tick size for this script is 0.05. Kindly enter trigger price in the multiple of tick size for "
            "this script",
        ),
        (order(limit=0), "Invalid `price`."),
        (
            order(limit=99_00, trigger=100_00),
            "Trigger price for stoploss buy orders should be lower than or equal to the limit price.",
        ),
        (
            order(limit=91_00, trigger=89_00),
            "Trigger price for stoploss buy orders should be higher than the last traded price (89.50).",
        ),
        (
            order(Side.SELL, limit=88_00, trigger=90_00),
            "Trigger price for stoploss sell orders should be lower than the last traded price (89.50).",
        ),
        (order(tag="A" * 21), "Invalid `tag`. It has 21 characters; at most 20 are allowed."),
        (
            order(symbol="NIFTY26AUG99999CE"),
            "The instrument you are placing an order for has either expired or does not exist.",
        ),
        (
            replace(order(), exchange="BFO"),
            "The instrument you are placing an order for has either expired or does not exist.",
        ),
    ],
)
def test_what_cannot_become_an_order_is_a_400_and_leaves_the_book_empty(
    asked: OrderRequest, message: str
) -> None:
    market = exchange()
    assert words(market.place(TEN, asked)) == (400, "InputException", message)
    assert market.ledger.order_rows(NEVER_NS) == ()


def test_a_price_outside_the_days_range_is_refused_with_the_range() -> None:
    market = exchange(None, quote(lower=50_00, upper=130_00))
    high = words(market.place(TEN, order(Side.BUY, limit=130_05)))
    low = words(market.place(TEN, order(Side.SELL, limit=49_95)))
    assert "higher than the current upper circuit limit of 130.00" in high[2]
    assert "lower than the current lower circuit limit of 50.00" in low[2]


def test_nothing_is_taken_outside_the_session() -> None:
    closed = from_ist(DAY, time(15, 40))
    assert "Markets are closed right now" in words(exchange().place(closed, order()))[2]


def test_an_expired_contract_is_refused() -> None:
    after = from_ist(date(2026, 8, 26), time(10))
    assert "expired or does not exist" in words(exchange().place(after, order()))[2]


@pytest.mark.parametrize(
    ("reference", "side", "limit", "passes"),
    [
        ((99_50, 100_50), Side.BUY, 140_00, True),
        ((99_50, 100_50), Side.BUY, 140_05, False),
        ((99_50, 100_50), Side.SELL, 60_00, True),
        ((99_50, 100_50), Side.SELL, 59_95, False),
        ((99_50, 100_50), Side.BUY, 5, True),
        ((39_50, 40_50), Side.BUY, 60_00, True),
        ((39_50, 40_50), Side.BUY, 60_05, False),
        ((39_50, 40_50), Side.SELL, 20_00, True),
        ((39_50, 40_50), Side.SELL, 19_95, False),
        ((9_50, 10_50), Side.SELL, 5, True),
    ],
)
def test_limit_price_protection_is_40_per_cent_above_50_rupees_and_20_rupees_below(
    reference: tuple[int, int], side: Side, limit: int, passes: bool
) -> None:
    market = exchange(None, quote(bid=reference[0], ask=reference[1]))
    market.place(TEN, order(side, limit=limit))
    (row,) = market.ledger.order_rows(NEVER_NS)
    assert (row.status is not OrderStatus.REJECTED) == passes
    if not passes:
        assert row.message == (
            "Price exceeds circuit limits for the instrument. Place an order within the daily range."
        )


def test_the_range_of_an_index_future_is_two_per_cent() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, limit=24_989_90, symbol=FUTURE))
    market.place(TEN, order(Side.BUY, limit=24_990_10, symbol=FUTURE, tag="HR0001G1L1C2A1"))
    first, second = market.ledger.order_rows(NEVER_NS)
    assert (first.status, second.status) == (OrderStatus.COMPLETE, OrderStatus.REJECTED)


def test_a_long_is_sold_by_an_account_that_could_not_open_a_short() -> None:
    poor = ExchangeConfig(funds_paise=10_000_00, cash_paise=10_000_00, late_margin_share=0.0)
    market = exchange(poor)
    assert market.place(TEN, order(Side.BUY, 65, 91_00)).refusal is None
    assert words(market.place(TEN, order(Side.SELL, 130, 89_00)))[1] == "MarginException"
    assert market.place(TEN, order(Side.SELL, 65, 89_00)).refusal is None
    assert market.ledger.holdings[key()].units == 0


def test_too_little_margin_is_a_400_or_a_rejected_order_with_rms_words() -> None:
    poor = ExchangeConfig(funds_paise=10_000_00, cash_paise=5_000_00, late_margin_share=0.0)
    market = exchange(poor)
    status, kind, message = words(market.place(TEN, order(Side.SELL, 65, 89_00)))
    assert (status, kind) == (400, "MarginException")
    assert message.startswith("Insufficient funds. Required margin is ")
    assert "but available margin is 10000.00. Check the orderbook for open orders." in message
    late = exchange(replace(poor, late_margin_share=1.0))
    late.place(TEN, order(Side.SELL, 65, 89_00))
    (row,) = late.ledger.order_rows(NEVER_NS)
    assert row.status is OrderStatus.REJECTED
    assert row.message.startswith("RMS:Margin Exceeds,Required:")
    assert ", Available:10000.00 for entity account-" in row.message


def test_premium_is_paid_from_cash_and_not_from_collateral() -> None:
    market = exchange(ExchangeConfig(funds_paise=1_00_000_00, cash_paise=5_000_00, late_margin_share=0.0))
    assert market.place(TEN, order(Side.BUY, 65, 76_00)).refusal is None
    assert words(market.place(TEN, order(Side.BUY, 65, 77_00)))[1] == "MarginException"


def test_a_short_can_be_bought_back_without_any_cash() -> None:
    market = exchange(ExchangeConfig(cash_paise=0, late_margin_share=0.0))
    market.carry(TEN, key(), -65, 80_00)
    assert market.place(TEN, order(Side.BUY, 65, 85_00)).refusal is None
    assert words(market.place(TEN, order(Side.BUY, 65, 85_00)))[1] == "MarginException"


def test_the_eleventh_request_of_a_calendar_second_is_429() -> None:
    market = exchange()
    for n in range(10):
        assert market.place(TEN + n, order(limit=80_00)).refusal is None
    assert words(market.place(TEN + 10, order())) == (429, "NetworkException", "Too many requests")
    assert market.place(TEN + SECOND, order(limit=80_00)).refusal is None


def test_refused_requests_count_in_the_rate_limit_but_the_traders_own_do_not() -> None:
    market = exchange()
    for n in range(9):
        market.place(TEN + n, order(units=1))
        market.place(TEN + n, order(limit=80_00), placed_by="trader")
    assert market.place(TEN + 9, order(limit=80_00)).refusal is None
    assert words(market.place(TEN + 10, order()))[0] == 429


def test_requests_that_are_no_orders_at_all_count_in_the_rate_limit_and_meet_it() -> None:
    market = exchange()
    for n in range(10):
        assert words(market.turn_away(TEN + n, "place", refusals.NO_QUANTITY))[0] == 400
    assert words(market.turn_away(TEN + 10, "modify", refusals.NO_SUCH_ORDER, "1")) == (
        429,
        "NetworkException",
        "Too many requests",
    )
    assert words(market.place(TEN + 11, order()))[0] == 429
    assert market.place(TEN + SECOND, order()).order_id is not None


def test_the_401st_request_within_a_minute_is_429() -> None:
    market = exchange(ExchangeConfig(cash_paise=10**12, funds_paise=10**12))
    for n in range(400):
        assert market.place(TEN + n * SECOND // 9, order(limit=80_00)).refusal is None
    assert words(market.place(TEN + 400 * SECOND // 9, order(limit=80_00)))[0] == 429
    assert market.place(TEN + 61 * SECOND, order(limit=80_00)).refusal is None


def test_the_26th_modification_is_refused_and_a_cancel_still_works() -> None:
    market = exchange()
    order_id = market.place(TEN, order(limit=80_00)).order_id or ""
    for n in range(25):
        assert market.modify(TEN + (n + 1) * SECOND, order_id, change(80_00 - n * 5)).refusal is None
    step = market.modify(TEN + 30 * SECOND, order_id, change(70_00))
    assert words(step)[2] == "Maximum allowed order modifications exceeded."
    assert market.cancel(TEN + 31 * SECOND, order_id).refusal is None


def test_what_is_over_or_being_cancelled_cannot_be_modified() -> None:
    market = exchange()
    done = market.place(TEN, order()).order_id or ""
    waiting = market.place(TEN, order(limit=80_00)).order_id or ""
    market.cancel(TEN + SECOND, waiting)
    for order_id in (done, waiting):
        message = words(market.modify(TEN + 2 * SECOND, order_id, change(81_00)))[2]
        assert message == "Order cannot be modified as it is being processed. Try later."
    assert "cannot be cancelled" in words(market.cancel(TEN + 2 * SECOND, done))[2]


def test_an_unknown_order_id_is_not_found() -> None:
    market = exchange()
    assert words(market.modify(TEN, "1", change(80_00)))[2] == "Couldn't find that `order_id`."
    assert words(market.cancel(TEN, "1"))[0] == 404


def test_a_limit_order_cannot_become_a_stop() -> None:
    market = exchange()
    order_id = market.place(TEN, order(limit=80_00)).order_id or ""
    step = market.modify(TEN, order_id, change(101_00, trigger=100_00))
    assert words(step)[2] == "A limit order cannot be changed into a stop order."


def test_a_modification_outside_the_protection_range_is_accepted_and_then_refused() -> None:
    market = exchange()
    order_id = market.place(TEN, order(limit=80_00)).order_id or ""
    step = market.modify(TEN + SECOND, order_id, change(130_00))
    assert step.refusal is None
    (row,) = market.ledger.order_rows(NEVER_NS)
    assert (row.limit_paise, row.status) == (80_00, OrderStatus.OPEN)
    assert row.message.startswith("Price exceeds circuit limits")


def test_an_order_cannot_shrink_below_what_is_filled() -> None:
    market = exchange(None, quote(units=130))
    order_id = market.place(TEN, order(units=195)).order_id or ""
    step = market.modify(TEN + SECOND, order_id, change(90_00, units=65))
    assert words(step)[2] == "Quantity cannot be less than what is already filled."


def test_an_order_shrunk_to_what_is_filled_is_complete() -> None:
    market = exchange(None, quote(units=130))
    order_id = market.place(TEN, order(units=195)).order_id or ""
    market.modify(TEN + SECOND, order_id, change(90_00, units=130))
    (row,) = market.ledger.order_rows(NEVER_NS)
    assert (row.status, row.units, row.filled_units) == (OrderStatus.COMPLETE, 130, 130)


def test_a_veto_rejects_the_order_afterwards_with_its_words() -> None:
    market = exchange()
    order_id = market.place(TEN, order(), veto="RMS:Blocked for nse_fo").order_id
    (row,) = market.ledger.order_rows(NEVER_NS)
    assert (row.order_id, row.status) == (order_id, OrderStatus.REJECTED)
    assert row.message == "RMS:Blocked for nse_fo"


def test_an_unquoted_contract_has_no_reference_and_takes_any_price() -> None:
    market = SimExchange(CONTRACTS, SessionCalendar())
    market.on_quotes(TEN, {}, FORWARD)
    assert market.place(TEN, order(Side.BUY, 65, 5_00, symbol=LONG_CALL)).refusal is None
    assert market.place(TEN, order(Side.BUY, 65, 500_00, symbol=SHORT_CALL)).refusal is None
