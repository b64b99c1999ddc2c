"""The judge: stands at the core's door and at the exchange's books, and notes what should never be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from core.brokers.port import OrderChange, OrderRequest, Reply
from core.domain.account import Account
from core.domain.evolve import fold
from core.domain.facts import (
    GateDecided,
    GroupPlanned,
    HoldingClosedByOthers,
    ModifyIntended,
    OrderAnswered,
    OrderIntended,
    OrderProvedAbsent,
    OrderSeen,
    Recorded,
    StateChanged,
)
from core.domain.groups import GroupPlan
from core.domain.instruments import Contract, PositionKey
from core.domain.orders import BookSnapshot, OrderReport, Outcome
from core.domain.tags import group_id_of
from core.domain.timing import NS_PER_S, Clock, to_ist
from core.rehearsal.invariants import ends
from core.rehearsal.invariants.answers import Answers
from core.rehearsal.invariants.busy import Busy
from core.rehearsal.invariants.claims import false_claim
from core.rehearsal.invariants.findings import Findings
from core.rehearsal.invariants.hearing import Hearing
from core.rehearsal.invariants.outgoing import Outgoing
from core.rehearsal.invariants.reconciled import Reconciled
from core.rehearsal.invariants.resting import (
    at_the_end,
    blurred,
    kept_looks,
    known_until_ns,
    never_taken_up,
    shared_overnight,
)
from core.rehearsal.invariants.told import Told
from core.rehearsal.invariants.truth import Truth, within
from core.rehearsal.invariants.violation import Violation

_COMMIT, _SLEEP = "commit", "sleep"
_LEAST_LOOKUPS = 5
_LEAST_SILENCE_NS = 5 * NS_PER_S
_MORNING_NS = 75 * NS_PER_S
"""How long it may take to settle what a night has left open."""


class Judge:
    """Collects violations over a run and over every life of the core; each is reported once.

    ``account`` gives the live account, for what is kept in memory while the journal is failed and for the
    group's state; everything else the judge takes down itself.
    """

    def __init__(
        self, clock: Clock, contracts: Mapping[str, Contract], truth: Truth, account: Callable[[], Account]
    ) -> None:
        self.findings = Findings(clock)
        self.told = Told(contracts)
        self.truth = truth
        self.spoiled: set[str] = set()
        """Groups in whose holdings the world has interfered behind our back."""
        self.affords: Callable[[GroupPlan, Told], str] = lambda plan, told: ""
        """Why a group cannot be afforded beside all that is held or on its way in; ``""`` where it can."""
        self._clock = clock
        self._account = account
        self._followed_seq = 0
        self._died_ns = 0
        self._looks = [(0, clock.now_ns())]
        """When books were read and asked for; of a process that has died, those in ``kept_looks``."""
        self._unseen: list[tuple[int, int]] = []
        """Spans over a night in which no core lived: what traded then was in no book that one has read."""
        self._over: set[str] = set()
        """Tags of orders that were over before such a span: who fills after that, unseen, is nobody's."""
        self._shared: set[PositionKey] = set()
        """Positions in which orders of several groups were out over such a span: see ``shared_overnight``."""
        self.busy = Busy(clock)
        self.answers = Answers(
            clock, account, self.busy, lambda group_id, detail: self.findings.add(8, detail, group_id)
        )
        self.answers.is_unclear = self._is_unclear
        self._reconciled = Reconciled(
            clock,
            account,
            truth,
            self.busy,
            lambda detail: self.findings.add(7, detail),
            self.told.is_unanswered,
        )
        self._outgoing = Outgoing(clock, contracts, account, self.findings, self.told, truth, self.answers)
        self._hearing = Hearing(clock)
        truth.on_accepted = self._really_accepted
        truth.on_uncovered = self._really_uncovered
        truth.on_flip = self._really_flipped

    @property
    def violations(self) -> list[Violation]:
        """What was found so far."""
        return self.findings.violations

    def place(self, request: OrderRequest) -> None:
        """A new order is at the broker's door."""
        self._outgoing.place(request)

    def modify(self, order_id: str, change: OrderChange) -> None:
        """A modification is at the broker's door."""
        self._outgoing.modify(order_id, change)

    def cancel(self, order_id: str) -> None:
        """A request to cancel is at the broker's door."""
        self._outgoing.cancel(order_id)

    # Lives

    def born(self, rows: Iterable[Recorded]) -> None:
        """A process begins with these rows: nothing else is known to it."""
        self._outgoing.diary.begin_again()
        self._hearing.forget()
        self.busy.forget()
        self._reconciled.begin_again()
        self.answers.begin_again()
        now_ns = self._clock.now_ns()
        kept = list(rows)
        account = fold(kept)
        self._looks = kept_looks(kept, self._looks)
        if self._died_ns and to_ist(self._died_ns).date() < to_ist(now_ns).date():
            known_ns = known_until_ns(kept, self._died_ns, self._looks)
            self._over.update(
                tag
                for group in account.groups.values()
                for tag, order in group.orders.items()
                if order.is_terminal
            )
            self._unseen.append((known_ns, now_ns))
            for key, groups in shared_overnight(account, self.truth, self._unseen[-1]).items():
                self._shared.add(key)
                self.spoiled.update(groups)
        self._died_ns = 0
        for row in kept:
            self._note(row)
            if isinstance(row.fact, OrderIntended):
                self._outgoing.diary.committed[row.fact.order.tag] = row.fact.order.purpose
                self._outgoing.weighed.add(row.fact.order.tag)
        self._outgoing.forget_gates()
        self._followed_seq = kept[-1].seq if kept else 0
        self.told.restart(account)
        self.told.lapse(now_ns)

    def _is_unclear(self, group_id: str) -> bool:
        """Whether a short of a group differs, after a night that nobody saw, from what was known of it.

        A row that is missing in the morning is believed after a minute of the session.
        """
        account = self._account()
        group = account.groups[group_id]
        shorts = [group.position_key(index) for index, leg in enumerate(group.legs) if leg.net_units < 0]
        doubts = [account.doubts[key] for key in shorts if self._unseen and key in account.doubts]
        return any(self._clock.now_ns() - doubt.since_ns < _MORNING_NS for doubt in doubts)

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
                self._outgoing.diary.committed[order.tag] = order.purpose
                self._outgoing.weigh_once(order)

    def decided(self, rows: Sequence[Recorded]) -> None:
        """Rows are what the core goes by now: on disk, or in memory while the journal is failed.

        In memory they were decided on all that had come by then, unless a commit of them was tried meanwhile.
        """
        if rows[-1].seq != self._hearing.tried_seq:
            self._hearing.catch_up()
        for row in rows:
            self._follow(row)
            if isinstance(row.fact, OrderIntended) and row.fact.order.tag not in self._outgoing.weighed:
                self._outgoing.weigh_once(row.fact.order)

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
                self._outgoing.denied(tag)
            case StateChanged(group_id, state) if group_id in self.told.groups:
                retired = frozenset(self._outgoing.diary.retired[group_id])
                invariant, detail = false_claim(self.told.groups[group_id], state, retired)
                self.findings.add(invariant, detail, group_id)
            case ModifyIntended():
                self._outgoing.weigh_change(row.fact)
            case _:
                pass

    def _note(self, row: Recorded) -> None:
        if isinstance(row.fact, GroupPlanned):
            self.truth.plans[row.fact.plan.group_id] = row.fact.plan
        self._outgoing.diary.note(row)

    def _absent(self, tag: str) -> None:
        """3: an unanswered send is given up only after it has been looked for long enough."""
        order = self.told.absent(tag)
        if order is None or order.order_id:
            return
        if order.is_past(self._clock.now_ns()):
            return  # its book is gone with its day; the positions have told
        silent_ns = self._clock.now_ns() - order.heard_ns
        if order.missing < _LEAST_LOOKUPS or silent_ns < _LEAST_SILENCE_NS:
            self.findings.add(
                3,
                f"{tag} was called absent after {order.missing} books and {silent_ns / NS_PER_S:.1f} s",
                order.group_id,
            )
        elif self.truth.accepted_ns(tag) > order.missed_ns:
            self.spoiled.add(order.group_id)  # it came to life just then, after all books that were read

    def is_spoiled(self, group_id: str) -> bool:
        """Whether the world has interfered in a group's holdings, or a night has, behind everybody's back."""
        return group_id in self.spoiled or bool(self._unseen)

    def modified(self, order_id: str, change: OrderChange, reply: Reply) -> None:
        """The answer to a modification is handed to the core."""
        self._hearing.take(lambda: self.told.changed(order_id, change, reply))

    # What comes back

    def commit_begins(self, rows: Sequence[Recorded]) -> None:
        """The core has decided and waits for its disk: what comes now cannot change what it will do."""
        self._hearing.begins(rows[-1].seq)
        self.busy.begins(_COMMIT)
        for row in rows:
            match row.fact:
                case GateDecided(group_id, passed) if passed and group_id in self.told.groups:
                    plan = self.told.groups[group_id].plan
                    self._outgoing.passed(group_id, self.affords(plan, self.told))

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
        self._looks.append((now_ns, book.asked_at_ns))
        self.spoiled.update(map(group_id_of, self._left_out(book)))
        for report in book.orders:
            self.told.described(report, now_ns)
        for trade in book.trades:
            self.told.traded(trade)
        self.told.read(book.orders, book.trades, book.asked_at_ns)
        self._reconciled.read(book)
        for group in self.told.groups.values():
            self.answers.watch(group)

    def _left_out(self, book: BookSnapshot) -> Iterator[str]:
        """Orders that no journal knows and that a book of orders older than they are does not show."""
        unknown = {tag for tag in self.truth.tags if tag not in self.told.orders}
        if unknown and self.truth.nonce:
            shown = {tag for report in book.orders for tag in report.tags}
            for tag in unknown - shown:
                if tag.startswith(self.truth.nonce) and self.truth.accepted_ns(tag) < book.asked_at_ns:
                    yield tag

    def _really_accepted(self, tag: str) -> None:
        """An order that comes to life after it was rightly given up: nobody counts on it any more."""
        order = self.told.orders.get(tag)
        if order is None or order.is_over:
            self.spoiled.add(group_id_of(tag))

    def _really_uncovered(self, group_id: str, units: int) -> None:
        """1, on the exchange's own books: only what the world did behind our back may uncover a short."""
        if group_id not in self.spoiled:
            self.findings.add(1, f"{group_id}: {units} short units stand uncovered at the exchange", group_id)

    def _really_flipped(self, group_id: str, detail: str) -> None:
        """4, on the exchange's own books."""
        if group_id not in self.spoiled:
            self.findings.add(4, detail, group_id)

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
        self.findings.add(2, ends.intended_first(rows, self._tags_of_known_days(), self.truth.nonce))
        self.findings.add(9, ends.nothing_lost(rows, self.truth.trades, self._unseen))
        if fold(rows) != account:
            self.findings.add(9, "folding the journal does not give the account that was live")
        self.findings.add(7, ends.broker_wins(account, self.truth.net, self.truth.foreign))
        for group_id, detail in ends.add_up(account, self.spoiled):
            self.findings.add(13, detail, group_id)
        for invariant, group_id, detail in at_the_end(
            account,
            self.truth,
            known_ns,
            rested=rested,
            unclear=blurred(account, self.truth, self._unseen, self._over) | self._shared,
        ):
            self.findings.add(invariant, detail, group_id)
        for invariant, group_id, detail in never_taken_up(account, asked_for):
            self.findings.add(invariant, detail, group_id)

    def _tags_of_known_days(self) -> list[str]:
        """Tags at the broker, but for those sent after a journal's last row on a day that nobody saw end."""
        return [tag for tag in self.truth.tags if not within(self.truth.accepted_ns(tag), self._unseen)]
