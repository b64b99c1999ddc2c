"""What a scenario does to the synthetic market, and when: seconds of market time from its start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PriceGap:
    """The underlying jumps by so many per cent, and stays there."""

    at_s: float
    percent: float


@dataclass(frozen=True, slots=True)
class VolShock:
    """Implied volatility is raised by a share of itself (0.5 is +50 %), for a while or for good."""

    at_s: float
    relative: float
    for_s: float | None = None


@dataclass(frozen=True, slots=True)
class SpreadShock:
    """Every spread is multiplied, for a while or for good."""

    at_s: float
    multiplier: float
    for_s: float | None = None


@dataclass(frozen=True, slots=True)
class SizeShock:
    """Every displayed size is multiplied (0.1 is a thin book), never to less than one lot."""

    at_s: float
    multiplier: float
    for_s: float | None = None
    symbols: frozenset[str] = frozenset()
    """Only these contracts; all where empty."""


@dataclass(frozen=True, slots=True)
class NoLiquidity:
    """Nobody quotes these contracts until ``until_s``: a leg that waits."""

    symbols: frozenset[str]
    until_s: float
    from_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CircuitLock:
    """A contract runs to its price range and locks there: only buyers at the top, only sellers at the bottom.

    The range for that time ends ``move`` (a share of the price) beyond the price at the start of the lock.
    """

    symbol: str
    at_s: float
    for_s: float
    side: Literal["upper", "lower"] = "upper"
    move: float = 0.2


@dataclass(frozen=True, slots=True)
class FeedSilence:
    """The feed to the core says nothing; the exchange trades on."""

    at_s: float
    for_s: float


MarketEvent = PriceGap | VolShock | SpreadShock | SizeShock | NoLiquidity | CircuitLock | FeedSilence
