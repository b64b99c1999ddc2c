"""Invariant 8: exposure that the broker has told us of is answered within a second of being known."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.account import Account
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.timing import NS_PER_S, Clock
from core.rehearsal.invariants.told import ToldGroup

ANSWER_NS = NS_PER_S
"""How soon uncovered units that are known must be answered."""
_RETRY_NS = 5 * NS_PER_S // 2
"""After an attempt that the venue refused, the next one may take this long."""


class Answers:
    """Runs a clock for each group with uncovered units that nothing on its way would cover.

    ``late`` is called with the group and the reason when the clock runs out while the core could have acted:
    it lived, had read its books, the market was open and its last attempt was not just now.
    """

    def __init__(
        self, clock: Clock, account: Callable[[], Account], late: Callable[[str, str], None]
    ) -> None:
        self.patience_ns = 0
        """Added to the time in which exposure must be answered, where the disk or the machine is slow."""
        self.is_open: Callable[[int], bool] = lambda at_ns: True
        self._clock = clock
        self._account = account
        self._late = late
        self._unanswered: dict[str, tuple[int, ToldGroup]] = {}
        self._last_send: dict[str, int] = {}
        self._alive_since_ns = 0

    def begin_again(self) -> None:
        """A new process begins: no clock runs for it yet."""
        self.stop()
        self._alive_since_ns = self._clock.now_ns()

    def stop(self) -> None:
        """The process is gone: nothing can be asked of it."""
        self._unanswered.clear()

    def sent(self, group_id: str) -> None:
        """Something of the group has just gone out."""
        self._last_send[group_id] = self._clock.now_ns()

    def watch(self, told: ToldGroup) -> None:
        """Start the clock of a group with unanswered uncovered units; stop it where none are left."""
        group_id = told.plan.group_id
        if not any(units < 0 for units in told.net.values()) or not told.unanswered():
            self._unanswered.pop(group_id, None)
        elif group_id not in self._unanswered:
            since_ns = self._clock.now_ns()
            self._unanswered[group_id] = (since_ns, told)
            self._ask_again(group_id, since_ns, since_ns + ANSWER_NS)

    def _ask_again(self, group_id: str, since_ns: int, at_ns: int) -> None:
        self._clock.call_at(at_ns + self.patience_ns, lambda: self._require(group_id, since_ns))

    def _require(self, group_id: str, since_ns: int) -> None:
        now_ns = self._clock.now_ns()
        running_since_ns, told = self._unanswered.get(group_id, (0, None))
        account = self._account()
        group = account.groups.get(group_id)
        if running_since_ns != since_ns or group is None or told is None:
            return
        if not told.unanswered() or group.state is ExecutionLifecycle.MANUAL:
            self._unanswered.pop(group_id, None)
            return
        began_ns = max(since_ns, self._alive_since_ns, account.entries_allowed_ns)
        waited_from_ns = max(began_ns + ANSWER_NS, self._last_send.get(group_id, 0) + _RETRY_NS)
        if not self.is_open(now_ns) or not account.reconciled_at_ns:
            waited_from_ns = now_ns + ANSWER_NS
        if now_ns < waited_from_ns + self.patience_ns:
            self._ask_again(group_id, since_ns, waited_from_ns)
            return
        self._late(group_id, f"{group_id}: {told.unanswered()} short units uncovered and nothing is done")
