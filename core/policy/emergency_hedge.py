"""Emergency hedges: answering short units that stand uncovered, and delta that has run away.

Filled orders are final, so a hedge is always one more trade: take the naked short back, complete the
protection that is missing, buy cover at another strike, or neutralise delta with the index future. Which of
them is best, ``hedge_manager`` says; here it is carried out.
"""

from __future__ import annotations

from core.domain.account import Severity
from core.domain.cover import (
    confirmed_holdings,
    uncovered_beyond_plan,
)
from core.domain.exposure import Exposure
from core.domain.facts import HedgeWanted, HedgeWindowClosed, HedgeWindowOpened, LegAdded
from core.domain.groups import Goal, LegPlan, LegType, MultiLegOrderGroup
from core.domain.instruments import Contract, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import LANES, ChildOrder, Lane, Purpose
from core.domain.timing import NS_PER_MS
from core.policy.attempts import failed_attempts
from core.policy.child_orders import ChildOrderManager, budget_allows, cancel_order_confirmed
from core.policy.hedge_manager import HedgeChoice, can_be_told
from core.policy.pricing_rules import closing_price
from core.policy.stop_release import release
from core.policy.turn import Turn

_S = ExecutionLifecycle
_STUCK_MS = 3_000
"""A purchase that has not filled for so long while units stand uncovered gives way to another kind."""


class EmergencyHedgeExecutor:
    """Carries answers out, once per window: the first call at once, the others gathered, none dropped."""

    @staticmethod
    def answer_uncovered(turn: Turn, group_id: str) -> None:
        """Answer short units without cover, unless enough is on its way already.

        What one trade does not answer, another does: all that is known now goes out now, as one try.
        """
        group = turn.group(group_id)
        if not uncovered_beyond_plan(group.plan, confirmed_holdings(group)):
            _all_clear(turn, group)
            return
        counting = turn.guarded("working-in-hedge")
        units = turn.parts.hedge_manager.unanswered_units(group, count_working=counting)
        if not units:
            _unstick(turn, group)
            return
        if _gathering(turn, group):
            return
        if not turn.may_trade():
            turn.wake_at_open(group_id)
            return
        if group.hedge.tries >= turn.settings.hedge_tries:
            turn.manual(
                group_id,
                ManualCause.HEDGE_EXHAUSTED,
                f"{units} short units stand without cover after {group.hedge.tries} hedges",
            )
            return
        reason = f"{units} short units without cover"
        left = units
        while left:
            choices = turn.parts.hedge_manager.choices(
                group,
                turn.view,
                turn.now_ns,
                left,
                count_working=counting,
                taken=held_against(turn, group, Side.BUY),
            )
            if not choices:
                turn.wake_in(group_id, turn.settings.monitor_every_ms)
                return
            if not _hedge(turn, group, choices[0], reason):
                return
            group, before = turn.group(group_id), left
            manager = turn.parts.hedge_manager
            left = manager.unanswered_units(group) if counting else before - choices[0].units
            if left >= before:
                return

    @staticmethod
    def answer_breach(turn: Turn, group_id: str, exposure: Exposure) -> str:
        """Answer delta or loss beyond its limit while a group is incomplete.

        Returns why the group should be given up instead, where no hedge is the answer.
        """
        group = turn.group(group_id)
        since_ns = group.unhedged.since_ns
        if exposure.uncovered_units or not since_ns or group.state is not _S.PARTIALLY_EXPOSED:
            return ""
        loss = -min(exposure.loss_down_paise, exposure.loss_up_paise)
        over_loss = bool(group.plan.loss_limit_paise) and loss > group.plan.loss_limit_paise
        long_only = _is_long_only(group)
        due_ns = since_ns + turn.settings.hedge_long_only_after_ms * NS_PER_MS
        if over_loss and not long_only:
            return f"the loss at ±3 % is over its limit: {group.unhedged.reason}"
        if turn.now_ns < due_ns:
            turn.wake(group_id, due_ns)
            turn.alert(
                f"exposed:{group_id}",
                Severity.WARNING,
                f"{group_id}: {group.unhedged.reason}; the missing legs come first, a hedge after 2 s",
                "exposed",
                group_id,
            )
            return ""
        if over_loss:
            return f"long options alone stood over the loss limit for 2 s: {group.unhedged.reason}"
        if _gathering(turn, group) or _future_working(group):
            return ""
        if group.hedge.tries >= turn.settings.hedge_tries:
            return f"delta stayed over its limit after {group.hedge.tries} hedges"
        side = Side.SELL if exposure.delta_units > 0 else Side.BUY
        choice = turn.parts.hedge_manager.neutral_future(
            group, turn.view, turn.now_ns, exposure.delta_units, held_against(turn, group, side)
        )
        if choice is None:
            return ""
        _hedge(turn, group, choice, group.unhedged.reason)
        return ""


def held_against(turn: Turn, group: MultiLegOrderGroup, side: Side) -> frozenset[str]:
    """Symbols that the trader or another group holds the other way round than a trade of this side would.

    At the broker the two would net: a hedge there closes what is not this group's, and hedges nothing.
    """
    against: set[str] = set()
    for key, units in turn.account.foreign.items():
        if key.product is group.plan.product and units * side.sign < 0:
            against.add(key.symbol)
    for other in turn.account.groups.values():
        if other.group_id == group.group_id or other.plan.product is not group.plan.product:
            continue
        against.update(leg.plan.contract.symbol for leg in other.legs if leg.net_units * side.sign < 0)
        against.update(
            leg.contract.symbol
            for leg in other.plan.legs
            if not other.is_over and leg.side is not side and other.goal is Goal.ENTER
        )
    return frozenset(against)


def has_working_hedge(group: MultiLegOrderGroup) -> bool:
    """Whether a hedge order of this group may still fill."""
    return any(order.purpose is Purpose.HEDGE for order in group.live_orders)


def held_back_units(turn: Turn, group: MultiLegOrderGroup, short: Contract) -> int:
    """Units uncovered like this short that an open window gathers: nobody else answers them meanwhile."""
    if turn.now_ns >= group.hedge.window_closes_ns:
        return 0
    return turn.parts.hedge_manager.unanswered_like(group, short)


def _hedge(turn: Turn, group: MultiLegOrderGroup, choice: HedgeChoice, reason: str) -> bool:
    """Carry one answer out, and open the window for what comes next. Returns whether it could be sent."""
    group_id = group.group_id
    refused = 0 if choice.leg is None else failed_attempts(group, choice.leg, choice.side)[0]
    wanted = closing_price(turn.settings, choice.contract, choice.side, turn.view, turn.now_ns, refused)
    if wanted is None:
        turn.wake_in(group_id, turn.settings.monitor_every_ms)
        return False
    if not budget_allows(turn, group_id, LANES[Purpose.HEDGE]):
        return False  # it is tried again when it may leave: only what went out counts as a hedge
    leg = choice.leg
    if leg is None:
        leg = len(group.legs)
        plan = LegPlan(
            leg, choice.contract, choice.side, 1, LegType.HEDGE, 50, f"emergency hedge: {choice.kind}"
        )
        turn.record(LegAdded(group_id, plan), group_id)
    turn.record(
        HedgeWanted(group_id, choice.kind, choice.contract.symbol, choice.side, choice.units, reason),
        group_id,
    )
    closes_ns = turn.now_ns + turn.settings.hedge_debounce_ms * NS_PER_MS
    if turn.group(group_id).hedge.window_closes_ns != closes_ns:
        turn.record(HedgeWindowOpened(group_id, closes_ns), group_id)
    units = choice.units
    if choice.kind == "reverse":
        units -= _for_stops(turn, group_id, leg, units)
    if units:
        ChildOrderManager.intend(turn, group_id, leg, choice.side, units, Purpose.HEDGE, wanted.paise)
    state = turn.group(group_id).state
    if state in (_S.PARTIALLY_EXPOSED, _S.UNWINDING, _S.EXITING):
        turn.move(group_id, _S.HEDGING, f"{choice.kind} {choice.units} {choice.contract.label}: {reason}")
    turn.wake(group_id, closes_ns)
    return True


def _for_stops(turn: Turn, group_id: str, leg: int, units: int) -> int:
    """Have a short's stops buy back what no other order may, and say how much that is."""
    group = turn.group(group_id)
    free = max(0, -group.legs[leg].net_units - group.working(leg, Side.BUY))
    theirs = 0
    for order in group.live_orders:
        missing = units - free - theirs
        if missing > 0 and order.leg == leg and can_be_told(order):
            release(turn, turn.group(group_id), order, missing, Lane.EMERGENCY)
            theirs += min(missing, order.working_units)
    return theirs


def _gathering(turn: Turn, group: MultiLegOrderGroup) -> bool:
    """Whether a window is open. What comes while it is waits for its end and is decided once, as a whole."""
    closes_ns = group.hedge.window_closes_ns
    if not closes_ns:
        return False
    if turn.now_ns < closes_ns:
        if turn.guarded("trailing-edge"):
            turn.wake(group.group_id, closes_ns)
        else:  # the naive debounce: every call starts the wait again
            again_ns = turn.now_ns + turn.settings.hedge_debounce_ms * NS_PER_MS
            turn.record(HedgeWindowOpened(group.group_id, again_ns), group.group_id)
        return True
    turn.record(HedgeWindowClosed(group.group_id), group.group_id)
    return False


def _all_clear(turn: Turn, group: MultiLegOrderGroup) -> None:
    if group.hedge.window_closes_ns and turn.now_ns >= group.hedge.window_closes_ns:
        turn.record(HedgeWindowClosed(group.group_id), group.group_id)


def _unstick(turn: Turn, group: MultiLegOrderGroup) -> None:
    """Enough is on its way but does not arrive: take the oldest back, so that another kind may try."""
    stuck_ns = _STUCK_MS * NS_PER_MS
    for order in group.live_orders:
        if order.side is not Side.BUY or order.purpose is Purpose.STOP:
            continue
        quote = turn.view.fresh(order.symbol, turn.now_ns)
        offered = quote is not None and quote.ask_paise is not None
        age_ns = turn.now_ns - order.intended_at_ns
        if age_ns >= stuck_ns and not offered and _offered_elsewhere(turn, group, order):
            cancel_order_confirmed(
                turn, order, "it does not fill and units stand uncovered: another kind is tried"
            )
            return
        turn.wake(group.group_id, max(order.intended_at_ns + stuck_ns, turn.now_ns + stuck_ns // 6))


def _offered_elsewhere(turn: Turn, group: MultiLegOrderGroup, stuck: ChildOrder) -> bool:
    choices = turn.parts.hedge_manager.choices(
        group, turn.view, turn.now_ns, stuck.working_units, without=stuck.tag
    )
    return any(choice.contract.symbol != stuck.symbol and choice.fills_at_once for choice in choices)


def _is_long_only(group: MultiLegOrderGroup) -> bool:
    """Nothing is short and nothing that sells is out: all that can be lost is the premium."""
    return all(leg.net_units >= 0 for leg in group.legs) and not any(
        order.side is Side.SELL for order in group.live_orders
    )


def _future_working(group: MultiLegOrderGroup) -> bool:
    return any(group.legs[order.leg].plan.contract.right is None for order in group.live_orders)
