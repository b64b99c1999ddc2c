"""An exchange on loopback for a test, its market moved by hand, and the Kite adapter connected to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

from core.brokers.kite.broker import KiteBroker
from core.brokers.kite.session import KiteSession
from core.brokers.paper.books import MemoryBooks
from core.brokers.paper.config import ExchangeConfig, Latencies
from core.brokers.paper.faults import Faults
from core.brokers.port import StreamFrame, StreamUp
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract
from core.domain.quotes import Quote
from core.domain.timing import NS_PER_S
from core.rehearsal.market_time import MarketTime
from core.rehearsal.wire.access import Credentials
from core.rehearsal.wire.desk import WitnessedBooks
from core.rehearsal.wire.ready import Ready
from core.rehearsal.wire.server import WireExchange
from core.rehearsal.world import World
from tests.brokers.simulated import EXPIRY, FORWARD_PAISE, OPEN_NS, mover, quoted, strikes

SPEED = 40.0
"""Five market seconds are an eighth of a wall second."""


class StillMarket:
    """A market that never moves by itself: the stories move it."""

    name = "by hand"
    underlying = "NIFTY"
    start_ns = end_ns = OPEN_NS
    stale_after_ns = 3 * NS_PER_S

    def __init__(self) -> None:
        self.contracts: Mapping[str, Contract] = {contract.symbol: contract for contract in strikes()}

    def step_times(self, after_ns: int) -> int | None:
        return None

    def quotes_at(self, at_ns: int) -> Mapping[str, Quote]:
        return {}

    def book_at(self, at_ns: int) -> Mapping[str, Quote]:
        return {}

    def forwards_at(self, at_ns: int) -> Mapping[tuple[str, date], float]:
        return {("NIFTY", EXPIRY): FORWARD_PAISE}

    def is_silent(self, at_ns: int) -> bool:
        return False


@dataclass
class Served:
    """A running exchange, its address, and the adapter with everything its stream has said."""

    world: World
    market: MarketTime
    ready: Ready
    kite: KiteBroker
    frames: list[StreamFrame]

    async def settle(self) -> None:
        """Five market seconds."""
        await self.market.sleep_until(self.market.now_ns() + 5 * NS_PER_S)


@asynccontextmanager
async def served(
    *,
    faults: Faults | None = None,
    latencies: Latencies | None = None,
    speed: float = SPEED,
    limit_s: float = 30,
) -> AsyncIterator[Served]:
    """Serve, connect, and quote both strikes as the conformance suite wants them."""
    market = MarketTime(OPEN_NS)
    books = WitnessedBooks(MemoryBooks())
    trip = latencies or Latencies()
    world = World(market, StillMarket(), SessionCalendar(), ExchangeConfig(), trip, books, faults)
    credentials = Credentials("akey", "asecret", "request", "access")
    exchange = WireExchange(world, books, market, credentials, lambda: "minted")
    reached: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(exchange.serve(0, speed, reached.set_result))
    try:
        async with asyncio.timeout(limit_s):
            ready = await reached
            roots = (ready.rest, ready.stream)
            session = KiteSession(ready.api_key, ready.access_token, "HR0001", 1 << 62, *roots)
            kite = KiteBroker(session, market, lambda: 0.0)
            frames: list[StreamFrame] = []
            up = asyncio.Event()
            kite.stream.listen(frames.append)
            kite.stream.listen(lambda frame: up.set() if isinstance(frame, StreamUp) else None)
            streaming = asyncio.create_task(kite.stream.run())
            try:
                await up.wait()
                quoted(mover(world.broker, market))
                yield Served(world, market, ready, kite, frames)
            finally:
                streaming.cancel()
                await asyncio.gather(streaming, return_exceptions=True)
                await kite.aclose()
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
