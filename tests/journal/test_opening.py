"""What is opened as a journal, and what is refused with a sentence."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from core.journal.errors import JournalCorrupt, JournalUnusable
from core.journal.opening import Synchronous, open_journal, read_journal
from core.journal.writing import JournalWriter
from tests.journal.builders import batch


def written(path: Path, commits: int = 3) -> None:
    journal = open_journal(path)
    with closing(journal.connection):
        writer = JournalWriter(journal.connection, journal.head)
        for _ in range(commits):
            writer.apply(batch(writer.head.seq))
        assert writer.head.seq == 2 * commits


@contextmanager
def as_a_plain_user(folder: Path) -> Iterator[None]:
    """Everything in the folder belongs to an unprivileged user, and this process is that user.

    Root may write anywhere, so as root nothing could be refused.
    """
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.iterdir()):
        os.chown(path, 65_534, 65_534)
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_new_journal_and_its_companions_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new.journal"
    before = os.umask(0)
    try:
        journal = open_journal(path)
        JournalWriter(journal.connection, journal.head).apply(batch(0))
    finally:
        os.umask(before)
    with closing(journal.connection):
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"new.journal": 0o600, "new.journal-wal": 0o600, "new.journal-shm": 0o600}


def test_an_empty_file_that_others_could_read_is_taken_from_them_as_it_becomes_a_journal(
    tmp_path: Path,
) -> None:
    path = tmp_path / "blank.journal"
    path.touch(0o644)
    open_journal(path).connection.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_journal_that_others_could_read_is_taken_from_them(tmp_path: Path) -> None:
    path = tmp_path / "open.journal"
    written(path)
    path.chmod(0o644)
    open_journal(path).connection.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(("wanted", "level"), [(Synchronous.FULL, 2), (Synchronous.NORMAL, 1)])
def test_a_journal_is_in_wal_mode_and_waits_for_the_disk_as_asked(
    tmp_path: Path, wanted: Synchronous, level: int
) -> None:
    with closing(open_journal(tmp_path / "a.journal", wanted).connection) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (level,)


def test_a_second_opening_continues_where_the_first_one_ended(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c %41.journal"
    written(path)
    with closing(open_journal(path).connection) as connection:
        journal = open_journal(path)
        with closing(journal.connection):
            assert journal.head.seq == 6
        connection.execute("SELECT 1")
    assert [row.seq for row in read_journal(path)] == [1, 2, 3, 4, 5, 6]
    assert [file.name for file in tmp_path.iterdir() if "-" not in file.name] == ["a?b#c %41.journal"]


def test_a_journal_whose_making_was_cut_short_is_made_again(tmp_path: Path) -> None:
    empty, begun = tmp_path / "empty.journal", tmp_path / "begun.journal"
    empty.touch()
    with closing(sqlite3.connect(begun)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    for path in (empty, begun):
        written(path)


def test_another_program_s_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "contacts.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE contacts (name TEXT)")
    path.chmod(0o644)
    before = path.read_bytes()
    with pytest.raises(JournalUnusable, match="no journal of this program"):
        open_journal(path)
    with pytest.raises(JournalUnusable, match="no journal of this program"):
        list(read_journal(path))
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy wings first\n" * 100)
    for use in (open_journal, lambda file: list(read_journal(file))):
        with pytest.raises(JournalUnusable, match="not an SQLite database"):
            use(path)
    assert path.read_text() == "buy wings first\n" * 100
    assert list(tmp_path.iterdir()) == [path]


def test_a_journal_of_another_form_is_refused_with_both_numbers(tmp_path: Path) -> None:
    path = tmp_path / "old.journal"
    written(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=7")
    for use in (open_journal, lambda file: list(read_journal(file))):
        with pytest.raises(JournalUnusable, match="has form 7, and this program writes form 1"):
            use(path)


@pytest.mark.parametrize("name", ["missing/a.journal", "file/a.journal", "."])
def test_a_path_where_no_journal_can_be_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalUnusable, match=r"Give a path|Give the path"):
        open_journal(tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_an_unwritable_folder_is_refused_by_name() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o500)
        with as_a_plain_user(folder), pytest.raises(JournalUnusable, match="cannot be created"):
            open_journal(folder / "a.journal")


def test_a_read_only_journal_is_refused_for_writing_and_can_be_read() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "a.journal"
        written(path)
        path.chmod(0o400)
        with as_a_plain_user(folder):
            with pytest.raises(JournalUnusable, match="read-only"):
                open_journal(path)
            assert len(list(read_journal(path))) == 6


def test_a_page_overwritten_by_the_disk_is_found_at_the_opening(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    written(path, commits=200)
    content = bytearray(path.read_bytes())
    content[40_960:45_056] = b"\xa5" * 4_096
    path.write_bytes(content)
    with pytest.raises(JournalCorrupt, match="damaged as a whole"):
        open_journal(path)


def test_one_flipped_bit_in_a_text_is_found_by_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    written(path, commits=50)
    content = bytearray(path.read_bytes())
    at = content.rindex(b"the wings are sent first")
    content[at] ^= 1
    path.write_bytes(content)
    open_journal(path).connection.close()
    with pytest.raises(JournalCorrupt, match="does not match its hash") as caught:
        list(read_journal(path))
    assert 1 <= caught.value.seq <= 100


def test_a_journal_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="There is no journal"):
        list(read_journal(tmp_path / "a.journal"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("version", "sole_writer", "warned"),
    [
        ((3, 6, 23), False, False),
        ((3, 7, 0), False, True),
        ((3, 51, 2), False, True),
        ((3, 51, 2), True, False),
        ((3, 51, 3), False, False),
    ],
)
def test_an_sqlite_that_two_writers_could_harm_is_warned_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: tuple[int, int, int],
    sole_writer: bool,
    warned: bool,
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    journal = open_journal(tmp_path / "a.journal", sole_writer=sole_writer)
    journal.connection.close()
    assert any("3.51.3" in warning for warning in journal.warnings) is warned
