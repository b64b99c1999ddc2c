"""11: no trip of the kill switch leaves a short less protected than it was.

Protection is what would buy a short back, or cover it: resting stops, working exits and hedges.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.domain.instruments import Side
from core.domain.orders import Purpose
from core.domain.timing import NS_PER_S
from core.rehearsal.invariants.told import ToldGroup, ToldOrder

STUCK_NS = 3 * NS_PER_S
"""A purchase that has not filled for so long is no answer any more: another kind may be tried."""


def stop_weakened(
    group: ToldGroup, order: ToldOrder, units: int, trigger_paise: int, latest_paise: int
) -> str:
    """A resting stop of a short is changed: it must go on standing for the short, and fire no later.

    ``latest_paise`` is the highest trigger that the plan could ask for, by the dearest of the leg's sales.
    """
    if trigger_paise > max(order.trigger_paise, latest_paise):
        return f"{order.tag}, the stop of a short, fires at {trigger_paise} instead of {order.trigger_paise}"
    short = -group.net.get(order.leg, 0)
    others = sum(_buying_back(group, order.leg, but=order))
    left = max(0, units - order.filled)
    if others + left < min(short, others + max(0, order.units_before - order.filled)):
        return f"{order.tag}, the stop of a short, stands for {left} of {short} units"
    return ""


def stop_taken_away(group: ToldGroup, order: ToldOrder) -> str:
    """A resting stop is cancelled: others must stand for the whole of the short."""
    others = [o for o in group.orders if o is not order and o.leg == order.leg]
    standing = sum(o.working for o in others if o.awaits_trigger and not o.cancel_asked)
    if standing >= -group.net.get(order.leg, 0):
        return ""
    return f"{order.tag}, the stop of a short, is cancelled"


def cover_taken_away(group: ToldGroup, order: ToldOrder, now_ns: int) -> str:
    """A working purchase is cancelled: no short that it would have answered may be left without it."""
    if order.side is not Side.BUY or order.awaits_trigger or now_ns - order.sent_ns >= STUCK_NS:
        return ""
    with_it, short_of = group.unanswered(), group.unanswered(but=order)
    if short_of <= with_it:
        return ""
    return f"{order.tag}, which would answer {short_of - with_it} uncovered units, is cancelled"


def _buying_back(group: ToldGroup, leg: int, but: ToldOrder) -> Iterable[int]:
    return (
        order.working
        for order in group.orders
        if order is not but and order.leg == leg and order.side is Side.BUY and not order.cancel_asked
    )


def is_stop_of_a_short(order: ToldOrder, purpose: Purpose | None) -> bool:
    """Whether an order is a stop that rests to buy a short back."""
    return purpose is Purpose.STOP and order.side is Side.BUY and order.awaits_trigger
