"""What the simulated exchange writes down: refolding these records gives its books again, exactly.

Every record carries the market time at which it happened. Records are the exchange's own diary and are never
read by the core.
"""

from __future__ import annotations

from datetime import date

import msgspec

from core.domain.instruments import Product, Side
from core.domain.orders import OrderType


class _Record(msgspec.Struct, frozen=True, tag_field="kind"):
    at_ns: int


class OrderAccepted(_Record, frozen=True, tag="order_accepted"):
    """A request became an order with an id; ``placed_by`` is ``api`` or whoever else trades the account."""

    order_id: str
    tag: str
    symbol: str
    exchange: str
    product: Product
    side: Side
    units: int
    order_type: OrderType
    limit_paise: int
    trigger_paise: int
    placed_by: str


class RequestRefused(_Record, frozen=True, tag="request_refused"):
    """A request that changed nothing; it counts in the rate limits all the same."""

    request: str
    order_id: str
    tag: str
    status: int
    error_type: str
    message: str


class StatusChanged(_Record, frozen=True, tag="status_changed"):
    """An order moved to another of Kite's states."""

    order_id: str
    raw_status: str
    message: str


class OrderTraded(_Record, frozen=True, tag="order_traded"):
    """A trade. ``quote_ns`` names the version of the quote whose displayed size it used up; 0 for none.

    ``booked_ns`` is when the position book shows it.
    """

    order_id: str
    trade_id: str
    units: int
    price_paise: int
    quote_ns: int
    booked_ns: int


class OrderModified(_Record, frozen=True, tag="order_modified"):
    """An order was changed to these values."""

    order_id: str
    order_type: OrderType
    units: int
    limit_paise: int
    trigger_paise: int


class ModifyRefused(_Record, frozen=True, tag="modify_refused"):
    """A modification that was accepted as a request and then refused: the order stands as it was."""

    order_id: str
    message: str


class CancelAsked(_Record, frozen=True, tag="cancel_asked"):
    """A cancel was accepted as a request; it takes effect at ``due_ns``, unless the order is filled first."""

    order_id: str
    due_ns: int


class PositionCarried(_Record, frozen=True, tag="position_carried"):
    """Units that the account held before the first session, signed.

    ``cash_paise`` is what carrying them did to the money: the cost of futures, 0 for options.
    """

    symbol: str
    exchange: str
    product: Product
    units: int
    price_paise: int
    cash_paise: int


class PositionSettled(_Record, frozen=True, tag="position_settled"):
    """An expired position was settled in cash at this price."""

    symbol: str
    exchange: str
    product: Product
    units: int
    price_paise: int


class SessionRolled(_Record, frozen=True, tag="session_rolled"):
    """A new day: the order and trade books start empty, and what is held is carried overnight."""

    day: date


ExchangeRecord = (
    OrderAccepted
    | RequestRefused
    | StatusChanged
    | OrderTraded
    | OrderModified
    | ModifyRefused
    | CancelAsked
    | PositionCarried
    | PositionSettled
    | SessionRolled
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[ExchangeRecord] = msgspec.json.Decoder(ExchangeRecord)


def encode(record: ExchangeRecord) -> bytes:
    """A record as one JSON object, its type in ``kind``."""
    return _encoder.encode(record)


def decode(body: bytes) -> ExchangeRecord:
    """The record of a row; raises ``msgspec.DecodeError`` for anything else."""
    return _decoder.decode(body)
