"""An engine on market time over a journal in memory, before a broker that does what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from core.brokers.port import (
    BasketLeg,
    BasketMargin,
    BookUnavailable,
    OrderChange,
    OrderRequest,
    Reply,
    StreamFrame,
    StreamOrder,
)
from core.domain.capabilities import Capabilities
from core.domain.evolve import fold
from core.domain.facts import JournalOpened, Recorded, SettingsAdopted
from core.domain.inputs import Input, SubmitGroup
from core.domain.instruments import PositionKey
from core.domain.orders import (
    Funds,
    OrderReport,
    OrderStatus,
    OrderType,
    Outcome,
    PositionReport,
    TradeReport,
)
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.engine.engine import ExecutionEngine
from core.journal.persistence import InlinePersistence
from core.journal.writing import Batch, WriteFault
from core.rehearsal.market_time import MarketTime
from core.rehearsal.sim_loop import run_virtual
from tests.builders import NONCE, NOW, RICH, market, plan


@dataclass(slots=True)
class Broker:
    """Takes every order after 20 ms, and fills it where ``fills`` is set; ``log`` is what it was asked."""

    clock: MarketTime
    log: list[str]
    fills: bool = True
    unreadable: Exception | None = None
    place_error: Exception | None = None
    reads: list[int] = field(default_factory=list)
    reading_ms: int = 20
    book: dict[str, OrderReport] = field(default_factory=dict)
    traded: list[TradeReport] = field(default_factory=list)
    listener: Callable[[StreamFrame], None] | None = None
    capabilities: Capabilities = field(default_factory=Capabilities)

    async def _travel(self, milliseconds: int = 20) -> None:
        await self.clock.sleep_until(self.clock.now_ns() + milliseconds * NS_PER_MS)

    async def place(self, request: OrderRequest) -> Reply:
        self.log.append(f"place {request.tag}")
        if self.place_error is not None:
            raise self.place_error
        await self._travel()
        order_id = f"O{len(self.book) + 1}"
        filled = request.units if self.fills else 0
        if filled:
            self.traded.append(
                TradeReport(
                    f"T{len(self.traded) + 1}",
                    order_id,
                    request.symbol,
                    request.exchange,
                    request.product,
                    request.side,
                    request.units,
                    request.limit_paise,
                    self.clock.now_ns(),
                )
            )
        self.book[order_id] = OrderReport(
            order_id,
            (request.tag,),
            request.symbol,
            request.exchange,
            request.product,
            request.side,
            OrderType.LIMIT,
            request.units,
            filled,
            request.limit_paise,
            0,
            OrderStatus.COMPLETE if filled else OrderStatus.OPEN,
            "",
            at_ns=self.clock.now_ns(),
        )
        if self.listener is not None:
            self.listener(StreamOrder(self.book[order_id]))
        return Reply(Outcome.CONFIRMED, order_id)

    async def modify(self, order_id: str, change: OrderChange) -> Reply:
        self.log.append(f"modify {order_id}")
        return Reply(Outcome.CONFIRMED, order_id)

    async def cancel(self, order_id: str) -> Reply:
        self.log.append(f"cancel {order_id}")
        return Reply(Outcome.CONFIRMED, order_id)

    async def orders(self) -> tuple[OrderReport, ...]:
        self.reads.append(self.clock.now_ns())
        if self.unreadable is not None:
            raise self.unreadable
        await self._travel(self.reading_ms)
        return tuple(self.book.values())

    async def trades(self) -> tuple[TradeReport, ...]:
        return tuple(self.traded)

    async def positions(self) -> tuple[PositionReport, ...]:
        held: dict[PositionKey, int] = {}
        for trade in self.traded:
            key = PositionKey(trade.exchange, trade.symbol, trade.product)
            held[key] = held.get(key, 0) + trade.side.sign * trade.units
        return tuple(PositionReport(key, units) for key, units in held.items())

    async def funds(self) -> Funds:
        return RICH

    async def basket_margin(self, legs: tuple[BasketLeg, ...]) -> BasketMargin:
        await self._travel()
        return BasketMargin(1_00_000_00, 1_00_000_00)


class LoggedJournal(InlinePersistence):
    """A journal in memory that notes every commit in the same log as the broker."""

    def __init__(self, log: list[str], fault: WriteFault | None) -> None:
        super().__init__(fault=fault)
        self._log = log

    async def commit(self, batch: Batch) -> None:
        await super().commit(batch)
        self._log.append(f"commit {batch.rows[-1].seq}")


class Rig:
    """The parts, wired; ``play`` runs a story beside the engine in virtual time."""

    def __init__(self, *, fault: WriteFault | None = None, strict: bool = True) -> None:
        self.log: list[str] = []
        self.clock = MarketTime(NOW)
        self.broker = Broker(self.clock, self.log)
        self.journal = LoggedJournal(self.log, fault)
        self.engine = ExecutionEngine(
            self.clock,
            self.journal,
            self.broker,
            self.broker,
            fold(()),
            market(),
            hold=self.clock.hold,
            release=self.clock.release,
            strict=strict,
            batch_ns=NS_PER_S,  # a slow machine must not part what arrives together
        )
        self.broker.listener = self.engine.on_stream

    def play(self, story: Callable[[Rig], Awaitable[None]]) -> Rig:
        """Open the journal, run the engine and the story beside it, and end with the story."""

        async def main() -> None:
            rows = (
                Recorded(1, NOW, "", JournalOpened(NONCE, 1, "test", "PAPER", "made up", "test", 1)),
                Recorded(2, NOW, "", SettingsAdopted(ExecutionSettings())),
            )
            await self.journal.commit(Batch(rows))
            self.engine.account = fold(rows)
            core = asyncio.ensure_future(self.engine.run(restart=False))
            told = asyncio.ensure_future(story(self))
            await asyncio.wait({core, told}, return_when=asyncio.FIRST_COMPLETED)
            if core.done():
                core.result()
            core.cancel()
            await asyncio.gather(core, return_exceptions=True)
            await told

        run_virtual(main, self.clock)
        return self

    async def later(self, milliseconds: int) -> None:
        """Let market time pass."""
        await self.clock.sleep_until(self.clock.now_ns() + milliseconds * NS_PER_MS)

    async def submit(self, number: int = 1, copies: int = 10) -> None:
        """Ask for a condor once the books have been read."""
        await self.later(3_000)
        self.engine.post(SubmitGroup(plan(copies=copies, number=number)))

    def post(self, *items: Input) -> None:
        """Put several things into the mailbox at one instant."""
        for item in items:
            self.engine.post(item)

    def rows(self) -> list[Recorded]:
        """What is on disk."""
        return list(self.journal.read())

    def placed(self) -> list[str]:
        """The tags that reached the broker's door, in order."""
        return [entry.split()[1] for entry in self.log if entry.startswith("place ")]


def unavailable() -> BookUnavailable:
    """A broker whose books cannot be read."""
    return BookUnavailable("503")
