"""The books: positions behind trades, overnight, settlement, money, and refolding them from their records."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

from hypothesis import given, settings
from hypothesis import strategies as st

from core.brokers.paper.config import ExchangeConfig
from core.brokers.paper.draws import Span
from core.brokers.paper.exchange import SimExchange, Step
from core.brokers.paper.ledger import NEVER_NS, Ledger
from core.brokers.paper.records import ExchangeRecord, decode, encode
from core.brokers.port import BasketLeg
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Product, Right, Side
from core.domain.timing import from_ist
from tests.brokers.paper.builders import (
    CONTRACTS,
    EXPIRY,
    FORWARD,
    FUTURE,
    LONG_CALL,
    MS,
    SECOND,
    SHORT_CALL,
    TEN,
    change,
    exchange,
    key,
    order,
    quote,
)


def test_positions_show_a_trade_only_after_their_lag() -> None:
    market = exchange(ExchangeConfig(position_lag=Span(700 * MS, 700 * MS)))
    market.place(TEN, order(Side.BUY, 130))
    assert len(market.ledger.trade_rows(TEN)) == 1
    assert market.ledger.position_rows(TEN + 699 * MS) == ()
    (position,) = market.ledger.position_rows(TEN + 700 * MS)
    assert (position.units, position.average_paise) == (130, 90_00)


def test_a_closed_position_stays_in_the_days_book_with_nothing_in_it() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 65))
    market.place(TEN, order(Side.SELL, 65, 89_00))
    (position,) = market.ledger.position_rows(NEVER_NS)
    assert (position.units, position.overnight_units) == (0, 0)


def test_a_position_that_turns_has_the_average_of_what_turned_it() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 65))
    market.place(TEN, order(Side.SELL, 195, 89_00))
    (position,) = market.ledger.position_rows(NEVER_NS)
    assert (position.units, position.average_paise) == (-130, 89_00)


def test_products_are_kept_apart() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 65))
    market.place(TEN, replace(order(Side.SELL, 65, 89_00), product=Product.MIS))
    assert sorted(row.units for row in market.ledger.position_rows(NEVER_NS)) == [-65, 65]


def test_carried_units_are_overnight_units() -> None:
    market = exchange()
    market.carry(TEN, key(), -65, 80_00)
    market.place(TEN, order(Side.BUY, 65))
    (position,) = market.ledger.position_rows(NEVER_NS)
    assert (position.units, position.overnight_units) == (0, -65)


def test_a_new_day_starts_with_empty_books_and_what_was_held() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 130))
    market.place(TEN, order(Side.BUY, 65, 80_00, symbol=LONG_CALL))
    market.roll_session(TEN + SECOND, date(2026, 8, 18))
    ledger = market.ledger
    assert (ledger.order_rows(NEVER_NS), ledger.trade_rows(NEVER_NS), ledger.working) == ((), (), {})
    (position,) = ledger.position_rows(TEN + SECOND)
    assert (position.units, position.overnight_units, position.average_paise) == (130, 130, 90_00)


def test_ids_are_never_given_twice_across_days() -> None:
    market = exchange()
    first = market.place(TEN, order())
    trades = {row.trade_id for row in market.ledger.trade_rows(NEVER_NS)}
    market.roll_session(TEN + SECOND, date(2026, 8, 18))
    tomorrow = from_ist(date(2026, 8, 18), time(10))
    market.on_quotes(tomorrow, {SHORT_CALL: quote(at_ns=tomorrow)}, FORWARD)
    second = market.place(tomorrow, order())
    assert first.order_id != second.order_id
    assert not trades & {row.trade_id for row in market.ledger.trade_rows(NEVER_NS)}


def test_an_expired_option_settles_in_cash_at_its_intrinsic_value() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 65))
    paid = market.ledger.cash_flow_paise
    market.margin.note_forwards({("NIFTY", EXPIRY): 24_950_00.0})
    market.roll_session(TEN + SECOND, date(2026, 8, 26))
    assert market.ledger.position_rows(NEVER_NS) == ()
    assert (paid, market.ledger.cash_flow_paise) == (-65 * 90_00, 65 * (150_00 - 90_00))


def test_order_ids_are_strings_of_19_digits_that_no_float_can_hold() -> None:
    order_id = exchange().place(TEN, order()).order_id
    assert order_id is not None
    assert len(order_id) == 19
    assert int(order_id) > 2**53


def test_a_stale_read_shows_the_books_as_they_were() -> None:
    market = exchange(None, quote(units=65))
    market.place(TEN, order(Side.BUY, 130))
    market.on_quotes(TEN + SECOND, {SHORT_CALL: quote(at_ns=TEN + SECOND)})
    (before,) = market.ledger.order_rows(TEN + SECOND - 1)
    (after,) = market.ledger.order_rows(TEN + SECOND)
    assert (before.filled_units, after.filled_units) == (65, 130)
    assert len(market.ledger.trade_rows(TEN + SECOND - 1)) == 1
    assert market.ledger.order_rows(TEN - 1) == ()


def test_a_naked_short_is_charged_for_the_scan_and_a_covered_one_for_its_width() -> None:
    naked, covered = exchange(), exchange()
    covered.place(TEN, order(Side.BUY, 65, symbol=LONG_CALL))
    for market in (naked, covered):
        market.place(TEN, order(Side.SELL, 65, 89_00))
    exposure = round(65 * 24_500_00 * 0.02)
    up = 24_500_00 * 1.093
    assert naked.margin.funds().used_paise == round(65 * (up - 24_800_00)) + exposure
    assert covered.margin.funds().used_paise == 65 * 200_00 + exposure


def test_long_options_block_nothing_beyond_their_premium() -> None:
    market = exchange()
    before = market.margin.funds()
    market.place(TEN, order(Side.BUY, 65))
    after = market.margin.funds()
    assert after.used_paise == 0
    assert before.available_paise - after.available_paise == 65 * 90_00
    assert before.cash_paise - after.cash_paise == 65 * 90_00


def test_a_future_costs_margin_and_its_mark_to_market_not_its_notional() -> None:
    market = exchange()
    market.place(TEN, order(Side.BUY, 65, 24_501_00, symbol=FUTURE))
    funds = market.margin.funds()
    scan, exposure = round(65 * 24_500_00 * 0.093), round(65 * 24_500_00 * 0.02)
    assert funds.used_paise == scan + exposure
    assert funds.total_paise == market.config.funds_paise - 65 * 1_00


def test_without_a_forward_the_quotes_imply_one_and_it_moves_with_them() -> None:
    put = replace(CONTRACTS[SHORT_CALL], symbol="NIFTY26AUG24800PE", right=Right.PE)
    market = SimExchange({**CONTRACTS, put.symbol: put}, SessionCalendar())
    for seconds, put_bid in ((0, 189_00), (1, 289_00)):
        shown = (quote(at_ns=TEN + seconds), quote(put.symbol, put_bid, put_bid + 1_00))
        market.on_quotes(TEN + seconds, {one.symbol: one for one in shown})
        assert market.margin.forward_paise("NIFTY", EXPIRY) == 24_800_00 - (put_bid - 89_00)


def test_a_resting_sale_blocks_its_margin_before_it_fills() -> None:
    market = exchange()
    market.place(TEN, order(Side.SELL, 65, 95_00))
    assert market.margin.funds().used_paise > 0


def test_basket_margin_is_dear_at_first_and_cheap_once_covered() -> None:
    market = exchange()
    legs = (
        BasketLeg(SHORT_CALL, "NFO", Product.NRML, Side.SELL, 65, 89_00),
        BasketLeg(LONG_CALL, "NFO", Product.NRML, Side.BUY, 65, 90_00),
    )
    margin = market.margin.basket(legs)
    exposure = round(65 * 24_500_00 * 0.02)
    assert margin.final_paise == 65 * 200_00 + exposure + 65 * 1_00
    assert margin.initial_paise > 3 * margin.final_paise


class Driver:
    """Plays random operations, and keeps what the exchange wrote down."""

    def __init__(self) -> None:
        self.market = exchange(ExchangeConfig(cancel_delay=Span(0, 2 * SECOND), seed=7))
        self.records: list[ExchangeRecord] = []
        self.now_ns = TEN

    def keep(self, step: Step) -> None:
        self.records.extend(step.records)

    def play(self, kind: str, pick: int, price: int, units: int) -> None:
        market = self.market
        self.now_ns += 300 * MS
        symbol = (SHORT_CALL, LONG_CALL)[pick % 2]
        side = Side.BUY if pick % 3 else Side.SELL
        ids = list(market.ledger.orders)
        chosen = ids[pick % len(ids)] if ids else "none"
        match kind:
            case "place":
                self.keep(market.place(self.now_ns, order(side, units, price, symbol=symbol, tag=f"T{pick}")))
            case "stop":
                trigger = price - 1_00 if side is Side.BUY else price + 1_00
                self.keep(
                    market.place(self.now_ns, order(side, units, price, symbol=symbol, trigger=trigger))
                )
            case "modify":
                self.keep(market.modify(self.now_ns, chosen, change(price, units)))
            case "cancel":
                self.keep(market.cancel(self.now_ns, chosen))
            case "quote":
                shown = quote(symbol, price - 50, price + 50, units=units, at_ns=self.now_ns)
                self.keep(market.on_quotes(self.now_ns, {symbol: shown}))
            case "advance":
                self.keep(market.advance(self.now_ns))
            case "force":
                self.keep(market.force_fill(self.now_ns, chosen))
            case "trader":
                self.keep(market.place(self.now_ns, order(side, units, price), placed_by="trader"))
            case "roll":
                self.keep(market.roll_session(self.now_ns, date(2026, 8, 17)))


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "place",
                "place",
                "quote",
                "quote",
                "stop",
                "modify",
                "cancel",
                "advance",
                "force",
                "trader",
                "roll",
            ]
        ),
        st.integers(0, 11),
        st.integers(700, 1_100).map(lambda tens: tens * 10),
        st.sampled_from([65, 130, 195, 1755, 1820, 64]),
    ),
    max_size=40,
)


@settings(max_examples=120, deadline=None)
@given(OPERATIONS)
def test_refolding_the_records_gives_the_books_that_were_live(
    operations: list[tuple[str, int, int, int]],
) -> None:
    driver = Driver()
    for operation in operations:
        driver.play(*operation)
    refolded = Ledger()
    for record in driver.records:
        refolded.apply(decode(encode(record)))
    assert refolded == driver.market.ledger


@settings(max_examples=40, deadline=None)
@given(OPERATIONS)
def test_an_exchange_refolded_half_way_goes_on_as_one_that_never_stopped(
    operations: list[tuple[str, int, int, int]],
) -> None:
    never, stopped = Driver(), Driver()
    half = len(operations) // 2
    for operation in operations:
        never.play(*operation)
    for operation in operations[:half]:
        stopped.play(*operation)
    again = SimExchange(CONTRACTS, stopped.market.calendar, stopped.market.config, stopped.records)
    again.on_quotes(stopped.now_ns, stopped.market.quotes, FORWARD)
    stopped.market = again
    for operation in operations[half:]:
        stopped.play(*operation)
    assert stopped.records == never.records


@settings(max_examples=60, deadline=None)
@given(OPERATIONS)
def test_no_order_is_ever_filled_beyond_its_units_and_trades_add_up(
    operations: list[tuple[str, int, int, int]],
) -> None:
    driver = Driver()
    for operation in operations:
        driver.play(*operation)
    ledger = driver.market.ledger
    traded: dict[str, int] = {}
    for row in ledger.trade_rows(NEVER_NS):
        traded[row.order_id] = traded.get(row.order_id, 0) + row.units
        assert row.units % 65 == 0
    for report in ledger.order_rows(NEVER_NS):
        assert report.filled_units <= report.units
        assert report.filled_units == traded.get(report.order_id, 0)
