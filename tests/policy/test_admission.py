"""What a group must be before anybody is asked for margin, and what it may never be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.account import OrderBudget
from core.domain.facts import ForeignPositionSeen, JournalFailed, KillSwitchTripped
from core.domain.groups import GroupPlan
from core.domain.inputs import JournalTrouble, SubmitGroup
from core.domain.instruments import PositionKey, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.settings import ExecutionSettings
from core.policy.collaborators import Collaborators
from core.policy.turn import Turn
from tests.builders import (
    LONG_PUT,
    LOT,
    NOW,
    VERTICAL,
    Desk,
    desk_with,
    leg,
    open_condor,
    opened,
    option,
    plan,
)

_S = ExecutionLifecycle
STRADDLE = (leg(0, option(24_500, Right.PE), Side.SELL), leg(1, option(24_500, Right.CE), Side.SELL))


def refused(desk: Desk, wanted: GroupPlan) -> str:
    """Why a group is refused; it must be, with nothing sent."""
    before = len(desk.sent)
    group = desk.submit(wanted)
    assert group.state is _S.REJECTED, group.state
    assert len(desk.sent) == before
    return group.reason


def test_the_kill_switch_refuses_a_group() -> None:
    desk = Desk().start()
    turn = Turn(desk.account, desk.view, desk.now_ns, Collaborators())
    turn.record(KillSwitchTripped("by hand", "tester", False))
    desk.account = turn.account
    assert "the kill switch is on (by hand)" in refused(desk, plan())


def test_an_unknown_freeze_quantity_is_never_guessed() -> None:
    legs = (VERTICAL[0], leg(1, option(24_200, Right.PE, freeze_units=None), Side.SELL))
    assert "freeze quantity of NIFTY26AUG24200PE is unknown" in refused(Desk().start(), plan(legs))


def test_a_freeze_quantity_below_one_lot_is_refused() -> None:
    legs = (VERTICAL[0], leg(1, option(24_200, Right.PE, freeze_units=LOT - 1), Side.SELL))
    assert "above its freeze quantity" in refused(Desk().start(), plan(legs))


def test_no_lots_at_all_are_refused() -> None:
    assert "no lots" in refused(Desk().start(), plan(copies=0))


@pytest.mark.parametrize(("group", "settings"), [(False, False), (True, False), (False, True)])
def test_naked_shorts_need_the_groups_consent_and_the_settings(group: bool, settings: bool) -> None:
    desk = Desk(account=opened(ExecutionSettings(allow_naked=settings))).start()
    assert "short units would stand naked" in refused(desk, plan(STRADDLE, allow_naked=group))


def test_a_straddle_that_both_allow_is_sent() -> None:
    desk = desk_with(plan(STRADDLE, 1, allow_naked=True), settings=ExecutionSettings(allow_naked=True))
    assert len(desk.sent) == 2


def test_a_put_never_covers_a_call() -> None:
    legs = (leg(0, option(24_000, Right.PE), Side.BUY), leg(1, option(24_800, Right.CE), Side.SELL))
    assert "naked" in refused(Desk().start(), plan(legs))


def test_a_leg_opposite_to_the_traders_own_position_is_refused() -> None:
    desk = Desk().start()
    turn = Turn(desk.account, desk.view, desk.now_ns, Collaborators())
    turn.record(ForeignPositionSeen(PositionKey("NFO", LONG_PUT, Product.NRML), -LOT))
    desk.account = turn.account
    assert f"the account holds -65 {LONG_PUT}" in refused(desk, plan())


def test_a_leg_opposite_to_what_another_group_holds_or_is_about_to_hold_is_refused() -> None:
    opposite = (leg(0, option(24_000, Right.PE), Side.SELL), leg(1, option(24_200, Right.PE), Side.BUY))
    assert "an opposite leg would close that" in refused(open_condor(), plan(opposite, number=2))
    desk = desk_with(plan())
    assert "the other way" in refused(desk, plan(opposite, number=2))


def test_the_same_side_of_a_symbol_may_be_held_by_several_groups() -> None:
    desk = open_condor()
    desk.give(SubmitGroup(replace(plan(VERTICAL, number=2), good_until_ns=desk.now_ns + 60_000_000_000)))
    assert desk.is_in(_S.PLACING, 2)


def test_another_product_is_another_position() -> None:
    desk = open_condor()
    opposite = (leg(0, option(24_000, Right.PE), Side.SELL), leg(1, option(24_200, Right.PE), Side.BUY))
    wanted = replace(
        plan(opposite, number=2, product=Product.MIS), good_until_ns=desk.now_ns + 60_000_000_000
    )
    assert desk.submit(wanted).state is not _S.REJECTED


def test_two_legs_of_one_symbol_in_opposite_directions_are_refused() -> None:
    legs = (leg(0, option(24_000, Right.PE), Side.BUY), leg(1, option(24_000, Right.PE), Side.SELL))
    assert "opposite directions" in refused(Desk().start(), plan(legs))


def test_a_group_that_cannot_both_enter_and_leave_within_the_days_orders_is_refused() -> None:
    desk = Desk().start()
    day = (NOW + 19_800_000_000_000) // 86_400_000_000_000
    desk.account = replace(desk.account, budget=OrderBudget((), day, 4_400))
    assert "orders to enter" in refused(desk, plan(copies=8_000))
    desk.account = replace(desk.account, budget=OrderBudget((), day, 4_600))
    assert "the day's order budget is spent" in refused(desk, plan(number=2))


def test_a_group_whose_margin_is_above_the_buffer_is_refused_with_rupees() -> None:
    desk = Desk()
    desk.funds = replace(desk.funds, available_paise=1_00_000_00, cash_paise=1_00_000_00)
    reason = refused(desk.start(), plan())
    assert "₹" in reason


def test_a_group_waits_for_margin_that_nobody_answers_and_is_refused_when_its_time_is_up() -> None:
    desk = Desk().start()
    desk.funds = None  # type: ignore[assignment]
    group = desk.submit(plan(good_for_s=30))
    assert group.state is _S.VALIDATING
    desk.later(31_000)
    assert desk.is_in(_S.REJECTED)
    assert not desk.sent


def test_a_group_waits_for_a_leg_that_nobody_quotes_and_goes_on_when_somebody_does() -> None:
    desk = Desk().start()
    desk.move_quote(LONG_PUT, None, None)
    vols = {symbol: vol for symbol, vol in desk.view.vols.items() if symbol != LONG_PUT}
    desk.view = replace(desk.view, vols=vols)
    desk.submit(plan(good_for_s=60))
    desk.later(4_000)
    assert desk.is_in(_S.VALIDATING)
    assert LONG_PUT in desk.account.alerts["unpriced:G-001"].text
    desk.move_quote(LONG_PUT, 39_00, 40_00)
    desk.view = replace(desk.view, vols={**vols, LONG_PUT: 0.13})
    desk.later(2_000)
    assert desk.is_in(_S.PLACING)
    assert desk.account.alerts["unpriced:G-001"].cleared


def test_a_group_waits_while_the_journal_cannot_be_written_and_goes_on_when_it_can() -> None:
    desk = Desk().start()
    turn = Turn(desk.account, desk.view, desk.now_ns, Collaborators())
    turn.record(JournalFailed("disk full"))
    desk.account = turn.account
    desk.submit(plan(good_for_s=600))
    assert desk.is_in(_S.VALIDATING)
    assert not desk.sent
    desk.give(JournalTrouble("", 1))
    assert desk.is_in(_S.PLACING)
    assert desk.sent


def test_nothing_is_sent_outside_the_session() -> None:
    desk = Desk()
    desk.view = replace(desk.view, opens_ns=NOW + 3_600_000_000_000)
    desk.start()
    desk.submit(plan(good_for_s=7_200))
    desk.later(600_000)
    assert not desk.sent


def test_two_requests_of_one_number_are_two_groups_and_one_that_comes_twice_is_one() -> None:
    desk = Desk().start()
    first = plan()
    desk.submit(first)
    desk.submit(first)
    assert list(desk.account.groups) == ["G-001"]
    desk.submit(replace(plan(VERTICAL), good_until_ns=first.good_until_ns + 1))
    assert list(desk.account.groups) == ["G-001", "G-002"]
    assert len(desk.group(2).plan.legs) == 2
    assert desk.group(2).plan.number == 2
