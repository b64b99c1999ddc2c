"""Cover: which longs bound the loss of which shorts.

A long covers a short of the same underlying, right and product, unit for unit, when it expires no earlier
and its strike is within the plan's width; each unit covers once, and a put never covers a call. What is left
over is *naked*.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from core.domain.groups import GroupPlan, MultiLegOrderGroup
from core.domain.instruments import Contract, Right, Side

Holding = tuple[Contract, int]
"""A contract with signed units, all of one product."""

UncoveredByKind = dict[tuple[Right, date], int]


def uncovered_by_kind(holdings: Iterable[Holding], width_paise: int | None) -> UncoveredByKind:
    """Short option units that no long covers, by right and expiry; kinds without any are absent.

    ``width_paise`` bounds the distance between the strikes; ``None`` is no bound. Exact within one expiry.
    Across expiries it may leave a unit naked that a cleverer pairing would cover, never the reverse.
    Futures neither cover nor need cover.
    """
    longs: list[tuple[Contract, int]] = []
    shorts: list[tuple[Contract, int]] = []
    for contract, units in holdings:
        if contract.right is None or not units:
            continue
        (longs if units > 0 else shorts).append((contract, abs(units)))
    if not shorts:
        return {}
    shorts.sort(key=lambda held: (-held[0].expiry.toordinal(), held[0].strike_paise))
    longs.sort(key=lambda held: (-held[0].expiry.toordinal(), held[0].strike_paise))
    left = [units for _, units in longs]
    naked: UncoveredByKind = {}
    for short, units in shorts:
        for index, (long, _) in enumerate(longs):
            if not left[index] or not covers(long, short, width_paise):
                continue
            used = min(units, left[index])
            left[index] -= used
            units -= used
            if not units:
                break
        if units and short.right is not None:
            kind = (short.right, short.expiry)
            naked[kind] = naked.get(kind, 0) + units
    return naked


def uncovered_units(holdings: Iterable[Holding], width_paise: int | None) -> int:
    """All short option units that no long covers."""
    return sum(uncovered_by_kind(holdings, width_paise).values())


def confirmed_holdings(group: MultiLegOrderGroup) -> list[Holding]:
    """What a group holds by the fills that the broker has told of."""
    return [(leg.plan.contract, leg.net_units) for leg in group.legs]


def worst_holdings(group: MultiLegOrderGroup) -> list[Holding]:
    """What a group would hold if every working or unanswered sale filled, and no purchase did."""
    selling = [0] * len(group.legs)
    for order in group.live_orders:
        if order.side is Side.SELL:
            selling[order.leg] += order.working_units
    return [(leg.plan.contract, leg.net_units - selling[index]) for index, leg in enumerate(group.legs)]


def cover_width(plan: GroupPlan) -> int | None:
    """How far apart a long and the short it covers may be: the plan's own width, unbounded if it has none."""
    return plan.strike_width_paise or None


def allowed_naked(plan: GroupPlan) -> UncoveredByKind:
    """The short units that the plan itself leaves naked, by right and expiry, where it is allowed to."""
    if not plan.allow_naked:
        return {}
    whole = [(leg.contract, leg.side.sign * plan.units(leg.index)) for leg in plan.legs]
    return uncovered_by_kind(whole, cover_width(plan))


def beyond_plan_by_kind(plan: GroupPlan, holdings: Iterable[Holding]) -> UncoveredByKind:
    """Naked short units beyond what the plan allows, by right and expiry: what nobody wanted to hold."""
    naked = uncovered_by_kind(holdings, cover_width(plan))
    if not naked:
        return naked
    allowed = allowed_naked(plan)
    return {kind: max(0, units - allowed.get(kind, 0)) for kind, units in naked.items()}


def uncovered_beyond_plan(plan: GroupPlan, holdings: Iterable[Holding]) -> int:
    """All naked short units beyond what the plan allows."""
    return sum(beyond_plan_by_kind(plan, holdings).values())


def covers(long: Contract, short: Contract, width_paise: int | None) -> bool:
    """Whether one unit of ``long`` bounds the loss of one unit of ``short``."""
    return (
        long.right is short.right
        and long.underlying == short.underlying
        and long.expiry >= short.expiry
        and (width_paise is None or abs(long.strike_paise - short.strike_paise) <= width_paise)
    )
