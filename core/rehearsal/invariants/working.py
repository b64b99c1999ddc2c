"""Which of our orders can still fill at the exchange, whatever anybody was told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.brokers.paper import statuses
from core.brokers.paper.records import (
    CancelAsked,
    ExchangeRecord,
    OrderAccepted,
    OrderModified,
    OrderTraded,
    SessionRolled,
    StatusChanged,
)
from core.domain.orders import OrderType


@dataclass(slots=True)
class WorkingOrder:
    """An order in the exchange's book. ``is_stop`` until the market or a change has released it."""

    order_id: str
    tag: str
    accepted_ns: int
    units: int
    is_stop: bool
    filled: int = 0
    cancel_asked: bool = False

    @property
    def open_units(self) -> int:
        """Units that it may still fill."""
        return max(0, self.units - self.filled)


class WorkingOrders:
    """The exchange's order book as far as it still works, taken down from its records."""

    def __init__(self) -> None:
        self._orders: dict[str, WorkingOrder] = {}

    def __iter__(self) -> Iterator[WorkingOrder]:
        return iter(self._orders.values())

    def take(self, record: ExchangeRecord) -> None:
        """The next record."""
        match record:
            case OrderAccepted():
                is_stop = record.order_type is OrderType.SL
                self._orders[record.order_id] = WorkingOrder(
                    record.order_id, record.tag, record.at_ns, record.units, is_stop
                )
            case SessionRolled():
                self._orders.clear()
            case OrderModified() | CancelAsked() | OrderTraded() | StatusChanged():
                order = self._orders.get(record.order_id)
                if order is not None:
                    self._change(order, record)
            case _:
                pass

    def _change(
        self, order: WorkingOrder, record: OrderModified | CancelAsked | OrderTraded | StatusChanged
    ) -> None:
        match record:
            case OrderModified():
                order.units = record.units
                order.is_stop &= record.order_type is OrderType.SL
            case CancelAsked():
                order.cancel_asked = True
            case OrderTraded():
                order.filled += record.units
                order.is_stop = False
            case StatusChanged(raw_status=statuses.OPEN):
                order.is_stop = False
            case StatusChanged() if record.raw_status in statuses.TERMINAL_RAW:
                del self._orders[order.order_id]
                return
            case _:
                pass
        if not order.open_units:
            del self._orders[order.order_id]
