"""Kite's orders and books: ``OrderPort`` and ``BookPort`` over REST.

Only ``regular`` LIMIT and SL orders of a day are ever sent. Market orders would become limits at a price we
do not choose and may rest there; SL-M is refused for options (NSE, 2021-09-27).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar
from urllib.parse import quote

import msgspec

from core.brokers.kite.errors import Fault
from core.brokers.kite.models import (
    BasketMargins,
    Margins,
    OrderRow,
    Placement,
    Positions,
    Profile,
    Slice,
    TradeRow,
)
from core.brokers.kite.rupees import rupees_text
from core.brokers.kite.translate import (
    basket_margin_of,
    funds_of,
    order_report,
    position_report,
    trade_report,
)
from core.brokers.kite.transport import KiteTransport
from core.brokers.port import (
    BasketLeg,
    BasketMargin,
    BookUnavailable,
    OrderChange,
    OrderRequest,
    Reply,
)
from core.domain.capabilities import Capabilities
from core.domain.orders import Funds, OrderReport, OrderType, Outcome, PositionReport, TradeReport

REGULAR = "regular"
TAG = re.compile(r"[A-Za-z0-9]{1,20}")
KITE = Capabilities(name="kite")
"""Kite has no look-up by tag, no true market orders and no SL-M for options; the limits are its own."""

_Row = TypeVar("_Row")
_Report = TypeVar("_Report")


class KiteRest:
    """The account's orders and books. One instance for one session."""

    def __init__(self, transport: KiteTransport) -> None:
        self._transport = transport
        self._modifies: Counter[str] = Counter()
        self._other_varieties: dict[str, str] = {}

    @property
    def capabilities(self) -> Capabilities:
        """What Kite can do."""
        return KITE

    @property
    def needs_login(self) -> bool:
        """Whether Kite has refused the session itself."""
        return self._transport.needs_login

    async def place(self, request: OrderRequest) -> Reply:
        """Send a new order, once; what cannot be a valid order is ``DENIED`` and stays here."""
        objection = _objection(request.units, request.order_type, request.limit_paise, request.trigger_paise)
        if not TAG.fullmatch(request.tag):
            objection = f"the tag {request.tag!r} is not 1 to 20 letters and digits"
        if objection:
            return Reply(Outcome.DENIED, message=f"Not sent: {objection}.")
        form = [
            ("exchange", request.exchange),
            ("tradingsymbol", request.symbol),
            ("transaction_type", request.side.value),
            ("product", request.product.value),
            ("tag", request.tag),
            *_terms(request.order_type, request.units, request.limit_paise, request.trigger_paise),
        ]
        return _placed(await self._transport.change("POST", f"/orders/{REGULAR}", form=form))

    async def modify(self, order_id: str, change: OrderChange) -> Reply:
        """Change a working order, at most 25 times; ``CONFIRMED`` means that the request was accepted."""
        objection = _objection(change.units, change.order_type, change.limit_paise, change.trigger_paise)
        if self._modifies[order_id] >= KITE.modifies_max:
            objection = f"order {order_id} has had its {KITE.modifies_max} modifications; cancel it instead"
        if objection:
            return Reply(Outcome.DENIED, order_id, f"Not sent: {objection}.")
        self._modifies[order_id] += 1
        form = _terms(change.order_type, change.units, change.limit_paise, change.trigger_paise)
        answer = await self._transport.change("PUT", self._path_of(order_id), form=form)
        return replace(_placed(answer), order_id=order_id)

    async def cancel(self, order_id: str) -> Reply:
        """Ask for an order to be cancelled; ``CONFIRMED`` means that the request was accepted."""
        return replace(
            _placed(await self._transport.change("DELETE", self._path_of(order_id))), order_id=order_id
        )

    async def orders(self) -> tuple[OrderReport, ...]:
        """The day's order book."""
        rows = await self._read("/orders", tuple[OrderRow, ...])
        for row in rows:
            if isinstance(row.variety, str) and row.variety not in ("", REGULAR):
                self._other_varieties[str(row.order_id)] = row.variety
        return _translated("/orders", rows, order_report)

    async def order_history(self, order_id: str) -> tuple[OrderReport, ...]:
        """The states one order went through, oldest first."""
        path = f"/orders/{quote(order_id, safe='')}"
        return _translated(path, await self._read(path, tuple[OrderRow, ...]), order_report)

    async def trades(self) -> tuple[TradeReport, ...]:
        """The day's trade book."""
        return _translated("/trades", await self._read("/trades", tuple[TradeRow, ...]), trade_report)

    async def order_trades(self, order_id: str) -> tuple[TradeReport, ...]:
        """The fills of one order."""
        path = f"/orders/{quote(order_id, safe='')}/trades"
        return _translated(path, await self._read(path, tuple[TradeRow, ...]), trade_report)

    async def positions(self) -> tuple[PositionReport, ...]:
        """Net positions of carry-forward and intraday products."""
        path = "/portfolio/positions"
        return _translated(path, (await self._read(path, Positions)).net, position_report)

    async def funds(self) -> Funds:
        """The funds of the equity segment, which derivatives share."""
        return _translated("/user/margins", (await self._read("/user/margins", Margins),), funds_of)[0]

    async def basket_margin(self, legs: tuple[BasketLeg, ...]) -> BasketMargin:
        """The margin of orders sent together, positions considered."""
        path = "/margins/basket"
        orders = [
            {
                "exchange": leg.exchange,
                "tradingsymbol": leg.symbol,
                "transaction_type": leg.side.value,
                "variety": REGULAR,
                "product": leg.product.value,
                "order_type": OrderType.LIMIT.value,
                "quantity": leg.units,
                "price": Decimal(rupees_text(leg.price_paise)),
                "trigger_price": 0,
            }
            for leg in legs
        ]
        raw = await self._transport.ask(path, orders, params=[("consider_positions", "true")])
        return _translated(path, (self._transport.decode(path, raw, BasketMargins),), basket_margin_of)[0]

    async def profile(self) -> Profile:
        """Whose account it is; the cheapest proof that the session lives."""
        return await self._read("/user/profile", Profile)

    async def instruments(self, exchange: str = "") -> bytes:
        """The instrument dump as CSV, of one exchange or of all; made once a day about 08:30."""
        return await self._transport.read_file(f"/instruments/{exchange}" if exchange else "/instruments")

    def _path_of(self, order_id: str) -> str:
        return f"/orders/{self._other_varieties.get(order_id, REGULAR)}/{quote(order_id, safe='')}"

    async def _read(self, path: str, model: type[_Row]) -> _Row:
        return self._transport.decode(path, await self._transport.read(path), model)


def _translated(
    path: str, rows: tuple[_Row, ...], translate: Callable[[_Row], _Report | None]
) -> tuple[_Report, ...]:
    try:
        return tuple(report for row in rows if (report := translate(row)) is not None)
    except ValueError as error:
        raise BookUnavailable(f"{path}: a row cannot be read ({error}), so the whole is not used.") from None


def _objection(units: int, order_type: OrderType, limit_paise: int, trigger_paise: int) -> str:
    if units <= 0:
        return f"the quantity is {units}"
    if limit_paise <= 0:
        return "it has no limit price, and market orders are never sent"
    if order_type is OrderType.SL and trigger_paise <= 0:
        return "a stop needs a trigger price"
    return ""


def _terms(order_type: OrderType, units: int, limit_paise: int, trigger_paise: int) -> list[tuple[str, str]]:
    terms = [
        ("order_type", order_type.value),
        ("quantity", str(units)),
        ("price", rupees_text(limit_paise)),
        ("validity", "DAY"),
    ]
    if order_type is OrderType.SL:
        terms.append(("trigger_price", rupees_text(trigger_paise)))
    return terms


def _placed(answer: msgspec.Raw | Fault) -> Reply:
    """The outcome of an answer to place, modify or cancel; both shapes of an autoslice reply are read."""
    if isinstance(answer, Fault):
        return Reply(answer.outcome, message=answer.message, access_refused=answer.access_refused)
    try:
        data = msgspec.json.decode(answer, type=Placement | tuple[Slice, ...])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Reply(Outcome.UNKNOWN, message="Kite accepted the request and did not say as which order")
    slices = (data.children or ()) if isinstance(data, Placement) else data
    failed = [s.error for s in slices if s.error is not None]
    why = f"{len(failed)} of {len(slices)} slices were refused: {failed[0].message}" if failed else ""
    if isinstance(data, Placement):
        return _identified(str(data.order_id), why)
    created = [str(s.order_id) for s in slices if s.order_id is not None]
    if created:
        return _identified(created[0], why)
    if slices and len(failed) == len(slices):
        return Reply(Outcome.REJECTED, message=why)
    return Reply(Outcome.UNKNOWN, message="Kite's answer names no order")


def _identified(order_id: str, message: str) -> Reply:
    if not order_id:
        return Reply(Outcome.UNKNOWN, message="Kite accepted the request and did not say as which order")
    return Reply(Outcome.CONFIRMED, order_id, message)
