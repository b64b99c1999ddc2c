"""What the market has shown so far today: the newest quote of everything, and the day's prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from core.domain.instruments import Side
from core.domain.quotes import Quote
from core.domain.timing import to_ist
from core.rehearsal.wire.listing import Listing

LEVELS = 5
"""Prices of the book that Kite shows on each side."""


@dataclass(slots=True)
class Shown:
    """One instrument: its newest quote and the day's open, high, low and previous close, in paise."""

    quote: Quote
    day: date
    open_paise: int
    high_paise: int
    low_paise: int
    close_paise: int
    tick_paise: int = 5

    def depth(self, side: Side) -> list[tuple[int, int]]:
        """Five prices and sizes that an order of this side would meet, best first; empty where unquoted.

        The market gives the touch; behind it stand as many units a tick further each. Orders are matched with
        the touch alone.
        """
        touch, units = self.quote.touch_paise(side), self.quote.touch_units(side)
        if not touch or not units:
            return []
        prices = [touch + side.sign * level * self.tick_paise for level in range(LEVELS)]
        return [(price, units) for price in prices if price > 0]

    @property
    def last_paise(self) -> int:
        """The last price, 0 before the first."""
        return self.quote.last_paise or 0


class Tape:
    """Keeps what the market says, by symbol; the index is quoted at the forward of the nearest expiry."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self.shown: dict[str, Shown] = {}

    def take(
        self, at_ns: int, quotes: Mapping[str, Quote], forwards: Mapping[tuple[str, date], float]
    ) -> Iterable[str]:
        """Take what changed; the symbols that did."""
        changed = [symbol for symbol in quotes if symbol in self._listing.tokens]
        for symbol in changed:
            self._show(quotes[symbol], at_ns)
        index = self._listing.index
        if index is not None and forwards:
            nearest = min(forwards, key=lambda key: key[1])
            level = round(forwards[nearest])
            self._show(Quote(index, at_ns, None, 0, None, 0, level), at_ns)
            changed.append(index)
        return changed

    def _show(self, quote: Quote, at_ns: int) -> None:
        last, day = quote.last_paise or 0, to_ist(at_ns).date()
        before = self.shown.get(quote.symbol)
        if before is None or before.day != day:
            close = before.last_paise if before else last
            contract = self._listing.contracts.get(quote.symbol)
            tick = contract.tick_paise if contract is not None else 5
            self.shown[quote.symbol] = Shown(quote, day, last, last, last, close, tick)
            return
        before.quote = quote
        if last:
            before.open_paise = before.open_paise or last
            before.high_paise = max(before.high_paise, last)
            before.low_paise = min(before.low_paise, last) if before.low_paise else last
