"""The loop: inputs to facts, facts to rows, and only then effects."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from core.domain.evolve import fold
from core.domain.facts import (
    AlertRaised,
    DecisionFailed,
    JournalFailed,
    JournalReturned,
    OrderIntended,
    OrderProvedAbsent,
    Recorded,
    StateChanged,
)
from core.domain.inputs import BooksRead, OperatorAction, OperatorCommand, OrderNews, SubmitGroup
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import BookSnapshot, Outcome, Purpose
from core.domain.timing import NS_PER_S
from core.policy import group as group_policy
from core.policy.turn import Turn
from tests.builders import plan
from tests.engine.rig import Rig
from tests.journal.failing import FailingCommits

_S = ExecutionLifecycle


async def enter(rig: Rig) -> None:
    await rig.submit()
    await rig.later(5_000)


def test_a_group_is_taken_to_open_and_its_fold_is_the_live_account() -> None:
    rig = Rig().play(enter)
    assert rig.engine.account.groups["G-001"].state is _S.OPEN
    assert fold(rig.rows()) == rig.engine.account


def test_every_intent_is_on_disk_before_its_order_is_at_the_broker() -> None:
    rig = Rig().play(enter)
    on_disk = {row.fact.order.tag: row.seq for row in rig.rows() if isinstance(row.fact, OrderIntended)}
    committed = 0
    placed = 0
    for entry in rig.log:
        what, value = entry.split()
        if what == "commit":
            committed = int(value)
        elif what == "place":
            placed += 1
            assert on_disk[value] <= committed
    assert placed >= 4


def test_what_arrives_at_one_instant_is_decided_in_order_and_committed_once() -> None:
    rig = Rig()
    seen: list[int] = []

    async def story(rig: Rig) -> None:
        await enter(rig)
        before = len(rig.log)
        rig.post(*(OperatorCommand(OperatorAction.ACKNOWLEDGE, f"alert-{n}", "tester", 0) for n in range(20)))
        await rig.later(10)
        seen.append(sum(entry.startswith("commit") for entry in rig.log[before:]))

    rig.play(story)
    assert seen == [1]
    details = [row.fact.action for row in rig.rows() if hasattr(row.fact, "action")]
    assert details == [f"acknowledge alert-{n}" for n in range(20) for _ in range(2)]


def test_a_commit_that_fails_sends_nothing_and_the_account_is_as_it_was() -> None:
    fault = FailingCommits(first=1, count=10_000)
    rig = Rig()

    async def story(rig: Rig) -> None:
        await rig.later(3_000)
        rig.journal._writer._fault = fault
        rig.engine.post(SubmitGroup(plan()))
        await rig.later(20_000)

    rig.play(story)
    assert rig.placed() == []
    assert rig.engine.account.journal_failed
    assert rig.engine.account.kill.tripped
    assert "journal" in rig.engine.account.alerts


@pytest.mark.parametrize("failures", [1, 2, 5, 40])
def test_while_the_journal_fails_exits_go_out_and_their_rows_are_written_when_it_returns(
    failures: int,
) -> None:
    rig = Rig()

    async def story(rig: Rig) -> None:
        await enter(rig)
        rig.journal._writer._fault = FailingCommits(first=1, count=failures)
        rig.engine.post(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
        await rig.later(60_000)

    rig.play(story)
    account = rig.engine.account
    assert account.groups["G-001"].state is _S.CLOSED
    assert not account.journal_failed
    rows = rig.rows()
    kinds = [type(row.fact) for row in rows]
    assert kinds.count(JournalFailed) == 1
    assert kinds.count(JournalReturned) == 1
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert fold(rows) == account
    tags = [row.fact.order.tag for row in rows if isinstance(row.fact, OrderIntended)]
    assert sorted(tags) == sorted(rig.placed())


def test_a_journal_that_fails_again_the_moment_it_returned_lets_no_new_risk_out() -> None:
    class OnAndOff:
        """Every second commit succeeds, for a while."""

        def __init__(self) -> None:
            self.attempts = 0

        def __call__(self) -> None:
            self.attempts += 1
            if self.attempts < 60 and self.attempts % 2:
                raise sqlite3.OperationalError("disk I/O error")

    rig = Rig()
    fault = OnAndOff()

    async def story(rig: Rig) -> None:
        await enter(rig)
        rig.journal._writer._fault = fault
        rig.engine.post(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
        await rig.submit(number=2)
        await rig.later(90_000)

    rig.play(story)
    assert fault.attempts > 60
    entries = [
        row.fact.order.tag
        for row in rig.rows()
        if isinstance(row.fact, OrderIntended) and row.fact.order.purpose is Purpose.ENTRY
    ]
    assert all(tag in entries for tag in rig.placed() if tag.startswith("QX7K2M002"))
    assert not any(tag.startswith("QX7K2M002") for tag in rig.placed()), "the kill switch is on"
    assert fold(rig.rows()) == rig.engine.account
    assert rig.engine.account.groups["G-001"].state is _S.CLOSED


def test_outside_of_failure_memory_never_runs_ahead_of_the_disk() -> None:
    rig = Rig()
    ahead: list[int] = []

    def compare(rows: tuple[Recorded, ...]) -> None:
        if not rig.engine.account.journal_failed and rig.journal.last_seq < rows[-1].seq:
            ahead.append(rows[-1].seq)

    async def story(rig: Rig) -> None:
        rig.engine.subscribe(compare)
        await enter(rig)
        rig.journal._writer._fault = FailingCommits(first=1, count=1)
        rig.post(
            *(OperatorCommand(OperatorAction.ACKNOWLEDGE, f"alert-{n}", "tester", 0) for n in range(300))
        )
        await rig.later(5_000)

    rig.play(story)
    assert any(isinstance(row.fact, JournalReturned) for row in rig.rows())
    assert ahead == []


# Decisions that fail


def broken_for(group_id: str, monkeypatch: pytest.MonkeyPatch, state: ExecutionLifecycle) -> None:
    """A rule that raises for one group in one state."""
    step = group_policy._STEP[state]

    def raising(turn: Turn, group):  # type: ignore[no-untyped-def]
        if group.group_id == group_id:
            raise ZeroDivisionError("no price")
        step(turn, group)

    monkeypatch.setitem(group_policy._STEP, state, raising)


def test_a_decision_that_raises_becomes_a_fact_and_the_group_manual_while_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken_for("G-002", monkeypatch, _S.PARTIALLY_EXPOSED)
    rig = Rig(strict=False)

    async def story(rig: Rig) -> None:
        await rig.submit(1)
        await rig.submit(2)
        await rig.submit(3)
        await rig.later(30_000)

    rig.play(story)
    groups = rig.engine.account.groups
    assert groups["G-001"].state is _S.OPEN
    assert groups["G-003"].state is _S.OPEN
    assert groups["G-002"].state is _S.MANUAL
    assert groups["G-002"].cause is ManualCause.DECISION_FAILED
    failures = [row.fact for row in rig.rows() if isinstance(row.fact, DecisionFailed)]
    assert failures == [DecisionFailed("G-002", "ZeroDivisionError: no price")]
    assert fold(rig.rows()) == rig.engine.account


def test_the_fill_that_led_to_a_failed_decision_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_for("G-001", monkeypatch, _S.PARTIALLY_EXPOSED)
    rig = Rig(strict=False).play(enter)
    account = rig.engine.account
    assert account.groups["G-001"].state is _S.MANUAL
    assert rig.broker.traded
    for trade in rig.broker.traded:
        assert any(
            trade.trade_id == fill.trade_id
            for order in account.groups["G-001"].orders.values()
            for fill in order.trades
        )


def test_a_group_that_has_sent_nothing_is_rejected_when_its_decision_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken_for("G-001", monkeypatch, _S.PLANNED)
    rig = Rig(strict=False).play(enter)
    assert rig.engine.account.groups["G-001"].state is _S.REJECTED
    assert rig.placed() == []


def test_a_group_that_has_ended_only_alerts_when_its_decision_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(strict=False)

    async def story(rig: Rig) -> None:
        await enter(rig)
        rig.engine.post(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
        await rig.later(10_000)
        assert rig.engine.account.groups["G-001"].state is _S.CLOSED
        broken_for("G-001", monkeypatch, _S.CLOSED)
        rig.engine.post(OperatorCommand(OperatorAction.KILL, "", "tester", 0))
        await rig.later(1_000)

    rig.play(story)
    assert rig.engine.account.groups["G-001"].state is _S.CLOSED
    assert rig.engine.account.kill.tripped, "what the input said is still carried out"
    alerts = [row.fact.alert_id for row in rig.rows() if isinstance(row.fact, AlertRaised)]
    assert "decision:G-001" in alerts


def test_the_same_failure_is_not_written_down_at_every_input(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_for("G-001", monkeypatch, _S.PARTIALLY_EXPOSED)
    broken_for("G-001", monkeypatch, _S.MANUAL)
    rig = Rig(strict=False)

    async def story(rig: Rig) -> None:
        await enter(rig)
        await rig.later(120_000)

    rig.play(story)
    assert sum(isinstance(row.fact, DecisionFailed) for row in rig.rows()) <= 2


def test_a_simulation_does_not_go_on_after_a_decision_that_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_for("G-001", monkeypatch, _S.PLANNED)
    with pytest.raises(Exception, match="no price"):
        Rig(strict=True).play(enter)


# Wake-ups


def test_a_deadline_is_kept_to_the_nanosecond_without_any_other_input() -> None:
    rig = Rig()
    rig.broker.fills = False
    due_ns: list[int] = []

    async def story(rig: Rig) -> None:
        await rig.later(3_000)
        wanted = replace(plan(), good_until_ns=rig.clock.now_ns() + 20 * NS_PER_S + 12_345_678)
        due_ns.append(wanted.good_until_ns)
        rig.engine.post(SubmitGroup(wanted))
        await rig.later(40_000)

    rig.play(story)
    given_up = [
        row.at_ns
        for row in rig.rows()
        if type(row.fact).__name__ == "GoalChanged" and "time is up" in row.fact.reason  # type: ignore[union-attr]
    ]
    assert given_up == due_ns


def test_nothing_is_written_while_nothing_happens() -> None:
    rig = Rig()
    counted: list[int] = []

    async def story(rig: Rig) -> None:
        await enter(rig)
        await rig.later(10_000)
        counted.append(rig.journal.last_seq)
        await rig.later(120_000)
        counted.append(rig.journal.last_seq)

    rig.play(story)
    assert counted[0] == counted[1]


# Absence


def test_an_order_is_not_called_absent_while_news_of_it_is_waiting() -> None:
    rig = Rig()
    rig.broker.fills = False

    async def story(rig: Rig) -> None:
        await rig.submit()
        await rig.later(500)
        order = next(iter(rig.engine.account.groups["G-001"].orders.values()))
        unheard = replace(
            order, outcome=Outcome.UNKNOWN, order_id=None, lookups=4, heard_at_ns=order.heard_at_ns
        )
        group = rig.engine.account.groups["G-001"]
        orders = {**group.orders, order.tag: unheard}
        rig.engine.account = replace(
            rig.engine.account, groups={"G-001": replace(group, orders=orders)}, tags={}
        )
        await rig.later(1)
        report = rig.broker.book[str(order.order_id)]
        later_ns = rig.clock.now_ns() + 10 * NS_PER_S
        empty = BookSnapshot((), (), (), later_ns, later_ns)
        rig.broker.unreadable = RuntimeError("quiet")
        await rig.clock.sleep_until(later_ns)
        rig.post(BooksRead(empty), OrderNews(report))
        await rig.later(10)

    rig.play(story)
    assert not any(isinstance(row.fact, OrderProvedAbsent) for row in rig.rows())
    assert len(rig.placed()) == 2
    assert any(isinstance(row.fact, StateChanged) for row in rig.rows())
