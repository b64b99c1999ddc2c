"""What an order is priced at: marketable, inside what the exchange accepts, and no worse than was agreed."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.instruments import Contract, Side
from core.domain.money import ceil_to_tick, floor_to_tick, marketable_to_tick, patient_to_tick
from core.domain.quotes import MarketView, Quote
from core.domain.settings import ExecutionSettings

_NEARER = 0.15
"""The share of the protection range that a blind price gives up with every refusal."""
_NEAREST = 0.25


@dataclass(frozen=True, slots=True)
class Price:
    """A limit, and how it was found: ``marketable``, ``capped`` by the slippage agreed, or ``blind``."""

    paise: int
    how: str


def protection_range(settings: ExecutionSettings, reference_paise: float, tick_paise: int) -> tuple[int, int]:
    """The prices NSE's limit price protection accepts around a reference, in paise, both inclusive.

    Options: +-40 % of a premium above Rs 50, +-Rs 20 of a smaller one.
    """
    if reference_paise > settings.protection_small_below_paise:
        width = reference_paise * settings.protection_bps / 10_000
    else:
        width = float(settings.protection_small_paise)
    low = ceil_to_tick(max(reference_paise - width, tick_paise), tick_paise)
    return low, floor_to_tick(reference_paise + width, tick_paise)


def entry_price(
    contract: Contract,
    side: Side,
    quote: Quote,
    arrival_paise: int,
    max_slippage_bps: int,
) -> Price | None:
    """The touch, unless that is worse than the slippage agreed; ``None`` where the side is not quoted.

    A tenth of the price agreed, or ten ticks, is the least room that cheap wings are given.
    """
    touch = quote.touch_paise(side)
    if touch is None:
        return None
    arrival = arrival_paise or touch
    room = max(arrival * max_slippage_bps / 10_000, 10 * contract.tick_paise)
    cap = patient_to_tick(arrival + side.sign * room, contract.tick_paise, side)
    if side.sign * (touch - cap) > 0:
        return Price(cap, "capped")
    return Price(marketable_to_tick(touch, contract.tick_paise, side), "marketable")


def closing_price(
    settings: ExecutionSettings,
    contract: Contract,
    side: Side,
    view: MarketView,
    now_ns: int,
    refused: int = 0,
) -> Price | None:
    """Through the touch by a buffer, inside the protection range; blind, from that range, on stale quotes.

    ``refused`` counts the tries in a row that the broker has turned down: each draws a blind price nearer.
    ``None`` only where nothing was ever quoted, so that not even a blind price can be found.
    """
    tick = contract.tick_paise
    quote = view.quotes.get(contract.symbol)
    fresh = view.fresh(contract.symbol, now_ns)
    touch = fresh.touch_paise(side) if fresh is not None else None
    if quote is None:
        return None
    reference = quote.last_paise or quote.mid_paise
    if touch is not None:
        if reference is None:
            reference = float(touch)
        buffer = max(touch * settings.closing_buffer_bps / 10_000, settings.closing_buffer_ticks * tick)
        wanted = touch + side.sign * buffer
        how = "marketable"
    else:
        if reference is None:
            return None
        low, high = protection_range(settings, float(reference), tick)
        # The exchange measures from a price that we cannot see: the edge of our range may lie beyond its own.
        share = max(1.0 - refused * _NEARER, _NEAREST)
        wanted = reference + share * ((high if side is Side.BUY else low) - reference)
        how = "blind"
    low, high = protection_range(settings, float(reference), tick)
    price = marketable_to_tick(wanted, tick, side)
    price = min(price, high) if side is Side.BUY else max(price, low)
    if quote.upper_paise is not None:
        price = min(price, quote.upper_paise)
    if quote.lower_paise is not None:
        price = max(price, quote.lower_paise)
    return Price(price, how)
