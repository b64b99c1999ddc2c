"""What a state claims when it is entered, by what the broker had told by then: 9 for an end, 13 for whole."""

from __future__ import annotations

from core.domain.lifecycle import ExecutionLifecycle
from core.rehearsal.invariants.told import ToldGroup


def false_claim(group: ToldGroup, state: ExecutionLifecycle, retired: frozenset[int]) -> tuple[int, str]:
    """The invariant that entering a state breaks, and how; 0 and ``""`` where it does not.

    ``retired`` are legs that a stop has taken out of the plan.
    """
    if state is ExecutionLifecycle.CLOSED:
        return _ended(group)
    if state is ExecutionLifecycle.OPEN:
        return _whole(group, retired)
    return 0, ""


def _ended(group: ToldGroup) -> tuple[int, str]:
    """An ended group holds nothing, and nothing of it works."""
    group_id = group.plan.group_id
    for leg, units in sorted(group.net.items()):
        if units:
            return 9, f"{group_id} ends with {units:+d} {group.contracts[leg].symbol} by what was told"
    for order in group.orders:
        if order.working:
            return 9, f"{group_id} ends while {order.tag} works for {order.working} by what was told"
    return 0, ""


def _whole(group: ToldGroup, retired: frozenset[int]) -> tuple[int, str]:
    """The children of every leg add up to the same number of copies, and nothing beside the plan is held."""
    plan, copies = group.plan, set[float]()
    for leg, units in sorted(group.net.items()):
        symbol = group.contracts[leg].symbol
        if leg >= len(plan.legs) or leg in retired:
            if units:
                return 13, f"{plan.group_id} is OPEN and holds {units:+d} {symbol} beside its plan"
            continue
        copies.add(plan.legs[leg].side.sign * units / plan.legs[leg].units_per_copy)
    if len(copies) == 1 and 0 < min(copies) <= plan.copies and min(copies) == int(min(copies)):
        return 0, ""
    held = ", ".join(f"{each:g}" for each in sorted(copies))
    return 13, f"{plan.group_id} is OPEN with legs of {held} copies"
