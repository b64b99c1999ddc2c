"""Implied volatility of Black-76 prices, solved on the out-of-the-money side.

An in-the-money price is first turned into the price of its out-of-the-money twin by put-call parity, where
all of the price is time value. With ``x = |ln(F/K)|`` and ``s = vol * sqrt(years)`` the normalised price

    b(s) = exp(-x/2) N(d1) - exp(x/2) N(d2),   d1 = -x/s + s/2,   d2 = -x/s - s/2

rises from 0 to exp(-x/2) with one inflection at ``sqrt(2x)``. Halley's iteration runs on ``ln b`` below the
inflection and on ``ln(exp(-x/2) - b)`` above it, where each is nearly straight, and a bracket that only
shrinks catches every bad step (the choice of coordinates follows P. Jaeckel, "Let's be rational", 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx, ndtr

from core.domain.instruments import Right
from core.risk.pricing import LARGEST, SMALLEST, FloatArray, Reason, ReasonArray, Undefined

_S_MAX: Final = 60.0
"""Beyond this total volatility every price equals its maximum in double precision."""
_ITERATIONS: Final = 80
_S_SMALLEST: Final = 1e-300
_SMALLEST: Final = 1e-316
"""Time values below this have too few bits left to be inverted."""
_CONVERGED: Final = 1e-8
"""The iteration is cubic: a relative step this small leaves an error below the last bit."""
_SQRT_HALF: Final = float(np.sqrt(0.5))
_INV_SQRT_2PI: Final = float(1.0 / np.sqrt(2.0 * np.pi))
_HALF_LOG_2PI: Final = float(0.5 * np.log(2.0 * np.pi))
REPRICE_TOLERANCE: Final = 1e-8
"""A volatility is only given if it reprices within this part of ``max(price, 0.05)``."""


@dataclass(frozen=True, slots=True)
class ImpliedVols:
    """``vol`` is NaN wherever ``reason`` is not 0."""

    vol: FloatArray
    reason: ReasonArray


def implied_vols(
    price: ArrayLike, forward: ArrayLike, strike: ArrayLike, years: ArrayLike, call: ArrayLike
) -> ImpliedVols:
    """The volatility of every element of the broadcast inputs; ``call`` is boolean. No value raises."""
    p, f, k, t, c = np.broadcast_arrays(
        np.asarray(price, dtype=np.float64),
        np.asarray(forward, dtype=np.float64),
        np.asarray(strike, dtype=np.float64),
        np.asarray(years, dtype=np.float64),
        np.asarray(call, dtype=np.bool_),
    )
    shape = p.shape
    p, f, k, t, c = (np.ravel(a) for a in (p, f, k, t, c))
    with np.errstate(all="ignore"):
        gap = np.where(c, f - k, k - f)
        time_value = p - np.maximum(gap, 0.0)
        otm_maximum = np.minimum(f, k)
        scale = np.sqrt(f) * np.sqrt(k)
        reason = np.zeros(p.shape, dtype=np.int8)
        reason[time_value < _SMALLEST] = Reason.NOT_RESOLVABLE
        reason[time_value == 0] = Reason.NO_TIME_VALUE
        reason[time_value >= otm_maximum] = Reason.ABOVE_MAXIMUM
        reason[time_value < 0] = Reason.BELOW_INTRINSIC
        reason[~((p > 0) & (p < np.inf))] = Reason.BAD_PRICE
        reason[~(t < LARGEST)] = Reason.BAD_TIME
        reason[t <= 0] = Reason.EXPIRED
        reason[~((k > SMALLEST) & (k < LARGEST))] = Reason.BAD_STRIKE
        reason[~((f > SMALLEST) & (f < LARGEST))] = Reason.BAD_FORWARD
        vol = np.full(p.shape, np.nan)
        good = np.flatnonzero(reason == 0)
        if good.size:
            x = np.abs(np.log(f[good] / k[good]))
            s = _solve(np.log(time_value[good]) - np.log(scale[good]), x)
            repriced = _normalised(s, x) * scale[good]
            tolerance = REPRICE_TOLERANCE * np.maximum(p[good], 0.05)
            solved = s / np.sqrt(t[good])
            holds = (np.abs(repriced - time_value[good]) <= tolerance) & np.isfinite(solved) & (solved > 0)
            vol[good] = np.where(holds, solved, np.nan)
            reason[good[~holds]] = Reason.NOT_RESOLVABLE
    return ImpliedVols(vol.reshape(shape), reason.reshape(shape))


def implied_vol(price: float, forward: float, strike: float, years: float, right: Right) -> float | Undefined:
    """The volatility of one price."""
    solved = implied_vols(price, forward, strike, years, right is Right.CE)
    reason = Reason(int(solved.reason))
    return float(solved.vol) if reason is Reason.DEFINED else Undefined(reason)


def _log_normalised(s: FloatArray, x: FloatArray) -> FloatArray:
    """ln b(s) below the inflection (d1 < 0), where erfcx keeps its digits."""
    h = x / s
    bracket = erfcx((h - 0.5 * s) * _SQRT_HALF) - erfcx((h + 0.5 * s) * _SQRT_HALF)
    return np.log(0.5 * bracket) - 0.5 * h * h - 0.125 * s * s


def _rest(s: FloatArray, x: FloatArray) -> FloatArray:
    """exp(-x/2) - b(s) above the inflection: what is missing to the maximum, without cancellation."""
    h = x / s
    return np.exp(-0.5 * x) * ndtr(h - 0.5 * s) + np.exp(0.5 * x) * ndtr(-h - 0.5 * s)


def _normalised(s: FloatArray, x: FloatArray) -> FloatArray:
    """b(s) itself."""
    return np.where(s * s < 2.0 * x, np.exp(_log_normalised(s, x)), np.exp(-0.5 * x) - _rest(s, x))


def _solve(log_beta: FloatArray, x: FloatArray) -> FloatArray:
    """Total volatility for the logarithms of normalised prices between 0 and exp(-x/2)."""
    inflection = np.sqrt(2.0 * x)
    at_inflection = np.exp(-0.5 * x) - _rest(np.maximum(inflection, _S_SMALLEST), x)
    upper = log_beta > np.log(at_inflection)
    s = np.empty_like(x)
    for half, part in ((False, np.flatnonzero(~upper)), (True, np.flatnonzero(upper))):
        if part.size:
            s[part] = _halley(log_beta[part], x[part], inflection[part], half)
    return s


def _halley(log_beta: FloatArray, x: FloatArray, inflection: FloatArray, upper: bool) -> FloatArray:
    """One side of the inflection; every element stays inside a bracket that only shrinks."""
    if upper:
        target = np.log(np.exp(-0.5 * x) - np.exp(log_beta))
        low, high = inflection.copy(), np.full_like(x, _S_MAX)
        s = np.exp(log_beta) / _INV_SQRT_2PI + 0.5 * x
    else:
        target = log_beta
        low, high = np.zeros_like(x), inflection.copy()
        s = x / np.sqrt(2.0 * np.maximum(-log_beta, 0.5))
    s = np.clip(s, low + 1e-3 * (high - low), high)
    result = s.copy()
    place = np.arange(s.size)
    for _ in range(_ITERATIONS):
        h = x / s
        log_slope = -0.5 * h * h - 0.125 * s * s - _HALF_LOG_2PI
        bend = h * h / s - 0.25 * s
        value = np.log(_rest(s, x)) if upper else _log_normalised(s, x)
        g = target - value if upper else value - target
        g1 = np.exp(log_slope - value)
        # Newton's step for g, with Halley's correction from g''/g'.
        newton = g / g1
        correction = 1.0 - 0.5 * newton * (bend + g1 if upper else bend - g1)
        low, high = np.where(g < 0, s, low), np.where(g < 0, high, s)
        then = s - newton / np.clip(correction, 0.5, 2.0)
        then = np.where((then >= low) & (then <= high), then, 0.5 * (low + high))
        result[place] = then
        moving = np.abs(then - s) > _CONVERGED * s
        if not moving.any():
            break
        place, s, x = place[moving], then[moving], x[moving]
        target, low, high = target[moving], low[moving], high[moving]
    return result
