from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.brokers.kite.rupees import NotANumber, paise, paise_needed, rupees_text, units
from core.brokers.kite.stamps import stamp_ns


@given(st.integers(-(10**12), 10**12))
def test_paise_to_the_wire_and_back_lose_nothing(amount: int) -> None:
    assert paise(Decimal(rupees_text(amount))) == amount


@pytest.mark.parametrize("text", ["1e400", "NaN", "Infinity", "-Infinity", "1e99999999"])
def test_damage_is_not_money(text: str) -> None:
    for read in (paise, paise_needed, units):
        with pytest.raises(NotANumber):
            read(Decimal(text))


def test_what_is_needed_is_rounded_up_and_a_price_to_the_nearest() -> None:
    assert (paise_needed(Decimal("1.001")), paise(Decimal("1.001"))) == (101, 100)


def test_half_a_contract_is_no_quantity() -> None:
    assert units(Decimal("75.0")) == 75
    with pytest.raises(NotANumber):
        units(Decimal("75.5"))


def test_times_are_indian_and_the_first_readable_one_counts() -> None:
    assert stamp_ns(None, "rubbish that is long enough", "2021-07-05 10:41:27") == 1_625_461_887 * 10**9
    assert stamp_ns(None, 5, "") == 0
