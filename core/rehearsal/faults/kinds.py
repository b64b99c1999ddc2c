"""Every kind of fault, and what a rate of it counts."""

from __future__ import annotations

from enum import StrEnum


class FaultKind(StrEnum):
    """What can go wrong between the core, its disk, the broker, and other people."""

    REJECT = "reject"
    TIMEOUT_PLACED = "timeout-but-placed"
    PLACED_LATE = "placed-late"
    RATE_LIMITED = "rate-limited"
    SERVER_ERROR = "server-error"
    HTML = "html-instead-of-json"
    TOKEN_EXPIRED = "token-expired"
    FRAME_LOST = "frame-lost"
    FRAME_REPEATED = "frame-repeated"
    FRAME_REORDERED = "frame-reordered"
    FRAME_LATE = "frame-late"
    SILENT_STREAM = "silent-stream"
    FILL_BEFORE_ACK = "fill-before-acknowledgement"
    FILL_DURING_CANCEL = "fill-during-cancel"
    FILL_AFTER_CANCEL = "fill-after-cancelled"
    CANCEL_UNCONFIRMED = "cancel-unconfirmed"
    STALE_ORDERS = "stale-orders"
    STALE_POSITIONS = "stale-positions"
    TRUNCATED_POSITIONS = "truncated-positions"
    PARTIAL_FILLS = "partial-fills"
    PRICE_GAP = "price-gap"
    CIRCUIT_LOCK = "circuit-lock"
    SHOCK = "iv-and-spread-shock"
    FOREIGN_ORDER = "foreign-order"
    MANUAL_CLOSE = "manual-close"
    CLOCK_JUMP = "clock-jump"
    SLOW_JOURNAL = "slow-journal"
    FAILING_JOURNAL = "failing-journal"
    DISK_FULL = "disk-full"
    CRASH = "crash"


_K = FaultKind

MEANING: dict[FaultKind, str] = {
    _K.REJECT: "an order is refused, at the gateway or afterwards by the risk desk",
    _K.TIMEOUT_PLACED: "a request times out although the broker took it",
    _K.PLACED_LATE: "a request times out and is taken seconds later",
    _K.RATE_LIMITED: "429: the request is turned away",
    _K.SERVER_ERROR: "5xx: nobody knows what became of the request",
    _K.HTML: "a web page where JSON should be: nobody knows what became of the request",
    _K.TOKEN_EXPIRED: "the session is refused for a while",
    _K.FRAME_LOST: "an order frame of the stream is lost",
    _K.FRAME_REPEATED: "an order frame arrives twice",
    _K.FRAME_REORDERED: "an order frame is overtaken by later ones",
    _K.FRAME_LATE: "an order frame arrives seconds late",
    _K.SILENT_STREAM: "the stream says nothing for a while, not even that it is gone",
    _K.FILL_BEFORE_ACK: "the fill is told before the order is acknowledged",
    _K.FILL_DURING_CANCEL: "an order fills while its cancel is on its way",
    _K.FILL_AFTER_CANCEL: "an order fills after the broker called it cancelled",
    _K.CANCEL_UNCONFIRMED: "a cancel is accepted and never takes effect",
    _K.STALE_ORDERS: "the order book is seconds old",
    _K.STALE_POSITIONS: "the position book is seconds old",
    _K.TRUNCATED_POSITIONS: "the position book lacks rows",
    _K.PARTIAL_FILLS: "hardly anything is on show, so orders fill in crumbs",
    _K.PRICE_GAP: "the underlying jumps",
    _K.CIRCUIT_LOCK: "a contract locks at its price range",
    _K.SHOCK: "volatility or spreads jump",
    _K.FOREIGN_ORDER: "the trader trades beside us",
    _K.MANUAL_CLOSE: "the trader closes units of ours by hand",
    _K.CLOCK_JUMP: "the machine sleeps and wakes seconds later",
    _K.SLOW_JOURNAL: "a commit takes long",
    _K.FAILING_JOURNAL: "a commit fails",
    _K.DISK_FULL: "no commit succeeds for a while",
    _K.CRASH: "the process dies",
}

OF_THE_MARKET = frozenset({_K.PARTIAL_FILLS, _K.PRICE_GAP, _K.CIRCUIT_LOCK, _K.SHOCK})
"""Scripted into the market with ``[[market]]``: they have times, not rates."""

PER_SECOND = frozenset(
    {
        _K.TOKEN_EXPIRED,
        _K.SILENT_STREAM,
        _K.FOREIGN_ORDER,
        _K.MANUAL_CLOSE,
        _K.CLOCK_JUMP,
        _K.DISK_FULL,
        _K.CRASH,
    }
)
"""Drawn once a second; all others once for each request, frame, read or commit that they could meet."""

LASTING = frozenset({_K.TOKEN_EXPIRED, _K.SILENT_STREAM, _K.CLOCK_JUMP, _K.DISK_FULL})
"""What lasts a while each time: a scenario may say how long."""
