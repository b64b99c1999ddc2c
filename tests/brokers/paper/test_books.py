"""The exchange's file: what survives, and what is refused."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from core.brokers.paper.books import ExchangeFileError, ExchangeIdentity, FileBooks, MemoryBooks
from core.brokers.paper.ledger import Ledger
from tests.brokers.paper.builders import TEN, exchange, order

IDENTITY = ExchangeIdentity(1, "calm", "synthetic")


def made(path: Path) -> FileBooks:
    books = FileBooks.create(path, IDENTITY)
    market = exchange()
    books.append(market.place(TEN, order()).records)
    books.append(market.place(TEN, order(limit=80_00)).records)
    return books


def refolded(books: FileBooks) -> Ledger:
    ledger = Ledger()
    for record in books.records():
        ledger.apply(record)
    return ledger


def test_records_are_there_again_without_a_clean_close(tmp_path: Path) -> None:
    path = tmp_path / "run.journal.exchange"
    live = made(path)
    again = FileBooks.open(path, IDENTITY)
    market = exchange(records=again.records())
    assert [row.filled_units for row in market.ledger.order_rows(TEN)] == [65, 0]
    again.close()
    live.close()


def test_file_and_memory_give_the_same_books(tmp_path: Path) -> None:
    books, memory = made(tmp_path / "x.exchange"), MemoryBooks()
    memory.append(list(books.records()))
    ledger = Ledger()
    for record in memory.records():
        ledger.apply(record)
    assert refolded(books) == ledger
    books.close()


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    books = made(tmp_path / "x.exchange")
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {0o600}
    books.close()


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (ExchangeIdentity(2, "calm", "synthetic"), "of seed 1, not 2"),
        (ExchangeIdentity(1, "gap-through", "synthetic"), "of scenario 'calm', not 'gap-through'"),
        (ExchangeIdentity(1, "calm", "chain.csv"), "of market 'synthetic', not 'chain.csv'"),
    ],
)
def test_books_of_another_run_are_refused_by_name(
    tmp_path: Path, identity: ExchangeIdentity, words: str
) -> None:
    path = tmp_path / "x.exchange"
    made(path).close()
    with pytest.raises(ExchangeFileError, match=words):
        FileBooks.open(path, identity)


def test_missing_books_are_never_silently_new(tmp_path: Path) -> None:
    path = tmp_path / "x.exchange"
    with pytest.raises(ExchangeFileError, match="are missing"):
        FileBooks.open(path, IDENTITY)
    assert not path.exists()


def test_existing_books_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.exchange"
    made(path).close()
    with pytest.raises(ExchangeFileError, match="already exist"):
        FileBooks.create(path, IDENTITY)


def test_a_file_that_is_no_exchanges_books_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.exchange"
    path.write_text("not a database, but long enough to be mistaken for one " * 20)
    with pytest.raises(ExchangeFileError, match="not an exchange's books"):
        FileBooks.open(path, IDENTITY)


def test_books_of_another_format_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.exchange"
    made(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE identity SET format_version = 9")
    with pytest.raises(ExchangeFileError, match="written in format 9"):
        FileBooks.open(path, IDENTITY)


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.exchange"
    made(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute('UPDATE records SET body = \'{"kind":"surprise"}\' WHERE seq = 2')
    books = FileBooks.open(path, IDENTITY)
    with pytest.raises(ExchangeFileError, match="record 2 cannot be read"):
        list(books.records())
    books.close()


def test_an_unwritable_place_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ExchangeFileError, match="cannot make"):
        FileBooks.create(tmp_path / "nowhere" / "x.exchange", IDENTITY)


def test_every_record_acknowledged_before_a_kill_is_there_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "x.exchange"
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from core.brokers.paper.books import ExchangeIdentity, FileBooks
        from tests.brokers.paper.builders import TEN, exchange, order
        books = FileBooks.create(Path(sys.argv[1]), ExchangeIdentity(1, "calm", "synthetic"))
        market = exchange()
        for n in range(10_000):
            step = market.place(TEN + n * 300_000_000, order(limit=80_00))
            books.append(step.records)
            print(n + 1, flush=True)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    acknowledged = 0
    while acknowledged < 50:
        acknowledged = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    acknowledged = max([acknowledged, *(int(line) for line in process.stdout.read().split())])
    process.wait()
    books = FileBooks.open(path, IDENTITY)
    assert refolded(books).order_count >= acknowledged
    books.close()
