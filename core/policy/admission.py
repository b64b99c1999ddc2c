"""Admission: what a group must be, before anybody is asked for margin."""

from __future__ import annotations

from core.domain.cover import allowed_naked, cover_width, uncovered_units
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import PositionKey
from core.domain.lifecycle import ENDS
from core.domain.orders import Lane
from core.domain.timing import to_ist
from core.policy.child_orders import ChildOrderManager
from core.policy.order_budget import next_send_ns
from core.policy.own_limits import refusal_by_limits
from core.policy.turn import Turn
from core.risk.exercise_handler import out_by_ns


def admit(turn: Turn, group: MultiLegOrderGroup) -> str:
    """Why the group is refused, in a sentence; ``""`` when it is not. Nothing is sent either way."""
    checks = (_kill_switch, _sizes, _nakedness, _expiry, _opposite_holdings, _budget, refusal_by_limits)
    for check in checks:
        refusal = check(turn, group)
        if refusal:
            return refusal
    return ""


def _kill_switch(turn: Turn, group: MultiLegOrderGroup) -> str:
    kill = turn.account.kill
    return (
        f"the kill switch is on ({kill.cause}): no new risk until a person resets it" if kill.tripped else ""
    )


def _sizes(turn: Turn, group: MultiLegOrderGroup) -> str:
    if group.plan.copies <= 0:
        return "it asks for no lots at all"
    for leg in group.plan.legs:
        if leg.contract.freeze_units is None:
            return (
                f"the freeze quantity of {leg.contract.symbol} is unknown: give it in the freeze file; "
                "it is never guessed"
            )
        if not leg.contract.sliceable_units:
            return f"one lot of {leg.contract.symbol} is above its freeze quantity"
    return ""


def _nakedness(turn: Turn, group: MultiLegOrderGroup) -> str:
    plan = group.plan
    naked = uncovered_units(
        [(leg.contract, leg.side.sign * plan.units(leg.index)) for leg in plan.legs], cover_width(plan)
    )
    if not naked:
        return ""
    if not plan.allow_naked:
        return f"{naked} short units would stand naked, and the group does not allow it (allow_naked)"
    if not turn.settings.allow_naked:
        return f"{naked} short units would stand naked, and the settings do not allow it (allow_naked)"
    return "" if allowed_naked(plan) else "its naked units cannot be told apart"


def _expiry(turn: Turn, group: MultiLegOrderGroup) -> str:
    out_ns = out_by_ns(group.plan.legs, turn.view.expiries_ns)
    if out_ns is None or turn.now_ns < out_ns:
        return ""
    return f"it would have had to be out by {to_ist(out_ns):%d %b %H:%M}, before one of its legs expires"


def _opposite_holdings(turn: Turn, group: MultiLegOrderGroup) -> str:
    """An entry opposite to a holding would be a close of it at the broker: two owners, one net position."""
    plan = group.plan
    wanted: dict[PositionKey, int] = {}
    for leg in plan.legs:
        key = PositionKey(leg.contract.exchange, leg.contract.symbol, plan.product)
        if wanted.get(key, 0) * leg.side.sign < 0:
            return f"two legs trade {leg.contract.symbol} in opposite directions"
        wanted[key] = wanted.get(key, 0) + leg.side.sign
    for key, sign in wanted.items():
        held = turn.account.net_units(key) + turn.account.foreign.get(key, 0)
        if held * sign < 0:
            return f"the account holds {held:+d} {key.symbol}: an opposite leg would close that"
        for other in turn.account.groups.values():
            if (
                other.group_id == group.group_id
                or other.state in ENDS
                or other.plan.product is not key.product
            ):
                continue
            for leg in other.plan.legs:
                if leg.contract.symbol == key.symbol and leg.side.sign * sign < 0:
                    return f"{other.group_id} trades {key.symbol} the other way: one net position, two owners"
    return ""


def _budget(turn: Turn, group: MultiLegOrderGroup) -> str:
    """Entering and leaving must both fit into what is left of the day."""
    plan, account = group.plan, turn.account
    orders = sum(ChildOrderManager.count(leg.contract, plan.units(leg.index)) for leg in plan.legs)
    if next_send_ns(account, Lane.ENTRY, turn.now_ns) is None:
        return "the day's order budget is spent, but for the reserve of exits and hedges"
    left = turn.settings.orders_per_day - account.budget.day_count
    if 2 * orders > left:
        return f"it takes {orders} orders to enter and as many to leave; {left} are left today"
    return ""
