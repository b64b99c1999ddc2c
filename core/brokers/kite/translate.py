"""Kite's rows in the core's words.

Rows of products that the core does not know (delivery, cover orders, margin funding) are left out: they are
other positions than any of ours. Every other row is translated or the whole book is refused.
"""

from __future__ import annotations

from core.brokers.kite.models import (
    BasketMargins,
    DepthLevel,
    Margins,
    OrderRow,
    PositionRow,
    QuoteRow,
    TradeRow,
)
from core.brokers.kite.rupees import paise, paise_needed, units
from core.brokers.kite.stamps import stamp_ns
from core.brokers.port import BasketMargin
from core.domain.instruments import PositionKey, Product, Side
from core.domain.orders import Funds, OrderReport, OrderStatus, OrderType, PositionReport, TradeReport
from core.domain.quotes import Quote

PRODUCTS: dict[str, Product] = {"NRML": Product.NRML, "MIS": Product.MIS}

ORDER_TYPES: dict[str, OrderType] = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.LIMIT,
    "SL": OrderType.SL,
    "SL-M": OrderType.SL,
}
"""Orders of others may be market orders; their price is 0."""

STATUSES: dict[str, OrderStatus] = {
    "COMPLETE": OrderStatus.COMPLETE,
    "CANCELLED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "OPEN": OrderStatus.OPEN,
    "TRIGGER PENDING": OrderStatus.TRIGGER_PENDING,
    "CANCEL PENDING": OrderStatus.CANCEL_PENDING,
    "PUT ORDER REQ RECEIVED": OrderStatus.PENDING,
    "VALIDATION PENDING": OrderStatus.PENDING,
    "OPEN PENDING": OrderStatus.PENDING,
    "AMO REQ RECEIVED": OrderStatus.PENDING,
}
"""Kite's order statuses. A word that is in neither table is not terminal: its status is ``None``."""

CHANGING = frozenset({"UPDATE", "MODIFIED", "MODIFY VALIDATION PENDING", "MODIFY PENDING"})
"""Working and being changed. A resting stop among them must not look as if it had been triggered."""


class UnknownWord(ValueError):
    """A side or an order type that is in no document."""


def status_of(word: str, order_type: OrderType, filled_units: int) -> OrderStatus | None:
    """The state that a status means, ``None`` for a word we do not know."""
    word = word.strip().upper()
    if word in CHANGING:
        resting = order_type is OrderType.SL and filled_units == 0
        return OrderStatus.TRIGGER_PENDING if resting else OrderStatus.OPEN
    return STATUSES.get(word)


def side_of(word: str) -> Side:
    """Raises ``UnknownWord``."""
    try:
        return Side(word)
    except ValueError:
        raise UnknownWord(f"a side that is neither BUY nor SELL: {word[:20]!r}") from None


def order_type_of(word: str) -> OrderType:
    """Raises ``UnknownWord``."""
    try:
        return ORDER_TYPES[word]
    except KeyError:
        raise UnknownWord(f"an order type that no document lists: {word[:20]!r}") from None


def tags_of(row: OrderRow) -> tuple[str, ...]:
    """Every tag of an order, from ``tag`` and ``tags``, each once: either may hold ours."""
    listed = row.tags if isinstance(row.tags, list) else []
    return tuple(dict.fromkeys(tag for tag in [row.tag, *listed] if isinstance(tag, str) and tag))


def order_report(row: OrderRow) -> OrderReport | None:
    """An order, or ``None`` for a product that cannot be ours. Raises ``ValueError``."""
    product = PRODUCTS.get(row.product)
    if product is None:
        return None
    order_type = order_type_of(row.order_type)
    filled = units(row.filled_quantity, "a filled quantity")
    messages = (m for m in (row.status_message, row.status_message_raw) if isinstance(m, str) and m)
    return OrderReport(
        order_id=str(row.order_id),
        tags=tags_of(row),
        symbol=row.tradingsymbol,
        exchange=row.exchange,
        product=product,
        side=side_of(row.transaction_type),
        order_type=order_type,
        units=units(row.quantity, "a quantity"),
        filled_units=filled,
        limit_paise=paise(row.price),
        trigger_paise=paise(row.trigger_price),
        status=status_of(row.status, order_type, filled),
        raw_status=row.status,
        message=next(messages, ""),
        average_paise=paise(row.average_price),
        at_ns=stamp_ns(row.exchange_update_timestamp, row.exchange_timestamp, row.order_timestamp),
    )


def trade_report(row: TradeRow) -> TradeReport | None:
    """A fill, or ``None`` for a product that cannot be ours. Raises ``ValueError``."""
    product = PRODUCTS.get(row.product)
    if product is None:
        return None
    return TradeReport(
        trade_id=str(row.trade_id),
        order_id=str(row.order_id),
        symbol=row.tradingsymbol,
        exchange=row.exchange,
        product=product,
        side=side_of(row.transaction_type),
        units=units(row.quantity, "a traded quantity"),
        price_paise=paise(row.average_price),
        at_ns=stamp_ns(row.fill_timestamp, row.exchange_timestamp),
    )


def position_report(row: PositionRow) -> PositionReport | None:
    """A net position, or ``None`` for a product that cannot be ours. Raises ``ValueError``."""
    product = PRODUCTS.get(row.product)
    if product is None:
        return None
    return PositionReport(
        key=PositionKey(row.exchange, row.tradingsymbol, product),
        units=units(row.quantity, "a position"),
        overnight_units=units(row.overnight_quantity, "an overnight position"),
        average_paise=paise(row.average_price),
    )


def funds_of(margins: Margins) -> Funds:
    """The funds for shares and their derivatives. Raises ``ValueError``.

    Cash is what is left when everything blocked is charged to cash first and the pledge last: Kite does not
    say which of the two a block uses, and a premium can only be paid in cash.
    """
    equity = margins.equity
    net = paise(equity.net, "the free margin")
    collateral = paise(equity.available.collateral, "the collateral")
    return Funds(
        available_paise=net,
        cash_paise=max(0, net - max(0, collateral)),
        used_paise=paise(equity.utilised.debits, "the margin in use"),
    )


def basket_margin_of(basket: BasketMargins) -> BasketMargin:
    """A basket's margin, rounded up to the paisa. Raises ``ValueError``."""
    return BasketMargin(paise_needed(basket.initial.total), paise_needed(basket.final.total))


def _level(levels: tuple[DepthLevel, ...]) -> tuple[int | None, int]:
    if not levels:
        return None, 0
    price, size = paise(levels[0].price), units(levels[0].quantity)
    return (price, size) if price > 0 and size > 0 else (None, 0)


def quote_of(symbol: str, row: QuoteRow, at_ns: int) -> Quote:
    """A quote as of its arrival; an empty side is ``None``. Raises ``ValueError``."""
    buys = row.depth.buy if row.depth else ()
    sells = row.depth.sell if row.depth else ()
    bid, bid_units = _level(buys)
    ask, ask_units = _level(sells)
    return Quote(
        symbol,
        at_ns,
        bid,
        bid_units,
        ask,
        ask_units,
        paise(row.last_price) or None,
        paise(row.lower_circuit_limit) or None,
        paise(row.upper_circuit_limit) or None,
    )
