"""What an operator's commands would do for a group: decided as they would be, and thrown away.

Policy is pure, so the preview is not a second opinion: it is the decision itself, taken now.
"""

from __future__ import annotations

from core.domain.account import Account
from core.domain.effects import AskMargin, CancelOrder, ModifyOrder
from core.domain.facts import HoldingAdopted, OperatorActed, OrderIntended
from core.domain.groups import MultiLegOrderGroup
from core.domain.inputs import OperatorAction, OperatorCommand
from core.domain.instruments import Side
from core.domain.quotes import MarketView
from core.engine.previews import ForeseenOrder, WayOut
from core.policy.collaborators import Collaborators
from core.policy.decide import decide, told

WAYS = (
    OperatorAction.HEDGE,
    OperatorAction.COMPLETE,
    OperatorAction.SCALE_DOWN,
    OperatorAction.UNWIND,
    OperatorAction.ADOPT,
    OperatorAction.HANDLED,
)
"""The choices for a group that needs a person, the quickest to help first."""
_TRADES = frozenset({OperatorAction.COMPLETE, OperatorAction.SCALE_DOWN, OperatorAction.UNWIND})


def ways_out(
    account: Account, group_id: str, view: MarketView, now_ns: int, parts: Collaborators
) -> tuple[WayOut, ...]:
    """Every choice for a group, with what it would lead to now; empty for a group that is not known."""
    if group_id not in account.groups:
        return ()
    return tuple(_foreseen(account, group_id, action, view, now_ns, parts) for action in WAYS)


def _foreseen(
    account: Account,
    group_id: str,
    action: OperatorAction,
    view: MarketView,
    now_ns: int,
    parts: Collaborators,
) -> WayOut:
    command = OperatorCommand(action, group_id, "preview", 0)
    try:
        decision = decide(account, command, view, now_ns, collaborators=parts)
    except Exception as error:  # the live decision would hand the group to a person; here it is only said
        return WayOut(action, False, f"it cannot be decided now: {told(error)}")
    answer = ""
    at_once: list[ForeseenOrder] = []
    works = adopts = False
    after = decision.account.groups[group_id]
    for row in decision.rows:
        match row.fact:
            case OperatorActed(detail=detail, answered=answered):
                answer = detail if answered else answer
            case OrderIntended(order):
                works = True
                label = after.legs[order.leg].plan.contract.label
                at_once.append(ForeseenOrder(label, order.side, order.units, order.limit_paise))
            case HoldingAdopted():
                works = adopts = True
            case _:
                works = True
    asks_margin = any(isinstance(effect, AskMargin) for effect in decision.effects)
    return WayOut(
        action=action,
        works=works,
        answer=answer,
        at_once=tuple(at_once),
        cancels=sum(isinstance(effect, CancelOrder) for effect in decision.effects),
        changes=sum(isinstance(effect, ModifyOrder) for effect in decision.effects),
        then=_left_to_trade(after) if works and action in _TRADES else (),
        state=after.state.value,
        asks_margin=asks_margin,
        changes_holding=adopts,
    )


def _left_to_trade(group: MultiLegOrderGroup) -> tuple[ForeseenOrder, ...]:
    """What is missing to the group's new target beyond what is out already; purchases first."""
    left = []
    for index, leg in enumerate(group.legs):
        missing = group.target_units(index) - leg.net_units
        side = Side.BUY if missing > 0 else Side.SELL
        units = abs(missing) - group.working(index, side)
        if units > 0:
            left.append(ForeseenOrder(leg.plan.contract.label, side, units))
    return tuple(sorted(left, key=lambda each: each.side is Side.SELL))
