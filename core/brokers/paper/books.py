"""Where the exchange keeps its records: a file beside the journal, or memory.

Records are committed before anyone is told of them. The file is SQLite in WAL mode at ``synchronous=NORMAL``:
it survives the death of the process, which is all that a paper exchange owes. The core never opens it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from core.brokers.paper.records import ExchangeRecord, decode, encode

FORMAT_VERSION = 1
_SCHEMA = """
CREATE TABLE identity (format_version INTEGER NOT NULL, seed INTEGER NOT NULL, scenario TEXT NOT NULL,
                       market TEXT NOT NULL) STRICT;
CREATE TABLE records (seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
"""


class ExchangeFileError(ValueError):
    """The exchange's file cannot be used; the message says why and what to do."""


class ExchangeIdentity(msgspec.Struct, frozen=True):
    """What a run's books belong to: books of another seed, scenario or market are not continued."""

    seed: int
    scenario: str
    market: str = ""


class ExchangeBooks(Protocol):
    """Somewhere to append records and read them back."""

    def append(self, records: Sequence[ExchangeRecord]) -> None:
        """Keep the records, in order; they are safe when this returns. Raises ``ExchangeFileError``."""
        ...

    def records(self) -> Iterator[ExchangeRecord]:
        """All records, oldest first."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class MemoryBooks:
    """Books that outlive a simulated crash of the core, because they are outside it."""

    def __init__(self) -> None:
        self._kept: list[ExchangeRecord] = []

    def append(self, records: Sequence[ExchangeRecord]) -> None:
        """Keep the records."""
        self._kept.extend(records)

    def records(self) -> Iterator[ExchangeRecord]:
        """All records, oldest first."""
        return iter(self._kept)

    def close(self) -> None:
        """Nothing to let go of."""


class FileBooks:
    """The exchange's file. Open it with ``create`` or ``open``."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def create(cls, path: Path, identity: ExchangeIdentity) -> FileBooks:
        """Make a new file, readable by its owner alone; raises ``ExchangeFileError``."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            raise ExchangeFileError(
                f"{path}: the exchange's books already exist; give another file, or continue these"
            ) from None
        except OSError as error:
            raise ExchangeFileError(
                f"{path}: cannot make the exchange's books ({error.strerror}); choose a writable place"
            ) from error
        try:
            connection = _connect(path)
            connection.executescript("BEGIN IMMEDIATE;" + _SCHEMA)
            connection.execute(
                "INSERT INTO identity VALUES (?, ?, ?, ?)",
                (FORMAT_VERSION, identity.seed, identity.scenario, identity.market),
            )
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            path.unlink(missing_ok=True)
            raise ExchangeFileError(
                f"{path}: cannot write the exchange's books ({error}); choose a place with some space"
            ) from error
        return cls(path, connection)

    @classmethod
    def open(cls, path: Path, identity: ExchangeIdentity) -> FileBooks:
        """Open the books of this run; raises ``ExchangeFileError`` for any others."""
        if not path.exists():
            raise ExchangeFileError(
                f"{path}: the exchange's books are missing, so the journal beside them cannot be continued; "
                "give another file, or put this one back"
            )
        try:
            connection = _connect(path)
            row = connection.execute("SELECT * FROM identity").fetchone()
        except sqlite3.Error as error:
            raise ExchangeFileError(
                f"{path}: not an exchange's books ({error}); give another file"
            ) from error
        try:
            _check_identity(path, row, identity)
        except ExchangeFileError:
            connection.close()
            raise
        return cls(path, connection)

    def append(self, records: Sequence[ExchangeRecord]) -> None:
        """Keep the records in one transaction; raises ``ExchangeFileError``."""
        rows = [(record.at_ns, encode(record).decode()) for record in records]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT INTO records (at_ns, body) VALUES (?, ?)", rows)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise ExchangeFileError(
                f"{self.path}: the exchange cannot write its books ({error}); nothing more is acknowledged. "
                "Free some space or restore the file's permissions, then start again"
            ) from error

    def records(self) -> Iterator[ExchangeRecord]:
        """All records, oldest first; raises ``ExchangeFileError`` for a row that is none."""
        try:
            for seq, body in self._connection.execute("SELECT seq, body FROM records ORDER BY seq"):
                try:
                    yield decode(body.encode())
                except msgspec.DecodeError as error:
                    raise ExchangeFileError(
                        f"{self.path}: record {seq} cannot be read ({error}); give another file"
                    ) from error
        except sqlite3.Error as error:
            raise ExchangeFileError(
                f"{self.path}: the exchange's books cannot be read ({error}); give another file"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _check_identity(path: Path, row: tuple[int, int, str, str] | None, wanted: ExchangeIdentity) -> None:
    if row is None:
        raise ExchangeFileError(f"{path}: the exchange's books have no header; give another file")
    version, *found = row
    if version != FORMAT_VERSION:
        raise ExchangeFileError(
            f"{path}: written in format {version}, this program reads {FORMAT_VERSION}; give another file"
        )
    for name, was, now in zip(
        ("seed", "scenario", "market"), found, msgspec.structs.astuple(wanted), strict=True
    ):
        if was != now:
            raise ExchangeFileError(
                f"{path}: these books are of {name} {was!r}, not {now!r}; run with --{name} {was}, "
                "or give another file"
            )
