"""Payoffs, breakevens and extremes against brute force on a fine grid; odds against an integral."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core.domain.groups import GroupPlan
from core.domain.instruments import Right, Side
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from core.risk import pricing
from core.risk.payoff import PayoffLeg, maximum_losses_from_now, payoff_of, profit_at
from core.risk.priced import price_contracts
from core.risk.stress import payoff_curve, stress_grid
from core.strategies.catalogue import STRATEGIES
from core.strategies.plan import LegRequest, build_plan, plan_from_strategy
from tests.risk.chains import CALENDAR, NOON_NS, RECORDED, option, recorded_view, synthetic_view

VIEW = synthetic_view()
SINGLE_EXPIRY = sorted(set(STRATEGIES) - {"calendar"})


def group(name: str, view: MarketView = VIEW) -> GroupPlan:
    return plan_from_strategy(
        name,
        view,
        lots=2,
        group_id="G-001",
        number=1,
        now_ns=view.at_ns,
        settings=ExecutionSettings(),
    )


def legs_of(plan: GroupPlan, view: MarketView = VIEW) -> list[PayoffLeg]:
    priced, problems = price_contracts(view, [leg.contract for leg in plan.legs], view.at_ns, CALENDAR)
    assert not problems
    return [
        PayoffLeg(one, leg.side.sign * plan.units(leg.index), one.value_paise)
        for leg, one in zip(plan.legs, priced, strict=True)
    ]


def custom(*legs: tuple[Side, int, Right, int]) -> list[PayoffLeg]:
    requests = [
        LegRequest(VIEW.contracts[option(strike, right).symbol], side, ratio)
        for side, strike, right, ratio in legs
    ]
    plan = build_plan(
        "custom",
        requests,
        VIEW,
        lots=1,
        group_id="G-001",
        number=1,
        now_ns=NOON_NS,
        settings=ExecutionSettings(),
    )
    return legs_of(plan)


def brute_profit(legs: Sequence[PayoffLeg], level: float) -> float:
    """Profit at expiry, one level and one leg at a time."""
    total = 0.0
    for leg in legs:
        strike = leg.priced.contract.strike_paise
        gap = level - strike if leg.priced.contract.right is Right.CE else strike - level
        total += leg.units * (max(gap, 0.0) - leg.entry_paise)
    return total


CASES = {
    **{name: legs_of(group(name)) for name in SINGLE_EXPIRY},
    "put ratio 1x2": custom((Side.BUY, 24_400, Right.PE, 1), (Side.SELL, 24_200, Right.PE, 2)),
    "call back-spread": custom((Side.SELL, 24_600, Right.CE, 1), (Side.BUY, 24_800, Right.CE, 2)),
    "broken-wing butterfly": custom(
        (Side.BUY, 24_500, Right.CE, 1), (Side.SELL, 24_600, Right.CE, 2), (Side.BUY, 24_800, Right.CE, 1)
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_payoff_breakevens_and_extremes_agree_with_brute_force(name: str) -> None:
    legs = CASES[name]
    result = payoff_of(legs)
    levels = np.arange(0, 60_000_00, 5_00)
    brute = np.array([brute_profit(legs, float(level)) for level in levels])
    assert np.allclose(profit_at(legs, levels.astype(np.float64), legs[0].priced.years), brute, atol=1e-4)
    rises, falls = brute[-1] > brute[-2] + 1, brute[-1] < brute[-2] - 1
    if rises:
        assert result.max_profit_paise is None
    else:
        assert result.max_profit_paise == pytest.approx(brute.max(), abs=1e-3)
    if falls:
        assert result.max_loss_paise is None
    else:
        assert result.max_loss_paise == pytest.approx(-brute.min(), abs=1e-3)
    crossings = np.flatnonzero(np.sign(brute[:-1]) * np.sign(brute[1:]) < 0)
    assert len(result.breakevens_paise) == len(crossings)
    for level, at in zip(result.breakevens_paise, crossings, strict=True):
        assert levels[at] <= level <= levels[at + 1]
        assert brute_profit(legs, level) == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_probability_of_profit_is_the_integral_of_the_lognormal(name: str) -> None:
    legs = CASES[name]
    nearest = min(
        (leg.priced for leg in legs),
        key=lambda one: abs(one.contract.strike_paise - one.forward_paise),
    )
    s = nearest.vol * np.sqrt(nearest.years)
    z = np.linspace(-9, 9, 40_001)
    ends = nearest.forward_paise * np.exp(s * z - 0.5 * s * s)
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    wins = profit_at(legs, ends, nearest.years) > 0
    expected = float((density * wins).sum() * (z[1] - z[0]))
    assert payoff_of(legs).probability_of_profit == pytest.approx(expected, abs=1e-3)


def test_directions_and_premiums_are_what_the_names_say() -> None:
    for name, is_credit in (
        ("bull_put_spread", True),
        ("bear_call_spread", True),
        ("iron_condor", True),
        ("iron_butterfly", True),
        ("straddle", True),
        ("strangle", True),
        ("bull_call_spread", False),
        ("bear_put_spread", False),
        ("long_straddle", False),
        ("long_strangle", False),
        ("calendar", False),
    ):
        result = payoff_of(legs_of(group(name)))
        assert (result.net_entry_paise > 0) is is_credit, name
    for name, rises in (("bull_call_spread", True), ("bull_put_spread", True), ("bear_put_spread", False)):
        legs = legs_of(group(name))
        low, high = profit_at(legs, np.array([20_000_00.0, 30_000_00.0]), legs[0].priced.years)
        assert bool(high > low) is rises, name


def test_a_condors_extremes_are_its_credit_and_its_width_less_the_credit() -> None:
    result = payoff_of(legs_of(group("iron_condor")))
    assert result.max_profit_paise == pytest.approx(result.net_entry_paise)
    assert result.max_loss_paise == pytest.approx(200_00 * 130 - result.net_entry_paise)
    assert len(result.breakevens_paise) == 2


def test_a_calendar_says_that_its_picture_is_a_models() -> None:
    legs = legs_of(group("calendar"))
    result = payoff_of(legs)
    assert not result.exact
    assert result.max_loss_paise is not None
    assert result.max_loss_paise <= -result.net_entry_paise + 1
    assert len(result.breakevens_paise) == 2


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded chain is not here")
@pytest.mark.data
@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_strategy_can_be_drawn_on_the_recorded_chain(name: str) -> None:
    view = recorded_view()
    legs = legs_of(group(name, view), view)
    assert payoff_of(legs).breakevens_paise
    assert len(payoff_curve(legs, points=80).now_paise) == 80


def test_the_stress_grid_is_zero_where_nothing_moves_and_right_elsewhere() -> None:
    legs = legs_of(group("iron_condor"))
    grid = stress_grid(legs)
    row, column = grid.vol_steps.index(0.0), grid.price_steps.index(0.0)
    assert abs(grid.profit_paise[row][column]) <= 1
    expected = 0.0
    for leg in legs:
        right = leg.priced.contract.right
        assert right is not None
        value = pricing.price(
            leg.priced.forward_paise * 0.97,
            leg.priced.contract.strike_paise,
            leg.priced.years,
            leg.priced.vol * 1.5,
            right,
        )
        assert isinstance(value, float)
        expected += leg.units * (value - leg.entry_paise)
    cell = grid.profit_paise[grid.vol_steps.index(0.5)][grid.price_steps.index(-0.03)]
    assert cell == pytest.approx(expected, abs=1)
    assert grid.worst[2] == min(min(row) for row in grid.profit_paise)


def test_the_payoff_curve_starts_from_today_and_shows_every_strike() -> None:
    legs = legs_of(group("iron_condor"))
    curve = payoff_curve(legs, points=201)
    strikes = [leg.priced.contract.strike_paise for leg in legs]
    assert curve.levels_paise[0] < min(strikes)
    assert curve.levels_paise[-1] > max(strikes)
    middle = int(np.argmin(np.abs(np.array(curve.levels_paise) - legs[0].priced.forward_paise)))
    assert abs(curve.now_paise[middle]) < 0.02 * max(curve.at_expiry_paise)


@pytest.mark.parametrize("name", SINGLE_EXPIRY)
def test_the_most_a_holding_can_still_lose_agrees_with_brute_force(name: str) -> None:
    legs = CASES[name]
    units = np.array([[float(leg.units) for leg in legs]])
    values = np.array([leg.priced.value_paise for leg in legs])
    ours = float(maximum_losses_from_now(units, [leg.priced.contract for leg in legs], values)[0])
    brute = [brute_profit(legs, float(level)) for level in np.arange(0, 60_000_00, 50_00)]
    if brute[-1] < brute[-2] - 1:
        assert ours == float("inf")
    else:
        assert ours == pytest.approx(-min(brute), abs=1e-3)
