"""What can go wrong with a journal, each as a sentence for the person who has to act on it."""

from __future__ import annotations

from pathlib import Path


class JournalError(Exception):
    """The journal cannot be used; the text says what is wrong and what to do."""


class JournalUnusable(JournalError):
    """The file cannot be opened as a journal: no database, unwritable, read-only, or of another version."""


class JournalCorrupt(JournalError):
    """A row is not what was written. ``seq`` is the first row in doubt; 0 is the file as a whole."""

    def __init__(self, seq: int, what: str, where: str) -> None:
        place = f"at row {seq}" if seq else "as a whole"
        super().__init__(
            f"The journal {where} is damaged {place}: {what}. Nothing may be concluded from what follows. "
            "Keep the file for examination, flatten from the broker's books if positions are open, "
            "and start with a new journal."
        )
        self.seq = seq


class JournalWriteFailed(JournalError):
    """A commit did not happen; it was rolled back whole, and a later one may succeed."""

    def __init__(self, why: str, advice: str = "") -> None:
        super().__init__(
            f"The journal could not be written: {why}. Nothing of this commit is on disk, and no new risk "
            f"may be taken until a commit succeeds. {advice}".rstrip()
        )
        self.why = why


class JournalClosed(JournalError):
    """Something was to be committed after the journal was closed."""

    def __init__(self) -> None:
        super().__init__("The journal is closed: nothing more can be committed in this process.")


class AccountLocked(JournalError):
    """Another process holds the lock. ``pid`` is its number, ``journal`` what it keeps, where it said so."""

    def __init__(self, path: str, pid: int | None, journal: Path | None = None) -> None:
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(
            f"{who[0].upper()}{who[1:]} is already trading on this journal (it holds the lock {path}). "
            "Two programs on one account would send each order twice: end the other one, "
            "or use its screen instead of starting a second."
        )
        self.path = path
        self.pid = pid
        self.journal = journal
