"""Quotes, and the view of the market that a decision is made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time

from core.domain.instruments import Contract, Side
from core.domain.timing import from_ist, to_ist


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and offer of one contract; a side that is not quoted is ``None`` with 0 units.

    ``at_ns`` is when the source last said so. The price range, where known, is what the exchange accepts.
    """

    symbol: str
    at_ns: int
    bid_paise: int | None
    bid_units: int
    ask_paise: int | None
    ask_units: int
    last_paise: int | None = None
    lower_paise: int | None = None
    upper_paise: int | None = None

    @property
    def is_crossed(self) -> bool:
        """Whether the bid stands at or above the offer: a quote nobody can trust."""
        return self.bid_paise is not None and self.ask_paise is not None and self.bid_paise >= self.ask_paise

    @property
    def mid_paise(self) -> float | None:
        """Half-way between bid and offer; the last price where a side is missing."""
        if self.bid_paise is None or self.ask_paise is None:
            return float(self.last_paise) if self.last_paise is not None else None
        return (self.bid_paise + self.ask_paise) / 2

    @property
    def half_spread_paise(self) -> float:
        """Half the spread, 0 where a side is missing."""
        if self.bid_paise is None or self.ask_paise is None:
            return 0.0
        return (self.ask_paise - self.bid_paise) / 2

    def touch_paise(self, side: Side) -> int | None:
        """The price an order of this side meets: the offer for a purchase, the bid for a sale."""
        return self.ask_paise if side is Side.BUY else self.bid_paise

    def touch_units(self, side: Side) -> int:
        """The size displayed at that price."""
        return self.ask_units if side is Side.BUY else self.bid_units


@dataclass(frozen=True, slots=True)
class ForwardMark:
    """The forward of an underlying for an expiry: implied by put-call parity, or its future."""

    underlying: str
    expiry: date
    paise: float
    at_ns: int


@dataclass(frozen=True, slots=True)
class MarketView:
    """What was known of the market when a decision was made.

    ``vols`` are implied volatilities (1.0 is 100 %) by symbol; ``contracts`` is the catalogue of what can be
    traded, by symbol. Staleness is a property of the source: a recorded chain is quoted once a minute, a live
    feed many times a second.
    """

    version: int = 0
    at_ns: int = 0
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    forwards: Mapping[tuple[str, date], ForwardMark] = field(default_factory=dict)
    vols: Mapping[str, float] = field(default_factory=dict)
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    expiries_ns: Mapping[date, int] = field(default_factory=dict)
    """When the contracts of each expiry stop."""
    stale_after_ns: int = 3_000_000_000
    opens_ns: int = 0
    closes_ns: int = 1 << 62
    """The session that this instant belongs to, or the next one."""
    closed_before_ns: int = 0
    """When the session before that one closed; 0 where that is not known."""

    def is_open(self, now_ns: int) -> bool:
        """Whether orders may be sent."""
        return self.opens_ns <= now_ns < self.closes_ns

    def stops_ns(self, expiry: date, now_ns: int) -> int | None:
        """When contracts of this expiry stop; ``None`` where that is not known yet.

        The day's dump no longer lists what expired on an earlier day: then any time of that day will do.
        """
        known_ns = self.expiries_ns.get(expiry)
        if known_ns is None and expiry < to_ist(now_ns).date():
            return from_ist(expiry, time(23, 59))
        return known_ns

    def has_expired(self, expiry: date, now_ns: int) -> bool:
        """Whether contracts of this expiry have stopped."""
        at_ns = self.stops_ns(expiry, now_ns)
        return at_ns is not None and at_ns <= now_ns

    def is_stale(self, symbol: str, now_ns: int) -> bool:
        """Whether there is no quote of this symbol, or only one that is too old to trade on."""
        quote = self.quotes.get(symbol)
        return quote is None or now_ns - quote.at_ns > self.stale_after_ns

    def fresh(self, symbol: str, now_ns: int) -> Quote | None:
        """The quote, if it is neither stale nor crossed."""
        quote = self.quotes.get(symbol)
        if quote is None or now_ns - quote.at_ns > self.stale_after_ns or quote.is_crossed:
            return None
        return quote
