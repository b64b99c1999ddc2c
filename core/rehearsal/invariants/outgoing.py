"""What goes out: every send, change and cancel, weighed when it was decided and seen when it left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from core.brokers.port import OrderChange, OrderRequest, request_of
from core.domain.account import Account
from core.domain.facts import ModifyIntended
from core.domain.instruments import Contract, Side
from core.domain.orders import LANES, ChildOrder, Lane, OrderType, Purpose
from core.domain.tags import group_id_of
from core.domain.timing import NS_PER_MS, Clock
from core.rehearsal.invariants.answers import MAKE_WAY_NS, Answers
from core.rehearsal.invariants.diary import Diary
from core.rehearsal.invariants.findings import Findings
from core.rehearsal.invariants.pace import Pace
from core.rehearsal.invariants.protection import (
    cover_taken_away,
    is_stop_of_a_short,
    stop_taken_away,
    stop_weakened,
)
from core.rehearsal.invariants.sends import SEND_CHECKS, SendSeen
from core.rehearsal.invariants.told import Told, ToldOrder
from core.rehearsal.invariants.truth import Truth


class Outgoing:
    """Judges sends by what the broker had told when they were decided, and counts them when they leave."""

    def __init__(
        self,
        clock: Clock,
        contracts: Mapping[str, Contract],
        account: Callable[[], Account],
        findings: Findings,
        told: Told,
        truth: Truth,
        answers: Answers,
    ) -> None:
        self.diary = Diary(account)
        self.weighed: set[str] = set()
        """Tags of orders that were judged, or that a process before this one has sent."""
        self._clock = clock
        self._contracts = contracts
        self._account = account
        self._findings = findings
        self._told = told
        self._truth = truth
        self._answers = answers
        self._placed: set[str] = set()
        self._afforded: dict[str, tuple[int, str]] = {}
        """When a group's margin decision was last passed, and why it should not have been."""
        self._firsts: set[str] = set()
        """Tags of the first orders of groups: they stand on the margin decision alone."""
        self._risky: set[str] = set()
        """Tags of orders that added risk when they were decided."""
        self._changes: defaultdict[str, set[tuple[int, int, int]]] = defaultdict(set)
        """Units, limit and trigger of each modification that was decided, by tag."""
        self._pace = Pace()

    def forget_gates(self) -> None:
        """Nothing that adds risk goes on after a restart before its margin was judged again."""
        self.diary.gated.clear()
        self._afforded.clear()

    def passed(self, group_id: str, unaffordable: str) -> None:
        """A group's margin decision is about to be passed; ``unaffordable`` says why it should not be."""
        self._afforded[group_id] = (self._clock.now_ns(), unaffordable)

    def weigh_once(self, order: ChildOrder) -> None:
        """Judge what is about to be sent; one that is only taken into the diary was judged when it went."""
        if order.purpose is Purpose.HEDGE:
            self._answers.gathers(order.group_id, order.intended_at_ns)
        if self._is_out(order.tag):
            self.weighed.add(order.tag)
        else:
            self._weigh(request_of(order))

    def _is_out(self, tag: str) -> bool:
        """Whether the order was sent before: by this process, or by one that died without writing it down."""
        known = self._told.orders.get(tag)
        return tag in self._placed or (known is not None and bool(known.order_id))

    def denied(self, tag: str) -> None:
        """10: what we hold back ourselves adds risk: an exit or a hedge is never refused here."""
        order = self._told.absent(tag)
        if order is not None and tag not in self._risky:
            self._findings.add(10, f"{tag} adds no risk and was held back", order.group_id)

    def place(self, request: OrderRequest) -> None:
        """A new order is at the broker's door."""
        now_ns = self._clock.now_ns()
        self._told.lapse(now_ns)
        purpose = self.diary.purpose(request.tag)
        self._count(now_ns, LANES[purpose] if purpose is not None else Lane.ENTRY)
        if self._is_out(request.tag):
            self._findings.add(3, f"{request.tag} was sent twice", group_id_of(request.tag))
        self._placed.add(request.tag)
        group_id = group_id_of(request.tag)
        if request.tag not in self.weighed:
            self._weigh(request)
        order = self._told.orders.get(request.tag)
        if order is not None:
            group = self._told.groups[group_id]
            if group.unanswered(but=order) > group.unanswered():
                self._answers.tried(group)
        if request.tag in self._firsts:
            self._findings.add(10, self._first_send(group_id))
        if request.tag not in self.diary.committed and (purpose is None or request.tag in self._risky):
            self._findings.add(2, f"{request.tag} was sent before it was committed", group_id)

    def _weigh(self, request: OrderRequest) -> None:
        """Judge an order by what was known when its commit began; what came meanwhile it could not know."""
        self.weighed.add(request.tag)
        order = self._told.sent(request, self._clock.now_ns())
        if order is None:
            self._findings.add(2, f"{request.tag} belongs to no group")
            return
        seen = self._as_seen(order, request.units)
        if seen.adds_risk:
            self._risky.add(request.tag)
            if len(seen.group.orders) == 1:
                self._firsts.add(request.tag)
        self._check(seen)

    def weigh_change(self, change: ModifyIntended) -> None:
        """Judge a modification by what was known when it was decided, as a send for what it adds."""
        order = self._told.orders.get(change.tag)
        if order is None:
            return
        self._changes[change.tag].add((change.units, change.limit_paise, change.trigger_paise))
        before, was_stop = order.units, is_stop_of_a_short(order, self.diary.purpose(order.tag))
        self._told.changing(order, change.units, self._clock.now_ns())
        if was_stop and change.to_limit:
            self._answers.gathers(order.group_id, self._clock.now_ns())
        seen = self._as_seen(order, change.units, before)
        self._check(seen)
        if seen.adds_risk and self._account().journal_failed:
            self._findings.add(2, f"{order.tag} was enlarged while the journal was failed", order.group_id)
        if was_stop and not change.to_limit and self._keeps_stops(order):
            latest = self._latest_trigger_paise(order)
            weaker = stop_weakened(seen.group, order, change.units, change.trigger_paise, latest)
            self._findings.add(11, weaker, order.group_id)

    def _latest_trigger_paise(self, order: ToldOrder) -> int:
        """The highest trigger that the plan can ask for: by the dearest sale of the leg."""
        plan = self._told.groups[order.group_id].plan
        dearest = self._truth.dearest_sale_paise(order.group_id, order.leg)
        return dearest * plan.stop_premium_bps // 10_000

    def _as_seen(self, order: ToldOrder, units: int, before: int = 0) -> SendSeen:
        return SendSeen(
            order,
            units,
            self._told.groups[order.group_id],
            self.diary.purpose(order.tag),
            order.group_id in self.diary.gated,
            self.diary.latched,
            self._contracts[order.symbol],
            before,
        )

    def _check(self, seen: SendSeen) -> None:
        for number, check in SEND_CHECKS:
            self._findings.add(number, check(seen), seen.order.group_id)

    def _keeps_stops(self, order: ToldOrder) -> bool:
        """Whether a trip that closes nothing is in force, and nothing else closes this leg."""
        return (
            self.diary.latched
            and not self._account().kill.flatten
            and not self._is_closing(order.group_id, order.leg)
        )

    def _first_send(self, group_id: str) -> str:
        """10: the first order of a group follows a margin decision that is young and was right when made."""
        if group_id not in self._afforded:
            return f"{group_id} is sent without a margin decision of this process"
        decided_ns, detail = self._afforded[group_id]
        oldest_ns = self._clock.now_ns() - self._account().settings.gate_max_age_ms * NS_PER_MS
        old = f"{group_id} is sent on a margin decision that is too old" if decided_ns < oldest_ns else ""
        return detail or old

    def modify(self, order_id: str, change: OrderChange) -> None:
        """A modification is at the broker's door."""
        now_ns = self._clock.now_ns()
        order = self._told.asking(order_id, now_ns)
        purpose = self.diary.purpose(order.tag) if order is not None else None
        self._count(now_ns, LANES[purpose] if purpose is not None else Lane.EXIT)
        if order is None:
            return
        if order.awaits_trigger and change.order_type is OrderType.LIMIT:
            self._answers.tried(self._told.groups[order.group_id])
        asked = (change.units, change.limit_paise, change.trigger_paise)
        if asked not in self._changes[order.tag]:
            self._findings.add(2, f"{order.tag} was changed before that was committed", order.group_id)

    def cancel(self, order_id: str) -> None:
        """A request to cancel is at the broker's door."""
        self._count(self._clock.now_ns(), Lane.EXIT)
        order = self._told.orders.get(self._told.tag_of(order_id))
        if order is None:
            return
        group, making_way = self._told.groups[order.group_id], order.cancel_asked
        if not making_way and self._keeps_stops(order):
            if is_stop_of_a_short(order, self.diary.committed.get(order.tag)):
                self._findings.add(11, stop_taken_away(group, order), order.group_id)
            else:
                self._findings.add(11, cover_taken_away(group, order, self._clock.now_ns()), order.group_id)
        self._told.cancelling(order_id)
        if not making_way and order.side is Side.BUY:
            self._answers.tried(group, MAKE_WAY_NS)

    def _is_closing(self, group_id: str, leg: int) -> bool:
        """Whether something else closes the leg: its group is being reduced, or its stop has fired."""
        group = self._account().groups.get(group_id)
        if group is None:
            return False
        return group.copies < group.plan.copies or bool(group.legs[leg].retired_at_ns)

    def _count(self, now_ns: int, lane: Lane) -> None:
        for detail in self._pace.sent(now_ns, lane, self._account().settings):
            self._findings.add(12, detail)
