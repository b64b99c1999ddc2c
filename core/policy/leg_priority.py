"""Leg priority: which leg of a group is sent first, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from core.domain.cover import Holding
from core.domain.groups import GroupPlan, LegPlan
from core.domain.leg_roles import in_sending_order
from core.domain.quotes import Quote


class LegPriorityCalculator:
    """Orders legs by what they do for the group: protection before the shorts that need it.

    The order alone protects nobody: a short is *released* only against confirmed protective fills, which is
    the group policy's task. This says who is asked first and shows the reason.
    """

    def order(
        self, legs: Sequence[LegPlan], quotes: Mapping[str, Quote], held: Iterable[Holding] = ()
    ) -> tuple[LegPlan, ...]:
        """The legs with type, score, reason and index, in the order in which they are sent."""
        return in_sending_order(legs, quotes, held)

    def plan_again(
        self, plan: GroupPlan, quotes: Mapping[str, Quote], held: Iterable[Holding] = ()
    ) -> GroupPlan:
        """The same plan with its legs ordered by these quotes and holdings."""
        return replace(plan, legs=self.order(plan.legs, quotes, held))
