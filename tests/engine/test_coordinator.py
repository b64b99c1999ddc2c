"""The only sender: what was not committed is refused, and no tag goes out twice."""

from __future__ import annotations

import asyncio

import pytest

from core.brokers.port import OrderRequest, Reply
from core.domain.account import Account
from core.domain.effects import CancelOrder, ModifyOrder, SendOrder
from core.domain.inputs import CancelReply, Input, ModifyReply, OperatorAction, OperatorCommand, SendReply
from core.domain.orders import AccessRefusal, ChildOrder, Outcome, Purpose
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.engine.coordinator import ExecutionCoordinator
from core.policy.order_budget import SECOND_NS
from tests.builders import VERTICAL, Desk, desk_with, open_condor, plan


class Port:
    """Counts what reaches it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.placed: list[str] = []
        self.error = error

    async def place(self, request: OrderRequest) -> Reply:
        self.placed.append(request.tag)
        if self.error is not None:
            raise self.error
        return Reply(Outcome.CONFIRMED, "O1")

    async def modify(self, order_id: str, change: object) -> Reply:
        return Reply(Outcome.CONFIRMED, order_id)

    async def cancel(self, order_id: str) -> Reply:
        return Reply(Outcome.CONFIRMED, order_id)


def sent(port: Port, account: Account, *orders: ChildOrder) -> list[Input]:
    """What comes back after orders were handed over, in order."""
    posted: list[Input] = []

    async def main() -> None:
        coordinator = ExecutionCoordinator(port, posted.append)
        for order in orders:
            coordinator.perform(SendOrder(order), account)
        for _ in range(5):
            await asyncio.sleep(0)
        await coordinator.close()

    asyncio.run(main())
    return posted


def in_flight() -> Desk:
    return desk_with(plan())


def test_a_committed_order_is_sent_and_its_answer_posted() -> None:
    desk, port = in_flight(), Port()
    order = desk.sent[0]
    assert sent(port, desk.account, order) == [SendReply(order.tag, Outcome.CONFIRMED, "O1")]
    assert port.placed == [order.tag]


def test_a_refused_login_or_address_is_passed_on_with_every_kind_of_answer() -> None:
    desk, posted = in_flight(), list[Input]()
    order, refusal = desk.sent[0], AccessRefusal.ADDRESS

    class Closed(Port):
        async def place(self, request: OrderRequest) -> Reply:
            return Reply(Outcome.REJECTED, None, "no", refusal)

        async def modify(self, order_id: str, change: object) -> Reply:
            return Reply(Outcome.REJECTED, order_id, "no", refusal)

        async def cancel(self, order_id: str) -> Reply:
            return Reply(Outcome.REJECTED, order_id, "no", refusal)

    async def main() -> None:
        coordinator = ExecutionCoordinator(Closed(), posted.append)
        coordinator.perform(SendOrder(order), desk.account)
        coordinator.perform(
            ModifyOrder(order.tag, "O1", 100, 0, order.units, to_limit=False, number=1), desk.account
        )
        coordinator.perform(CancelOrder(order.tag, "O1"), desk.account)
        for _ in range(5):
            await asyncio.sleep(0)
        await coordinator.close()

    asyncio.run(main())
    told = [reply for reply in posted if isinstance(reply, SendReply | ModifyReply | CancelReply)]
    assert {type(reply): reply.access_refused for reply in told} == dict.fromkeys(
        (SendReply, ModifyReply, CancelReply), refusal
    )


def test_an_order_that_the_journal_does_not_hold_never_reaches_the_broker() -> None:
    desk, port = in_flight(), Port()
    replies = sent(port, Desk().start().account, desk.sent[0])
    assert port.placed == []
    assert [reply.outcome for reply in replies if isinstance(reply, SendReply)] == [Outcome.DENIED]


def test_a_tag_handed_over_twice_is_sent_once_and_the_first_answer_stands() -> None:
    desk, port = in_flight(), Port()
    order = desk.sent[0]
    assert sent(port, desk.account, order, order) == [SendReply(order.tag, Outcome.CONFIRMED, "O1")]
    assert port.placed == [order.tag]


def test_an_order_that_an_earlier_process_may_have_sent_is_not_sent_by_this_one() -> None:
    from core.domain.inputs import CoreStarted

    desk, port = in_flight(), Port()
    order = desk.sent[0]
    desk.give(CoreStarted(restart=True))
    assert sent(port, desk.account, order) == []
    assert port.placed == []


def test_an_adapter_that_breaks_leaves_its_send_unanswered_not_refused() -> None:
    desk, port = in_flight(), Port(RuntimeError("bug"))
    replies = sent(port, desk.account, desk.sent[0])
    assert [reply.outcome for reply in replies if isinstance(reply, SendReply)] == [Outcome.UNKNOWN]


class DozingClock:
    """Its machine sleeps: whoever waits for a time is woken a second and a half too late."""

    def __init__(self) -> None:
        self.at_ns = 0

    def now_ns(self) -> int:
        return self.at_ns

    async def sleep_until(self, deadline_ns: int) -> None:
        if self.at_ns < deadline_ns:
            self.at_ns = deadline_ns + 3 * NS_PER_S // 2
        await asyncio.sleep(0)

    def call_at(self, at_ns: int, callback: object) -> None:
        raise NotImplementedError


def test_sends_that_wait_through_a_sleep_of_the_machine_do_not_leave_all_at_once() -> None:
    clock, port, left_ns = DozingClock(), Port(), []

    async def cancel(order_id: str) -> Reply:
        left_ns.append(clock.now_ns())
        return Reply(Outcome.CONFIRMED, order_id)

    port.cancel = cancel  # type: ignore[method-assign]

    async def main() -> None:
        coordinator = ExecutionCoordinator(port, lambda item: None, clock=clock, orders_per_second=2)
        for number in range(8):
            coordinator.perform(CancelOrder(f"T{number}", f"O{number}"), Desk().account)
        for _ in range(60):
            await asyncio.sleep(0)
        await coordinator.close()

    asyncio.run(main())
    assert len(left_ns) == 8
    assert all(later - earlier >= NS_PER_S for earlier, later in zip(left_ns, left_ns[2:], strict=False))


class SteadyClock(DozingClock):
    """Wakes whoever waits at the very time."""

    async def sleep_until(self, deadline_ns: int) -> None:
        self.at_ns = max(self.at_ns, deadline_ns)
        await asyncio.sleep(0)


def placed_at(coordinator: ExecutionCoordinator, desk: Desk, account: Account) -> None:
    """Hand over what the desk sent, and let everything that waits have its turn."""

    async def main() -> None:
        for order in desk.sent:
            coordinator.perform(SendOrder(order), account)
        for _ in range(80):
            await asyncio.sleep(0)
        await coordinator.close()

    asyncio.run(main())


def test_entries_that_leave_together_still_leave_the_reserve_to_the_others() -> None:
    desk, clock, port = desk_with(plan(VERTICAL, 400)), SteadyClock(), Port()
    clock.at_ns = desk.now_ns
    left_ns: list[int] = []

    async def place(request: OrderRequest) -> Reply:
        left_ns.append(clock.now_ns())
        return Reply(Outcome.CONFIRMED, request.tag)

    port.place = place  # type: ignore[method-assign]
    coordinator = ExecutionCoordinator(
        port, lambda item: None, clock=clock, orders_per_second=6, reserve_per_second=4
    )
    placed_at(coordinator, desk, desk.account)
    assert len(left_ns) == len(desk.sent) == 8
    assert all(later - earlier >= NS_PER_S for earlier, later in zip(left_ns, left_ns[2:], strict=False))


def test_an_entry_leaves_the_last_send_of_a_second_to_what_must_go() -> None:
    desk, clock, port = in_flight(), SteadyClock(), Port()
    clock.at_ns = desk.now_ns
    left_ns: list[int] = []

    async def main() -> None:
        coordinator = ExecutionCoordinator(
            port,
            lambda item: None,
            clock=clock,
            orders_per_second=3,
            handed=lambda order: left_ns.append(clock.now_ns() - desk.now_ns),
        )
        for number in range(2):
            coordinator.perform(CancelOrder(f"T{number}", f"O{number}"), desk.account)
        coordinator.perform(SendOrder(desk.sent[0]), desk.account)
        for _ in range(20):
            await asyncio.sleep(0)
        await coordinator.close()

    asyncio.run(main())
    assert left_ns == [SECOND_NS]


def test_re_prices_of_entries_leave_the_reserve_to_the_others_as_well() -> None:
    desk, clock, port = desk_with(plan()), SteadyClock(), Port()
    desk.accept()
    clock.at_ns = desk.now_ns
    left_ns: list[int] = []

    async def modify(order_id: str, change: object) -> Reply:
        left_ns.append(clock.now_ns())
        return Reply(Outcome.CONFIRMED, order_id)

    port.modify = modify  # type: ignore[method-assign]

    async def main() -> None:
        coordinator = ExecutionCoordinator(
            port, lambda item: None, clock=clock, orders_per_second=6, reserve_per_second=4
        )
        for order in desk.sent * 3:
            change = ModifyOrder(order.tag, desk.ids[order.tag], order.limit_paise, 0, order.units, False, 1)
            coordinator.perform(change, desk.account)
        for _ in range(80):
            await asyncio.sleep(0)
        await coordinator.close()

    asyncio.run(main())
    assert len(left_ns) == 3 * len(desk.sent) > 4
    assert all(later - earlier >= NS_PER_S for earlier, later in zip(left_ns, left_ns[2:], strict=False))


def test_the_moment_an_order_is_handed_to_the_broker_is_told_after_it_had_its_turn() -> None:
    desk, clock, port = in_flight(), SteadyClock(), Port()
    clock.at_ns = desk.now_ns
    told: list[tuple[str, int, int]] = []

    def handed(order: ChildOrder) -> None:
        told.append((order.tag, clock.now_ns() - desk.now_ns, len(port.placed)))

    coordinator = ExecutionCoordinator(
        port, lambda item: None, clock=clock, orders_per_second=1, handed=handed
    )
    placed_at(coordinator, desk, desk.account)
    assert [tag for tag, _, _ in told] == port.placed
    assert [(late, before) for _, late, before in told] == [(0, 0), (SECOND_NS, 1)]


def test_an_order_that_is_held_back_was_never_handed_to_the_broker() -> None:
    desk, clock, port = in_flight(), SteadyClock(), Port()
    told: list[ChildOrder] = []
    coordinator = ExecutionCoordinator(
        port, lambda item: None, clock=clock, halted=lambda: True, handed=told.append
    )
    placed_at(coordinator, desk, desk.account)
    assert told == []


@pytest.mark.parametrize(("slept_ms", "halted"), [(6_000, False), (0, True)])
def test_an_entry_that_grew_old_or_met_the_kill_switch_on_its_way_never_leaves(
    slept_ms: int, halted: bool
) -> None:
    desk, clock, port = in_flight(), SteadyClock(), Port()
    posted: list[Input] = []
    clock.at_ns = desk.now_ns + slept_ms * NS_PER_MS
    coordinator = ExecutionCoordinator(port, posted.append, clock=clock, halted=lambda: halted)
    placed_at(coordinator, desk, desk.account)
    assert port.placed == []
    assert {reply.outcome for reply in posted if isinstance(reply, SendReply)} == {Outcome.DENIED}


def test_an_exit_leaves_however_old_it_is_and_whatever_is_halted() -> None:
    desk, clock, port = open_condor(), SteadyClock(), Port()
    desk.give(OperatorCommand(OperatorAction.FLATTEN, "G-001", "tester", 0))
    desk.sent = [order for order in desk.sent if order.purpose is Purpose.EXIT]
    clock.at_ns = desk.now_ns + 60 * NS_PER_S
    coordinator = ExecutionCoordinator(port, lambda item: None, clock=clock, halted=lambda: True)
    placed_at(coordinator, desk, desk.account)
    assert port.placed == [order.tag for order in desk.sent]


def test_a_process_that_follows_another_sends_nothing_in_its_first_second() -> None:
    desk, clock, port = in_flight(), SteadyClock(), Port()
    began_ns = clock.at_ns = desk.now_ns
    coordinator = ExecutionCoordinator(port, lambda item: None, clock=clock)
    coordinator.follow_another()
    placed_at(coordinator, desk, desk.account)
    assert len(port.placed) == len(desk.sent)
    assert clock.at_ns >= began_ns + NS_PER_S
