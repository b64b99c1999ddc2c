"""What a stop costs and when it counts as reached: pure functions of average price, trigger and quote."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.instruments import Contract, Side
from core.domain.money import floor_to_tick, marketable_to_tick, patient_to_tick
from core.domain.quotes import Quote
from core.domain.settings import ExecutionSettings


@dataclass(frozen=True, slots=True)
class StopPrice:
    """A stop's trigger and the limit it is released with, in paise."""

    trigger_paise: int
    limit_paise: int


def stop_trigger_paise(average_paise: float, premium_bps: int, tick_paise: int, side: Side) -> int:
    """The price at which a stop fires: a part of the average entry price (20,000 is twice).

    ``side`` is the stop's own. Rounded towards firing earlier: a purchase down, a sale up.
    """
    return patient_to_tick(average_paise * premium_bps / 10_000, tick_paise, side)


def stop_limit_paise(
    trigger_paise: int,
    side: Side,
    tick_paise: int,
    half_spread_paise: float = 0.0,
    *,
    limit_bps: int = 50,
    limit_ticks: int = 4,
) -> int:
    """The worst price a released stop takes, on the losing side of its trigger: above it for a purchase.

    The distance is the largest of a share of the trigger, some ticks, and half the spread.
    """
    room = max(trigger_paise * limit_bps / 10_000, limit_ticks * tick_paise, half_spread_paise)
    return marketable_to_tick(trigger_paise + side.sign * room, tick_paise, side)


def stop_price(
    settings: ExecutionSettings,
    contract: Contract,
    side: Side,
    average_paise: float,
    premium_bps: int,
    quote: Quote | None,
) -> StopPrice:
    """Trigger and limit of a stop, within the day's price range where it is known.

    A stop beyond the range would be refused; at its edge it still fires if the price ever gets there.
    """
    tick = contract.tick_paise
    trigger = stop_trigger_paise(average_paise, premium_bps, tick, side)
    limit = stop_limit_paise(
        trigger,
        side,
        tick,
        quote.half_spread_paise if quote is not None and not quote.is_crossed else 0.0,
        limit_bps=settings.stop_limit_bps,
        limit_ticks=settings.stop_limit_ticks,
    )
    if quote is not None and side is Side.BUY and quote.upper_paise is not None:
        limit = min(limit, floor_to_tick(quote.upper_paise, tick))
        trigger = min(trigger, limit)
    if quote is not None and side is Side.SELL and quote.lower_paise is not None:
        limit = max(limit, marketable_to_tick(quote.lower_paise, tick, Side.BUY))
        trigger = max(trigger, limit)
    return StopPrice(trigger, limit)


def is_reached(quote: Quote, side: Side, trigger_paise: int) -> bool:
    """Whether the market stands at or beyond a trigger: by its last trade, or by the near touch."""
    near = quote.touch_paise(side.opposite)
    return any(
        price is not None and (price - trigger_paise) * side.sign >= 0 for price in (quote.last_paise, near)
    )


def has_gapped(quote: Quote, side: Side, limit_paise: int) -> bool:
    """Whether the last trade is beyond a stop's limit, so that waiting for it to fill is waiting in vain."""
    return quote.last_paise is not None and (quote.last_paise - limit_paise) * side.sign > 0


def is_locked(quote: Quote, side: Side) -> bool:
    """Whether nobody takes the other side because the price stands at the end of the day's range."""
    if quote.touch_paise(side) is not None:
        return False
    end = quote.upper_paise if side is Side.BUY else quote.lower_paise
    crowd = quote.touch_paise(side.opposite)
    return end is not None and crowd is not None and (crowd - end) * side.sign >= 0
