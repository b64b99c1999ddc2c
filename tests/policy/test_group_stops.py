"""Stops that are ours to run: a group's loss and target, and the underlying's level; shorts go first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Purpose
from core.domain.quotes import ForwardMark, Quote
from core.domain.timing import NS_PER_S
from tests.builders import EXPIRY, LOT, SHORT_CALL, SHORT_PUT
from tests.policy.stop_desk import StopDesk, open_with_stops, stopped_plan

_S = ExecutionLifecycle


def ours(**terms: int) -> StopDesk:
    """An open condor without premium stops."""
    return open_with_stops(replace(stopped_plan(stop_premium_bps=0), **terms))  # type: ignore[arg-type]


def exits(desk: StopDesk) -> dict[str, int]:
    return {order.symbol: order.units for order in desk.sends(purpose=Purpose.EXIT)}


def test_a_loss_at_its_stop_closes_the_group_shorts_first() -> None:
    desk = ours(stop_loss_paise=10_000_00)
    desk.quote(SHORT_CALL, 80_00, 81_00)
    assert desk.group().state is _S.OPEN
    desk.quote(SHORT_CALL, 99_00, 100_00)  # about Rs 19,500 worse
    assert desk.group().state is _S.EXITING
    assert "the loss of" in desk.group().reason
    assert exits(desk) == {SHORT_CALL: 10 * LOT, SHORT_PUT: 10 * LOT}
    assert all(order.side is Side.BUY for order in desk.sends(purpose=Purpose.EXIT))


def test_a_profit_at_its_target_closes_the_group() -> None:
    desk = ours(target_paise=10_000_00)
    desk.quote(SHORT_CALL, 60_00, 61_00)
    assert desk.group().state is _S.OPEN
    desk.quote(SHORT_CALL, 40_00, 41_00)
    assert desk.group().state is _S.EXITING
    assert "the profit of" in desk.group().reason


@pytest.mark.parametrize(("level", "closes"), [(24_499_00.0, False), (24_380_00.0, True)])
def test_a_level_of_the_underlying_closes_the_group(level: float, closes: bool) -> None:
    desk = ours(stop_below_paise=24_400_00)
    mark = ForwardMark("NIFTY", EXPIRY, level, desk.now_ns)
    desk.view = replace(desk.view, forwards={("NIFTY", EXPIRY): mark})
    desk.monitor()
    assert (desk.group().state is _S.EXITING) is closes


def test_an_old_price_closes_nothing() -> None:
    desk = ours(stop_loss_paise=10_000_00)
    desk.view = replace(desk.view, stale_after_ns=1)
    desk.move_quote(SHORT_CALL, 150_00, 151_00)
    desk.now_ns += 10
    desk.monitor()
    assert desk.group().state is _S.OPEN


def test_resting_stops_become_the_exit_of_a_group_stop() -> None:
    desk = open_with_stops(stopped_plan(stop_loss_paise=10_000_00))
    desk.quote(SHORT_CALL, 99_00, 100_00)
    assert desk.group().state is _S.EXITING
    assert {change.tag for change in desk.changes() if change.to_limit} == {
        desk.stop(SHORT_CALL).tag,
        desk.stop(SHORT_PUT).tag,
    }
    assert not exits(desk)


def test_a_book_pulled_wide_fires_no_stop_until_somebody_trades_there() -> None:
    desk = ours(stop_loss_paise=10_000_00)
    desk.quote(SHORT_CALL, 10_00, 400_00, last_paise=70_00)
    assert desk.group().state is _S.OPEN
    desk.quote(SHORT_CALL, 10_00, 400_00, last_paise=110_00)
    assert desk.group().state is _S.EXITING


def test_a_market_that_has_left_its_last_trade_behind_fires_the_stop() -> None:
    desk = ours(stop_loss_paise=10_000_00)
    desk.quote(SHORT_CALL, 109_00, 110_00, last_paise=70_00)
    assert desk.group().state is _S.EXITING


def test_a_book_with_one_side_fires_no_stop() -> None:
    desk = ours(stop_loss_paise=10_000_00)
    desk.quote(SHORT_CALL, None, 400_00, last_paise=390_00)
    assert desk.group().state is _S.OPEN


@pytest.mark.parametrize("age_s", [0, 3_601])
def test_an_old_level_of_the_underlying_closes_nothing(age_s: int) -> None:
    desk = ours(stop_below_paise=24_400_00)
    at_ns = desk.now_ns - age_s * NS_PER_S
    under = Quote("NIFTY", at_ns, 24_380_00, 1, 24_381_00, 1, 24_380_00)
    mark = ForwardMark("NIFTY", EXPIRY, 24_380_00.0, at_ns)
    desk.view = replace(
        desk.view, quotes={**desk.view.quotes, "NIFTY": under}, forwards={("NIFTY", EXPIRY): mark}
    )
    desk.monitor()
    assert (desk.group().state is _S.OPEN) is bool(age_s)
