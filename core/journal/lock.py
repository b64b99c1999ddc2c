"""The account lock: one process trades on a journal, and a crash cannot leave the lock behind."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from core.journal.errors import AccountLocked, JournalUnusable


class AccountLock:
    """An exclusive ``flock`` on ``<journal>.lock``, held until ``release`` or the end of the process.

    The kernel drops it with the process, however that ends; the file stays, with the number of the last
    holder in it, and means nothing by itself. Two names of one journal (symbolic links) share one lock.
    """

    def __init__(self, journal: str | Path) -> None:
        self.path = Path(f"{os.path.realpath(journal)}.lock")
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
            holder = os.pread(file, 20, 0).strip()
            os.close(file)
            if not isinstance(error, BlockingIOError):
                raise JournalUnusable(
                    f"The lock {self.path} cannot be taken ({error.strerror}). "
                    "Put the journal on a local disk."
                ) from error
            raise AccountLocked(str(self.path), int(holder) if holder.isdigit() else None) from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
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
