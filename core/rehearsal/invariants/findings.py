"""What a judge has found: every violation once, with the time at which it was noticed."""

from __future__ import annotations

from core.domain.timing import Clock
from core.rehearsal.invariants.violation import Violation


class Findings:
    """Violations in the order in which they were noticed; ``violations`` may be any list that keeps them."""

    def __init__(self, clock: Clock) -> None:
        self.violations: list[Violation] = []
        self._clock = clock
        self._seen: set[tuple[int, str]] = set()

    def add(self, invariant: int, detail: str, group_id: str = "") -> None:
        """Note a violation, once; nothing where ``detail`` is ``""``."""
        if detail and (invariant, detail) not in self._seen:
            self._seen.add((invariant, detail))
            self.violations.append(Violation(invariant, self._clock.now_ns(), detail, group_id))
