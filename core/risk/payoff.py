"""What a group pays: at expiry exactly, before it by the model; breakevens, extremes, probability.

At one expiry the payoff is piecewise linear with its corners at the strikes, so its extremes and zeros are
found exactly from the corners and the two outer slopes. Where legs expire at different times the picture is
taken at the first expiry, with the later legs priced by the model on a fine grid, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from core.domain.instruments import Contract, Right
from core.risk.priced import PricedContract
from core.risk.pricing import FloatArray, prices

_GRID_POINTS = 4_001
_GRID_REACH = 0.35
"""How far from the forward the picture of a calendar goes."""

_SIGN = {Right.CE: 1.0, Right.PE: -1.0}


@dataclass(frozen=True, slots=True)
class PayoffLeg:
    """A leg with signed units and the price at which it was, or would be, entered."""

    priced: PricedContract
    units: int
    entry_paise: float


@dataclass(frozen=True, slots=True)
class Payoff:
    """Profit and loss of a group when its first leg expires, in paise of the whole group.

    ``max_profit_paise`` and ``max_loss_paise`` (a positive number) are ``None`` where they are unbounded.
    ``probability_of_profit`` is risk-neutral and lognormal, at the volatility of the money. ``exact`` is
    False where later legs were priced by the model: extremes and breakevens then come from a grid within
    35 % of the forward.
    """

    net_entry_paise: float
    breakevens_paise: tuple[float, ...]
    max_profit_paise: float | None
    max_loss_paise: float | None
    probability_of_profit: float | None
    exact: bool


def intrinsic(levels: FloatArray, strike: float, right: Right | None) -> FloatArray:
    """What one unit is worth at expiry at each level of the underlying; a future is worth the level."""
    if right is None:
        return levels
    return np.maximum(levels - strike if right is Right.CE else strike - levels, 0.0)


def profit_at(legs: Sequence[PayoffLeg], levels: FloatArray, years_ahead: float) -> FloatArray:
    """Profit at each level of the underlying (paise), ``years_ahead`` from now; volatilities stay.

    ``levels`` are those of the first-expiring forward; later forwards keep their distance in proportion.
    Legs that have expired by then are worth their intrinsic value.
    """
    first = min(legs, key=lambda leg: leg.priced.years).priced.forward_paise
    total = np.zeros_like(levels)
    for leg in legs:
        priced = leg.priced
        left = max(0.0, priced.years - years_ahead)
        moved = levels * (priced.forward_paise / first)
        strike = float(priced.contract.strike_paise)
        if left <= 0 or priced.contract.right is None:
            worth = intrinsic(moved, strike, priced.contract.right)
        else:
            spread = np.full_like(levels, priced.vol * np.sqrt(left))
            worth = prices(moved, np.array(strike), spread, np.array(float(priced.right_sign)))
        total += leg.units * (worth - leg.entry_paise)
    return total


def payoff_of(legs: Sequence[PayoffLeg]) -> Payoff:
    """Breakevens, extremes and the probability of profit. ``legs`` must not be empty."""
    first = min(legs, key=lambda leg: leg.priced.years)
    horizon = first.priced.years
    same_expiry = all(leg.priced.years - horizon < 1e-9 for leg in legs)
    if same_expiry:
        levels, outer = _corners(legs), _outer_slope(legs)
    else:
        centre = first.priced.forward_paise
        levels = np.linspace(centre * (1 - _GRID_REACH), centre * (1 + _GRID_REACH), _GRID_POINTS)
        outer = 0.0
    profits = profit_at(legs, levels, horizon)
    breakevens = _zeros(levels, profits, outer)
    return Payoff(
        net_entry_paise=-sum(leg.units * leg.entry_paise for leg in legs),
        breakevens_paise=breakevens,
        max_profit_paise=None if outer > 0 else float(profits.max()),
        max_loss_paise=None if outer < 0 else max(0.0, float(-profits.min())),
        probability_of_profit=_probability(legs, breakevens, horizon),
        exact=same_expiry,
    )


def maximum_losses_from_now(
    units: FloatArray, contracts: Sequence[Contract], values_paise: FloatArray
) -> FloatArray:
    """The most that each set of signed units, a row of ``(sets, n)``, can lose from its present value.

    Each expiry of each underlying is taken by itself and the losses are added. Infinite where any of them is
    unbounded: cover from another expiry bounds the loss too, but at a price that only a model could tell.
    """
    keys = [(contract.underlying, contract.expiry) for contract in contracts]
    distinct = list(dict.fromkeys(keys))
    signs = np.array([0.0 if (right := c.right) is None else _SIGN[right] for c in contracts])
    strikes = np.array([float(contract.strike_paise) for contract in contracts])
    total: FloatArray = np.zeros(units.shape[0])
    for key in distinct:
        own = slice(None) if len(distinct) == 1 else [at for at, other in enumerate(keys) if other == key]
        mine, sign, strike = units[:, own], signs[own, None], strikes[own]
        levels = np.append(strike, 0.0)
        worth = np.where(sign == 0, levels, np.maximum(sign * (levels - strike[:, None]), 0.0))
        outer = mine @ (sign[:, 0] >= 0).astype(np.float64)
        lost = np.maximum(mine @ values_paise[own] - (mine @ worth).min(axis=1), 0.0)
        total += np.where(outer < 0, np.inf, lost)
    return total


def _corners(legs: Sequence[PayoffLeg]) -> FloatArray:
    strikes = {
        float(leg.priced.contract.strike_paise) for leg in legs if leg.priced.contract.right is not None
    }
    return np.array(sorted({0.0, *strikes, max((*strikes, legs[0].priced.forward_paise)) * 2}))


def _outer_slope(legs: Sequence[PayoffLeg]) -> float:
    """Profit per paisa above the highest strike: calls and futures."""
    return float(sum(leg.units for leg in legs if leg.priced.contract.right is not Right.PE))


def _zeros(levels: FloatArray, profits: FloatArray, outer: float) -> tuple[float, ...]:
    """Where the polyline crosses zero, the last line continued; a stretch of zeros gives its ends."""
    zeros: list[float] = []
    for at in range(len(levels) - 1):
        left, right = float(profits[at]), float(profits[at + 1])
        if left == 0.0:
            zeros.append(float(levels[at]))
        elif left * right < 0:
            zeros.append(float(levels[at] + (levels[at + 1] - levels[at]) * left / (left - right)))
    last = float(profits[-1])
    if last == 0.0:
        zeros.append(float(levels[-1]))
    elif outer and last * outer < 0:
        zeros.append(float(levels[-1] - last / outer))
    return tuple(zero for zero in dict.fromkeys(zeros) if zero > 0)


def _probability(legs: Sequence[PayoffLeg], breakevens: tuple[float, ...], horizon: float) -> float | None:
    """Chance that the profit is above zero at the first expiry, by the intervals between breakevens."""
    options = [leg.priced for leg in legs if leg.priced.vol > 0]
    if not options or horizon <= 0:
        return None
    nearest = min(options, key=lambda priced: abs(priced.contract.strike_paise - priced.forward_paise))
    forward = min(legs, key=lambda leg: leg.priced.years).priced.forward_paise
    s = nearest.vol * np.sqrt(horizon)
    edges = np.array([0.0, *breakevens])
    with np.errstate(divide="ignore"):
        below = ndtr((np.log(edges / forward) + 0.5 * s * s) / s)
    below = np.append(below, 1.0)
    upper = edges[-1] * 2 if edges[-1] > 0 else forward
    middles = np.append((edges[:-1] + edges[1:]) / 2, upper)
    wins = profit_at(legs, middles, horizon) > 0
    return float(np.diff(below)[wins].sum())
