"""Quotes by REST: the second way to learn a price, when the stream is stale. One request a second."""

from __future__ import annotations

from collections.abc import Sequence

from core.brokers.kite.limits import RequestClass
from core.brokers.kite.models import QuoteRow
from core.brokers.kite.translate import quote_of
from core.brokers.kite.transport import KiteTransport
from core.brokers.port import BookUnavailable
from core.domain.quotes import Quote
from core.domain.timing import Clock

QUOTE_KEYS = 500
"""What one request may ask for."""


class KiteQuotes:
    """Quotes by key: ``NFO:NIFTY26AUG24350CE``, ``NSE:NIFTY 50``. Keys without data are absent."""

    def __init__(self, transport: KiteTransport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock

    async def quotes(self, keys: Sequence[str]) -> dict[str, Quote]:
        """Bid, offer, last price and circuit limits, dated by their arrival. Raises ``BookUnavailable``."""
        rows = await self._rows(keys)
        at_ns = self._clock.now_ns()
        try:
            return {key: quote_of(key.partition(":")[2], row, at_ns) for key, row in rows.items()}
        except ValueError as error:
            raise BookUnavailable(f"/quote: a quote cannot be read ({error}).") from None

    async def _rows(self, keys: Sequence[str]) -> dict[str, QuoteRow]:
        rows: dict[str, QuoteRow] = {}
        for start in range(0, len(keys), QUOTE_KEYS):
            params = [("i", key) for key in keys[start : start + QUOTE_KEYS]]
            raw = await self._transport.read("/quote", params=params, request_class=RequestClass.QUOTE)
            rows |= self._transport.decode("/quote", raw, dict[str, QuoteRow])
        return rows
