"""Small builders: a chain of four NIFTY options and a future, quotes, orders, an exchange at ten o'clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time

from core.brokers.paper.config import ExchangeConfig
from core.brokers.paper.exchange import SimExchange
from core.brokers.paper.records import ExchangeRecord
from core.brokers.port import OrderChange, OrderRequest
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, InstrumentKind, PositionKey, Product, Right, Side
from core.domain.orders import OrderType
from core.domain.quotes import Quote
from core.domain.timing import from_ist

DAY = date(2026, 8, 17)
EXPIRY = date(2026, 8, 25)
TEN = from_ist(DAY, time(10))
SECOND = 1_000_000_000
MS = 1_000_000
FORWARD = {("NIFTY", EXPIRY): 24_500_00.0}

SHORT_CALL, LONG_CALL = "NIFTY26AUG24800CE", "NIFTY26AUG25000CE"
SHORT_PUT, LONG_PUT = "NIFTY26AUG24200PE", "NIFTY26AUG24000PE"
FUTURE = "NIFTY26AUGFUT"


def option(symbol: str, strike_rupees: int, right: Right) -> Contract:
    return Contract(
        symbol, "NFO", "NIFTY", InstrumentKind.OPTION, EXPIRY, strike_rupees * 100, right, 65, 5, 1800
    )


CONTRACTS: dict[str, Contract] = {
    SHORT_CALL: option(SHORT_CALL, 24_800, Right.CE),
    LONG_CALL: option(LONG_CALL, 25_000, Right.CE),
    SHORT_PUT: option(SHORT_PUT, 24_200, Right.PE),
    LONG_PUT: option(LONG_PUT, 24_000, Right.PE),
    FUTURE: Contract(FUTURE, "NFO", "NIFTY", InstrumentKind.FUTURE, EXPIRY, 0, None, 65, 10, 1800),
}


def quote(
    symbol: str = SHORT_CALL,
    bid: int | None = 89_00,
    ask: int | None = 90_00,
    *,
    units: int = 650,
    at_ns: int = TEN,
    last: int | None = None,
    lower: int | None = None,
    upper: int | None = None,
) -> Quote:
    if last is None and bid is not None and ask is not None:
        last = (bid + ask) // 10 * 5
    return Quote(
        symbol,
        at_ns,
        bid,
        units if bid is not None else 0,
        ask,
        units if ask is not None else 0,
        last,
        lower,
        upper,
    )


def order(
    side: Side = Side.BUY,
    units: int = 65,
    limit: int = 90_00,
    *,
    symbol: str = SHORT_CALL,
    tag: str = "HR0001G1L1C1A1",
    trigger: int = 0,
) -> OrderRequest:
    kind = OrderType.SL if trigger else OrderType.LIMIT
    return OrderRequest(tag, symbol, "NFO", Product.NRML, side, units, kind, limit, trigger)


def change(limit: int, units: int = 65, *, trigger: int = 0) -> OrderChange:
    return OrderChange(OrderType.SL if trigger else OrderType.LIMIT, units, limit, trigger)


def exchange(
    config: ExchangeConfig | None = None, *quotes: Quote, records: Iterable[ExchangeRecord] = ()
) -> SimExchange:
    """An exchange that has seen these quotes at ten, by default two-sided ones of every contract."""
    made = SimExchange(CONTRACTS, SessionCalendar(), config, records)
    shown = quotes or tuple(
        quote(symbol, 24_499_00, 24_501_00) if symbol == FUTURE else quote(symbol) for symbol in CONTRACTS
    )
    made.on_quotes(TEN, {one.symbol: one for one in shown}, FORWARD)
    return made


def key(symbol: str = SHORT_CALL) -> PositionKey:
    return PositionKey("NFO", symbol, Product.NRML)
