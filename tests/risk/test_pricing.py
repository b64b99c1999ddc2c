"""Pricing against QuantLib, on random and on hostile inputs."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.instruments import Right
from core.risk import pricing
from core.risk.implied_vol import implied_vol, implied_vols
from core.risk.pricing import FloatArray, Reason, Undefined, black76, years_until

ql = pytest.importorskip("QuantLib")

CONTRACTS = 100_000
HOSTILE = (
    math.nan,
    math.inf,
    -math.inf,
    0.0,
    -0.0,
    -1.0,
    1e-320,
    1e-300,
    1e-10,
    0.05,
    1.0,
    24_570.0,
    1e10,
    1e300,
    1.7e308,
)


class Sample:
    """Random contracts with QuantLib's price and delta for each."""

    def __init__(self, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.forward = np.exp(rng.uniform(np.log(50), np.log(90_000), count))
        self.strike = self.forward * np.exp(rng.normal(0, 0.15, count))
        self.years = np.exp(rng.uniform(np.log(1 / (365 * 96)), np.log(2), count))
        self.vol = np.exp(rng.uniform(np.log(0.02), np.log(2), count))
        self.call = rng.random(count) < 0.5
        self.price = np.empty(count)
        self.delta = np.empty(count)
        deviation = self.vol * np.sqrt(self.years)
        rows = zip(self.call, self.strike, self.forward, deviation, strict=True)
        for at, (call, strike, forward, spread) in enumerate(rows):
            kind = ql.Option.Call if call else ql.Option.Put
            self.price[at] = ql.blackFormula(kind, strike, forward, spread)
            chance = ql.blackFormulaAssetItmProbability(kind, strike, forward, spread)
            self.delta[at] = chance if call else -chance


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample(CONTRACTS, seed=20_261_121)


def test_price_and_delta_agree_with_quantlib_on_random_contracts(sample: Sample) -> None:
    ours = black76(sample.forward, sample.strike, sample.years, sample.vol, sample.call)
    assert (ours.reason == 0).all()
    assert (np.abs(ours.price - sample.price) / np.maximum(sample.price, 0.05)).max() < 1e-8
    assert np.abs(ours.delta - sample.delta).max() < 1e-8


def test_implied_volatility_comes_back_where_the_price_determines_it(sample: Sample) -> None:
    ours = black76(sample.forward, sample.strike, sample.years, sample.vol, sample.call)
    for price, oracle_error in ((ours.price, 0.0), (sample.price, 4e-15)):
        solved = implied_vols(price, sample.forward, sample.strike, sample.years, sample.call)
        with np.errstate(all="ignore"):
            determined = (price > 1e-300) & (price * 1e-12 / ours.vega < 1e-7)
            # QuantLib's normal distribution has an absolute error, which its prices in the far tails show.
            tolerance = 1e-6 + oracle_error * np.maximum(sample.forward, sample.strike) / ours.vega
        assert determined.sum() > CONTRACTS / 2
        assert (np.abs(solved.vol - sample.vol) <= tolerance)[determined].all()
        rest = ~determined & (solved.reason == 0)
        inputs = sample.forward[rest], sample.strike[rest], sample.years[rest], solved.vol[rest]
        again = black76(*inputs, call=sample.call[rest]).price
        assert (np.abs(again - price[rest]) / np.maximum(price[rest], 0.05)).max(initial=0.0) < 1e-8


def test_gamma_vega_and_theta_are_the_derivatives_of_quantlibs_price() -> None:
    maturity = 20 / 365
    for strike, right in itertools.product((23_800.0, 24_570.0, 25_300.0), Right):
        call = right is Right.CE
        greeks = black76(24_570.0, strike, maturity, 0.14, call)

        def quantlib(
            forward: float, years: float, vol: float, call: bool = call, strike: float = strike
        ) -> float:
            kind = ql.Option.Call if call else ql.Option.Put
            return float(ql.blackFormula(kind, strike, forward, vol * math.sqrt(years)))

        def at(forward: float = 24_570.0, years: float = maturity, vol: float = 0.14) -> float:
            return quantlib(forward, years, vol)

        gamma = (at(forward=24_572.0) - 2 * at() + at(forward=24_568.0)) / 4
        vega = (at(vol=0.14 + 1e-5) - at(vol=0.14 - 1e-5)) / 2e-5
        theta = (at(years=maturity - 1e-6) - at(years=maturity + 1e-6)) / 2e-6 / 365
        assert float(greeks.gamma) == pytest.approx(gamma, rel=1e-4)
        assert float(greeks.vega) == pytest.approx(vega, rel=1e-7)
        assert float(greeks.theta) == pytest.approx(theta, rel=1e-6)


def test_scalar_and_vectorised_forms_agree(sample: Sample) -> None:
    for at in range(0, 2_000, 7):
        right = Right.CE if sample.call[at] else Right.PE
        inputs = sample.forward[at], sample.strike[at], sample.years[at], sample.vol[at]
        greeks = black76(*inputs, sample.call[at])
        assert pricing.price(*inputs, right) == pytest.approx(float(greeks.price), rel=1e-9, abs=1e-9)
        assert pricing.delta(*inputs, right) == pytest.approx(float(greeks.delta), abs=1e-12)


def test_the_lean_forms_agree_with_the_checked_one(sample: Sample) -> None:
    full = black76(sample.forward, sample.strike, sample.years, sample.vol, sample.call)
    lean = sample.forward, sample.strike, sample.vol * np.sqrt(sample.years), np.where(sample.call, 1.0, -1.0)
    assert np.abs(pricing.prices(*lean) - full.price).max() < 1e-9
    assert np.abs(pricing.deltas(*lean) - full.delta).max() < 1e-12


def test_put_call_parity_holds_exactly_enough(sample: Sample) -> None:
    calls = black76(sample.forward, sample.strike, sample.years, sample.vol, True)
    puts = black76(sample.forward, sample.strike, sample.years, sample.vol, False)
    gap = calls.price - puts.price - (sample.forward - sample.strike)
    assert np.abs(gap).max() < 1e-9 * sample.forward.max()


@pytest.mark.parametrize("call", [True, False])
def test_no_input_raises_or_yields_an_unmarked_nonsense(call: bool) -> None:
    grid: FloatArray = np.array(list(itertools.product(HOSTILE, repeat=4))).T
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        greeks = black76(grid[0], grid[1], grid[2], grid[3], call)
        solved = implied_vols(grid[0], grid[1], grid[2], grid[3], call)
    defined = greeks.reason == 0
    for figure in (greeks.price, greeks.delta, greeks.gamma, greeks.vega, greeks.theta):
        assert np.isfinite(figure[defined]).all()
        assert np.isnan(figure[~defined]).all()
    assert (greeks.price[defined] >= 0).all()
    assert (solved.vol[solved.reason == 0] > 0).all()
    assert np.isnan(solved.vol[solved.reason != 0]).all()


@given(st.floats(), st.floats(), st.floats(), st.floats(), st.sampled_from(Right))
@settings(max_examples=500, deadline=None, derandomize=True)
def test_scalar_functions_are_total(a: float, b: float, c: float, d: float, right: Right) -> None:
    for result in (
        pricing.price(a, b, c, d, right),
        pricing.delta(a, b, c, d, right),
        implied_vol(a, b, c, d, right),
    ):
        assert isinstance(result, Undefined) or math.isfinite(result)


@pytest.mark.parametrize(
    ("forward", "strike", "right", "worth", "slope"),
    [
        (24_600, 24_500, Right.CE, 100.0, 1.0),
        (24_600, 24_500, Right.PE, 0.0, 0.0),
        (24_400, 24_500, Right.PE, 100.0, -1.0),
        (24_500, 24_500, Right.CE, 0.0, 0.5),
        (24_500, 24_500, Right.PE, 0.0, -0.5),
    ],
)
def test_at_expiry_an_option_is_worth_its_intrinsic_value(
    forward: float, strike: float, right: Right, worth: float, slope: float
) -> None:
    greeks = black76(forward, strike, 0.0, 0.15, right is Right.CE)
    assert (float(greeks.price), float(greeks.delta)) == (worth, slope)
    assert pricing.price(forward, strike, 0.0, 0.15, right) == worth
    assert pricing.delta(forward, strike, 0.0, 0.15, right) == slope


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ((0.0, 24_500.0, 0.02, 0.15), Reason.BAD_FORWARD),
        ((24_500.0, -1.0, 0.02, 0.15), Reason.BAD_STRIKE),
        ((24_500.0, 24_500.0, -0.02, 0.15), Reason.EXPIRED),
        ((24_500.0, 24_500.0, 0.02, 0.0), Reason.BAD_VOL),
        ((24_500.0, 24_500.0, 0.02, math.nan), Reason.BAD_VOL),
    ],
)
def test_what_is_undefined_says_why(inputs: tuple[float, float, float, float], reason: Reason) -> None:
    assert pricing.price(*inputs, Right.CE) == Undefined(reason)
    assert int(black76(*inputs, True).reason) == reason


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        (99.0, Reason.BELOW_INTRINSIC),
        (100.0, Reason.NO_TIME_VALUE),
        (24_600.0, Reason.ABOVE_MAXIMUM),
        (0.0, Reason.BAD_PRICE),
        (-5.0, Reason.BAD_PRICE),
        (math.inf, Reason.BAD_PRICE),
    ],
)
def test_a_price_that_no_volatility_explains_says_why(price: float, reason: Reason) -> None:
    assert implied_vol(price, 24_600.0, 24_500.0, 0.02, Right.CE) == Undefined(reason)


def test_a_far_wing_at_one_tick_still_has_a_volatility() -> None:
    vol = implied_vol(0.05, 24_570.0, 23_000.0, 4 / 365, Right.PE)
    assert isinstance(vol, float)
    assert pricing.price(24_570.0, 23_000.0, 4 / 365, vol, Right.PE) == pytest.approx(0.05, abs=1e-12)


def test_years_count_days_of_365() -> None:
    day_ns = 86_400 * 10**9
    assert years_until(365 * day_ns, 0) == 1.0
    assert years_until(0, day_ns) == -1 / 365
