"""Taking a stop to market: its own limit first, then the same order changed, then a confirmed cancel.

One order cannot exit twice, so changing it comes first. A cancelled one is replaced only once the broker has
called it over, for what it left unfilled: that is the caller's, who counts everything working.
"""

from __future__ import annotations

from core.domain.account import Severity
from core.domain.effects import ReadBooks
from core.domain.groups import MultiLegOrderGroup
from core.domain.money import price
from core.domain.orders import ChildOrder, Lane, OrderStatus
from core.domain.timing import NS_PER_MS
from core.policy.child_orders import cancel_order_confirmed, reprice, resize
from core.policy.pricing_rules import closing_price
from core.policy.stop_prices import has_gapped, is_locked
from core.policy.turn import Turn


def release(
    turn: Turn,
    group: MultiLegOrderGroup,
    order: ChildOrder,
    most: int | None = None,
    lane: Lane | None = None,
) -> None:
    """Bring a stop to market, as far as that can be done now; the group is looked at again by itself.

    With ``most`` it buys no more than these units; what it stood for beyond them is armed afresh. ``lane`` is
    the share of the budget that it draws on, its own where none is given.
    """
    if order.order_id is None or order.status is OrderStatus.INTENDED:
        return
    if order.cancel_pending:
        cancel_order_confirmed(turn, order, "the stop has to make way", patience=1)
        return
    if _is_unanswered(turn, order) or _has_time(turn, group, order):
        return
    group_id, settings = group.group_id, turn.settings
    contract = group.legs[order.leg].plan.contract
    wanted = closing_price(settings, contract, order.side, turn.view, turn.now_ns)
    if wanted is None:
        turn.wake_in(group_id, settings.reprice_every_ms)
        return
    quote = turn.view.fresh(order.symbol, turn.now_ns)
    locked = quote is not None and is_locked(quote, order.side)
    if locked:
        say_locked(turn, group, order)
    spent = order.modifies >= settings.modifies_max
    units = _closable(group, order)
    units = units if most is None else min(units, most)
    if units and settings.modify_stop_to_limit and not order.modify_refusals and not spent:
        reason = f"the stop goes to market: {price(order.limit_paise)} → {price(wanted.paise)}, {wanted.how}"
        bought = order.filled_units + units
        if reprice(turn, order, wanted.paise, reason, to_limit=True, units=bought, lane=lane):
            tell_fallback(turn, group, order, f"changed to {price(wanted.paise)}")
        turn.wake_in(group_id, settings.reprice_every_ms)
        return
    if locked:
        turn.wake_in(group_id, settings.reprice_every_ms)
        return
    why = "its changes are spent" if spent else "it cannot be changed" if units else "nothing is left for it"
    cancel_order_confirmed(
        turn, order, f"{why}: what it leaves goes to market once the broker calls it over", patience=1
    )
    tell_fallback(turn, group, order, f"{why}, so it is cancelled first")


def _closable(group: MultiLegOrderGroup, order: ChildOrder) -> int:
    """The most that an order may still exit, everything else that works beside it counted as filled."""
    held = -order.side.sign * group.legs[order.leg].net_units
    beside = group.working(order.leg, order.side) - order.working_units
    units = min(order.working_units, max(0, held - beside))
    return units - units % order.lot_units


def make_room(turn: Turn, order: ChildOrder, units: int) -> None:
    """Take units off a resting stop, so that another order may exit them once the broker has confirmed it."""
    if order.order_id is None or order.modify_pending or order.asked_limit_paise:
        turn.wake_in(order.group_id, turn.settings.reprice_every_ms)
        return
    left = order.units - units
    if left > 0 and not order.modify_refusals and order.modifies < turn.settings.modifies_max - 1:
        resize(turn, order, left, order.limit_paise, order.trigger_paise, f"{units} units are exited")
    else:
        cancel_order_confirmed(turn, order, "it stands for more than is held", patience=1)


def locked_id(order: ChildOrder) -> str:
    """The alert that says that an order waits at a locked price."""
    return f"locked:{order.group_id}:{order.leg}"


def say_locked(turn: Turn, group: MultiLegOrderGroup, order: ChildOrder) -> None:
    """Nobody sells at the end of the range: the order keeps its place, and a person knows why it waits."""
    turn.alert(
        locked_id(order),
        Severity.WARNING,
        f"{group.group_id}: {order.symbol} is locked at its price range; {order.side.value} "
        f"{order.working_units} stays in the queue",
        "circuit-lock",
        group.group_id,
    )


def _is_unanswered(turn: Turn, order: ChildOrder) -> bool:
    """Whether a change is on its way. One that nobody answers is asked again: it is the same order."""
    if not order.modify_pending and not order.asked_to_limit:
        return False
    due_ns = order.repriced_at_ns + turn.settings.reprice_every_ms * NS_PER_MS
    if turn.now_ns < due_ns:
        turn.wake(order.group_id, due_ns)
        return True
    turn.perform(ReadBooks(f"whether the change of {order.tag} was carried out"))
    return False


def _has_time(turn: Turn, group: MultiLegOrderGroup, order: ChildOrder) -> bool:
    """Whether a triggered stop may still fill at its own limit: for two seconds, unless the price has gapped.

    Where the whole group is being closed for another reason, nothing is waited for.
    """
    fired_ns = group.legs[order.leg].retired_at_ns
    if not fired_ns or (group.goal_since_ns > fired_ns and not group.copies):
        return False
    until_ns = fired_ns + turn.settings.stop_wait_ms * NS_PER_MS
    quote = turn.view.fresh(order.symbol, turn.now_ns)
    if turn.now_ns >= until_ns or (quote is not None and has_gapped(quote, order.side, order.limit_paise)):
        return False
    turn.wake(group.group_id, min(until_ns, turn.now_ns + turn.settings.stop_gap_check_ms * NS_PER_MS))
    return True


def tell_fallback(turn: Turn, group: MultiLegOrderGroup, order: ChildOrder, how: str) -> None:
    """A stop that has fired and did not fill where it rested: a person should know what it cost."""
    if group.legs[order.leg].retired_at_ns:
        turn.alert(
            f"stop-market:{group.group_id}:{order.leg}",
            Severity.INFO,
            f"{group.group_id}: the stop of {order.symbol} did not fill at its limit and fell back to "
            f"market: {how}",
            "stop-market",
            group.group_id,
        )
