"""What Kite's replies look like, field for field.

What the core acts on is typed, and a reply that has it otherwise is refused. What it only carries is
``Carried``: a surprise there is no reason to lose sight of a book. Unknown fields are skipped. Money is in
rupees as ``Decimal``, quantities are ``Decimal`` because clients of the same API disagree on int or float.
Field lists: kite.trade/docs/connect/v3 and the published example replies.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

Carried: TypeAlias = Any
"""Read and passed on, never acted upon."""

Money: TypeAlias = Decimal
Quantity: TypeAlias = Decimal
OrderId: TypeAlias = str | int
"""Always a string of digits in the documents; a bare number is taken digit by digit, never as a float."""


class Reply(msgspec.Struct, frozen=True):
    """Rows of Kite are tolerant of what they do not know."""


class Envelope(Reply, frozen=True):
    """The frame of every JSON reply; ``data`` stays raw until its own model reads it."""

    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    message: str | None = None
    error_type: str | None = None


class Failure(Reply, frozen=True):
    """Why one slice of an autosliced order was not created."""

    code: Carried = None
    error_type: Carried = None
    message: Carried = None
    data: Carried = None


class Slice(Reply, frozen=True):
    """One child of an autosliced order: an id, or an error."""

    order_id: OrderId | None = None
    error: Failure | None = None


class Placement(Reply, frozen=True):
    """The answer to place, modify and cancel; ``children`` in the newer shape of autoslice replies."""

    order_id: OrderId
    children: tuple[Slice, ...] | None = None


class OrderRow(Reply, frozen=True, kw_only=True):
    """An order: of the book, of its own history, or of a stream frame (which adds the postback's fields).

    ``filled_quantity`` is the only quantity that can be relied on besides ``quantity``: cancelled orders have
    been seen with a pending quantity.
    """

    order_id: OrderId
    status: str
    exchange: str
    tradingsymbol: str
    transaction_type: str
    order_type: str
    product: str
    quantity: Quantity
    filled_quantity: Quantity
    price: Money | None = None
    trigger_price: Money | None = None
    average_price: Money | None = None
    tag: Carried = None
    tags: Carried = None
    variety: Carried = None
    status_message: Carried = None
    status_message_raw: Carried = None
    order_timestamp: Carried = None
    exchange_update_timestamp: Carried = None
    exchange_timestamp: Carried = None
    parent_order_id: Carried = None
    exchange_order_id: Carried = None
    placed_by: Carried = None
    account_id: Carried = None
    terminal_id: Carried = None
    modified: Carried = None
    instrument_token: Carried = None
    validity: Carried = None
    validity_ttl: Carried = None
    disclosed_quantity: Carried = None
    pending_quantity: Carried = None
    cancelled_quantity: Carried = None
    auction_number: Carried = None
    market_protection: Carried = None
    meta: Carried = None
    guid: Carried = None
    user_id: Carried = None
    unfilled_quantity: Carried = None
    app_id: Carried = None
    checksum: Carried = None


class TradeRow(Reply, frozen=True, kw_only=True):
    """A fill. It has no tag: it is joined to its order by ``order_id``. ``average_price`` is its price."""

    trade_id: OrderId
    order_id: OrderId
    exchange: str
    tradingsymbol: str
    transaction_type: str
    product: str
    quantity: Quantity
    average_price: Money
    fill_timestamp: Carried = None
    exchange_timestamp: Carried = None
    order_timestamp: Carried = None
    """Only ``hh:mm:ss``."""
    instrument_token: Carried = None
    exchange_order_id: Carried = None


class PositionRow(Reply, frozen=True, kw_only=True):
    """One position of an exchange, symbol and product; ``quantity`` is signed."""

    exchange: str
    tradingsymbol: str
    product: str
    quantity: Quantity
    overnight_quantity: Quantity
    average_price: Money | None = None
    instrument_token: Carried = None
    multiplier: Carried = None
    close_price: Carried = None
    last_price: Carried = None
    value: Carried = None
    pnl: Carried = None
    m2m: Carried = None
    unrealised: Carried = None
    realised: Carried = None
    buy_quantity: Carried = None
    buy_price: Carried = None
    buy_value: Carried = None
    buy_m2m: Carried = None
    sell_quantity: Carried = None
    sell_price: Carried = None
    sell_value: Carried = None
    sell_m2m: Carried = None
    day_buy_quantity: Carried = None
    day_buy_price: Carried = None
    day_buy_value: Carried = None
    day_sell_quantity: Carried = None
    day_sell_price: Carried = None
    day_sell_value: Carried = None


class Positions(Reply, frozen=True):
    """Net positions, and the same of the day alone."""

    net: tuple[PositionRow, ...]
    day: Carried = None


class Available(Reply, frozen=True):
    """What may be used. ``collateral`` is pledged and cannot pay a premium."""

    cash: Money | None = None
    collateral: Money | None = None
    live_balance: Money | None = None
    adhoc_margin: Carried = None
    opening_balance: Carried = None
    intraday_payin: Carried = None


class Utilised(Reply, frozen=True):
    """What is blocked; ``debits`` is the sum."""

    debits: Money
    span: Carried = None
    exposure: Carried = None
    option_premium: Carried = None
    m2m_realised: Carried = None
    m2m_unrealised: Carried = None
    payout: Carried = None
    holding_sales: Carried = None
    turnover: Carried = None
    liquid_collateral: Carried = None
    stock_collateral: Carried = None
    delivery: Carried = None


class SegmentMargins(Reply, frozen=True):
    """The funds of one segment; shares and their derivatives are both ``equity``."""

    net: Money
    available: Available
    utilised: Utilised
    enabled: bool = True


class Margins(Reply, frozen=True):
    """The funds of the account."""

    equity: SegmentMargins
    commodity: Carried = None


class OrderMargin(Reply, frozen=True, kw_only=True):
    """What one order, or a whole basket, blocks."""

    total: Money
    span: Money | None = None
    exposure: Money | None = None
    option_premium: Money | None = None
    type: Carried = None
    tradingsymbol: Carried = None
    exchange: Carried = None
    additional: Carried = None
    bo: Carried = None
    cash: Carried = None
    var: Carried = None
    pnl: Carried = None
    leverage: Carried = None
    charges: Carried = None


class BasketMargins(Reply, frozen=True):
    """``initial`` is needed to send the orders as given, ``final`` is blocked afterwards."""

    initial: OrderMargin
    final: OrderMargin
    orders: Carried = None
    charges: Carried = None


class DepthLevel(Reply, frozen=True):
    """One price of the book."""

    price: Money
    quantity: Quantity
    orders: Carried = None


class Depth(Reply, frozen=True):
    """Five bids and five offers, best first; prices of 0 are empty places."""

    buy: tuple[DepthLevel, ...] = ()
    sell: tuple[DepthLevel, ...] = ()


class QuoteRow(Reply, frozen=True, kw_only=True):
    """A full quote, an OHLC quote or a last price: the shorter ones only have fewer fields."""

    last_price: Money
    instrument_token: Carried = None
    depth: Depth | None = None
    lower_circuit_limit: Money | None = None
    upper_circuit_limit: Money | None = None
    timestamp: Carried = None
    last_trade_time: Carried = None
    last_quantity: Carried = None
    buy_quantity: Carried = None
    sell_quantity: Carried = None
    volume: Carried = None
    average_price: Carried = None
    oi: Carried = None
    oi_day_high: Carried = None
    oi_day_low: Carried = None
    net_change: Carried = None
    ohlc: Carried = None


class Profile(Reply, frozen=True, kw_only=True):
    """Whose account it is."""

    user_id: str
    user_name: Carried = None
    user_shortname: Carried = None
    user_type: Carried = None
    email: Carried = None
    broker: Carried = None
    exchanges: Carried = None
    products: Carried = None
    order_types: Carried = None
    avatar_url: Carried = None
    meta: Carried = None


class SessionGrant(Reply, frozen=True, kw_only=True):
    """The answer to the exchange of a request token. Every token in it is a secret."""

    user_id: str
    access_token: str
    login_time: Carried = None
    api_key: Carried = None
    public_token: Carried = None
    refresh_token: Carried = None
    enctoken: Carried = None
    silo: Carried = None
    user_name: Carried = None
    user_shortname: Carried = None
    user_type: Carried = None
    email: Carried = None
    broker: Carried = None
    exchanges: Carried = None
    products: Carried = None
    order_types: Carried = None
    avatar_url: Carried = None
    meta: Carried = None

    def __repr__(self) -> str:
        return f"SessionGrant(user_id={self.user_id!r})"


class TextFrame(Reply, frozen=True):
    """A text frame of the stream: ``order``, ``error`` or ``message``."""

    type: str
    data: msgspec.Raw = msgspec.Raw(b"null")
