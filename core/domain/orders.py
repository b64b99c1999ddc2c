"""Child orders and what is known of them, and what a broker reports.

An order is identified by its tag, committed before it is sent and unique for ever. What the broker says of
it arrives by reply, stream, poll and trade book, repeated and out of order: a filled quantity is the largest
of them all, and a fill is keyed by the broker's trade id.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.domain.instruments import PositionKey, Product, Side


class OrderType(StrEnum):
    """The order types used: a limit, and a stop whose trigger releases a limit."""

    LIMIT = "LIMIT"
    SL = "SL"


class Purpose(StrEnum):
    """Why an order exists."""

    ENTRY = "ENTRY"
    UNWIND = "UNWIND"
    EXIT = "EXIT"
    HEDGE = "HEDGE"
    STOP = "STOP"


class Lane(StrEnum):
    """Which share of the order budget a send draws on."""

    EMERGENCY = "EMERGENCY"
    EXIT = "EXIT"
    ENTRY = "ENTRY"


LANES: dict[Purpose, Lane] = {
    Purpose.ENTRY: Lane.ENTRY,
    Purpose.UNWIND: Lane.EXIT,
    Purpose.EXIT: Lane.EXIT,
    Purpose.HEDGE: Lane.EMERGENCY,
    Purpose.STOP: Lane.EXIT,
}


class Outcome(StrEnum):
    """What became of a send.

    ``CONFIRMED``: the broker gave an id. ``REJECTED``: proved not to exist, by a reply that means "not
    created" or by the book. ``DENIED``: refused here, never sent. ``UNKNOWN``: time-out, reset, 5xx or
    unreadable reply; nothing may be concluded until the books have answered.
    """

    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    DENIED = "DENIED"
    UNKNOWN = "UNKNOWN"


class AccessRefusal(StrEnum):
    """What keeps every order of ours out, whatever it is: the session, or where its requests come from."""

    LOGIN = "login"
    ADDRESS = "address"


class OrderStatus(StrEnum):
    """The state of an order at the broker, as far as we know."""

    INTENDED = "INTENDED"
    """Committed here; nothing heard yet."""
    PENDING = "PENDING"
    """The broker has it; the exchange may not."""
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER_PENDING"
    CANCEL_PENDING = "CANCEL_PENDING"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


TERMINAL = frozenset({OrderStatus.COMPLETE, OrderStatus.CANCELLED, OrderStatus.REJECTED})
"""The broker says the order is over. It can still take a late fill."""


class Source(StrEnum):
    """How a piece of news about an order reached us."""

    REPLY = "reply"
    STREAM = "stream"
    POLL = "poll"
    TRADES = "trades"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of one order. Keyed by ``trade_id``; ``units`` are positive whatever the side."""

    trade_id: str
    order_id: str
    symbol: str
    side: Side
    units: int
    price_paise: int
    traded_at_ns: int


@dataclass(frozen=True, slots=True)
class ChildOrder:
    """One order of ours: what was asked for, and the best knowledge of what became of it.

    ``filled_units`` is the largest cumulative quantity that any source has reported. ``leg`` is an index into
    the group's legs. ``asked_at_ns`` times are exchange time.
    """

    tag: str
    group_id: str
    leg: int
    child: int
    attempt: int
    purpose: Purpose
    symbol: str
    exchange: str
    product: Product
    side: Side
    units: int
    lot_units: int
    order_type: OrderType
    limit_paise: int
    trigger_paise: int
    intended_at_ns: int
    outcome: Outcome | None = None
    order_id: str | None = None
    status: OrderStatus = OrderStatus.INTENDED
    filled_units: int = 0
    trades: tuple[Fill, ...] = ()
    message: str = ""
    heard_at_ns: int = 0
    """When anything was last heard or done about it; the start for deciding that it is absent."""
    lookups: int = 0
    """How often the books have answered without it since ``heard_at_ns``."""
    modifies: int = 0
    repriced_at_ns: int = 0
    settled_ns: int = 0
    """From when on quantity, trigger and kind stand as they do: what was told before says nothing of them."""
    modify_pending: bool = False
    asked_limit_paise: int = 0
    """The limit of the modification on its way; 0 where there is none."""
    asked_units: int = 0
    """The quantity of the modification on its way; until it is answered, the larger one counts."""
    unsettled_units: int = 0
    """The largest quantity of a modification that nobody has answered for; 0 where none is open."""
    asked_to_limit: bool = False
    asked_trigger_paise: int = 0
    """The trigger of the modification on its way; 0 where there is none."""
    modify_refusals: int = 0
    """Modifications in a row that the broker refused, or accepted and did not carry out."""
    cancel_asked_at_ns: int = 0
    cancel_asks: int = 0
    cancel_pending: bool = False
    """A cancel was asked for and the broker has not called the order terminal."""
    cancel_since_ns: int = 0
    """When the cancel was first asked for; 0 where none is pending."""

    @property
    def lane(self) -> Lane:
        """The share of the budget this order draws on."""
        return LANES[self.purpose]

    @property
    def position_key(self) -> PositionKey:
        """The broker's position that its fills change."""
        return PositionKey(self.exchange, self.symbol, self.product)

    @property
    def is_terminal(self) -> bool:
        """Whether no more of it is expected to fill: called terminal, proved absent, or never sent."""
        return self.status in TERMINAL or self.outcome in (Outcome.REJECTED, Outcome.DENIED)

    @property
    def is_unknown(self) -> bool:
        """Whether it may or may not exist at the broker: a send in flight, or one that went unanswered."""
        return not self.is_terminal and self.order_id is None

    @property
    def working_units(self) -> int:
        """Units that may still fill: everything unfilled of an order that is not over, known or not."""
        return 0 if self.is_terminal else max(0, self.most_units - self.filled_units)

    @property
    def most_units(self) -> int:
        """The whole quantity at its largest, whatever became of the changes that were asked for."""
        return max(self.units, self.asked_units, self.unsettled_units)

    @property
    def is_resting_stop(self) -> bool:
        """Whether it is a stop that waits for its trigger, and nobody has asked for it to go to market."""
        return (
            self.purpose is Purpose.STOP
            and self.order_type is OrderType.SL
            and not self.is_terminal
            and not self.asked_to_limit
            and not self.cancel_pending
            and not self.filled_units
            and self.status is not OrderStatus.OPEN
        )

    @property
    def traded_units(self) -> int:
        """Units for which the broker's trades are known, each by its id."""
        return sum(trade.units for trade in self.trades)

    @property
    def average_paise(self) -> float | None:
        """The average price of the trades known so far."""
        units = self.traded_units
        if units == 0:
            return None
        return sum(trade.units * trade.price_paise for trade in self.trades) / units


@dataclass(frozen=True, slots=True)
class OrderReport:
    """One order as a broker describes it: a row of the order book, or a stream frame.

    ``tags`` may hold more than ours. ``raw_status`` keeps the broker's own word; ``status`` is ``None`` for a
    word we do not know, which is never terminal.
    """

    order_id: str
    tags: tuple[str, ...]
    symbol: str
    exchange: str
    product: Product
    side: Side
    order_type: OrderType
    units: int
    filled_units: int
    limit_paise: int
    trigger_paise: int
    status: OrderStatus | None
    raw_status: str
    message: str = ""
    average_paise: int = 0
    at_ns: int = 0


@dataclass(frozen=True, slots=True)
class TradeReport:
    """One row of the trade book. It carries no tag: it is joined to its order by ``order_id``."""

    trade_id: str
    order_id: str
    symbol: str
    exchange: str
    product: Product
    side: Side
    units: int
    price_paise: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class PositionReport:
    """One net position of the account, signed; ``overnight_units`` were carried into the day."""

    key: PositionKey
    units: int
    overnight_units: int = 0
    average_paise: int = 0


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """The broker's order book, trade book and positions, read whole; half a snapshot is none.

    The order book was read first and the trade book after it, so a fill in the order book is in the trades.
    Positions lag both. ``asked_at_ns`` is when the first request went out.
    """

    orders: tuple[OrderReport, ...]
    trades: tuple[TradeReport, ...]
    positions: tuple[PositionReport, ...]
    asked_at_ns: int
    read_at_ns: int


@dataclass(frozen=True, slots=True)
class Funds:
    """What the account may use, in paise.

    ``available_paise`` is free for new orders; ``cash_paise`` is the part of it that may pay premium;
    ``total_paise`` is available and blocked together.
    """

    available_paise: int
    cash_paise: int
    used_paise: int

    @property
    def total_paise(self) -> int:
        """Everything the account can put up."""
        return self.available_paise + self.used_paise
