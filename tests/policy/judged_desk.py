"""A desk whose every send is judged by what its broker had told by then, with the rehearsals' own checks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.brokers.port import OrderChange, Reply, request_of
from core.domain.account import Account
from core.domain.effects import CancelOrder, ModifyOrder, SendOrder
from core.domain.evolve import evolve, fold, group_of
from core.domain.facts import (
    GateDecided,
    GroupPlanned,
    HoldingClosedByOthers,
    OrderProvedAbsent,
    Recorded,
)
from core.domain.inputs import (
    BooksRead,
    CancelReply,
    CoreStarted,
    Input,
    ModifyReply,
    OrderNews,
    SendReply,
)
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import TERMINAL, BookSnapshot, ChildOrder, OrderStatus, OrderType, Outcome, Purpose
from core.policy.turn import Decision
from core.rehearsal.invariants.sends import SEND_CHECKS, SendSeen
from core.rehearsal.invariants.told import Told
from tests.builders import CONTRACTS, opened, opening
from tests.policy.stop_desk import StopDesk


@dataclass
class JudgedDesk(StopDesk):
    """Tells the judge what the broker tells the core, then judges what the core sends on it.

    ``found`` are the rules that were broken; ``folded`` is the account that the rows alone give.
    """

    told: Told = field(default_factory=lambda: Told({contract.symbol: contract for contract in CONTRACTS}))
    found: list[str] = field(default_factory=list)
    folded: Account = field(default_factory=opened)
    gated: set[str] = field(default_factory=set)
    changes_asked: dict[str, ModifyOrder] = field(default_factory=dict)
    """Modifications that the broker has not answered, by tag."""
    cancels_asked: dict[str, CancelOrder] = field(default_factory=dict)
    """Cancels that the broker has not answered, by tag."""
    gone: set[str] = field(default_factory=set)
    """Sends that never arrived, although nobody was told."""

    # Listening

    def give(self, item: Input) -> Decision:
        self._listen(item)
        return super().give(item)

    def _listen(self, item: Input) -> None:
        match item:
            case SendReply(tag, outcome, order_id):
                self.told.answered(tag, Reply(outcome, order_id), self.now_ns)
            case ModifyReply(tag, outcome):
                asked = self.changes_asked.pop(tag, None)
                if asked is not None:
                    self.told.changed(asked.order_id, _change(asked), Reply(outcome))
            case CancelReply(tag):
                self.cancels_asked.pop(tag, None)
            case OrderNews(report):
                self.told.described(report, self.now_ns)
            case BooksRead(snapshot):
                self._read(snapshot)
            case CoreStarted(restart=True):
                self.told.restart(self.account)
            case _:
                pass

    def _read(self, book: BookSnapshot) -> None:
        for report in book.orders:
            self.told.described(report, self.now_ns)
        for trade in book.trades:
            self.told.traded(trade)
        self.told.read(book.orders, book.trades, book.asked_at_ns)

    # Judging

    def watch(self, before: Account, decision: Decision) -> None:
        for row in decision.rows:
            self._follow(row)
        for effect in decision.effects:
            match effect:
                case SendOrder(order):
                    self._weigh(order, before)
                case ModifyOrder():
                    self.changes_asked[effect.tag] = effect
                    self.told.changing(self.told.orders[effect.tag], effect.units, self.now_ns)
                    order = self.order(effect.tag)
                    if order.purpose is Purpose.ENTRY and self.account.kill.tripped:
                        self.found.append(f"{effect.tag}, an entry, was re-priced after the kill switch")
                case CancelOrder(tag, order_id):
                    self.cancels_asked[tag] = effect
                    self.told.cancelling(order_id)
                    self._still_needed(tag, before)
                case _:
                    pass

    def _follow(self, row: Recorded) -> None:
        self.folded = evolve(self.folded, row)
        match row.fact:
            case GroupPlanned(plan):
                self.told.planned(plan)
            case GateDecided(group_id, passed):
                (self.gated.add if passed else self.gated.discard)(group_id)
            case HoldingClosedByOthers(group_id, leg, units):
                self.told.closed_by_others(group_id, leg, units)
            case OrderProvedAbsent(tag):
                self.told.absent(tag)
            case _:
                pass

    def _weigh(self, order: ChildOrder, before: Account) -> None:
        if order.tag in self.told.orders:
            self.found.append(f"{order.tag} was sent twice")
            return
        told = self.told.sent(request_of(order), self.now_ns)
        if told is None:
            self.found.append(f"{order.tag} belongs to no group")
            return
        seen = SendSeen(
            told,
            order.units,
            self.told.groups[order.group_id],
            order.purpose,
            order.group_id in self.gated,
            self.account.kill.tripped,
            self.view.contracts[order.symbol],
        )
        self.found += [
            f"invariant {number}: {detail}" for number, check in SEND_CHECKS if (detail := check(seen))
        ]
        self._hands_off(order, before)

    def _still_needed(self, tag: str, before: Account) -> None:
        """After the kill switch the stop of a short stays, unless what it stands for is exited or gone."""
        order, group = _order_of(before, tag), self.group()
        if order is None or not order.is_resting_stop or not self.account.kill.tripped:
            return
        held = group.legs[order.leg].held_units
        going = group.copies < group.plan.copies or bool(group.legs[order.leg].retired_at_ns)
        if not going and group.working(order.leg, order.side) <= held:
            self.found.append(f"{tag}, the stop of a short, was cancelled after the kill switch")

    def _hands_off(self, order: ChildOrder, before: Account) -> None:
        """In MANUAL only stops are kept, a fired one is carried through, and a stuck cancel is covered."""
        was, now = before.groups.get(order.group_id), self.account.groups[order.group_id]
        manual = ExecutionLifecycle.MANUAL
        if was is None or was.state is not manual or now.state is not manual:
            return
        covering = order.purpose is Purpose.HEDGE and now.cause is ManualCause.CANCEL_UNCONFIRMED
        fired = bool(now.legs[order.leg].retired_at_ns)
        if order.purpose is not Purpose.STOP and not fired and not covering:
            self.found.append(f"{order.tag}, {order.purpose.value}, was sent for a group in MANUAL")

    def folded_afresh(self) -> Account:
        """What the whole journal gives, from its first row."""
        return fold((*opening(), *self.rows))

    # The broker's side

    def in_flight(self) -> list[ChildOrder]:
        """Sends that the broker has neither taken nor refused, oldest first."""
        return [
            order
            for order in self.sent
            if order.tag not in self.ids
            and order.tag not in self.gone
            and not self.order(order.tag).is_terminal
        ]

    def working(self) -> list[ChildOrder]:
        """Orders that the broker is working, whatever anybody was told."""
        return [
            order
            for order in self.sent
            if order.tag in self.ids and self.book[self.ids[order.tag]].status not in TERMINAL
        ]

    def lose_send(self, order: ChildOrder, *, arrived: bool) -> None:
        """A send goes unanswered, whether the broker has the order or not."""
        if not arrived:
            self.gone.add(order.tag)
        self.lose_reply(order, arrived=arrived)

    def answer_change(self, asked: ModifyOrder, outcome: Outcome, *, carry_out: bool) -> None:
        """Answer one modification; what is over already can only be refused."""
        if self.book[asked.order_id].status in TERMINAL:
            outcome, carry_out = Outcome.REJECTED, False
        if carry_out:
            self._carry_out(asked)
        self.give(ModifyReply(asked.tag, outcome))

    def cancel_wins(self, asked: CancelOrder) -> None:
        """The broker cancels, answers, and the stream tells."""
        row = self.book[asked.order_id]
        if row.status in TERMINAL:
            self.give(CancelReply(asked.tag, Outcome.REJECTED))
            return
        self.book[asked.order_id] = replace(row, status=OrderStatus.CANCELLED, at_ns=self.now_ns)
        self.give(CancelReply(asked.tag, Outcome.CONFIRMED))
        self.give(OrderNews(self.book[asked.order_id]))

    def fill_wins(self, asked: CancelOrder) -> None:
        """The order fills before its cancel arrives."""
        row = self.book[asked.order_id]
        if row.status not in TERMINAL:
            self.fill(self.order(asked.tag))
        self.give(CancelReply(asked.tag, Outcome.REJECTED))

    def restart(self, *, arrived: bool) -> None:
        """The process dies and folds its journal; what was on its way arrives, or never does."""
        for order in self.in_flight():
            if arrived:
                self._book(order)
            else:
                self.gone.add(order.tag)
        self.account = self.folded_afresh()
        self.wakes.clear()
        self.effects.clear()
        self.changes_asked.clear()
        self.cancels_asked.clear()
        self.give(CoreStarted(restart=True))


def _order_of(account: Account, tag: str) -> ChildOrder | None:
    """An order as it stood in an account."""
    group = group_of(account, tag)
    return group.orders[tag] if group is not None else None


def _change(asked: ModifyOrder) -> OrderChange:
    limit = asked.to_limit or not asked.trigger_paise
    kind = OrderType.LIMIT if limit else OrderType.SL
    return OrderChange(kind, asked.units, asked.limit_paise, 0 if limit else asked.trigger_paise)
