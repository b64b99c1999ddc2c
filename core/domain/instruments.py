"""Contracts: what is traded, in which units, at which tick.

Prices are integer paise, quantities are units; a lot is only ever a property of a contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Right(StrEnum):
    """The right an option gives: a call (``CE``) or a put (``PE``)."""

    CE = "CE"
    PE = "PE"


class InstrumentKind(StrEnum):
    """What a contract is."""

    OPTION = "OPTION"
    FUTURE = "FUTURE"
    INDEX = "INDEX"


class Settlement(StrEnum):
    """How a contract ends: index contracts in cash, stock contracts by delivery."""

    CASH = "CASH"
    PHYSICAL = "PHYSICAL"


class Product(StrEnum):
    """Carry-forward (``NRML``) or intraday (``MIS``); positions are kept apart by product."""

    NRML = "NRML"
    MIS = "MIS"


class Side(StrEnum):
    """The direction of an order or of a leg."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for a purchase, -1 for a sale: multiply by units to get a signed position."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        """The side that undoes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


@dataclass(frozen=True, slots=True)
class Contract:
    """One tradable contract, as the exchange defined it on the day the catalogue was read.

    ``freeze_units`` is the largest quantity of a single order, or ``None`` where it is not known: an
    unknown freeze quantity rejects a group, it is never guessed.
    """

    symbol: str
    exchange: str
    underlying: str
    kind: InstrumentKind
    expiry: date
    strike_paise: int
    right: Right | None
    lot_units: int
    tick_paise: int
    freeze_units: int | None
    token: int = 0
    settlement: Settlement = Settlement.CASH

    @property
    def sliceable_units(self) -> int:
        """The largest order in whole lots within the freeze quantity; 0 where none can be sent."""
        if self.freeze_units is None:
            return 0
        return self.freeze_units // self.lot_units * self.lot_units

    @property
    def label(self) -> str:
        """The contract as a trader says it beside its underlying: ``24500 PE``, or ``FUT``."""
        if self.right is None:
            return "FUT" if self.kind is InstrumentKind.FUTURE else self.underlying
        strike = self.strike_paise / 100
        return f"{strike:g} {self.right.value}"

    def is_whole_lots(self, units: int) -> bool:
        """Whether ``units`` is a whole number of lots of this contract."""
        return units % self.lot_units == 0


@dataclass(frozen=True, slots=True, order=True)
class PositionKey:
    """What the broker keeps one net position for."""

    exchange: str
    symbol: str
    product: Product

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol}:{self.product.value}"
