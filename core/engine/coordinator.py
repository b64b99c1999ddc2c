"""``ExecutionCoordinator``: the only one who is handed the broker's order-sending port.

Policy decides; the coordinator re-asserts what must never be broken, performs, and reports what became of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from core.brokers.port import OrderChange, OrderPort, OrderRequest, Reply, request_of
from core.domain.account import Account
from core.domain.effects import CancelOrder, ModifyOrder, SendOrder
from core.domain.evolve import group_of
from core.domain.inputs import CancelReply, Input, ModifyReply, SendReply
from core.domain.instruments import Side
from core.domain.orders import ChildOrder, Lane, OrderType, Outcome
from core.domain.timing import NS_PER_MS, Clock
from core.policy.collaborators import Collaborators
from core.policy.hedge_manager import EmergencyHedgeManager
from core.policy.leg_priority import LegPriorityCalculator
from core.policy.order_budget import HEDGE_RESERVE, SECOND_NS
from core.policy.stop_loss import HybridStopLossManager
from core.risk.limits import RiskLimits
from core.risk.worst_case import WorstCaseMarginSimulator

Send = SendOrder | ModifyOrder | CancelOrder


class _Second:
    """Holds sends to so many in any second, in the order of asking.

    What counts is when a send really leaves: a machine that sleeps wakes every waiting one at once.
    """

    def __init__(self, clock: Clock | None, most: int) -> None:
        self._clock = clock
        self._leaving_ns: deque[int] = deque(maxlen=most)
        self._leaving = asyncio.Lock()

    def fill(self) -> None:
        """Count the second as used up."""
        if self._clock is not None and self._leaving_ns.maxlen is not None:
            self._leaving_ns.extend([self._clock.now_ns()] * self._leaving_ns.maxlen)

    async def slot(self) -> None:
        """Wait until one more keeps within the second. Without a clock it always does."""
        async with self._leaving:
            await _until(self._clock, self.free_ns)
            self.take()

    def free_ns(self, spare: int = 0) -> int:
        """From when one more keeps within the second, and leaves so many ``spare``."""
        taken = max(1, (self._leaving_ns.maxlen or 1) - spare)
        return self._leaving_ns[-taken] + SECOND_NS if taken <= len(self._leaving_ns) else 0

    def take(self) -> None:
        """Count one that leaves now."""
        if self._clock is not None:
            self._leaving_ns.append(self._clock.now_ns())


async def _until(clock: Clock | None, free_ns: Callable[[], int]) -> None:
    """Wait until a time that may be put off meanwhile. Without a clock there is nothing to wait for."""
    while clock is not None and clock.now_ns() < (free := free_ns()):
        await clock.sleep_until(free)


class ExecutionCoordinator:
    """Performs committed sends, each in its own task, and posts the answer.

    It holds the parts that every decision about its orders is made with, each exchangeable as a whole.
    ``committed`` is the account as it stands on disk: an order that it does not hold is refused here,
    whatever asked for it.
    """

    def __init__(
        self,
        port: OrderPort,
        post: Callable[[Input], None],
        *,
        priority_calculator: LegPriorityCalculator | None = None,
        hedge_manager: EmergencyHedgeManager | None = None,
        sl_manager: HybridStopLossManager | None = None,
        margin_simulator: WorstCaseMarginSimulator | None = None,
        limits: RiskLimits | None = None,
        clock: Clock | None = None,
        orders_per_second: int = 10,
        reserve_per_second: int = 0,
        halted: Callable[[], bool] = lambda: False,
        handed: Callable[[ChildOrder], None] = lambda order: None,
    ) -> None:
        """``handed`` is told of each order at the moment in which the broker's port gets it.

        With a ``clock`` the sends of any second are held to ``orders_per_second`` once more.

        Entries are held to ``reserve_per_second`` fewer, and never take the last send of a second. Policy
        counts what it intends; a slow commit lets what was intended apart leave together. An entry that waits
        while the core is ``halted``, or for longer than what it was decided on is good for, never leaves.
        """
        self.collaborators = Collaborators(
            priority_calculator or LegPriorityCalculator(),
            hedge_manager or EmergencyHedgeManager(),
            sl_manager or HybridStopLossManager(),
            margin_simulator or WorstCaseMarginSimulator(),
            limits or RiskLimits(),
        )
        self._port = port
        self._post = post
        self._halted = halted
        self._handed = handed
        self._clock = clock
        self._sends = _Second(clock, orders_per_second)
        self._entries = _Second(clock, max(1, orders_per_second - reserve_per_second))
        self._entering = asyncio.Lock()
        self._sent: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def follow_another(self) -> None:
        """A process was here before: it may have sent all that a second allows, and written nothing down."""
        self._sends.fill()
        self._entries.fill()

    def perform(self, effect: Send, committed: Account) -> None:
        """Start one send. Its answer arrives in the mailbox; this returns at once."""
        match effect:
            case SendOrder(order):
                if order.tag in self._sent or _was_sent(order.tag, order.group_id, committed):
                    return  # a tag is never used twice, and the first send has an answer of its own
                if not _is_committed(order.tag, order.group_id, committed):
                    why = "not in the journal: nothing is sent that was not committed first"
                    self._post(SendReply(order.tag, Outcome.DENIED, None, why))
                    return
                self._sent.add(order.tag)
                self._start(self._place(request_of(order), order, _leaves_by_ns(order, committed)))
            case ModifyOrder():
                self._start(self._modify(effect, _lane_of(effect.tag, committed)))
            case CancelOrder(tag, order_id):
                self._start(self._cancel(tag, order_id))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _place(self, request: OrderRequest, order: ChildOrder, by_ns: int) -> None:
        entry = order.lane is Lane.ENTRY
        await self._slot(order.lane)
        why = self._holds_back(by_ns) if entry else ""
        if why:
            self._post(SendReply(request.tag, Outcome.DENIED, None, why))
            return
        self._handed(order)
        reply = await _answered(self._port.place(request))
        self._post(SendReply(request.tag, reply.outcome, reply.order_id, reply.message, reply.access_refused))

    async def _slot(self, lane: Lane) -> None:
        """Wait for a send of the second. Entries wait among themselves: they stand in nobody else's way."""
        if lane is not Lane.ENTRY:
            await self._sends.slot()
            return
        entries, sends = self._entries, self._sends
        async with self._entering:
            await _until(self._clock, lambda: max(entries.free_ns(), sends.free_ns(HEDGE_RESERVE)))
            entries.take()
            sends.take()

    def _holds_back(self, by_ns: int) -> str:
        """Why an entry that was decided on may not leave any more, or ``""``."""
        if self._halted():
            return "the kill switch was on before it could leave"
        late_ns = self._clock.now_ns() - by_ns if self._clock is not None else 0
        if late_ns > 0:
            return (
                f"it could leave only {late_ns // NS_PER_MS} ms after its price and margin had become too old"
            )
        return ""

    async def _modify(self, effect: ModifyOrder, lane: Lane) -> None:
        kind = OrderType.LIMIT if effect.to_limit or not effect.trigger_paise else OrderType.SL
        change = OrderChange(kind, effect.units, effect.limit_paise, effect.trigger_paise)
        await self._slot(lane)
        reply = await _answered(self._port.modify(effect.order_id, change))
        self._post(ModifyReply(effect.tag, reply.outcome, reply.message, effect.number, reply.access_refused))

    async def _cancel(self, tag: str, order_id: str) -> None:
        await self._sends.slot()
        reply = await _answered(self._port.cancel(order_id))
        self._post(CancelReply(tag, reply.outcome, reply.message, reply.access_refused))

    async def close(self) -> None:
        """Stop waiting for answers. What was sent stays sent: the next start looks for it."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _leaves_by_ns(order: ChildOrder, committed: Account) -> int:
    """Until when an entry may leave: what it was decided on grows old while a disk or a machine stands still.

    The first orders of a group, and every sale, stand on the margin decision; others on their own.
    """
    age_ns = committed.settings.gate_max_age_ms * NS_PER_MS
    group = committed.groups[order.group_id]
    first = all(each.outcome is None for each in group.orders.values())
    if group.gate is not None and (first or order.side is Side.SELL):
        return group.gate.at_ns + age_ns
    return order.intended_at_ns + age_ns


def _lane_of(tag: str, committed: Account) -> Lane:
    """The share of the budget that a change of an order draws on."""
    group = group_of(committed, tag)
    return group.orders[tag].lane if group is not None else Lane.EXIT


def _is_committed(tag: str, group_id: str, committed: Account) -> bool:
    group = committed.groups.get(group_id)
    return group is not None and tag in group.orders


def _was_sent(tag: str, group_id: str, committed: Account) -> bool:
    """Whether the journal knows what became of an order, or that an earlier process may have sent it."""
    return _is_committed(tag, group_id, committed) and (
        committed.groups[group_id].orders[tag].outcome is not None
    )


async def _answered(request: Coroutine[Any, Any, Reply]) -> Reply:
    """An adapter that breaks has sent, as far as anybody knows."""
    try:
        return await request
    except Exception as error:
        return Reply(Outcome.UNKNOWN, None, f"the adapter failed: {type(error).__name__}: {error}")
