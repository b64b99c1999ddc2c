"""What the core's own rows say that a judge has to know: why an order exists, what was passed, what is on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from core.domain.account import Account
from core.domain.facts import GateDecided, KillSwitchReset, KillSwitchTripped, LegsRetired, Recorded
from core.domain.orders import Purpose
from core.domain.tags import group_id_of


class Diary:
    """Rows as they are noted, over every life of the core."""

    def __init__(self, account: Callable[[], Account]) -> None:
        self._account = account
        self.committed: dict[str, Purpose] = {}
        """Why each order exists whose intent is on disk, by tag."""
        self.gated: set[str] = set()
        """Groups whose margin decision this process has passed."""
        self.retired: defaultdict[str, set[int]] = defaultdict(set)
        """Legs that a stop took out of their plan, by group."""
        self.latched = False
        """Whether the kill switch is on."""

    def begin_again(self) -> None:
        """Another process, whose rows are noted from the first on."""
        self.gated.clear()
        self.latched = False

    def note(self, row: Recorded) -> None:
        """One more row."""
        match row.fact:
            case GateDecided(group_id, passed):
                (self.gated.add if passed else self.gated.discard)(group_id)
            case LegsRetired(group_id, legs):
                self.retired[group_id].update(legs)
            case KillSwitchTripped():
                self.latched = True
            case KillSwitchReset():
                self.latched = False
            case _:
                pass

    def purpose(self, tag: str) -> Purpose | None:
        """Why the order exists: as committed, or as kept in memory while the journal is failed."""
        known = self.committed.get(tag)
        if known is not None:
            return known
        account = self._account()
        group = account.groups.get(group_id_of(tag))
        order = group.orders.get(tag) if group is not None and account.journal_failed else None
        return order.purpose if order is not None else None
