"""The recorded chain: what is built from it, and every way in which a file can be bad."""

from __future__ import annotations

import csv
import gzip
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from core.domain.timing import IST, NS_PER_S
from core.market.errors import MarketDataError
from core.market.recorded import RecordedMarket

HEADER = "ts,expiry,strike,right,ltp,bid,bid_qty,ask,ask_qty,volume_lots,oi_lots,iv"
ROW = "2025-08-29 10:00:00,2025-09-02,24500,CE,101.0,100.5,75,101.5,150,1,2,12.5"
DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
CHAIN = DATA / "nifty_chain_quotes_20250829.csv.gz"
needs_chain = pytest.mark.skipif(not CHAIN.exists(), reason=f"needs the recorded chain {CHAIN.name}")


def written(tmp_path: Path, *rows: str, header: str = HEADER, name: str = "chain.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=IST).timestamp()) * NS_PER_S


def test_contracts_have_the_lot_freeze_and_symbol_of_their_day(tmp_path: Path) -> None:
    (contract,) = RecordedMarket(written(tmp_path, ROW)).contracts.values()
    assert contract.symbol == "NIFTY2590224500CE"
    assert (contract.lot_units, contract.freeze_units, contract.tick_paise) == (75, 1800, 5)
    assert (contract.expiry, contract.strike_paise) == (date(2025, 9, 2), 24_500_00)


def test_quotes_are_in_paise_and_units_at_exchange_time(tmp_path: Path) -> None:
    source = RecordedMarket(written(tmp_path, ROW))
    (quote,) = source.quotes_at(ns("2025-08-29 10:00:00")).values()
    assert (quote.bid_paise, quote.bid_units, quote.ask_paise, quote.ask_units) == (100_50, 75, 101_50, 150)
    assert quote.last_paise == 101_00


def test_a_price_of_zero_is_a_side_that_was_not_quoted(tmp_path: Path) -> None:
    row = "2025-08-29 10:00:00,2025-09-02,24500,CE,0,0,75,101.5,150,1,2,0"
    (quote,) = RecordedMarket(written(tmp_path, row)).quotes_at(ns("2025-08-29 10:00:00")).values()
    assert (quote.bid_paise, quote.bid_units, quote.last_paise, quote.ask_paise) == (None, 0, None, 101_50)


def test_a_crossed_quote_is_kept_and_known_to_be_crossed(tmp_path: Path) -> None:
    row = "2025-08-29 10:00:00,2025-09-02,24500,CE,101,102,75,101.5,150,1,2,0"
    (quote,) = RecordedMarket(written(tmp_path, row)).quotes_at(ns("2025-08-29 10:00:00")).values()
    assert quote.is_crossed


def test_rows_that_cannot_be_used_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    assert RecordedMarket(written(tmp_path, ROW)).remarks == ()
    crossed = ROW.replace("100.5", "101.6")
    locked = ROW.replace("100.5", "101.5").replace("10:00", "10:01")
    empty = ROW.replace("100.5", "0").replace("101.5", "0").replace("10:00", "10:02")
    path = written(tmp_path, ROW, crossed, empty, locked)
    first, second = RecordedMarket(path).remarks
    assert first.startswith(f"{path}: 2 of 4 rows have a bid at or above the ask, the first in line 3;")
    assert second.startswith(f"{path}: 1 of 4 rows have neither bid nor ask, the first in line 4;")


def test_gaps_are_gaps_and_the_newest_book_is_found_across_them(tmp_path: Path) -> None:
    late = ROW.replace("10:00:00", "10:20:00").replace(",CE,", ",PE,")
    source = RecordedMarket(written(tmp_path, late, ROW))
    first, second = ns("2025-08-29 10:00:00"), ns("2025-08-29 10:20:00")
    assert source.step_times(first) == second
    assert source.step_times(second) is None
    assert source.quotes_at(first + 1) == {}
    assert {quote.at_ns for quote in source.book_at(second + 5).values()} == {first, second}
    assert source.stale_after_ns == 180 * NS_PER_S


def test_a_gzipped_file_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "chain.csv"
    path.write_bytes(gzip.compress(f"{HEADER}\n{ROW}\n".encode()))
    assert len(RecordedMarket(path).contracts) == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (ROW.replace("101.0", "abc"), "line 3: the row does not parse"),
        (ROW.replace("100.5", "-1"), "is no price in rupees"),
        (ROW.replace("100.5", "nan"), "is no price in rupees"),
        (ROW.replace(",75,", ",-75,"), "a quantity is below 0"),
        (ROW.replace(",75,", ",7.5,"), "line 3"),
        (ROW.replace("CE", "XX"), "'XX' is neither CE nor PE"),
        (ROW.replace("24500", "0"), "is not above 0"),
        (ROW.replace("24500", "1e999"), "line 3"),
        (ROW.replace("2025-09-02", "02-09-2025"), "line 3"),
        (ROW.replace("10:00:00", "noon"), "line 3"),
        (ROW[:30], "line 3: 2 fields where the header has 12"),
    ],
)
def test_a_row_that_does_not_parse_is_named_by_file_and_line(tmp_path: Path, row: str, words: str) -> None:
    path = written(tmp_path, ROW, row)
    with pytest.raises(MarketDataError, match=words) as error:
        RecordedMarket(path)
    assert str(path) in str(error.value)


def test_an_expiry_whose_lot_nobody_knows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        MarketDataError, match="the lot of NIFTY contracts expiring on 2020-01-02 is not known"
    ):
        RecordedMarket(written(tmp_path, ROW.replace("2025-09-02", "2020-01-02")))


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(MarketDataError, match="there is no such file"):
        RecordedMarket(tmp_path / "absent.csv.gz")


def test_a_directory_is_not_a_chain(tmp_path: Path) -> None:
    with pytest.raises(MarketDataError, match="cannot be read"):
        RecordedMarket(tmp_path)


def test_a_torn_gzip_says_so(tmp_path: Path) -> None:
    path = tmp_path / "chain.csv.gz"
    whole = gzip.compress(f"{HEADER}\n{ROW}\n".encode() * 50)
    for cut in (5, 15, len(whole) // 2, len(whole) - 4):
        path.write_bytes(whole[:cut])
        with pytest.raises(MarketDataError, match="torn"):
            RecordedMarket(path)


def test_a_file_named_gz_that_is_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(MarketDataError, match="torn"):
        RecordedMarket(written(tmp_path, ROW, name="chain.csv.gz"))


def test_bytes_that_are_no_text_say_so(tmp_path: Path) -> None:
    path = tmp_path / "chain.csv"
    path.write_bytes(b"\xff\xfe\x00\x01" * 30)
    with pytest.raises(MarketDataError, match="not a CSV file"):
        RecordedMarket(path)


def test_missing_columns_are_listed(tmp_path: Path) -> None:
    with pytest.raises(MarketDataError, match="column bid_qty, ask_qty is missing"):
        RecordedMarket(
            written(tmp_path, header=HEADER.replace("bid_qty,", "").replace("ask_qty,", ""), name="x.csv")
        )


def test_a_file_without_quotes_is_no_market(tmp_path: Path) -> None:
    with pytest.raises(MarketDataError, match="a header and no quotes"):
        RecordedMarket(written(tmp_path))


def test_an_unknown_underlying_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(MarketDataError, match=r"known are .*NIFTY"):
        RecordedMarket(written(tmp_path, ROW), underlying="GOLD")


@needs_chain
def test_the_real_day_loads_whole_with_its_gaps() -> None:
    source = RecordedMarket(CHAIN)
    assert len(source.contracts) == 116
    times = [source.start_ns]
    while (after := source.step_times(times[-1])) is not None:
        times.append(after)
    assert len(times) == 292
    gaps = [(b - a) // NS_PER_S for a, b in pairwise(times)]
    assert max(gaps) == 1_110
    assert sum(gap > 180 for gap in gaps) == 3


@needs_chain
def test_the_real_days_forwards_are_those_of_put_call_parity() -> None:
    path = DATA / "nifty_implied_forward_20250829.csv"
    if not path.exists():
        pytest.skip(f"needs {path.name}")
    source = RecordedMarket(CHAIN)
    with path.open() as file:
        for row in csv.DictReader(file):
            forward = source.forwards_at(ns(row["ts"]))["NIFTY", date(2025, 9, 2)]
            assert forward == pytest.approx(float(row["implied_forward_0902"]) * 100, abs=1)
