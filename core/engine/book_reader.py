"""Reading the broker's books: on a timer beside the stream, and whenever something asks for it.

Several requests at once are one, and never more than one a second; a failed or half answer is no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.brokers.port import BasketLeg, BookPort, BookUnavailable
from core.domain.groups import GroupPlan
from core.domain.inputs import BooksFailed, BooksRead, Input, MarginAnswered
from core.domain.orders import BookSnapshot, Funds, Source
from core.domain.quotes import MarketView
from core.domain.timing import NS_PER_MS, NS_PER_S, Clock


class BookReader:
    """Polls, and answers requests to read. ``poll_every_ms`` is asked before each wait: it adapts."""

    def __init__(
        self,
        clock: Clock,
        books: BookPort,
        post: Callable[[Input], None],
        poll_every_ms: Callable[[], int],
        funded: Callable[[Funds], None],
    ) -> None:
        self._clock = clock
        self._books = books
        self._post = post
        self._poll_every_ms = poll_every_ms
        self._funded = funded
        self._wanted = asyncio.Event()
        self._armed_ns = 0
        self._due_ns = 0
        self._last_start_ns = 0
        self._source = Source.RECOVERY
        self._running: set[asyncio.Task[None]] = set()
        self.read_ns: int | None = None
        """When the books were last read whole."""
        self.asked_ns: int | None = None
        """When the books that were last read whole were asked for: they hold all that happened before."""
        self.newest: BookSnapshot | None = None
        """What was read whole last: for whoever looks, decisions are handed each one."""
        self.failing = False
        self.funds: Funds | None = None
        """The newest funds; for the meters, decisions ask for their own."""

    @property
    def next_poll_ns(self) -> int:
        """When the books are read next, at the latest."""
        return self._due_ns

    def request(self) -> None:
        """Have the books read soon: at once, or a second after the last time."""
        self._want(max(self._clock.now_ns() + 1, self._last_start_ns + NS_PER_S))

    def hasten(self) -> None:
        """Shorten the wait for the next poll, where orders are in flight now."""
        self._want(self._last_start_ns + self._poll_every_ms() * NS_PER_MS)

    def _want(self, due_ns: int) -> None:
        if self._due_ns and self._due_ns <= due_ns:
            return
        self._due_ns = due_ns
        self._clock.call_at(due_ns, self._ring)

    def _ring(self) -> None:
        if self._due_ns and self._clock.now_ns() >= self._due_ns:
            self._wanted.set()

    async def run(self) -> None:
        """Read for ever."""
        self.request()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._due_ns = 0
            self._last_start_ns = self._clock.now_ns()
            await self._read()
            self._want(self._last_start_ns + self._poll_every_ms() * NS_PER_MS)

    async def _read(self) -> None:
        asked_ns = self._clock.now_ns()
        try:
            orders = await self._books.orders()
            trades = await self._books.trades()
            positions = await self._books.positions()
        except Exception as error:  # an adapter that breaks must not end the reading
            self.failing = True
            self._post(BooksFailed(_told(error), getattr(error, "needs_login", False)))
            return
        self.failing = False
        self.asked_ns = asked_ns
        self.read_ns = self._clock.now_ns()
        self.newest = BookSnapshot(orders, trades, positions, asked_ns, self.read_ns)
        self._post(BooksRead(self.newest, self._source))
        self._source = Source.POLL
        try:
            self._take_funds(await self._books.funds())
        except Exception:
            return  # the meters show the last funds known; a decision asks for its own

    def _take_funds(self, funds: Funds) -> None:
        self.funds = funds
        self._funded(funds)

    def ask_margin(self, plan: GroupPlan, view: MarketView) -> None:
        """Ask for funds and for the margin of a plan as a basket; the answer arrives in the mailbox."""
        task = asyncio.create_task(self._ask_margin(plan, view))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _ask_margin(self, plan: GroupPlan, view: MarketView) -> None:
        legs = []
        for leg in plan.legs:
            quote = view.quotes.get(leg.contract.symbol)
            touch = quote.touch_paise(leg.side) if quote is not None else None
            legs.append(
                BasketLeg(
                    leg.contract.symbol,
                    leg.contract.exchange,
                    plan.product,
                    leg.side,
                    plan.units(leg.index),
                    touch or 0,
                )
            )
        try:
            funds = await self._books.funds()
            basket = await self._books.basket_margin(tuple(legs))
        except Exception as error:
            self._post(MarginAnswered(plan.group_id, None, None, None, _told(error)))
            return
        self._take_funds(funds)
        self._post(MarginAnswered(plan.group_id, funds, basket.initial_paise, basket.final_paise))

    async def close(self) -> None:
        """Stop waiting for answers."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


def _told(error: Exception) -> str:
    if isinstance(error, BookUnavailable):
        return str(error)
    return f"the adapter failed: {type(error).__name__}: {error}"
