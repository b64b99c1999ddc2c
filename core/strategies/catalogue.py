"""The named strategies: which legs each has and how it chooses its strikes when nobody says.

Four verticals exist. A bull *call* and a bear *put* spread cost a debit; the credit pair is the bull *put*
and the bear *call* spread.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.domain.instruments import Right, Side
from core.strategies.errors import StrategyError

BUY, SELL, CE, PE = Side.BUY, Side.SELL, Right.CE, Right.PE


class Anchor(Enum):
    """Where a leg's strike comes from."""

    BODY = "body"
    """The strike chosen for this right."""
    WING = "wing"
    """The body's strike and the width further out of the money."""


class BodyRule(Enum):
    """The body's strike when nobody chooses one."""

    AT_THE_MONEY = "the listed strike nearest the forward"
    OUT_OF_THE_MONEY = "the listed strike nearest 1.25 % out of the money"


@dataclass(frozen=True, slots=True)
class LegTemplate:
    """One leg of a named strategy, ``ratio`` lots a copy; ``far`` takes the later expiry."""

    side: Side
    right: Right
    anchor: Anchor
    ratio: int = 1
    far: bool = False


@dataclass(frozen=True, slots=True)
class Strategy:
    """``one_body`` means that calls and puts share the body's strike."""

    name: str
    title: str
    legs: tuple[LegTemplate, ...]
    body: BodyRule
    one_body: bool = False

    @property
    def has_two_expiries(self) -> bool:
        """Whether some leg takes the later expiry."""
        return any(leg.far for leg in self.legs)

    @property
    def has_wings(self) -> bool:
        """Whether a width means anything."""
        return any(leg.anchor is Anchor.WING for leg in self.legs)


def _legs(*rows: tuple[Side, Right, Anchor]) -> tuple[LegTemplate, ...]:
    return tuple(LegTemplate(*row) for row in rows)


_BODY, _WING = Anchor.BODY, Anchor.WING
_ATM, _OTM = BodyRule.AT_THE_MONEY, BodyRule.OUT_OF_THE_MONEY
_CONDOR = _legs((BUY, PE, _WING), (SELL, PE, _BODY), (SELL, CE, _BODY), (BUY, CE, _WING))
_BOTH_SOLD = _legs((SELL, PE, _BODY), (SELL, CE, _BODY))
_BOTH_BOUGHT = _legs((BUY, PE, _BODY), (BUY, CE, _BODY))

STRATEGIES: Final[dict[str, Strategy]] = {
    strategy.name: strategy
    for strategy in (
        Strategy(
            "bull_call_spread",
            "Bull call spread (debit)",
            _legs((BUY, CE, _BODY), (SELL, CE, _WING)),
            _ATM,
        ),
        Strategy(
            "bear_put_spread",
            "Bear put spread (debit)",
            _legs((BUY, PE, _BODY), (SELL, PE, _WING)),
            _ATM,
        ),
        Strategy(
            "bull_put_spread",
            "Bull put spread (credit)",
            _legs((SELL, PE, _BODY), (BUY, PE, _WING)),
            _OTM,
        ),
        Strategy(
            "bear_call_spread",
            "Bear call spread (credit)",
            _legs((SELL, CE, _BODY), (BUY, CE, _WING)),
            _OTM,
        ),
        Strategy("iron_condor", "Iron condor", _CONDOR, _OTM),
        Strategy("iron_butterfly", "Iron butterfly", _CONDOR, _ATM, one_body=True),
        Strategy("straddle", "Short straddle", _BOTH_SOLD, _ATM, one_body=True),
        Strategy("strangle", "Short strangle", _BOTH_SOLD, _OTM),
        Strategy("long_straddle", "Long straddle", _BOTH_BOUGHT, _ATM, one_body=True),
        Strategy("long_strangle", "Long strangle", _BOTH_BOUGHT, _OTM),
        Strategy(
            "calendar",
            "Calendar spread",
            (LegTemplate(SELL, CE, _BODY), LegTemplate(BUY, CE, _BODY, far=True)),
            _ATM,
            one_body=True,
        ),
    )
}


def strategy_named(name: str) -> Strategy:
    """The strategy of this name. Raises ``StrategyError`` listing the names there are."""
    found = STRATEGIES.get(name.strip().lower().replace("-", "_").replace(" ", "_"))
    if found is None:
        raise StrategyError(
            f"no strategy is called '{name}'; known are {', '.join(sorted(STRATEGIES))}, "
            "and 'custom' in a group file"
        )
    return found
