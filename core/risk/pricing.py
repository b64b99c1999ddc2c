"""Black-76 on the forward, undiscounted: price and greeks, vectorised and scalar.

Forward, strike and price share one unit of money (rupees or paise); volatility 1.0 is 100 % a year; a year
has 365 days. Every function is total: where no answer exists the arrays hold NaN beside the code of a
``Reason``, and the scalar functions return ``Undefined``.

Source of the formulas: F. Black, "The pricing of commodity contracts", 1976, with a discount factor of one,
which is how an option whose premium is compared with its forward's parity is quoted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from core.domain.instruments import Right

FloatArray = NDArray[np.float64]
ReasonArray = NDArray[np.int8]

DAYS_PER_YEAR: Final = 365
NS_PER_YEAR: Final = DAYS_PER_YEAR * 86_400 * 1_000_000_000
SMALLEST: Final = 1e-60
LARGEST: Final = 1e60
"""Inputs beyond these are taken for garbage: inside them no intermediate result can overflow."""
_TINY_S: Final = 1e-12
"""Stands in for a total volatility of 0 where speed counts: it gives intrinsic value."""
_INV_SQRT_2PI: Final = 1.0 / math.sqrt(2.0 * math.pi)
_SQRT_HALF: Final = math.sqrt(0.5)


class Reason(IntEnum):
    """Why a figure does not exist. ``DEFINED`` is 0, so that ``reason == 0`` reads "all is well"."""

    DEFINED = 0
    BAD_FORWARD = 1
    BAD_STRIKE = 2
    EXPIRED = 3
    BAD_VOL = 4
    BAD_PRICE = 5
    BELOW_INTRINSIC = 6
    ABOVE_MAXIMUM = 7
    NO_TIME_VALUE = 8
    NOT_RESOLVABLE = 9
    BAD_TIME = 10

    @property
    def text(self) -> str:
        """The reason in words."""
        return REASON_TEXT[self]


REASON_TEXT: Final[dict[Reason, str]] = {
    Reason.DEFINED: "defined",
    Reason.BAD_FORWARD: "the forward must be a number above zero and below 1e60",
    Reason.BAD_STRIKE: "the strike must be a number above zero and below 1e60",
    Reason.EXPIRED: "the contract has expired",
    Reason.BAD_TIME: "the time to expiry must be a number below 1e60",
    Reason.BAD_VOL: "the volatility must be a number above zero and below 1e60",
    Reason.BAD_PRICE: "the price must be a number above zero and below 1e60",
    Reason.BELOW_INTRINSIC: "the price is below intrinsic value: no volatility explains it",
    Reason.ABOVE_MAXIMUM: "the price is at or above the most an option can be worth (a call the forward, "
    "a put the strike)",
    Reason.NO_TIME_VALUE: "no time value is left: every small volatility gives this price",
    Reason.NOT_RESOLVABLE: "the time value is too small to tell one volatility from another",
}


@dataclass(frozen=True, slots=True)
class Undefined:
    """The typed absence of a figure, with its reason."""

    reason: Reason

    def __str__(self) -> str:
        return self.reason.text


@dataclass(frozen=True, slots=True)
class Greeks:
    """Arrays of one common shape; NaN wherever ``reason`` is not 0.

    ``vega`` is per 1.00 of volatility and ``theta`` per day of a 365-day year, both in units of price.
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    reason: ReasonArray


def years_until(expiry_ns: int, now_ns: int) -> float:
    """Time to expiry in years of 365 days; negative once it has passed."""
    return (expiry_ns - now_ns) / NS_PER_YEAR


def is_call(rights: list[Right] | tuple[Right, ...]) -> NDArray[np.bool_]:
    """The rights as the boolean array that the vectorised functions take."""
    return np.fromiter((right is Right.CE for right in rights), dtype=np.bool_, count=len(rights))


def reasons(forward: FloatArray, strike: FloatArray, years: FloatArray, vol: FloatArray) -> ReasonArray:
    """The code of the first input that makes each element undefined, 0 where none does.

    At expiry itself (``years == 0``) the volatility no longer matters.
    """
    reason = np.zeros(forward.shape, dtype=np.int8)
    reason[~((vol > SMALLEST) & (vol < LARGEST)) & (years > 0)] = Reason.BAD_VOL
    reason[~(years < LARGEST)] = Reason.BAD_TIME
    reason[years < 0] = Reason.EXPIRED
    reason[~((strike > SMALLEST) & (strike < LARGEST))] = Reason.BAD_STRIKE
    reason[~((forward > SMALLEST) & (forward < LARGEST))] = Reason.BAD_FORWARD
    return reason


def black76(
    forward: ArrayLike, strike: ArrayLike, years: ArrayLike, vol: ArrayLike, call: ArrayLike
) -> Greeks:
    """Price and greeks of every element of the broadcast inputs; ``call`` is boolean.

    No value raises. At expiry the price is intrinsic, the delta 0, +-1/2 (exactly at the money) or +-1, and
    the rest 0 (gamma too, although exactly at the money it has no limit).
    """
    f, k, t, v, c = np.broadcast_arrays(
        np.asarray(forward, dtype=np.float64),
        np.asarray(strike, dtype=np.float64),
        np.asarray(years, dtype=np.float64),
        np.asarray(vol, dtype=np.float64),
        np.asarray(call, dtype=np.bool_),
    )
    reason = reasons(f, k, t, v)
    with np.errstate(all="ignore"):
        root = np.sqrt(t)
        s = np.where(t > 0, v * root, 0.0)
        d1, d2 = _d1_d2(f, k, s)
        w = np.where(c, 1.0, -1.0)
        delta = w * ndtr(w * d1)
        price = np.maximum(f * delta - k * (w * ndtr(w * d2)), 0.0)
        density = _INV_SQRT_2PI * np.exp(-0.5 * d1 * d1)
        vega = f * density * root
        gamma = density / (f * s)
        theta = vega * v / (-2.0 * DAYS_PER_YEAR * t)
        dead = s <= 0
        if dead.any():
            gamma, vega, theta = (np.where(dead, 0.0, figure) for figure in (gamma, vega, theta))
    wrong = reason != 0
    if wrong.any():
        price, delta, gamma, vega, theta = (
            np.where(wrong, np.nan, figure) for figure in (price, delta, gamma, vega, theta)
        )
    return Greeks(price, delta, gamma, vega, theta, reason)


def prices(forward: FloatArray, strike: FloatArray, s: FloatArray, w: FloatArray) -> FloatArray:
    """Prices from total volatility ``s = vol * sqrt(years)`` and ``w`` (+1 call, -1 put); no checks.

    The lean form for grids: inputs must be valid and broadcast against each other; ``s == 0`` is intrinsic.
    """
    with np.errstate(all="ignore"):
        sure = np.maximum(s, _TINY_S)
        x = np.log(forward / strike) / sure
        half = 0.5 * sure
        d = np.empty((2, *np.broadcast_shapes(x.shape, half.shape, np.shape(w))))
        np.add(x, half, out=d[0])
        np.subtract(x, half, out=d[1])
        d *= w
        ndtr(d, out=d)
        result: FloatArray = forward * d[0]
        result -= strike * d[1]
        result *= w
        np.maximum(result, 0.0, out=result)
    return result


def deltas(forward: FloatArray, strike: FloatArray, s: FloatArray, w: FloatArray) -> FloatArray:
    """Forward deltas, the lean counterpart of ``prices`` with the same inputs."""
    with np.errstate(all="ignore"):
        sure = np.maximum(s, _TINY_S)
        result: FloatArray = w * ndtr(w * (np.log(forward / strike) / sure + 0.5 * sure))
    return result


def _d1_d2(forward: FloatArray, strike: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
    x = np.log(forward / strike)
    # At s == 0 the ratio is +-inf, which is the step function wanted, except 0/0 exactly at the money.
    ratio = np.where(x == 0.0, 0.0, x / s)
    return ratio + 0.5 * s, ratio - 0.5 * s


def price(forward: float, strike: float, years: float, vol: float, right: Right) -> float | Undefined:
    """The price of one option; intrinsic at expiry."""
    reason = _reason(forward, strike, years, vol)
    if reason is not Reason.DEFINED:
        return Undefined(reason)
    w = 1.0 if right is Right.CE else -1.0
    s = vol * math.sqrt(years) if years > 0 else 0.0
    if s <= 0.0:
        return max(0.0, w * (forward - strike))
    ratio = math.log(forward / strike) / s
    return max(0.0, w * (forward * _cdf(w * (ratio + 0.5 * s)) - strike * _cdf(w * (ratio - 0.5 * s))))


def delta(forward: float, strike: float, years: float, vol: float, right: Right) -> float | Undefined:
    """The derivative of the price by the forward; at expiry 0, +-1/2 or +-1."""
    reason = _reason(forward, strike, years, vol)
    if reason is not Reason.DEFINED:
        return Undefined(reason)
    w = 1.0 if right is Right.CE else -1.0
    s = vol * math.sqrt(years) if years > 0 else 0.0
    if s <= 0.0:
        moneyness = w * (forward - strike)
        return w * (0.5 if moneyness == 0 else float(moneyness > 0))
    return w * _cdf(w * (math.log(forward / strike) / s + 0.5 * s))


def _reason(forward: float, strike: float, years: float, vol: float) -> Reason:
    if not SMALLEST < forward < LARGEST:
        return Reason.BAD_FORWARD
    if not SMALLEST < strike < LARGEST:
        return Reason.BAD_STRIKE
    if years < 0:
        return Reason.EXPIRED
    if not years < LARGEST:
        return Reason.BAD_TIME
    if years > 0 and not SMALLEST < vol < LARGEST:
        return Reason.BAD_VOL
    return Reason.DEFINED


def _cdf(z: float) -> float:
    return 0.5 * math.erfc(-z * _SQRT_HALF)
