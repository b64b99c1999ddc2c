"""The exchange's books as a fold over its records: orders, trades, positions, money, used-up sizes.

``Ledger.apply`` is the only thing that changes them, so a ledger refolded from the records equals the live
one. It decides nothing and trusts every record.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import date

from core.brokers.paper import statuses
from core.brokers.paper.records import (
    CancelAsked,
    ExchangeRecord,
    ModifyRefused,
    OrderAccepted,
    OrderModified,
    OrderTraded,
    PositionCarried,
    PositionSettled,
    RequestRefused,
    SessionRolled,
    StatusChanged,
)
from core.domain.instruments import PositionKey, Side
from core.domain.orders import OrderReport, OrderType, PositionReport, TradeReport

NEVER_NS = 1 << 62
"""A time that does not come: the due time of a cancel that nobody will confirm."""


@dataclass(slots=True)
class BookOrder:
    """One order of the day's book.

    ``history`` holds its reports, oldest first, one for each change. The states that Kite passes through at
    once are left out: ``full_history`` gives them too.
    """

    order_id: str
    tag: str
    key: PositionKey
    side: Side
    order_type: OrderType
    units: int
    limit_paise: int
    trigger_paise: int
    placed_by: str
    accepted_ns: int
    raw_status: str = statuses.PUT
    message: str = ""
    filled_units: int = 0
    filled_value: int = 0
    triggered: bool = False
    modifies: int = 0
    cancel_due_ns: int = 0
    """When a cancel takes effect; 0 where none was asked for."""
    at_ns: int = 0
    history: list[OrderReport] = field(default_factory=list)

    @property
    def open_units(self) -> int:
        """Units not yet filled."""
        return max(0, self.units - self.filled_units)

    @property
    def is_working(self) -> bool:
        """Whether it can still fill by itself."""
        return self.raw_status not in statuses.TERMINAL_RAW

    @property
    def awaits_trigger(self) -> bool:
        """Whether it is a stop that the market has not released."""
        return self.order_type is OrderType.SL and not self.triggered

    def full_history(self) -> tuple[OrderReport, ...]:
        """Every state in Kite's sequence, oldest first, the instantaneous ones included."""
        rows: list[OrderReport] = []
        for row in self.history:
            before = statuses.PASSED_BEFORE.get(row.raw_status, ())
            after = statuses.PASSED_AFTER.get(row.raw_status, ())
            rows.extend(replace(row, raw_status=raw) for raw in before)
            rows.append(row)
            rows.extend(replace(row, raw_status=raw) for raw in after)
        return tuple(rows)

    def report(self, raw_status: str | None = None) -> OrderReport:
        """The order as the exchange describes it now, or under another of its words."""
        raw = self.raw_status if raw_status is None else raw_status
        return OrderReport(
            order_id=self.order_id,
            tags=(self.tag,) if self.tag else (),
            symbol=self.key.symbol,
            exchange=self.key.exchange,
            product=self.key.product,
            side=self.side,
            order_type=self.order_type,
            units=self.units,
            filled_units=self.filled_units,
            limit_paise=self.limit_paise,
            trigger_paise=self.trigger_paise,
            status=statuses.NORMALISED[self.raw_status],
            raw_status=raw,
            message=self.message,
            average_paise=round(self.filled_value / self.filled_units) if self.filled_units else 0,
            at_ns=self.at_ns,
        )


@dataclass(slots=True)
class Holding:
    """One net position. ``value_paise`` is what it cost, signed: average price times units."""

    units: int = 0
    value_paise: int = 0

    def add(self, signed_units: int, price_paise: int) -> None:
        """Trade: opening units raise the cost, closing ones release it at the average."""
        before = self.units
        after = before + signed_units
        if before == 0 or (before > 0) == (signed_units > 0):
            self.value_paise += signed_units * price_paise
        elif after == 0:
            self.value_paise = 0
        elif (after > 0) == (before > 0):
            self.value_paise = round(self.value_paise * after / before)
        else:
            self.value_paise = after * price_paise
        self.units = after

    @property
    def average_paise(self) -> int:
        """The average price of the units held."""
        return round(self.value_paise / self.units) if self.units else 0


@dataclass(slots=True)
class Booked:
    """A trade together with when the position book shows it."""

    report: TradeReport
    key: PositionKey
    booked_ns: int


@dataclass(slots=True)
class Ledger:
    """Everything that must survive a restart of the exchange."""

    day: date | None = None
    at_ns: int = 0
    orders: dict[str, BookOrder] = field(default_factory=dict)
    working: dict[str, dict[str, BookOrder]] = field(default_factory=dict)
    """Working orders by symbol, then by order id, in the order of their acceptance."""
    trades: list[Booked] = field(default_factory=list)
    overnight: dict[PositionKey, Holding] = field(default_factory=dict)
    holdings: dict[PositionKey, Holding] = field(default_factory=dict)
    """Positions with every trade counted: what margin is charged on."""
    consumed: dict[tuple[str, Side], tuple[int, int]] = field(default_factory=dict)
    """By symbol and the side of the taker: the version of the quote, and the units taken from it."""
    cancelling: dict[str, int] = field(default_factory=dict)
    """When the cancel of a working order takes effect, by order id."""
    cash_flow_paise: int = 0
    """Premium received less premium paid, and what settlement paid."""
    order_count: int = 0
    trade_count: int = 0
    request_count: int = 0
    cancel_count: int = 0
    requests_ns: deque[int] = field(default_factory=deque)
    """The times of the last minute's placing and modifying requests."""
    requests_today: int = 0

    def apply(self, record: ExchangeRecord) -> None:
        """Fold one record."""
        self.at_ns = max(self.at_ns, record.at_ns)
        match record:
            case OrderTraded():
                self._trade(record)
            case StatusChanged():
                order = self.orders[record.order_id]
                order.message = record.message
                self._move(order, record.raw_status, record.at_ns)
            case OrderAccepted():
                self._accept(record)
            case OrderModified():
                self._modify(record)
            case ModifyRefused():
                self._count_request(record.at_ns)
                order = self.orders[record.order_id]
                order.message = record.message
                self._note(order, order.raw_status, record.at_ns)
            case CancelAsked():
                self.request_count += 1
                self.cancel_count += 1
                order = self.orders[record.order_id]
                order.cancel_due_ns = record.due_ns
                self.cancelling[record.order_id] = record.due_ns
                self._move(order, statuses.CANCEL_PENDING, record.at_ns)
            case RequestRefused():
                if record.request == "cancel" or record.status == 429:
                    self.request_count += 1
                else:
                    self._count_request(record.at_ns)
            case PositionCarried():
                key = PositionKey(record.exchange, record.symbol, record.product)
                self.holdings.setdefault(key, Holding()).add(record.units, record.price_paise)
                self.overnight.setdefault(key, Holding()).add(record.units, record.price_paise)
                self.cash_flow_paise += record.cash_paise
            case PositionSettled():
                self._settle(record)
            case SessionRolled():
                self._roll(record.day)

    def _accept(self, record: OrderAccepted) -> None:
        if record.placed_by == "api":
            self._count_request(record.at_ns)
        self.order_count += 1
        order = BookOrder(
            record.order_id,
            record.tag,
            PositionKey(record.exchange, record.symbol, record.product),
            record.side,
            record.order_type,
            record.units,
            record.limit_paise,
            record.trigger_paise,
            record.placed_by,
            record.at_ns,
        )
        self.orders[record.order_id] = order
        self.working.setdefault(record.symbol, {})[record.order_id] = order
        self._note(order, statuses.PUT, record.at_ns)

    def _modify(self, record: OrderModified) -> None:
        self._count_request(record.at_ns)
        order = self.orders[record.order_id]
        before = order.raw_status
        order.order_type = record.order_type
        order.units = record.units
        order.limit_paise = record.limit_paise
        order.trigger_paise = record.trigger_paise
        order.modifies += 1
        order.message = ""
        self._note(order, statuses.MODIFIED, record.at_ns)
        if before == statuses.TRIGGER_PENDING and record.order_type is OrderType.LIMIT:
            before = statuses.OPEN
        self._move(order, before, record.at_ns)

    def _trade(self, record: OrderTraded) -> None:
        order = self.orders[record.order_id]
        self.trade_count += 1
        order.filled_units += record.units
        order.filled_value += record.units * record.price_paise
        if record.quote_ns:
            taken = self.taken(order.key.symbol, order.side, record.quote_ns)
            self.consumed[order.key.symbol, order.side] = (record.quote_ns, taken + record.units)
        signed = order.side.sign * record.units
        self.holdings.setdefault(order.key, Holding()).add(signed, record.price_paise)
        self.cash_flow_paise -= signed * record.price_paise
        report = TradeReport(
            record.trade_id,
            record.order_id,
            order.key.symbol,
            order.key.exchange,
            order.key.product,
            order.side,
            record.units,
            record.price_paise,
            record.at_ns,
        )
        self.trades.append(Booked(report, order.key, record.booked_ns))
        if order.filled_units >= order.units:
            self._move(order, statuses.COMPLETE, record.at_ns)
        else:
            self._note(order, order.raw_status, record.at_ns)

    def _settle(self, record: PositionSettled) -> None:
        key = PositionKey(record.exchange, record.symbol, record.product)
        self.holdings.pop(key, None)
        self.overnight.pop(key, None)
        self.cash_flow_paise += record.units * record.price_paise

    def _roll(self, day: date) -> None:
        self.day = day
        self.orders.clear()
        self.working.clear()
        self.cancelling.clear()
        self.trades.clear()
        self.consumed.clear()
        self.requests_today = 0
        self.holdings = {key: held for key, held in self.holdings.items() if held.units}
        self.overnight = {key: Holding(held.units, held.value_paise) for key, held in self.holdings.items()}

    def _count_request(self, at_ns: int) -> None:
        self.request_count += 1
        self.requests_today += 1
        recent = self.requests_ns
        while recent and recent[0] <= at_ns - 60_000_000_000:
            recent.popleft()
        recent.append(at_ns)

    def _move(self, order: BookOrder, raw_status: str, at_ns: int) -> None:
        order.raw_status = raw_status
        if raw_status == statuses.OPEN and order.order_type is OrderType.SL:
            order.triggered = True
        if raw_status in statuses.TERMINAL_RAW:
            self.cancelling.pop(order.order_id, None)
            waiting = self.working.get(order.key.symbol)
            if waiting is not None:
                waiting.pop(order.order_id, None)
                if not waiting:
                    del self.working[order.key.symbol]
        self._note(order, raw_status, at_ns)

    def _note(self, order: BookOrder, raw_status: str, at_ns: int) -> None:
        order.at_ns = max(order.at_ns, at_ns)
        order.history.append(order.report(raw_status))

    def taken(self, symbol: str, side: Side, quote_ns: int) -> int:
        """The units that takers of this side have used up of one version of a quote."""
        version, units = self.consumed.get((symbol, side), (0, 0))
        return units if version == quote_ns else 0

    def order_rows(self, as_of_ns: int) -> tuple[OrderReport, ...]:
        """The order book as it stood at an instant, in the order of acceptance."""
        rows: list[OrderReport] = []
        for order in self.orders.values():
            if order.at_ns <= as_of_ns:
                rows.append(order.history[-1])
                continue
            for row in reversed(order.history):
                if row.at_ns <= as_of_ns:
                    rows.append(row)
                    break
        return tuple(rows)

    def trade_rows(self, as_of_ns: int) -> tuple[TradeReport, ...]:
        """The trade book as it stood at an instant, oldest first."""
        return tuple(booked.report for booked in self.trades if booked.report.at_ns <= as_of_ns)

    def position_rows(self, as_of_ns: int) -> tuple[PositionReport, ...]:
        """The position book at an instant: what was carried, and the trades booked by then."""
        held = {key: Holding(kept.units, kept.value_paise) for key, kept in self.overnight.items()}
        for booked in self.trades:
            if booked.booked_ns <= as_of_ns:
                report = booked.report
                held.setdefault(booked.key, Holding()).add(
                    report.side.sign * report.units, report.price_paise
                )
        carried = self.overnight
        return tuple(
            PositionReport(key, now.units, carried[key].units if key in carried else 0, now.average_paise)
            for key, now in held.items()
        )
