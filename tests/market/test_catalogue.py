"""Instrument dumps, freeze quantities, dated contract facts and symbols."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from core.domain.instruments import InstrumentKind, Right, Settlement
from core.market.catalogue import read_catalogue, read_freeze_quantities
from core.market.contract_facts import facts_of, load_facts
from core.market.errors import MarketDataError
from core.market.symbols import kite_symbol

HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
FUTURE = "101,1,NIFTY26AUGFUT,NIFTY,0.0,2026-08-25,0.0,0.1,65,FUT,NFO-FUT,NFO"
NEXT = "102,2,NIFTY26SEPFUT,NIFTY,0.0,2026-09-29,0.0,0.1,65,FUT,NFO-FUT,NFO"
CALL = "103,3,NIFTY26AUG24500CE,NIFTY,0.0,2026-08-25,24500.0,0.05,65,CE,NFO-OPT,NFO"
PUT = "104,4,NIFTY26AUG24500PE,NIFTY,0.0,2026-08-25,24500.0,0.05,65,PE,NFO-OPT,NFO"
LONE = "105,5,NIFTY26AUG24550PE,NIFTY,0.0,2026-08-25,24550.0,0.05,65,PE,NFO-OPT,NFO"
STOCK = "106,6,RELIANCE26AUG1400CE,RELIANCE,0.0,2026-08-25,1400.0,0.05,500,CE,NFO-OPT,NFO"
SHARE = "107,7,RELIANCE,RELIANCE INDUSTRIES,0.0,,0.0,0.1,1,EQ,NSE,NSE"
FREEZE = "S.No.,SYMBOL    ,VOL_FRZ_QTY    \n1    ,NIFTY     ,1800           \n"
DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
DUMP = DATA / "kite_instruments_index_fno_202608.csv"


def dump(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "instruments.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_dump_and_a_freeze_file_become_contracts(tmp_path: Path) -> None:
    freeze = tmp_path / "freeze.csv"
    freeze.write_text(FREEZE)
    catalogue = read_catalogue(
        dump(tmp_path, FUTURE, NEXT, CALL, PUT, LONE, STOCK, SHARE), read_freeze_quantities(freeze)
    )
    assert len(catalogue) == 6
    call = catalogue.option("NIFTY", date(2026, 8, 25), 24_500_00, Right.CE)
    assert call is not None
    assert call is catalogue.by_symbol("NIFTY26AUG24500CE")
    assert (call.lot_units, call.tick_paise, call.freeze_units, call.token) == (65, 5, 1800, 103)
    assert catalogue.expiries("NIFTY") == (date(2026, 8, 25),)
    assert catalogue.strikes("NIFTY", date(2026, 8, 25)) == (24_500_00,)
    assert catalogue.underlyings() == ("NIFTY", "RELIANCE")


def test_an_underlying_without_a_freeze_quantity_has_none_and_is_never_sliced(tmp_path: Path) -> None:
    stock = read_catalogue(dump(tmp_path, STOCK), {"NIFTY": 1800}).by_symbol("RELIANCE26AUG1400CE")
    assert stock is not None
    assert (stock.freeze_units, stock.sliceable_units) == (None, 0)
    assert stock.settlement is Settlement.PHYSICAL


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (CALL.replace("24500.0", "x"), "line 3: NIFTY26AUG24500CE does not parse"),
        (CALL.replace("24500.0", "0.0"), "the strike of an option must be above 0"),
        (CALL.replace("0.05,65", "0.05,0"), "must be above 0"),
        (CALL.replace("0.05,65", "0.001,65"), "no amount in whole paise"),
        (CALL.replace("2026-08-25", ""), "line 3"),
        (CALL.replace("NIFTY26AUG24500CE", ""), "a row without a symbol"),
        (CALL.replace("103", "NaN"), "line 3"),
        (CALL[:40], "fields where the header has 12"),
        (FUTURE, "was already on line 2"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, row: str, words: str) -> None:
    path = dump(tmp_path, FUTURE, row)
    with pytest.raises(MarketDataError, match=words) as error:
        read_catalogue(path)
    assert str(path) in str(error.value)


def test_files_that_are_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MarketDataError, match=r"column instrument_token, .* is missing"):
        read_catalogue(dump(tmp_path, header="a,b,c"))
    with pytest.raises(MarketDataError, match="no futures or options in it"):
        read_catalogue(dump(tmp_path, SHARE))
    with pytest.raises(MarketDataError, match="there is no such file"):
        read_catalogue(tmp_path / "absent.csv")
    freeze = tmp_path / "freeze.csv"
    freeze.write_text(FREEZE.replace("1800", "many"))
    with pytest.raises(MarketDataError, match=r"line 2: the freeze quantity 'many' of 'NIFTY'"):
        read_freeze_quantities(freeze)


@pytest.mark.parametrize(
    ("expiry", "strike", "right", "monthly", "symbol"),
    [
        (date(2026, 8, 25), 24_350_00, Right.CE, True, "NIFTY26AUG24350CE"),
        (date(2026, 9, 1), 24_350_00, Right.CE, False, "NIFTY2690124350CE"),
        (date(2025, 10, 14), 25_000_00, Right.CE, False, "NIFTY25O1425000CE"),
        (date(2025, 12, 9), 25_000_00, Right.PE, False, "NIFTY25D0925000PE"),
        (date(2026, 8, 25), 102_50, Right.PE, True, "NIFTY26AUG102.5PE"),
        (date(2026, 8, 25), 0, None, True, "NIFTY26AUGFUT"),
    ],
)
def test_symbols_are_written_as_kite_writes_them(
    expiry: date, strike: int, right: Right | None, monthly: bool, symbol: str
) -> None:
    assert kite_symbol("NIFTY", expiry, strike, right, monthly=monthly) == symbol


def test_an_expiry_is_monthly_when_it_is_the_last_of_its_month_also_before_a_holiday() -> None:
    nifty = facts_of("NIFTY")
    assert [nifty.is_monthly(date(2026, 8, day)) for day in (18, 24, 25)] == [False, True, True]
    assert [nifty.is_monthly(date(2025, 8, day)) for day in (21, 28)] == [False, True]


def test_nifty_has_the_lot_of_the_expiry_and_the_freeze_of_the_day() -> None:
    nifty = facts_of("NIFTY")
    assert [nifty.lot_units(day) for day in (date(2025, 12, 30), date(2026, 1, 6))] == [75, 65]
    assert nifty.freeze_units(date(2025, 8, 29)) == 1800
    bank = facts_of("BANKNIFTY")
    days = (date(2025, 8, 31), date(2025, 9, 1), date(2026, 6, 30), date(2026, 8, 17))
    assert [bank.freeze_units(day) for day in days] == [600, 900, 900, 600]


def test_beyond_the_known_dates_a_freeze_is_unknown_and_a_lot_an_error() -> None:
    nifty = facts_of("NIFTY")
    assert nifty.freeze_units(date(2026, 9, 1)) is None
    assert nifty.freeze_units(date(2025, 7, 31)) is None
    with pytest.raises(MarketDataError, match="not known"):
        nifty.lot_units(date(2020, 1, 1))


def test_a_broken_facts_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "facts.toml"
    for text, words in (("[", "not valid TOML"), ("known_from = 2025-01-01", "a key is missing")):
        path.write_text(text)
        load_facts.cache_clear()
        with pytest.raises(MarketDataError, match=words):
            load_facts(path)


@pytest.mark.skipif(not DUMP.exists(), reason=f"needs the instrument dump {DUMP.name}")
def test_our_facts_agree_with_every_index_contract_of_a_real_dump() -> None:
    day = date(2026, 8, 17)
    catalogue = read_catalogue(DUMP, underlyings=load_facts())
    assert len(catalogue) > 4_000
    for contract in catalogue:
        facts = facts_of(contract.underlying)
        if contract.right is None:
            ours = facts.future(contract.expiry, day)
        else:
            ours = facts.option(contract.expiry, contract.strike_paise, contract.right, day)
        assert (ours.symbol, ours.exchange) == (contract.symbol, contract.exchange)
        assert (ours.lot_units, ours.tick_paise) == (contract.lot_units, contract.tick_paise)
        assert ours.kind is (InstrumentKind.FUTURE if contract.right is None else InstrumentKind.OPTION)


@pytest.mark.skipif(
    not (DATA / "nse_qtyfreeze_202512.csv").exists(), reason="needs the freeze-quantity file of December 2025"
)
def test_our_freeze_quantities_agree_with_the_exchanges_file() -> None:
    theirs = read_freeze_quantities(DATA / "nse_qtyfreeze_202512.csv")
    assert len(theirs) == 213
    for underlying in ("NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50"):
        assert facts_of(underlying).freeze_units(date(2025, 12, 15)) == theirs[underlying]
