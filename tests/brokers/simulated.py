"""A small simulated exchange for the conformance suite: two call strikes of one expiry, quoted by hand."""

from __future__ import annotations

from datetime import date, time

from core.brokers.paper.broker import PaperBroker
from core.brokers.paper.exchange import SimExchange
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, InstrumentKind, Right
from core.domain.quotes import Quote
from core.domain.timing import Clock, from_ist
from core.market.symbols import kite_symbol
from tests.brokers.conformance import ASK, BID, FAR_ASK, FAR_BID, MANY, QuoteMover

DAY = date(2026, 8, 17)
EXPIRY = date(2026, 8, 25)
OPEN_NS = from_ist(DAY, time(10, 0))
FORWARD_PAISE = 24_400_00.0


def _call(strike: int, token: int) -> Contract:
    symbol = kite_symbol("NIFTY", EXPIRY, strike * 100, Right.CE, monthly=True)
    return Contract(
        symbol, "NFO", "NIFTY", InstrumentKind.OPTION, EXPIRY, strike * 100, Right.CE, 65, 5, 1_800, token
    )


def strikes() -> tuple[Contract, Contract]:
    """The near and the far strike."""
    return _call(24_500, 12_345 * 256 + 2), _call(24_700, 12_346 * 256 + 2)


def exchange() -> SimExchange:
    """An exchange of the two strikes, flat and funded."""
    return SimExchange({contract.symbol: contract for contract in strikes()}, SessionCalendar())


def mover(broker: PaperBroker, clock: Clock) -> QuoteMover:
    """Quotes by hand, dated by the clock; the last price is the middle."""

    def move(contract: Contract, bid: int, ask: int, units: int) -> None:
        now_ns = clock.now_ns()
        quote = Quote(contract.symbol, now_ns, bid, units, ask, units, (bid + ask) // 2)
        broker.on_quotes(now_ns, {contract.symbol: quote}, {("NIFTY", EXPIRY): FORWARD_PAISE})

    return move


def quoted(move: QuoteMover) -> None:
    """Quote both strikes as the suite expects to find them."""
    near, far = strikes()
    move(near, BID, ASK, MANY)
    move(far, FAR_BID, FAR_ASK, MANY)
