"""What a flatten closes and what it leaves: our own units told from the trader's by the broker's books.

A trade carries no tag; it is ours when its order does. What was carried from an earlier day has no trades, so
the books alone cannot say whose it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.brokers.port import BookPort
from core.domain.instruments import PositionKey
from core.domain.orders import TERMINAL, OrderReport, PositionReport, TradeReport
from core.domain.tags import group_id_of
from core.domain.timing import NS_PER_MS, NS_PER_S, Clock

AGREE_WITHIN_NS = 5 * NS_PER_S
"""How long positions may lag behind the trades before they are taken as they stand."""


@dataclass(frozen=True, slots=True)
class Held:
    """What there is to flatten: non-zero positions, and orders that may still fill."""

    positions: tuple[PositionReport, ...]
    working: tuple[OrderReport, ...]

    @property
    def is_flat(self) -> bool:
        """Zero of both."""
        return not self.positions and not self.working


@dataclass(frozen=True, slots=True)
class Books:
    """The three books, the trades read after the orders and the positions last."""

    orders: tuple[OrderReport, ...]
    trades: tuple[TradeReport, ...]
    positions: tuple[PositionReport, ...]

    @property
    def held(self) -> Held:
        """What is held and working."""
        return _held(self.orders, self.positions)

    def unexplained(self) -> set[PositionKey]:
        """Positions that are not what was carried and traded: they lag, or were changed without a trade."""
        expected = Counter({position.key: position.overnight_units for position in self.positions})
        for trade in self.trades:
            expected[_traded(trade)] += trade.side.sign * trade.units
        shown = {position.key: position.units for position in self.positions}
        return {key for key, units in expected.items() if units != shown.get(key, 0)}


def _held(orders: Iterable[OrderReport], positions: Iterable[PositionReport]) -> Held:
    return Held(
        tuple(position for position in positions if position.units),
        tuple(order for order in orders if order.status not in TERMINAL),
    )


async def look(books: BookPort) -> Held:
    """What the broker says is held and working. Raises ``BookUnavailable``."""
    orders = await books.orders()
    return _held(orders, await books.positions())


async def read_books(books: BookPort) -> Books:
    """All three, once. Raises ``BookUnavailable``."""
    orders = await books.orders()
    trades = await books.trades()
    return Books(orders, trades, await books.positions())


async def agreed_books(clock: Clock, books: BookPort) -> Books:
    """The books once the positions have caught up with the trades, or as they are after a while.

    An order sized by a position that lags would close the same units twice. Raises ``BookUnavailable``.
    """
    deadline_ns = clock.now_ns() + AGREE_WITHIN_NS
    read = await read_books(books)
    while read.unexplained() and clock.now_ns() < deadline_ns:
        await clock.sleep_until(clock.now_ns() + 500 * NS_PER_MS)
        read = await read_books(books)
    return read


@dataclass(frozen=True, slots=True)
class Scope:
    """Which positions are closed, and how much of each stays. ``only`` is ``None`` for the whole account."""

    only: frozenset[PositionKey] | None = None
    keeps: Mapping[PositionKey, int] = field(default_factory=dict)
    """The trader's own signed units in a position of which the rest is ours."""
    mixed: Mapping[PositionKey, str] = field(default_factory=dict)
    """Positions closed whole although some of it may be the trader's, and why that cannot be told."""

    def of(self, held: Held) -> Held:
        """What of it is to go. Never more than the account's net, and never to the other side of it."""
        if self.only is None:
            return held
        positions = (
            replace(position, units=self._closable(position))
            for position in held.positions
            if position.key in self.only
        )
        return Held(
            tuple(position for position in positions if position.units),
            tuple(order for order in held.working if self._goes(order)),
        )

    def _closable(self, position: PositionReport) -> int:
        ours = position.units - self.keeps.get(position.key, 0)
        if position.units > 0:
            return max(0, min(ours, position.units))
        return min(0, max(ours, position.units))

    def _goes(self, order: OrderReport) -> bool:
        """An order of anybody goes with a position that goes whole: it would open one anew."""
        key = _ordered(order)
        if is_ours(order):
            return True
        return self.only is not None and key in self.only and not self.keeps.get(key, 0)


def is_ours(order: OrderReport) -> bool:
    """Whether an order carries a tag of this program's, of whatever journal."""
    return any(group_id_of(tag) for tag in order.tags)


def our_scope(books: Books, journal_net: Mapping[PositionKey, int]) -> Scope:
    """What is ours by the tags of today's orders and their trades.

    ``journal_net`` is what a journal says our groups hold, empty without one: it names positions that no
    order of today does, and vouches for a carried position that it holds exactly.
    """
    tagged = {order.order_id for order in books.orders if is_ours(order)}
    ours: Counter[PositionKey] = Counter()
    for trade in books.trades:
        if trade.order_id in tagged:
            ours[_traded(trade)] += trade.side.sign * trade.units
    named = {_ordered(order) for order in books.orders if is_ours(order)} | set(journal_net)
    in_doubt = books.unexplained()
    only: set[PositionKey] = set()
    keeps: dict[PositionKey, int] = {}
    mixed: dict[PositionKey, str] = {}
    by_key = {position.key: position for position in books.positions if position.units}
    for key in named & set(by_key):
        position = by_key[key]
        if key in in_doubt:
            mixed[key] = "the day's trades do not explain it"
        elif position.overnight_units and journal_net.get(key) != position.units:
            mixed[key] = f"{position.overnight_units:+,} were carried from an earlier day"
        elif not position.overnight_units:
            keeps[key] = position.units - ours[key]
        only.add(key)
    return Scope(frozenset(only), {key: units for key, units in keeps.items() if units}, mixed)


def _traded(trade: TradeReport) -> PositionKey:
    return PositionKey(trade.exchange, trade.symbol, trade.product)


def _ordered(order: OrderReport) -> PositionKey:
    return PositionKey(order.exchange, order.symbol, order.product)
