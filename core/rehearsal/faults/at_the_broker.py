"""Faults of requests, replies, frames and books: the answers to the paper broker's questions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from core.brokers.paper import statuses
from core.brokers.paper.faults import (
    IN_ORDER,
    BookFault,
    BookKind,
    ReplyFault,
    RequestFault,
    RequestKind,
)
from core.brokers.paper.ledger import NEVER_NS
from core.brokers.port import BookUnavailable, Reply, StreamFrame, StreamOrder
from core.domain.orders import AccessRefusal, Outcome
from core.domain.timing import NS_PER_MS, NS_PER_S, Clock
from core.rehearsal.faults.engine import FaultEngine
from core.rehearsal.faults.kinds import FaultKind

if TYPE_CHECKING:
    from core.brokers.paper.broker import PaperBroker

_K = FaultKind
_TIMEOUT_NS = 7 * NS_PER_S
_GATEWAY = Reply(Outcome.REJECTED, message="Adding orders is not allowed at the moment.")
_TOO_MANY = Reply(Outcome.REJECTED, message="Too many requests")
_TOKEN = Reply(
    Outcome.REJECTED,
    message="Incorrect `api_key` or `access_token`.",
    access_refused=AccessRefusal.LOGIN,
)
_RMS = "RMS:Blocked for the client by the risk desk"
_TIMED_OUT = Reply(Outcome.UNKNOWN, message="the request timed out")


class BrokerFaults:
    """``Faults`` of the paper broker, drawn by a ``FaultEngine``.

    ``quiet_until_ns`` and ``refused_until_ns`` are set by whoever plays the faults that last.
    """

    def __init__(self, engine: FaultEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._broker: PaperBroker | None = None
        self._position_reads = 0
        self._truncated_read = -1
        self.quiet_until_ns = 0
        self.refused_until_ns = 0
        self.spoiled: Callable[[str], None] = lambda order_id: None
        """Told the id of an order that filled although it was over, or was taken late."""

    def attach(self, broker: PaperBroker) -> None:
        """The broker whose orders are filled behind our back."""
        self._broker = broker

    def on_request(self, kind: RequestKind, n: int, now_ns: int) -> RequestFault | None:
        """See ``Faults``."""
        engine = self._engine
        if not engine.kinds:
            return None
        if now_ns < self.refused_until_ns:
            engine.count(_K.TOKEN_EXPIRED)
            return RequestFault(answer=_TOKEN, answer_after_ns=40 * NS_PER_MS, arrives=False)
        if engine.strikes(_K.RATE_LIMITED, n, now_ns):
            engine.count(_K.RATE_LIMITED)
            return RequestFault(answer=_TOO_MANY, answer_after_ns=30 * NS_PER_MS, arrives=False)
        for failure, words in ((_K.SERVER_ERROR, "502 Bad Gateway"), (_K.HTML, "not JSON: <!DOCTYPE html>")):
            if engine.strikes(failure, n, now_ns):
                engine.count(failure)
                return RequestFault(
                    answer=Reply(Outcome.UNKNOWN, message=words),
                    answer_after_ns=engine.between(failure, n, 20 * NS_PER_MS, 900 * NS_PER_MS),
                    arrives=engine.share(failure, n, 2) < 0.5,
                )
        if engine.strikes(_K.TIMEOUT_PLACED, n, now_ns):
            engine.count(_K.TIMEOUT_PLACED)
            after_ns = engine.between(_K.TIMEOUT_PLACED, n, NS_PER_S, _TIMEOUT_NS)
            return RequestFault(answer=_TIMED_OUT, answer_after_ns=after_ns)
        if kind == "place":
            return self._on_place(n, now_ns)
        if kind == "cancel" and engine.strikes(_K.CANCEL_UNCONFIRMED, n, now_ns):
            engine.count(_K.CANCEL_UNCONFIRMED)
            return RequestFault(cancel_delay_ns=NEVER_NS)
        return None

    def _on_place(self, n: int, now_ns: int) -> RequestFault | None:
        engine = self._engine
        if engine.strikes(_K.PLACED_LATE, n, now_ns):
            engine.count(_K.PLACED_LATE)
            # One in eight is later than any patience: it has been proved absent by then.
            longest_ns = (25 if engine.share(_K.PLACED_LATE, n, 2) < 0.125 else 6) * NS_PER_S
            return RequestFault(
                answer=_TIMED_OUT,
                answer_after_ns=engine.between(_K.PLACED_LATE, n, NS_PER_S // 2, 3 * NS_PER_S, 3),
                late_ns=engine.between(_K.PLACED_LATE, n, NS_PER_S, longest_ns),
            )
        if engine.strikes(_K.REJECT, n, now_ns):
            engine.count(_K.REJECT)
            if engine.share(_K.REJECT, n, 1) < 0.5:
                return RequestFault(veto=_RMS)
            return RequestFault(answer=_GATEWAY, answer_after_ns=35 * NS_PER_MS, arrives=False)
        return None

    def on_reply(self, kind: RequestKind, n: int, reply: Reply, now_ns: int) -> ReplyFault | None:
        """See ``Faults``."""
        engine = self._engine
        if not engine.kinds or self._broker is None or reply.order_id is None:
            return None
        if kind == "cancel":
            self._around_cancel(n, reply.order_id, now_ns)
        elif kind == "place" and engine.strikes(_K.FILL_BEFORE_ACK, n, now_ns):
            order = self._broker.exchange.ledger.orders.get(reply.order_id)
            if order is not None and order.filled_units:
                engine.count(_K.FILL_BEFORE_ACK)
            late_ns = engine.between(_K.FILL_BEFORE_ACK, n, 200 * NS_PER_MS, 2 * NS_PER_S)
            return ReplyFault(reply, late_ns)
        return None

    def _around_cancel(self, n: int, order_id: str, now_ns: int) -> None:
        engine = self._engine
        if engine.strikes(_K.FILL_DURING_CANCEL, n, now_ns):
            self._clock.call_at(now_ns + NS_PER_MS, partial(self._fill, _K.FILL_DURING_CANCEL, n, order_id))
        rule = engine.strikes(_K.FILL_AFTER_CANCEL, n, now_ns)
        if rule is not None:
            late_ns = engine.between(_K.FILL_AFTER_CANCEL, n, 50 * NS_PER_MS, 4 * NS_PER_S)
            at_ns = min(now_ns + late_ns, max(rule.until_ns, now_ns + 50 * NS_PER_MS))
            self._clock.call_at(at_ns, partial(self._fill, _K.FILL_AFTER_CANCEL, n, order_id))

    def _fill(self, kind: FaultKind, n: int, order_id: str) -> None:
        """Fill part or all of what is left of an order that is being cancelled, or was."""
        if self._broker is None:
            return
        order = self._broker.exchange.ledger.orders.get(order_id)
        if order is None or not order.open_units:
            return
        cancelled = order.raw_status == statuses.CANCELLED
        if cancelled is not (kind is _K.FILL_AFTER_CANCEL):
            return
        lot = self._broker.exchange.contracts[order.key.symbol].lot_units
        lots = order.open_units // lot
        whole = self._engine.share(kind, n, 3) < 0.5
        units = order.open_units if whole else max(1, lots // 2) * lot
        if cancelled:
            self.spoiled(order_id)
        self._engine.count(kind)
        self._broker.force_fill(order_id, units)

    def on_frame(self, n: int, frame: StreamFrame, now_ns: int) -> tuple[int, ...]:
        """See ``Faults``."""
        engine = self._engine
        if not engine.kinds:
            return IN_ORDER
        if now_ns < self.quiet_until_ns:
            engine.count(_K.SILENT_STREAM)
            return ()
        if not isinstance(frame, StreamOrder):
            return IN_ORDER
        if engine.strikes(_K.FRAME_LOST, n, now_ns):
            engine.count(_K.FRAME_LOST)
            return ()
        if engine.strikes(_K.FRAME_REORDERED, n, now_ns):
            engine.count(_K.FRAME_REORDERED)
            return (engine.between(_K.FRAME_REORDERED, n, 30 * NS_PER_MS, 400 * NS_PER_MS),)
        if engine.strikes(_K.FRAME_LATE, n, now_ns):
            engine.count(_K.FRAME_LATE)
            return (engine.between(_K.FRAME_LATE, n, NS_PER_S, 8 * NS_PER_S),)
        if engine.strikes(_K.FRAME_REPEATED, n, now_ns):
            engine.count(_K.FRAME_REPEATED)
            return (0, engine.between(_K.FRAME_REPEATED, n, NS_PER_MS, 3 * NS_PER_S))
        return IN_ORDER

    def on_book(self, kind: BookKind, n: int, now_ns: int) -> BookFault | None:
        """See ``Faults``."""
        engine = self._engine
        if not engine.kinds:
            return None
        if now_ns < self.refused_until_ns:
            engine.count(_K.TOKEN_EXPIRED)
            return BookFault(error=BookUnavailable(_TOKEN.message, needs_login=True))
        for failure, words in (
            (_K.SERVER_ERROR, "503 Service Unavailable"),
            (_K.HTML, "not JSON: <!DOCTYPE html>"),
            (_K.RATE_LIMITED, "429 Too many requests"),
        ):
            if engine.strikes(failure, 1_000_000 + n, now_ns):
                engine.count(failure)
                return BookFault(error=BookUnavailable(words))
        if kind == "orders":
            return self._stale(_K.STALE_ORDERS, n, now_ns)
        if kind == "positions":
            self._position_reads += 1
            return self._stale(_K.STALE_POSITIONS, n, now_ns) or self._truncated(n, now_ns)
        return None

    def _stale(self, kind: FaultKind, n: int, now_ns: int) -> BookFault | None:
        engine = self._engine
        if not engine.strikes(kind, n, now_ns) or self._broker is None:
            return None
        stale_ns = engine.between(kind, n, NS_PER_S // 2, 4 * NS_PER_S)
        if self._broker.exchange.ledger.at_ns >= now_ns - stale_ns:
            engine.count(kind)
        return BookFault(stale_ns=stale_ns)

    def _truncated(self, n: int, now_ns: int) -> BookFault | None:
        """Never two reads in a row the same: half a book is an accident, not a state of the broker."""
        engine = self._engine
        if not engine.strikes(_K.TRUNCATED_POSITIONS, n, now_ns) or self._broker is None:
            return None
        if self._truncated_read == self._position_reads - 1:
            return None
        rows = len(self._broker.exchange.ledger.holdings)
        if not rows:
            return None
        self._truncated_read = self._position_reads
        engine.count(_K.TRUNCATED_POSITIONS)
        return BookFault(keep=int(engine.share(_K.TRUNCATED_POSITIONS, n, 1) * rows))
