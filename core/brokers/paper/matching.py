"""How an order meets a quote: only the displayed size of the touch fills, and it is used up by filling."""

from __future__ import annotations

from core.domain.instruments import Contract, Side
from core.domain.quotes import Quote


def is_usable(quote: Quote | None, now_ns: int, stale_after_ns: int) -> bool:
    """Whether a quote can fill anyone: it exists, is not crossed, and is young enough."""
    return quote is not None and not quote.is_crossed and now_ns - quote.at_ns <= stale_after_ns


def fillable_units(
    contract: Contract, side: Side, limit_paise: int, open_units: int, quote: Quote, taken_units: int
) -> int:
    """Whole lots that a limit order gets at the touch now, after ``taken_units`` of it were used up."""
    touch = quote.touch_paise(side)
    if touch is None or (limit_paise - touch) * side.sign < 0:
        return 0
    left = quote.touch_units(side) - taken_units
    if left <= 0:
        return 0
    return min(open_units, left) // contract.lot_units * contract.lot_units


def releases_stop(side: Side, trigger_paise: int, quote: Quote) -> bool:
    """Whether a quote triggers a stop: a trade at or beyond the trigger, or someone bidding through it.

    The near touch counts (the bid for a purchase), because a wide spread alone is no reason to trigger.
    """
    last = quote.last_paise
    if last is not None and (last - trigger_paise) * side.sign >= 0:
        return True
    near = quote.touch_paise(side.opposite)
    return near is not None and (near - trigger_paise) * side.sign >= 0
