"""The judge: stands at the core's door and at the exchange's books, and notes what should never be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from core.brokers.port import OrderChange, OrderRequest, Reply
from core.domain.account import Account
from core.domain.evolve import fold
from core.domain.facts import (
    GateDecided,
    GroupPlanned,
    HoldingClosedByOthers,
    KillSwitchReset,
    KillSwitchTripped,
    LegsRetired,
    ModifyIntended,
    OrderAnswered,
    OrderIntended,
    OrderProvedAbsent,
    OrderSeen,
    Recorded,
    StateChanged,
)
from core.domain.groups import GroupPlan
from core.domain.instruments import Contract, Side
from core.domain.orders import (
    LANES,
    BookSnapshot,
    ChildOrder,
    Lane,
    OrderReport,
    OrderType,
    Outcome,
    Purpose,
)
from core.domain.tags import group_id_of
from core.domain.timing import NS_PER_MS, NS_PER_S, Clock, to_ist
from core.rehearsal.invariants import ends
from core.rehearsal.invariants.answers import MAKE_WAY_NS, Answers
from core.rehearsal.invariants.busy import Busy
from core.rehearsal.invariants.claims import false_claim
from core.rehearsal.invariants.hearing import Hearing
from core.rehearsal.invariants.pace import Pace
from core.rehearsal.invariants.protection import (
    cover_taken_away,
    is_stop_of_a_short,
    stop_taken_away,
    stop_weakened,
)
from core.rehearsal.invariants.reconciled import Reconciled
from core.rehearsal.invariants.resting import at_the_end, never_taken_up
from core.rehearsal.invariants.sends import SEND_CHECKS, SendSeen
from core.rehearsal.invariants.told import Told, ToldOrder
from core.rehearsal.invariants.truth import Truth
from core.rehearsal.invariants.violation import Violation

_COMMIT, _SLEEP = "commit", "sleep"
_LEAST_LOOKUPS = 5
_LEAST_SILENCE_NS = 5 * NS_PER_S

_UNJOURNALLED_NS = 15 * NS_PER_S
"""What a process that dies has not read or not written yet is at most this old: a poll and a little more."""


class Judge:
    """Collects violations over a run and over every life of the core; each is reported once.

    ``account`` gives the live account, for what is kept in memory while the journal is failed and for the
    group's state; everything else the judge takes down itself.
    """

    def __init__(
        self, clock: Clock, contracts: Mapping[str, Contract], truth: Truth, account: Callable[[], Account]
    ) -> None:
        self.violations: list[Violation] = []
        self.told = Told(contracts)
        self.truth = truth
        self.spoiled: set[str] = set()
        """Groups in whose holdings the world has interfered behind our back."""
        self.affords: Callable[[GroupPlan, Told], str] = lambda plan, told: ""
        """Why a group cannot be afforded beside all that is held or on its way in; ``""`` where it can."""
        self._clock = clock
        self._contracts = contracts
        self._account = account
        self._seen: set[tuple[int, str]] = set()
        self._placed: set[str] = set()
        self._weighed: set[str] = set()
        self._followed_seq = 0
        self._committed: dict[str, Purpose] = {}
        self._gated: set[str] = set()
        self._afforded: dict[str, tuple[int, str]] = {}
        """When a group's margin decision was last passed, and why it should not have been."""
        self._firsts: set[str] = set()
        """Tags of the first orders of groups: they stand on the margin decision alone."""
        self._risky: set[str] = set()
        """Tags of orders that added risk when they were decided."""
        self._retired: defaultdict[str, set[int]] = defaultdict(set)
        """Legs that a stop took out of their plan, by group."""
        self._changes: defaultdict[str, set[tuple[int, int, int]]] = defaultdict(set)
        """Units, limit and trigger of each modification that was decided, by tag."""
        self._latched = False
        self._died_ns = 0
        self._over: set[str] = set()
        """Tags of orders that were over before such a span: who fills after that, unseen, is nobody's."""
        self._unseen: list[tuple[int, int]] = []
        """Spans over a night in which no core lived: what traded then was in no book that one has read."""
        self._pace = Pace()
        self.busy = Busy(clock)
        self.answers = Answers(
            clock, account, self.busy, lambda group_id, detail: self.add(8, detail, group_id)
        )
        self._reconciled = Reconciled(clock, account, truth, self.busy, lambda detail: self.add(7, detail))
        self._hearing = Hearing(clock)
        truth.on_accepted = self._really_accepted
        truth.on_uncovered = self._really_uncovered
        truth.on_flip = self._really_flipped

    # Lives

    def born(self, rows: Iterable[Recorded]) -> None:
        """A process begins with these rows: nothing else is known to it."""
        self._gated.clear()
        self._latched = False
        self._hearing.forget()
        self.busy.forget()
        self._reconciled.begin_again()
        self.answers.begin_again()
        now_ns = self._clock.now_ns()
        kept = list(rows)
        if self._died_ns and to_ist(self._died_ns).date() < to_ist(now_ns).date():
            written_ns = kept[-1].at_ns if kept else 0
            self._over.update(
                tag
                for group in fold(kept).groups.values()
                for tag, order in group.orders.items()
                if order.is_terminal
            )
            self._unseen.append((min(written_ns, self._died_ns - _UNJOURNALLED_NS), now_ns))
        self._died_ns = 0
        for row in kept:
            self._note(row)
            if isinstance(row.fact, OrderIntended):
                self._committed[row.fact.order.tag] = row.fact.order.purpose
                self._weighed.add(row.fact.order.tag)
        # Nothing that adds risk goes on after a restart before its margin was judged again.
        self._gated.clear()
        self._afforded.clear()
        self._followed_seq = kept[-1].seq if kept else 0
        self.told.restart(fold(kept))
        self.told.lapse(now_ns)

    def died(self) -> None:
        """The process is gone: nothing can be asked of it until the next begins."""
        self.answers.stop()
        self._died_ns = self._clock.now_ns()

    def committed(self, rows: Iterable[Recorded]) -> None:
        """Rows are on disk: their orders may be sent."""
        for row in rows:
            self._follow(row)
            if isinstance(row.fact, OrderIntended):
                order = row.fact.order
                self._committed[order.tag] = order.purpose
                self._weigh_once(order)

    def decided(self, rows: Sequence[Recorded]) -> None:
        """Rows are what the core goes by now: on disk, or in memory while the journal is failed.

        In memory they were decided on all that had come by then, unless a commit of them was tried meanwhile.
        """
        if rows[-1].seq != self._hearing.tried_seq:
            self._hearing.catch_up()
        for row in rows:
            self._follow(row)
            if isinstance(row.fact, OrderIntended) and row.fact.order.tag not in self._weighed:
                self._weigh_once(row.fact.order)

    def _weigh_once(self, order: ChildOrder) -> None:
        """Judge what is about to be sent; one that is only taken into the diary was judged when it went."""
        if self._is_out(order.tag):
            self._weighed.add(order.tag)
        else:
            self._weigh(_request(order))

    def _is_out(self, tag: str) -> bool:
        """Whether the order was sent before: by this process, or by one that died without writing it down."""
        known = self.told.orders.get(tag)
        return tag in self._placed or (known is not None and bool(known.order_id))

    def _follow(self, row: Recorded) -> None:
        """Take over, once, what a row says about groups and orders beyond what the broker tells."""
        if row.seq <= self._followed_seq:
            return
        self._followed_seq = row.seq
        self._note(row)
        match row.fact:
            case GroupPlanned(plan):
                if plan.group_id not in self.told.groups:
                    self.told.planned(plan)
            case HoldingClosedByOthers(group_id, leg, units):
                self.told.closed_by_others(group_id, leg, units)
            case OrderSeen(tag=tag, filled_units=filled) if self._unseen:
                self.told.filled_unseen(tag, filled, self._clock.now_ns())
            case OrderProvedAbsent(tag):
                self._absent(tag)
            case OrderAnswered(tag, Outcome.DENIED):
                self._denied(tag)
            case StateChanged(group_id, state) if group_id in self.told.groups:
                retired = frozenset(self._retired[group_id])
                invariant, detail = false_claim(self.told.groups[group_id], state, retired)
                self._add_found(invariant, detail, group_id)
            case ModifyIntended():
                self._weigh_change(row.fact)
            case _:
                pass

    def _note(self, row: Recorded) -> None:
        match row.fact:
            case GroupPlanned(plan):
                self._plan(plan)
            case GateDecided(group_id, passed):
                (self._gated.add if passed else self._gated.discard)(group_id)
            case LegsRetired(group_id, legs):
                self._retired[group_id].update(legs)
            case KillSwitchTripped():
                self._latched = True
            case KillSwitchReset():
                self._latched = False
            case _:
                pass

    def _plan(self, plan: GroupPlan) -> None:
        self.truth.plans[plan.group_id] = plan

    def _denied(self, tag: str) -> None:
        """10: what we hold back ourselves adds risk: an exit or a hedge is never refused here."""
        order = self.told.absent(tag)
        if order is not None and tag not in self._risky:
            self.add(10, f"{tag} adds no risk and was held back", order.group_id)

    def _absent(self, tag: str) -> None:
        """3: an unanswered send is given up only after it has been looked for long enough."""
        order = self.told.absent(tag)
        if order is None or order.order_id:
            return
        if to_ist(order.sent_ns).date() < to_ist(self._clock.now_ns()).date():
            return  # its book is gone with its day; the positions have told
        silent_ns = self._clock.now_ns() - order.heard_ns
        if order.missing < _LEAST_LOOKUPS or silent_ns < _LEAST_SILENCE_NS:
            self.add(
                3,
                f"{tag} was called absent after {order.missing} books and {silent_ns / NS_PER_S:.1f} s",
                order.group_id,
            )

    def is_spoiled(self, group_id: str) -> bool:
        """Whether the world has interfered in a group's holdings, or a night has, behind everybody's back."""
        return group_id in self.spoiled or bool(self._unseen)

    # What goes out

    def place(self, request: OrderRequest) -> None:
        """A new order is at the broker's door."""
        now_ns = self._clock.now_ns()
        self.told.lapse(now_ns)
        purpose = self._purpose(request.tag)
        self._count(now_ns, LANES[purpose] if purpose is not None else Lane.ENTRY)
        if self._is_out(request.tag):
            self.add(3, f"{request.tag} was sent twice", group_id_of(request.tag))
        self._placed.add(request.tag)
        group_id = group_id_of(request.tag)
        if request.tag not in self._weighed:
            self._weigh(request)
        order = self.told.orders.get(request.tag)
        if order is not None:
            group = self.told.groups[group_id]
            if group.unanswered(but=order) > group.unanswered():
                self.answers.tried(group)
        if request.tag in self._firsts:
            self._add_found(10, self._first_send(group_id))
        if request.tag not in self._committed and (purpose is None or request.tag in self._risky):
            self.add(2, f"{request.tag} was sent before it was committed", group_id)

    def _weigh(self, request: OrderRequest) -> None:
        """Judge an order by what was known when its commit began; what came meanwhile it could not know."""
        self._weighed.add(request.tag)
        order = self.told.sent(request, self._clock.now_ns())
        if order is None:
            self.add(2, f"{request.tag} belongs to no group")
            return
        seen = self._as_seen(order, request.units)
        if seen.adds_risk:
            self._risky.add(request.tag)
            if len(seen.group.orders) == 1:
                self._firsts.add(request.tag)
        self._check(seen)

    def _weigh_change(self, change: ModifyIntended) -> None:
        """Judge a modification by what was known when it was decided, as a send for what it adds."""
        order = self.told.orders.get(change.tag)
        if order is None:
            return
        self._changes[change.tag].add((change.units, change.limit_paise, change.trigger_paise))
        before, was_stop = order.units, is_stop_of_a_short(order, self._purpose(order.tag))
        self.told.changing(order, change.units, self._clock.now_ns())
        seen = self._as_seen(order, change.units, before)
        self._check(seen)
        if seen.adds_risk and self._account().journal_failed:
            self.add(2, f"{order.tag} was enlarged while the journal was failed", order.group_id)
        if was_stop and not change.to_limit and self._keeps_stops(order):
            latest = self._latest_trigger_paise(order)
            weaker = stop_weakened(seen.group, order, change.units, change.trigger_paise, latest)
            self._add_found(11, weaker, order.group_id)

    def _latest_trigger_paise(self, order: ToldOrder) -> int:
        """The highest trigger that the plan can ask for: by the dearest sale of the leg."""
        plan = self.told.groups[order.group_id].plan
        dearest = self.truth.dearest_sale_paise(order.group_id, order.leg)
        return dearest * plan.stop_premium_bps // 10_000

    def _as_seen(self, order: ToldOrder, units: int, before: int = 0) -> SendSeen:
        return SendSeen(
            order,
            units,
            self.told.groups[order.group_id],
            self._purpose(order.tag),
            order.group_id in self._gated,
            self._latched,
            self._contracts[order.symbol],
            before,
        )

    def _check(self, seen: SendSeen) -> None:
        for number, check in SEND_CHECKS:
            self._add_found(number, check(seen), seen.order.group_id)

    def _keeps_stops(self, order: ToldOrder) -> bool:
        """Whether a trip that closes nothing is in force, and nothing else closes this leg."""
        return (
            self._latched
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

    def _purpose(self, tag: str) -> Purpose | None:
        """Why the order exists: as committed, or as kept in memory while the journal is failed."""
        known = self._committed.get(tag)
        if known is not None:
            return known
        account = self._account()
        group = account.groups.get(group_id_of(tag))
        order = group.orders.get(tag) if group is not None and account.journal_failed else None
        return order.purpose if order is not None else None

    def modify(self, order_id: str, change: OrderChange) -> None:
        """A modification is at the broker's door."""
        now_ns = self._clock.now_ns()
        order = self.told.asking(order_id, now_ns)
        purpose = self._purpose(order.tag) if order is not None else None
        self._count(now_ns, LANES[purpose] if purpose is not None else Lane.EXIT)
        if order is None:
            return
        if order.awaits_trigger and change.order_type is OrderType.LIMIT:
            self.answers.tried(self.told.groups[order.group_id])
        asked = (change.units, change.limit_paise, change.trigger_paise)
        if asked not in self._changes[order.tag]:
            self.add(2, f"{order.tag} was changed before that was committed", order.group_id)

    def modified(self, order_id: str, change: OrderChange, reply: Reply) -> None:
        """The answer to a modification is handed to the core."""
        self._hearing.take(lambda: self.told.changed(order_id, change, reply))

    def cancel(self, order_id: str) -> None:
        """A request to cancel is at the broker's door."""
        self._count(self._clock.now_ns(), Lane.EXIT)
        order = self.told.orders.get(self.told.tag_of(order_id))
        if order is None:
            return
        group, making_way = self.told.groups[order.group_id], order.cancel_asked
        if not making_way and self._keeps_stops(order):
            if is_stop_of_a_short(order, self._committed.get(order.tag)):
                self._add_found(11, stop_taken_away(group, order), order.group_id)
            else:
                self._add_found(11, cover_taken_away(group, order, self._clock.now_ns()), order.group_id)
        self.told.cancelling(order_id)
        if not making_way and order.side is Side.BUY:
            self.answers.tried(group, MAKE_WAY_NS)

    def _is_closing(self, group_id: str, leg: int) -> bool:
        """Whether something else closes the leg: its group is being reduced, or its stop has fired."""
        group = self._account().groups.get(group_id)
        if group is None:
            return False
        return group.copies < group.plan.copies or bool(group.legs[leg].retired_at_ns)

    def _count(self, now_ns: int, lane: Lane) -> None:
        for detail in self._pace.sent(now_ns, lane, self._account().settings):
            self.add(12, detail)

    # What comes back

    def commit_begins(self, rows: Sequence[Recorded]) -> None:
        """The core has decided and waits for its disk: what comes now cannot change what it will do."""
        self._hearing.begins(rows[-1].seq)
        self.busy.begins(_COMMIT)
        for row in rows:
            match row.fact:
                case GateDecided(group_id, passed) if passed and group_id in self.told.groups:
                    plan = self.told.groups[group_id].plan
                    self._afforded[group_id] = (self._clock.now_ns(), self.affords(plan, self.told))

    def commit_ends(self) -> None:
        """The sends of this commit go out at this very instant; then what came meanwhile counts."""
        self.busy.ends(_COMMIT)
        self._hearing.ends()

    def commit_fails(self) -> None:
        """The first failure has the core decide again, on all that came; later ones keep a tail waiting."""
        self.busy.ends(_COMMIT)
        if self._account().journal_failed:
            self._hearing.ends()
        else:
            self._hearing.catch_up()

    def falls_asleep(self) -> None:
        """Nothing of the core runs any more, until it wakes."""
        self.busy.begins(_SLEEP)

    def wakes(self) -> None:
        """The core runs again."""
        self.busy.ends(_SLEEP)

    def replied(self, tag: str, reply: Reply) -> None:
        """The answer to a send is handed to the core."""
        self._hearing.take(lambda: self.told.answered(tag, reply, self._clock.now_ns()))

    def framed(self, report: OrderReport) -> None:
        """An order frame is handed to the core."""
        self._hearing.take(lambda: self._framed(report))

    def _framed(self, report: OrderReport) -> None:
        if self._died_ns:
            return  # who has died at this very frame hears no more of it
        order = self.told.described(report, self._clock.now_ns())
        if order is not None:
            self.answers.watch(self.told.groups[order.group_id])

    def read(self, book: BookSnapshot) -> None:
        """Whole books are handed to the core."""
        self._hearing.take(lambda: self._read(book), rank=1)

    def _read(self, book: BookSnapshot) -> None:
        if self._died_ns:
            return
        now_ns = self._clock.now_ns()
        for report in book.orders:
            self.told.described(report, now_ns)
        for trade in book.trades:
            self.told.traded(trade)
        self.told.read(book.orders, book.trades, book.asked_at_ns)
        self._reconciled.read(book)
        for group in self.told.groups.values():
            self.answers.watch(group)

    def _really_accepted(self, tag: str) -> None:
        """An order that comes to life after it was rightly given up: nobody counts on it any more."""
        order = self.told.orders.get(tag)
        if order is None or order.is_over:
            self.spoiled.add(group_id_of(tag))

    def _really_uncovered(self, group_id: str, units: int) -> None:
        """1, on the exchange's own books: only what the world did behind our back may uncover a short."""
        if group_id not in self.spoiled:
            self.add(1, f"{group_id}: {units} short units stand uncovered at the exchange", group_id)

    def _really_flipped(self, group_id: str, detail: str) -> None:
        """4, on the exchange's own books."""
        if group_id not in self.spoiled:
            self.add(4, detail, group_id)

    # The end

    def ended(
        self,
        rows: list[Recorded],
        account: Account,
        *,
        known_ns: int,
        asked_for: Iterable[str] = (),
        rested: bool = True,
    ) -> None:
        """Judge the run as a whole.

        ``known_ns`` is when the books were asked for that the core has read last, ``asked_for`` names the
        groups that somebody asked for, and ``rested`` is whether the faults stopped long enough ago for 14.
        """
        self._add_found(2, ends.intended_first(rows, self._tags_of_known_days(), self.truth.nonce))
        self._add_found(9, ends.nothing_lost(rows, self.truth.trades, self._unseen))
        if fold(rows) != account:
            self.add(9, "folding the journal does not give the account that was live")
        self._add_found(7, ends.broker_wins(account, self.truth.net, self.truth.foreign))
        for group_id, detail in ends.add_up(account, self.spoiled):
            self.add(13, detail, group_id)
        for invariant, group_id, detail in at_the_end(
            account, self.truth, known_ns, rested=rested, unseen=self._unseen, over=self._over
        ):
            self.add(invariant, detail, group_id)
        for invariant, group_id, detail in never_taken_up(account, asked_for):
            self.add(invariant, detail, group_id)

    def _tags_of_known_days(self) -> list[str]:
        """Tags at the broker, but for those sent after a journal's last row on a day that nobody saw end."""
        spans = self._unseen
        return [
            tag
            for tag in self.truth.tags
            if not any(from_ns <= self.truth.accepted_ns(tag) <= until_ns for from_ns, until_ns in spans)
        ]

    def _add_found(self, invariant: int, detail: str, group_id: str = "") -> None:
        if detail:
            self.add(invariant, detail, group_id)

    def add(self, invariant: int, detail: str, group_id: str = "") -> None:
        """Note a violation, once."""
        if (invariant, detail) not in self._seen:
            self._seen.add((invariant, detail))
            self.violations.append(Violation(invariant, self._clock.now_ns(), detail, group_id))


def _request(order: ChildOrder) -> OrderRequest:
    return OrderRequest(
        order.tag,
        order.symbol,
        order.exchange,
        order.product,
        order.side,
        order.units,
        order.order_type,
        order.limit_paise,
        order.trigger_paise,
    )
