"""The judge at the core's door knows what the core knows, when the core knows it, and no earlier or later."""

from __future__ import annotations

from dataclasses import replace

from core.brokers.paper.books import MemoryBooks
from core.brokers.port import OrderChange, OrderRequest, Reply
from core.domain.account import Account
from core.domain.evolve import fold
from core.domain.facts import AlertCleared, JournalFailed, ModifyIntended, OrderIntended, Recorded
from core.domain.instruments import Side
from core.domain.orders import BookSnapshot, ChildOrder, OrderReport, OrderStatus, Outcome, TradeReport
from core.domain.timing import NS_PER_S
from core.rehearsal.invariants.judge import Judge
from core.rehearsal.invariants.truth import Truth
from tests.rehearsal.wire.test_judging import CONTRACTS, LONG, NONCE, PLAN, order, rows

BOUGHT = order(LONG.index, 1, Side.BUY, PLAN.units(LONG.index))


class Clock:
    """Stands still; nothing that is to be called later ever is."""

    def now_ns(self) -> int:
        return 2 * NS_PER_S

    async def sleep_until(self, deadline_ns: int) -> None:
        raise NotImplementedError

    def call_at(self, at_ns: int, callback: object) -> None:
        """The wall does not always get there before the core decides again."""


def judged() -> tuple[Judge, list[Recorded], Account]:
    """A judge of a core that has sent one purchase and not heard of it."""
    told = rows(BOUGHT)
    failed = Recorded(len(told) + 1, NS_PER_S, "", JournalFailed("disk full"))
    account = fold([*told, failed])
    judge = Judge(Clock(), CONTRACTS, Truth(MemoryBooks(), CONTRACTS, NONCE), lambda: account)
    judge.born(told)
    return judge, told, account


def described(order_id: str, sent: ChildOrder, status: OrderStatus, *, filled_units: int = 0) -> OrderReport:
    """What the broker writes down of an order in the second in which it comes."""
    return OrderReport(
        order_id=order_id,
        tags=(sent.tag,),
        symbol=sent.symbol,
        exchange=sent.exchange,
        product=sent.product,
        side=sent.side,
        order_type=sent.order_type,
        units=sent.units,
        filled_units=filled_units,
        limit_paise=1,
        trigger_paise=0,
        status=status,
        raw_status=status.value,
        at_ns=NS_PER_S,
    )


def working(judge: Judge) -> int:
    return judge.told.groups[PLAN.group_id].working(LONG.index, Side.BUY)


def test_a_refusal_heard_after_a_vain_commit_is_known_when_the_core_decides_again() -> None:
    judge, told, _ = judged()
    judge.commit_begins(told)  # a tail is tried once more, for nothing that was decided now
    judge.commit_fails()
    judge.replied(BOUGHT.tag, Reply(Outcome.REJECTED, None, "too many requests"))
    assert working(judge) == PLAN.units(LONG.index)
    judge.decided([Recorded(told[-1].seq + 2, 2 * NS_PER_S, "", AlertCleared("journal"))])
    assert working(judge) == 0


def test_what_comes_while_a_decision_waits_for_its_disk_was_not_known_to_it() -> None:
    judge, told, _ = judged()
    tail = [*told, Recorded(told[-1].seq + 2, 2 * NS_PER_S, "", AlertCleared("journal"))]
    judge.commit_begins(tail)
    judge.replied(BOUGHT.tag, Reply(Outcome.REJECTED, None, "too many requests"))
    judge.commit_fails()
    judge.decided(tail[-1:])
    assert working(judge) == PLAN.units(LONG.index)


def test_books_that_waited_with_an_answer_are_read_after_it() -> None:
    judge, told, _ = judged()
    second = replace(order(LONG.index, 2, Side.BUY, 65), intended_at_ns=2 * NS_PER_S)
    request = OrderRequest(
        second.tag, second.symbol, second.exchange, second.product, second.side, 65, second.order_type, 1, 0
    )
    judge.committed([Recorded(told[-1].seq + 2, 2 * NS_PER_S, PLAN.group_id, OrderIntended(second, 0, 0))])
    judge.place(request)
    trade = TradeReport(
        "T1", "O2", second.symbol, second.exchange, second.product, second.side, 65, 1, NS_PER_S
    )
    judge.commit_begins(told)
    judge.read(BookSnapshot((), (trade,), (), NS_PER_S, 2 * NS_PER_S))
    judge.replied(second.tag, Reply(Outcome.CONFIRMED, "O2"))
    judge.commit_begins(told)
    assert judge.told.orders[second.tag].filled == 65


def test_a_book_from_before_a_change_does_not_take_the_change_back() -> None:
    judge, told, _ = judged()
    units = PLAN.units(LONG.index)
    row = described("O1", BOUGHT, OrderStatus.OPEN)
    judge.framed(row)
    fewer = OrderChange(BOUGHT.order_type, units - 65, 1)
    intended = ModifyIntended(BOUGHT.tag, 1, 0, units - 65, False, "")
    judge.decided([Recorded(told[-1].seq + 2, 2 * NS_PER_S, PLAN.group_id, intended)])
    judge.modify("O1", fewer)
    judge.modified("O1", fewer, Reply(Outcome.CONFIRMED, "O1"))
    judge.read(BookSnapshot((row,), (), (), 2 * NS_PER_S - 1, 2 * NS_PER_S))
    assert working(judge) == units - 65
    judge.framed(replace(row, at_ns=2 * NS_PER_S))
    assert working(judge) == units


def test_an_order_that_a_dead_process_left_is_no_send_of_the_one_that_adopts_it() -> None:
    judge, told, _ = judged()
    left = order(LONG.index, 2, Side.SELL, 65)
    row = described("O2", left, OrderStatus.COMPLETE, filled_units=65)
    judge.read(BookSnapshot((row,), (), (), 2 * NS_PER_S - 1, 2 * NS_PER_S))
    adopted = Recorded(told[-1].seq + 2, 2 * NS_PER_S, PLAN.group_id, OrderIntended(left, 0, 0))
    judge.committed([adopted])
    assert judge.violations == []
    request = OrderRequest(
        left.tag, left.symbol, left.exchange, left.product, left.side, 65, left.order_type, 1, 0
    )
    judge.place(request)
    assert [violation.invariant for violation in judge.violations] == [3]
