"""Scenarios: what a rehearsal plays, as TOML files that a trader can read and write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from core.domain.inputs import OperatorAction
from core.domain.lifecycle import ExecutionLifecycle
from core.rehearsal.faults.kinds import OF_THE_MARKET, FaultKind
from core.rehearsal.scenario_values import LastingSpan, Span, StepSpan, number, whole
from core.strategies.toml_lines import line_of


class ScenarioError(ValueError):
    """A scenario that cannot be played; the message says which file, line and key, and what is allowed."""


LOTS_MOST = 10_000
"""As in a group's file."""
RUPEES_MOST = 1_000_00_00_000


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupTable(Table):
    """A group that is asked for: a named strategy with its defaults, at a time after the start."""

    strategy: str = "iron_condor"
    lots: Annotated[int, whole(1, LOTS_MOST)] = 1
    at: Span = 2_000
    good_for: Span = 30 * 60_000
    exit_at: Span | None = None
    on_incomplete: Literal["complete", "scale_down", "unwind"] = "scale_down"
    allow_naked: bool = False
    max_slippage_bps: Annotated[int, whole(0, 10_000)] = 300
    product: Literal["NRML", "MIS"] = "NRML"
    stop_premium_pct: Annotated[int, whole(0, 10_000)] = 0
    stop_loss_rupees: Annotated[int, whole(0, RUPEES_MOST)] = 0
    expiring: bool = False
    """Trade the contracts that expire first, even today."""
    points_out: Annotated[int, whole(0, 1_000_000)] = 0
    """How far from the money the body's strikes are; 0 leaves that to the strategy."""
    width_points: Annotated[int, whole(0, 1_000_000)] = 0
    """How far the wings are from the body; 0 leaves that to the strategy."""


class MarketTable(Table):
    """Something that happens to the synthetic market. ``legs`` are those of the first group, from 1."""

    kind: Literal["gap", "vol", "spread", "thin", "no-liquidity", "circuit-lock", "silence"]
    at: Span = 0
    lasts: Span | None = None
    percent: Annotated[float, number(-90, 100)] = 0.0
    """By how much of itself the underlying jumps: it cannot fall by all of it."""
    relative: Annotated[float, number(-0.9, 10)] = 0.0
    multiplier: Annotated[float, number(0.0001, 1_000)] = 1.0
    legs: tuple[Annotated[int, whole(1, 8)], ...] = ()
    side: Literal["upper", "lower"] = "upper"


class FaultTable(Table):
    """A kind of fault: how often of all its chances, from when, for how long, and how often at most.

    ``each`` is how long one lasts, for kinds that last: a silence, a sleep, a full disk, a refused login.
    """

    kind: FaultKind
    rate: Annotated[float, number(0, 1)] = 1.0
    at: Span = 0
    lasts: Span | None = None
    most: Annotated[int, whole(1, 1_000_000)] | None = None
    each: LastingSpan | None = None

    @field_validator("kind")
    @classmethod
    def _has_a_rate(cls, kind: FaultKind) -> FaultKind:
        if kind in OF_THE_MARKET:
            raise ValueError(f"{kind.value} is the market's: write it as [[market]]")
        return kind


class OperatorTable(Table):
    """Something that a person does."""

    action: OperatorAction
    at: Span
    target: str = ""
    reason: str = ""


class LatencyTable(Table):
    """How long messages travel, least and most, in both directions."""

    low: Span = 5
    high: Span = 40


class ExpectTable(Table):
    """What must hold at the end, besides every invariant."""

    final: Literal["WHOLE", "FLAT", "MANUAL"] | None = None
    states: tuple[ExecutionLifecycle, ...] = ()
    """The groups' states, in their order; one stands for all."""
    fired: tuple[FaultKind, ...] = ()
    """Faults that must have had an effect: a lesson that did not happen teaches nothing."""
    naked_units_at_most: Annotated[int, whole(0, 10_000_000)] | None = None
    """Short units that may have stood beyond cover and plan, at the exchange, after any trade."""
    flat_before: Span | None = None
    """By then, counted from the start, every group had bought or sold something and nothing of ours was left
    at the exchange: judged on its own trades, so no core that only believes to be flat passes."""
    says: str = ""
    """Words that the reason of a group, an alert or the kill switch must hold."""
    held_final: Literal["WHOLE", "FLAT", "MANUAL"] | None = None
    """The same as ``final`` for a run with ``--hold``."""


class Scenario(Table):
    """One rehearsal. Market times count from the start of the scenario."""

    name: str
    about: str
    length: LastingSpan
    step: StepSpan = 250
    funds_rupees: Annotated[int, whole(1, RUPEES_MOST)] = 2_00_00_000
    strikes_each_side: Annotated[int, whole(4, 40)] = 14
    allow_naked: bool = False
    starts: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "10:00"
    """When the scenario begins, Indian time on the exchange's clock."""
    margin_shocks: bool = True
    """Whether the margin gate shocks prices, volatility and spreads, as it always does in earnest."""
    expiry_day: bool = False
    """Play a day on which the nearest contracts expire."""
    night_at: LastingSpan | None = None
    """The session ends then, and the next day's opens two minutes later."""
    group: tuple[GroupTable, ...] = (GroupTable(),)
    market: tuple[MarketTable, ...] = ()
    operator: tuple[OperatorTable, ...] = ()
    fault: tuple[FaultTable, ...] = ()
    latency: LatencyTable = LatencyTable()
    expect: ExpectTable = ExpectTable()
    _read_from: tuple[Path, str] | None = PrivateAttr(default=None)

    def read_from(self, path: Path, text: str) -> Scenario:
        """The same, knowing the file that it was read from."""
        self._read_from = (path, text)
        return self

    def place(self, *where: str | int) -> str:
        """Where a key stands, as ``FILE:LINE: KEY: ``; ``""`` for a scenario that is not from a file."""
        return "" if self._read_from is None else place(*self._read_from, where)


def place(path: Path, text: str, where: Sequence[str | int]) -> str:
    """``FILE:LINE: KEY: `` of a key in a file's text; without the line where nothing of the key is found."""
    line = line_of(text, where)
    key = ".".join(str(part) for part in where)
    return f"{path}:{line}: {key}: " if line else f"{path}: {key}: "
