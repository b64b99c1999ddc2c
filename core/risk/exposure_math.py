"""What a set of legs is worth and how it moves, for all legs of all groups in one call.

The 100 ms monitor's arithmetic: lean, vectorised, and total. Prices and strikes are in paise, units are
signed, so values and losses are in paise and deltas in units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from core.risk.pricing import LARGEST, SMALLEST, FloatArray

SHOCK: Final = 0.03
"""The price move whose loss is watched."""
_SMALLEST_S: Final = 1e-12
"""Stands in for a total volatility of 0: it gives intrinsic value and a step for a delta."""


@dataclass(frozen=True, slots=True)
class LegExposures:
    """One element a leg, already multiplied by signed units.

    ``value`` is what the position is worth now; ``change_down`` and ``change_up`` how that changes when the
    forward moves 3 % down or up, a loss being negative. ``priced`` is False where an input made no sense (no
    forward, no volatility): that leg's figures are 0 and must not be taken for safety.
    """

    delta_units: FloatArray
    value_paise: FloatArray
    change_down_paise: FloatArray
    change_up_paise: FloatArray
    priced: NDArray[np.bool_]

    def totals(self, start: int = 0, stop: int | None = None) -> tuple[float, float, float, float]:
        """``(delta_units, value, change_down, change_up)`` over a slice of the legs."""
        part = slice(start, stop)
        # A group has a handful of legs: a list adds them up faster than an array does.
        return (
            sum(self.delta_units[part].tolist()),
            sum(self.value_paise[part].tolist()),
            sum(self.change_down_paise[part].tolist()),
            sum(self.change_up_paise[part].tolist()),
        )


def leg_exposures(
    forwards_paise: ArrayLike,
    strikes_paise: ArrayLike,
    years: ArrayLike,
    vols: ArrayLike,
    right_signs: ArrayLike,
    units: ArrayLike,
    *,
    shock: float = SHOCK,
) -> LegExposures:
    """Exposure of every leg; the inputs are one-dimensional and of one length.

    ``right_signs`` is +1 for a call, -1 for a put and 0 for a future (its strike and volatility are not
    read, and its value is its notional). An expired option is worth its intrinsic value.
    """
    columns = np.array((forwards_paise, strikes_paise, years, vols, right_signs, units), dtype=np.float64)
    f, k, t, v, w, q = columns
    factors, log_factors = _SHOCKED if shock == SHOCK else _factors(shock)
    # Where forward, strike, time and volatility are all ordinary, which is nearly always, no leg is looked at
    # by itself: on a handful of legs each look costs as much as a price.
    inputs = columns[:4]
    ordinary = bool(inputs.size and inputs.min() > SMALLEST and inputs.max() < LARGEST)
    with np.errstate(all="ignore"):
        total_vol = v * np.sqrt(t if ordinary else np.maximum(t, 0.0))
        s = np.maximum(total_vol, _SMALLEST_S)
        x = (np.log(f / k) + log_factors) * (w / s)
        d = x + _ABOVE_AND_BELOW * (w * (0.5 * s))
        ndtr(d, out=d)
        signed = w * q
        moved = f * factors
        value = (moved * d[0] - k * d[1]) * signed
        delta = d[0, 0] * signed
        if ordinary:
            wrong = np.zeros(f.shape, dtype=np.bool_)
        else:
            wrong = ~((f > 0) & (k > 0) & ((v > 0) | (t <= 0)) & (f < np.inf) & (total_vol < np.inf))
    if 0.0 in right_signs if isinstance(right_signs, list) else not w.all():
        future = w == 0
        wrong = np.where(future, ~((f > 0) & (f < np.inf)), wrong)
        value = np.where(future, moved * q, value)
        delta = np.where(future, q, delta)
    if not ordinary and wrong.any():
        value[:, wrong] = 0.0
        delta[wrong] = 0.0
    return LegExposures(delta, value[0], value[1] - value[0], value[2] - value[0], ~wrong)


def _factors(shock: float) -> tuple[FloatArray, FloatArray]:
    factors = np.array([[1.0], [1.0 - shock], [1.0 + shock]])
    return factors, np.log(factors)


_SHOCKED: Final = _factors(SHOCK)
_ABOVE_AND_BELOW: Final = np.array([[[1.0]], [[-1.0]]])
