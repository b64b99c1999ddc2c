"""Reading what a client asks for, and refusing it in Kite's words where the wire itself forbids it.

What the exchange refuses (lots, freeze, prices, money) is not judged here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from core.brokers.paper.refusals import Refusal
from core.brokers.port import BasketLeg, OrderChange, OrderRequest
from core.domain.instruments import Product, Side
from core.domain.orders import OrderType

NO_PROTECTION = Refusal(
    400,
    "InputException",
    "Market orders without market protection are not allowed via API. Please set market protection or use a "
    "Limit order.",
)
NO_STOP_MARKET = Refusal(400, "OrderException", "16052: Function not available")
"""SL-M is not taken for options (NSE, from 2021-09-27)."""
NO_PRICE_YET = Refusal(400, "OrderException", "There is no price to protect this market order from.")
AUTOMATIC_PCT = Decimal(3)
"""Kite does not publish its automatic protection (``-1``); about this was seen on small premiums."""
NO_VARIETY = Refusal(400, "InputException", "Invalid `variety`. This exchange takes regular orders only.")
NO_IOC = Refusal(400, "InputException", "Invalid `validity`. This exchange takes DAY orders only.")
LARGEST = Decimal(10**9)
NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
FLOAT_NOISE = Decimal("0.0001")
"""By so much of a paisa a price may be off: clients multiply ticks as floats and send 214.35000000000002."""


class Refused(Exception):
    """The request cannot be what Kite takes."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


Protected = Callable[[str, Side, Decimal], int | None]
"""The limit, in paise, that a symbol and side get at so many per cent of protection; ``None`` unpriced."""


def order_request(variety: str, form: Mapping[str, str], protected: Protected) -> OrderRequest:
    """A new order; a protected market order becomes a limit, as Kite makes it one. Raises ``Refused``."""
    _require_regular_day(variety, form)
    symbol, side = _required(form, "tradingsymbol"), _side(form)
    percent = protection_pct(form)
    order_type = OrderType.LIMIT if percent is not None else _order_type(form)
    return OrderRequest(
        tag=form.get("tag", ""),
        symbol=symbol,
        exchange=_required(form, "exchange"),
        product=_product(form),
        side=side,
        units=_units(form, "quantity"),
        order_type=order_type,
        limit_paise=_paise(form, "price") if percent is None else _limit(protected(symbol, side, percent)),
        trigger_paise=_paise(form, "trigger_price") if order_type is OrderType.SL else 0,
    )


def order_change(
    variety: str, form: Mapping[str, str], now: OrderChange, symbol: str, side: Side, protected: Protected
) -> OrderChange:
    """A modification: what the form leaves out stays as it is. Raises ``Refused``."""
    _require_regular_day(variety, form)
    units = _units(form, "quantity") if form.get("quantity") else now.units
    percent = protection_pct(form)
    if percent is not None:
        return OrderChange(OrderType.LIMIT, units, _limit(protected(symbol, side, percent)))
    return OrderChange(
        order_type=_order_type(form) if form.get("order_type") else now.order_type,
        units=units,
        limit_paise=_paise(form, "price") if form.get("price") else now.limit_paise,
        trigger_paise=_paise(form, "trigger_price") if form.get("trigger_price") else now.trigger_paise,
    )


def protection_pct(form: Mapping[str, str]) -> Decimal | None:
    """How far a market order is protected, in per cent; ``None`` for any other order. Raises ``Refused``."""
    if form.get("order_type") != "MARKET":
        return None
    try:
        percent = Decimal(form.get("market_protection") or "0")
    except InvalidOperation:
        raise Refused(_invalid("market_protection")) from None
    if percent == 0:
        raise Refused(NO_PROTECTION)
    if percent == -1:
        return AUTOMATIC_PCT
    if not percent.is_finite() or not 0 < percent <= 100:
        raise Refused(_invalid("market_protection"))
    return percent


def _limit(paise: int | None) -> int:
    if paise is None:
        raise Refused(NO_PRICE_YET)
    return paise


def basket_leg(row: Mapping[str, object]) -> BasketLeg:
    """One order of a margin question. Raises ``Refused``."""
    form = {key: str(value) for key, value in row.items() if value is not None}
    return BasketLeg(
        symbol=_required(form, "tradingsymbol"),
        exchange=_required(form, "exchange"),
        product=_product(form),
        side=_side(form),
        units=_units(form, "quantity"),
        price_paise=_paise(form, "price") if form.get("price") else 0,
    )


def require_regular(variety: str) -> None:
    """Raises ``Refused`` for after-market, cover and other varieties."""
    if variety != "regular":
        raise Refused(NO_VARIETY)


def _require_regular_day(variety: str, form: Mapping[str, str]) -> None:
    require_regular(variety)
    if (form.get("validity") or "DAY") != "DAY":
        raise Refused(NO_IOC)


def _order_type(form: Mapping[str, str]) -> OrderType:
    word = _required(form, "order_type")
    if word == "SL-M":
        unprotected = form.get("market_protection", "0") in ("", "0")
        raise Refused(NO_PROTECTION if unprotected else NO_STOP_MARKET)
    try:
        return OrderType(word)
    except ValueError:
        raise Refused(_invalid("order_type")) from None


def _product(form: Mapping[str, str]) -> Product:
    try:
        return Product(_required(form, "product"))
    except ValueError:
        raise Refused(_invalid("product")) from None


def _side(form: Mapping[str, str]) -> Side:
    try:
        return Side(_required(form, "transaction_type"))
    except ValueError:
        raise Refused(_invalid("transaction_type")) from None


def _required(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise Refused(Refusal(400, "InputException", f"Missing or empty field `{name}`"))
    return value


def _number(form: Mapping[str, str], name: str) -> Decimal:
    text = _required(form, name)
    number = Decimal(text) if NUMBER.fullmatch(text) else None
    if number is None or number > LARGEST:
        raise Refused(_invalid(name))
    return number


def _units(form: Mapping[str, str], name: str) -> int:
    number = _number(form, name)
    if number != int(number):
        raise Refused(_invalid(name))
    return int(number)


def _paise(form: Mapping[str, str], name: str) -> int:
    paise = _number(form, name) * 100
    nearest = round(paise)
    if abs(paise - nearest) > FLOAT_NOISE:
        raise Refused(_invalid(name))
    return nearest


def _invalid(name: str) -> Refusal:
    return Refusal(400, "InputException", f"Invalid `{name}`.")
