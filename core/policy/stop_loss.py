"""``HybridStopLossManager``: premium stops that rest at the broker, and stops that are ours to run.

A short leg's stop is a buy order at the broker, so that it outlives this process. It stands for exactly the
confirmed short units that nothing else is exiting. A group's loss and target and the underlying's level are
watched here. No sell stop ever rests: it would take cover away outside the cover gate.
"""

from __future__ import annotations

from core.domain.account import Severity
from core.domain.cover import confirmed_holdings, cover_width, uncovered_units
from core.domain.effects import ReadBooks
from core.domain.facts import GoalChanged, LegsRetired
from core.domain.groups import Goal, MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.lifecycle import BEFORE_ANY_SEND, ExecutionLifecycle, ManualCause
from core.domain.orders import ChildOrder, OrderStatus, OrderType, Purpose
from core.domain.timing import NS_PER_MS
from core.policy.attempts import failed_attempts
from core.policy.child_orders import ChildOrderManager, cancel_order_confirmed, resize
from core.policy.closing import close_leg
from core.policy.doubts import is_unconfirmed
from core.policy.stop_cancels import press_cancels
from core.policy.stop_prices import StopPrice, is_reached, stop_limit_paise
from core.policy.stop_release import make_room, tell_fallback
from core.policy.stop_triggers import companions, group_fired, has_own_stops, leg_fired, price_of, unjudged
from core.policy.turn import Turn

_S = ExecutionLifecycle
_RETRY_MS = 500
_RETRY_MAX_MS = 5_000
_BARE_AFTER_MS = 3_000
"""A short that has stood this long with neither cover nor stop is a person's business."""


class HybridStopLossManager:
    """Fires stops, and keeps the resting ones what they should be. Level-triggered, like all of policy."""

    @staticmethod
    def watch(turn: Turn, group_id: str) -> str:
        """Fire what has fired. Returns why the whole group is to be closed; ``""`` where it is not.

        A short leg whose stop has fired is retired together with the longs that only covered it; the rest of
        an open group is its new target. While a group is still entering, a stop ends the whole of it.
        """
        group = turn.group(group_id)
        if group.is_over or group.state in BEFORE_ANY_SEND or not group.first_fill_ns:
            return ""
        for index in range(len(group.plan.legs)):
            reason = leg_fired(turn, turn.group(group_id), index)
            if reason:
                whole = _fire(turn, group_id, index, reason)
                if whole:
                    return whole
        return group_fired(turn, turn.group(group_id))

    @staticmethod
    def arm(turn: Turn, group_id: str) -> None:
        """Place, resize and take back resting stops, so that they stand for what nothing else exits."""
        group = turn.group(group_id)
        if group.is_over or group.state in BEFORE_ANY_SEND:
            return
        if not turn.may_trade():
            turn.wake_at_open(group_id)
            return
        press_cancels(turn, group_id)
        if not group.first_fill_ns:
            return
        if turn.account.kill.tripped and not turn.guarded("stops-survive-kill"):
            for order in group.live_orders:
                if order.is_resting_stop:
                    cancel_order_confirmed(turn, order, "the kill switch is on")
            return
        for index, plan in enumerate(group.plan.legs):
            if plan.side is Side.SELL:
                _keep(turn, group_id, index)
        _cry_out(turn, group_id)
        _say_unjudged(turn, group_id)


def _fire(turn: Turn, group_id: str, index: int, reason: str) -> str:
    """Retire a leg. Returns why the whole group is to be closed, where its entry is cut short by this."""
    group = turn.group(group_id)
    if group.state is _S.MANUAL:
        turn.record(LegsRetired(group_id, (index,), reason), group_id)
        return ""
    turn.record(LegsRetired(group_id, tuple(sorted((index, *companions(group, index)))), reason), group_id)
    group = turn.group(group_id)
    for order in group.orders.values():
        rejected = order.order_id is not None and order.status is OrderStatus.REJECTED
        if rejected and order.leg == index and order.purpose is Purpose.STOP:
            tell_fallback(turn, group, order, "the exchange has rejected it")
    left = any(group.target_units(leg.index) for leg in group.plan.legs)
    if group.state is _S.OPEN:
        turn.record(GoalChanged(group_id, Goal.EXIT, group.copies if left else 0, reason), group_id)
        turn.move(group_id, _S.EXITING, reason)
    elif group.goal is Goal.ENTER:
        return f"{reason} before the group was whole"
    elif group.copies and not left:
        turn.record(GoalChanged(group_id, group.goal, 0, reason), group_id)
    return ""


def _keep(turn: Turn, group_id: str, index: int) -> None:
    """Bring the resting stops of one short leg to the units that they should stand for."""
    group = turn.group(group_id)
    leg = group.legs[index]
    if group.state is _S.MANUAL and leg.retired_at_ns and group.cause is not ManualCause.CANCEL_UNCONFIRMED:
        close_leg(turn, group_id, index, Side.BUY)
        group = turn.group(group_id)
        leg = group.legs[index]
    held = max(0, leg.held_units)
    out = group.working(index, Side.BUY)
    if out > held:
        going = sum(o.working_units for o in group.live_orders if o.leg == index and _is_going(o))
        _give_back(turn, group, index, out - held - going)
        return
    wanted = held - out
    if group.goal is not Goal.ENTER or leg.retired_at_ns:
        resting = sum(order.working_units for order in group.resting_stops(index))
        wanted = min(wanted, abs(group.target_units(index)) - resting)
    if group.plan.stop_premium_bps:
        _extend(turn, group, index, max(0, wanted))


def _is_going(order: ChildOrder) -> bool:
    """Whether it is a stop that is being cancelled: it gives way already and takes no other with it."""
    return order.purpose is Purpose.STOP and order.cancel_pending and not order.is_terminal


def _give_back(turn: Turn, group: MultiLegOrderGroup, index: int, units: int) -> None:
    """More would be bought than is held: stops give way at once, those that rest first, the newest first.

    One that was released is cancelled, unless its release is still to come: that asks for what is held.
    """
    for order in reversed(group.resting_stops(index)):
        if units <= 0:
            return
        make_room(turn, order, min(units, order.working_units))
        units -= order.working_units
    for order in reversed(group.live_orders):
        if units <= 0:
            return
        released = order.purpose is Purpose.STOP and not order.is_resting_stop and not order.cancel_pending
        if order.leg != index or not released:
            continue
        changing = order.modify_pending or order.unsettled_units
        if order.working_units <= units or (order.order_type is OrderType.LIMIT and not changing):
            cancel_order_confirmed(turn, order, "it would buy more than is held")
            units -= order.working_units


def _extend(turn: Turn, group: MultiLegOrderGroup, index: int, missing: int) -> None:
    """Have stops stand for more units, and at the right price: one change of a leg a second."""
    if is_unconfirmed(turn, group.position_key(index)):
        turn.wake_in(group.group_id, turn.settings.lookup_every_ms)
        return
    wanted = price_of(turn, group, index)
    contract = group.legs[index].plan.contract
    missing -= missing % contract.lot_units
    resting = group.resting_stops(index)
    if wanted is None or (not missing and not resting):
        return
    _ask_if_reached(turn, group, resting)
    drifted = [order for order in resting if _has_drifted(order, wanted, contract.tick_paise)]
    unsettled = any(order.asked_limit_paise or order.unsettled_units for order in resting)
    if not missing and not drifted and not unsettled:
        return
    if any(order.order_id is None or order.modify_pending for order in resting):
        return  # the answer looks at the group again
    if unsettled:
        turn.perform(ReadBooks(f"a change of a stop of {group.group_id} went unanswered"))
        turn.wake_in(group.group_id, turn.settings.lookup_every_ms)
        return
    due_ns = turn.settings.stop_resize_every_ms * NS_PER_MS + max(
        (max(order.intended_at_ns, order.repriced_at_ns) for order in resting), default=-(1 << 62)
    )
    if turn.now_ns < due_ns:
        turn.wake(group.group_id, due_ns)
        return
    for order in sorted(resting, key=lambda order: order not in drifted):
        if order.modifies >= turn.settings.stop_modifies_max:
            continue
        more = min(missing, contract.sliceable_units - order.units)
        if more > 0 or order in drifted:
            _change(turn, order, max(0, more), wanted)
            missing -= max(0, more)
    if missing > 0:
        _place(turn, turn.group(group.group_id), index, missing, wanted)


def _change(turn: Turn, order: ChildOrder, more: int, wanted: StopPrice) -> None:
    reason = f"the stop stands for {order.units + more} units"
    resize(turn, order, order.units + more, wanted.limit_paise, wanted.trigger_paise, reason)


def _place(turn: Turn, group: MultiLegOrderGroup, index: int, units: int, wanted: StopPrice) -> None:
    """New stops, after a wait that grows with every refusal in a row."""
    refused, heard_ns = failed_attempts(group, index, Side.BUY, stops=True)
    due_ns = heard_ns + min(_RETRY_MS * refused, _RETRY_MAX_MS) * NS_PER_MS
    if refused and turn.now_ns < due_ns:
        turn.wake(group.group_id, due_ns)
        return
    ChildOrderManager.intend(
        turn,
        group.group_id,
        index,
        Side.BUY,
        units,
        Purpose.STOP,
        wanted.limit_paise,
        trigger_paise=wanted.trigger_paise,
    )


def _has_drifted(order: ChildOrder, wanted: StopPrice, tick_paise: int) -> bool:
    """Whether the average price that the trigger was made from has turned out to be another one."""
    room = stop_limit_paise(wanted.trigger_paise, Side.BUY, tick_paise) - wanted.trigger_paise
    return abs(order.trigger_paise - wanted.trigger_paise) > room


def _ask_if_reached(turn: Turn, group: MultiLegOrderGroup, resting: list[ChildOrder]) -> None:
    """The market stands at a trigger and nobody has told us: the books know."""
    for order in resting:
        quote = turn.view.fresh(order.symbol, turn.now_ns)
        if quote is not None and is_reached(quote, Side.BUY, order.trigger_paise):
            turn.perform(ReadBooks(f"{order.symbol} stands at the trigger of {order.tag}"))
            turn.wake_in(group.group_id, turn.settings.lookup_every_ms)
            return


def _say_unjudged(turn: Turn, group_id: str) -> None:
    """A loss stop that cannot be judged is no stop: who relies on it should know after some seconds."""
    group = turn.group(group_id)
    label = unjudged(turn, group)
    alert_id = f"unjudged:{group_id}"
    if not label:
        turn.clear_alert(alert_id)
        return
    turn.alert(
        alert_id,
        Severity.WARNING,
        f"{group_id}: its loss stop cannot be judged, because nobody quotes {label} on both sides",
        "unjudged",
        group_id,
    )


def _cry_out(turn: Turn, group_id: str) -> None:
    """A short with neither cover nor stop, and none on its way, is an alert until it has one."""
    group = turn.group(group_id)
    alert_id = f"unstopped:{group_id}"
    bare = sum(
        max(0, leg.held_units - group.working(index, Side.BUY))
        for index, leg in enumerate(group.legs)
        if leg.held_units > 0 and leg.plan.side is Side.SELL
    )
    if bare and not has_own_stops(group.plan):
        bare = min(bare, uncovered_units(confirmed_holdings(group), cover_width(group.plan)))
    else:
        bare = 0
    if not bare:
        turn.clear_alert(alert_id)
        return
    due_ns = group.last_fill_ns + _BARE_AFTER_MS * NS_PER_MS
    if turn.now_ns < due_ns:
        turn.wake(group_id, due_ns)
        return
    turn.alert(
        alert_id,
        Severity.CRITICAL,
        f"{group_id}: {bare} short units have neither cover nor a stop",
        "unstopped",
        group_id,
    )
