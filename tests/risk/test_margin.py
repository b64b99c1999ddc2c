"""Margin against the exchange's own arrays, the broker's reply, and the rules."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pytest

from core.domain.instruments import Contract, InstrumentKind, Right
from core.market.risk_arrays import read_risk_arrays
from core.risk.implied_vol import implied_vol, implied_vols
from core.risk.margin import Book, margin_of
from core.risk.priced import PricedContract
from core.risk.pricing import FloatArray, black76
from core.risk.span import (
    PRICE_MOVES,
    VOL_MOVES,
    WEIGHTS,
    ArrayKey,
    ClassParameters,
    MarginParameters,
    RiskArray,
)
from tests.risk.chains import BASKET, FAR, NEAR, SPAN_ARRAYS, option

PARAMETERS = MarginParameters()
needs_arrays = pytest.mark.skipif(not SPAN_ARRAYS.exists(), reason="the shared risk arrays are not here")
needs_basket = pytest.mark.skipif(not BASKET.exists(), reason="the shared broker replies are not here")
EXPIRY = date(2026, 7, 21)
DAYS = 8
"""The arrays were computed at the close of 2026-07-13."""


def priced(
    contract: Contract,
    forward: float = 24_570.0,
    vol: float = 0.13,
    days: int = 4,
    underlying: float | None = None,
) -> PricedContract:
    """A contract priced by the model; money in points."""
    years = max(days, 0) / 365
    value = forward
    if contract.right is not None:
        value = float(
            black76(forward, contract.strike_paise / 100, years, vol, contract.right is Right.CE).price
        )
    return PricedContract(
        contract, forward * 100, (underlying or forward) * 100, years, days, vol, value * 100, 5.0
    )


@cache
def real_arrays() -> tuple[list[Contract], FloatArray, FloatArray]:
    """Contracts, the exchange's losses in rupees, its settlement prices in rupees."""
    known = read_risk_arrays(SPAN_ARRAYS)
    contracts, losses, prices = [], [], []
    for key, array in known.items():
        assert key.right is not None
        assert array.price_paise is not None
        contracts.append(option(key.strike_paise // 100, key.right, key.expiry))
        losses.append([loss / 100 for loss in array.losses_paise])
        prices.append(array.price_paise / 100)
    return contracts, np.array(losses), np.array(prices)


def settled_book() -> tuple[list[PricedContract], FloatArray]:
    """The contracts of the arrays as settlement prices imply them, and the exchange's losses in paise."""
    contracts, losses, prices = real_arrays()
    strikes = np.array([contract.strike_paise / 100 for contract in contracts])
    calls = np.array([contract.right is Right.CE for contract in contracts])
    by_strike = {
        strike: (prices[(strikes == strike) & calls][0], prices[(strikes == strike) & ~calls][0])
        for strike in strikes
    }
    nearest = sorted(by_strike, key=lambda strike: abs(by_strike[strike][0] - by_strike[strike][1]))[:3]
    forward = float(np.median([strike + by_strike[strike][0] - by_strike[strike][1] for strike in nearest]))
    own = implied_vols(prices, forward, strikes, DAYS / 365, calls).vol
    book = []
    for contract, strike, price in zip(contracts, strikes, prices, strict=True):
        out_call = strike >= forward
        vol = float(own[(strikes == strike) & (calls == out_call)][0])
        book.append(
            PricedContract(
                contract, forward * 100, forward * 100, DAYS / 365, DAYS, vol, float(price) * 100, 5.0
            )
        )
    return book, losses * 100


@needs_arrays
@pytest.mark.data
def test_the_scenario_table_is_the_exchanges_own() -> None:
    """With the exchange's inputs every scenario of every contract comes out within a tick of Rs 0.05."""
    contracts, losses, prices = real_arrays()
    spot, rate, vol, scan = 24_211.0, 0.065, 0.1717, 2_251.62
    strikes = np.array([contract.strike_paise / 100 for contract in contracts])[:, None]
    calls = np.array([contract.right is Right.CE for contract in contracts])[:, None]
    years, ahead = DAYS / 365, (DAYS - PARAMETERS.look_ahead_days) / 365

    def value(level: FloatArray, left: float, sigma: FloatArray) -> FloatArray:
        grown = np.exp(rate * left)
        worth: FloatArray = black76(level * grown, strikes, left, sigma, calls).price / grown
        return worth

    base = value(np.full((1, 16), spot), years, np.full((1, 16), vol))
    then = value(
        spot + PRICE_MOVES[None, :] * scan, ahead, vol + VOL_MOVES[None, :] * PARAMETERS.index.vol_scan
    )
    ours = np.minimum(WEIGHTS * (base - then), prices[:, None])
    assert np.abs(ours - losses).max() <= 0.05


@needs_arrays
@pytest.mark.data
def test_scan_risk_is_exact_when_the_arrays_are_given() -> None:
    book, _ = settled_book()
    arrays = read_risk_arrays(SPAN_ARRAYS)
    with SPAN_ARRAYS.open() as lines:
        rows = {
            (row["strike"].split(".")[0], row["option_type"]): [
                float(row[f"span_s{n}"]) for n in range(1, 17)
            ]
            for row in csv.DictReader(lines)
        }
    for one in book:
        contract = one.contract
        row = rows[str(contract.strike_paise // 100), "CALL" if contract.right is Right.CE else "PUT"]
        for units in (65, -65, -650):
            expected = max(0.0, *(units * loss for loss in row))
            result = margin_of([(one, units)], PARAMETERS, arrays)
            assert result.from_arrays
            assert result.scan_paise == pytest.approx(expected * 100, abs=1)


@needs_arrays
@pytest.mark.data
def test_the_scan_of_a_condor_nets_its_legs_scenario_by_scenario() -> None:
    book, losses = settled_book()
    units: dict[tuple[int, Right | None], int] = {
        (23_900, Right.PE): 65,
        (24_000, Right.PE): -65,
        (24_400, Right.CE): -65,
        (24_500, Right.CE): 65,
    }
    legs = [(one, units.get((one.contract.strike_paise // 100, one.contract.right), 0)) for one in book]
    legs = [(one, count) for one, count in legs if count]
    rows = {ArrayKey.of(one.contract): loss for one, loss in zip(book, losses, strict=True)}
    expected = max(sum(count * rows[ArrayKey.of(one.contract)] for one, count in legs))
    assert margin_of(legs, PARAMETERS, read_risk_arrays(SPAN_ARRAYS)).scan_paise == pytest.approx(
        expected, abs=1
    )


@needs_arrays
@pytest.mark.data
def test_estimated_scan_risk_is_close_and_on_the_safe_side_for_short_options() -> None:
    book, losses = settled_book()
    errors = []
    for one, loss in zip(book, losses, strict=True):
        ours = margin_of([(one, -65)], PARAMETERS).scan_paise
        real = 65 * max(0.0, *(-loss))
        errors.append(ours / real - 1)
    found = np.array(errors)
    assert np.median(np.abs(found)) < 0.025
    assert np.abs(found).max() < 0.035
    assert (found >= 0).mean() >= 0.9


@needs_basket
@pytest.mark.data
def test_the_brokers_basket_reply_is_met() -> None:
    """Exposure exact, total within 10 %: 75 units of the 20,600/20,700 call spread of July 2023.

    The reply does not say its day; the forward and the days to expiry are those of mid-July.
    """
    reply = json.loads(BASKET.read_text())["data"]["final"]
    underlying, forward, days, units = 19_434.15, 19_500.0, 16, 75
    legs = []
    for strike, premium, count in ((20_600, 35.65, -units), (20_700, 6.95, units)):
        vol = implied_vol(premium, forward, strike, days / 365, Right.CE)
        assert isinstance(vol, float)
        legs.append((priced(option(strike, Right.CE), forward, vol, days, underlying), count))
    ours = margin_of(legs, PARAMETERS)
    assert ours.exposure_paise == pytest.approx(reply["exposure"] * 100, abs=1)
    total = ours.total_paise / 100 + reply["option_premium"]
    assert total == pytest.approx(reply["total"], rel=0.10)


def test_a_hedge_reduces_scan_risk_but_not_exposure() -> None:
    short = (priced(option(24_800, Right.CE)), -65)
    wing = (priced(option(25_000, Right.CE)), 65)
    naked, hedged = margin_of([short], PARAMETERS), margin_of([short, wing], PARAMETERS)
    assert hedged.scan_paise < naked.scan_paise / 5
    assert hedged.exposure_paise == naked.exposure_paise == pytest.approx(0.02 * 24_570_00 * 65, abs=1)


def test_a_spread_needs_its_width_in_span() -> None:
    legs = [(priced(option(24_800, Right.CE)), -65), (priced(option(25_000, Right.CE)), 65)]
    assert margin_of(legs, PARAMETERS).span_paise == pytest.approx(200_00 * 65, rel=0.01)


def test_a_long_option_needs_no_margin_beyond_its_premium() -> None:
    result = margin_of([(priced(option(24_800, Right.CE)), 65)], PARAMETERS)
    assert (result.span_paise, result.exposure_paise, result.total_paise) == (0, 0, 0)


def test_shorts_that_expire_today_carry_two_per_cent_more_hedged_or_not() -> None:
    legs = [(priced(option(24_600, Right.CE), days=0), -65), (priced(option(24_700, Right.CE), days=0), 65)]
    result = margin_of(legs, PARAMETERS)
    assert result.expiry_day_paise == pytest.approx(0.02 * 24_570_00 * 65, abs=1)
    assert result.total_paise == result.span_paise + result.exposure_paise + result.expiry_day_paise


def test_far_out_of_the_money_and_long_dated_shorts_carry_more_exposure() -> None:
    def share(strike: int, days: int) -> float:
        one = priced(option(strike, Right.CE), days=days)
        return margin_of([(one, -65)], PARAMETERS).exposure_paise / (24_570_00 * 65)

    assert share(24_800, 4) == pytest.approx(0.02)
    assert share(27_100, 4) == pytest.approx(0.03)
    assert share(24_800, 300) == pytest.approx(0.05)


def test_a_calendar_is_charged_on_its_matched_far_delta() -> None:
    near, far = priced(option(24_600, Right.CE, NEAR), days=4), priced(option(24_600, Right.CE, FAR), days=11)
    result = margin_of([(near, -65), (far, 65)], PARAMETERS)
    delta = float(black76(24_570, 24_600, [4 / 365, 11 / 365], 0.13, True).delta.min())
    assert result.calendar_paise == pytest.approx(0.0175 * delta * 65 * 24_570_00, rel=1e-3)


def test_a_calendar_loses_its_benefit_on_the_day_the_near_leg_expires() -> None:
    near, far = option(24_600, Right.CE, NEAR), option(24_600, Right.CE, FAR)
    today = margin_of([(priced(near, days=0), -65), (priced(far, days=7), 65)], PARAMETERS)
    alone = margin_of([(priced(near, days=0), -65)], PARAMETERS)
    assert today.calendar_paise == 0
    assert today.span_paise == alone.span_paise


def test_a_future_is_scanned_over_its_price_range_and_exposed_either_way() -> None:
    contract = replace(option(1, Right.CE), kind=InstrumentKind.FUTURE, right=None, strike_paise=0)
    for units in (65, -65):
        result = margin_of([(priced(contract), units)], PARAMETERS)
        assert result.scan_paise == pytest.approx(0.093 * 24_570_00 * 65, rel=1e-9)
        assert result.net_option_value_paise == 0
        assert result.exposure_paise == pytest.approx(0.02 * 24_570_00 * 65, abs=1)


def test_a_short_option_minimum_is_a_floor() -> None:
    floor = MarginParameters(index=ClassParameters(short_minimum_share=0.12))
    one = priced(option(27_500, Right.CE))
    assert margin_of([(one, -65)], floor).span_paise >= 0.12 * 24_570_00 * 65


def test_two_underlyings_never_offset_each_other() -> None:
    nifty = (priced(option(24_600, Right.CE)), -65)
    other = (priced(option(24_600, Right.CE, underlying="OTHER")), 65)
    both = margin_of([nifty, other], PARAMETERS)
    apart = margin_of([nifty], PARAMETERS).scan_paise + margin_of([other], PARAMETERS).scan_paise
    assert both.scan_paise == pytest.approx(apart, abs=2)


def test_an_underlyings_own_parameters_replace_those_of_its_class() -> None:
    wide = MarginParameters(by_underlying={"NIFTY": ClassParameters(price_scan_share=0.186)})
    one = priced(option(24_600, Right.CE))
    assert margin_of([(one, -65)], wide).scan_paise > 1.8 * margin_of([(one, -65)], PARAMETERS).scan_paise


def test_a_risk_array_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16 scenarios, not 3"):
        RiskArray((1.0, 2.0, 3.0))


def test_nothing_held_needs_nothing() -> None:
    assert margin_of([], PARAMETERS).total_paise == 0


def test_a_long_option_never_loses_more_than_it_is_worth_in_any_scenario() -> None:
    contracts = [priced(option(strike, right)) for strike in range(23_000, 26_200, 200) for right in Right]
    book = Book(contracts, PARAMETERS, {})
    assert (book.scan_losses(book.forwards, book.vols) <= book.values + 1e-6).all()
