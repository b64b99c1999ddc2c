"""Judging a run over the wire by what it left behind: the exchange's own books, and the journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.brokers.paper import statuses
from core.brokers.paper.books import MemoryBooks
from core.brokers.paper.exchange import API
from core.brokers.paper.records import (
    CancelAsked,
    ExchangeRecord,
    OrderAccepted,
    OrderModified,
    OrderTraded,
    RequestRefused,
    StatusChanged,
)
from core.domain.account import Account, Severity
from core.domain.evolve import fold
from core.domain.facts import (
    AlertRaised,
    GateDecided,
    GroupPlanned,
    KillSwitchReset,
    KillSwitchTripped,
    OrderIntended,
    OrderProvedAbsent,
    ProcessStarted,
    Recorded,
    StateChanged,
)
from core.domain.instruments import Contract, PositionKey, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import ChildOrder, OrderType, Purpose
from core.domain.tags import group_id_of, leg_of
from core.domain.timing import NS_PER_S
from core.rehearsal.invariants import ends
from core.rehearsal.invariants.resting import at_the_end, never_taken_up
from core.rehearsal.invariants.truth import Truth
from core.rehearsal.invariants.violation import Violation

TRAVEL_NS = NS_PER_S
"""Market time that a fill's frame and the answer to it may travel, beside the second that is promised."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a run left behind. ``down`` are the stretches of market time in which no core was alive."""

    records: Sequence[ExchangeRecord]
    rows: Sequence[Recorded]
    contracts: Mapping[str, Contract]
    speed: float
    down: Sequence[tuple[int, int]] = ()
    asked_for: Sequence[str] = ()
    """The groups that somebody asked for."""


@dataclass(slots=True)
class _Found:
    """Violations, each once."""

    violations: list[Violation] = field(default_factory=list)

    def add(self, invariant: int, at_ns: int, detail: str, group_id: str = "") -> None:
        if detail and not any((v.invariant, v.detail) == (invariant, detail) for v in self.violations):
            self.violations.append(Violation(invariant, at_ns, detail, group_id))


def judge(left: Left) -> list[Violation]:
    """Every invariant that books and journal can judge; what only the core's door sees is judged there."""
    found = _Found()
    account = fold(left.rows)
    last_ns = max((record.at_ns for record in left.records), default=0)
    replay = _Replay(left, account, found)
    for record in left.records:
        replay.take(record)
    truth = replay.truth
    found.add(2, last_ns, ends.intended_first(left.rows, truth.tags, truth.nonce))
    found.add(9, last_ns, ends.nothing_lost(left.rows, truth.trades))
    found.add(7, last_ns, ends.broker_wins(account, truth.net, truth.foreign))
    for group_id, detail in ends.add_up(account, replay.spoiled):
        found.add(13, last_ns, detail, group_id)
    known_ns = max((row.at_ns for row in left.rows), default=0)
    for invariant, group_id, detail in at_the_end(account, truth, known_ns, rested=True):
        found.add(invariant, last_ns, detail, group_id)
    for invariant, group_id, detail in never_taken_up(account, left.asked_for):
        found.add(invariant, last_ns, detail, group_id)
    replay.require_answers()
    _judge_rows(left.rows, {r.tag: r.at_ns for r in left.records if isinstance(r, OrderAccepted)}, found)
    return found.violations


def replayed(left: Left) -> Truth:
    """The exchange's books taken down once more: what was held, and by whom."""
    replay = _Replay(left, fold(left.rows), _Found())
    for record in left.records:
        replay.take(record)
    return replay.truth


class _Replay:
    """The exchange's records, taken one by one as they happened."""

    def __init__(self, left: Left, account: Account, found: _Found) -> None:
        self._left = left
        self._account = account
        self._found = found
        self.truth = Truth(MemoryBooks(), left.contracts, account.identity.nonce)
        self.truth.plans = {group_id: group.plan for group_id, group in account.groups.items()}
        self.truth.on_uncovered = self._uncovered
        self.spoiled: set[str] = set()
        self._absent_ns = _given_up(left.rows)
        self._status: dict[str, str] = {}
        self._orders: dict[str, OrderAccepted] = {}
        self._buys = {
            row.fact.order.tag
            for row in left.rows
            if isinstance(row.fact, OrderIntended) and _could_answer(row.fact.order)
        }
        """Tags of orders that buy at once: a resting stop answers nothing."""
        self._answers: dict[str, list[int]] = defaultdict(list)
        """When something of a group reached the exchange that could answer uncovered units."""
        self._due: list[tuple[str, int, int]] = []
        """Group, since when, and how many short units stood uncovered."""
        self._held: dict[tuple[str, int], int] = defaultdict(int)
        self._now_ns = 0

    def take(self, record: ExchangeRecord) -> None:
        """The next record."""
        self._now_ns = record.at_ns
        match record:
            case OrderAccepted():
                self._accept(record)
            case StatusChanged():
                self._status[record.order_id] = record.raw_status
            case OrderModified(order_type=OrderType.LIMIT) | CancelAsked():
                self._take_for_answer(record.order_id)
            case RequestRefused(tag=tag) if tag in self._buys:
                self._answers[group_id_of(tag)].append(record.at_ns)
            case OrderTraded() if self._status.get(record.order_id) == statuses.CANCELLED:
                self.spoiled.add(self.truth.group_of(record.order_id))
            case _:
                pass
        self.truth.append([record])
        if isinstance(record, OrderTraded):
            self._hold(record)

    def _accept(self, order: OrderAccepted) -> None:
        self._orders[order.order_id] = order
        if order.placed_by != API:
            self._spoil(order.symbol)
            return
        group_id = group_id_of(order.tag)
        if order.tag in self._buys:
            self._answers[group_id].append(order.at_ns)
        if order.tag in self._absent_ns and order.at_ns >= self._absent_ns[order.tag]:
            self.spoiled.add(group_id)  # nobody counted on it any more
        contract = self._left.contracts[order.symbol]
        if order.units % contract.lot_units or order.units > contract.sliceable_units:
            self._found.add(13, order.at_ns, f"{order.tag}: {order.units} {order.symbol}", group_id)

    def _spoil(self, symbol: str) -> None:
        for group_id, group in self._account.groups.items():
            if any(leg.plan.contract.symbol == symbol for leg in group.legs):
                self.spoiled.add(group_id)

    def _take_for_answer(self, order_id: str) -> None:
        """A purchase was re-priced or released, or is making way for another."""
        group_id, order = self.truth.group_of(order_id), self._orders.get(order_id)
        if group_id and order is not None and order.side is Side.BUY:
            self._answers[group_id].append(self._now_ns)

    def _is_buying(self, group_id: str) -> bool:
        """Whether a purchase of a group, no resting stop, works already."""
        working = self.truth.working(group_id)
        return any(not order.is_stop and self._orders[order.order_id].side is Side.BUY for order in working)

    def _hold(self, trade: OrderTraded) -> None:
        """4 and 5: what a leg holds never turns its sign, and is never more than was planned."""
        group_id = self.truth.group_of(trade.order_id)
        order = self._orders[trade.order_id]
        if not group_id:
            return
        leg = leg_of(order.tag)
        held = self._held[group_id, leg] = self._held[group_id, leg] + order.side.sign * trade.units
        group = self._account.groups.get(group_id)
        if group is None or group_id in self.spoiled or leg >= len(group.plan.legs):
            return
        plan = group.plan.legs[leg]
        if held * plan.side.sign < 0:
            detail = f"{group_id}: {order.symbol} was turned to {held:+d} by {order.tag}"
            self._found.add(4, trade.at_ns, detail, group_id)
        elif abs(held) > group.plan.units(leg):
            detail = f"{group_id}: {held:+d} {order.symbol} are held, {group.plan.units(leg)} were planned"
            self._found.add(5, trade.at_ns, detail, group_id)

    def _uncovered(self, group_id: str, units: int) -> None:
        if units <= self._bought_by_others(group_id):
            return
        if not self._is_buying(group_id):
            self._due.append((group_id, self._now_ns, units))
        if group_id not in self.spoiled:
            detail = f"{group_id}: {units} short units stand uncovered at the exchange"
            self._found.add(1, self._now_ns, detail, group_id)

    def _bought_by_others(self, group_id: str) -> int:
        """The short units of a group that somebody else's trades have closed: they need no cover."""
        plan, closed = self._account.groups[group_id].plan, 0
        for leg in plan.legs:
            contract = leg.contract
            key = PositionKey(contract.exchange, contract.symbol, plan.product)
            short = -min(0, self.truth.held_units(group_id, leg.index))
            closed += min(short, max(0, self.truth.foreign[key]))
        return closed

    def require_answers(self) -> None:
        """8: a purchase, or ``MANUAL`` with its alert, soon after units stood uncovered with a core alive.

        The promised second is the wall's, so it is as many market seconds as the market runs fast.
        """
        patience_ns = int(self._left.speed * NS_PER_S) + TRAVEL_NS
        manual = _handed_over(self._left.rows)
        for group_id, since_ns, units in self._due:
            until_ns = since_ns + patience_ns
            if any(begun < until_ns and ended > since_ns for begun, ended in self._left.down):
                continue
            answers = [*self._answers[group_id], *manual[group_id]]
            if not any(since_ns < at_ns <= until_ns for at_ns in answers):
                detail = f"{group_id}: {units} short units stood uncovered and nothing came"
                self._found.add(8, until_ns, detail, group_id)


def _could_answer(order: ChildOrder) -> bool:
    """Whether an order buys without waiting for a trigger."""
    return order.side is Side.BUY and order.order_type is not OrderType.SL


def _handed_over(rows: Iterable[Recorded]) -> dict[str, list[int]]:
    """When each group was in ``MANUAL`` and a critical alert said so."""
    manual, told = set[str](), defaultdict[str, list[int]](list)
    for row in rows:
        match row.fact:
            case StateChanged(group_id, state):
                (manual.add if state is ExecutionLifecycle.MANUAL else manual.discard)(group_id)
            case AlertRaised(severity=Severity.CRITICAL, group_id=group_id) if group_id in manual:
                told[group_id].append(row.at_ns)
            case _:
                pass
    return told


def _given_up(rows: Iterable[Recorded]) -> dict[str, int]:
    """When each order that went unanswered was called absent, by its tag."""
    return {row.fact.tag: row.at_ns for row in rows if isinstance(row.fact, OrderProvedAbsent)}


def _judge_rows(rows: Iterable[Recorded], accepted_ns: Mapping[str, int], found: _Found) -> None:
    """10 and 11: no entry before this process has passed its gate, none with the kill switch on.

    An order that was at the exchange before its row is one that a dead process has left.
    """
    gated: set[str] = set()
    latched = False
    for row in rows:
        match row.fact:
            case ProcessStarted():
                gated.clear()
            case GroupPlanned(plan):
                gated.discard(plan.group_id)
            case GateDecided(group_id, passed):
                (gated.add if passed else gated.discard)(group_id)
            case KillSwitchTripped():
                latched = True
            case KillSwitchReset():
                latched = False
            case OrderIntended(order) if accepted_ns.get(order.tag, row.at_ns) < row.at_ns:
                pass
            case OrderIntended(order) if order.purpose is Purpose.ENTRY:
                if order.group_id not in gated:
                    found.add(10, row.at_ns, f"{order.tag} before its gate", order.group_id)
                if latched:
                    found.add(11, row.at_ns, f"{order.tag} with the kill switch on", order.group_id)
            case _:
                pass
