"""What facts mean: folding is all there is, and no order of news counts a unit twice."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.account import Account, Severity
from core.domain.evolve import evolve, fold
from core.domain.facts import (
    AlertAcknowledged,
    AlertRaised,
    ExposureBreached,
    ExposureRestored,
    Fact,
    FillRecorded,
    GroupPlanned,
    OrderAnswered,
    OrderIntended,
    OrderProvedAbsent,
    OrderSeen,
    ProcessStarted,
    Recorded,
    StateChanged,
)
from core.domain.instruments import Side
from core.domain.lifecycle import TRANSITIONS, ExecutionLifecycle, IllegalTransition
from core.domain.orders import OrderStatus, Outcome, Source
from tests.builders import LOT, NOW, desk_with, open_condor, opened, plan

_S = ExecutionLifecycle
DESK = desk_with(plan())
WING = DESK.sent[0]


def after(account: Account, *facts: Fact, at_ns: int = NOW) -> Account:
    for fact in facts:
        account = evolve(account, Recorded(account.seq + 1, at_ns, "G-001", fact))
    return account


def seen(filled: int, status: OrderStatus = OrderStatus.OPEN) -> OrderSeen:
    return OrderSeen(WING.tag, "O1", status, filled, WING.limit_paise, Source.STREAM, "")


def traded(number: int, units: int) -> FillRecorded:
    return FillRecorded(
        f"T{number}", WING.symbol, units, Side.BUY, 40_00, "G-001", WING.tag, "O1", NOW, Source.POLL
    )


def test_the_account_is_the_fold_of_its_rows() -> None:
    desk = open_condor()
    assert fold(desk.rows, opened()) == desk.account


def test_folding_in_two_parts_is_folding_at_once() -> None:
    desk = open_condor()
    for cut in range(0, len(desk.rows), 7):
        assert fold(desk.rows[cut:], fold(desk.rows[:cut], opened())) == desk.account


def test_an_older_account_is_untouched_by_what_follows() -> None:
    account = DESK.account
    before = account.groups["G-001"]
    after(account, seen(3 * LOT))
    assert account.groups["G-001"] is before
    assert before.legs[0].net_units == 0


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_fills_told_by_frames_and_by_trades_in_any_order_count_once(order: tuple[int, ...]) -> None:
    news = (seen(2 * LOT), seen(5 * LOT), traded(1, 2 * LOT), traded(2, 3 * LOT))
    account = after(DESK.account, *(news[index] for index in order))
    leg = account.groups["G-001"].legs[0]
    assert leg.net_units == 5 * LOT
    assert leg.average_paise == 40_00
    assert leg.cash_paise == -5 * LOT * 40_00


@given(st.lists(st.integers(0, 10), max_size=12), st.lists(st.integers(1, 3), max_size=4))
def test_a_legs_units_are_the_largest_that_any_source_told(frames: list[int], trades: list[int]) -> None:
    facts: list[Fact] = [seen(lots * LOT) for lots in frames]
    facts += [traded(number, lots * LOT) for number, lots in enumerate(trades)]
    account = after(DESK.account, *facts)
    assert account.groups["G-001"].legs[0].net_units == LOT * max([*frames, sum(trades), 0])


def test_a_cancelled_order_still_takes_a_late_fill() -> None:
    account = after(DESK.account, seen(2 * LOT, OrderStatus.CANCELLED), seen(3 * LOT, OrderStatus.CANCELLED))
    group = account.groups["G-001"]
    assert group.legs[0].net_units == 3 * LOT
    assert WING.tag not in group.live


def test_an_order_proved_absent_that_is_seen_after_all_lives_again() -> None:
    account = after(
        DESK.account, OrderAnswered(WING.tag, Outcome.UNKNOWN, None, ""), OrderProvedAbsent(WING.tag, 5)
    )
    assert WING.tag not in account.groups["G-001"].live
    account = after(account, seen(LOT))
    assert WING.tag in account.groups["G-001"].live
    assert account.groups["G-001"].orders[WING.tag].outcome is Outcome.CONFIRMED


def test_a_new_process_knows_nothing_of_what_was_on_its_way() -> None:
    account = after(DESK.account, ProcessStarted(True), at_ns=NOW + 5)
    order = account.groups["G-001"].orders[WING.tag]
    assert order.outcome is Outcome.UNKNOWN
    assert order.heard_at_ns == NOW + 5
    assert account.reconciled_at_ns == 0


@pytest.mark.parametrize("now", list(_S))
@pytest.mark.parametrize("then", list(_S))
def test_a_move_that_the_table_has_not_raises(now: ExecutionLifecycle, then: ExecutionLifecycle) -> None:
    account = after(opened(), GroupPlanned(plan()))
    group = replace(account.groups["G-001"], state=now)
    account = replace(account, groups={"G-001": group})
    move = StateChanged("G-001", then, "because")
    if then in TRANSITIONS[now]:
        assert after(account, move).groups["G-001"].state is then
    else:
        with pytest.raises(IllegalTransition, match=f"from {now.value} to {then.value}"):
            after(account, move)


def test_the_table_is_the_one_that_was_agreed() -> None:
    assert TRANSITIONS[_S.REJECTED] == set()
    assert TRANSITIONS[_S.CLOSED] == {_S.UNWINDING}
    assert TRANSITIONS[_S.MANUAL] == set(_S) - {_S.MANUAL}
    assert len(TRANSITIONS) == 11


def test_time_outside_the_limits_ends_with_the_group() -> None:
    breach = ExposureBreached("G-001", "delta", 0, 500, 0, 0)
    account = after(DESK.account, breach, at_ns=NOW)
    account = after(account, StateChanged("G-001", _S.CLOSED, "flat"), at_ns=NOW + 3_000)
    outside = account.groups["G-001"].unhedged
    assert outside.total_at(NOW + 10_000_000) == 3_000
    assert outside.longest_ns == 3_000


def test_time_outside_the_limits_adds_up_over_breaches() -> None:
    breach = ExposureBreached("G-001", "delta", 0, 500, 0, 0)
    account = after(DESK.account, breach, at_ns=NOW)
    account = after(account, ExposureRestored("G-001", 1_000), at_ns=NOW + 1_000)
    account = after(account, breach, at_ns=NOW + 5_000)
    outside = account.groups["G-001"].unhedged
    assert outside.total_at(NOW + 5_500) == 1_500
    assert outside.longest_ns == 1_000


def test_an_acknowledgement_lapses_when_the_alert_worsens() -> None:
    def raised(severity: Severity) -> AlertRaised:
        return AlertRaised("a", severity, f"{severity}", "page", "")

    account = after(opened(), raised(Severity.WARNING), AlertAcknowledged("a", "tester"))
    assert after(account, raised(Severity.WARNING)).alerts["a"].acknowledged
    assert not after(account, raised(Severity.CRITICAL)).alerts["a"].acknowledged
    assert after(account, raised(Severity.WARNING)).alerts["a"].count == 2


def test_an_acknowledgement_lapses_when_more_is_at_stake_than_was_acknowledged() -> None:
    def raised(size: int) -> AlertRaised:
        return AlertRaised("a", Severity.CRITICAL, f"{size} units", "page", "", size)

    seen = after(opened(), raised(130), AlertAcknowledged("a", "tester"))
    assert after(seen, raised(130)).alerts["a"].acknowledged
    assert after(seen, raised(65)).alerts["a"].acknowledged
    assert not after(seen, raised(1_300)).alerts["a"].acknowledged
    back = after(seen, raised(65), raised(130))
    assert back.alerts["a"].acknowledged, "so much has been acknowledged before"
    assert not after(back, raised(131)).alerts["a"].acknowledged
    again = after(seen, raised(65), AlertAcknowledged("a", "tester"), raised(130))
    assert not again.alerts["a"].acknowledged, "the last acknowledgement was of less"


def test_sends_of_the_last_minute_are_remembered_and_a_day_is_an_indian_day() -> None:
    account = DESK.account
    child = WING.child
    for second in range(0, 90, 10):
        child += 1
        tag, at_ns = f"{WING.tag[:10]}{child:03d}01", NOW + second * 1_000_000_000
        account = after(
            account,
            OrderIntended(replace(WING, tag=tag, child=child, intended_at_ns=at_ns), 0, 0),
            at_ns=at_ns,
        )
    assert len(account.budget.recent_ns) == 6
    before = account.budget.day_count
    tomorrow_ns = NOW + 14 * 3_600 * 1_000_000_000
    account = after(
        account, OrderIntended(replace(WING, tag=f"{WING.tag[:10]}09901"), 0, 0), at_ns=tomorrow_ns
    )
    assert before == 11
    assert account.budget.day_count == 1
