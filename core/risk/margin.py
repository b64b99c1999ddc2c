"""The margin of a holding, SPAN-style: scan risk, calendar charge, net option value, exposure.

    SPAN requirement = max(scan risk + calendar charge, short option minimum) - net option value, at least 0
    total            = SPAN requirement + exposure margin

by underlying, each with its own worst scenario. Contracts that expire today are scanned by themselves: they
get no calendar benefit (index since 2025-02-10, NSE Clearing). Premiums are not in the total: a buyer pays
his in cash, and a seller's is counted only when it has been received.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from core.risk.priced import PricedContract
from core.risk.pricing import DAYS_PER_YEAR, FloatArray, deltas, prices
from core.risk.span import (
    PRICE_MOVES,
    VOL_MOVES,
    WEIGHTS,
    ArrayKey,
    ClassParameters,
    MarginParameters,
    RiskArray,
)

_VOL_FLOOR = 0.01
_PRICE_FLOOR = 1.0
RiskArrays = Mapping[ArrayKey, RiskArray]


@dataclass(frozen=True, slots=True)
class MarginBreakdown:
    """The parts of a margin in paise, rounded up; ``net_option_value_paise`` is negative for a net short.

    ``scenario`` is the number (1 to 16) of the worst scenario of the underlying that needs the most, 0 where
    none loses. ``from_arrays`` says that every scan used the exchange's own risk arrays.
    """

    scan_paise: int
    calendar_paise: int
    net_option_value_paise: int
    span_paise: int
    exposure_paise: int
    expiry_day_paise: int
    total_paise: int
    scenario: int
    from_arrays: bool


def margin_of(
    holdings: Sequence[tuple[PricedContract, int]],
    parameters: MarginParameters,
    arrays: RiskArrays | None = None,
) -> MarginBreakdown:
    """The margin of signed units of priced contracts, now."""
    if not holdings:
        return MarginBreakdown(0, 0, 0, 0, 0, 0, 0, 0, False)
    book = Book([contract for contract, _ in holdings], parameters, arrays or {})
    units = np.array([[float(count) for _, count in holdings]])
    losses = book.with_arrays(book.scan_losses(book.forwards, book.vols))
    scenario_sums = [units[0, group] @ losses[:, group].T for group in book.groups]
    worst = max(range(len(book.groups)), key=lambda at: float(scenario_sums[at].max()))
    scan = sum(max(0.0, float(sums.max())) for sums in scenario_sums)
    span = float(book.span(units, losses)[0])
    exposure, expiry_day = float(book.exposure(units)[0]), float(book.expiry_day(units)[0])
    return MarginBreakdown(
        scan_paise=_up(scan),
        calendar_paise=_up(float(book.calendar(units).sum())),
        net_option_value_paise=round(float((units @ book.option_values)[0])),
        span_paise=_up(span),
        exposure_paise=_up(exposure),
        expiry_day_paise=_up(expiry_day),
        total_paise=_up(span) + _up(exposure) + _up(expiry_day),
        scenario=int(scenario_sums[worst].argmax()) + 1 if scenario_sums[worst].max() > 0 else 0,
        from_arrays=book.from_arrays,
    )


def _up(paise: float) -> int:
    """Rounded up, but not for the last bits of a float."""
    return ceil(paise - 1e-4)


class Book:
    """Contracts as arrays, ready to be margined for many sets of units at once.

    ``n`` contracts; units come as a matrix of shape ``(sets, n)``, signed. A book is built once for a plan
    and everything else the account holds, then asked for every fill prefix together.
    """

    def __init__(
        self, contracts: Sequence[PricedContract], parameters: MarginParameters, arrays: RiskArrays
    ) -> None:
        classes = [parameters.of(priced.contract) for priced in contracts]
        table = np.array(
            [
                (
                    priced.forward_paise,
                    float(priced.contract.strike_paise) or 1.0,
                    priced.years,
                    priced.vol,
                    float(priced.right_sign),
                    priced.half_spread_paise,
                    priced.value_paise,
                    *_rates(priced, cls),
                )
                for priced, cls in zip(contracts, classes, strict=True)
            ]
        ).T.copy()
        self.forwards, self.strikes, self.years, self.vols, self.signs = table[:5]
        self.half_spreads, self.values, self._scan_range, self._vol_scan, reference = table[5:10]
        self._exposure_rate, self._expiry_day_rate, self._short_minimum = table[10:]
        self._reference = reference if np.isfinite(reference).any() else None
        self._has_minimum = bool(self._short_minimum.any())
        self._is_future = self.signs == 0
        self._any_future = bool(self._is_future.any())
        self.option_values = np.where(self._is_future, 0.0, self.values)
        self._years_ahead = np.maximum(self.years - parameters.look_ahead_days / DAYS_PER_YEAR, 0.0)
        self._contracts = contracts
        self._classes = classes
        keys = [(priced.contract.underlying, bool(priced.days <= 0)) for priced in contracts]
        distinct = list(dict.fromkeys(keys))
        self.groups: list[NDArray[np.intp] | slice] = [
            np.array([at for at, other in enumerate(keys) if other == key], dtype=np.intp) for key in distinct
        ]
        if len(distinct) == 1:
            self.groups = [slice(None)]
        self._members = [[at for at, other in enumerate(keys) if other == key] for key in distinct]
        self._unit_deltas = self._deltas() if len({p.contract.expiry for p in contracts}) > 1 else None
        known = [arrays.get(ArrayKey.of(priced.contract)) for priced in contracts] if arrays else []
        self._arrays = {at: array.losses_paise for at, array in enumerate(known) if array is not None}
        self.from_arrays = bool(contracts) and len(self._arrays) == len(contracts)

    def worth(self, forwards: FloatArray, vols: FloatArray, years: FloatArray) -> FloatArray:
        """Value of one unit of each contract; the last axis is the contracts."""
        values = prices(forwards, self.strikes, vols * np.sqrt(years), self.signs)
        return np.where(self._is_future, forwards, values) if self._any_future else values

    def scan_losses(
        self, forwards: FloatArray, vols: FloatArray, worth: FloatArray | None = None
    ) -> FloatArray:
        """Loss of one long unit in every scenario around these forwards and volatilities.

        Inputs have shape ``(..., n)``, the result ``(..., 16, n)``; ``worth`` is what a unit is worth there,
        where that is known already. A long option cannot lose more than it is worth.
        """
        if worth is None:
            worth = self.worth(forwards, vols, self.years)
        around, base = vols, worth
        if self._reference is not None:
            around = np.where(np.isfinite(self._reference), self._reference, vols)
            base = self.worth(forwards, around, self.years)
        ranges = self._scan_range * (forwards / self.forwards)
        moved = forwards[..., None, :] + PRICE_MOVES[:, None] * ranges[..., None, :]
        shifted = np.maximum(around[..., None, :] + VOL_MOVES[:, None] * self._vol_scan, _VOL_FLOOR)
        losses: FloatArray = base[..., None, :] - self.worth(
            np.maximum(moved, _PRICE_FLOOR), shifted, self._years_ahead
        )
        losses *= WEIGHTS[:, None]
        cap = worth[..., None, :]
        if self._any_future:
            cap = np.where(self._is_future, np.inf, cap)
        return np.minimum(losses, cap, out=losses)

    def with_arrays(self, losses: FloatArray) -> FloatArray:
        """The exchange's own losses in place of the estimates ``(16, n)``, where it has given them."""
        if not self._arrays:
            return losses
        replaced = losses.copy()
        for at, array in self._arrays.items():
            replaced[:, at] = array
        return replaced

    def span(self, units: FloatArray, losses: FloatArray, lost: FloatArray | None = None) -> FloatArray:
        """SPAN requirement of every set of units: shape ``(..., sets)`` for losses of ``(..., 16, n)``.

        ``lost`` of shape ``(..., n)`` is what one long unit has lost already before the scan.
        """
        calendar = self.calendar(units)
        total: FloatArray = np.zeros((*losses.shape[:-2], units.shape[0]))
        for at, group in enumerate(self.groups):
            mine = units[:, group]
            turned = mine.T
            scan = (losses[..., group] @ turned).max(axis=-2)
            need = np.maximum(scan, 0.0) + calendar[:, at]
            if self._has_minimum:
                shorts = np.maximum(-mine, 0.0)
                need = np.maximum(need, shorts @ self._short_minimum[group])
            need -= mine @ self.option_values[group]
            if lost is not None:
                need += lost[..., group] @ turned
            total += np.maximum(need, 0.0)
        return total

    def exposure(self, units: FloatArray) -> FloatArray:
        """Exposure margin of every set: short options, and futures either way; a hedge does not reduce it."""
        result: FloatArray = self._exposed(units) @ self._exposure_rate
        return result

    def expiry_day(self, units: FloatArray) -> FloatArray:
        """The additional margin of shorts that expire today, of every set."""
        result: FloatArray = np.maximum(-units, 0.0) @ self._expiry_day_rate
        return result

    def calendar(self, units: FloatArray) -> FloatArray:
        """Calendar charge of every set and scan group: opposite deltas of two months, valued at the later."""
        charge = np.zeros((units.shape[0], len(self.groups)))
        for at, group in enumerate(self._members):
            expiries = sorted({self._contracts[index].contract.expiry for index in group})
            if len(expiries) < 2 or self._contracts[group[0]].days <= 0 or self._unit_deltas is None:
                continue
            moved = units * self._unit_deltas
            share = self._classes[group[0]].calendar_share
            for row in range(units.shape[0]):
                by_expiry = [
                    sum(float(moved[row, i]) for i in group if self._contracts[i].contract.expiry == expiry)
                    for expiry in expiries
                ]
                forward = [
                    max(self.forwards[i] for i in group if self._contracts[i].contract.expiry == expiry)
                    for expiry in expiries
                ]
                charge[row, at] = share * _spread_value(by_expiry, forward)
        return charge

    def _deltas(self) -> FloatArray:
        options = deltas(self.forwards, self.strikes, self.vols * np.sqrt(self.years), self.signs)
        return np.where(self._is_future, 1.0, options)

    def _exposed(self, units: FloatArray) -> FloatArray:
        return np.where(self._is_future, np.abs(units), np.maximum(-units, 0.0))


def _rates(priced: PricedContract, cls: ClassParameters) -> tuple[float, ...]:
    """Scan range, volatility scan, reference volatility; exposure, expiry-day margin, minimum a unit."""
    underlying = priced.underlying_paise
    is_option = priced.right_sign != 0
    beyond = priced.right_sign * (priced.contract.strike_paise / underlying - 1.0)
    scan, exposure = cls.price_scan_share, cls.exposure_share
    if priced.days > cls.long_dated_days:
        scan, exposure = cls.price_scan_share_long_dated, cls.exposure_share_long_dated
    elif is_option and beyond > cls.deep_beyond_share:
        exposure = cls.exposure_share_deep
    expires_today = is_option and priced.days <= 0
    return (
        scan * underlying,
        cls.vol_scan,
        float("nan") if cls.reference_vol is None else cls.reference_vol,
        exposure * underlying,
        cls.expiry_day_share * underlying if expires_today else 0.0,
        cls.short_minimum_share * underlying if is_option else 0.0,
    )


def _spread_value(deltas: list[float], forwards: list[float]) -> float:
    """Matched opposite deltas, nearest expiries first, each valued at the later expiry's forward."""
    left = list(deltas)
    value = 0.0
    for far in range(1, len(left)):
        for near in range(far - 1, -1, -1):
            if left[near] * left[far] < 0:
                matched = min(abs(left[near]), abs(left[far]))
                left[near] -= matched if left[near] > 0 else -matched
                left[far] -= matched if left[far] > 0 else -matched
                value += matched * forwards[far]
    return value
