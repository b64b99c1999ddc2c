"""Stop prices: triggers, limits on the losing side, and when a market counts as there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.instruments import Right, Side
from core.domain.quotes import Quote
from core.domain.settings import ExecutionSettings
from core.policy.stop_prices import (
    has_gapped,
    is_locked,
    is_reached,
    stop_limit_paise,
    stop_price,
    stop_trigger_paise,
)
from tests.builders import option

CALL = option(24_800, Right.CE)


def test_stop_loss_price_for_buy() -> None:
    trigger = stop_trigger_paise(69_00, 20_000, 5, Side.BUY)
    assert (trigger, stop_limit_paise(trigger, Side.BUY, 5)) == (138_00, 138_70)


def test_stop_loss_price_for_sell() -> None:
    trigger = stop_trigger_paise(100_00, 5_000, 5, Side.SELL)
    assert (trigger, stop_limit_paise(trigger, Side.SELL, 5)) == (50_00, 49_75)


@pytest.mark.parametrize(
    ("trigger", "half_spread", "limit"),
    [(400_00, 0.0, 402_00), (10_00, 0.0, 10_20), (100_00, 180.0, 101_80)],
    ids=["half a per cent", "four ticks", "half the spread"],
)
def test_the_limit_is_the_largest_of_three_distances_beyond_the_trigger(
    trigger: int, half_spread: float, limit: int
) -> None:
    assert stop_limit_paise(trigger, Side.BUY, 5, half_spread) == limit
    assert stop_limit_paise(trigger, Side.SELL, 5, half_spread) == 2 * trigger - limit


@given(st.integers(5, 500_000), st.integers(10_001, 200_000), st.sampled_from([5, 10]))
def test_a_buy_stop_fires_no_later_than_asked_and_its_limit_is_above(
    average: int, premium_bps: int, tick: int
) -> None:
    trigger = stop_trigger_paise(average, premium_bps, tick, Side.BUY)
    assert trigger <= max(tick, average * premium_bps / 10_000)
    assert stop_limit_paise(trigger, Side.BUY, tick) >= trigger + 4 * tick
    assert trigger % tick == 0


def test_a_sell_stop_of_almost_nothing_still_has_a_price() -> None:
    assert stop_limit_paise(5, Side.SELL, 5) == 5


def test_a_stop_beyond_the_days_range_stands_at_its_edge() -> None:
    near_limit = Quote(CALL.symbol, 0, 68_00, 65, 70_00, 65, 69_00, 5, 120_00)
    price = stop_price(ExecutionSettings(), CALL, Side.BUY, 69_00, 20_000, near_limit)
    assert (price.trigger_paise, price.limit_paise) == (120_00, 120_00)


def test_the_bid_reaches_a_buy_stop_and_a_wide_offer_does_not() -> None:
    assert is_reached(Quote("X", 0, 138_00, 65, 150_00, 65, 130_00), Side.BUY, 138_00)
    assert not is_reached(Quote("X", 0, 130_00, 65, 150_00, 65, 130_00), Side.BUY, 138_00)
    assert is_reached(Quote("X", 0, 10_00, 65, 40_00, 65, 45_00), Side.SELL, 45_00)


def test_a_gap_is_a_last_price_beyond_the_limit_not_at_it() -> None:
    assert not has_gapped(Quote("X", 0, None, 0, None, 0, 138_70), Side.BUY, 138_70)
    assert has_gapped(Quote("X", 0, None, 0, None, 0, 138_75), Side.BUY, 138_70)
    assert has_gapped(Quote("X", 0, None, 0, None, 0, 49_70), Side.SELL, 49_75)


def test_a_lock_is_an_empty_side_at_the_end_of_the_range() -> None:
    assert is_locked(Quote("X", 0, 120_00, 65, None, 0, 120_00, 5, 120_00), Side.BUY)
    assert not is_locked(Quote("X", 0, 110_00, 65, None, 0, 110_00, 5, 120_00), Side.BUY)
    assert not is_locked(Quote("X", 0, 120_00, 65, 120_00, 65, 120_00, 5, 120_00), Side.BUY)
