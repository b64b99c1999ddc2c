"""Cancels of exits that nobody confirms: ask on, never exit twice, and bound the loss in the end."""

from __future__ import annotations

from core.domain.account import Severity
from core.domain.cover import cover_width, covers, uncovered_by_kind
from core.domain.facts import HedgeWanted, LegAdded
from core.domain.groups import LegPlan, LegType, MultiLegOrderGroup
from core.domain.instruments import Contract, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import ChildOrder, Lane, Purpose
from core.domain.timing import NS_PER_MS
from core.policy.attempts import failed_attempts
from core.policy.child_orders import ChildOrderManager, budget_allows, cancel_order_confirmed
from core.policy.emergency_hedge import held_against
from core.policy.pricing_rules import closing_price
from core.policy.turn import Turn

_ALERT_AFTER_MS = 1_000
"""Slow brokers confirm within a second; after that a person should know."""
_COVER_TRIES = 3
_EXITS = (Purpose.STOP, Purpose.EXIT, Purpose.UNWIND)
_SLOW_PATIENCE = 12
"""Once a person has the group, the cancel is asked for every 3 s (12 times the first wait)."""


def press_cancels(turn: Turn, group_id: str) -> None:
    """Keep asking for cancels, and bound the loss when that of an exit from a short is not confirmed.

    Of an entry or a hedge that cannot be cancelled only a person is told: what it fills is taken back.
    """
    group = turn.group(group_id)
    pending = [order for order in group.live_orders if order.cancel_pending]
    if not pending:
        turn.clear_alert(f"cancel:{group_id}")
        return
    overdue = []
    for order in pending:
        waited_ns = turn.now_ns - order.cancel_since_ns
        if order.purpose in _EXITS:
            by_hand = turn.group(group_id).state is ExecutionLifecycle.MANUAL
            patience = _SLOW_PATIENCE if by_hand else 1
            cancel_order_confirmed(turn, order, "not confirmed yet", patience=patience)
        if waited_ns < _ALERT_AFTER_MS * NS_PER_MS:
            turn.wake(group_id, order.cancel_since_ns + _ALERT_AFTER_MS * NS_PER_MS)
            continue
        overdue.append(order)
        if order.purpose in _EXITS and waited_ns >= turn.settings.cancel_unconfirmed_after_ms * NS_PER_MS:
            if order.side is Side.BUY:
                _cover_elsewhere(turn, group_id, order)
            turn.manual(
                group_id,
                ManualCause.CANCEL_UNCONFIRMED,
                f"the cancel of {order.symbol} was not confirmed in "
                f"{turn.settings.cancel_unconfirmed_after_ms // 1_000} s; another exit could double it",
            )
    if overdue:
        _tell(turn, group_id, overdue)


def _tell(turn: Turn, group_id: str, orders: list[ChildOrder]) -> None:
    """One alert about all of them, raised again as more of them hang."""
    named = sorted(f"{order.side.value} {order.working_units:,} {order.symbol}" for order in orders)
    turn.alert(
        f"cancel:{group_id}",
        Severity.CRITICAL,
        f"{group_id}: the broker does not confirm the cancel of {', '.join(named)}; nothing else is sent for "
        "these units",
        "cancel-unconfirmed",
        group_id,
        size=len(orders),
    )


def _cover_elsewhere(turn: Turn, group_id: str, order: ChildOrder) -> None:
    """Buy a long at another strike for the naked part: bounded even if the stuck order fills after all."""
    group = turn.group(group_id)
    short = group.legs[order.leg].plan.contract
    if short.right is None:
        return
    kind = (short.right, short.expiry)
    planned = len(group.plan.legs)
    holdings = [(leg.plan.contract, leg.net_units) for leg in group.legs[:planned]]
    naked = uncovered_by_kind(holdings, cover_width(group.plan)).get(kind, 0)
    bought = sum(
        leg.held_units + group.working(index, Side.BUY, Purpose.HEDGE)
        for index, leg in enumerate(group.legs[planned:], planned)
        if (leg.plan.contract.right, leg.plan.contract.expiry) == kind
    )
    units = min(naked, _stuck_units(turn, group, short)) - bought
    units -= units % short.lot_units
    chosen = _nearest(turn, group, short) if units > 0 else None
    if chosen is None or not budget_allows(turn, group_id, Lane.EMERGENCY):
        return
    wanted = closing_price(turn.settings, chosen, Side.BUY, turn.view, turn.now_ns)
    if wanted is None:
        return
    index = next((i for i, leg in enumerate(group.legs) if leg.plan.contract == chosen), len(group.legs))
    if index < len(group.legs):
        if failed_attempts(group, index, Side.BUY)[0] >= _COVER_TRIES:
            return
    else:
        leg = LegPlan(
            index, chosen, Side.BUY, 1, LegType.HEDGE, 50, f"cover for the stuck exit of {short.label}"
        )
        turn.record(LegAdded(group_id, leg), group_id)
    reason = f"the cancel of {order.symbol} is not confirmed"
    turn.record(HedgeWanted(group_id, "cover", chosen.symbol, Side.BUY, units, reason), group_id)
    ChildOrderManager.intend(turn, group_id, index, Side.BUY, units, Purpose.HEDGE, wanted.paise)


def _stuck_units(turn: Turn, group: MultiLegOrderGroup, short: Contract) -> int:
    """Units of this kind that exits without a confirmed cancel may still buy back: as many get cover."""
    oldest_ns = turn.now_ns - turn.settings.cancel_unconfirmed_after_ms * NS_PER_MS
    units = 0
    for order in group.live_orders:
        contract = group.legs[order.leg].plan.contract
        same = (contract.right, contract.expiry) == (short.right, short.expiry)
        stuck = order.cancel_pending and order.cancel_since_ns <= oldest_ns
        if same and stuck and order.side is Side.BUY and order.purpose in _EXITS:
            units += order.working_units
    return units


def _nearest(turn: Turn, group: MultiLegOrderGroup, short: Contract) -> Contract | None:
    """The nearest strike further out of the money, else the nearest at all, that is offered now."""
    planned = {leg.contract.symbol for leg in group.plan.legs} | held_against(turn, group, Side.BUY)
    offered = []
    for other in turn.view.contracts.values():
        if other.symbol in planned or other.expiry != short.expiry or not other.sliceable_units:
            continue
        if not covers(other, short, cover_width(group.plan)):
            continue
        quote = turn.view.fresh(other.symbol, turn.now_ns)
        if quote is not None and quote.ask_paise is not None:
            offered.append((quote.ask_paise, other))
    if not offered:
        return None
    near = [
        (abs(other.strike_paise - short.strike_paise), ask, other.symbol, other) for ask, other in offered
    ]
    cheaper = [row for row in near if row[1] <= _ask(turn, short)]
    return min(cheaper or near, key=lambda row: row[:3])[3]


def _ask(turn: Turn, contract: Contract) -> float:
    """Further out of the money is cheaper than the short itself: that is how it is recognised."""
    quote = turn.view.quotes.get(contract.symbol)
    touch = quote.ask_paise or quote.last_paise if quote is not None else None
    return float("inf") if touch is None else float(touch)
