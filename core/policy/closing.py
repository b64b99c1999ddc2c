"""Closing: reverse trades that bring a group down to fewer copies or to nothing, shorts first.

A filled order is final, so taking it back is a trade. A short is bought back before the long that covers it
is sold, and nothing is sent for units that an order may still be filling.
"""

from __future__ import annotations

from core.domain.cover import uncovered_beyond_plan, worst_holdings
from core.domain.facts import GoalChanged
from core.domain.groups import Goal, IncompletePolicy, MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.money import price
from core.domain.orders import ChildOrder, OrderStatus, OrderType, Purpose
from core.domain.timing import NS_PER_MS
from core.policy.attempts import failed_attempts
from core.policy.child_orders import ChildOrderManager, cancel_order_confirmed, reprice
from core.policy.doubts import is_unconfirmed
from core.policy.emergency_hedge import held_back_units
from core.policy.entry import whole_copies
from core.policy.pricing_rules import closing_price
from core.policy.stop_prices import is_locked
from core.policy.stop_release import locked_id, make_room, release, say_locked
from core.policy.turn import Turn

CLOSING = frozenset({Purpose.UNWIND, Purpose.EXIT})
ATTEMPTS_MAX = 6
"""Refusals in a row after which a person is asked."""
_RETRY_MS = 250


def reduce(turn: Turn, group_id: str) -> None:
    """Bring a group closer to the copies wanted. Every call sends only what nothing else is doing yet."""
    entries_over = cancel_entries(turn, group_id, "the group is being reduced")
    if _still_deciding(turn, group_id, entries_over=entries_over):
        return
    if not turn.may_trade():
        turn.wake_at_open(group_id)
        return
    _keep_cover(turn, group_id)
    _keep_what_is_whole(turn, group_id)
    for side in (Side.BUY, Side.SELL):
        for index in range(len(turn.group(group_id).legs)):
            if close_leg(turn, group_id, index, side):
                return


def cancel_entries(turn: Turn, group_id: str, reason: str) -> bool:
    """Ask for every entry that works to be cancelled. Whether none of them can fill any more.

    One that only buys back what a leg was sold too often for is left to do so: it closes, whatever it was.
    """
    group = turn.group(group_id)
    entries = [
        order
        for order in group.live_orders
        if order.purpose is Purpose.ENTRY and not _takes_back(group, order)
    ]
    over = [cancel_order_confirmed(turn, order, reason) for order in entries]
    return all(over)


def _takes_back(group: MultiLegOrderGroup, order: ChildOrder) -> bool:
    """Whether all that works on an order's side of its leg does no more than undo an excess of the other."""
    leg = group.legs[order.leg]
    excess = -order.side.sign * leg.net_units if order.side is leg.plan.side else 0
    return group.working(order.leg, order.side) <= excess


def _keep_what_is_whole(turn: Turn, group_id: str) -> None:
    """A leg has lost units to others or to a late fill: fewer copies are kept, nothing is bought.

    A one-sided stop keeps the other side in the same way, so a loss there must end in copies as well.
    """
    group = turn.group(group_id)
    whole = whole_copies(group)
    if group.goal is Goal.ENTER or group.copies <= whole:
        return
    keep = 0 if group.plan.on_incomplete is IncompletePolicy.UNWIND else whole
    turn.record(GoalChanged(group_id, group.goal, keep, f"only {whole} whole copies are left"), group_id)


def _keep_cover(turn: Turn, group_id: str) -> None:
    """A late fill has made a short larger than the longs that are not being sold: take those sales back."""
    group = turn.group(group_id)
    if not uncovered_beyond_plan(group.plan, worst_holdings(group)):
        return
    for order in group.live_orders:
        if order.side is Side.SELL and order.purpose in CLOSING and group.legs[order.leg].net_units > 0:
            cancel_order_confirmed(turn, order, "what it sells covers a short again")


def take_back_excess(turn: Turn, group_id: str) -> None:
    """Cancel closing orders that would close more than is to be closed.

    One that was called absent and reaches the exchange after all finds its place taken by the next.
    """
    group = turn.group(group_id)
    if group.state is ExecutionLifecycle.MANUAL:
        return
    closing = [o for o in group.live_orders if o.purpose in CLOSING and not o.is_resting_stop]
    for index, side in sorted({(order.leg, order.side) for order in closing}):
        mine = [order for order in closing if order.leg == index and order.side is side]
        excess = sum(order.working_units for order in mine) - max(0, _surplus(group, index, side))
        for order in sorted(mine, key=lambda each: each.intended_at_ns):
            if excess <= 0:
                break
            cancel_order_confirmed(turn, order, "what it would close is closed already")
            excess -= order.working_units


def trim(turn: Turn, group_id: str) -> None:
    """On the way in, trade away what has no place: a surplus, and hedges once the legs are whole."""
    group = turn.group(group_id)
    planned = len(group.plan.legs)
    complete = all(
        leg.held_units >= abs(group.target_units(index)) for index, leg in enumerate(group.legs[:planned])
    )
    for side in (Side.BUY, Side.SELL):
        for index in range(len(group.legs)):
            if (index < planned or complete) and close_leg(turn, group_id, index, side):
                return


def chase_hedges(turn: Turn, group_id: str) -> None:
    """Keep emergency hedges marketable, and the stops that were told to buy in their place."""
    group = turn.group(group_id)
    for order in group.live_orders:
        told = order.purpose is Purpose.STOP and (order.asked_to_limit or order.order_type is OrderType.LIMIT)
        if (told or order.purpose is Purpose.HEDGE) and _hurry(turn, group, order):
            return


def is_reduced(group: MultiLegOrderGroup) -> bool:
    """Whether every leg is down to what is wanted and nothing but stops is working."""
    return all(
        leg.net_units == group.target_units(index) for index, leg in enumerate(group.legs)
    ) and not any(order.purpose is not Purpose.STOP for order in group.live_orders)


def _still_deciding(turn: Turn, group_id: str, *, entries_over: bool) -> bool:
    """A scale-down keeps every whole copy: how many that is shows when no entry can fill any more."""
    group = turn.group(group_id)
    if group.goal is not Goal.REDUCE or group.plan.on_incomplete is IncompletePolicy.UNWIND:
        return False
    if not entries_over and not _given_up_on(turn, group):
        return group.copies > 0 or whole_copies(group) > 0
    reversed_already = any(
        order.purpose in CLOSING and order.intended_at_ns >= group.goal_since_ns
        for order in group.orders.values()
    )
    copies = min(whole_copies(group), group.plan.copies)
    if copies > group.copies and not reversed_already and group.copies >= 0:
        turn.record(GoalChanged(group_id, Goal.REDUCE, copies, f"{copies} whole copies are kept"), group_id)
    elif copies < group.copies and all(order.is_resting_stop for order in group.live_orders):
        # A late fill has closed more than was wanted: what is short of the goal is never bought again.
        turn.record(GoalChanged(group_id, Goal.REDUCE, copies, f"{copies} whole copies are left"), group_id)
    return False


def _given_up_on(turn: Turn, group: MultiLegOrderGroup) -> bool:
    """Whether the cancel of every entry still in the market has been waited for for long enough.

    Should one fill after all, what it has filled is taken back, and its cover is not sold before that.
    """
    since_ns = [o.cancel_since_ns for o in group.live_orders if o.purpose is Purpose.ENTRY]
    due_ns = max(since_ns, default=0) + turn.settings.cancel_unconfirmed_after_ms * NS_PER_MS
    if not all(since_ns):
        return False
    if turn.now_ns < due_ns:
        turn.wake(group.group_id, due_ns)
        return False
    return True


def close_leg(turn: Turn, group_id: str, index: int, side: Side) -> bool:
    """Trade a leg's surplus away on one side, its stops first. Returns whether automation stopped."""
    group = turn.group(group_id)
    leg = group.legs[index]
    surplus = _surplus(group, index, side)
    if surplus <= 0:
        return False
    if is_unconfirmed(turn, group.position_key(index)):
        turn.wake_in(group_id, turn.settings.lookup_every_ms)
        return False
    for order in group.live_orders:
        if order.leg != index or order.side is not side or order.is_resting_stop:
            continue
        if _hurry(turn, group, order):
            return True
    held = -side.sign * leg.net_units
    kept = 0
    if side is Side.BUY and leg.plan.contract.right is not None:
        kept = held_back_units(turn, group, leg.plan.contract)
    exiting = _exiting(turn, group_id, index, side)
    free = max(0, held - exiting - _resting(group, index, side))
    _take_from_stops(turn, group_id, index, side, surplus - exiting - kept - free)
    group = turn.group(group_id)
    exiting = _exiting(turn, group_id, index, side)
    units = min(surplus - exiting, held - exiting - _resting(group, index, side)) - kept
    if side is Side.SELL:
        units = min(units, _sellable(group, index, units))
    units -= units % leg.plan.contract.lot_units
    if units <= 0:
        return False
    attempts, failed_ns = failed_attempts(group, index, side)
    if attempts >= ATTEMPTS_MAX:
        last = next(o for o in reversed(tuple(group.orders.values())) if o.leg == index)
        turn.manual(
            group_id,
            ManualCause.CANNOT_SEND,
            f"the broker refused {attempts} times to close {leg.plan.contract.label}: {last.message}",
        )
        return True
    if attempts:
        due_ns = failed_ns + _RETRY_MS * attempts * NS_PER_MS
        if turn.now_ns < due_ns:
            turn.wake(group_id, due_ns)
            return False
    wanted = closing_price(turn.settings, leg.plan.contract, side, turn.view, turn.now_ns, attempts)
    if wanted is None:
        turn.wake_in(group_id, turn.settings.reprice_every_ms)
        return False
    purpose = Purpose.EXIT if group.goal is Goal.EXIT else Purpose.UNWIND
    ChildOrderManager.intend(turn, group_id, index, side, units, purpose, wanted.paise)
    return False


def _exiting(turn: Turn, group_id: str, index: int, side: Side) -> int:
    """Units of a leg that orders on one side may still fill, resting stops aside."""
    return sum(
        order.working_units
        for order in turn.group(group_id).live_orders
        if order.leg == index
        and order.side is side
        and not order.is_resting_stop
        and (turn.guarded("cancel-confirmation") or not order.cancel_pending)
    )


def _resting(group: MultiLegOrderGroup, index: int, side: Side) -> int:
    """Units of a leg that its resting stops stand for: nothing else may exit them."""
    return sum(order.working_units for order in group.resting_stops(index) if order.side is side)


def _take_from_stops(turn: Turn, group_id: str, index: int, side: Side, units: int) -> None:
    """Let stops of a leg exit these units: whole ones go to market, the last gives up a part of itself."""
    group = turn.group(group_id)
    for order in group.resting_stops(index):
        if units <= 0:
            return
        if order.side is not side:
            continue
        if order.working_units <= units:
            release(turn, group, order)
        else:
            make_room(turn, order, units)
        units -= order.working_units


def _surplus(group: MultiLegOrderGroup, index: int, side: Side) -> int:
    """Units of a leg that are too much and that a trade of this side takes away; a shortage is none."""
    leg = group.legs[index]
    if side is leg.plan.side:
        return max(0, -leg.held_units)
    return leg.held_units - abs(group.target_units(index))


def _sellable(group: MultiLegOrderGroup, index: int, units: int) -> int:
    """How many of these units of a long can go without a short losing its cover.

    Counted with every working sale filled and no working purchase: a buy-back on its way frees nothing yet.
    """
    if units <= 0:
        return 0
    holdings = worst_holdings(group)
    before = uncovered_beyond_plan(group.plan, holdings)
    contract, held = holdings[index]
    holdings[index] = (contract, held - units)
    return units - (uncovered_beyond_plan(group.plan, holdings) - before)


def _hurry(turn: Turn, group: MultiLegOrderGroup, order: ChildOrder) -> bool:
    """Keep a closing order marketable. Returns whether automation stopped."""
    if order.purpose is Purpose.STOP and (order.order_type is OrderType.SL or order.cancel_pending):
        release(turn, group, order)
        return False
    if order.modify_pending or order.cancel_pending or order.order_id is None:
        return False
    if order.status is OrderStatus.INTENDED:
        return False
    contract = group.legs[order.leg].plan.contract
    due_ns = max(order.intended_at_ns, order.repriced_at_ns) + turn.settings.reprice_every_ms * NS_PER_MS
    if turn.now_ns < due_ns:
        turn.wake(group.group_id, due_ns)
        return False
    wanted = closing_price(turn.settings, contract, order.side, turn.view, turn.now_ns)
    if wanted is None:
        turn.wake_in(group.group_id, turn.settings.reprice_every_ms)
        return False
    if order.side.sign * (wanted.paise - order.limit_paise) <= 0:
        quote = turn.view.fresh(order.symbol, turn.now_ns)
        if quote is not None and is_locked(quote, order.side):
            say_locked(turn, group, order)
        else:
            turn.clear_alert(locked_id(order))
        turn.wake_in(group.group_id, turn.settings.reprice_every_ms)
        return False
    spent = sum(
        each.modifies
        for each in group.orders.values()
        if each.purpose in CLOSING and each.intended_at_ns >= group.goal_since_ns
    )
    if spent >= turn.settings.closing_reprices_max:
        exiting = group.state is ExecutionLifecycle.EXITING
        turn.manual(
            group.group_id,
            ManualCause.EXIT_EXHAUSTED if exiting else ManualCause.UNWIND_EXHAUSTED,
            f"{contract.label} did not fill in {spent} re-prices; the order stays in the market",
        )
        return True
    if order.modifies >= turn.settings.modifies_max - 1:
        cancel_order_confirmed(turn, order, "its modifications are spent; the rest follows in a new order")
        return False
    reprice(turn, order, wanted.paise, f"{price(order.limit_paise)} → {price(wanted.paise)}, {wanted.how}")
    return False
