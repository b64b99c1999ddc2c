"""Whether a group stands in the ratio that it was designed for, and the alert that says when it does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.domain.account import Severity
from core.domain.groups import LegPlan, MultiLegOrderGroup
from core.domain.lifecycle import ExecutionLifecycle
from core.policy.turn import Turn
from core.risk.position_validator import Validation, is_balanced, validate_position

_AT_REST = frozenset({ExecutionLifecycle.OPEN, ExecutionLifecycle.MANUAL})
"""States in which nothing is on its way: everywhere else legs are apart because they are being traded."""


def balance_of(group: MultiLegOrderGroup) -> Validation:
    """What a group holds against its design, as far as that is still wanted.

    What a stop took out is no part of the design any more. A hedge at another strike never was; it counts as
    cover.
    """
    wanted, units = _wanted(group)
    plan = replace(group.plan, legs=tuple(replace(leg, index=place) for place, leg in enumerate(wanted)))
    added = group.legs[len(group.plan.legs) :]
    others = [(leg.plan.contract, leg.net_units) for leg in added]
    return validate_position(plan, units, others=others)


def tell_mismatches(turn: Turn, groups: Iterable[MultiLegOrderGroup]) -> None:
    """Say which of the groups at rest are out of their ratio, and take it back where they are not."""
    for group in groups:
        if group.state not in _AT_REST:
            continue
        alert_id = f"mismatch:{group.group_id}"
        if is_balanced(*_wanted(group)):
            turn.clear_alert(alert_id)
            continue
        balance = balance_of(group)
        off_pct = max(leg.off_bps for leg in balance.legs) // 100
        words = f"{group.group_id}: {balance.sentence}"
        turn.alert(alert_id, Severity.WARNING, words, "mismatch", group.group_id, size=off_pct)


def _wanted(group: MultiLegOrderGroup) -> tuple[list[LegPlan], list[int]]:
    """The legs of the plan that are still wanted, and the signed units held in each."""
    legs = [leg for leg in group.legs[: len(group.plan.legs)] if not leg.retired_at_ns]
    return [leg.plan for leg in legs], [leg.net_units for leg in legs]
