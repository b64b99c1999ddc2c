"""A turn: one input being decided. Facts are taken over at once, so that the next rule sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from core.domain.account import Account, DivergenceKind, Severity
from core.domain.effects import Effect
from core.domain.evolve import evolve
from core.domain.exposure import Exposure
from core.domain.facts import (
    AlertCleared,
    AlertRaised,
    DivergenceFound,
    DivergenceHealed,
    Fact,
    Recorded,
    StateChanged,
)
from core.domain.groups import MultiLegOrderGroup
from core.domain.lifecycle import ENDS, ExecutionLifecycle, ManualCause
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.policy.hedge_manager import EmergencyHedgeManager
from core.policy.leg_priority import LegPriorityCalculator
from core.risk.limits import RiskLimits
from core.risk.worst_case import WorstCase, WorstCaseMarginSimulator

_OVER_WITH_THE_GROUP = frozenset(
    {
        "cancel-unconfirmed",
        "circuit-lock",
        "delivery",
        "exposed",
        "hedge-lag",
        "incomplete",
        "mismatch",
        "uncovered",
        "unjudged",
        "unpriced",
        "unstopped",
    }
)
"""Alerts about something that a group which has ended can no longer be."""


class StopKeeper(Protocol):
    """Who fires stops and keeps the resting ones; ``HybridStopLossManager`` is the one that is shipped."""

    def watch(self, turn: Turn, group_id: str) -> str:
        """Fire what has fired. Returns why the whole group is to be closed; ``""`` where it is not."""

    def arm(self, turn: Turn, group_id: str) -> None:
        """Bring the resting stops to what nothing else exits."""


class Parts(Protocol):
    """What a turn is decided with; see ``Collaborators``."""

    @property
    def priority_calculator(self) -> LegPriorityCalculator:
        """Who orders the legs."""

    @property
    def hedge_manager(self) -> EmergencyHedgeManager:
        """Who chooses hedges."""

    @property
    def sl_manager(self) -> StopKeeper:
        """Who keeps stops. It decides with a turn, so the turn knows only what it does."""

    @property
    def margin_simulator(self) -> WorstCaseMarginSimulator:
        """Who judges the worst case."""

    @property
    def limits(self) -> RiskLimits:
        """What a person has allowed a trade and a day."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an input led to: the next account, the rows to commit, what to do then, and when to look again.

    ``wakes`` holds, for each group that was looked at, the exchange time of its next look (0: none).
    """

    account: Account
    rows: tuple[Recorded, ...]
    effects: tuple[Effect, ...]
    wakes: Mapping[str, int]
    measured: Mapping[str, Exposure] | None = None
    """The exposure of every group that was looked at, where the input was a monitor's pass."""
    worst_cases: Mapping[str, WorstCase] = field(default_factory=dict)
    """The worst case of every group whose margin was decided."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a turn had come."""

    account: Account
    rows: int
    effects: int
    wakes: Mapping[str, int]


@dataclass(slots=True)
class Turn:
    """The working surface of one decision. It lives for one input and is pure from the outside."""

    account: Account
    view: MarketView
    now_ns: int
    parts: Parts
    """What it is decided with."""
    rows: list[Recorded] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    wakes: dict[str, int] = field(default_factory=dict)
    measured: Mapping[str, Exposure] | None = None
    worst_cases: dict[str, WorstCase] = field(default_factory=dict)
    guards_off: frozenset[str] = frozenset()
    """Guards that the simulator has switched off to show that it notices; empty in production."""

    @property
    def settings(self) -> ExecutionSettings:
        """The numbers in force."""
        return self.account.settings

    def group(self, group_id: str) -> MultiLegOrderGroup:
        """A group as it stands after everything decided so far."""
        return self.account.groups[group_id]

    def guarded(self, guard: str) -> bool:
        """Whether a guard is on; only the simulator ever switches one off."""
        return guard not in self.guards_off

    def mark(self) -> Mark:
        """The turn as it stands, to come back to."""
        return Mark(self.account, len(self.rows), len(self.effects), dict(self.wakes))

    def back_to(self, mark: Mark) -> None:
        """Forget everything since a mark."""
        self.account, self.wakes = mark.account, dict(mark.wakes)
        del self.rows[mark.rows :]
        del self.effects[mark.effects :]

    def record(self, fact: Fact, group_id: str = "") -> None:
        """Take over a fact, under the name of the group it belongs to."""
        row = Recorded(self.account.seq + 1, self.now_ns, group_id, fact)
        self.account = evolve(self.account, row)
        self.rows.append(row)

    def perform(self, effect: Effect) -> None:
        """Have something done outside, once everything recorded is committed."""
        self.effects.append(effect)

    def may_trade(self) -> bool:
        """Whether orders may go out at all: in a session, by a process that has read the broker's books.

        What an earlier process sent while it could not write its journal is known to the broker alone.
        """
        return bool(self.account.reconciled_at_ns) and self.view.is_open(self.now_ns)

    def wake(self, group_id: str, at_ns: int) -> None:
        """Look at a group again no later than this."""
        before = self.wakes.get(group_id, 0)
        self.wakes[group_id] = at_ns if not before else min(before, at_ns)

    def wake_in(self, group_id: str, delay_ms: int) -> None:
        """Look at a group again in so many milliseconds."""
        self.wake(group_id, self.now_ns + delay_ms * NS_PER_MS)

    def wake_at_open(self, group_id: str) -> None:
        """Look at a group again when the next session opens; after a close the view may not know it yet."""
        opens_ns = self.view.opens_ns
        self.wake(group_id, opens_ns if opens_ns > self.now_ns else self.now_ns + 60 * NS_PER_S)

    def move(
        self,
        group_id: str,
        state: ExecutionLifecycle,
        reason: str,
        cause: ManualCause | None = None,
    ) -> None:
        """Change a group's state, unless it is there already."""
        before = self.group(group_id).state
        if before is state:
            return
        self.record(StateChanged(group_id, state, reason, cause), group_id)
        if before is ExecutionLifecycle.MANUAL:
            self.clear_alert(f"manual:{group_id}")
        if state in ENDS:
            for alert in list(self.account.alerts.values()):
                if alert.group_id == group_id and alert.runbook in _OVER_WITH_THE_GROUP:
                    self.clear_alert(alert.alert_id)

    def manual(self, group_id: str, cause: ManualCause, text: str) -> None:
        """Stop automation for a group, say why, and call for a person."""
        if self.group(group_id).state is ExecutionLifecycle.MANUAL:
            return
        self.move(group_id, ExecutionLifecycle.MANUAL, text, cause)
        self.alert(
            f"manual:{group_id}", Severity.CRITICAL, f"{group_id} needs you: {text}", "manual", group_id
        )

    def alert(
        self,
        alert_id: str,
        severity: Severity,
        text: str,
        runbook: str,
        group_id: str = "",
        *,
        size: int = 0,
    ) -> None:
        """Raise an alert, unless it stands already in the same words and is no larger.

        ``size`` is how much is at stake, in the alert's own measure: an acknowledgement is good for no more
        than it was given for.
        """
        before = self.account.alerts.get(alert_id)
        stands = before is not None and not before.cleared and before.text == text
        if before is not None and stands and size <= before.size:
            return
        self.record(AlertRaised(alert_id, severity, text, runbook, group_id, size), group_id)

    def clear_alert(self, alert_id: str) -> None:
        """Take an alert down, if it stands."""
        before = self.account.alerts.get(alert_id)
        if before is not None and not before.cleared:
            self.record(AlertCleared(alert_id), before.group_id)

    def diverged(
        self,
        divergence_id: str,
        kind: DivergenceKind,
        detail: str,
        *,
        group_id: str = "",
        symbol: str = "",
        healed: str = "",
    ) -> None:
        """Record a difference between the broker's word and ours; ``healed`` says how it went away."""
        before = self.account.divergences.get(divergence_id)
        if before is None or not before.is_open:
            self.record(DivergenceFound(divergence_id, kind, detail, group_id, symbol), group_id)
            if not healed:
                words = f"broker and journal differ: {detail}"
                self.alert(divergence_id, Severity.WARNING, words, "divergence", group_id)
        if healed:
            self.heal(divergence_id, healed)

    def heal(self, divergence_id: str, how: str) -> None:
        """Record that a difference is gone, if it stands."""
        before = self.account.divergences.get(divergence_id)
        if before is not None and before.is_open:
            self.record(DivergenceHealed(divergence_id, how), before.group_id)
            self.clear_alert(divergence_id)

    def done(self) -> Decision:
        """What the turn came to."""
        return Decision(
            self.account, tuple(self.rows), tuple(self.effects), self.wakes, self.measured, self.worst_cases
        )
