"""The account: everything that the journal says, folded. Frozen; ``evolve`` makes the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import PositionKey
from core.domain.settings import ExecutionSettings


class Severity(StrEnum):
    """How soon a person has to look."""

    CRITICAL = "CRITICAL"
    WARNING = "WARNING"
    INFO = "INFO"


@dataclass(frozen=True, slots=True)
class Alert:
    """One condition that a person should know of. ``alert_id`` is stable: a repetition raises ``count``.

    ``runbook`` names the page that says what to do. An acknowledgement lapses when the alert worsens: by its
    severity, or beyond the size that was acknowledged.
    """

    alert_id: str
    severity: Severity
    text: str
    runbook: str
    first_ns: int
    last_ns: int
    count: int = 1
    group_id: str = ""
    acknowledged: bool = False
    cleared: bool = False
    size: int = 0
    """How much is at stake, in the alert's own measure (units, per cent); 0 where that has none."""
    acknowledged_size: int = 0
    """How much was at stake when it was last acknowledged."""


class DivergenceKind(StrEnum):
    """How the broker's word can differ from ours."""

    MISSED_FILL = "missed-fill"
    MISSED_CANCEL = "missed-cancel"
    MISSED_REJECT = "missed-reject"
    UNKNOWN_ORDER_OF_OURS = "unknown-order-of-ours"
    FOREIGN_ORDER = "foreign-order"
    FOREIGN_POSITION = "foreign-position"
    QUANTITY_MISMATCH = "quantity-mismatch"
    LATE_FILL = "late-fill"
    CLOSED_BY_OTHERS = "closed-by-others"


@dataclass(frozen=True, slots=True)
class Divergence:
    """One difference between the broker's books and ours, open until it is healed."""

    divergence_id: str
    kind: DivergenceKind
    found_ns: int
    detail: str
    group_id: str = ""
    symbol: str = ""
    healed_ns: int = 0
    how: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the difference still stands."""
        return self.healed_ns == 0


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """The latch that stops new risk until a person resets it."""

    tripped: bool = False
    cause: str = ""
    by: str = ""
    at_ns: int = 0
    flatten: bool = False
    """Every group is being closed because of it."""


@dataclass(frozen=True, slots=True)
class OrderBudget:
    """What the account has sent, counted from journalled intents.

    ``recent_ns`` holds the times of the last minute's sends, oldest first; ``day`` is the Indian calendar day
    (days since the epoch) that ``day_count`` belongs to.
    """

    recent_ns: tuple[int, ...] = ()
    day: int = 0
    day_count: int = 0


@dataclass(frozen=True, slots=True)
class JournalIdentity:
    """What the first row of the journal says: whose diary this is."""

    nonce: str = ""
    schema_version: int = 0
    program_version: str = ""
    mode: str = ""
    """``PAPER`` or ``LIVE``."""
    market: str = ""
    scenario: str = ""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class PositionDoubt:
    """A difference between the broker's position and ours, seen once: signed units, and when."""

    units: int
    since_ns: int


@dataclass(frozen=True, slots=True)
class Account:
    """Everything known, as the journal folds.

    ``tags`` maps a broker's order id to our tag. ``foreign`` holds signed units that nobody's tag explains.
    ``order_ids_foreign`` are orders in the book that are not ours.
    """

    identity: JournalIdentity = JournalIdentity()
    settings: ExecutionSettings = field(default_factory=ExecutionSettings)
    seq: int = 0
    at_ns: int = 0
    groups: Mapping[str, MultiLegOrderGroup] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    budget: OrderBudget = OrderBudget()
    kill: KillSwitch = KillSwitch()
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    divergences: Mapping[str, Divergence] = field(default_factory=dict)
    foreign: Mapping[PositionKey, int] = field(default_factory=dict)
    doubts: Mapping[PositionKey, PositionDoubt] = field(default_factory=dict)
    foreign_orders: Mapping[str, str] = field(default_factory=dict)
    """Order ids in the book that are not ours, with a short description."""
    reconciled_at_ns: int = 0
    """When this process first found its books equal to the broker's; 0 until then."""
    life: int = 0
    """What tells the tags of this process from those of the processes before it."""
    entries_allowed_ns: int = 0
    """Entries wait until then after a start."""
    session_ended: date | None = None
    """The last day whose end was journalled."""
    carried: Mapping[PositionKey, int] = field(default_factory=dict)
    """What was carried over its night, until the next session has compared it."""
    overnight_checked: bool = True
    journal_failed: bool = False
    emergency_hedges: int = 0

    def with_group(self, group: MultiLegOrderGroup) -> Account:
        """The account with one group in its new state."""
        return replace(self, groups={**self.groups, group.plan.group_id: group})

    @property
    def held_keys(self) -> set[PositionKey]:
        """The broker's positions that a leg of some group is a part of now."""
        return {
            group.position_key(index)
            for group in self.groups.values()
            for index, leg in enumerate(group.legs)
            if leg.net_units
        }

    def known_units(self, key: PositionKey) -> int:
        """The signed position as far as it is known: what our groups hold, and what is the trader's own."""
        return self.net_units(key) + self.foreign.get(key, 0)

    def filled_at_ns(self, key: PositionKey) -> int:
        """When we last learned of a fill of ours in this position; 0 if never."""
        return max(
            (
                leg.filled_at_ns
                for group in self.groups.values()
                for index, leg in enumerate(group.legs)
                if group.position_key(index) == key
            ),
            default=0,
        )

    def differs_in(self, symbol: str) -> bool:
        """Whether a difference between the broker's books and ours stands open in this symbol."""
        return any(each.is_open and each.symbol == symbol for each in self.divergences.values())

    def net_units(self, key: PositionKey) -> int:
        """The signed position that all groups together hold in one of the broker's positions."""
        total = 0
        for group in self.groups.values():
            if group.plan.product is not key.product:
                continue
            for leg in group.legs:
                contract = leg.plan.contract
                if contract.symbol == key.symbol and contract.exchange == key.exchange:
                    total += leg.net_units
        return total
