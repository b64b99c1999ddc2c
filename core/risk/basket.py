"""The broker's margin for a basket beside our own, and how the difference has moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from core.domain.money import rupees

KEPT: Final = 500


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both figures for one group at one time, in paise."""

    at_ns: int
    group_id: str
    ours_paise: int
    broker_paise: int

    @property
    def difference_paise(self) -> int:
        """Ours less the broker's: positive is on the safe side."""
        return self.ours_paise - self.broker_paise

    @property
    def difference_share(self) -> float | None:
        """The same as a part of the broker's figure; ``None`` where that is nothing."""
        return self.difference_paise / self.broker_paise if self.broker_paise > 0 else None

    @property
    def words(self) -> str:
        """``ours ₹ 41,200, broker's ₹ 40,000 (+3.0 %)``."""
        share = self.difference_share
        tail = "" if share is None else f" ({share * 100:+.1f} %)"
        return f"ours {rupees(self.ours_paise)}, broker's {rupees(self.broker_paise)}{tail}"


@dataclass(frozen=True, slots=True)
class BasketHistory:
    """The latest comparisons, oldest first. Frozen: ``with_one`` makes the next one."""

    comparisons: tuple[Comparison, ...] = ()

    def with_one(self, comparison: Comparison) -> BasketHistory:
        """The history with one more, the oldest dropped beyond five hundred."""
        return replace(self, comparisons=(*self.comparisons, comparison)[-KEPT:])

    @property
    def worst_understatement(self) -> Comparison | None:
        """Where our estimate fell shortest of the broker's figure; ``None`` where it never did."""
        low = [one for one in self.comparisons if (one.difference_share or 0) < 0]
        return min(low, key=lambda one: one.difference_share or 0.0, default=None)

    @property
    def median_share(self) -> float | None:
        """The middle relative difference; ``None`` before the first."""
        shares = sorted(share for one in self.comparisons if (share := one.difference_share) is not None)
        if not shares:
            return None
        middle = len(shares) // 2
        return shares[middle] if len(shares) % 2 else (shares[middle - 1] + shares[middle]) / 2
