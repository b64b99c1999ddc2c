"""The broker port: what the core asks of any broker.

``OrderPort`` is handed to the coordinator alone. An adapter classifies every reply into one of the four
outcomes and never raises for what a network can do; reads raise ``BookUnavailable`` rather than return half
an answer, because half a book is not an empty book.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core.domain.capabilities import Capabilities
from core.domain.instruments import Product, Side
from core.domain.orders import (
    AccessRefusal,
    ChildOrder,
    Funds,
    OrderReport,
    OrderType,
    Outcome,
    PositionReport,
    TradeReport,
)


class BookUnavailable(Exception):
    """A book could not be read, or not whole. ``needs_login`` when the session itself was refused."""

    def __init__(self, message: str, *, needs_login: bool = False) -> None:
        super().__init__(message)
        self.needs_login = needs_login


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A new order. Quantities are units; prices are paise; ``tag`` is ours, at most 20 of ``[A-Za-z0-9]``."""

    tag: str
    symbol: str
    exchange: str
    product: Product
    side: Side
    units: int
    order_type: OrderType
    limit_paise: int
    trigger_paise: int = 0


def request_of(order: ChildOrder) -> OrderRequest:
    """What is asked of the broker for an order that was intended."""
    return OrderRequest(
        order.tag,
        order.symbol,
        order.exchange,
        order.product,
        order.side,
        order.units,
        order.order_type,
        order.limit_paise,
        order.trigger_paise,
    )


@dataclass(frozen=True, slots=True)
class OrderChange:
    """A modification: the whole new state of what may change."""

    order_type: OrderType
    units: int
    limit_paise: int
    trigger_paise: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """The classified answer to a request that changes something."""

    outcome: Outcome
    order_id: str | None = None
    message: str = ""
    access_refused: AccessRefusal | None = None
    """The broker refuses our login or our address, not this order."""


@dataclass(frozen=True, slots=True)
class BasketLeg:
    """One order of a basket whose margin is asked for."""

    symbol: str
    exchange: str
    product: Product
    side: Side
    units: int
    price_paise: int


@dataclass(frozen=True, slots=True)
class BasketMargin:
    """``initial_paise`` is needed to send the orders as given, ``final_paise`` is blocked afterwards."""

    initial_paise: int
    final_paise: int


class OrderPort(Protocol):
    """The only way to change anything at the broker."""

    async def place(self, request: OrderRequest) -> Reply:
        """Send a new order."""
        ...

    async def modify(self, order_id: str, change: OrderChange) -> Reply:
        """Change a working order. ``CONFIRMED`` means the request was accepted, not that it took effect."""
        ...

    async def cancel(self, order_id: str) -> Reply:
        """Ask for an order to be cancelled. ``CONFIRMED`` means the request was accepted."""
        ...


class BookPort(Protocol):
    """What the broker says is so. Every method raises ``BookUnavailable`` when it cannot say it whole."""

    @property
    def capabilities(self) -> Capabilities:
        """What this broker can do."""
        ...

    async def orders(self) -> tuple[OrderReport, ...]:
        """The day's order book."""
        ...

    async def trades(self) -> tuple[TradeReport, ...]:
        """The day's trade book."""
        ...

    async def positions(self) -> tuple[PositionReport, ...]:
        """Net positions; they lag the two other books."""
        ...

    async def funds(self) -> Funds:
        """What the account may use."""
        ...

    async def basket_margin(self, legs: tuple[BasketLeg, ...]) -> BasketMargin:
        """The margin of orders sent together, positions considered."""
        ...


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """An order frame of the stream."""

    report: OrderReport


@dataclass(frozen=True, slots=True)
class StreamUp:
    """The stream is connected (again): everything has to be read afresh."""


@dataclass(frozen=True, slots=True)
class StreamDown:
    """The stream is lost."""

    reason: str


@dataclass(frozen=True, slots=True)
class StreamBeat:
    """The stream said something, if only that it lives."""


StreamFrame = StreamOrder | StreamUp | StreamDown | StreamBeat
StreamListener = Callable[[StreamFrame], None]


class StreamPort(Protocol):
    """Order news as it happens: hints to act on at once and to check, never a complete story."""

    def listen(self, listener: StreamListener) -> None:
        """Call ``listener`` on the event loop's thread for every frame, in the order of arrival."""
        ...
