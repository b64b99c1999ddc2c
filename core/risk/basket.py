"""The broker's margin for a basket beside our own, and how the difference has moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import Final

KEPT: Final = 500


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both figures for one group at one time, in paise; the broker's is not 0."""

    at_ns: int
    group_id: str
    ours_paise: int
    broker_paise: int

    @property
    def difference(self) -> float:
        """Ours less the broker's as a part of the broker's: positive is on the safe side."""
        return (self.ours_paise - self.broker_paise) / self.broker_paise


@dataclass(frozen=True, slots=True)
class BasketHistory:
    """The latest comparisons, oldest first. Frozen: ``with_one`` makes the next one."""

    comparisons: tuple[Comparison, ...] = ()

    def with_one(self, comparison: Comparison) -> BasketHistory:
        """The history with one more, the oldest dropped beyond five hundred."""
        return replace(self, comparisons=(*self.comparisons, comparison)[-KEPT:])

    def since(self, at_ns: int) -> BasketHistory:
        """What was compared at this instant or later."""
        return replace(self, comparisons=tuple(one for one in self.comparisons if one.at_ns >= at_ns))

    @property
    def latest(self) -> Comparison | None:
        """The newest; ``None`` before the first."""
        return self.comparisons[-1] if self.comparisons else None

    @property
    def median(self) -> float:
        """The middle difference; 0 before the first."""
        return median(one.difference for one in self.comparisons) if self.comparisons else 0.0

    @property
    def lowest(self) -> float:
        """The difference where our estimate was smallest beside the broker's; 0 before the first."""
        return min((one.difference for one in self.comparisons), default=0.0)
