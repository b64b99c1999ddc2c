"""Whether what is held still hedges itself in the ratio that the group was designed for.

The tolerance belongs to the *ratio* alone. Cover is never tolerant: a single naked unit is told separately.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.domain.cover import Holding, uncovered_beyond_plan
from core.domain.groups import GroupPlan, LegPlan

TOLERANCE_BPS: Final = 1_000
"""A hedge ratio more than 10 % off the designed one is a mismatch."""


@dataclass(frozen=True, slots=True)
class LegRatio:
    """A leg's share of its plan (10,000 is all of it), and how far it is off the group's fullest leg."""

    leg: int
    symbol: str
    held_units: int
    planned_units: int
    filled_bps: int
    off_bps: int


@dataclass(frozen=True, slots=True)
class Validation:
    """``balanced`` looks at ratios only; ``uncovered_units`` are naked beyond what the plan allows."""

    balanced: bool
    uncovered_units: int
    whole_copies: int
    legs: tuple[LegRatio, ...]
    sentence: str


def validate_position(
    plan: GroupPlan,
    held_units: Mapping[int, int] | Sequence[int],
    *,
    tolerance_bps: int = TOLERANCE_BPS,
    others: Iterable[Holding] = (),
) -> Validation:
    """Compare signed units held, by leg, with the plan's ratios.

    A leg is off by how far its share of the plan lies behind the fullest leg's, relative to the latter. A
    leg held in the wrong direction is off entirely. ``others`` is held besides the plan's legs, such as a
    hedge at another strike: it belongs to no ratio, but it covers and needs cover.
    """
    held = [held_units[leg.index] for leg in plan.legs]
    shares = _shares(plan.legs, held)
    rows = tuple(
        LegRatio(
            leg.index,
            leg.contract.symbol,
            units,
            leg.side.sign * plan.units(leg.index),
            round(10_000 * share / plan.copies) if plan.copies else 0,
            off_bps,
        )
        for leg, units, share, off_bps in zip(plan.legs, held, shares, _off_bps(shares), strict=True)
    )
    beyond = uncovered_beyond_plan(
        plan, [*((leg.contract, units) for leg, units in zip(plan.legs, held, strict=True)), *others]
    )
    whole = max(0, min((int(share) for share in shares), default=0))
    worst = max(rows, key=lambda row: row.off_bps, default=None)
    balanced = worst is None or worst.off_bps <= tolerance_bps
    if balanced and not beyond:
        sentence = "balanced" if max(shares, default=0.0) > 0 else "nothing is held"
    else:
        parts = []
        if worst is not None and not balanced:
            parts.append(f"{worst.symbol} is {worst.off_bps / 100:.0f} % off its ratio")
        if beyond:
            parts.append(f"{beyond} short units stand uncovered")
        sentence = "mismatch: " + "; ".join(parts)
    return Validation(balanced, beyond, whole, rows, sentence)


def is_balanced(
    legs: Sequence[LegPlan], held_units: Sequence[int], tolerance_bps: int = TOLERANCE_BPS
) -> bool:
    """``validate_position(...).balanced`` alone, for who asks of every group ten times a second."""
    return max(_off_bps(_shares(legs, held_units)), default=0) <= tolerance_bps


def _shares(legs: Sequence[LegPlan], held_units: Sequence[int]) -> list[float]:
    """The copies that each leg holds of the plan, negative where it is held in the wrong direction."""
    return [leg.side.sign * units / leg.units_per_copy for leg, units in zip(legs, held_units, strict=True)]


def _off_bps(shares: Sequence[float]) -> list[int]:
    fullest = max(shares, default=0.0)
    if fullest <= 0:
        return [10_000 if share else 0 for share in shares]
    return [10_000 if share < 0 else round(10_000 * (fullest - share) / fullest) for share in shares]
