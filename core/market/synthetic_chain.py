"""The arithmetic of the synthetic market: fair prices on a smile, spreads, sizes, price ranges."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, InstrumentKind, Right
from core.market.paths import FloatArray
from core.risk.pricing import NS_PER_YEAR, prices

IntArray = NDArray[np.int64]
RATE = 0.065
"""By how much a later expiry's forward stands above an earlier one's, a year."""
NEAR = 0.008
"""Contracts whose strike is this near the forward, as a share of it, are quoted anew at every step."""
BAND = 0.10
"""The day's price range of a contract is its price after a move of 10 % at half as much volatility again."""


@dataclass(frozen=True, slots=True)
class QuoteBlock:
    """Quotes of several steps (rows) and contracts (columns): prices in paise, a bid of 0 is none.

    ``due`` says which contracts a step's update brings.
    """

    bid: IntArray
    bid_units: IntArray
    ask: IntArray
    ask_units: IntArray
    last: IntArray
    due: NDArray[np.bool_]


class SyntheticChain:
    """The arrays of all contracts, and the arithmetic of one step. ``rows`` are indices; ``None`` is all.

    ``vol`` multiplies the base volatility, ``spread`` and ``size`` every spread and displayed size. Contracts
    away from the money are quoted anew every ``requote_steps`` steps, each in its turn.
    """

    def __init__(
        self,
        contracts: tuple[Contract, ...],
        seed: int,
        base_vol: float,
        requote_steps: int,
        calendar: SessionCalendar,
    ) -> None:
        self.symbols = [contract.symbol for contract in contracts]
        expiries = sorted({contract.expiry for contract in contracts})
        self.carry_by_expiry = {
            expiry: math.exp(RATE * (expiry - expiries[0]).days / 365) for expiry in expiries
        }
        expiry_ns = {expiry: calendar.expiry_ns(expiry) for expiry in expiries}
        self._vol = base_vol
        self._every = requote_steps
        self._seed = np.uint64(seed & (2**64 - 1))
        self._salt = np.arange(1, len(contracts) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        self._strike = np.array([float(c.strike_paise or 1) for c in contracts])
        self._way = np.array([-1.0 if c.right is Right.PE else 1.0 for c in contracts])
        self._is_option = np.array([c.kind is InstrumentKind.OPTION for c in contracts])
        self._tick = np.array([float(c.tick_paise) for c in contracts])
        self._lot = np.array([c.lot_units for c in contracts], dtype=np.int64)
        self._expiry_ns = np.array([expiry_ns[c.expiry] for c in contracts], dtype=np.int64)
        self._carry = np.array([self.carry_by_expiry[c.expiry] for c in contracts])

    def fair(self, base: float, vol: float, at_ns: int, rows: IntArray | None) -> FloatArray:
        """Fair prices in paise of the rows; ``base`` is the first expiry's forward in paise."""
        return self._fair(np.array(base), np.array(vol), np.array(at_ns), rows)[0]

    def block(
        self,
        first_step: int,
        base: FloatArray,
        vol: FloatArray,
        spread: FloatArray,
        size: FloatArray,
        at_ns: IntArray,
        rows: IntArray | None,
    ) -> QuoteBlock:
        """The quotes of consecutive steps at once: every array has one row a step, one column a contract."""
        pick = slice(None) if rows is None else rows
        fair, forward = self._fair(base[:, None], vol[:, None], at_ns[:, None], rows)
        tick, lot, is_option = self._tick[pick], self._lot[pick], self._is_option[pick]
        intrinsic = np.maximum(self._way[pick] * (forward - self._strike[pick]), 0.0)
        half = np.where(is_option, 2.5 + 0.0025 * fair + 0.003 * intrinsic, 1.5 * tick) * spread[:, None]
        bid = np.maximum(np.floor((fair - half) / tick), 0.0) * tick
        ask = np.maximum(np.ceil((fair + half) / tick) * tick, bid + tick)
        draws = self._uniform(first_step, len(base), pick)
        lots = np.where(is_option, 1.0 + 300.0 / (1.0 + fair / 600.0), 12.0) * size[:, None]
        last = np.maximum(np.floor((bid + (ask - bid) * draws[2]) / tick + 0.5), 1.0) * tick
        steps = np.arange(first_step, first_step + len(base))
        near = np.abs(forward - self._strike[pick]) <= NEAR * forward
        due = (steps[:, None] + np.arange(len(self.symbols))[pick]) % self._every == 0
        return QuoteBlock(
            bid=bid.astype(np.int64),
            bid_units=np.maximum(lots * (0.3 + 1.7 * draws[0]), 1.0).astype(np.int64) * lot,
            ask=ask.astype(np.int64),
            ask_units=np.maximum(lots * (0.3 + 1.7 * draws[1]), 1.0).astype(np.int64) * lot,
            last=last.astype(np.int64),
            due=near | due | ~is_option,
        )

    def price_range(self, base: float, vol: float, at_ns: int) -> tuple[list[int], list[int]]:
        """Lowest and highest price of the day of every contract, in paise."""
        up = self.fair(base * (1 + BAND), vol * 1.5, at_ns, None)
        down = self.fair(base * (1 - BAND), vol * 1.5, at_ns, None)
        low = np.maximum(np.floor(np.minimum(up, down) * 0.5 / self._tick), 1.0) * self._tick
        low = np.where(self._is_option, low, np.ceil(np.minimum(up, down) / self._tick) * self._tick)
        high = np.maximum(np.ceil(np.maximum(up, down) / self._tick), 2.0) * self._tick
        return low.astype(np.int64).tolist(), high.astype(np.int64).tolist()

    def _fair(
        self, base: FloatArray, vol: FloatArray, at_ns: IntArray, rows: IntArray | None
    ) -> tuple[FloatArray, FloatArray]:
        pick = slice(None) if rows is None else rows
        forward, strike = base * self._carry[pick], self._strike[pick]
        root = np.sqrt(np.maximum(self._expiry_ns[pick] - at_ns, 1) / NS_PER_YEAR)
        level = self._vol * vol * root
        moneyness = np.clip(np.log(strike / forward) / level, -6.0, 6.0)
        smile = np.maximum(1.0 - 0.05 * moneyness + 0.02 * moneyness * moneyness, 0.4)
        fair = prices(forward, strike, level * smile, self._way[pick])
        return np.where(self._is_option[pick], fair, forward), forward

    def _uniform(self, first_step: int, steps: int, pick: slice | IntArray) -> FloatArray:
        """Three numbers in [0, 1) for each step and row, by mixing seed, step and contract (splitmix64)."""
        salt = self._salt[pick]
        lane = np.stack((salt, salt + np.uint64(1), salt + np.uint64(2)))
        step = np.arange(first_step + 1, first_step + steps + 1, dtype=np.uint64)
        state = lane[:, None, :] ^ (step * np.uint64(0xD1B54A32D192ED03) ^ self._seed)[None, :, None]
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
        mixed = state ^ (state >> np.uint64(31))
        uniform: FloatArray = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return uniform
