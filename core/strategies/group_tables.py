"""The tables of a group file, checked by themselves: types, ranges, and what may stand beside what."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.domain.groups import IncompletePolicy
from core.domain.instruments import Product, Right, Side
from core.strategies.catalogue import STRATEGIES
from core.strategies.plan import LEGS_MAX
from core.strategies.selection import AtDelta, AtStrike, FromMoney, StrikeChoice

CUSTOM = "custom"

Rupees = Annotated[Decimal, Field(max_digits=12, decimal_places=2)]
Points = Annotated[Decimal, Field(max_digits=9, decimal_places=2)]


def in_paise(amount: Decimal) -> int:
    """Rupees or points, of at most two decimals, in paise."""
    return int(amount * 100)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StrikeTable(_Table):
    """One way to choose a strike: exactly, by points out of the money, or by delta."""

    strike: Annotated[Points, Field(gt=0)] | None = None
    offset: Points | None = None
    delta: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> StrikeTable:
        if sum(value is not None for value in (self.strike, self.offset, self.delta)) != 1:
            raise ValueError("choose the strike in exactly one way: strike, offset or delta")
        return self

    @property
    def choice(self) -> StrikeChoice:
        """The choice as the strategies understand it."""
        if self.strike is not None:
            return AtStrike(in_paise(self.strike))
        if self.offset is not None:
            return FromMoney(in_paise(self.offset))
        assert self.delta is not None
        return AtDelta(self.delta)


class LegTable(StrikeTable):
    """A leg of a custom group; ``ratio`` is lots a copy, ``expiry`` the group's where left out."""

    side: Side
    right: Right
    ratio: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    expiry: date | None = None


class StopTable(_Table):
    """When the group is closed. Levels are of the underlying, in points; amounts are rupees of the group."""

    premium_multiple: Annotated[Decimal, Field(gt=1, le=20, decimal_places=4)] | None = None
    """A short leg's stop as a multiple of its average price: 2 is twice the premium received."""
    loss: Annotated[Rupees, Field(gt=0)] | None = None
    target: Annotated[Rupees, Field(gt=0)] | None = None
    below: Annotated[Points, Field(gt=0)] | None = None
    above: Annotated[Points, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _levels_in_order(self) -> StopTable:
        if self.below is not None and self.above is not None and self.below >= self.above:
            raise ValueError("'below' must be a lower level than 'above'")
        return self


class GroupFile(_Table):
    """A whole group file. Quantities are lots, or units that make whole lots."""

    strategy: str
    underlying: str | None = None
    lots: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None
    units: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None
    expiry: date | None = None
    far_expiry: date | None = None
    right: Right | None = None
    call: StrikeTable | None = None
    put: StrikeTable | None = None
    width: Annotated[Points, Field(gt=0)] | None = None
    product: Product = Product.NRML
    on_incomplete: IncompletePolicy = IncompletePolicy.SCALE_DOWN
    limit_net: Rupees | None = None
    max_slippage_pct: Annotated[Decimal, Field(ge=0, le=50, decimal_places=2)] = Decimal(3)
    good_for_minutes: Annotated[int, Field(ge=1, le=375, strict=True)] = 30
    exit_at: time | datetime | None = None
    allow_naked: bool = False
    stop: StopTable = StopTable()
    leg: tuple[LegTable, ...] = ()

    @model_validator(mode="after")
    def _parts_that_belong_together(self) -> GroupFile:
        if (self.lots is None) == (self.units is None):
            raise ValueError("give the quantity once: lots, or units")
        if self.strategy == CUSTOM:
            if not self.leg:
                raise ValueError("a custom group needs [[leg]] tables")
            if len(self.leg) > LEGS_MAX:
                raise ValueError(f"a group has at most {LEGS_MAX} legs")
            named = {
                "call": self.call,
                "put": self.put,
                "width": self.width,
                "right": self.right,
                "far_expiry": self.far_expiry,
            }
            if given := [name for name, value in named.items() if value is not None]:
                raise ValueError(
                    f"{', '.join(given)} belong to a named strategy; a custom group has its legs"
                )
        elif self.leg:
            raise ValueError('[[leg]] tables need strategy = "custom"')
        elif self.strategy not in STRATEGIES:
            known = ", ".join(sorted(STRATEGIES))
            raise ValueError(
                f"there is no strategy '{self.strategy}'; known strategies are {known} and custom"
            )
        return self
