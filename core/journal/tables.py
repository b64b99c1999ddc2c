"""The tables that say where things stand, as rows made from groups and facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from core.domain.facts import HedgeWanted, OrderIntended, Recorded
from core.domain.groups import MultiLegOrderGroup

LEG_STATE: Final = "INSERT OR REPLACE INTO leg_states VALUES (" + ",".join("?" * 14) + ")"
ORDER_STATE: Final = "INSERT OR REPLACE INTO order_states VALUES (" + ",".join("?" * 16) + ")"
EMERGENCY_HEDGE: Final = "INSERT INTO emergency_hedges VALUES (" + ",".join("?" * 8) + ")"

Row = tuple[int | str, ...]
_JSON = msgspec.json.Encoder().encode


class ExecutionState(NamedTuple):
    """One group as the row of ``execution_states`` tells it: where it stands, why, and as of which event.

    The columns are those of the table, in its order. Times are exchange time, 0 where there is none;
    ``copies`` are wanted now, ``copies_planned`` were agreed to; ``legs`` is JSON, see ``legs_json``.
    """

    group_id: str
    state: str
    reason: str
    cause: str
    strategy: str
    underlying: str
    product: str
    goal: str
    copies: int
    copies_planned: int
    legs: str
    live_orders: int
    planned_at_ns: int
    state_since_ns: int
    first_fill_ns: int
    last_fill_ns: int
    updated_at_ns: int
    updated_seq: int

    @classmethod
    def of(cls, group: MultiLegOrderGroup, legs: str, at_ns: int, seq: int) -> ExecutionState:
        """How a group stands after event ``seq``; ``legs`` is its ``legs_json``."""
        plan = group.plan
        return cls(
            group_id=plan.group_id,
            state=str(group.state),
            reason=group.reason,
            cause=str(group.cause) if group.cause is not None else "",
            strategy=plan.strategy,
            underlying=plan.underlying,
            product=str(plan.product),
            goal=str(group.goal),
            copies=group.copies,
            copies_planned=plan.copies,
            legs=legs,
            live_orders=len(group.live),
            planned_at_ns=group.planned_at_ns,
            state_since_ns=group.state_since_ns,
            first_fill_ns=group.first_fill_ns,
            last_fill_ns=group.last_fill_ns,
            updated_at_ns=at_ns,
            updated_seq=seq,
        )


EXECUTION_STATE: Final = (
    f"INSERT OR REPLACE INTO execution_states ({','.join(ExecutionState._fields)}) "
    f"VALUES ({','.join('?' * len(ExecutionState._fields))})"
)


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
