"""SPAN-style margin: the sixteen scenarios, and the numbers that an exchange publishes for them.

Values only: files are read in ``core/market``. Sources: NSE Clearing's page on index and stock derivatives
(scan ranges, exposure, calendar charge; October 2026). The scenario table, the look-ahead of two days, and
the extreme move of twice the range with 35 % of its loss are confirmed against the exchange's risk arrays of
2026-07-14: with the exchange's own inputs (24,211 spot, 17.17 % volatility, 6.5 % interest, eight days) they
reproduce all 46 contracts x 16 scenarios within Rs 0.05.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

import numpy as np

from core.domain.instruments import Contract, Right, Settlement


class Scenario(NamedTuple):
    """``price`` in price scan ranges, ``vol`` in volatility scan ranges, ``weight`` of the loss."""

    price: float
    vol: int
    weight: float = 1.0


EXTREME_MULTIPLE: Final = 2.0
EXTREME_WEIGHT: Final = 0.35
SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario(0.0, 1),
    Scenario(0.0, -1),
    Scenario(1 / 3, 1),
    Scenario(1 / 3, -1),
    Scenario(-1 / 3, 1),
    Scenario(-1 / 3, -1),
    Scenario(2 / 3, 1),
    Scenario(2 / 3, -1),
    Scenario(-2 / 3, 1),
    Scenario(-2 / 3, -1),
    Scenario(1.0, 1),
    Scenario(1.0, -1),
    Scenario(-1.0, 1),
    Scenario(-1.0, -1),
    Scenario(EXTREME_MULTIPLE, 0, EXTREME_WEIGHT),
    Scenario(-EXTREME_MULTIPLE, 0, EXTREME_WEIGHT),
)
"""In the order in which risk arrays list them."""

PRICE_MOVES: Final = np.array([scenario.price for scenario in SCENARIOS])
VOL_MOVES: Final = np.array([float(scenario.vol) for scenario in SCENARIOS])
WEIGHTS: Final = np.array([scenario.weight for scenario in SCENARIOS])


@dataclass(frozen=True, slots=True)
class ClassParameters:
    """What holds for one class of underlyings. Shares are parts of the underlying's value; 0.02 is 2 %.

    The defaults are those of index derivatives. ``vol_scan`` is absolute: 0.04 is four volatility points.
    ``expiry_day_share`` comes on top of the exposure of shorts that expire today (NCL/CMPT/64639, since
    2024-11-20). ``reference_vol`` is the volatility that the exchange itself reprices with, where the user
    knows it; without it the market's own is used.
    """

    price_scan_share: float = 0.093
    price_scan_share_long_dated: float = 0.177
    vol_scan: float = 0.04
    exposure_share: float = 0.02
    exposure_share_deep: float = 0.03
    exposure_share_long_dated: float = 0.05
    expiry_day_share: float = 0.02
    calendar_share: float = 0.0175
    short_minimum_share: float = 0.0
    deep_beyond_share: float = 0.10
    long_dated_days: int = 274
    reference_vol: float | None = None


STOCK: Final = ClassParameters(
    price_scan_share=0.142,
    price_scan_share_long_dated=0.142,
    vol_scan=0.10,
    exposure_share=0.035,
    exposure_share_deep=0.035,
    exposure_share_long_dated=0.035,
    expiry_day_share=0.0,
    calendar_share=0.022,
)


@dataclass(frozen=True, slots=True)
class MarginParameters:
    """A dated set of margin parameters; ``by_underlying`` replaces those of the class."""

    as_of: date = date(2026, 10, 1)
    source: str = "NSE Clearing, minimum scan ranges"
    look_ahead_days: float = 2.0
    index: ClassParameters = ClassParameters()
    stock: ClassParameters = STOCK
    by_underlying: Mapping[str, ClassParameters] = field(default_factory=dict)

    def of(self, contract: Contract) -> ClassParameters:
        """The parameters of a contract's class; contracts that are delivered are stock derivatives."""
        named = self.by_underlying.get(contract.underlying)
        if named is not None:
            return named
        return self.stock if contract.settlement is Settlement.PHYSICAL else self.index


class ArrayKey(NamedTuple):
    """What a risk array is for."""

    underlying: str
    expiry: date
    strike_paise: int
    right: Right | None

    @classmethod
    def of(cls, contract: Contract) -> ArrayKey:
        """The key of a contract."""
        return cls(contract.underlying, contract.expiry, contract.strike_paise, contract.right)


@dataclass(frozen=True, slots=True)
class RiskArray:
    """The exchange's own figures for one contract, in paise for one *long* unit; a loss is positive."""

    losses_paise: tuple[float, ...]
    price_paise: float | None = None
    composite_delta: float | None = None

    def __post_init__(self) -> None:
        if len(self.losses_paise) != len(SCENARIOS):
            raise ValueError(f"a risk array has {len(SCENARIOS)} scenarios, not {len(self.losses_paise)}")
