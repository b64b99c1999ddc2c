"""Whether a structure's loss is bounded, and the reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.domain.cover import uncovered_by_kind
from core.domain.instruments import Contract, Side


class Leg(Protocol):
    """A leg by its contract, side and lots per copy; ``LegPlan`` and ``LegRequest`` are both one."""

    @property
    def contract(self) -> Contract:
        """What is traded."""
        ...

    @property
    def side(self) -> Side:
        """Which way."""
        ...

    @property
    def ratio(self) -> int:
        """Lots in one copy of the group."""
        ...


@dataclass(frozen=True, slots=True)
class Structure:
    """``naked_units`` are the short option units of one copy that no long of the group covers."""

    is_defined_risk: bool
    naked_units: int
    sentence: str


def structure_of(legs: Sequence[Leg]) -> Structure:
    """Judge a group by its own legs alone; cover is counted unit for unit, as in ``core.domain.cover``."""
    shorts = [leg for leg in legs if leg.side is Side.SELL]
    if not shorts:
        return Structure(
            True, 0, "defined risk: every leg is bought, so no more than the premium can be lost"
        )
    naked = uncovered_by_kind(
        [(leg.contract, leg.side.sign * leg.ratio * leg.contract.lot_units) for leg in legs], None
    )
    if not naked:
        return Structure(
            True, 0, "defined risk: every short is covered, unit for unit, by a long that expires no earlier"
        )
    parts = []
    for (right, expiry), units in sorted(naked.items(), key=lambda item: (item[0][1], item[0][0])):
        same = [leg for leg in legs if leg.side is Side.BUY and leg.contract.right is right]
        early = [leg for leg in same if leg.contract.expiry < expiry]
        if not same:
            why = f"no {right.value} is bought"
        elif len(early) == len(same):
            why = f"the long {right.value} expires earlier"
        else:
            why = f"fewer {right.value} units are bought than sold"
        parts.append(f"{units} short {right.value} units a copy ({expiry:%d %b}) have no cover, as {why}")
    return Structure(False, sum(naked.values()), "naked: " + "; ".join(parts))
