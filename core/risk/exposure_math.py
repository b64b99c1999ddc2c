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

from core.risk.pricing import FloatArray

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
    f = np.asarray(forwards_paise, dtype=np.float64)
    k = np.asarray(strikes_paise, dtype=np.float64)
    t = np.asarray(years, dtype=np.float64)
    v = np.asarray(vols, dtype=np.float64)
    w = np.asarray(right_signs, dtype=np.float64)
    q = np.asarray(units, dtype=np.float64)
    factors, log_factors = _SHOCKED if shock == SHOCK else _factors(shock)
    with np.errstate(all="ignore"):
        total_vol = v * np.sqrt(np.maximum(t, 0.0))
        wrong = ~((f > 0) & (k > 0) & ((v > 0) | (t <= 0)) & (f < np.inf) & (total_vol < np.inf))
        s = np.maximum(total_vol, _SMALLEST_S)
        moved = f * factors
        x = (np.log(f / k) + log_factors) * (w / s)
        half = w * (0.5 * s)
        d = np.empty((2, *x.shape))
        np.add(x, half, out=d[0])
        np.subtract(x, half, out=d[1])
        ndtr(d, out=d)
        signed = w * q
        value = (moved * d[0] - k * d[1]) * signed
        delta = d[0, 0] * signed
    if not w.all():
        future = w == 0
        wrong = np.where(future, ~((f > 0) & (f < np.inf)), wrong)
        value = np.where(future, moved * q, value)
        delta = np.where(future, q, delta)
    if wrong.any():
        value[:, wrong] = 0.0
        delta[wrong] = 0.0
    return LegExposures(delta, value[0], value[1] - value[0], value[2] - value[0], ~wrong)


def _factors(shock: float) -> tuple[FloatArray, FloatArray]:
    factors = np.array([[1.0], [1.0 - shock], [1.0 + shock]])
    return factors, np.log(factors)


_SHOCKED: Final = _factors(SHOCK)
