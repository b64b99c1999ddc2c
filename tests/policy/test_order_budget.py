"""How many orders may still go, and what is kept for those that reduce risk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.account import Account, OrderBudget
from core.domain.evolve import evolve
from core.domain.facts import OrderIntended, Recorded
from core.domain.instruments import Right
from core.domain.orders import Lane, Purpose
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.policy.child_orders import ChildOrderManager
from core.policy.order_budget import may_send, next_send_ns
from tests.builders import NOW, VERTICAL, desk_with, opened, option, plan

DAY = (NOW + 19_800 * NS_PER_S) // (86_400 * NS_PER_S)


def after(*ages_ms: int, day_count: int = 0) -> Account:
    recent = tuple(sorted(NOW - age * 1_000_000 for age in ages_ms))
    return replace(opened(), budget=OrderBudget(recent, DAY, day_count or len(recent)))


def test_entries_leave_two_of_ten_in_a_second_for_the_rest() -> None:
    account = after(*range(8))
    assert not may_send(account, Lane.ENTRY, NOW)
    assert may_send(account, Lane.EXIT, NOW)
    assert may_send(account, Lane.EMERGENCY, NOW)


def test_nobody_sends_an_eleventh_in_a_second() -> None:
    account = after(*range(10))
    assert not may_send(account, Lane.EMERGENCY, NOW)
    assert next_send_ns(account, Lane.EMERGENCY, NOW) is not None


def test_entries_leave_a_tenth_of_the_minute_and_of_the_day() -> None:
    minute = after(*(i * 150 + 1_300 for i in range(360)))
    assert not may_send(minute, Lane.ENTRY, NOW)
    assert may_send(minute, Lane.EXIT, NOW)
    day = after(5_000, day_count=4_500)
    assert next_send_ns(day, Lane.ENTRY, NOW) is None
    assert may_send(day, Lane.EMERGENCY, NOW)
    assert next_send_ns(after(5_000, day_count=5_000), Lane.EMERGENCY, NOW) is None


def test_a_new_day_begins_at_zero() -> None:
    account = replace(opened(), budget=OrderBudget((), DAY - 1, 5_000))
    assert may_send(account, Lane.ENTRY, NOW)


def test_an_order_that_is_adopted_counts_for_the_time_at_which_it_left() -> None:
    desk = desk_with(plan(VERTICAL))
    first = desk.sent[0]
    for age_ms in (2_000, 90_000):
        left_ns = desk.now_ns - age_ms * NS_PER_MS
        adopted = replace(first, tag=f"{first.tag[:-1]}{age_ms % 9}", intended_at_ns=left_ns)
        row = Recorded(1, desk.now_ns, "G-001", OrderIntended(adopted, 0, 0))
        before = desk.account.budget
        after_ns = evolve(desk.account, row).budget
        assert after_ns.day_count == before.day_count + 1
        assert [at_ns for at_ns in after_ns.recent_ns if at_ns not in before.recent_ns] == (
            [left_ns] if age_ms < 60_000 else []
        )
        assert list(after_ns.recent_ns) == sorted(after_ns.recent_ns)


def test_what_the_budget_holds_back_follows_by_itself() -> None:
    desk = desk_with(plan(VERTICAL, 400))
    first = len(desk.sent)
    assert first == 8
    desk.accept()
    desk.later(1_300)
    desk.accept()
    desk.later(5_000)
    assert sum(order.units for order in desk.sends(purpose=Purpose.ENTRY)) == 400 * 65


def test_no_calendar_second_sees_more_than_ten_sends() -> None:
    desk = desk_with(plan(VERTICAL, 2_000))
    for _ in range(60):
        desk.accept()
        desk.later(150)
    seconds = [order.intended_at_ns // NS_PER_S for order in desk.sent]
    assert max(seconds.count(second) for second in set(seconds)) <= 10
    assert len(desk.sent) > 40


@pytest.mark.parametrize("units", [0, -65, 64, 1_801 * 65 + 1])
def test_what_is_no_whole_lots_is_never_rounded(units: int) -> None:
    with pytest.raises(ValueError, match="no whole lots"):
        ChildOrderManager.slices(option(24_000, Right.PE), units)


def test_slices_add_up_and_stay_below_the_freeze_quantity() -> None:
    contract = option(24_000, Right.PE)
    for lots in range(1, 400, 7):
        slices = ChildOrderManager.slices(contract, lots * 65)
        assert sum(slices) == lots * 65
        assert max(slices) <= 1_755
        assert len(slices) == ChildOrderManager.count(contract, lots * 65)


def test_the_last_send_of_a_second_waits_for_a_hedge() -> None:
    account = after(*range(9))
    assert not may_send(account, Lane.EXIT, NOW)
    assert may_send(account, Lane.EMERGENCY, NOW)
