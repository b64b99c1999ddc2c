"""Named strategies on any chain: what is chosen, what is refused, and in which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from core.domain.groups import GroupPlan, LegType
from core.domain.instruments import InstrumentKind, Right, Side
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S
from core.risk import pricing
from core.risk.pricing import years_until
from core.strategies.catalogue import STRATEGIES
from core.strategies.errors import StrategyError
from core.strategies.plan import Choices, LegRequest, Terms, build_plan, plan_from_strategy
from core.strategies.selection import AtDelta, AtStrike, FromMoney
from core.strategies.structure import structure_of
from tests.risk.chains import (
    CALENDAR,
    FAR,
    NEAR,
    NOON_NS,
    RECORDED,
    TODAY,
    option,
    recorded_view,
    smile_vol,
    synthetic_view,
    without_quotes,
)

VIEW = synthetic_view()


def plan(
    name: str,
    view: MarketView = VIEW,
    lots: int = 5,
    choices: Choices | None = None,
    terms: Terms | None = None,
    now_ns: int | None = None,
) -> GroupPlan:
    return plan_from_strategy(
        name,
        view,
        lots=lots,
        group_id="G-001",
        number=1,
        now_ns=view.at_ns if now_ns is None else now_ns,
        settings=ExecutionSettings(),
        choices=choices,
        terms=terms,
    )


def custom(
    *legs: tuple[Side, int, Right, int], lots: int = 1, limit_net_paise: int | None = None
) -> GroupPlan:
    requests = [
        LegRequest(VIEW.contracts[option(strike, right).symbol], side, ratio)
        for side, strike, right, ratio in legs
    ]
    return build_plan(
        "custom",
        requests,
        VIEW,
        lots=lots,
        group_id="G-001",
        number=1,
        now_ns=NOON_NS,
        settings=ExecutionSettings(),
        terms=Terms(limit_net_paise=limit_net_paise),
    )


def shape(group: GroupPlan) -> set[tuple[str, str]]:
    return {(leg.side.value, leg.contract.label) for leg in group.legs}


@pytest.mark.parametrize(
    ("name", "legs"),
    [
        ("bull_call_spread", {("BUY", "24550 CE"), ("SELL", "24750 CE")}),
        ("bear_put_spread", {("BUY", "24550 PE"), ("SELL", "24350 PE")}),
        ("bull_put_spread", {("SELL", "24250 PE"), ("BUY", "24050 PE")}),
        ("bear_call_spread", {("SELL", "24900 CE"), ("BUY", "25100 CE")}),
        (
            "iron_condor",
            {("SELL", "24250 PE"), ("BUY", "24050 PE"), ("SELL", "24900 CE"), ("BUY", "25100 CE")},
        ),
        (
            "iron_butterfly",
            {("SELL", "24550 PE"), ("BUY", "24350 PE"), ("SELL", "24550 CE"), ("BUY", "24750 CE")},
        ),
        ("straddle", {("SELL", "24550 PE"), ("SELL", "24550 CE")}),
        ("strangle", {("SELL", "24250 PE"), ("SELL", "24900 CE")}),
        ("long_straddle", {("BUY", "24550 PE"), ("BUY", "24550 CE")}),
        ("long_strangle", {("BUY", "24250 PE"), ("BUY", "24900 CE")}),
    ],
)
def test_each_name_means_its_legs(name: str, legs: set[tuple[str, str]]) -> None:
    group = plan(name)
    assert shape(group) == legs
    assert {leg.contract.expiry for leg in group.legs} == {NEAR}
    assert group.copies == 5
    assert all(group.units(leg.index) == 5 * 65 for leg in group.legs)


def test_a_calendar_sells_the_near_and_buys_the_far_expiry_at_one_strike() -> None:
    group = plan("calendar")
    near, far = sorted(group.legs, key=lambda leg: leg.contract.expiry)
    assert (near.side, near.contract.expiry) == (Side.SELL, NEAR)
    assert (far.side, far.contract.expiry) == (Side.BUY, FAR)
    assert near.contract.strike_paise == far.contract.strike_paise == 24_550_00


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded chain is not here")
@pytest.mark.data
@pytest.mark.parametrize("name", sorted(STRATEGIES))
@pytest.mark.parametrize("minute", ["2025-08-29 09:22", "2025-08-29 12:00", "2025-08-29 15:20"])
def test_the_defaults_fit_the_recorded_chain_all_day(name: str, minute: str) -> None:
    view = recorded_view(minute)
    group = plan(name, view)
    assert {leg.contract.expiry for leg in group.legs} <= {date(2025, 9, 2), date(2025, 9, 9)}
    assert all(23_800_00 <= leg.contract.strike_paise <= 25_200_00 for leg in group.legs)
    if name == "iron_condor":
        shorts = [leg.contract.strike_paise for leg in group.legs if leg.side is Side.SELL]
        forward = 24_540_00
        assert all(0.008 < abs(strike / forward - 1) < 0.018 for strike in shorts)
        assert group.strike_width_paise == 200_00


def test_protection_goes_first_and_naked_shorts_last() -> None:
    condor = plan("iron_condor")
    assert [leg.leg_type for leg in condor.legs] == [LegType.PROTECTIVE_LONG] * 2 + [
        LegType.COVERED_SHORT
    ] * 2
    assert [leg.score for leg in condor.legs] == [100, 100, -50, -50]
    assert [leg.index for leg in condor.legs] == [0, 1, 2, 3]
    assert {leg.leg_type for leg in plan("straddle").legs} == {LegType.NAKED_SHORT}
    assert {leg.leg_type for leg in plan("long_straddle").legs} == {LegType.LONG}


def test_the_limits_are_scaled_to_the_planned_path() -> None:
    group = plan("iron_condor", lots=20)
    years = years_until(CALENDAR.expiry_ns(NEAR), NOON_NS)
    deltas, changes = [], []
    for leg in group.legs:
        right = leg.contract.right
        assert right is not None
        strike, vol = leg.contract.strike_paise, smile_vol(leg.contract.strike_paise / 100, 24_570)
        units = leg.side.sign * group.units(leg.index)
        base = pricing.price(24_570_00, strike, years, vol, right)
        delta = pricing.delta(24_570_00, strike, years, vol, right)
        moved = [pricing.price(24_570_00 * shock, strike, years, vol, right) for shock in (0.97, 1.03)]
        assert isinstance(base, float)
        assert isinstance(delta, float)
        deltas.append(units * delta)
        changes.append([units * (one - base) for one in moved if isinstance(one, float)])
    wings, shorts = (0, 1), (2, 3)
    path = [(0,), (1,), wings, (*wings, 2), (*wings, 3), (*wings, *shorts)]
    widest = max(abs(sum(deltas[leg] for leg in state)) for state in path)
    worst = max(-sum(changes[leg][way] for leg in state) for state in path for way in (0, 1))
    assert group.delta_limit_units == pytest.approx(max(50, 1.25 * widest), rel=2e-3, abs=1)
    assert group.loss_limit_paise == pytest.approx(max(10_000_00, 1.25 * worst), rel=2e-3)


def test_small_groups_have_the_floors_as_limits() -> None:
    group = plan("long_strangle", lots=1)
    assert (group.delta_limit_units, group.loss_limit_paise) == (50, 10_000_00)


def test_the_terms_are_kept_and_have_defaults() -> None:
    group = plan("iron_condor")
    assert (group.max_slippage_bps, group.limit_net_paise, group.allow_naked) == (300, None, False)
    assert group.good_until_ns == NOON_NS + 30 * 60 * NS_PER_S
    assert group.on_incomplete.value == "scale_down"
    assert plan("iron_condor", terms=Terms(limit_net_paise=4_500)).limit_net_paise == 4_500


def test_a_strike_can_be_chosen_exactly_by_distance_and_by_delta() -> None:
    exact = plan("bull_put_spread", choices=Choices(put=AtStrike(24_300_00), width_paise=150_00))
    assert shape(exact) == {("SELL", "24300 PE"), ("BUY", "24150 PE")}
    away = plan("bear_call_spread", choices=Choices(call=FromMoney(430_00)))
    assert ("SELL", "25000 CE") in shape(away)
    group = plan("strangle", choices=Choices(call=AtDelta(0.2), put=AtDelta(0.2)))
    for leg in group.legs:
        right = leg.contract.right
        assert right is not None
        chosen = leg.contract.strike_paise / 100
        years = years_until(CALENDAR.expiry_ns(NEAR), NOON_NS)
        misses = {}
        for strike in np.arange(chosen - 200, chosen + 201, 50):
            delta = pricing.delta(24_570, strike, years, smile_vol(strike, 24_570), right)
            assert isinstance(delta, float)
            misses[strike] = abs(abs(delta) - 0.2)
        assert min(misses, key=lambda strike: misses[strike]) == chosen


def test_ratios_are_brought_to_the_smallest_whole_copy() -> None:
    group = custom(
        (Side.BUY, 24_400, Right.PE, 2), (Side.SELL, 24_200, Right.PE, 4), lots=3, limit_net_paise=1_001
    )
    assert [leg.ratio for leg in sorted(group.legs, key=lambda leg: leg.ratio)] == [1, 2]
    assert group.copies == 6
    assert group.limit_net_paise == 501


def test_a_ratio_spread_is_naked_and_says_how_much() -> None:
    group = custom((Side.BUY, 24_400, Right.PE, 1), (Side.SELL, 24_200, Right.PE, 2))
    structure = structure_of(group.legs)
    assert not structure.is_defined_risk
    assert structure.naked_units == 65
    assert "fewer PE units are bought than sold" in structure.sentence
    assert group.legs[-1].leg_type is LegType.NAKED_SHORT
    assert "65 of 130 units" in group.legs[-1].reason


@pytest.mark.parametrize(
    ("name", "defined"),
    [
        ("iron_condor", True),
        ("calendar", True),
        ("long_straddle", True),
        ("straddle", False),
        ("strangle", False),
    ],
)
def test_a_structure_says_why_it_is_defined_risk_or_naked(name: str, defined: bool) -> None:
    structure = structure_of(plan(name).legs)
    assert structure.is_defined_risk is defined
    assert structure.sentence.startswith("defined risk: " if defined else "naked: ")


def test_a_long_that_expires_first_covers_nothing() -> None:
    near, far = VIEW.contracts[option(24_600, Right.CE, NEAR).symbol], option(24_600, Right.CE, FAR)
    legs = [LegRequest(near, Side.BUY, 1), LegRequest(VIEW.contracts[far.symbol], Side.SELL, 1)]
    assert "the long CE expires earlier" in structure_of(legs).sentence


@pytest.mark.parametrize(
    ("name", "choices", "words"),
    [
        ("iron_condr", Choices(), "known are bear_call_spread"),
        ("iron_condor", Choices(underlying="BANKNIFTY"), "no options on 'BANKNIFTY'; it has NIFTY"),
        ("iron_condor", Choices(expiry=date(2026, 8, 20)), "expiries are 2026-08-18, 2026-08-25"),
        ("straddle", Choices(call=AtStrike(24_570_00)), "nearest are 24500, 24550, 24600, 24650"),
        ("straddle", Choices(call=FromMoney(9_000_00)), "listed are 23000 to 26200"),
        ("strangle", Choices(call=AtDelta(1.2)), "between 0 and 1"),
        ("bull_put_spread", Choices(width_paise=130_00), "has no PE with strike 24120"),
        ("bull_put_spread", Choices(width_paise=-100_00), "must be above zero"),
        ("bull_put_spread", Choices(call=AtStrike(24_600_00)), "has no CE leg"),
        ("straddle", Choices(width_paise=100_00), "a width means nothing"),
        ("iron_condor", Choices(far_expiry=FAR), "belongs to a calendar"),
        ("iron_condor", Choices(right=Right.PE), "is for a calendar"),
        ("calendar", Choices(far_expiry=NEAR), "must lie after 2026-08-18"),
        (
            "iron_condor",
            Choices(call=AtStrike(24_500_00), put=AtStrike(24_600_00)),
            "must lie below the call",
        ),
        (
            "straddle",
            Choices(call=AtStrike(24_500_00), put=AtStrike(24_600_00)),
            "one body strike",
        ),
    ],
)
def test_what_cannot_be_chosen_is_refused_with_what_can(name: str, choices: Choices, words: str) -> None:
    with pytest.raises(StrategyError, match=words):
        plan(name, choices=choices)


@pytest.mark.parametrize("lots", [0, -3])
def test_a_quantity_below_one_lot_is_refused(lots: int) -> None:
    with pytest.raises(StrategyError, match="at least 1"):
        plan("iron_condor", lots=lots)


def test_one_contract_in_two_legs_is_refused() -> None:
    with pytest.raises(StrategyError, match="appears twice"):
        custom((Side.BUY, 24_400, Right.PE, 1), (Side.SELL, 24_400, Right.PE, 1))


def test_nine_legs_are_refused() -> None:
    with pytest.raises(StrategyError, match="at most 8 legs"):
        custom(*((Side.BUY, 24_000 + 50 * n, Right.PE, 1) for n in range(9)))


def test_a_market_without_quotes_or_options_is_refused() -> None:
    with pytest.raises(StrategyError, match="forward is unknown"):
        plan("iron_condor", without_quotes(VIEW))
    with pytest.raises(StrategyError, match="lists no option"):
        plan("iron_condor", MarketView(at_ns=NOON_NS))


def test_a_chain_with_calls_only_is_refused_in_words() -> None:
    calls = {symbol: one for symbol, one in VIEW.contracts.items() if one.right is Right.CE}
    with pytest.raises(StrategyError, match="no PE listed"):
        plan("iron_condor", replace(VIEW, contracts=calls))


def test_the_expiry_of_today_is_taken_only_when_asked_for() -> None:
    view = synthetic_view(expiries=(TODAY, NEAR))
    assert {leg.contract.expiry for leg in plan("iron_condor", view).legs} == {NEAR}
    today = plan("iron_condor", view, choices=Choices(expiry=TODAY))
    assert {leg.contract.expiry for leg in today.legs} == {TODAY}


def test_an_expiry_in_the_past_is_refused() -> None:
    with pytest.raises(StrategyError, match="has expired"):
        plan("iron_condor", choices=Choices(expiry=NEAR), now_ns=CALENDAR.expiry_ns(NEAR))


def test_a_future_is_no_leg_of_a_strategy() -> None:
    future = replace(option(1, Right.CE), kind=InstrumentKind.FUTURE, right=None, symbol="NIFTY26AUGFUT")
    with pytest.raises(StrategyError, match="is not an option"):
        build_plan(
            "custom",
            [LegRequest(future, Side.BUY, 1)],
            VIEW,
            lots=1,
            group_id="G-001",
            number=1,
            now_ns=NOON_NS,
            settings=ExecutionSettings(),
        )


@pytest.mark.parametrize(
    ("forward", "low", "high", "step"),
    [(55_000.0, 50_000, 60_000, 100), (1_400.0, 1_100, 1_700, 10), (81_000.0, 76_000, 86_000, 100)],
)
def test_other_underlyings_have_condors_of_their_own_size(
    forward: float, low: int, high: int, step: int
) -> None:
    view = synthetic_view(forward, low=low, high=high, step=step, underlying="OTHER", lot_units=30)
    group = plan("iron_condor", view)
    strikes = sorted(leg.contract.strike_paise / 100 for leg in group.legs)
    assert low < strikes[0] < strikes[1] < forward < strikes[2] < strikes[3] < high
    assert group.strike_width_paise / 100 == pytest.approx(0.008 * forward, abs=step)


def test_the_forward_is_implied_by_parity_where_the_view_has_none() -> None:
    assert shape(plan("iron_condor", synthetic_view(with_forwards=False))) == shape(plan("iron_condor"))
