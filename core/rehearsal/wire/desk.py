"""The desk behind the counter: requests of the wire to the simulated broker, and its answers back.

Latencies and faults are the broker's own and have happened by the time it answers: an outcome that is
``UNKNOWN`` leaves here as a page of a gateway or as an answer cut off half-way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from core.brokers.paper import refusals
from core.brokers.paper.books import ExchangeBooks
from core.brokers.paper.records import ExchangeRecord, RequestRefused
from core.brokers.paper.refusals import Refusal
from core.brokers.port import BookUnavailable, OrderChange, Reply
from core.domain.instruments import Side
from core.domain.money import patient_to_tick
from core.domain.orders import AccessRefusal, OrderReport, Outcome
from core.domain.timing import Clock
from core.rehearsal.wire import forms, rows
from core.rehearsal.wire.access import BAD_TOKEN
from core.rehearsal.wire.forms import Refused
from core.rehearsal.wire.listing import Listing
from core.rehearsal.wire.rows import Row
from core.rehearsal.wire.tape import Tape
from core.rehearsal.world import World


class WitnessedBooks:
    """The exchange's books, with an eye on its refusals: the port's reply has only their words."""

    def __init__(self, books: ExchangeBooks) -> None:
        self._books = books
        self.refused: dict[str, Refusal] = {}
        """Every refusal so far by its words."""

    def append(self, records: Sequence[ExchangeRecord]) -> None:
        """See ``ExchangeBooks``."""
        self._books.append(records)
        for record in records:
            if isinstance(record, RequestRefused):
                self.refused[record.message] = Refusal(record.status, record.error_type, record.message)

    def records(self) -> Iterator[ExchangeRecord]:
        """See ``ExchangeBooks``."""
        return self._books.records()

    def close(self) -> None:
        """See ``ExchangeBooks``."""
        self._books.close()


@dataclass(frozen=True, slots=True)
class Unclear:
    """No answer of Kite: the connection is cut (``cut``), or a gateway's page comes instead."""

    cut: bool


def _unread(error: BookUnavailable) -> Refusal | Unclear:
    """A book that the broker could not give: a refused session, too many requests, or a gateway's page."""
    if error.needs_login:
        return BAD_TOKEN
    if "429" in str(error):
        return refusals.TOO_MANY_REQUESTS
    return Unclear(cut=False)


Answer = Row | list[Row] | Refusal | Unclear


class Desk:
    """Everything that a client of the wire can ask of the account."""

    def __init__(self, world: World, witnessed: WitnessedBooks, listing: Listing, clock: Clock) -> None:
        self._broker = world.broker
        self._exchange = world.exchange
        self._witnessed = witnessed
        self._clock = clock
        self.listing = listing
        self.tape = Tape(listing)
        self._protected: dict[str, tuple[str, ...]] = {}
        """The tags that Kite adds to market orders it has turned into limits, by order id."""

    async def place(self, variety: str, form: Mapping[str, str]) -> Answer:
        """A new order."""
        try:
            request = forms.order_request(variety, form, self._protection_limit)
            percent = forms.protection_pct(form)
        except Refused as refused:
            return self._answered(self._broker.turn_away("place", refused.refusal))
        reply = await self._broker.place(request)
        self._note_protection(reply.order_id, percent)
        return self._answered(reply)

    def _note_protection(self, order_id: str | None, percent: Decimal | None) -> None:
        if order_id is not None and percent is not None:
            self._protected[order_id] = ("mktp", f"mktp:{percent:.2f}")

    def _protection_limit(self, symbol: str, side: Side, percent: Decimal) -> int | None:
        """So far beyond the touch, or the last price, within the day's range."""
        quote, contract = self._exchange.quotes.get(symbol), self._exchange.contracts.get(symbol)
        if quote is None or contract is None:
            return None
        from_paise = quote.touch_paise(side) or quote.last_paise
        if not from_paise:
            return None
        wanted = float(from_paise * (1 + side.sign * percent / 100))
        limit = patient_to_tick(wanted, contract.tick_paise, side)
        limit = min(limit, quote.upper_paise or limit)
        return max(limit, quote.lower_paise or limit)

    async def modify(self, variety: str, order_id: str, form: Mapping[str, str]) -> Answer:
        """Change an order."""
        order = self._exchange.ledger.orders.get(order_id)
        if order is None:
            return self._answered(self._broker.turn_away("modify", refusals.NO_SUCH_ORDER, order_id))
        stands = OrderChange(order.order_type, order.units, order.limit_paise, order.trigger_paise)
        try:
            symbol, side = order.key.symbol, order.side
            change = forms.order_change(variety, form, stands, symbol, side, self._protection_limit)
            percent = forms.protection_pct(form)
        except Refused as refused:
            return self._answered(self._broker.turn_away("modify", refused.refusal, order_id))
        reply = await self._broker.modify(order_id, change)
        self._note_protection(reply.order_id, percent)
        return self._answered(reply)

    async def cancel(self, variety: str, order_id: str) -> Answer:
        """Cancel an order."""
        try:
            forms.require_regular(variety)
        except Refused as refused:
            return self._answered(self._broker.turn_away("cancel", refused.refusal, order_id))
        return self._answered(await self._broker.cancel(order_id))

    async def orders(self) -> Answer:
        """The day's book."""
        try:
            return [self.order(report) for report in await self._broker.orders()]
        except BookUnavailable as error:
            return _unread(error)

    async def history(self, order_id: str) -> Answer:
        """One order's states, oldest first."""
        states = self._exchange.history(order_id)
        return [self.order(report) for report in states] or refusals.NO_SUCH_ORDER

    async def trades(self, order_id: str = "") -> Answer:
        """The day's fills, or one order's."""
        try:
            trades = await self._broker.trades()
        except BookUnavailable as error:
            return _unread(error)
        tokens = self.listing.tokens
        return [rows.trade_row(t, tokens.get(t.symbol, 0)) for t in trades if order_id in ("", t.order_id)]

    async def positions(self) -> Answer:
        """Net positions; the day's are the same where nothing was carried."""
        try:
            held = await self._broker.positions()
        except BookUnavailable as error:
            return _unread(error)
        trades = self._exchange.ledger.trade_rows(self._clock.now_ns())
        net = []
        for position in held:
            symbol = position.key.symbol
            shown = self.tape.shown.get(symbol)
            last = shown.last_paise if shown else position.average_paise
            net.append(rows.position_row(position, trades, self.listing.tokens.get(symbol, 0), last))
        return {"net": net, "day": [row for row in net if not row["overnight_quantity"]]}

    async def margins(self, segment: str = "") -> Answer:
        """The account's funds."""
        try:
            funds = await self._broker.funds()
        except BookUnavailable as error:
            return _unread(error)
        both: dict[str, Any] = {
            "equity": rows.segment_margins(funds),
            "commodity": rows.segment_margins(rows.NO_FUNDS),
        }
        if not segment:
            return both
        chosen: Row | None = both.get(segment)
        return chosen or Refusal(400, "InputException", "Invalid `segment`.")

    async def order_margins(self, asked: Sequence[Mapping[str, object]], *, basket: bool) -> Answer:
        """What orders would block: each alone, or together."""
        try:
            legs = tuple(forms.basket_leg(row) for row in asked)
        except Refused as refused:
            return refused.refusal
        if any(leg.symbol not in self._exchange.contracts for leg in legs):
            return refusals.EXPIRED_OR_UNKNOWN
        try:
            together = await self._broker.basket_margin(legs)
        except BookUnavailable as error:
            return _unread(error)
        alone = []
        for leg in legs:
            needs = self._exchange.margin.basket((leg,)).initial_paise
            alone.append(rows.order_margin(needs, leg.symbol, leg.exchange))
        return rows.basket_margins(together, alone) if basket else alone

    def quotes(self, keys: Sequence[str], kind: str) -> Row:
        """Quotes by key; keys without data are absent."""
        found: Row = {}
        for key in keys:
            shown = self.tape.shown.get(self.listing.keys.get(key, ""))
            if shown is not None:
                found[key] = rows.QUOTES[kind](shown, self.listing.tokens[shown.quote.symbol])
        return found

    def stamp(self) -> str:
        """The market's time as Kite writes it."""
        return rows.stamp(self._clock.now_ns())

    def order(self, report: OrderReport) -> Row:
        """An order as JSON."""
        report = self._tagged(report)
        return rows.order_row(report, self.listing.tokens.get(report.symbol, 0), self._accepted_ns(report))

    def frame(self, report: OrderReport) -> Row:
        """An order as a frame of the stream."""
        report = self._tagged(report)
        return rows.order_frame(report, self.listing.tokens.get(report.symbol, 0), self._accepted_ns(report))

    def _tagged(self, report: OrderReport) -> OrderReport:
        added = self._protected.get(report.order_id)
        return replace(report, tags=report.tags + added) if added else report

    def _accepted_ns(self, report: OrderReport) -> int:
        order = self._exchange.ledger.orders.get(report.order_id)
        return order.accepted_ns if order else report.at_ns

    def _answered(self, reply: Reply) -> Answer:
        if reply.outcome is Outcome.CONFIRMED:
            return {"order_id": reply.order_id}
        if reply.outcome is Outcome.UNKNOWN:
            return Unclear(cut="timed out" in reply.message)
        known = self._witnessed.refused.get(reply.message)
        if known is not None:
            return known
        if reply.access_refused is AccessRefusal.LOGIN:
            return BAD_TOKEN
        if "too many" in reply.message.lower():
            return refusals.TOO_MANY_REQUESTS
        return Refusal(400, "OrderException", reply.message)
