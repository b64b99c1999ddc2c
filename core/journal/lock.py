"""The account lock: one process trades on a journal, and a crash cannot leave the lock behind."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from core.journal.errors import AccountLocked, JournalUnusable

_LONGEST = 8192
"""Bytes: a process number and the longest path."""


class AccountLock:
    """An exclusive ``flock`` on ``<journal>.lock``, held until ``release`` or the end of the process.

    The kernel drops it with the process, however that ends; the file stays, with the number of the last
    holder and the path of its journal in it, and means nothing by itself. Two names of one journal (symbolic
    links) share one lock.
    """

    def __init__(self, journal: str | Path, *, keeps: str | Path | None = None) -> None:
        """``keeps`` is the journal that the holder writes, for whoever finds the lock taken."""
        self.path = Path(f"{os.path.realpath(journal)}.lock")
        self._keeps = None if keeps is None else os.path.realpath(keeps)
        self._file: int | None = None

    def acquire(self) -> AccountLock:
        """Take the lock. Raises ``AccountLocked`` with the holder's number, or ``JournalUnusable``."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalUnusable(
                f"The lock {self.path} cannot be created ({error.strerror}). "
                "Give a journal in a folder that exists and that you may write to."
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(file, _LONGEST, 0)
            os.close(file)
            if not isinstance(error, BlockingIOError):
                raise JournalUnusable(
                    f"The lock {self.path} cannot be taken ({error.strerror}). "
                    "Put the journal on a local disk."
                ) from error
            raise AccountLocked(str(self.path), *_holder(holder)) from error
        try:
            os.ftruncate(file, 0)
            os.pwrite(file, os.fsencode(f"{os.getpid()}\n{self._keeps or ''}\n"), 0)
        except OSError as error:
            os.close(file)
            raise JournalUnusable(
                f"The lock {self.path} cannot be written ({error.strerror}). Make room on that disk."
            ) from error
        self._file = file
        return self

    def release(self) -> None:
        """Let the next process in; harmless when not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> AccountLock:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _holder(text: bytes) -> tuple[int | None, Path | None]:
    """Who holds the lock by what is written in its file, and the journal that it keeps."""
    number, _, rest = text.partition(b"\n")
    journal = rest.partition(b"\n")[0]
    return (
        int(number) if number.strip().isdigit() else None,
        Path(os.fsdecode(journal)) if journal else None,
    )
