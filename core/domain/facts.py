"""Facts: what happened, or what was resolved. The journal is a list of them, and folding uses nothing else.

Every fact has a ``kind`` (its snake-case class name) and plain fields, so that a row can be read by anyone
with an SQLite tool. No fact holds a float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from core.domain.account import DivergenceKind, Severity
from core.domain.groups import Goal, GroupPlan, LegPlan
from core.domain.instruments import PositionKey, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import ChildOrder, OrderStatus, OrderType, Outcome, Source
from core.domain.settings import ExecutionSettings


@dataclass(frozen=True, slots=True)
class JournalOpened:
    """The first row: whose diary this is, and the nonce that starts every tag."""

    nonce: str
    schema_version: int
    program_version: str
    mode: str
    market: str
    scenario: str
    seed: int


@dataclass(frozen=True, slots=True)
class SettingsAdopted:
    """The numbers that decisions are made with from here on."""

    settings: ExecutionSettings


@dataclass(frozen=True, slots=True)
class ProcessStarted:
    """A process took over this journal. Sends that were in flight are unanswered from now on."""

    restart: bool


@dataclass(frozen=True, slots=True)
class GroupPlanned:
    """A group was accepted: its legs in the order in which they will be sent."""

    plan: GroupPlan


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A group moved in its lifecycle."""

    group_id: str
    state: ExecutionLifecycle
    reason: str
    cause: ManualCause | None = None


@dataclass(frozen=True, slots=True)
class GoalChanged:
    """A group is to be brought to another number of copies."""

    group_id: str
    goal: Goal
    copies: int
    reason: str
    until_ns: int = 0
    """By when, where a person gives a group more time; 0 leaves the plan's."""


@dataclass(frozen=True, slots=True)
class GateDecided:
    """The margin decision about a group. ``basis`` says whose arithmetic it was."""

    group_id: str
    passed: bool
    required_paise: int
    available_paise: int
    use_bps: int
    basis: str
    sentence: str
    basket_paise: int = 0
    """What the broker would block for the whole as a basket; 0 where it did not say."""
    estimate_paise: int = 0
    """What our own arithmetic would block for it; 0 once the group fills, when the two are not comparable."""


@dataclass(frozen=True, slots=True)
class GateAsked:
    """The margin decision is being made, or made again: the broker is asked for its funds."""

    group_id: str


@dataclass(frozen=True, slots=True)
class OrderIntended:
    """An order will be sent. Committed before the send; ``bid_paise`` and ``ask_paise`` are what was seen."""

    order: ChildOrder
    bid_paise: int
    ask_paise: int
    blind: bool = False
    """No quote was fresh enough to trade on; it is priced from what the exchange accepts."""


@dataclass(frozen=True, slots=True)
class OrderAnswered:
    """What became of a send."""

    tag: str
    outcome: Outcome
    order_id: str | None
    message: str


@dataclass(frozen=True, slots=True)
class OrderSeen:
    """The broker told something new about an order. ``filled_units`` is cumulative."""

    tag: str
    order_id: str
    status: OrderStatus
    filled_units: int
    limit_paise: int
    source: Source
    message: str
    units: int = 0
    """The whole quantity as the broker has it; 0 where that is not taken over."""
    trigger_paise: int = 0
    order_type: OrderType | None = None
    """The kind as the broker has it, ``None`` where quantity, trigger and kind are not taken over."""
    told_ns: int = 0
    """When quantity, trigger and kind were so, by the exchange's clock."""


@dataclass(frozen=True, slots=True)
class OrderNotFound:
    """Both books answered whole, and the order was in neither."""

    tag: str
    lookup: int


@dataclass(frozen=True, slots=True)
class OrderProvedAbsent:
    """An unanswered send is proved not to exist at the broker."""

    tag: str
    lookups: int


@dataclass(frozen=True, slots=True)
class FillRecorded:
    """One trade of the broker, exactly once. ``units`` are positive; ``side`` says which way."""

    trade_id: str
    symbol: str
    units: int
    side: Side
    price_paise: int
    group_id: str
    tag: str
    order_id: str
    traded_at_ns: int
    source: Source


@dataclass(frozen=True, slots=True)
class ModifyIntended:
    """An order's price (and with it perhaps its kind or quantity) will be changed."""

    tag: str
    limit_paise: int
    trigger_paise: int
    units: int
    to_limit: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ModifyAnswered:
    """What became of a modification."""

    tag: str
    outcome: Outcome
    message: str


@dataclass(frozen=True, slots=True)
class CancelIntended:
    """An order will be cancelled; it can still fill until the broker calls it terminal."""

    tag: str
    reason: str


@dataclass(frozen=True, slots=True)
class CancelAnswered:
    """What became of a request to cancel. Even ``CONFIRMED`` is only a request accepted."""

    tag: str
    outcome: Outcome
    message: str


@dataclass(frozen=True, slots=True)
class LegAdded:
    """A leg that the plan does not have: a hedge at another strike, or a future."""

    group_id: str
    leg: LegPlan


@dataclass(frozen=True, slots=True)
class LegsRetired:
    """Legs are not wanted any more, by index: a stop took one out, and those that only served it."""

    group_id: str
    legs: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ExposureBreached:
    """A group is outside its limits. Deltas are rounded to whole units."""

    group_id: str
    reason: str
    uncovered_units: int
    delta_units: int
    loss_down_paise: int
    loss_up_paise: int


@dataclass(frozen=True, slots=True)
class ExposureRestored:
    """A group is inside its limits again."""

    group_id: str
    outside_ns: int


@dataclass(frozen=True, slots=True)
class HedgeWanted:
    """Exposure is to be answered by an emergency hedge. ``units`` are positive."""

    group_id: str
    hedge: str
    symbol: str
    side: Side
    units: int
    reason: str


@dataclass(frozen=True, slots=True)
class HedgeWindowOpened:
    """A hedge was sent; calls until ``closes_ns`` are gathered and decided once, when it closes."""

    group_id: str
    closes_ns: int


@dataclass(frozen=True, slots=True)
class HedgeWindowClosed:
    """The debounce window has closed and what was gathered has been decided."""

    group_id: str


@dataclass(frozen=True, slots=True)
class HoldingClosedByOthers:
    """Units of a leg are gone without an order of ours: the trader, the broker, or settlement.

    ``units`` are positive on the leg's own side; negative where they end a holding on the other side, which
    an exit that somebody else forestalled leaves behind.
    """

    group_id: str
    leg: int
    units: int
    how: str


@dataclass(frozen=True, slots=True)
class HoldingAdopted:
    """A person gave units of the broker's position to a leg: unsigned, on the leg's own side."""

    group_id: str
    leg: int
    units: int
    by: str


@dataclass(frozen=True, slots=True)
class FlatCheckAsked:
    """Nothing should be left of a group: the books are being asked to confirm it."""

    group_id: str


@dataclass(frozen=True, slots=True)
class BooksReconciled:
    """The broker's books were read whole and every difference was taken over or stands as a divergence."""

    entries_allowed_ns: int


@dataclass(frozen=True, slots=True)
class CarriedUnits:
    """Our signed units of one of the broker's positions."""

    key: PositionKey
    units: int


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The books of a session were read whole after its end; ``carried`` are our signed units overnight.

    Recorded again with nothing carried once the next session has compared them.
    """

    day: date
    carried: tuple[CarriedUnits, ...]


@dataclass(frozen=True, slots=True)
class DivergenceFound:
    """The broker's word differs from ours."""

    divergence_id: str
    divergence: DivergenceKind
    detail: str
    group_id: str
    symbol: str


@dataclass(frozen=True, slots=True)
class DivergenceHealed:
    """A difference is gone, and how."""

    divergence_id: str
    how: str


@dataclass(frozen=True, slots=True)
class PositionDoubted:
    """The broker's position differs from ours by signed ``units``; 0 when it does no longer.

    Positions lag, so a difference counts only when a second whole snapshot agrees with the first.
    """

    key: PositionKey
    units: int


@dataclass(frozen=True, slots=True)
class ForeignPositionSeen:
    """Signed units of the account that nobody's tag explains; 0 when they are gone."""

    key: PositionKey
    units: int


@dataclass(frozen=True, slots=True)
class ForeignOrderSeen:
    """An order in the book that is not ours."""

    order_id: str
    description: str


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """Something that a person should know. Raising it again counts."""

    alert_id: str
    severity: Severity
    text: str
    runbook: str
    group_id: str
    size: int = 0
    """How much is at stake, in the alert's own measure (units, per cent); 0 where that has none."""


@dataclass(frozen=True, slots=True)
class AlertCleared:
    """The condition behind an alert is gone."""

    alert_id: str


@dataclass(frozen=True, slots=True)
class AlertAcknowledged:
    """A person has seen it."""

    alert_id: str
    by: str


@dataclass(frozen=True, slots=True)
class KillSwitchTripped:
    """No new risk until a person resets it."""

    cause: str
    by: str
    flatten: bool


@dataclass(frozen=True, slots=True)
class KillSwitchReset:
    """A person allowed new risk again, and why."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class OperatorActed:
    """What a person did: before it is carried out, and when it was answered."""

    by: str
    action: str
    detail: str
    snapshot_version: int
    answered: bool


@dataclass(frozen=True, slots=True)
class GroupHandled:
    """An operator has marked a ``MANUAL`` group as handled."""

    group_id: str
    by: str


@dataclass(frozen=True, slots=True)
class ValueCarried:
    """What a group had come to when a day's session ended: the next day's profit and loss begins there.

    Recorded at the next day's first look where nobody looked at the end.
    """

    group_id: str
    day: date
    pnl_paise: int


@dataclass(frozen=True, slots=True)
class DecisionFailed:
    """A decision raised an exception; it is kept as a fact so that the fold reproduces what followed."""

    group_id: str
    error: str


@dataclass(frozen=True, slots=True)
class JournalFailed:
    """The journal could not be written: no new risk until it can."""

    error: str


@dataclass(frozen=True, slots=True)
class JournalReturned:
    """The journal can be written again; what was kept in memory has been."""

    rows: int


Fact = (
    JournalOpened
    | SettingsAdopted
    | ProcessStarted
    | GroupPlanned
    | StateChanged
    | GoalChanged
    | GateAsked
    | GateDecided
    | OrderIntended
    | OrderAnswered
    | OrderSeen
    | OrderNotFound
    | OrderProvedAbsent
    | FillRecorded
    | ModifyIntended
    | ModifyAnswered
    | CancelIntended
    | CancelAnswered
    | LegAdded
    | LegsRetired
    | ExposureBreached
    | ExposureRestored
    | HedgeWanted
    | HedgeWindowOpened
    | HedgeWindowClosed
    | HoldingClosedByOthers
    | HoldingAdopted
    | FlatCheckAsked
    | BooksReconciled
    | SessionEnded
    | DivergenceFound
    | DivergenceHealed
    | PositionDoubted
    | ForeignPositionSeen
    | ForeignOrderSeen
    | AlertRaised
    | AlertCleared
    | AlertAcknowledged
    | KillSwitchTripped
    | KillSwitchReset
    | OperatorActed
    | GroupHandled
    | ValueCarried
    | DecisionFailed
    | JournalFailed
    | JournalReturned
)

FACT_TYPES: Final[tuple[type[Fact], ...]] = Fact.__args__


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


KIND_OF: Final[dict[type[Fact], str]] = {kind: _snake(kind.__name__) for kind in FACT_TYPES}
"""The ``kind`` column of each type of fact: ``FillRecorded`` is ``fill_recorded``."""

TYPE_OF: Final[dict[str, type[Fact]]] = {name: kind for kind, name in KIND_OF.items()}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row of the journal: a fact with its place, its time and the group it belongs to (or ``""``)."""

    seq: int
    at_ns: int
    group_id: str
    fact: Fact
