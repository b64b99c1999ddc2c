"""The tables that say where things stand, as rows made from groups and facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from core.domain.facts import HedgeWanted, OrderIntended, Recorded
from core.domain.groups import MultiLegOrderGroup

EXECUTION_STATE: Final = "INSERT OR REPLACE INTO execution_states VALUES (" + ",".join("?" * 18) + ")"
LEG_STATE: Final = "INSERT OR REPLACE INTO leg_states VALUES (" + ",".join("?" * 14) + ")"
ORDER_STATE: Final = "INSERT OR REPLACE INTO order_states VALUES (" + ",".join("?" * 16) + ")"
EMERGENCY_HEDGE: Final = "INSERT INTO emergency_hedges VALUES (" + ",".join("?" * 8) + ")"

Row = tuple[int | str, ...]
_JSON = msgspec.json.Encoder().encode


def legs_json(group: MultiLegOrderGroup) -> str:
    """Symbol, side, target and net units of each leg, for the column ``legs`` of ``execution_states``."""
    legs = [
        {
            "symbol": leg.plan.contract.symbol,
            "side": leg.plan.side,
            "target_units": group.target_units(index),
            "net_units": leg.net_units,
        }
        for index, leg in enumerate(group.legs)
    ]
    return _JSON(legs).decode()


def execution_state_row(group: MultiLegOrderGroup, legs: str, at_ns: int, seq: int) -> Row:
    """The row of ``execution_states``, in the order of its columns."""
    plan = group.plan
    return (
        plan.group_id,
        str(group.state),
        group.reason,
        str(group.cause) if group.cause is not None else "",
        plan.strategy,
        plan.underlying,
        str(plan.product),
        str(group.goal),
        group.copies,
        plan.copies,
        legs,
        len(group.live),
        group.planned_at_ns,
        group.state_since_ns,
        group.first_fill_ns,
        group.last_fill_ns,
        at_ns,
        seq,
    )


def leg_state_row(group: MultiLegOrderGroup, index: int, seq: int) -> Row:
    """The row of ``leg_states`` for one leg of a group."""
    leg = group.legs[index]
    return (
        group.plan.group_id,
        index,
        leg.plan.contract.symbol,
        str(leg.plan.side),
        str(leg.plan.leg_type),
        group.target_units(index),
        leg.net_units,
        leg.bought_units,
        leg.sold_units,
        leg.closed_units,
        leg.bought_value_paise,
        leg.sold_value_paise,
        leg.children,
        seq,
    )


def order_state_rows(rows: Iterable[Recorded], groups: dict[str, MultiLegOrderGroup]) -> list[Row]:
    """The rows of ``order_states`` for every order that a fact speaks of."""
    last: dict[tuple[str, str], int] = {}
    for row in rows:
        fact = row.fact
        tag = fact.order.tag if isinstance(fact, OrderIntended) else getattr(fact, "tag", None)
        if tag is not None:
            last[row.group_id, tag] = row.seq
    states: list[Row] = []
    for (group_id, tag), seq in last.items():
        group = groups.get(group_id)
        order = group.orders.get(tag) if group is not None else None
        if order is not None:
            states.append(
                (
                    tag,
                    group_id,
                    order.leg,
                    str(order.purpose),
                    order.symbol,
                    str(order.side),
                    order.units,
                    order.filled_units,
                    order.limit_paise,
                    order.trigger_paise,
                    str(order.outcome) if order.outcome is not None else "",
                    str(order.status),
                    order.order_id or "",
                    order.message,
                    order.intended_at_ns,
                    seq,
                )
            )
    return states


def emergency_hedge_rows(rows: Iterable[Recorded]) -> list[Row]:
    """The rows of ``emergency_hedges``: one for each ``HedgeWanted``."""
    hedges: list[Row] = []
    for row in rows:
        fact = row.fact
        if isinstance(fact, HedgeWanted):
            side = str(fact.side)
            hedges.append(
                (row.seq, fact.group_id, row.at_ns, fact.hedge, fact.symbol, side, fact.units, fact.reason)
            )
    return hedges
