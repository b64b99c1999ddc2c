"""A condor with one order out, and batches of facts about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from core.domain.facts import Fact, OrderIntended, Recorded, StateChanged
from core.domain.groups import (
    Goal,
    GroupPlan,
    IncompletePolicy,
    LegPlan,
    LegState,
    LegType,
    MultiLegOrderGroup,
)
from core.domain.instruments import Contract, InstrumentKind, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import ChildOrder, OrderType, Purpose
from core.journal.writing import Batch

AT_NS = 1_756_440_000_123_000_000
"""2025-08-29 09:30:00.123 Indian time."""


def leg(index: int, strike: int, right: Right, side: Side) -> LegPlan:
    contract = Contract(
        symbol=f"NIFTY25AUG{strike}{right}",
        exchange="NFO",
        underlying="NIFTY",
        kind=InstrumentKind.OPTION,
        expiry=date(2025, 8, 28),
        strike_paise=strike * 100,
        right=right,
        lot_units=75,
        tick_paise=5,
        freeze_units=1_800,
    )
    kind = LegType.PROTECTIVE_LONG if side is Side.BUY else LegType.COVERED_SHORT
    return LegPlan(index, contract, side, 1, kind, 100, "protects")


def order(
    tag: str = "QX7K2M0010101", purpose: Purpose = Purpose.ENTRY, group_id: str = "G-001"
) -> ChildOrder:
    return ChildOrder(
        tag=tag,
        group_id=group_id,
        leg=0,
        child=1,
        attempt=1,
        purpose=purpose,
        symbol="NIFTY25AUG24000PE",
        exchange="NFO",
        product=Product.NRML,
        side=Side.BUY,
        units=750,
        lot_units=75,
        order_type=OrderType.LIMIT,
        limit_paise=5_815,
        trigger_paise=0,
        intended_at_ns=AT_NS,
    )


def condor(*orders: ChildOrder, group_id: str = "G-001") -> MultiLegOrderGroup:
    legs = (
        leg(0, 24_000, Right.PE, Side.BUY),
        leg(1, 25_000, Right.CE, Side.BUY),
        leg(2, 24_200, Right.PE, Side.SELL),
        leg(3, 24_800, Right.CE, Side.SELL),
    )
    plan = GroupPlan(
        group_id=group_id,
        number=1,
        strategy="iron_condor",
        underlying="NIFTY",
        product=Product.NRML,
        legs=legs,
        copies=10,
        on_incomplete=IncompletePolicy.SCALE_DOWN,
        max_slippage_bps=100,
        good_until_ns=AT_NS,
    )
    return MultiLegOrderGroup(
        plan=plan,
        state=ExecutionLifecycle.PLACING,
        planned_at_ns=AT_NS,
        state_since_ns=AT_NS,
        goal=Goal.ENTER,
        copies=10,
        legs=tuple(LegState(planned) for planned in legs),
        orders={each.tag: each for each in orders},
        live=tuple(each.tag for each in orders),
    )


def filled(group: MultiLegOrderGroup, index: int, units: int) -> MultiLegOrderGroup:
    """The group after units of one leg were bought."""
    legs = list(group.legs)
    legs[index] = replace(legs[index], bought_units=legs[index].bought_units + units)
    return replace(group, legs=tuple(legs), state=ExecutionLifecycle.PARTIALLY_EXPOSED)


def rows(after: int, *facts: Fact, group_id: str = "G-001") -> tuple[Recorded, ...]:
    """The facts as rows that follow row ``after``."""
    return tuple(Recorded(seq, AT_NS + seq, group_id, fact) for seq, fact in enumerate(facts, after + 1))


def batch(after: int) -> Batch:
    """A typical commit: an order is intended and its group moves."""
    group = condor(order())
    moved = StateChanged("G-001", ExecutionLifecycle.PLACING, "the wings are sent first")
    return Batch(rows(after, OrderIntended(order(), 5_800, 5_815), moved), (group,))
