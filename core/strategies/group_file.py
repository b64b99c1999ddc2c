"""Group files: a strategy written down in TOML, checked at the edge.

strategy = "iron_condor"          # a named strategy, or "custom" with [[leg]] tables
underlying = "NIFTY"
lots = 4
width = 200                       # points, body to wing
call = { delta = 0.2 }            # or { strike = 24900 }, or { offset = 300 }
limit_net = 45.5                  # rupees a unit: a credit at least, or a negative debit at most

[[leg]]                           # only with strategy = "custom"
side = "BUY"
right = "PE"
strike = 24000
expiry = 2026-08-18
ratio = 1
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.domain.calendar import SessionCalendar
from core.domain.cover import Holding
from core.domain.groups import GroupPlan, IncompletePolicy
from core.domain.instruments import Product, Right, Side
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S, from_ist, to_ist
from core.strategies.catalogue import STRATEGIES, strategy_named
from core.strategies.errors import StrategyError
from core.strategies.plan import LEGS_MAX, Choices, LegRequest, Terms, build_plan, choose_legs
from core.strategies.selection import (
    AtDelta,
    AtStrike,
    FromMoney,
    StrikeChoice,
    chain_of,
    choose_expiry,
    expiries_of,
    underlying_of,
)
from core.strategies.toml_lines import line_of

CUSTOM = "custom"
_LARGEST_FILE = 64 * 1024

Rupees = Annotated[Decimal, Field(max_digits=12, decimal_places=2)]
Points = Annotated[Decimal, Field(max_digits=9, decimal_places=2)]


class GroupFileError(StrategyError):
    """A group file that cannot be used; every line of the text names a place in the file."""


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
            return AtStrike(_paise(self.strike))
        if self.offset is not None:
            return FromMoney(_paise(self.offset))
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
            named = {"call": self.call, "put": self.put, "width": self.width, "right": self.right}
            if given := [name for name, value in named.items() if value is not None]:
                raise ValueError(
                    f"{', '.join(given)} belong to a named strategy; a custom group has its legs"
                )
        elif self.leg:
            raise ValueError('[[leg]] tables need strategy = "custom"')
        elif self.strategy not in STRATEGIES:
            raise ValueError(f"known strategies are {', '.join(sorted(STRATEGIES))} and custom")
        return self


def read_group_file(path: Path) -> GroupFile:
    """Read and check a group file. Raises ``GroupFileError`` with a line for everything that is wrong."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise GroupFileError(
                f"{path.name}: larger than {_LARGEST_FILE // 1024} KiB; this is no group file"
            )
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise GroupFileError(f"{path.name}: not a text in UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise GroupFileError(f"{path.name}: cannot be read: {error.strerror}") from None
    return parse_group(text, path.name)


def parse_group(text: str, name: str = "group") -> GroupFile:
    """Check the text of a group file. Raises ``GroupFileError``."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise GroupFileError(f"{name}: not valid TOML: {error}") from None
    try:
        return GroupFile.model_validate(raw)
    except ValidationError as error:
        raise GroupFileError("\n".join(_sentences(error, text, name))) from None


def plan_from_file(
    path: Path,
    view: MarketView,
    *,
    group_id: str,
    number: int,
    now_ns: int,
    settings: ExecutionSettings,
    calendar: SessionCalendar | None = None,
    held: Iterable[Holding] = (),
) -> GroupPlan:
    """The plan that a group file means on this market. Raises ``StrategyError`` or ``GroupFileError``."""
    group = read_group_file(path)
    return plan_from_group(
        group,
        view,
        group_id=group_id,
        number=number,
        now_ns=now_ns,
        settings=settings,
        calendar=calendar,
        held=held,
    )


def plan_from_group(
    group: GroupFile,
    view: MarketView,
    *,
    group_id: str,
    number: int,
    now_ns: int,
    settings: ExecutionSettings,
    calendar: SessionCalendar | None = None,
    held: Iterable[Holding] = (),
) -> GroupPlan:
    """The plan of a checked group file. Raises ``StrategyError``."""
    calendar = calendar or SessionCalendar()
    if group.strategy == CUSTOM:
        legs = _custom_legs(group, view, now_ns, calendar)
    else:
        legs = choose_legs(strategy_named(group.strategy), view, _choices(group), now_ns, calendar)
    return build_plan(
        group.strategy,
        legs,
        view,
        lots=_lots(group, legs),
        group_id=group_id,
        number=number,
        now_ns=now_ns,
        settings=settings,
        terms=_terms(group, now_ns),
        calendar=calendar,
        held=held,
    )


def _custom_legs(
    group: GroupFile, view: MarketView, now_ns: int, calendar: SessionCalendar
) -> tuple[LegRequest, ...]:
    underlying = underlying_of(view, group.underlying)
    expiries = expiries_of(view, underlying)
    requests = []
    for number, leg in enumerate(group.leg, 1):
        try:
            expiry = choose_expiry(expiries, leg.expiry or group.expiry, now_ns, calendar)
            chain = chain_of(view, underlying, expiry, now_ns, calendar)
            strike = chain.choose(leg.choice, leg.right)
        except StrategyError as error:
            raise StrategyError(f"leg {number}: {error}") from None
        requests.append(LegRequest(chain.side(leg.right)[strike], leg.side, leg.ratio))
    return tuple(requests)


def _choices(group: GroupFile) -> Choices:
    return Choices(
        underlying=group.underlying,
        expiry=group.expiry,
        far_expiry=group.far_expiry,
        call=group.call.choice if group.call else None,
        put=group.put.choice if group.put else None,
        width_paise=_paise(group.width) if group.width is not None else None,
        right=group.right,
    )


def _lots(group: GroupFile, legs: tuple[LegRequest, ...]) -> int:
    if group.lots is not None:
        return group.lots
    assert group.units is not None
    lot = max(leg.contract.lot_units for leg in legs)
    if any(leg.contract.lot_units != lot for leg in legs):
        raise StrategyError("the legs have different lot sizes; give lots instead of units")
    if group.units % lot:
        below = group.units // lot * lot
        choice = f"{below} or {below + lot}" if below else f"{lot}"
        raise StrategyError(f"{group.units} units are no whole lots of {lot}; give {choice}")
    return group.units // lot


def _terms(group: GroupFile, now_ns: int) -> Terms:
    stop = group.stop
    return Terms(
        product=group.product,
        on_incomplete=group.on_incomplete,
        max_slippage_bps=int(group.max_slippage_pct * 100),
        good_for_ns=group.good_for_minutes * 60 * NS_PER_S,
        limit_net_paise=_paise(group.limit_net) if group.limit_net is not None else None,
        exit_at_ns=_exit_at(group.exit_at, now_ns),
        allow_naked=group.allow_naked,
        stop_premium_bps=int(stop.premium_multiple * 10_000) if stop.premium_multiple else 0,
        stop_loss_paise=_paise(stop.loss) if stop.loss else 0,
        target_paise=_paise(stop.target) if stop.target else 0,
        stop_below_paise=_paise(stop.below) if stop.below else 0,
        stop_above_paise=_paise(stop.above) if stop.above else 0,
    )


def _exit_at(at: time | datetime | None, now_ns: int) -> int | None:
    """A time of day means today; a time without a zone is Indian."""
    if at is None:
        return None
    day, clock = (at.date(), at.time()) if isinstance(at, datetime) else (to_ist(now_ns).date(), at)
    zoned = isinstance(at, datetime) and at.tzinfo is not None
    exit_ns = int(at.timestamp()) * NS_PER_S if zoned and isinstance(at, datetime) else from_ist(day, clock)
    if exit_ns <= now_ns:
        raise StrategyError(f"exit_at {at} has passed already")
    return exit_ns


def _paise(amount: Decimal) -> int:
    return int(amount * 100)


def _sentences(error: ValidationError, text: str, name: str) -> list[str]:
    sentences: list[tuple[int, str]] = []
    for problem in error.errors():
        place = [part for part in problem["loc"] if isinstance(part, str | int)]
        line = line_of(text, place)
        where = f"{name}, line {line}" if line else name
        key = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
        message = problem["msg"].removeprefix("Value error, ")
        got = problem.get("input")
        shown = "" if isinstance(got, dict | list) or problem["type"] == "missing" else f" (it is {got!r})"
        if problem["type"] == "extra_forbidden":
            message, shown = "no such key is known here", ""
        sentences.append((line or 0, f"{where}: {key + ': ' if key else ''}{message}{shown}"))
    return [sentence for _, sentence in sorted(sentences)]
