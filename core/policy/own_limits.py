"""The account's own limits: what a person has allowed a trade and a day, checked before anything is sent."""

from __future__ import annotations

from core.domain.calendar import SessionCalendar
from core.domain.groups import MultiLegOrderGroup
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.timing import to_ist
from core.policy.child_orders import ChildOrderManager
from core.policy.exposure import InterimExposureHandler, counts_today, day_pnl_paise
from core.policy.turn import Turn
from core.risk.limits import Request, RiskLimitError, RiskLimits, require_within
from core.risk.payoff import PayoffLeg, payoff_of
from core.risk.priced import price_contracts


def refusal_by_limits(turn: Turn, group: MultiLegOrderGroup) -> str:
    """Every limit of the account that the group would break, in sentences; ``""`` where it breaks none."""
    limits = turn.parts.limits
    if limits == RiskLimits():
        return ""
    loss, problem = _maximum_loss(turn, group)
    if problem and (limits.loss_per_trade_paise is not None or limits.loss_per_day_paise is not None):
        return f"its greatest loss cannot be told, because {problem}"
    try:
        require_within(_request(turn, group, loss), limits)
    except RiskLimitError as error:
        return str(error)
    return ""


def _request(turn: Turn, group: MultiLegOrderGroup, max_loss_paise: int | None) -> Request:
    plan, account = group.plan, turn.account
    others = [each for each in account.groups.values() if each.group_id != group.group_id]
    live = [each for each in others if not each.is_over and each.plan.underlying == plan.underlying]
    today = to_ist(turn.now_ns).date()
    begun = [
        each
        for each in others
        if each.state is not ExecutionLifecycle.REJECTED and to_ist(each.planned_at_ns).date() == today
    ]
    filled = [each for each in others if counts_today(each, turn.now_ns)]
    measured = InterimExposureHandler.measure(filled, turn.view, turn.now_ns, turn.settings.shock_bps)
    return Request(
        plan=plan,
        max_loss_paise=max_loss_paise,
        orders=sum(ChildOrderManager.count(leg.contract, plan.units(leg.index)) for leg in plan.legs),
        open_lots=sum(each.copies * max(leg.ratio for leg in each.plan.legs) for each in live),
        day_pnl_paise=day_pnl_paise(
            account, {name: exposure.pnl_paise for name, exposure in measured.items()}, turn.now_ns
        ),
        orders_today=account.budget.day_count,
        groups_today=len(begun),
    )


def _maximum_loss(turn: Turn, group: MultiLegOrderGroup) -> tuple[int | None, str]:
    """The greatest loss at expiry, unbounded as ``None``, and why it cannot be told where it cannot."""
    plan = group.plan
    priced, problems = price_contracts(
        turn.view, [leg.contract for leg in plan.legs], turn.now_ns, SessionCalendar()
    )
    if problems:
        return None, str(problems[0])
    legs = [
        PayoffLeg(price, leg.side.sign * plan.units(leg.index), price.value_paise)
        for price, leg in zip(priced, plan.legs, strict=True)
    ]
    loss = payoff_of(legs).max_loss_paise
    return (None if loss is None else round(loss)), ""
