"""Markets for the tests of the risk desk: a synthetic chain, and one minute of the recorded one."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from datetime import date, datetime, time
from functools import cache
from pathlib import Path

from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, InstrumentKind, Right
from core.domain.quotes import ForwardMark, MarketView, Quote
from core.domain.timing import IST, from_ist
from core.risk import pricing
from core.risk.pricing import years_until

CALENDAR = SessionCalendar()
TODAY = date(2026, 8, 14)
NEAR, FAR = date(2026, 8, 18), date(2026, 8, 25)
NOON_NS = from_ist(TODAY, time(12, 0))
SHARED = Path(__file__).parents[3] / "shared"
RECORDED = SHARED / "data" / "nifty_chain_quotes_20250829.csv.gz"
SPAN_ARRAYS = SHARED / "data" / "nifty_span_arrays_20260714.csv"
BASKET = SHARED / "kite-mocks" / "basket_margins.json"


def option(
    strike: int, right: Right, expiry: date = NEAR, underlying: str = "NIFTY", lot_units: int = 65
) -> Contract:
    """An index option; the strike in points."""
    return Contract(
        symbol=f"{underlying}{expiry:%y%m%d}{strike}{right.value}",
        exchange="NFO",
        underlying=underlying,
        kind=InstrumentKind.OPTION,
        expiry=expiry,
        strike_paise=strike * 100,
        right=right,
        lot_units=lot_units,
        tick_paise=5,
        freeze_units=1_800,
    )


def smile_vol(strike: float, forward: float) -> float:
    """A plain smile: 12 % at the money, steeper below."""
    moneyness = strike / forward - 1
    return 0.12 + 3.0 * moneyness * moneyness + (0.25 * -moneyness if moneyness < 0 else 0.0)


def synthetic_view(
    forward: float = 24_570.0,
    expiries: tuple[date, ...] = (NEAR, FAR),
    now_ns: int = NOON_NS,
    half_spread_paise: int = 10,
    low: int = 23_000,
    high: int = 26_200,
    step: int = 50,
    underlying: str = "NIFTY",
    lot_units: int = 65,
    with_forwards: bool = True,
) -> MarketView:
    """A whole two-sided chain around a forward, priced off ``smile_vol``."""
    contracts: dict[str, Contract] = {}
    quotes: dict[str, Quote] = {}
    forwards = {}
    for expiry in expiries:
        years = years_until(CALENDAR.expiry_ns(expiry), now_ns)
        if with_forwards:
            forwards[underlying, expiry] = ForwardMark(underlying, expiry, forward * 100, now_ns)
        for strike in range(low, high + 1, step):
            for right in Right:
                contract = option(strike, right, expiry, underlying, lot_units)
                value = pricing.price(forward, strike, years, smile_vol(strike, forward), right)
                assert isinstance(value, float)
                contracts[contract.symbol] = contract
                quotes[contract.symbol] = quote(contract.symbol, value * 100, half_spread_paise, now_ns)
    return MarketView(1, now_ns, quotes, forwards, {}, contracts)


def quote(symbol: str, mid_paise: float, half_spread_paise: int = 10, at_ns: int = NOON_NS) -> Quote:
    """A two-sided quote around a mid, the bid never under a tick."""
    bid = max(5, round(mid_paise) - half_spread_paise)
    return Quote(symbol, at_ns, bid, 650, max(bid + 5, round(mid_paise) + half_spread_paise), 650, bid)


@cache
def recorded_view(minute: str = "2025-08-29 11:00") -> MarketView:
    """The recorded chain as of the first poll at or after a minute, both expiries."""
    contracts: dict[str, Contract] = {}
    quotes: dict[str, Quote] = {}
    at_ns = 0
    chosen = ""
    with gzip.open(RECORDED, "rt") as lines:
        for row in csv.DictReader(lines):
            if row["ts"] < minute:
                continue
            chosen = chosen or row["ts"][:16]
            if row["ts"][:16] != chosen:
                continue
            moment = datetime.fromisoformat(row["ts"]).replace(tzinfo=IST)
            at_ns = max(at_ns, int(moment.timestamp()) * 10**9)
            contract = option(
                int(row["strike"]), Right(row["right"]), date.fromisoformat(row["expiry"]), lot_units=75
            )
            contracts[contract.symbol] = contract
            bid, ask = (round(float(row[side]) * 100) for side in ("bid", "ask"))
            quotes[contract.symbol] = Quote(
                contract.symbol,
                at_ns,
                bid or None,
                int(row["bid_qty"]),
                ask or None,
                int(row["ask_qty"]),
                round(float(row["ltp"]) * 100) or None,
            )
    return MarketView(1, at_ns, quotes, {}, {}, contracts, stale_after_ns=180_000_000_000)


def without_quotes(view: MarketView) -> MarketView:
    """The same market with nobody quoting."""
    return replace(view, quotes={}, forwards={}, vols={})
