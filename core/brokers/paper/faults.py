"""Where a simulated broker can go wrong: asked at every point, and nothing goes wrong by default.

The matching knows nothing of faults. A fault engine answers these questions from its own seeded draws; what
it answers is all that it can do, so each fault can be counted where it fires.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from core.brokers.port import BookUnavailable, Reply, StreamFrame

RequestKind = Literal["place", "modify", "cancel"]
BookKind = Literal["orders", "trades", "positions", "funds", "basket"]


@dataclass(frozen=True, slots=True)
class RequestFault:
    """What goes wrong with a request before the exchange sees it.

    ``answer`` is told to the caller ``answer_after_ns`` after the send, whatever the exchange does: a refusal
    by a gateway, a 429, a time-out. ``arrives`` is whether the request reaches the exchange at all, and
    ``late_ns`` how much later than its drawn latency: with a time-out as answer, an order that is placed
    although nobody was told, or long after. ``veto`` has the order rejected afterwards with these words.
    ``cancel_delay_ns`` replaces the exchange's delay before a cancel takes effect.
    """

    answer: Reply | None = None
    answer_after_ns: int = 0
    arrives: bool = True
    late_ns: int = 0
    veto: str = ""
    cancel_delay_ns: int | None = None


@dataclass(frozen=True, slots=True)
class ReplyFault:
    """What goes wrong with a reply: it is replaced (lost, unreadable), or only ``late_ns`` late."""

    reply: Reply
    late_ns: int = 0


@dataclass(frozen=True, slots=True)
class BookFault:
    """What goes wrong with a read: an error, a book from ``stale_ns`` ago, or only its first ``keep`` rows.

    ``late_ns`` is on top of the drawn latency.
    """

    error: BookUnavailable | None = None
    stale_ns: int = 0
    keep: int | None = None
    late_ns: int = 0


IN_ORDER: tuple[int, ...] = (0,)
"""A frame delivered once, in its turn."""


class Faults(Protocol):
    """The questions. ``n`` counts the requests, reads or frames of this broker from 0."""

    def on_request(self, kind: RequestKind, n: int, now_ns: int) -> RequestFault | None:
        """Asked when a request is sent."""
        ...

    def on_reply(self, kind: RequestKind, n: int, reply: Reply, now_ns: int) -> ReplyFault | None:
        """Asked when the exchange has answered."""
        ...

    def on_frame(self, n: int, frame: StreamFrame, now_ns: int) -> tuple[int, ...]:
        """How often and when a frame is delivered: one entry a delivery, none where it is lost.

        0 is in its turn after the drawn latency; more is so many nanoseconds beyond it, out of turn.
        """
        ...

    def on_book(self, kind: BookKind, n: int, now_ns: int) -> BookFault | None:
        """Asked when a book is read."""
        ...


class NoFaults:
    """Everything works."""

    def on_request(self, kind: RequestKind, n: int, now_ns: int) -> RequestFault | None:
        """Nothing goes wrong."""
        return None

    def on_reply(self, kind: RequestKind, n: int, reply: Reply, now_ns: int) -> ReplyFault | None:
        """Nothing goes wrong."""
        return None

    def on_frame(self, n: int, frame: StreamFrame, now_ns: int) -> tuple[int, ...]:
        """Once, in its turn."""
        return IN_ORDER

    def on_book(self, kind: BookKind, n: int, now_ns: int) -> BookFault | None:
        """Nothing goes wrong."""
        return None
