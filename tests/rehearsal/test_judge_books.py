"""What the books say is taken over soon, and a state that a group claims is so by what was told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.brokers.paper.books import MemoryBooks
from core.domain.account import Account, PositionDoubt
from core.domain.evolve import fold
from core.domain.facts import (
    BooksReconciled,
    Fact,
    GateDecided,
    LegsRetired,
    OrderAnswered,
    OrderIntended,
    OrderSeen,
    Recorded,
    StateChanged,
)
from core.domain.instruments import PositionKey, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import BookSnapshot, OrderStatus, Outcome, PositionReport, Purpose, Source
from core.domain.timing import NS_PER_S
from core.rehearsal.invariants.busy import Busy
from core.rehearsal.invariants.reconciled import Reconciled
from core.rehearsal.invariants.truth import Truth
from tests.rehearsal.test_judge_answers import Clock, request
from tests.rehearsal.test_judge_changes import LOT, Bench
from tests.rehearsal.test_judge_hearing import described
from tests.rehearsal.wire.test_judging import CONTRACTS, LONG, NONCE, PLAN, SHORT, order, rows

S = ExecutionLifecycle
BOUGHT = order(LONG.index, 1, Side.BUY, LOT)
BOUGHT2 = order(LONG.index, 2, Side.BUY, LOT)
KEY = PositionKey(BOUGHT.exchange, BOUGHT.symbol, BOUGHT.product)


class Books:
    """Our book beside the broker's, and what the judge finds when it compares them."""

    def __init__(self, *also: Fact) -> None:
        told = rows(BOUGHT)
        facts = [BooksReconciled(0), *also]
        told += [Recorded(len(told) + n, NS_PER_S, "", fact) for n, fact in enumerate(facts, 1)]
        self.account: Account = fold(told)
        self.clock = Clock()
        self.busy = Busy(self.clock)
        self.truth = Truth(MemoryBooks(), CONTRACTS, NONCE)
        self.found: list[str] = []
        self.unanswered = False
        self.reconciled = Reconciled(
            self.clock,
            lambda: self.account,
            self.truth,
            self.busy,
            self.found.append,
            lambda symbol: self.unanswered and symbol == KEY.symbol,
        )

    def read(self, *, filled: int = 0, units: int | None = None) -> None:
        row = described("O1", BOUGHT, OrderStatus.OPEN, filled_units=filled)
        positions = () if units is None else (PositionReport(KEY, units),)
        now_ns = self.clock.now_ns()
        self.reconciled.read(BookSnapshot((row,), (), positions, now_ns, now_ns))


def seen(filled: int) -> OrderSeen:
    return OrderSeen(BOUGHT.tag, "O1", OrderStatus.OPEN, filled, 100_00, Source.POLL, "")


def test_a_fill_of_the_order_book_that_is_not_taken_over_is_found() -> None:
    for here, found in ((0, 1), (LOT, 0)):
        books = Books(seen(here))
        books.read(filled=LOT)
        books.clock.go(1.1)
        assert len(books.found) == found


def test_what_was_read_while_the_disk_was_slow_is_compared_later() -> None:
    books = Books(seen(0))
    books.busy.begins("commit")
    books.read(filled=LOT)
    books.clock.go(1.1)
    books.busy.ends("commit")
    assert books.found == []
    books.account = Books(seen(LOT)).account
    books.clock.go(2.5)
    assert books.found == []


def test_a_position_that_the_books_show_again_and_again_is_a_divergence_or_is_found() -> None:
    books = Books(seen(0))
    books.truth.foreign[KEY] = LOT
    for _ in range(3):
        books.read(units=LOT)
        books.clock.go(12)
        assert books.found == []
    books.read(units=LOT)
    books.clock.go(12)
    assert len(books.found) == 1
    books.found.clear()
    books.account = replace(books.account, foreign={KEY: LOT})
    books.read(units=LOT)
    books.clock.go(12)
    assert books.found == []


def test_time_in_which_no_books_could_be_read_shows_nothing() -> None:
    books = Books(seen(0))
    books.truth.foreign[KEY] = LOT
    for pause_s in (1, 60, 1, 11, 11):
        books.read(units=LOT)
        books.clock.go(pause_s)
    assert books.found == [], "of the minute without books only the time of one reading counts"
    books.read(units=LOT)
    books.clock.go(2)
    assert len(books.found) == 1


def test_while_a_send_of_ours_is_unanswered_nobody_can_tell_whose_a_difference_is() -> None:
    books = Books(seen(0))
    books.truth.foreign[KEY] = LOT
    books.unanswered = True
    for _ in range(5):
        books.read(units=LOT)
        books.clock.go(12)
    assert books.found == []
    books.unanswered = False
    for _ in range(4):
        books.read(units=LOT)
        books.clock.go(12)
    assert len(books.found) == 1


def test_a_doubt_excuses_for_as_long_as_it_takes_to_settle_it() -> None:
    for since_s, found in ((0, 1), (60, 0)):
        books = Books(seen(0))
        books.truth.foreign[KEY] = LOT
        doubt = PositionDoubt(LOT, since_s * NS_PER_S)
        books.account = replace(books.account, doubts={KEY: doubt}, at_ns=61 * NS_PER_S)
        for _ in range(4):
            books.read(units=LOT)
            books.clock.go(12)
        assert len(books.found) == found


@pytest.mark.parametrize(("lacking", "found"), [(0, []), (LOT, [13]), (PLAN.units(SHORT.index), [13])])
def test_a_group_that_calls_itself_whole_holds_the_same_copies_in_every_leg(
    lacking: int, found: list[int]
) -> None:
    bench = Bench()
    bench.judge.told.groups[PLAN.group_id].net[SHORT.index] += lacking
    bench.decide(StateChanged(PLAN.group_id, S.OPEN, "every leg is filled"))
    assert bench.found == found


def test_a_leg_that_its_stop_took_out_is_not_missed() -> None:
    bench = Bench()
    bench.decide(LegsRetired(PLAN.group_id, (SHORT.index,), "its stop has fired"))
    bench.judge.told.groups[PLAN.group_id].net[SHORT.index] = 0
    bench.decide(StateChanged(PLAN.group_id, S.OPEN, "the rest is kept"))
    assert bench.found == []


def test_a_group_that_calls_itself_closed_holds_nothing_and_nothing_of_it_works() -> None:
    bench = Bench()
    bench.decide(StateChanged(PLAN.group_id, S.CLOSED, ""))
    assert bench.found == [9]
    bench = Bench(BOUGHT2)
    net = bench.judge.told.groups[PLAN.group_id].net
    net.update(dict.fromkeys(net, 0))
    bench.decide(StateChanged(PLAN.group_id, S.CLOSED, ""))
    assert bench.found == [9]
    bench = Bench()
    net = bench.judge.told.groups[PLAN.group_id].net
    net.update(dict.fromkeys(net, 0))
    bench.decide(StateChanged(PLAN.group_id, S.CLOSED, ""))
    assert bench.found == []


def test_a_margin_decision_of_an_earlier_process_lets_nothing_through() -> None:
    for again, found in ((False, [10]), (True, [])):
        bench = Bench()
        net = bench.judge.told.groups[PLAN.group_id].net
        net.update(dict.fromkeys(net, 0))
        if again:
            bench.decide(GateDecided(PLAN.group_id, True, 0, 0, 0, "", ""))
        bench.seq += 1
        intended = OrderIntended(BOUGHT2, 0, 0)
        bench.judge.committed([Recorded(bench.seq, 2 * NS_PER_S, PLAN.group_id, intended)])
        bench.judge.place(request(BOUGHT2))
        assert bench.found == found


def test_an_exit_that_is_held_back_here_is_found() -> None:
    bench = Bench()
    exit_ = order(SHORT.index, 2, Side.BUY, LOT, Purpose.EXIT)
    bench.seq += 1
    bench.judge.committed([Recorded(bench.seq, 2 * NS_PER_S, PLAN.group_id, OrderIntended(exit_, 0, 0))])
    bench.decide(OrderAnswered(exit_.tag, Outcome.DENIED, None, "too dear"))
    assert bench.found == [10]
