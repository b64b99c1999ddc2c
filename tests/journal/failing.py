"""A disk that fails on purpose."""

from __future__ import annotations

import sqlite3


class FailingCommits:
    """A ``WriteFault`` under which ``count`` commits fail, the ``first`` of them counted from 1.

    ``attempts`` says how many commits have been tried, ``failed`` how many were made to fail.
    """

    def __init__(self, first: int, count: int = 1, error: str = "database or disk is full") -> None:
        self._failing = range(first, first + count)
        self._error = error
        self.attempts = 0
        self.failed = 0

    def __call__(self) -> None:
        """Raise ``sqlite3.OperationalError`` if this attempt is one of those that fail."""
        self.attempts += 1
        if self.attempts in self._failing:
            self.failed += 1
            raise sqlite3.OperationalError(self._error)
