"""The paper broker: the port of a real one, over the simulated exchange.

It belongs to the world, not to the core: when the core dies it goes on, requests that have left arrive, and
the next core connects to it. All waiting is on the injected clock, all latencies are drawn by counter, so a
run on a virtual clock is deterministic. Records are committed before any reply or frame leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import TypeVar

from core.brokers.paper.books import ExchangeBooks, ExchangeFileError, MemoryBooks
from core.brokers.paper.config import Latencies
from core.brokers.paper.draws import Draws, Purpose
from core.brokers.paper.exchange import SimExchange, Step
from core.brokers.paper.faults import BookKind, Faults, NoFaults, RequestFault, RequestKind
from core.brokers.paper.refusals import Refusal
from core.brokers.paper.stream import PaperStream
from core.brokers.port import (
    BasketLeg,
    BasketMargin,
    BookUnavailable,
    OrderChange,
    OrderRequest,
    Reply,
    StreamListener,
    StreamOrder,
)
from core.domain.capabilities import Capabilities
from core.domain.instruments import PositionKey
from core.domain.orders import Funds, OrderReport, Outcome, PositionReport, TradeReport
from core.domain.quotes import Quote
from core.domain.timing import Clock

Row = TypeVar("Row")
Handover = Callable[[int, RequestFault], Step]
_NO_FAULT = RequestFault()


class _Flight:
    """A request on its way: what the exchange answered, once it has."""

    __slots__ = ("late_ns", "reply")

    def __init__(self) -> None:
        self.reply: Reply | None = None
        self.late_ns = 0


class PaperBroker:
    """``OrderPort``, ``BookPort`` and ``StreamPort`` over a ``SimExchange``."""

    def __init__(
        self,
        exchange: SimExchange,
        clock: Clock,
        books: ExchangeBooks | None = None,
        *,
        latencies: Latencies | None = None,
        faults: Faults | None = None,
        capabilities: Capabilities | None = None,
    ) -> None:
        self.exchange = exchange
        self.books: ExchangeBooks = MemoryBooks() if books is None else books
        self._clock = clock
        self._latencies = Latencies() if latencies is None else latencies
        self._faults: Faults = NoFaults() if faults is None else faults
        self._capabilities = Capabilities() if capabilities is None else capabilities
        self._draws = Draws(exchange.config.seed)
        self.stream = PaperStream(clock, self._latencies, self._draws, self._faults)
        self._requests = exchange.ledger.request_count
        self._reads = 0
        self.broken: str = ""
        """Why the exchange can no longer write its books; it acknowledges nothing then."""
        self._wake_for_cancels()

    async def place(self, request: OrderRequest) -> Reply:
        """Send a new order; see ``OrderPort``."""
        return await self._send(
            "place", lambda now, fault: self.exchange.place(now, request, veto=fault.veto)
        )

    async def modify(self, order_id: str, change: OrderChange) -> Reply:
        """Change a working order; see ``OrderPort``."""
        return await self._send("modify", lambda now, _: self.exchange.modify(now, order_id, change))

    async def cancel(self, order_id: str) -> Reply:
        """Ask for a cancel; see ``OrderPort``."""
        return await self._send(
            "cancel",
            lambda now, fault: self.exchange.cancel(now, order_id, delay_ns=fault.cancel_delay_ns),
        )

    def turn_away(self, kind: RequestKind, refusal: Refusal, order_id: str = "") -> Reply:
        """Refuse a request that its form forbids: see ``SimExchange.turn_away``."""
        return self._published(self.exchange.turn_away(self._clock.now_ns(), kind, refusal, order_id))

    @property
    def capabilities(self) -> Capabilities:
        """Kite's, for index options."""
        return self._capabilities

    async def orders(self) -> tuple[OrderReport, ...]:
        """The day's order book."""
        return await self._read("orders", self.exchange.ledger.order_rows)

    async def trades(self) -> tuple[TradeReport, ...]:
        """The day's trade book."""
        return await self._read("trades", self.exchange.ledger.trade_rows)

    async def positions(self) -> tuple[PositionReport, ...]:
        """Net positions, as far as they are booked."""
        return await self._read("positions", self.exchange.ledger.position_rows)

    async def funds(self) -> Funds:
        """What the account may use."""
        (funds,) = await self._read("funds", lambda _: (self.exchange.margin.funds(),))
        return funds

    async def basket_margin(self, legs: tuple[BasketLeg, ...]) -> BasketMargin:
        """The margin of orders sent together, positions considered."""
        (margin,) = await self._read("basket", lambda _: (self.exchange.margin.basket(legs),))
        return margin

    def listen(self, listener: StreamListener) -> None:
        """Connect to the stream, in place of any earlier listener."""
        self.stream.connect(listener)

    def on_quotes(
        self,
        now_ns: int,
        quotes: Mapping[str, Quote],
        forwards: Mapping[tuple[str, date], float] | None = None,
    ) -> None:
        """Tell the exchange what changed in the market."""
        if self.broken:
            return
        self._publish(self.exchange.on_quotes(now_ns, quotes, forwards))

    def trade_by_hand(self, request: OrderRequest, placed_by: str = "trader") -> str | None:
        """Place an order as the trader would from another terminal: no tag of ours, no rate limit.

        Returns its id, or ``None`` where it is refused.
        """
        step = self.exchange.place(self._clock.now_ns(), request, placed_by=placed_by)
        self._publish(step)
        return step.order_id

    def withdraw_by_hand(self, order_id: str) -> None:
        """Take back what is left of an order that the trader placed by hand, at once."""
        now_ns = self._clock.now_ns()
        self._publish(self.exchange.cancel(now_ns, order_id, delay_ns=0))
        self._publish(self.exchange.advance(now_ns))

    def force_fill(self, order_id: str, units: int | None = None, price_paise: int | None = None) -> None:
        """Fill an order now, whatever its state: see ``SimExchange.force_fill``."""
        self._publish(self.exchange.force_fill(self._clock.now_ns(), order_id, units, price_paise))

    def carry(self, key: PositionKey, units: int, price_paise: int) -> None:
        """Begin with a position from an earlier day."""
        self._publish(self.exchange.carry(self._clock.now_ns(), key, units, price_paise))

    def end_session(self) -> None:
        """Lapse what is working."""
        self._publish(self.exchange.end_session(self._clock.now_ns()))

    def roll_session(self, day: date) -> None:
        """Begin a new day."""
        self._publish(self.exchange.roll_session(self._clock.now_ns(), day))

    async def _send(self, kind: RequestKind, handover: Handover) -> Reply:
        n = self._requests
        self._requests += 1
        sent_ns = self._clock.now_ns()
        fault = self._faults.on_request(kind, n, sent_ns) or _NO_FAULT
        arrives_ns = sent_ns + self._draws.within(Purpose.REQUEST_LATENCY, n, self._latencies.request)
        flight = _Flight()
        if fault.arrives:
            self._clock.call_at(
                arrives_ns + fault.late_ns, partial(self._arrive, kind, n, handover, fault, flight)
            )
        if fault.answer is not None:
            await self._clock.sleep_until(sent_ns + max(1, fault.answer_after_ns))
            return fault.answer
        if not fault.arrives:
            await self._clock.sleep_until(sent_ns + self._latencies.timeout_ns)
            return Reply(Outcome.UNKNOWN, message="the request timed out")
        told_ns = arrives_ns + fault.late_ns
        told_ns += self._draws.within(Purpose.REPLY_LATENCY, n, self._latencies.reply)
        await self._clock.sleep_until(told_ns)
        if flight.late_ns:
            await self._clock.sleep_until(told_ns + flight.late_ns)
        return flight.reply or Reply(Outcome.UNKNOWN, message="the exchange did not answer")

    def _arrive(
        self, kind: RequestKind, n: int, handover: Handover, fault: RequestFault, flight: _Flight
    ) -> None:
        now_ns = self._clock.now_ns()
        if self.broken:
            flight.reply = Reply(Outcome.UNKNOWN, message=self.broken)
            return
        reply = self._published(handover(now_ns, fault))
        changed = self._faults.on_reply(kind, n, reply, now_ns)
        if changed is not None:
            reply, flight.late_ns = changed.reply, changed.late_ns
        flight.reply = reply
        if kind == "cancel":
            self._wake_for_cancels()

    def _published(self, step: Step) -> Reply:
        """What the client hears of a step once it is in the books."""
        self._publish(step)
        return Reply(Outcome.UNKNOWN, message=self.broken) if self.broken else _reply(step)

    async def _read(self, kind: BookKind, rows_at: Callable[[int], tuple[Row, ...]]) -> tuple[Row, ...]:
        n = self._reads
        self._reads += 1
        now_ns = self._clock.now_ns()
        fault = self._faults.on_book(kind, n, now_ns)
        trip = self._latencies.request
        at_ns = now_ns + self._draws.within(Purpose.BOOK_LATENCY, 2 * n, trip)
        if fault is not None:
            at_ns += fault.late_ns
        await self._clock.sleep_until(at_ns)
        answer: tuple[Row, ...] = ()
        error = fault.error if fault is not None else None
        if error is None and self.broken:
            error = BookUnavailable(self.broken)
        if error is None:
            as_of_ns = self._clock.now_ns() - (fault.stale_ns if fault is not None else 0)
            answer = rows_at(as_of_ns)
            if fault is not None and fault.keep is not None:
                answer = answer[: fault.keep]
        back = self._draws.within(Purpose.BOOK_LATENCY, 2 * n + 1, self._latencies.reply)
        await self._clock.sleep_until(at_ns + back)
        if error is not None:
            raise error
        return answer

    def _publish(self, step: Step) -> None:
        """Commit what happened, then stream it."""
        if step.records:
            try:
                self.books.append(step.records)
            except ExchangeFileError as error:
                self.broken = str(error)
                return
        for report in step.frames:
            self.stream.publish(StreamOrder(report))

    def _wake_for_cancels(self) -> None:
        due_ns = self.exchange.next_due_ns()
        if due_ns is not None:
            self._clock.call_at(due_ns, self._advance)

    def _advance(self) -> None:
        if not self.broken:
            self._publish(self.exchange.advance(self._clock.now_ns()))
            self._wake_for_cancels()


def _reply(step: Step) -> Reply:
    """Every refusal of the exchange proves that nothing was created or changed."""
    if step.refusal is not None:
        return Reply(Outcome.REJECTED, message=step.refusal.message)
    return Reply(Outcome.CONFIRMED, order_id=step.order_id)
