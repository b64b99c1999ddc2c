"""Dating every answer with market time and its speed, in the two headers that Kite does not have."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.domain.timing import Clock
from core.rehearsal.wire.market_header import HEADER, SPEED_HEADER


class MarketTimed:
    """Middleware over the REST interface; the stream passes as it is."""

    def __init__(self, app: ASGIApp, clock: Clock, speed: Callable[[], float]) -> None:
        self._app = app
        self._clock = clock
        self._speed = speed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[HEADER] = str(self._clock.now_ns())
                headers[SPEED_HEADER] = repr(self._speed())
            await send(message)

        await self._app(scope, receive, dated if scope["type"] == "http" else send)
