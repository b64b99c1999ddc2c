"""How the simulated exchange behaves: every number with its unit and why it is so."""

from __future__ import annotations

from dataclasses import dataclass

from core.brokers.paper.draws import Span

_MS = 1_000_000
_REQUEST = Span(5 * _MS, 40 * _MS)
_REPLY = Span(5 * _MS, 40 * _MS)
_FRAME = Span(5 * _MS, 60 * _MS)
_POSITION_LAG = Span(300 * _MS, 2_000 * _MS)
_CANCEL_DELAY = Span(2 * _MS, 15 * _MS)


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long messages travel. Always above zero: a reply never arrives in the instant of its request."""

    request: Span = _REQUEST
    reply: Span = _REPLY
    frame: Span = _FRAME
    timeout_ns: int = 7_000 * _MS
    """When a client gives up on a reply: the official Kite clients' 7 s."""
    beat_every_ns: int = 1_000 * _MS

    def __post_init__(self) -> None:
        for name, span in (("request", self.request), ("reply", self.reply), ("frame", self.frame)):
            if span.low_ns <= 0:
                raise ValueError(f"the {name} latency must be above zero, not {span.low_ns} ns")


@dataclass(frozen=True, slots=True)
class ExchangeConfig:
    """The defaults are Kite's for index options in August 2026."""

    seed: int = 1
    funds_paise: int = 2_00_00_000_00
    cash_paise: int = 1_00_00_000_00
    """The part of the funds that may pay premium; the rest is pledged collateral."""
    position_lag: Span = _POSITION_LAG
    """How far the position book is behind a trade."""
    cancel_delay: Span = _CANCEL_DELAY
    """Between a cancel's acceptance and its effect; an order can still fill in it."""
    late_margin_share: float = 0.25
    """How many margin refusals come from the RMS afterwards, as a REJECTED order, not as a 400."""
    stale_after_ns: int = 180_000 * _MS
    """A displayed size older than this fills nobody."""
    protection_bps: int = 4_000
    """Limit price protection for premiums over ``protection_small_below_paise``: 40 %."""
    protection_small_paise: int = 20_00
    protection_small_below_paise: int = 50_00
    future_protection_bps: int = 200
    future_protection_floor_paise: int = 200_00
    modifies_max: int = 25
    tag_length_max: int = 20
    orders_per_second: int = 10
    orders_per_minute: int = 400
    orders_per_day: int = 5_000
    scan_bps: int = 930
    """NSE Clearing's least price scan range for an index: 9.3 % of the underlying."""
    exposure_bps: int = 200
    """Of the notional of each short option or future unit, hedged or not."""
