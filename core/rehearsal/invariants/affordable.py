"""Whether a group could be afforded when its first order went out, by the exchange's own books."""

from __future__ import annotations

from core.domain.account import Account
from core.domain.groups import Goal, GroupPlan
from core.domain.orders import Funds
from core.domain.quotes import MarketView
from core.market.margin_parameters import built_in_parameters
from core.rehearsal.invariants.told import Told
from core.rehearsal.invariants.truth import Truth
from core.rehearsal.preparation import Prepared
from core.risk.worst_case import WorstCaseMarginSimulator


def unaffordable(
    plan: GroupPlan,
    told: Told,
    truth: Truth,
    account: Account,
    view: MarketView,
    funds: Funds,
    prepared: Prepared,
    now_ns: int,
) -> str:
    """10, with our own worst case: this group beside what others hold and what they still want.

    Returns why it cannot be afforded, ``""`` where it can.

    All of that is counted in full by the exchange's own books, so the funds are those that would be free
    if no order were working.
    """
    pending = [
        (leg.plan.contract, missing)
        for group in account.groups.values()
        if group.group_id != plan.group_id and group.goal is Goal.ENTER and not group.is_over
        if group.group_id in told.groups and told.groups[group.group_id].orders
        for index, leg in enumerate(group.legs[: len(group.plan.legs)])
        if (missing := group.target_units(index) - truth.held_units(group.group_id, index))
        * leg.plan.side.sign
        > 0
    ]
    worst = WorstCaseMarginSimulator(
        built_in_parameters(),
        calendar=prepared.calendar,
        margin_use_max_bps=account.settings.margin_use_max_bps,
        shocks=prepared.asked.scenario.margin_shocks,
    ).simulate(
        plan,
        view,
        funds,
        now_ns=now_ns,
        others=truth.held_besides(plan.group_id),
        reserved=pending,
    )
    if worst.passed or not worst.required_paise:
        return ""
    return f"{plan.group_id} is sent although {worst.sentence}"
