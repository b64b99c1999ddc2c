"""Uncovered units are answered in time, and only what answers them, or keeps the core from it, buys time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from core.brokers.paper.books import MemoryBooks
from core.brokers.port import OrderChange, OrderRequest, Reply
from core.domain.account import Account, Severity
from core.domain.evolve import fold
from core.domain.facts import (
    AlertRaised,
    BooksReconciled,
    Fact,
    ModifyIntended,
    OrderIntended,
    OrderProvedAbsent,
    Recorded,
    StateChanged,
)
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import BookSnapshot, ChildOrder, OrderStatus, OrderType, Outcome, Purpose
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.rehearsal.invariants.answers import AT_ONCE_NS
from core.rehearsal.invariants.judge import Judge
from core.rehearsal.invariants.truth import Truth
from tests.rehearsal.test_judge_hearing import described
from tests.rehearsal.wire.test_judging import CONTRACTS, NONCE, PLAN, SHORT, accepted, order, rows

S = ExecutionLifecycle
LOT = SHORT.contract.lot_units
SOLD = order(SHORT.index, 1, Side.SELL, 2 * LOT)
STOP = replace(
    order(SHORT.index, 2, Side.BUY, LOT, Purpose.STOP), order_type=OrderType.SL, trigger_paise=160_00
)


class Clock:
    """Goes on when it is told to, and calls what is due on its way."""

    def __init__(self) -> None:
        self._now_ns = 2 * NS_PER_S
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._number = count()

    def now_ns(self) -> int:
        return self._now_ns

    async def sleep_until(self, deadline_ns: int) -> None:
        raise NotImplementedError

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> None:
        heapq.heappush(self._due, (at_ns, next(self._number), callback))

    def go(self, seconds: float) -> None:
        until_ns = self._now_ns + int(seconds * NS_PER_S)
        while self._due and self._due[0][0] <= until_ns:
            at_ns, _, callback = heapq.heappop(self._due)
            self._now_ns = max(self._now_ns, at_ns)
            callback()
        self._now_ns = until_ns


class Bench:
    """A judge of a core that has sold short without cover and just heard of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        told = rows(SOLD, STOP)
        told.append(Recorded(len(told) + 1, NS_PER_S, "", BooksReconciled(0)))
        self.told = told
        self.account: Account = fold(told)
        self.judge = Judge(
            self.clock, CONTRACTS, Truth(MemoryBooks(), CONTRACTS, NONCE), lambda: self.account
        )
        self.judge.born(told)
        self.judge.framed(described("O2", STOP, OrderStatus.TRIGGER_PENDING))
        self.judge.framed(described("O1", SOLD, OrderStatus.COMPLETE, filled_units=SOLD.units))
        self.seq = told[-1].seq

    def decide(self, fact: Fact) -> None:
        self.seq += 1
        row = Recorded(self.seq, self.clock.now_ns(), PLAN.group_id, fact)
        self.told.append(row)
        self.judge.committed([row])

    @property
    def late(self) -> bool:
        return 8 in [violation.invariant for violation in self.judge.violations]


def request(each: ChildOrder) -> OrderRequest:
    return OrderRequest(
        each.tag, each.symbol, each.exchange, each.product, each.side, each.units, each.order_type, 1, 0
    )


def test_nothing_for_a_second_is_too_late() -> None:
    bench = Bench()
    bench.clock.go(0.9)
    assert not bench.late
    bench.clock.go(0.2)
    assert bench.late


def test_where_deciding_takes_no_time_it_is_too_late_after_150_ms_or_when_the_window_has_closed() -> None:
    bench = Bench()
    bench.judge.answers.within_ns = AT_ONCE_NS
    bench.judge.answers.stop()
    bench.judge.answers.watch(bench.judge.told.groups[PLAN.group_id])
    bench.judge.answers.gathers(PLAN.group_id, bench.clock.now_ns())
    bench.judge.answers.tried(bench.judge.told.groups[PLAN.group_id], 0)
    bench.clock.go(0.6)
    assert not bench.late, "what comes within the window of a hedge is gathered"
    bench.clock.go(0.1)
    assert bench.late


def test_an_exit_opens_no_window_in_which_anything_may_wait() -> None:
    bench = Bench()
    bench.judge.answers.within_ns = AT_ONCE_NS
    bench.judge.answers.stop()
    bench.judge.answers.watch(bench.judge.told.groups[PLAN.group_id])
    bench.judge.answers.tried(bench.judge.told.groups[PLAN.group_id], 0)
    bench.clock.go(0.2)
    assert bench.late


def test_what_a_night_has_left_open_is_waited_for_and_nothing_else() -> None:
    for unclear in (True, False):
        bench = Bench()
        bench.judge.answers.is_unclear = lambda group_id, it=unclear: it  # type: ignore[misc]
        bench.clock.go(30)
        assert bench.late is not unclear
        bench.judge.answers.is_unclear = lambda group_id: False
        bench.clock.go(2)
        assert bench.late


def test_a_stop_that_is_resized_each_second_answers_nothing() -> None:
    bench = Bench()
    for units in (LOT, 2 * LOT, LOT):
        bench.decide(ModifyIntended(STOP.tag, 165_00, 160_00, units, False, ""))
        bench.judge.modify("O2", OrderChange(OrderType.SL, units, 165_00, 160_00))
        bench.clock.go(0.9)
    assert bench.late


def test_an_attempt_buys_the_time_of_the_next_but_not_for_ever() -> None:
    bench = Bench()
    bench.clock.go(0.5)
    for n in range(3, 40):
        hedge = replace(
            order(SHORT.index, n, Side.BUY, SOLD.units, Purpose.HEDGE), intended_at_ns=bench.clock.now_ns()
        )
        bench.decide(OrderIntended(hedge, 0, 0))
        bench.judge.place(request(hedge))
        bench.clock.go(0.1)
        bench.decide(OrderProvedAbsent(hedge.tag, 5))
        bench.clock.go(1.9)
        if n < 8:
            assert not bench.late
    assert bench.late


def test_the_time_of_a_slow_commit_and_of_sleep_is_not_the_cores() -> None:
    bench = Bench()
    bench.judge.commit_begins([bench.told[-1]])
    bench.clock.go(0.9)
    bench.judge.commit_ends()
    bench.clock.go(0.9)
    assert not bench.late
    bench.judge.falls_asleep()
    bench.clock.go(5)
    bench.judge.wakes()
    assert not bench.late
    bench.clock.go(0.2)
    assert bench.late, "what was left of its second is over"


def test_manual_answers_only_with_its_critical_alert() -> None:
    alert = AlertRaised(f"manual:{PLAN.group_id}", Severity.CRITICAL, "", "manual", PLAN.group_id)
    moves = [StateChanged(PLAN.group_id, state, "") for state in (S.VALIDATING, S.PLACING)]
    manual = StateChanged(PLAN.group_id, S.MANUAL, "", ManualCause.HEDGE_EXHAUSTED)
    for also, late in (((), True), ((alert,), False)):
        bench = Bench()
        facts: list[Fact] = [*moves, manual, *also]
        more = [Recorded(bench.seq + n, NS_PER_S, PLAN.group_id, fact) for n, fact in enumerate(facts, 1)]
        bench.account = fold([*bench.told, *more])
        bench.clock.go(3)
        assert bench.late is late


def test_an_order_that_comes_after_it_was_given_up_spoils_its_own_group_only() -> None:
    bench = Bench()
    truth = bench.judge.truth
    late = order(SHORT.index, 5, Side.SELL, LOT)
    bench.decide(OrderIntended(late, 0, 0))
    bench.judge.told.sent(
        request(late),
        bench.clock.now_ns() - 100 * NS_PER_MS,
    )
    truth.append([accepted(late)])
    assert bench.judge.spoiled == set(), "an order that is waited for is no surprise"
    bench.judge.told.absent(late.tag)
    truth.append([accepted(late)])
    assert bench.judge.spoiled == {PLAN.group_id}


@pytest.mark.parametrize(("shows", "spoiled"), [(True, set()), (False, {PLAN.group_id})])
def test_an_order_that_neither_journal_nor_order_book_knows_could_not_be_counted_on(
    shows: bool, spoiled: set[str]
) -> None:
    bench = Bench()
    lost = order(SHORT.index, 5, Side.SELL, LOT)
    bench.judge.truth.append([accepted(lost)])
    bench.judge.spoiled.clear()  # it was the order of a process that has died since
    bench.clock.go(2)
    now_ns = bench.clock.now_ns()
    row = replace(described("O5", lost, OrderStatus.OPEN), tags=(lost.tag,))
    bench.judge.read(BookSnapshot((row,) if shows else (), (), (), now_ns, now_ns))
    assert bench.judge.spoiled == spoiled


@pytest.mark.parametrize(("came_s", "spoiled"), [(9.9, set()), (10.1, {PLAN.group_id})])
def test_an_order_that_comes_between_the_last_book_and_its_giving_up_could_not_be_known(
    came_s: float, spoiled: set[str]
) -> None:
    bench = Bench()
    began_ns = bench.clock.now_ns()
    late = order(SHORT.index, 5, Side.SELL, LOT)
    bench.decide(OrderIntended(late, 0, 0))
    bench.judge.told.sent(request(late), began_ns)
    bench.judge.replied(late.tag, Reply(Outcome.UNKNOWN, None, "timed out"))
    for second in (6, 7, 8, 9, 10):
        bench.judge.told.read([], [], began_ns + second * NS_PER_S)
    bench.judge.truth.append([accepted(late, began_ns / NS_PER_S + came_s)])
    bench.clock.go(10.5)
    bench.decide(OrderProvedAbsent(late.tag, 5))
    assert 3 not in [violation.invariant for violation in bench.judge.violations]
    assert bench.judge.spoiled == spoiled


def test_an_attempt_that_the_venue_refuses_gives_the_next_its_time_and_no_more() -> None:
    bench = Bench()
    group = bench.judge.told.groups[PLAN.group_id]
    bench.judge.answers.within_ns = AT_ONCE_NS
    back = order(SHORT.index, 3, Side.BUY, 2 * LOT, Purpose.HEDGE)
    bench.decide(OrderIntended(back, 0, 0, False))
    bench.judge.place(request(back))
    assert not group.unanswered(), "it is on its way"
    bench.judge.answers.watch(group)
    bench.clock.go(0.4)
    bench.judge.framed(described("O3", back, OrderStatus.REJECTED))
    assert group.unanswered() == 2 * LOT
    bench.clock.go(1.9)
    assert not bench.late, "who is refused does not ask again at once"
    bench.clock.go(0.5)
    assert bench.late
