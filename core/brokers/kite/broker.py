"""A Kite account, put together: orders and books over REST, news and ticks over the stream."""

from __future__ import annotations

from collections.abc import Callable

from core.brokers.kite.quotes import KiteQuotes
from core.brokers.kite.rest import KiteRest
from core.brokers.kite.session import KiteSession
from core.brokers.kite.stream import KiteStream
from core.brokers.kite.transport import TIMEOUT_S, KiteTransport
from core.domain.timing import Clock


class KiteBroker:
    """One account for one session. ``rest`` is the order and book port, ``stream`` the stream port."""

    def __init__(
        self,
        session: KiteSession,
        clock: Clock,
        jitter: Callable[[], float],
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.session = session
        self._transport = KiteTransport(session, clock, timeout_s=timeout_s)
        self.rest = KiteRest(self._transport)
        self.quotes = KiteQuotes(self._transport, clock)
        self.stream = KiteStream(session, clock, jitter)

    @property
    def needs_login(self) -> bool:
        """Whether Kite has refused the session, by either way."""
        return self._transport.needs_login or self.stream.needs_login

    async def aclose(self) -> None:
        """Close the REST connections; whoever runs the stream cancels it."""
        await self._transport.aclose()
