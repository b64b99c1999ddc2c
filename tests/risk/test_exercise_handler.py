"""What expiry does: cash for the index, shares for stocks, and when to be out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

import pytest

from core.domain.calendar import SessionCalendar
from core.domain.groups import GroupPlan
from core.domain.instruments import Contract, Right, Settlement, Side
from core.domain.settings import ExecutionSettings
from core.domain.timing import from_ist
from core.risk.exercise_handler import (
    CLOSE_BEFORE_NS,
    Outcome,
    at_expiry,
    delivers_on,
    is_option,
    out_by_ns,
    sessions_left,
    settles_from_ns,
    strike_paise,
)
from core.strategies.plan import LegRequest, build_plan
from tests.risk.chains import CALENDAR, FAR, NEAR, NOON_NS, option, synthetic_view

EXPIRY = date(2026, 8, 25)


def stock(right: Right, strike: int = 1_400) -> Contract:
    return replace(
        option(strike, right, EXPIRY, underlying="RELIANCE", lot_units=500), settlement=Settlement.PHYSICAL
    )


@pytest.mark.parametrize(
    ("right", "units", "outcome", "cash"),
    [
        (Right.CE, 65, Outcome.CASH, 65 * 100_00),
        (Right.CE, -65, Outcome.CASH, -65 * 100_00),
        (Right.PE, 65, Outcome.LAPSES, 0),
        (Right.PE, -65, Outcome.LAPSES, 0),
    ],
)
def test_index_options_settle_in_cash_or_lapse(right: Right, units: int, outcome: Outcome, cash: int) -> None:
    result = at_expiry(option(24_500, right), units, 24_600_00, NOON_NS, CALENDAR)
    assert (result.outcome, result.cash_paise, result.deliver_units) == (outcome, cash, 0)
    assert (result.close_by_ns, result.warning) == (None, "")


@pytest.mark.parametrize(
    ("right", "units", "level", "shares"),
    [
        (Right.CE, 500, 1_450_00, 500),
        (Right.CE, -500, 1_450_00, -500),
        (Right.PE, 500, 1_350_00, -500),
        (Right.PE, -500, 1_350_00, 500),
    ],
)
def test_stock_options_in_the_money_deliver_shares(right: Right, units: int, level: int, shares: int) -> None:
    result = at_expiry(stock(right), units, level, NOON_NS, CALENDAR)
    assert (result.outcome, result.deliver_units, result.cash_paise) == (Outcome.DELIVERY, shares, 0)
    assert "it would be delivered; close it by 25 Aug 15:10" in result.warning


def test_a_stock_option_out_of_the_money_is_warned_of_too() -> None:
    result = at_expiry(stock(Right.CE), 500, 1_350_00, NOON_NS, CALENDAR)
    assert result.outcome is Outcome.LAPSES
    assert "could be delivered" in result.warning


@pytest.mark.parametrize(
    ("day", "left", "long_share", "short_share"),
    [
        (date(2026, 8, 18), 6, 0.0, 0.0),
        (date(2026, 8, 19), 5, 0.20, 0.0),
        (date(2026, 8, 20), 4, 0.40, 0.0),
        (date(2026, 8, 21), 3, 0.60, 0.0),
        (date(2026, 8, 24), 2, 0.80, 0.0),
        (date(2026, 8, 25), 1, 0.80, 0.50),
    ],
)
def test_delivery_margins_step_up_over_the_last_four_days(
    day: date, left: int, long_share: float, short_share: float
) -> None:
    now = from_ist(day, time(11, 0))
    long = at_expiry(stock(Right.CE), 500, 1_450_00, now, CALENDAR)
    short = at_expiry(stock(Right.CE), -500, 1_450_00, now, CALENDAR)
    assert (long.sessions_left, long.delivery_margin_share) == (left, long_share)
    assert short.delivery_margin_share == short_share


def test_sessions_skip_holidays() -> None:
    closed = SessionCalendar(holidays={date(2026, 8, 24): "a holiday"})
    assert sessions_left(stock(Right.CE), from_ist(date(2026, 8, 21), time(11, 0)), closed) == 2
    assert sessions_left(stock(Right.CE), from_ist(date(2026, 8, 26), time(11, 0)), closed) == 0


@pytest.mark.parametrize(
    ("symbol", "strike"),
    [
        ("NIFTY26AUG24500CE", 24_500_00),
        ("NIFTY2581424500PE", 24_500_00),
        ("NIFTY25O1425000CE", 25_000_00),
        ("M&M26AUG3100CE", 3_100_00),
        ("BAJAJ-AUTO26AUG9000PE", 9_000_00),
        ("NIFTYNXT5026AUG70000CE", 70_000_00),
        ("360ONE26AUG1000PE", 1_000_00),
        ("NIFTY26AUGFUT", None),
        ("INFY", None),
        ("", None),
    ],
)
def test_symbols_are_parsed_only_where_the_catalogue_is_silent(symbol: str, strike: int | None) -> None:
    assert strike_paise(None, symbol) == strike
    assert is_option(None, symbol) is (strike is not None)
    known = option(24_000, Right.CE)
    assert strike_paise(known, symbol) == 24_000_00
    assert is_option(known, symbol)


def calendar_group(near_side: Side) -> GroupPlan:
    view = synthetic_view()
    legs = [
        LegRequest(view.contracts[option(24_600, Right.CE, NEAR).symbol], near_side, 1),
        LegRequest(view.contracts[option(24_600, Right.CE, FAR).symbol], near_side.opposite, 1),
    ]
    return build_plan(
        "custom",
        legs,
        view,
        lots=1,
        group_id="G-001",
        number=1,
        now_ns=NOON_NS,
        settings=ExecutionSettings(),
    )


EXPIRIES = {day: CALENDAR.expiry_ns(day) for day in (NEAR, FAR)}


def test_a_calendar_whose_remainder_is_a_short_is_left_before_the_near_expiry() -> None:
    assert out_by_ns(calendar_group(Side.SELL).legs, EXPIRIES) is None
    assert out_by_ns(calendar_group(Side.BUY).legs, EXPIRIES) == EXPIRIES[NEAR] - CLOSE_BEFORE_NS


def test_what_delivers_is_left_before_it_would() -> None:
    legs = calendar_group(Side.SELL).legs
    stocks = tuple(
        replace(leg, contract=replace(leg.contract, settlement=Settlement.PHYSICAL))
        if leg.contract.expiry == FAR
        else leg
        for leg in legs
    )
    assert delivers_on(legs) is None
    assert delivers_on(stocks) == FAR
    assert out_by_ns(stocks, EXPIRIES) == EXPIRIES[FAR] - CLOSE_BEFORE_NS
    assert out_by_ns(stocks, {}) is None


def test_a_plan_knows_the_time_that_an_expiry_sets_it() -> None:
    assert calendar_group(Side.BUY).exit_at_ns == EXPIRIES[NEAR] - CLOSE_BEFORE_NS
    assert calendar_group(Side.SELL).exit_at_ns is None


def test_a_vanished_short_is_settlement_only_after_expiry_and_ten_quiet_seconds() -> None:
    over = EXPIRIES[NEAR]
    assert settles_from_ns(over, 0) == over
    assert settles_from_ns(over, over - 10 * 10**9) == over
    assert settles_from_ns(over, over - 1) == over - 1 + 10 * 10**9
