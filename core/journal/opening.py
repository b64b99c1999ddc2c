"""Opening a journal: what must be true of the file before anything is trusted to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Final
from urllib.parse import quote

from core.domain.facts import Recorded
from core.journal.chain import GENESIS, ChainHead, row_hash
from core.journal.codec import FactUnreadable, decode_fact
from core.journal.errors import JournalCorrupt, JournalError, JournalUnusable

SCHEMA_VERSION: Final = 1
"""The form of the tables; kept in the file's ``user_version`` and in the journal's first fact."""

APPLICATION_ID: Final = 0x48444752
"""``HDGR`` in the file's header: tells a journal from any other SQLite database."""

IN_MEMORY: Final = ":memory:"

WAL_RESET_BUG: Final = ((3, 7, 0), (3, 51, 2))
"""SQLite versions, both inclusive, in which two writing connections can corrupt a WAL database.

Fixed in 3.51.3 of 2026-03-13; a single writing connection never meets it.
"""


class Synchronous(StrEnum):
    """Whether a commit waits for the disk; under ``NORMAL`` a power cut may take the last ones away."""

    FULL = "FULL"
    NORMAL = "NORMAL"


@dataclass(frozen=True, slots=True)
class OpenedJournal:
    """A connection that is ready for ``apply``, the last committed row, and what a person should know."""

    connection: sqlite3.Connection
    head: ChainHead
    warnings: tuple[str, ...] = ()


def open_journal(
    path: str | Path, synchronous: Synchronous = Synchronous.FULL, *, sole_writer: bool = False
) -> OpenedJournal:
    """Open a journal for writing on the calling thread, or create it, readable by its owner only.

    ``sole_writer`` says that the account lock is held, so that no second program can write to the file.
    Raises ``JournalUnusable`` or ``JournalCorrupt``; a file that was refused is left as it was.
    """
    if str(path) == IN_MEMORY:
        connection = sqlite3.connect(IN_MEMORY, isolation_level=None)
        connection.executescript(schema_script())
        return OpenedJournal(connection, ChainHead())
    created = _touch(Path(path))
    try:
        connection = _connect(Path(path), "rw")
        try:
            return _prepare(connection, Path(path), synchronous, sole_writer)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        if created:
            for ending in ("", "-wal", "-shm"):
                with suppress(OSError):
                    os.unlink(f"{path}{ending}")
        raise


def open_image(image: bytes) -> OpenedJournal:
    """A journal in memory from the bytes of another: what a dead process leaves behind, opened again."""
    connection = sqlite3.connect(IN_MEMORY, isolation_level=None)
    connection.deserialize(image)
    last = connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return OpenedJournal(connection, ChainHead(*last) if last is not None else ChainHead())


def read_journal(path: str | Path) -> Iterator[Recorded]:
    """Every row of a journal in order, its chain checked, over a connection that cannot write.

    Raises ``JournalUnusable`` before the first row, and ``JournalCorrupt`` at the first one that is wrong.
    """
    if not Path(path).is_file():
        raise JournalUnusable(f"There is no journal {path}. Check the name.")
    with closing(_connect(Path(path), "ro")) as connection:
        try:
            _require_ours(connection, Path(path))
        except sqlite3.Error as error:
            raise _unusable(Path(path), error) from error
        yield from read_rows(connection, str(path))


def require_journal(path: str | Path) -> None:
    """Raise ``JournalUnusable`` where something else than a journal stands at a path; nothing is written.

    A path where nothing stands, or only a file in which nothing was ever kept, is that of a new journal.
    """
    where = Path(path)
    if not where.name or (where.exists() and not where.is_file()):
        raise _no_file(where)
    if not where.is_file() or not where.stat().st_size:
        return
    # Immutable makes nothing beside the file. What only its WAL has is not seen then, which reads as blank;
    # what is damaged, or being written just now, is left to the opening to judge.
    with closing(_connect(where, "ro&immutable=1")) as connection:
        try:
            if not _is_blank(connection):
                _require_ours(connection, where)
        except sqlite3.Error as error:
            refusal = _unusable(where, error)
            if isinstance(refusal, JournalUnusable):
                raise refusal from error


def read_rows(connection: sqlite3.Connection, where: str) -> Iterator[Recorded]:
    """Every row of an open journal in order, its chain checked. Raises ``JournalCorrupt``."""
    seq, before = 0, GENESIS
    rows = connection.execute("SELECT seq, at_ns, group_id, kind, body, hash FROM events ORDER BY seq")
    while True:
        try:
            row = next(rows, None)
        except (sqlite3.Error, UnicodeError) as error:
            raise JournalCorrupt(seq + 1, f"the file cannot be read there ({error})", where) from error
        if row is None:
            return
        number, at_ns, group_id, kind, body, written = row
        if number != seq + 1:
            raise JournalCorrupt(seq + 1, f"row {number} follows row {seq}", where)
        seq = number
        if row_hash(before, seq, at_ns, group_id, kind, body) != written:
            raise JournalCorrupt(seq, "its content does not match its hash", where)
        before = written
        try:
            fact = decode_fact(kind, body)
        except FactUnreadable as error:
            raise JournalCorrupt(seq, str(error), where) from error
        yield Recorded(seq, at_ns, group_id, fact)


def _touch(path: Path) -> bool:
    """Create the file, for its owner only, or check that it can be written; whether it is new."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        return True
    except FileExistsError:
        pass
    except OSError as error:
        raise JournalUnusable(
            f"The journal {path} cannot be created ({error.strerror}). "
            "Give a path in a folder that exists and that you may write to."
        ) from error
    if not path.is_file():
        raise _no_file(path)
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise JournalUnusable(
            f"The journal {path} is read-only for you. Make the file writable, or give another path."
        )
    return False


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error


def _prepare(
    connection: sqlite3.Connection, path: Path, synchronous: Synchronous, sole_writer: bool
) -> OpenedJournal:
    try:
        blank = _is_blank(connection)
        if not blank:
            _require_ours(connection, path)
            _require_sound(connection, path)
        with suppress(PermissionError):
            os.chmod(path, 0o600)
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute(f"PRAGMA synchronous={synchronous.value}")
        connection.execute("PRAGMA busy_timeout=1000")
        if blank:
            connection.executescript(schema_script())
        # An empty write transaction asks the disk now, not at the first order, whether it can be written.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("ROLLBACK")
        last = connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    head = ChainHead(*last) if last is not None else ChainHead()
    return OpenedJournal(connection, head, _warnings(sole_writer))


def _is_blank(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever kept in the file: it is new, or its making was cut short."""
    marks = [
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    ]
    return not any(marks) and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0


def schema_script() -> str:
    """The SQL that makes an empty database a journal, in one transaction."""
    schema = files("core.journal").joinpath("schema.sql").read_text(encoding="utf-8")
    return (
        f"BEGIN IMMEDIATE;\n{schema}\nPRAGMA application_id={APPLICATION_ID};\n"
        f"PRAGMA user_version={SCHEMA_VERSION};\nCOMMIT;"
    )


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        raise JournalUnusable(
            f"{path} is an SQLite database, but no journal of this program; it was left as it is. "
            "Give another path."
        )
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        raise JournalUnusable(
            f"The journal {path} has form {version}, and this program writes form {SCHEMA_VERSION}. "
            "Continue it with the version of the program that made it, or begin a new journal."
        )


def _require_sound(connection: sqlite3.Connection, path: Path) -> None:
    try:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    if found != ["ok"]:
        raise JournalCorrupt(0, "; ".join(found), str(path))


def _no_file(path: Path) -> JournalUnusable:
    return JournalUnusable(f"{path} is not a file. Give the path of a journal, or of a new file.")


def _unusable(path: Path, error: sqlite3.Error) -> JournalError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return JournalUnusable(f"{path} is not an SQLite database, so not a journal. Give another path.")
    if code == sqlite3.SQLITE_CORRUPT:
        return JournalCorrupt(0, str(error), str(path))
    if code == sqlite3.SQLITE_READONLY:
        return JournalUnusable(f"The journal {path} is read-only. Make it writable, or give another path.")
    if code == sqlite3.SQLITE_BUSY:
        return JournalUnusable(
            f"Another program is writing to the journal {path}. End it, or give another path."
        )
    return JournalUnusable(
        f"The journal {path} cannot be opened ({error}). Check the folder's permissions and the disk's space."
    )


def _warnings(sole_writer: bool) -> tuple[str, ...]:
    first, last = WAL_RESET_BUG
    if sole_writer or not first <= sqlite3.sqlite_version_info <= last:
        return ()
    return (
        f"SQLite {sqlite3.sqlite_version} can damage a journal to which two connections write at once "
        "(fixed in 3.51.3). Open the journal read-only in other tools while this program runs.",
    )
