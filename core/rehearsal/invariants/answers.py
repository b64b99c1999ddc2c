"""Invariant 8: exposure that the broker has told us of is answered as soon as it is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.domain.account import Account
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.timing import NS_PER_MS, NS_PER_S, Clock
from core.rehearsal.invariants.busy import Busy
from core.rehearsal.invariants.resting import has_critical_alert
from core.rehearsal.invariants.told import ToldGroup

ANSWER_NS = NS_PER_S
"""How soon uncovered units that are known must be answered, wherever the core runs."""
AT_ONCE_NS = 150 * NS_PER_MS
"""The same where deciding takes no market time: after the news, or after the debounce window closes."""
RETRY_NS = 5 * NS_PER_S // 2
"""After an attempt that the venue refused, the next one may take this long..."""
MAKE_WAY_NS = 6 * NS_PER_S
"""...and this long after the cancel of an order that has to make way: its confirmation is waited for."""
TRIES_MAX = 12
"""So many attempts in a row may come to nothing before a person is asked."""


@dataclass(slots=True)
class _Standing:
    """Uncovered units of a group that nothing on its way would cover."""

    told: ToldGroup
    since_ns: int
    busy_ns: int
    """How long the core had been unable to act by then."""


class Answers:
    """Runs a clock for each group with uncovered units that nothing on its way would cover.

    ``late`` is called with the group and the reason when the clock runs out while the core could have acted:
    it lived, was neither asleep nor waiting for its disk, had read its books, the market was open, and its
    last attempt to answer was not just now.
    """

    def __init__(
        self, clock: Clock, account: Callable[[], Account], busy: Busy, late: Callable[[str, str], None]
    ) -> None:
        self.within_ns = ANSWER_NS
        """How soon uncovered units must be answered."""
        self.patience_ns = 0
        """Added to the time in which exposure must be answered, where market time runs ahead of the wall."""
        self.is_open: Callable[[int], bool] = lambda at_ns: True
        self.is_unclear: Callable[[str], bool] = lambda group_id: False
        """Whether a night has left open what a group holds: what may not be there is not closed yet."""
        self._clock = clock
        self._account = account
        self._busy = busy
        self._late = late
        self._standing: dict[str, _Standing] = {}
        self._tries: dict[str, int] = {}
        self._tried_until_ns: dict[str, int] = {}
        """Until when it may take to see whether the last attempt has come to anything, and to try again."""
        self._window_ns: dict[str, int] = {}
        """Until when what comes after the decision on a group's last hedge is gathered."""
        self._alive_since_ns = 0

    def begin_again(self) -> None:
        """A new process begins: no clock runs for it yet."""
        self.stop()
        self._alive_since_ns = self._clock.now_ns()

    def stop(self) -> None:
        """The process is gone: nothing can be asked of it."""
        self._standing.clear()
        self._tries.clear()
        self._tried_until_ns.clear()
        self._window_ns.clear()

    def tried(self, told: ToldGroup, lasting_ns: int = RETRY_NS) -> None:
        """Something that could answer has gone out for a group: whether it does may be seen within this time.

        Whatever else is sent for the group moves nothing.
        """
        group_id, now_ns = told.plan.group_id, self._clock.now_ns()
        if told.uncovered():
            self._tries[group_id] = self._tries.get(group_id, 0) + 1
        if (told.uncovered() or group_id in self._standing) and self._tries.get(group_id, 0) <= TRIES_MAX:
            before_ns = self._tried_until_ns.get(group_id, 0)
            self._tried_until_ns[group_id] = max(before_ns, now_ns + lasting_ns)

    def gathers(self, group_id: str, decided_ns: int) -> None:
        """A hedge was decided on: what comes within the debounce window after it is answered at its end."""
        debounce_ns = self._account().settings.hedge_debounce_ms * NS_PER_MS
        self._window_ns[group_id] = decided_ns + debounce_ns

    def watch(self, told: ToldGroup) -> None:
        """Start the clock of a group with unanswered uncovered units; stop it where none are left."""
        group_id = told.plan.group_id
        if not told.uncovered():
            self._tries.pop(group_id, None)
            self._tried_until_ns.pop(group_id, None)
        if not told.unanswered():
            self._standing.pop(group_id, None)
        elif group_id not in self._standing:
            now_ns = self._clock.now_ns()
            standing = self._standing[group_id] = _Standing(told, now_ns, self._busy.total_ns)
            self._ask_again(standing, now_ns + self.within_ns)

    def _ask_again(self, standing: _Standing, at_ns: int) -> None:
        self._clock.call_at(at_ns + self.patience_ns, lambda: self._require(standing))

    def _require(self, standing: _Standing) -> None:
        told, account, now_ns = standing.told, self._account(), self._clock.now_ns()
        group_id = told.plan.group_id
        group = account.groups.get(group_id)
        if self._standing.get(group_id) is not standing or group is None:
            return
        is_told = group.handled or has_critical_alert(account, group_id)
        if not told.unanswered() or (group.state is ExecutionLifecycle.MANUAL and is_told):
            del self._standing[group_id]
            return
        window_ns = self._window_ns.get(group_id, 0) if self._tries.get(group_id, 0) <= TRIES_MAX else 0
        began_ns = max(standing.since_ns, self._alive_since_ns, account.reconciled_at_ns, window_ns)
        due_ns = max(began_ns + self.within_ns, self._tried_until_ns.get(group_id, 0))
        due_ns += self._busy.total_ns - standing.busy_ns
        if not self.is_open(now_ns) or not account.reconciled_at_ns or self.is_unclear(group_id):
            due_ns = now_ns + self.within_ns
        if now_ns < due_ns + self.patience_ns:
            self._ask_again(standing, due_ns)
            return
        self._late(group_id, f"{group_id}: {told.unanswered()} short units uncovered and nothing is done")
