"""The stress view of a group as plain data: a price x volatility grid, and its payoff now and at expiry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.risk.payoff import PayoffLeg, profit_at
from core.risk.pricing import FloatArray, prices

PRICE_STEPS: Final = (-0.05, -0.03, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03, 0.05)
VOL_STEPS: Final = (-0.20, 0.0, 0.30, 0.50)


@dataclass(frozen=True, slots=True)
class StressGrid:
    """Profit of the whole group in paise against its entry; rows are volatilities, columns price moves."""

    price_steps: tuple[float, ...]
    vol_steps: tuple[float, ...]
    profit_paise: tuple[tuple[int, ...], ...]

    @property
    def worst(self) -> tuple[float, float, int]:
        """``(price move, vol move, profit)`` of the worst cell."""
        profit, row, column = min(
            (profit, row, column)
            for row, cells in enumerate(self.profit_paise)
            for column, profit in enumerate(cells)
        )
        return self.price_steps[column], self.vol_steps[row], profit


@dataclass(frozen=True, slots=True)
class PayoffCurve:
    """Profit in paise over levels of the underlying: today by the model, and when the first leg expires."""

    levels_paise: tuple[int, ...]
    now_paise: tuple[int, ...]
    at_expiry_paise: tuple[int, ...]


def stress_grid(
    legs: Sequence[PayoffLeg],
    price_steps: Sequence[float] = PRICE_STEPS,
    vol_steps: Sequence[float] = VOL_STEPS,
) -> StressGrid:
    """Every leg repriced now, at each relative move of forward and volatility; futures included."""
    forward = np.array([leg.priced.forward_paise for leg in legs])
    strike = np.array([float(leg.priced.contract.strike_paise) or 1.0 for leg in legs])
    sign = np.array([float(leg.priced.right_sign) for leg in legs])
    units = np.array([float(leg.units) for leg in legs])
    entry = np.array([leg.entry_paise for leg in legs])
    deviation = np.array([leg.priced.vol * np.sqrt(leg.priced.years) for leg in legs])
    moved = forward * (1.0 + np.array(price_steps))[None, :, None]
    spread = deviation * np.maximum(1.0 + np.array(vol_steps), 0.0)[:, None, None]
    worth = np.where(sign == 0, moved, prices(moved, strike, spread, sign))
    profit = ((worth - entry) * units).sum(axis=-1)
    return StressGrid(
        tuple(price_steps),
        tuple(vol_steps),
        tuple(tuple(round(float(cell)) for cell in row) for row in profit),
    )


def payoff_curve(legs: Sequence[PayoffLeg], points: int = 121, reach: float = 0.05) -> PayoffCurve:
    """Both curves over the forward +- ``reach``, widened to show every strike. ``legs`` must not be empty."""
    first = min(legs, key=lambda leg: leg.priced.years).priced
    strikes = [
        float(leg.priced.contract.strike_paise) for leg in legs if leg.priced.contract.right is not None
    ]
    low = min([first.forward_paise * (1 - reach), *(strike * 0.99 for strike in strikes)])
    high = max([first.forward_paise * (1 + reach), *(strike * 1.01 for strike in strikes)])
    levels = np.linspace(low, high, points)
    return PayoffCurve(
        tuple(round(float(level)) for level in levels),
        _rounded(profit_at(legs, levels, 0.0)),
        _rounded(profit_at(legs, levels, first.years)),
    )


def _rounded(values: FloatArray) -> tuple[int, ...]:
    return tuple(round(float(value)) for value in values)
