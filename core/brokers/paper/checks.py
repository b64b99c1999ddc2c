"""What the broker and the exchange refuse before they take an order: pure functions of order and quote.

Sources: Kite Connect v3 documentation and staff answers; NSE's limit price protection as described by
support.zerodha.com: the reference is compared with +-40 % above a premium of Rs 50, +-Rs 20 below, and 2 %
(at least Rs 200) for index futures. NSE averages the trades of the last 30 s; the middle of the quote, or the
last price, stands for that here.
"""

from __future__ import annotations

from core.brokers.paper import refusals
from core.brokers.paper.config import ExchangeConfig
from core.brokers.paper.refusals import Refusal
from core.domain.instruments import Contract, InstrumentKind, Side
from core.domain.orders import OrderType
from core.domain.quotes import Quote


def reference_paise(quote: Quote | None) -> float | None:
    """The price that limit price protection is measured from, or ``None`` where nothing is known."""
    if quote is None or quote.is_crossed:
        return None
    return quote.mid_paise


def protection_range(contract: Contract, reference: float, config: ExchangeConfig) -> tuple[float, float]:
    """The lowest sale and the highest purchase that limit price protection admits, in paise."""
    if contract.kind is InstrumentKind.FUTURE:
        width = max(config.future_protection_floor_paise, reference * config.future_protection_bps / 10_000)
    elif reference > config.protection_small_below_paise:
        width = reference * config.protection_bps / 10_000
    else:
        width = float(config.protection_small_paise)
    return reference - width, reference + width


def breaks_protection(
    contract: Contract, side: Side, limit_paise: int, quote: Quote | None, config: ExchangeConfig
) -> bool:
    """Whether a purchase lies above, or a sale below, the range of limit price protection."""
    reference = reference_paise(quote)
    if reference is None:
        return False
    low, high = protection_range(contract, reference, config)
    return limit_paise > high if side is Side.BUY else limit_paise < low


def refuse_shape(
    contract: Contract,
    side: Side,
    order_type: OrderType,
    units: int,
    limit_paise: int,
    trigger_paise: int,
) -> Refusal | None:
    """Refuse what no market could fill: lots, freeze quantity, ticks, a stop the wrong way round."""
    if units <= 0:
        return refusals.NO_QUANTITY
    if units % contract.lot_units:
        return refusals.broken_lot(contract)
    if contract.freeze_units is not None and units > contract.freeze_units:
        return refusals.above_freeze(contract, units, contract.freeze_units)
    if limit_paise <= 0:
        return refusals.NO_PRICE
    if limit_paise % contract.tick_paise:
        return refusals.off_tick(contract, "price")
    if order_type is OrderType.SL:
        if trigger_paise <= 0:
            return refusals.NO_TRIGGER
        if trigger_paise % contract.tick_paise:
            return refusals.off_tick(contract, "trigger price")
        if (trigger_paise - limit_paise) * side.sign > 0:
            return refusals.trigger_beyond_limit(side)
    return None


def refuse_price(
    side: Side, order_type: OrderType, limit_paise: int, trigger_paise: int, quote: Quote | None
) -> Refusal | None:
    """Refuse a price outside the day's range, or a stop that the market has already passed."""
    if quote is None:
        return None
    if quote.upper_paise is not None and limit_paise > quote.upper_paise:
        return refusals.above_band(quote.upper_paise)
    if quote.lower_paise is not None and limit_paise < quote.lower_paise:
        return refusals.below_band(quote.lower_paise)
    last = quote.last_paise
    if order_type is OrderType.SL and last is not None and (trigger_paise - last) * side.sign <= 0:
        return refusals.trigger_passed(side, last)
    return None
