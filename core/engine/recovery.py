"""Recovery: what a journal adds up to. First start, restart and the return from a crash are this one path.

What the journal cannot know is asked of the broker: the engine's first input after this reads the books, an
order that was in flight counts as unanswered until they have shown it, and each difference becomes a fact.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.account import Account
from core.domain.evolve import fold
from core.domain.facts import ProcessStarted, Recorded
from core.journal.persistence import PersistenceLayer


@dataclass(frozen=True, slots=True)
class RecoveredExecution:
    """The account as its last process had committed it, and the rows that say so, oldest first."""

    account: Account
    rows: tuple[Recorded, ...]

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever written into this journal."""
        return not self.rows

    @property
    def is_restart(self) -> bool:
        """Whether a process has run on this journal before; what it left unsaid must then be looked for."""
        return any(isinstance(row.fact, ProcessStarted) for row in self.rows)


def recover_execution_from_crash(journal: PersistenceLayer) -> RecoveredExecution:
    """Fold a journal, whether its process ended in order or was killed between any two effects.

    No policy runs: the past is never decided again. Raises ``JournalCorrupt`` at the first row that is not
    as it was written.
    """
    rows = tuple(journal.read())
    return RecoveredExecution(fold(rows), rows)
