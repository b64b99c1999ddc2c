"""The exchange's own books, taken down as it writes them: what is so, whatever anybody was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date

from core.brokers.paper.books import ExchangeBooks
from core.brokers.paper.records import (
    ExchangeRecord,
    OrderAccepted,
    OrderTraded,
    PositionCarried,
    PositionSettled,
)
from core.domain.cover import Holding, uncovered_beyond_plan
from core.domain.groups import GroupPlan
from core.domain.instruments import Contract, PositionKey, Side
from core.domain.orders import TradeReport
from core.domain.tags import group_id_of, leg_of
from core.rehearsal.invariants.working import WorkingOrder, WorkingOrders


def within(at_ns: int, spans: Iterable[tuple[int, int]]) -> bool:
    """Whether an instant lies in one of these spans, their ends included."""
    return any(from_ns <= at_ns <= until_ns for from_ns, until_ns in spans)


class Truth:
    """``ExchangeBooks`` that also keep, by group and by position, what was really traded."""

    def __init__(self, books: ExchangeBooks, contracts: Mapping[str, Contract], nonce: str) -> None:
        self._books = books
        self._contracts = contracts
        self._orders: dict[str, OrderAccepted] = {}
        self.nonce = nonce
        self.plans: dict[str, GroupPlan] = {}
        self._accepted_ns: dict[str, int] = {}
        self.tags: list[str] = []
        self.trades: list[TradeReport] = []
        """Trades of our own orders, oldest first."""
        self.others: list[TradeReport] = []
        self.net: Counter[PositionKey] = Counter()
        """Signed units that our own orders hold."""
        self.foreign: Counter[PositionKey] = Counter()
        self.by_others: Counter[tuple[PositionKey, Side]] = Counter()
        """Units that other people have ever bought and sold, or carried into the first session."""
        self.settled: set[PositionKey] = set()
        """Positions that ended in cash at their expiry."""
        self._working = WorkingOrders()
        self._held: dict[str, dict[int, tuple[Contract, int]]] = {}
        self._dearest: Counter[tuple[str, int]] = Counter()
        self._uncovered: Counter[str] = Counter()
        self.naked_most = 0
        """The most short units of a group that stood beyond cover and plan after any trade."""
        self.on_accepted: Callable[[str], None] = lambda tag: None
        """Told the tag of each order of ours as the exchange takes it."""
        self.on_uncovered: Callable[[str, int], None] = lambda group_id, units: None
        self.on_flip: Callable[[str, str], None] = lambda group_id, detail: None
        for record in books.records():
            self._take(record)

    def append(self, records: Sequence[ExchangeRecord]) -> None:
        """See ``ExchangeBooks``."""
        self._books.append(records)
        for record in records:
            self._take(record)

    def records(self) -> Iterator[ExchangeRecord]:
        """See ``ExchangeBooks``."""
        return self._books.records()

    def close(self) -> None:
        """See ``ExchangeBooks``."""
        self._books.close()

    def accepted_ns(self, tag: str) -> int:
        """When an order with a tag came to be at the exchange; 0 for none."""
        return self._accepted_ns.get(tag, 0)

    def tag_of(self, order_id: str) -> str:
        """The tag of an order at the exchange."""
        order = self._orders.get(order_id)
        return order.tag if order is not None else ""

    def expires_by(self, key: PositionKey, day: date) -> bool:
        """Whether a position is of a contract that has expired by the end of a day."""
        return self._contracts[key.symbol].expiry <= day

    def group_of(self, order_id: str) -> str:
        """The group of ours that an order belongs to; ``""`` for other people's."""
        order = self._orders.get(order_id)
        return group_id_of(order.tag) if order is not None and self._is_ours(order) else ""

    def held_units(self, group_id: str, leg: int) -> int:
        """The signed units that a leg of ours holds at the exchange."""
        held = self._held.get(group_id, {}).get(leg)
        return held[1] if held is not None else 0

    def held_legs(self, group_id: str) -> Mapping[int, tuple[Contract, int]]:
        """The contract and the signed units of each leg of a group that our orders have ever traded."""
        return self._held.get(group_id, {})

    def working(self, group_id: str) -> list[WorkingOrder]:
        """The orders of a group that can still fill, oldest first."""
        return [order for order in self._working if self.group_of(order.order_id) == group_id]

    def dearest_sale_paise(self, group_id: str, leg: int) -> int:
        """The best price at which a leg of ours was ever sold; 0 where it never was."""
        return self._dearest[group_id, leg]

    def held_besides(self, group_id: str) -> list[Holding]:
        """What the account holds at the exchange besides a group: other groups' units and other people's."""
        ours = [
            (contract, units)
            for other_id, legs in self._held.items()
            if other_id != group_id
            for contract, units in legs.values()
            if units
        ]
        return ours + [(self._contracts[key.symbol], units) for key, units in self.foreign.items() if units]

    def _is_ours(self, order: OrderAccepted) -> bool:
        return bool(self.nonce) and order.tag.startswith(self.nonce)

    def _take(self, record: ExchangeRecord) -> None:
        self._working.take(record)
        match record:
            case OrderAccepted():
                self._orders[record.order_id] = record
                if record.tag:
                    self.tags.append(record.tag)
                    self._accepted_ns[record.tag] = record.at_ns
                if self._is_ours(record):
                    self.on_accepted(record.tag)
            case OrderTraded():
                self._trade(record)
            case PositionCarried():
                key = PositionKey(record.exchange, record.symbol, record.product)
                self.foreign[key] += record.units
                self.by_others[key, Side.BUY if record.units > 0 else Side.SELL] += abs(record.units)
            case PositionSettled():
                key = PositionKey(record.exchange, record.symbol, record.product)
                self.net[key] = self.foreign[key] = 0
                self.settled.add(key)
            case _:
                pass

    def _trade(self, record: OrderTraded) -> None:
        order = self._orders[record.order_id]
        key = PositionKey(order.exchange, order.symbol, order.product)
        signed = order.side.sign * record.units
        report = TradeReport(
            record.trade_id,
            record.order_id,
            order.symbol,
            order.exchange,
            order.product,
            order.side,
            record.units,
            record.price_paise,
            record.at_ns,
        )
        if not self._is_ours(order):
            self.others.append(report)
            self.foreign[key] += signed
            self.by_others[key, order.side] += record.units
            return
        self.trades.append(report)
        self.net[key] += signed
        group_id, leg = group_id_of(order.tag), leg_of(order.tag)
        if order.side is Side.SELL:
            self._dearest[group_id, leg] = max(self._dearest[group_id, leg], record.price_paise)
        held = self._held.setdefault(group_id, {})
        contract, units = held.get(leg, (self._contracts[order.symbol], 0))
        held[leg] = (contract, units + signed)
        if units and (units > 0) != (units + signed > 0) and units + signed:
            self.on_flip(group_id, f"{units:+d} {order.symbol} became {units + signed:+d} by {order.tag}")
        plan = self.plans.get(group_id)
        if plan is not None:
            uncovered = uncovered_beyond_plan(plan, held.values())
            self.naked_most = max(self.naked_most, uncovered)
            if uncovered > self._uncovered[group_id]:
                self.on_uncovered(group_id, uncovered)
            self._uncovered[group_id] = uncovered
