"""The core's door: all that goes out or comes in is judged there, and may be the last thing that happens."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from typing import NoReturn

from core.brokers.port import (
    BasketLeg,
    BasketMargin,
    BookPort,
    OrderChange,
    OrderPort,
    OrderRequest,
    Reply,
)
from core.domain.capabilities import Capabilities
from core.domain.facts import Recorded
from core.domain.orders import BookSnapshot, Funds, OrderReport, PositionReport, TradeReport
from core.domain.timing import Clock
from core.journal.errors import JournalWriteFailed
from core.journal.persistence import PersistenceLayer
from core.journal.writing import Batch
from core.rehearsal.boundaries import Boundaries
from core.rehearsal.faults.at_the_journal import JournalFaults
from core.rehearsal.invariants.judge import Judge


async def _never() -> NoReturn:
    """What a dead process waits for."""
    while True:
        await asyncio.get_running_loop().create_future()


class BrokerDoor:
    """``OrderPort`` and ``BookPort`` of one life: judged on the way out, told on the way in."""

    def __init__(
        self,
        orders: OrderPort,
        books: BookPort,
        clock: Clock,
        judge: Judge,
        boundaries: Boundaries,
        die: Callable[[], None],
    ) -> None:
        self._orders = orders
        self._books = books
        self._clock = clock
        self._judge = judge
        self._boundaries = boundaries
        self._die = die
        self._order_rows: tuple[OrderReport, ...] = ()
        self._trade_rows: tuple[TradeReport, ...] = ()
        self._asked_ns = 0

    async def _pass(self, name: str) -> None:
        if self._boundaries.reach(name):
            self._die()
            await _never()

    async def place(self, request: OrderRequest) -> Reply:
        """See ``OrderPort``."""
        await self._pass("before send")
        self._judge.place(request)
        reply = await self._orders.place(request)
        await self._pass("before reply")
        self._judge.replied(request.tag, reply)
        return reply

    async def modify(self, order_id: str, change: OrderChange) -> Reply:
        """See ``OrderPort``."""
        await self._pass("before send")
        self._judge.modify(order_id, change)
        reply = await self._orders.modify(order_id, change)
        await self._pass("before reply")
        self._judge.modified(order_id, change, reply)
        return reply

    async def cancel(self, order_id: str) -> Reply:
        """See ``OrderPort``."""
        await self._pass("before send")
        self._judge.cancel(order_id)
        reply = await self._orders.cancel(order_id)
        await self._pass("before reply")
        return reply

    @property
    def capabilities(self) -> Capabilities:
        """See ``BookPort``."""
        return self._books.capabilities

    async def orders(self) -> tuple[OrderReport, ...]:
        """See ``BookPort``."""
        asked_ns = self._clock.now_ns()
        rows = await self._books.orders()
        self._asked_ns, self._order_rows = asked_ns, rows
        return rows

    async def trades(self) -> tuple[TradeReport, ...]:
        """See ``BookPort``."""
        self._trade_rows = await self._books.trades()
        return self._trade_rows

    async def positions(self) -> tuple[PositionReport, ...]:
        """See ``BookPort``. With it the books are whole."""
        rows = await self._books.positions()
        await self._pass("before books")
        self._judge.read(
            BookSnapshot(self._order_rows, self._trade_rows, rows, self._asked_ns, self._clock.now_ns())
        )
        return rows

    async def funds(self) -> Funds:
        """See ``BookPort``."""
        return await self._books.funds()

    async def basket_margin(self, legs: tuple[BasketLeg, ...]) -> BasketMargin:
        """See ``BookPort``."""
        return await self._books.basket_margin(legs)


class JournalDoor:
    """``PersistenceLayer`` of one life: what it acknowledges, the judge knows to be on disk."""

    def __init__(
        self,
        journal: PersistenceLayer,
        judge: Judge,
        boundaries: Boundaries,
        die: Callable[[], None],
        faults: JournalFaults,
    ) -> None:
        self._journal = journal
        self._faults = faults
        self._judge = judge
        self._boundaries = boundaries
        self._die = die

    @property
    def last_seq(self) -> int:
        """See ``PersistenceLayer``."""
        return self._journal.last_seq

    @property
    def warnings(self) -> tuple[str, ...]:
        """See ``PersistenceLayer``."""
        return self._journal.warnings

    async def commit(self, batch: Batch) -> None:
        """See ``PersistenceLayer``."""
        if self._boundaries.reach("before commit"):
            self._die()
            await _never()
        self._judge.commit_begins(batch.rows)
        await asyncio.sleep(0)  # a commit is never over before anybody else has had a turn
        try:
            self._faults()
        except sqlite3.Error as error:
            self._judge.commit_fails()
            raise JournalWriteFailed(str(error), "Check the disk's free space and its health.") from error
        await self._journal.commit(batch)
        await self._faults.latency()
        self._judge.committed(batch.rows)
        self._judge.commit_ends()
        if self._boundaries.reach("after commit"):
            self._die()
            await _never()

    def read(self) -> Iterator[Recorded]:
        """See ``PersistenceLayer``."""
        return self._journal.read()

    async def close(self) -> None:
        """See ``PersistenceLayer``: it belongs to whoever opened it."""
