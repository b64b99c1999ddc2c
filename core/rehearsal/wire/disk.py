"""The disk under a core that trades over the wire: slow, failing, and full for a while."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from core.domain.timing import NS_PER_S, Clock
from core.rehearsal.faults.at_the_journal import JournalFaults
from core.rehearsal.faults.engine import FaultEngine, FaultRule
from core.rehearsal.faults.kinds import FaultKind

OF_THE_DISK = frozenset({FaultKind.SLOW_JOURNAL, FaultKind.FAILING_JOURNAL, FaultKind.DISK_FULL})
_FULL_NS = 10 * NS_PER_S
"""How long a disk is full where the rule does not say."""


class Disk:
    """The disk's faults of a scenario, for one life of the core; ``faults`` goes into its journal's door."""

    def __init__(self, seed: int, rules: Iterable[FaultRule], clock: Clock) -> None:
        self._clock = clock
        self._engine = FaultEngine(seed, [rule for rule in rules if rule.kind in OF_THE_DISK])
        self.faults = JournalFaults(self._engine, clock)

    @property
    def is_sound(self) -> bool:
        """Whether nothing ever happens to it."""
        return not self._engine.kinds

    @property
    def fired(self) -> Mapping[str, int]:
        """How often each kind had an effect."""
        return {kind.value: count for kind, count in sorted(self._engine.fired.items()) if count}

    def start(self) -> None:
        """Look once a second of each rule's time whether the disk fills up."""
        for rule in self._engine.windows(FaultKind.DISK_FULL):
            self._clock.call_at(max(rule.from_ns, self._clock.now_ns()), partial(self._look, rule))

    def _look(self, rule: FaultRule) -> None:
        now_ns = self._clock.now_ns()
        if now_ns >= rule.until_ns:
            return
        self._clock.call_at(now_ns + NS_PER_S, partial(self._look, rule))
        chance = (now_ns - rule.from_ns) // NS_PER_S
        if self._engine.strikes(FaultKind.DISK_FULL, chance, now_ns) is not None:
            self.faults.full_until_ns = min(now_ns + (rule.lasting_ns or _FULL_NS), rule.until_ns)
