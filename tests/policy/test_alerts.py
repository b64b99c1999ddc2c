"""Alerts that come and go with what they say: margin, loop, stream, quotes, cover, books, delivery."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.domain.account import Severity
from core.domain.facts import AlertRaised
from core.domain.groups import LegPlan
from core.domain.inputs import HealthReading, MonitorPass, OperatorAction, OperatorCommand
from core.domain.instruments import PositionKey, Product, Right, Settlement, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Purpose
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S
from core.policy.session import DELIVERY_WARNED_NS
from tests.builders import (
    CONDOR,
    EXPIRY,
    LONG_CALL,
    LOT,
    SHORT_PUT,
    VERTICAL,
    Desk,
    desk_with,
    fill_everything,
    leg,
    market,
    open_condor,
    opened,
    option,
    plan,
)

_S = ExecutionLifecycle
_WELL = HealthReading(funds_total_paise=100_00, funds_used_paise=50_00)


def raised(desk: Desk, alert_id: str) -> int:
    return sum(isinstance(row.fact, AlertRaised) and row.fact.alert_id == alert_id for row in desk.rows)


def look(desk: Desk, health: HealthReading = _WELL) -> None:
    desk.give(MonitorPass(health))


@pytest.mark.parametrize(
    ("alert_id", "ill", "severity"),
    [
        ("margin-use", replace(_WELL, funds_used_paise=85_01), Severity.CRITICAL),
        ("loop-lag", replace(_WELL, loop_lag_ms=251), Severity.WARNING),
        ("stream-down", replace(_WELL, stream_up=False), Severity.WARNING),
        ("stream-down", replace(_WELL, stream_silent_ms=5_001), Severity.WARNING),
    ],
)
def test_what_ails_the_core_is_told_once_while_it_lasts_and_taken_down_after(
    alert_id: str, ill: HealthReading, severity: Severity
) -> None:
    desk = Desk().start()
    look(desk)
    assert not desk.stands(alert_id)
    for _ in range(3):
        look(desk, ill)
    assert desk.stands(alert_id)
    assert desk.account.alerts[alert_id].severity is severity
    assert raised(desk, alert_id) == 1
    desk.later(10_000)
    look(desk)
    assert not desk.stands(alert_id)


def test_a_peak_of_the_loop_is_shown_for_long_enough_to_be_read() -> None:
    desk = Desk().start()
    look(desk, replace(_WELL, loop_lag_ms=400))
    desk.later(2_000)
    look(desk)
    assert desk.stands("loop-lag")


def test_margin_use_has_to_ease_before_its_alert_goes() -> None:
    desk = Desk().start()
    look(desk, replace(_WELL, funds_used_paise=85_01))
    look(desk, replace(_WELL, funds_used_paise=84_00))
    assert desk.stands("margin-use")
    look(desk, replace(_WELL, funds_used_paise=83_00))
    assert not desk.stands("margin-use")


def acknowledge(desk: Desk, alert_id: str) -> None:
    desk.give(OperatorCommand(OperatorAction.ACKNOWLEDGE, alert_id, "tester", 0))
    assert desk.account.alerts[alert_id].acknowledged


def test_margin_use_that_was_acknowledged_asks_again_with_every_whole_per_cent_it_has_not_had() -> None:
    desk = Desk().start()
    look(desk, replace(_WELL, funds_used_paise=86_10))
    acknowledge(desk, "margin-use")
    for used in (86_90, 85_10, 86_90):
        look(desk, replace(_WELL, funds_used_paise=used))
        assert desk.account.alerts["margin-use"].acknowledged
    assert raised(desk, "margin-use") == 1
    look(desk, replace(_WELL, funds_used_paise=87_00))
    assert not desk.account.alerts["margin-use"].acknowledged
    assert "87 %" in desk.account.alerts["margin-use"].text
    acknowledge(desk, "margin-use")
    look(desk, replace(_WELL, funds_used_paise=86_00))
    assert desk.account.alerts["margin-use"].acknowledged
    assert raised(desk, "margin-use") == 2


def test_short_units_without_cover_that_were_acknowledged_ask_again_when_there_are_more() -> None:
    desk = open_condor()
    wing = PositionKey("NFO", LONG_CALL, Product.NRML)

    def taken(lots: int) -> None:
        desk.others[wing] = -lots * LOT
        for _ in range(2):
            desk.later(6_000)
            desk.read_books()
        look(desk)

    taken(2)
    assert f"{2 * LOT} short units" in desk.account.alerts["uncovered:G-001"].text
    acknowledge(desk, "uncovered:G-001")
    look(desk)
    assert desk.account.alerts["uncovered:G-001"].acknowledged
    taken(10)
    assert f"{10 * LOT} short units" in desk.account.alerts["uncovered:G-001"].text
    assert not desk.account.alerts["uncovered:G-001"].acknowledged


def test_only_what_is_held_has_to_be_quoted() -> None:
    desk = desk_with(plan())
    look(desk)
    assert not desk.stands("stale-quotes")
    fill_everything(desk)
    desk.later(60_000)
    desk.view = replace(desk.view, stale_after_ns=3 * NS_PER_S)
    desk.move_quote(LONG_CALL, 29_00, 30_00)
    desk.later(5_900)
    for symbol in desk.view.quotes:
        if symbol != LONG_CALL:
            desk.move_quote(symbol, 79_00, 80_00)
    look(desk)
    assert not desk.stands("stale-quotes"), "a question by REST may still be on its way"
    desk.later(200)
    look(desk)
    assert LONG_CALL in desk.account.alerts["stale-quotes"].text
    assert SHORT_PUT not in desk.account.alerts["stale-quotes"].text
    desk.move_quote(LONG_CALL, 29_00, 30_00)
    look(desk)
    assert not desk.stands("stale-quotes")


def test_no_quote_is_missed_while_the_market_is_closed() -> None:
    desk = open_condor()
    desk.view = replace(desk.view, stale_after_ns=1, closes_ns=desk.now_ns)
    look(desk)
    assert not desk.stands("stale-quotes")


def test_cover_that_is_late_is_told_and_taken_down_with_the_cover() -> None:
    desk = open_condor()
    wing = next(order for order in desk.sent if order.symbol == LONG_CALL)
    desk.others[PositionKey("NFO", LONG_CALL, Product.NRML)] = -wing.units
    desk.later(6_000)
    desk.read_books()
    desk.later(6_000)
    desk.read_books()
    desk.later(100)
    look(desk)
    assert not desk.stands("hedge-lag:G-001")
    desk.later(600)
    look(desk)
    assert desk.stands("uncovered:G-001")
    assert desk.stands("hedge-lag:G-001")
    for _ in range(6):
        for order in desk.group().live_orders:
            if order.tag not in desk.ids:
                desk.accept(order)
            if not order.is_resting_stop:
                desk.fill(order)
        desk.later(300)
    look(desk)
    assert not desk.group().unhedged.since_ns
    assert not desk.stands("uncovered:G-001")
    assert not desk.stands("hedge-lag:G-001")


def test_a_difference_stands_as_an_alert_until_the_books_agree() -> None:
    desk = open_condor()
    second = replace(plan(VERTICAL, number=2), good_until_ns=desk.now_ns + 600 * NS_PER_S)
    desk.submit(second)
    fill_everything(desk)
    key = PositionKey("NFO", SHORT_PUT, Product.NRML)
    alert_id = f"position:{key}"

    desk.others[key] = 4 * LOT
    for _ in range(4):
        desk.later(6_000)
        desk.read_books()
    assert desk.stands(alert_id), "two groups hold it, so nobody knows whose units they were"
    assert desk.account.alerts[alert_id].runbook == "divergence"
    assert raised(desk, alert_id) == 1
    del desk.others[key]
    desk.later(6_000)
    desk.read_books()
    assert not desk.stands(alert_id)


def test_a_difference_that_is_healed_at_once_is_counted_and_no_alert() -> None:
    desk = open_condor()
    desk.others[PositionKey("NFO", LONG_CALL, Product.NRML)] = 7
    for _ in range(3):
        desk.later(6_000)
        desk.read_books()
    assert [each.is_open for each in desk.account.divergences.values()] == [False]
    assert not desk.account.alerts


def test_a_call_for_a_person_ends_when_the_group_leaves_manual_and_its_alerts_end_with_it() -> None:
    desk = open_condor()
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
    while desk.group().state is not _S.MANUAL:
        for order in desk.sends(purpose=Purpose.EXIT):
            if order.tag not in desk.ids and desk.group().orders[order.tag].outcome is None:
                desk.refuse(order)
        desk.later(2_000)
    assert desk.stands("manual:G-001")
    desk.give(OperatorCommand(OperatorAction.FLATTEN, "G-001", "tester", 0))
    assert desk.group().state is not _S.MANUAL
    assert not desk.stands("manual:G-001")


def stock_condor() -> tuple[LegPlan, ...]:
    return tuple(
        replace(each, contract=replace(each.contract, settlement=Settlement.PHYSICAL)) for each in CONDOR
    )


def test_what_would_be_delivered_is_told_a_week_ahead_and_closed_in_time() -> None:
    legs = stock_condor()
    desk = Desk(view=market([each.contract for each in legs])).start()
    stops_ns = desk.view.expiries_ns[EXPIRY]
    desk.submit(plan(legs))
    fill_everything(desk)
    assert desk.is_in(_S.OPEN)
    assert not desk.stands("delivery:G-001")

    desk.later((stops_ns - DELIVERY_WARNED_NS - desk.now_ns) // 1_000_000 + 1)
    assert "25 Aug" in desk.account.alerts["delivery:G-001"].text
    assert "15:00" in desk.account.alerts["delivery:G-001"].text
    desk.later((stops_ns - 30 * 60 * NS_PER_S - desk.now_ns) // 1_000_000 - 1_000)
    assert desk.is_in(_S.OPEN)
    desk.later(2_000)
    assert desk.is_in(_S.EXITING)
    fill_everything(desk)
    assert desk.is_in(_S.CLOSED)
    assert not desk.stands("delivery:G-001")


def test_a_calendar_is_out_before_its_cover_expires_whoever_planned_it() -> None:
    near_long = option(24_000, Right.PE)
    far_short = option(24_000, Right.PE, expiry=EXPIRY + timedelta(days=7))
    desk = Desk(
        account=opened(ExecutionSettings(allow_naked=True)), view=market([near_long, far_short])
    ).start()
    legs = [leg(0, near_long, Side.BUY), leg(1, far_short, Side.SELL)]
    desk.submit(plan(legs, copies=1, allow_naked=True))
    fill_everything(desk)
    out_ns = desk.view.expiries_ns[EXPIRY] - 30 * 60 * NS_PER_S
    desk.later((out_ns - desk.now_ns) // 1_000_000 - 1)
    assert desk.is_in(_S.OPEN)
    desk.later(10)
    assert desk.is_in(_S.EXITING)


def test_a_group_that_would_have_to_be_out_already_is_refused() -> None:
    legs = stock_condor()
    desk = Desk(view=market([each.contract for each in legs])).start()
    desk.now_ns = desk.view.expiries_ns[EXPIRY] - 29 * 60 * NS_PER_S
    wanted = replace(plan(legs), good_until_ns=desk.now_ns + 60 * NS_PER_S)
    group = desk.submit(wanted)
    assert group.state is _S.REJECTED
    assert "out by 25 Aug 15:00" in group.reason
    assert not desk.sent
