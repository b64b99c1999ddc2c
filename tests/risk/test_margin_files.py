"""Margin parameters and risk arrays as files a user brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.domain.instruments import Right
from core.market.margin_parameters import (
    MarginFileError,
    built_in_parameters,
    parse_parameters,
    read_parameters,
)
from core.market.risk_arrays import RiskArrayFileError, read_risk_arrays
from core.risk.span import ClassParameters, MarginParameters
from tests.risk.chains import SPAN_ARRAYS, option

HEADER = "expiry,strike,right," + ",".join(f"s{n}" for n in range(1, 17))
ROW = "2026-07-21,24150,CE," + ",".join(str(n / 4) for n in range(16))


def built_in_text() -> str:
    return (Path(__file__).parents[2] / "core" / "market" / "margin_parameters.toml").read_text()


def test_the_built_in_file_says_what_the_code_defaults_to() -> None:
    built_in, code = built_in_parameters(), MarginParameters()
    assert (built_in.index, built_in.stock) == (code.index, code.stock)
    assert (built_in.as_of, built_in.look_ahead_days) == (code.as_of, code.look_ahead_days)


def test_an_underlying_takes_what_it_leaves_out_from_its_class() -> None:
    text = (
        built_in_text()
        + '\n[underlying.NIFTY]\nprice_scan_share = 0.11\n[underlying.INFY]\nclass = "stock"\n'
    )
    parameters = parse_parameters(text, "mine.toml")
    assert parameters.of(option(24_500, Right.CE)).price_scan_share == 0.11
    assert parameters.by_underlying["NIFTY"].exposure_share == ClassParameters().exposure_share
    assert parameters.by_underlying["INFY"] == parameters.stock


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("price_scan_share = 0.093", "price_scan_share = 1.5", "index.price_scan_share: .*less than 0.5"),
        ("price_scan_share = 0.093", "price_scan_share = -0.1", "index.price_scan_share: .*greater than 0"),
        ("price_scan_share = 0.093", "price_scan_share = nan", "index.price_scan_share"),
        ("price_scan_share = 0.093", "price_scan_share = 0.3", "must not be below price_scan_share"),
        ("vol_scan = 0.04", "vol_scan = 0", "index.vol_scan"),
        ("vol_scan = 0.04", "", "index.vol_scan: Field required"),
        ("look_ahead_days = 2.0", "look_ahead_days = -1", "look_ahead_days"),
        ("as_of = 2026-10-01", 'as_of = "soon"', "as_of"),
        ("as_of = 2026-10-01", "asof = 2026-10-01", "asof: Extra inputs"),
        ("[index]", "[index", "not valid TOML"),
        ("exposure_share = 0.02 ", "exposure_share = 0.2 ", "exposure of deep or long-dated"),
    ],
)
def test_an_impossible_parameter_is_refused_by_name(old: str, new: str, words: str) -> None:
    text = built_in_text()
    changed = text.replace(old, new, 1) if old in text else text.replace(old.strip(), new.strip(), 1)
    assert changed != text
    with pytest.raises(MarginFileError, match=words):
        parse_parameters(changed, "mine.toml")


def test_a_parameter_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MarginFileError, match="cannot be read"):
        read_parameters(tmp_path / "no.toml")


@pytest.mark.skipif(not SPAN_ARRAYS.exists(), reason="the shared risk arrays are not here")
@pytest.mark.data
def test_the_exchanges_own_arrays_are_read_with_all_their_digits() -> None:
    arrays = read_risk_arrays(SPAN_ARRAYS)
    assert len(arrays) == 46
    put = next(a for key, a in arrays.items() if key.strike_paise == 24_150_00 and key.right is Right.PE)
    assert put.losses_paise[12] == -1_964_55.0
    assert (put.price_paise, put.composite_delta) == (157_70.0, -0.4693)


def test_a_plain_file_needs_only_contract_and_scenarios(tmp_path: Path) -> None:
    path = tmp_path / "arrays.csv"
    path.write_text(f"{HEADER}\n{ROW}\n{ROW}\n")
    ((key, array),) = read_risk_arrays(path, "BANKNIFTY").items()
    assert (key.underlying, key.strike_paise, key.right) == ("BANKNIFTY", 24_150_00, Right.CE)
    assert array.losses_paise[:3] == (0.0, 25.0, 50.0)
    assert (array.price_paise, array.composite_delta) == (None, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "header lacks expiry, strike, right, s1 to s16"),
        (HEADER, "no rows"),
        (HEADER.replace(",s16", "") + "\n" + ROW, "header lacks s1 to s16"),
        (f"{HEADER}\n{ROW.replace('CE', 'XX')}", "line 2: 'XX' is neither a call"),
        (f"{HEADER}\n{ROW.replace('2026-07-21', 'soon')}", "line 2: "),
        (f"{HEADER}\n{ROW.replace('24150', '-5')}", "line 2: the strike must be above zero"),
        (f"{HEADER}\n{ROW}\n{ROW.replace('3.75', 'nan')}", "line 3: s16 is missing or no number"),
        (f"{HEADER}\n{ROW}\n{ROW.replace('3.75', '9.75')}", "line 3: another array for 24150"),
        (f"{HEADER}\n{ROW[:-5]}", "line 2: s16 is missing"),
    ],
)
def test_a_file_of_arrays_that_cannot_be_used_names_the_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "arrays.csv"
    path.write_text(text)
    with pytest.raises(RiskArrayFileError, match=words):
        read_risk_arrays(path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arrays.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(RiskArrayFileError, match="cannot be read"):
        read_risk_arrays(path)
