"""What fires a stop: a resting order that the market released, a price beyond it, a loss, a level."""

from __future__ import annotations

from core.domain.cover import cover_width, covers, uncovered_beyond_plan
from core.domain.groups import GroupPlan, MultiLegOrderGroup
from core.domain.instruments import Contract, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.money import price, rupees
from core.domain.orders import Purpose
from core.domain.quotes import MarketView, Quote
from core.policy.stop_prices import StopPrice, has_gapped, is_reached, stop_price
from core.policy.turn import Turn

_S = ExecutionLifecycle
_WATCHED = frozenset({_S.PARTIALLY_EXPOSED, _S.HEDGING, _S.OPEN, _S.UNWINDING, _S.EXITING})
"""States in which a loss or a level closes what is to be kept; before and after there is nothing, and in
``MANUAL`` a person has it."""


def has_stops(plan: GroupPlan) -> bool:
    """Whether quotes alone can close this group or a leg of it."""
    return bool(plan.stop_premium_bps) or has_own_stops(plan) or bool(plan.target_paise)


def has_own_stops(plan: GroupPlan) -> bool:
    """Whether a loss of the group or a level of the underlying, both ours to watch, closes it."""
    return bool(plan.stop_loss_paise or plan.stop_below_paise or plan.stop_above_paise)


def price_of(turn: Turn, group: MultiLegOrderGroup, index: int) -> StopPrice | None:
    """The premium stop of a short leg, ``None`` while its entry price is not known even roughly.

    Until the trades are known, the lowest limit that was sold at stands for their average.
    """
    leg = group.legs[index]
    average = leg.average_paise
    if average is None:
        sold = [
            order.limit_paise
            for order in group.orders.values()
            if order.leg == index and order.purpose is Purpose.ENTRY and order.filled_units
        ]
        if not sold:
            return None
        average = float(min(sold))
    contract = leg.plan.contract
    quote = turn.view.quotes.get(contract.symbol)
    return stop_price(turn.settings, contract, Side.BUY, average, group.plan.stop_premium_bps, quote)


def leg_fired(turn: Turn, group: MultiLegOrderGroup, index: int) -> str:
    """Why the premium stop of a short leg counts as fired; ``""`` while it does not."""
    leg = group.legs[index]
    if leg.plan.side is not Side.SELL or leg.retired_at_ns or not group.plan.stop_premium_bps:
        return ""
    label = leg.plan.contract.label
    if leg.stop_triggered_ns:
        return f"the stop of {label} was triggered"
    if leg.held_units <= 0:
        return ""
    quote = turn.view.fresh(leg.plan.contract.symbol, turn.now_ns)
    if quote is None:
        return ""
    resting = group.resting_stops(index)
    for order in resting:
        if has_gapped(quote, Side.BUY, order.limit_paise):
            return f"{label} trades beyond the limit of its stop, {price(order.limit_paise)}"
    wanted = price_of(turn, group, index)
    if not resting and wanted is not None and is_reached(quote, Side.BUY, wanted.trigger_paise):
        return f"{label} stands beyond its stop of {price(wanted.trigger_paise)} already"
    return ""


def group_fired(turn: Turn, group: MultiLegOrderGroup) -> str:
    """Why the group's own stop or target closes it now; ``""`` while it does not.

    An old price closes nothing, and neither does a book that somebody has pulled wide: see ``_mark_paise``.
    """
    plan, view = group.plan, turn.view
    if group.state not in _WATCHED or not group.copies:
        return ""
    level = underlying_paise(view, group, turn.now_ns)
    if level is not None and plan.stop_below_paise and level <= plan.stop_below_paise:
        return (
            f"{plan.underlying} at {price(round(level))} is under its stop of {price(plan.stop_below_paise)}"
        )
    if level is not None and plan.stop_above_paise and level >= plan.stop_above_paise:
        return (
            f"{plan.underlying} at {price(round(level))} is over its stop of {price(plan.stop_above_paise)}"
        )
    if not plan.stop_loss_paise and not plan.target_paise:
        return ""
    pnl = _pnl_paise(turn, group)
    if pnl is None:
        return ""
    if plan.stop_loss_paise and pnl <= -plan.stop_loss_paise:
        return f"the loss of {rupees(-pnl)} is at its stop of {rupees(plan.stop_loss_paise)}"
    if plan.target_paise and pnl >= plan.target_paise and group.state is _S.OPEN:
        return f"the profit of {rupees(pnl)} is at its target of {rupees(plan.target_paise)}"
    return ""


def underlying_paise(view: MarketView, group: MultiLegOrderGroup, now_ns: int) -> float | None:
    """The underlying's level: its own quote where it is streamed, else the forward of the nearest expiry.

    ``None`` where neither is fresh: what it was some time ago is not where it is.
    """
    quote = view.fresh(group.plan.underlying, now_ns)
    if quote is not None and quote.last_paise is not None:
        return float(quote.last_paise)
    for expiry in sorted({leg.plan.contract.expiry for leg in group.legs}):
        mark = view.forwards.get((group.plan.underlying, expiry))
        if mark is not None and now_ns - mark.at_ns <= view.stale_after_ns:
            return mark.paise
    return None


def companions(group: MultiLegOrderGroup, short: int) -> tuple[int, ...]:
    """The longs that are there for this short alone: what is left without them is covered as before."""
    plan = group.plan
    contract = plan.legs[short].contract
    gone = {short}
    before = uncovered_beyond_plan(plan, _targets(group, gone))
    for index, leg in enumerate(plan.legs):
        if leg.side is not Side.BUY or group.legs[index].retired_at_ns:
            continue
        if not covers(leg.contract, contract, cover_width(plan)):
            continue
        if uncovered_beyond_plan(plan, _targets(group, gone | {index})) <= before:
            gone.add(index)
    return tuple(sorted(gone - {short}))


def _targets(group: MultiLegOrderGroup, gone: set[int]) -> list[tuple[Contract, int]]:
    return [
        (leg.contract, 0 if leg.index in gone else group.target_units(leg.index)) for leg in group.plan.legs
    ]


def _pnl_paise(turn: Turn, group: MultiLegOrderGroup) -> int | None:
    """Profit and loss as a stop believes it; ``None`` where a holding has no price to believe."""
    total = 0.0
    for leg in group.legs:
        total += leg.cash_paise
        units = leg.priced_bought_units - leg.priced_sold_units
        if not units and not leg.net_units:
            continue
        mark = _mark_paise(turn.view.fresh(leg.plan.contract.symbol, turn.now_ns), units)
        if mark is None:
            return None
        total += units * mark
    return round(total)


def unjudged(turn: Turn, group: MultiLegOrderGroup) -> str:
    """The contract without whose price the group's loss cannot be told now; ``""`` where it can."""
    if group.state not in _WATCHED or not group.copies or not group.plan.stop_loss_paise:
        return ""
    for leg in group.legs:
        units = leg.priced_bought_units - leg.priced_sold_units
        quote = turn.view.fresh(leg.plan.contract.symbol, turn.now_ns)
        if (units or leg.net_units) and _mark_paise(quote, units) is None:
            return leg.plan.contract.label
    return ""


def _mark_paise(quote: Quote | None, units: int) -> float | None:
    """What a fresh, two-sided book says a contract is worth: its last trade, held between bid and offer.

    Half-way between them is no price once the book is pulled wide: closing at it would pay what nobody has
    paid yet. The last trade bounds it, and a market that has moved away from that moves the bound. A long
    that nobody bids for is worth nothing; what a short would cost that nobody offers is not known.
    """
    if quote is not None and quote.bid_paise is None and quote.ask_paise is not None and units > 0:
        return 0.0
    if quote is None or quote.bid_paise is None or quote.ask_paise is None:
        return None
    if quote.last_paise is None:
        return quote.mid_paise
    return float(min(max(quote.last_paise, quote.bid_paise), quote.ask_paise))
