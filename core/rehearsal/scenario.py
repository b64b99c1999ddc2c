"""Scenarios: what a rehearsal plays, as TOML files that a trader can read and write."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from core.domain.inputs import OperatorAction
from core.rehearsal.faults.kinds import OF_THE_MARKET, FaultKind
from core.strategies.toml_lines import line_of

_UNITS_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
_SPAN = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h)\s*$")


class ScenarioError(ValueError):
    """A scenario that cannot be played; the message says which file, line and key, and what is allowed."""


def _milliseconds(value: Any) -> int:
    match = _SPAN.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a time with its unit is wanted, such as '500 ms', '8 s' or '2 min'")
    return round(float(match[1]) * _UNITS_MS[match[2]])


Span = Annotated[int, BeforeValidator(_milliseconds)]
"""A time in milliseconds, written with its unit."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupTable(_Table):
    """A group that is asked for: a named strategy with its defaults, at a time after the start."""

    strategy: str = "iron_condor"
    lots: Annotated[int, Field(ge=1)] = 1
    at: Span = 2_000
    good_for: Span = 30 * 60_000
    exit_at: Span | None = None
    on_incomplete: Literal["complete", "scale_down", "unwind"] = "scale_down"
    allow_naked: bool = False
    max_slippage_bps: Annotated[int, Field(ge=0, le=10_000)] = 300
    product: Literal["NRML", "MIS"] = "NRML"
    stop_premium_pct: Annotated[int, Field(ge=0)] = 0
    stop_loss_rupees: Annotated[int, Field(ge=0)] = 0
    expiring: bool = False
    """Trade the contracts that expire first, even today."""
    points_out: Annotated[int, Field(ge=0)] = 0
    """How far from the money the body's strikes are; 0 leaves that to the strategy."""
    width_points: Annotated[int, Field(ge=0)] = 0
    """How far the wings are from the body; 0 leaves that to the strategy."""


class MarketTable(_Table):
    """Something that happens to the synthetic market. ``legs`` are those of the first group, from 1."""

    kind: Literal["gap", "vol", "spread", "thin", "no-liquidity", "circuit-lock", "silence"]
    at: Span = 0
    lasts: Span | None = None
    percent: float = 0.0
    relative: float = 0.0
    multiplier: Annotated[float, Field(gt=0)] = 1.0
    legs: tuple[Annotated[int, Field(ge=1, le=8)], ...] = ()
    side: Literal["upper", "lower"] = "upper"


class FaultTable(_Table):
    """A kind of fault: how often of all its chances, from when, for how long, and how often at most.

    ``each`` is how long one lasts, for kinds that last: a silence, a sleep, a full disk, a refused login.
    """

    kind: FaultKind
    rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    at: Span = 0
    lasts: Span | None = None
    most: Annotated[int, Field(ge=1)] | None = None
    each: Span | None = None

    @field_validator("kind")
    @classmethod
    def _has_a_rate(cls, kind: FaultKind) -> FaultKind:
        if kind in OF_THE_MARKET:
            raise ValueError(f"{kind.value} is the market's: write it as [[market]]")
        return kind


class OperatorTable(_Table):
    """Something that a person does."""

    action: OperatorAction
    at: Span
    target: str = ""
    reason: str = ""


class LatencyTable(_Table):
    """How long messages travel, least and most, in both directions."""

    low: Span = 5
    high: Span = 40


class ExpectTable(_Table):
    """What must hold at the end, besides every invariant."""

    final: Literal["WHOLE", "FLAT", "MANUAL"] | None = None
    states: tuple[str, ...] = ()
    """The groups' states, in their order; one stands for all."""
    fired: tuple[FaultKind, ...] = ()
    """Faults that must have had an effect: a lesson that did not happen teaches nothing."""
    naked_units_at_most: int | None = None
    """Short units that may have stood beyond cover and plan, at the exchange, after any trade."""
    says: str = ""
    """Words that the reason of a group, an alert or the kill switch must hold."""
    held_final: Literal["WHOLE", "FLAT", "MANUAL"] | None = None
    """The same as ``final`` for a run with ``--hold``."""


class Scenario(_Table):
    """One rehearsal. Market times count from the start of the scenario."""

    name: str
    about: str
    length: Span
    step: Span = 250
    funds_rupees: Annotated[int, Field(gt=0)] = 2_00_00_000
    strikes_each_side: Annotated[int, Field(ge=4, le=40)] = 14
    allow_naked: bool = False
    starts: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "10:00"
    """When the scenario begins, Indian time on the exchange's clock."""
    margin_shocks: bool = True
    """Whether the margin gate shocks prices, volatility and spreads, as it always does in earnest."""
    expiry_day: bool = False
    """Play a day on which the nearest contracts expire."""
    night_at: Span | None = None
    """The session ends then, and the next day's opens two minutes later."""
    group: tuple[GroupTable, ...] = (GroupTable(),)
    market: tuple[MarketTable, ...] = ()
    operator: tuple[OperatorTable, ...] = ()
    fault: tuple[FaultTable, ...] = ()
    latency: LatencyTable = LatencyTable()
    expect: ExpectTable = ExpectTable()


def read_scenario(path: Path) -> Scenario:
    """A scenario from a file. Raises ``ScenarioError`` with the file, the line and the key."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not a text file in UTF-8") from error
    try:
        return Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        raise ScenarioError("\n".join(_sentence(path, text, each) for each in error.errors())) from error


def _sentence(path: Path, text: str, error: Any) -> str:
    where = [part for part in error["loc"] if not (isinstance(part, str) and part[:1].isupper())]
    line = line_of(text, where)
    place = f"{path}:{line}" if line else str(path)
    key = ".".join(str(part) for part in where)
    what = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        what = f"there is no such key; allowed are {', '.join(_allowed(where))}"
    return f"{place}: {key}: {what}"


_TABLES: dict[str, type[_Table]] = {
    "group": GroupTable,
    "market": MarketTable,
    "operator": OperatorTable,
    "fault": FaultTable,
    "latency": LatencyTable,
    "expect": ExpectTable,
}


def _allowed(where: list[Any]) -> list[str]:
    table = _TABLES.get(str(where[0]), Scenario) if len(where) > 1 else Scenario
    return sorted(table.model_fields)
