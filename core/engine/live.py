"""A live session put together: an engine, a feed of quotes, and the groups that wait for a market."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import date
from typing import Any

from core import __version__
from core.domain.account import Account
from core.domain.facts import (
    ForeignPositionSeen,
    GroupPlanned,
    JournalOpened,
    KillSwitchReset,
    LegAdded,
    ModifyAnswered,
    OrderAnswered,
    OrderSeen,
    Recorded,
    SettingsAdopted,
)
from core.domain.orders import OrderStatus, Outcome
from core.domain.settings import ExecutionSettings
from core.domain.tags import NONCE_LENGTH, base36, group_id_of
from core.domain.timing import NS_PER_S, Clock, to_ist
from core.engine.chain_watch import ChainWatch
from core.engine.engine import ExecutionEngine
from core.engine.engine_service import EngineService
from core.engine.foresight import Foresight
from core.engine.latch import FlattenLatch
from core.engine.publishing import Publisher
from core.engine.quote_feed import QuoteFeed
from core.engine.view_keeper import ViewKeeper
from core.journal.opening import SCHEMA_VERSION
from core.journal.persistence import PersistenceLayer
from core.journal.writing import Batch

LOOK_EVERY_NS = NS_PER_S


class WrongAccount(ValueError):
    """The journal belongs to another account or to other money; the message says which."""


async def begin(
    journal: PersistenceLayer,
    rows: Sequence[Recorded],
    account: Account,
    settings: ExecutionSettings,
    *,
    mode: str,
    market: str,
    at_ns: int,
    draw: Callable[[int], int],
) -> tuple[Recorded, ...]:
    """Make a new journal ours, or see that an old one is; returns the rows this added, committed.

    ``mode`` is ``LIVE`` or ``PAPER``, ``market`` the broker and its account; ``draw`` gives a random number
    below its argument, for the nonce. Raises ``WrongAccount``.
    """
    facts: list[JournalOpened | SettingsAdopted] = []
    if not rows:
        nonce = base36(draw(36**NONCE_LENGTH), NONCE_LENGTH)
        facts.append(JournalOpened(nonce, SCHEMA_VERSION, __version__, mode, market, "", 0))
    else:
        was = account.identity
        for what, old, new in (("money", was.mode, mode), ("account", was.market, market)):
            if old != new:
                raise WrongAccount(
                    f"this journal is of {what} {old}, not {new}: give that, or another --journal"
                )
    if not rows or account.settings != settings:
        facts.append(SettingsAdopted(settings))
    first = len(rows) + 1
    new_rows = tuple(Recorded(first + n, at_ns, "", fact) for n, fact in enumerate(facts))
    await journal.commit(Batch(new_rows))
    return new_rows


class LiveCore(EngineService):
    """A ``CoreService`` over an engine that trades a live market, be the money paper or not."""

    def __init__(
        self,
        clock: Clock,
        engine: ExecutionEngine,
        feed: QuoteFeed,
        keeper: ViewKeeper,
        chains: ChainWatch,
        publisher: Publisher,
        *,
        observe: bool = False,
        latch: FlattenLatch | None = None,
    ) -> None:
        foresight = Foresight(lambda: engine, keeper.calendar, observe=observe)
        super().__init__(lambda: engine, publisher, foresight, observe=observe)
        self.clock = clock
        self.engine = engine
        self.feed = feed
        self.chains = chains
        self._keeper = keeper
        publisher.calendar = keeper.calendar
        self._latch = latch
        feed.needed = self._traded_symbols
        feed.listen(engine.on_quotes)
        engine.subscribe(self._take_rows)
        for group in engine.account.groups.values():
            keeper.watch_plan(group.plan)
            chains.also(leg.plan.contract for leg in group.legs)
        self._follow_holdings(key.symbol for key in engine.account.foreign)

    def _latched(self) -> str:
        return self._latch.read() if self._latch is not None else ""

    async def run(self, *, restart: bool, beside: Iterable[Coroutine[Any, Any, None]] = ()) -> None:
        """Run engine, feed, subscriptions and what is given until cancelled, or until one of them fails.

        Of what is given (a stream, a measurement), nothing may end by itself without an error.
        """
        parts = [
            asyncio.create_task(self.engine.run(restart=restart, latched=self._latched()), name="engine"),
            asyncio.create_task(self.feed.run(), name="quotes"),
            asyncio.create_task(self._follow_the_money(), name="chains"),
            *(asyncio.create_task(work) for work in beside),
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    @property
    def today(self) -> date:
        """The Indian calendar day."""
        return to_ist(self.clock.now_ns()).date()

    async def _follow_the_money(self) -> None:
        """Find where the money is by the futures, listen around it, and follow it."""
        while True:
            await self._find_the_money()
            self.chains.recentre(self.feed.view, self.today)
            await self.clock.sleep_until(self.clock.now_ns() + LOOK_EVERY_NS)

    async def _find_the_money(self) -> None:
        lost = [f for f in self.chains.futures(self.today) if not self.chains.is_centred(f.underlying)]
        if not lost:
            return
        quotes = self.feed.view.quotes
        unknown = [future for future in lost if future.symbol not in quotes]
        if unknown:
            self.chains.also(unknown)
            await self.feed.ask([f"{future.exchange}:{future.symbol}" for future in unknown])
        for future in lost:
            quote = self.feed.view.quotes.get(future.symbol)
            level = quote.mid_paise if quote is not None else None
            if level is not None:
                self.chains.centre(future.underlying, level, self.today)

    def _traded_symbols(self) -> Iterable[str]:
        """Whatever a group that has not ended trades."""
        return {
            leg.plan.contract.symbol
            for group in self.engine.account.groups.values()
            if not group.is_over
            for leg in group.legs
        }

    def _take_rows(self, rows: tuple[Recorded, ...]) -> None:
        for row in rows:
            match row.fact:
                case GroupPlanned(plan):
                    self.chains.also(leg.contract for leg in plan.legs)
                case LegAdded(leg=leg):
                    self.chains.also([leg.contract])
                case (
                    OrderAnswered(tag=tag, outcome=Outcome.REJECTED)
                    | ModifyAnswered(tag=tag, outcome=Outcome.REJECTED)
                    | OrderSeen(tag=tag, status=OrderStatus.REJECTED)
                ):
                    self._doubt_range(tag)
                case ForeignPositionSeen(key=key, units=units) if units:
                    self._follow_holdings([key.symbol])
                case KillSwitchReset() if self._latch is not None:
                    self._latch.clear()
                case _:
                    pass
        if self._keeper.watch_rows(rows):
            self.engine.view = self._keeper.refresh()

    def _follow_holdings(self, symbols: Iterable[str]) -> None:
        """Listen to what the trader holds by himself: margin is judged with it, whatever its expiry."""
        known = self.feed.view.contracts
        self.chains.also(known[symbol] for symbol in symbols if symbol in known)

    def _doubt_range(self, tag: str) -> None:
        """A price may have been refused for lying beyond a range that is no longer what we know."""
        group = self.engine.account.groups.get(group_id_of(tag))
        order = group.orders.get(tag) if group is not None else None
        if order is not None:
            self.feed.doubt_range(order.symbol)
