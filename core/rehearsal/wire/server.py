"""The simulated exchange as a server of Kite's protocol, on loopback, in a market that moves by itself."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from datetime import date

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from core.domain.quotes import Quote
from core.domain.timing import NS_PER_MS
from core.rehearsal.market_time import MarketTime
from core.rehearsal.wire.access import Access, Credentials
from core.rehearsal.wire.counter import ASTRAY, Counter, answered, astray
from core.rehearsal.wire.dating import MarketTimed
from core.rehearsal.wire.desk import Desk, WitnessedBooks
from core.rehearsal.wire.listing import Listing
from core.rehearsal.wire.ready import START_PATH, Ready
from core.rehearsal.wire.ticker import Ticker
from core.rehearsal.world import World

LOOPBACK = "127.0.0.1"
PULSE_MS = 5
"""How often, in wall milliseconds, market time is brought up to date between the market's own steps."""


class _Server(uvicorn.Server):
    """A server that says when it can be reached, and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.reachable = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.reachable.set()

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()


class WireExchange:
    """A world behind Kite's wire."""

    def __init__(
        self,
        world: World,
        witnessed: WitnessedBooks,
        market: MarketTime,
        credentials: Credentials,
        mint: Callable[[], str],
    ) -> None:
        self._world = world
        self._market = market
        self._credentials = credentials
        listing = Listing(world.source.contracts, world.source.underlying)
        self.desk = Desk(world, witnessed, listing, market)
        access = Access(credentials, market, mint)
        self.ticker = Ticker(self.desk, access, market)
        self._begun = asyncio.Event()
        self._speed = 1.0
        routes = [
            *Counter(self.desk, access).routes(),
            Route(START_PATH, self._start, methods=["POST"]),
            WebSocketRoute("/", self.ticker.serve),
        ]
        self.app = Starlette(
            routes=routes,
            exception_handlers=dict.fromkeys(ASTRAY, astray),
            middleware=[Middleware(MarketTimed, clock=market, speed=lambda: self._speed)],
        )

    def show(self, quotes: Mapping[str, Quote], forwards: Mapping[tuple[str, date], float]) -> None:
        """Put what the market says on the tape and on the stream."""
        self.ticker.show(self.desk.tape.take(self._market.now_ns(), quotes, forwards))

    async def _start(self, request: Request) -> Response:
        """Somebody is ready for the market to move."""
        self._begun.set()
        return answered(True)

    async def _move(self, speed: float, *, held: bool) -> None:
        """Keep the market moving, from the start or from when somebody asks for it."""
        if held:
            await self._begun.wait()
        await self._market.pace(speed, catch_up=True)

    async def serve(
        self, port: int, speed: float, announce: Callable[[Ready], None], *, held: bool = False
    ) -> None:
        """Serve until cancelled; ``announce`` is called once clients can connect. Port 0 is any free one.

        With ``held`` market time stands until somebody posts to ``START_PATH``; orders and books, which
        travel in market time, are not answered before. Raises ``OSError`` where the port is taken.
        """
        self._speed = speed
        with socket.socket() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((LOOPBACK, port))
            bound = listening.getsockname()[1]
            config = uvicorn.Config(
                self.app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="websockets-sansio",
                ws_ping_interval=None,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
            server = _Server(config)
            self._world.listen(self.show)
            self._world.broker.listen(self.ticker.hear)
            self._world.start()
            self._pulse(round(PULSE_MS * NS_PER_MS * speed))
            moving = asyncio.create_task(self._move(speed, held=held))
            serving = asyncio.create_task(server.serve([listening]))
            try:
                await server.reachable.wait()
                announce(self._ready(bound))
                await asyncio.wait((moving, serving), return_when=asyncio.FIRST_COMPLETED)
            finally:
                server.should_exit = True
                moving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await moving
                await serving

    def _pulse(self, every_ns: int) -> None:
        """Time only moves with calls; without this a request would be dated by the market's last step."""
        self._market.call_at(self._market.now_ns() + every_ns, lambda: self._pulse(every_ns))

    def _ready(self, port: int) -> Ready:
        known = self._credentials
        address = f"{LOOPBACK}:{port}"
        return Ready(
            f"http://{address}",
            f"ws://{address}",
            known.api_key,
            known.api_secret,
            known.request_token,
            known.access_token,
        )
