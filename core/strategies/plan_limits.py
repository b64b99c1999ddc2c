"""When a group counts as unhedged while it fills: limits scaled to what its own plan passes through."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from core.domain.groups import LegPlan
from core.domain.settings import ExecutionSettings
from core.risk.pricing import FloatArray, black76

_TEN_THOUSAND_BPS = 10_000


def fill_states(legs: Sequence[LegPlan]) -> FloatArray:
    """Which legs are filled at each corner of the planned path, one row a state, 0 or 1 a leg.

    Legs go out in the order of their scores. Legs of one score may fill in any order, so all their subsets
    are on the path; everything in between is a mixture of these corners, and delta and loss are linear in
    units, so the corners hold the extremes. A score shared by more than eight legs is taken in the order
    given.
    """
    rows: list[list[float]] = []
    done: list[int] = []
    for score in sorted({leg.score for leg in legs}, reverse=True):
        tier = [leg.index for leg in legs if leg.score == score]
        if len(tier) <= 8:
            subsets = [
                [leg for bit, leg in enumerate(tier) if mask >> bit & 1] for mask in range(1, 1 << len(tier))
            ]
        else:
            subsets = [tier[: count + 1] for count in range(len(tier))]
        for subset in subsets:
            filled = {*done, *subset}
            rows.append([1.0 if leg.index in filled else 0.0 for leg in legs])
        done.extend(tier)
    return np.array(rows, dtype=np.float64)


def limits_on_path(
    legs: Sequence[LegPlan],
    copies: int,
    forwards_paise: Sequence[float],
    years: Sequence[float],
    vols: Sequence[float],
    settings: ExecutionSettings,
) -> tuple[int, int]:
    """``(delta_limit_units, loss_limit_paise)`` of a group, as EXECUTION.md defines them.

    The larger of a floor and 1.25 times the largest |delta|, and of a floor and 1.25 times the worst loss if
    the forward moves by the shock (3 %) either way, over every corner of the planned path. The last three
    sequences are by leg. Legs must be numbered in order and priceable.
    """
    forward = np.asarray(forwards_paise, dtype=np.float64)
    shock = settings.shock_bps / _TEN_THOUSAND_BPS
    moved = np.stack([forward, forward * (1 - shock), forward * (1 + shock)])
    greeks = black76(
        moved,
        [float(leg.contract.strike_paise) for leg in legs],
        years,
        vols,
        [leg.contract.right is not None and leg.contract.right.value == "CE" for leg in legs],
    )
    units = np.array([leg.side.sign * leg.units_per_copy * copies for leg in legs], dtype=np.float64)
    states = fill_states(legs)
    delta = np.abs(states @ (greeks.delta[0] * units)).max()
    changes = states @ ((greeks.price[1:] - greeks.price[0]) * units).T
    worst = max(0.0, float(-changes.min()))
    return (
        max(settings.delta_limit_units, ceil(delta * settings.delta_limit_bps / _TEN_THOUSAND_BPS)),
        max(settings.loss_limit_paise, ceil(worst * settings.loss_limit_bps / _TEN_THOUSAND_BPS)),
    )
