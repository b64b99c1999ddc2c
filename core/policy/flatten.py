"""Flatten without anything: groups made of the broker's positions, so that the ordinary rules close them.

No journal is needed and none is believed: what the broker says is held is what has to go, shorts first,
sliced, priced and paced like every other exit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.domain.facts import (
    Fact,
    GoalChanged,
    GroupPlanned,
    HoldingAdopted,
    StateChanged,
)
from core.domain.groups import Goal, GroupPlan, IncompletePolicy, LegPlan, LegType
from core.domain.instruments import Contract, Product, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import PositionReport
from core.domain.tags import group_id_for

STRATEGY = "flatten"
_REASON = "an operator flattens the account"
_FOREVER_NS = 1 << 62
_S = ExecutionLifecycle


@dataclass(frozen=True, slots=True)
class Flattening:
    """The facts that put the positions into groups on their way out, and what cannot be traded away."""

    facts: tuple[tuple[str, Fact], ...]
    problems: tuple[str, ...]


def flattening(
    positions: Iterable[PositionReport], contracts: Mapping[str, Contract], who: str
) -> Flattening:
    """One group a product, with every position that can be closed as a leg that is held in full."""
    problems: list[str] = []
    by_product: dict[Product, list[tuple[Contract, int]]] = {}
    for position in sorted(positions, key=lambda each: each.key):
        if not position.units:
            continue
        contract = contracts.get(position.key.symbol)
        if contract is None:
            problems.append(f"{position.key}: {position.units:+d} units of a contract that is not listed")
        elif not contract.sliceable_units:
            problems.append(f"{position.key}: its freeze quantity is unknown, so no order can be sized")
        elif not contract.is_whole_lots(position.units):
            problems.append(f"{position.key}: {position.units:+d} units are no whole lots")
        else:
            by_product.setdefault(position.key.product, []).append((contract, position.units))
    facts: list[tuple[str, Fact]] = []
    for number, (product, holdings) in enumerate(sorted(by_product.items()), 1):
        facts += [(group_id_for(number), fact) for fact in _group(number, product, holdings, who)]
    return Flattening(tuple(facts), tuple(problems))


def _group(number: int, product: Product, holdings: list[tuple[Contract, int]], who: str) -> list[Fact]:
    group_id = group_id_for(number)
    legs = tuple(
        LegPlan(
            index,
            contract,
            Side.BUY if units > 0 else Side.SELL,
            abs(units) // contract.lot_units,
            LegType.LONG if units > 0 else LegType.NAKED_SHORT,
            0,
            "held at the broker",
        )
        for index, (contract, units) in enumerate(holdings)
    )
    plan = GroupPlan(
        group_id=group_id,
        number=number,
        strategy=STRATEGY,
        underlying=holdings[0][0].underlying,
        product=product,
        legs=legs,
        copies=1,
        on_incomplete=IncompletePolicy.UNWIND,
        max_slippage_bps=0,
        good_until_ns=_FOREVER_NS,
        allow_naked=True,
    )
    return [
        GroupPlanned(plan),
        StateChanged(group_id, _S.VALIDATING, _REASON),
        StateChanged(group_id, _S.PLACING, _REASON),
        *(HoldingAdopted(group_id, index, abs(units), who) for index, (_, units) in enumerate(holdings)),
        StateChanged(group_id, _S.MANUAL, _REASON, ManualCause.OPERATOR),
        GoalChanged(group_id, Goal.REDUCE, 0, _REASON),
        StateChanged(group_id, _S.UNWINDING, _REASON),
    ]
