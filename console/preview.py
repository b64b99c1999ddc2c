"""What a flatten would send, what it would cost, and what would be left: worked out from the snapshot alone.

An estimate for the person who confirms. The core decides again, from what it knows when the command arrives.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.groups import LegState, MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Purpose
from core.engine.snapshot import Snapshot

LEGGING = frozenset(
    {ExecutionLifecycle.PARTIALLY_EXPOSED, ExecutionLifecycle.HEDGING, ExecutionLifecycle.UNWINDING}
)
REDUCING = (Purpose.EXIT, Purpose.UNWIND)


@dataclass(frozen=True, slots=True)
class PreviewOrder:
    """One leg's closing orders. ``touch_paise`` is the price they would meet; ``None`` where nobody
    quotes.
    """

    group_id: str
    label: str
    side: Side
    units: int
    children: int
    touch_paise: int | None
    cost_paise: int | None


@dataclass(frozen=True, slots=True)
class FlattenPreview:
    """What closing ``groups`` would do. ``cost_paise`` is half the spread on every unit, ``None`` if
    unknown.
    """

    groups: tuple[str, ...]
    orders: tuple[PreviewOrder, ...]
    cancels: int
    cost_paise: int | None
    blind: bool
    delta_now: float
    delta_after: float
    saw: int

    @property
    def children(self) -> int:
        """Child orders in all."""
        return sum(order.children for order in self.orders)


def live_groups(snapshot: Snapshot) -> list[MultiLegOrderGroup]:
    """Every group that has not ended."""
    return [group for group in snapshot.account.groups.values() if not group.is_over]


def legging_groups(snapshot: Snapshot) -> list[MultiLegOrderGroup]:
    """Every group that is between its first fill and whole, or on its way back: the loop must be theirs."""
    return [group for group in snapshot.account.groups.values() if group.state in LEGGING]


def preview_flatten(snapshot: Snapshot, group_ids: tuple[str, ...]) -> FlattenPreview:
    """The closing orders of these groups: shorts are bought back first, then the longs are sold."""
    groups = [snapshot.account.groups[each] for each in group_ids if each in snapshot.account.groups]
    orders = [
        order
        for group in groups
        for leg in group.legs
        if (order := _closing(snapshot, group, leg)) is not None
    ]
    orders.sort(key=lambda order: order.side is Side.SELL)
    costs = [order.cost_paise for order in orders]
    known = [cost for cost in costs if cost is not None]
    leaving = sum(
        exposure.delta_units for each in group_ids if (exposure := snapshot.exposures.get(each)) is not None
    )
    return FlattenPreview(
        groups=tuple(group.group_id for group in groups),
        orders=tuple(orders),
        cancels=sum(order.purpose not in REDUCING for group in groups for order in group.live_orders),
        cost_paise=sum(known) if known else (0 if not costs else None),
        blind=len(known) < len(costs),
        delta_now=snapshot.total.delta_units,
        delta_after=snapshot.total.delta_units - leaving,
        saw=snapshot.version,
    )


def _closing(snapshot: Snapshot, group: MultiLegOrderGroup, leg: LegState) -> PreviewOrder | None:
    """The order that would close a leg, less what is already closing it; ``None`` where nothing is held."""
    net = leg.net_units
    if net == 0:
        return None
    side = Side.SELL if net > 0 else Side.BUY
    units = abs(net) - group.working(leg.plan.index, side, *REDUCING)
    if units <= 0:
        return None
    contract = leg.plan.contract
    slice_units = contract.sliceable_units
    quote = snapshot.view.fresh(contract.symbol, snapshot.at_ns)
    touch = quote.touch_paise(side) if quote else None
    return PreviewOrder(
        group_id=group.group_id,
        label=contract.label,
        side=side,
        units=units,
        children=-(-units // slice_units) if slice_units else 1,
        touch_paise=touch,
        cost_paise=round(quote.half_spread_paise * units) if quote and touch is not None else None,
    )
