"""The worst case against a slow and literal reading of EXECUTION.md section 4, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from core.domain.cover import Holding
from core.domain.groups import GroupPlan
from core.domain.instruments import Contract, InstrumentKind, Right, Settlement, Side
from core.domain.orders import Funds
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from core.risk import pricing
from core.risk.margin import margin_of
from core.risk.priced import PricedContract, price_contracts
from core.risk.span import SCENARIOS, MarginParameters
from core.risk.worst_case import (
    PRICE_SHOCKS,
    SPREAD_SHOCKS,
    VOL_SHOCKS,
    WorstCase,
    WorstCaseMarginSimulator,
)
from core.strategies.catalogue import STRATEGIES
from core.strategies.plan import Terms, plan_from_strategy
from tests.risk.chains import CALENDAR, FAR, NOON_NS, option, quote, synthetic_view

AMPLE = Funds(10**13, 10**13, 0)
PARAMETERS = MarginParameters()
VIEW = synthetic_view()


def plan(name: str = "iron_condor", view: MarketView = VIEW, lots: int = 5) -> GroupPlan:
    return plan_from_strategy(
        name,
        view,
        lots=lots,
        group_id="G-001",
        number=1,
        now_ns=NOON_NS,
        settings=ExecutionSettings(),
        terms=Terms(allow_naked=True),
    )


def simulate(
    group: GroupPlan,
    view: MarketView = VIEW,
    funds: Funds = AMPLE,
    filled: dict[int, int] | None = None,
    others: Sequence[Holding] = (),
    reserved: Sequence[Holding] = (),
    own_blocked_paise: int = 0,
) -> WorstCase:
    return WorstCaseMarginSimulator(calendar=CALENDAR).simulate(
        group,
        view,
        funds,
        now_ns=NOON_NS,
        filled_units=filled,
        others=others,
        reserved=reserved,
        own_blocked_paise=own_blocked_paise,
    )


def worth(one: PricedContract, forward: float, vol: float, years: float) -> float:
    right = one.contract.right
    assert right is not None
    value = pricing.price(forward, one.contract.strike_paise, years, vol, right)
    assert isinstance(value, float)
    return value


def literal_required(
    held: Sequence[tuple[PricedContract, int]],
    to_pay: float,
    own: Sequence[tuple[PricedContract, int]],
    price_shock: float,
    vol_shock: float,
    spread_factor: float,
    max_loss: float,
) -> float:
    """One cell of the grid for options of one expiry, in the words of the specification."""
    ahead = PARAMETERS.look_ahead_days / 365
    cls = PARAMETERS.index
    now = margin_of(held, PARAMETERS)
    loss = 0.0
    scan = [0.0] * len(SCENARIOS)
    for one, units in held:
        forward, vol = one.forward_paise * (1 + price_shock), one.vol * (1 + vol_shock)
        shocked = worth(one, forward, vol, one.years)
        loss += units * (one.value_paise - shocked)
        reach = cls.price_scan_share * one.underlying_paise * (1 + price_shock)
        for at, scenario in enumerate(SCENARIOS):
            then = worth(
                one,
                forward + scenario.price * reach,
                max(0.01, vol + scenario.vol * cls.vol_scan),
                max(0.0, one.years - ahead),
            )
            scan[at] += units * min(scenario.weight * (shocked - then), shocked)
    lost = max(0.0, loss)
    option_value = sum(units * one.value_paise for one, units in held)
    by_loss = now.span_paise + min(1.5 * lost, max_loss)
    re_centred = max(0.0, max(0.0, *scan) + loss - option_value)
    closing = sum(abs(units) * one.half_spread_paise for one, units in own) * spread_factor
    return max(by_loss, re_centred) + now.exposure_paise + now.expiry_day_paise + to_pay + closing


def max_loss_of(held: Sequence[tuple[PricedContract, int]]) -> float:
    """By brute force over levels; infinite where a far level loses ever more."""
    levels = np.array([0.0, *(float(one.contract.strike_paise) for one, _ in held), 1e8, 2e8])
    total = np.zeros_like(levels)
    for one, units in held:
        strike = one.contract.strike_paise
        pays = np.maximum(levels - strike if one.contract.right is Right.CE else strike - levels, 0.0)
        total += units * (pays - one.value_paise)
    if total[-1] < total[-2] - 1:
        return float("inf")
    return max(0.0, float(-total.min()))


@pytest.mark.parametrize("name", sorted(set(STRATEGIES) - {"calendar"}))
def test_every_cell_agrees_with_a_literal_reading_of_the_rule(name: str) -> None:
    group = plan(name)
    grid = simulate(group).grid
    assert grid is not None
    assert grid.shape == (len(group.legs), 3, 3, 3)
    legs, problems = price_contracts(VIEW, [leg.contract for leg in group.legs], NOON_NS, CALENDAR)
    assert not problems
    for prefix in range(len(group.legs)):
        own = [
            (one, leg.side.sign * group.units(leg.index))
            for one, leg in zip(legs[: prefix + 1], group.legs, strict=False)
        ]
        to_pay = sum(units * (one.value_paise + one.half_spread_paise) for one, units in own if units > 0)
        most = max_loss_of(own)
        for p, v, s in np.ndindex(3, 3, 3):
            expected = literal_required(
                own, to_pay, own, PRICE_SHOCKS[p], VOL_SHOCKS[v], SPREAD_SHOCKS[s], most
            )
            assert grid[prefix, p, v, s] == pytest.approx(expected, rel=1e-6, abs=3.0)


def test_it_names_the_prefix_the_shock_and_the_most_expensive_cell() -> None:
    result = simulate(plan("straddle"))
    assert result.worst is not None
    assert result.grid is not None
    assert result.required_paise == int(np.ceil(result.grid.max() - 1e-4))
    cell = result.worst
    place = (
        cell.prefix - 1,
        PRICE_SHOCKS.index(cell.price_shock),
        VOL_SHOCKS.index(cell.vol_shock),
        SPREAD_SHOCKS.index(cell.spread_factor),
    )
    assert result.grid[place] == result.grid.max()
    assert cell.words == f"{cell.last_filled} filled, +3 %, IV +50 %, spread x2"


def test_a_refusal_names_the_leg_the_shock_and_the_rupees_short() -> None:
    group = plan("straddle")
    need = simulate(group).required_paise
    available = need  # 90 % of it is a tenth too little
    result = simulate(group, funds=Funds(available, available, 0))
    assert not result.passed
    assert result.worst is not None
    assert f"the {result.worst.last_filled} filled" in result.sentence
    assert "+3 %" in result.sentence
    assert "IV +50 %" in result.sentence
    assert result.short_paise == need - available * 9_000 // 10_000
    assert "so it is ₹" in result.sentence
    assert result.sentence.endswith("short.")


def test_the_safety_buffer_is_a_tenth_to_the_paisa() -> None:
    group = plan()
    need = simulate(group).required_paise
    enough = -(-need * 10_000 // 9_000)
    assert simulate(group, funds=Funds(enough, enough, 0)).passed
    assert not simulate(group, funds=Funds(enough - 2, enough, 0)).passed


def test_premium_is_paid_in_cash_and_never_from_collateral() -> None:
    group = plan("long_straddle")
    premium = simulate(group).premium_paise
    assert premium > 0
    enough = -(-premium * 10 // 9)  # a tenth stays free, as of everything else
    assert simulate(group, funds=Funds(10**13, enough, 0)).passed
    refused = simulate(group, funds=Funds(10**13, enough - 10, 0))
    assert not refused.passed
    assert "paid in cash" in refused.sentence


def test_longs_that_other_groups_have_on_their_way_are_paid_for_too() -> None:
    group = plan("long_straddle")
    coming = [(leg.contract, group.units(leg.index)) for leg in group.legs]
    alone, beside = simulate(group), simulate(group, reserved=coming)
    assert beside.premium_paise == 2 * alone.premium_paise
    assert beside.required_paise > alone.required_paise


def test_what_is_filled_already_is_not_paid_for_again_and_starts_the_path() -> None:
    group = plan()
    wings = {leg.index: group.units(leg.index) for leg in group.legs if leg.side is Side.BUY}
    fresh, again = simulate(group), simulate(group, filled=wings)
    assert again.premium_paise == 0
    assert again.required_paise <= fresh.required_paise
    assert fresh.required_paise - again.required_paise == pytest.approx(fresh.premium_paise, abs=2)


def as_a_basket(group: GroupPlan, held: Sequence[tuple[Contract, int]] = ()) -> float:
    """What the orders add to a margin, and what is paid for them at the touch, leg by leg."""

    def total(holdings: Sequence[tuple[Contract, int]]) -> int:
        units: dict[Contract, int] = {}
        for contract, count in holdings:
            units[contract] = units.get(contract, 0) + count
        priced, problems = price_contracts(VIEW, list(units), NOON_NS, CALENDAR)
        assert not problems
        return margin_of(list(zip(priced, units.values(), strict=True)), PARAMETERS).total_paise

    orders = [(leg.contract, leg.side.sign * group.units(leg.index)) for leg in group.legs]
    priced, _ = price_contracts(VIEW, [contract for contract, _ in orders], NOON_NS, CALENDAR)
    paid = sum(
        count * one.value_paise + abs(count) * one.half_spread_paise
        for one, (_, count) in zip(priced, orders, strict=True)
    )
    return total([*held, *orders]) - total(held) + paid


@pytest.mark.parametrize("name", ["iron_condor", "bull_put_spread", "bull_call_spread", "straddle"])
def test_the_basket_is_the_margin_of_the_whole_plan_and_its_premium(name: str) -> None:
    group = plan(name)
    verdict = simulate(group)
    assert verdict.basket_paise == pytest.approx(as_a_basket(group), abs=5)
    assert 0 < verdict.basket_paise < verdict.required_paise
    wings = {leg.index: group.units(leg.index) for leg in group.legs if leg.side is Side.BUY}
    assert simulate(group, filled=wings).basket_paise == verdict.basket_paise


def test_the_basket_is_what_the_orders_add_to_what_is_held() -> None:
    group = plan("bear_call_spread")
    held = [(VIEW.contracts[option(24_900, Right.CE).symbol], 65)]
    beside = simulate(group, others=held).basket_paise
    assert beside == pytest.approx(as_a_basket(group, held), abs=5)
    assert beside < simulate(group).basket_paise


def test_the_groups_own_blocks_are_added_back() -> None:
    group = plan()
    need = simulate(group).required_paise
    assert not simulate(group, funds=Funds(need // 2, need, 0)).passed
    assert simulate(group, funds=Funds(need // 2, need, 0), own_blocked_paise=need).passed


def test_other_groups_and_the_traders_own_positions_are_shocked_as_well() -> None:
    group = plan("bull_put_spread")
    alone = simulate(group).required_paise
    held = [(VIEW.contracts[option(24_000, Right.PE).symbol], -650)]
    beside = simulate(group, others=held).required_paise
    assert beside > alone


def test_a_holding_that_offsets_the_group_helps_it() -> None:
    group = plan("bear_call_spread")
    held = [(VIEW.contracts[option(24_900, Right.CE).symbol], 325)]
    assert simulate(group, others=held).required_paise < simulate(group).required_paise


def test_reservations_of_groups_in_flight_are_needed_in_full() -> None:
    group = plan("bull_put_spread")
    held = [(VIEW.contracts[option(24_900, Right.CE).symbol], -650)]
    standing, pending = simulate(group, others=held), simulate(group, reserved=held)
    assert pending.required_paise > standing.required_paise


def test_shares_in_the_account_do_not_stop_the_gate() -> None:
    share = replace(
        option(1, Right.CE), symbol="INFY", kind=InstrumentKind.INDEX, right=None, strike_paise=0, lot_units=1
    )
    group = plan()
    assert simulate(group, others=[(share, 10)]).required_paise == simulate(group).required_paise


def test_a_calendar_is_priced_with_its_own_two_forwards_and_charged() -> None:
    group = plan("calendar")
    result = simulate(group)
    assert result.passed
    last = result.grid
    assert last is not None
    far_only = last[0, 1, 0, 0]
    assert last[1, 1, 0, 0] > far_only


def _broken(view: MarketView, symbol: str, kind: str) -> MarketView:
    quotes = dict(view.quotes)
    good = quotes[symbol]
    match kind:
        case "missing":
            del quotes[symbol]
        case "crossed":
            quotes[symbol] = replace(good, bid_paise=500, ask_paise=400)
        case "negative":
            quotes[symbol] = replace(good, bid_paise=-5, ask_paise=400)
        case "stale":
            quotes[symbol] = replace(good, at_ns=NOON_NS - 60_000_000_000)
        case "empty":
            quotes[symbol] = replace(good, bid_paise=None, ask_paise=None)
    return replace(view, quotes=quotes)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "nobody quotes it"),
        ("empty", "nobody quotes it"),
        ("crossed", "its quote is crossed"),
        ("negative", "its quote is not above zero"),
        ("stale", "its quote is 60 s old"),
    ],
)
def test_the_gate_refuses_what_it_cannot_price_and_says_why(kind: str, words: str) -> None:
    group = plan()
    symbol = group.legs[0].contract.symbol
    result = simulate(group, view=_broken(VIEW, symbol, kind))
    assert not result.passed
    assert result.grid is None
    assert symbol in result.sentence
    assert words in result.sentence


def test_an_expired_contract_is_refused() -> None:
    group = plan()
    late = WorstCaseMarginSimulator(calendar=CALENDAR).simulate(
        group,
        replace(VIEW, stale_after_ns=10**18),
        AMPLE,
        now_ns=CALENDAR.expiry_ns(group.legs[0].contract.expiry),
    )
    assert not late.passed
    assert "expired" in late.sentence


def test_a_market_without_a_forward_is_refused() -> None:
    one_sided = {
        symbol: one for symbol, one in VIEW.quotes.items() if VIEW.contracts[symbol].right is Right.CE
    }
    group = plan("bear_call_spread")
    result = simulate(group, view=replace(VIEW, quotes=one_sided, forwards={}))
    assert not result.passed
    assert "no forward is known" in result.sentence


def test_a_wing_that_nobody_bids_is_still_priced_from_its_neighbours() -> None:
    group = plan()
    wing = group.legs[0].contract.symbol
    quotes = dict(VIEW.quotes)
    quotes[wing] = replace(quotes[wing], bid_paise=None, bid_units=0)
    assert simulate(group, view=replace(VIEW, quotes=quotes)).passed


def test_no_money_at_all_is_a_refusal_and_not_a_division_by_zero() -> None:
    result = simulate(plan(), funds=Funds(0, 0, 0))
    assert not result.passed
    assert result.use_bps == 10_000
    assert simulate(plan(), funds=Funds(-5_000_00, 0, 0)).passed is False


def test_stock_options_are_margined_as_stocks() -> None:
    def as_stock(contract: Contract) -> Contract:
        return replace(contract, settlement=Settlement.PHYSICAL)

    contracts = {symbol: as_stock(one) for symbol, one in VIEW.contracts.items()}
    stock = replace(VIEW, contracts=contracts)
    assert simulate(plan(view=stock), view=stock).required_paise > simulate(plan()).required_paise


def test_the_larger_group_needs_proportionally_more() -> None:
    one, five = simulate(plan(lots=1)).required_paise, simulate(plan(lots=5)).required_paise
    assert five == pytest.approx(5 * one, rel=1e-6)


def test_a_far_leg_of_another_group_is_priced_from_its_own_chain() -> None:
    far = VIEW.contracts[option(24_600, Right.CE, FAR).symbol]
    quotes = {**VIEW.quotes, far.symbol: quote(far.symbol, 40_000)}
    assert simulate(plan(), view=replace(VIEW, quotes=quotes), others=[(far, 65)]).passed
