"""A rehearsal as it is played: the world, the core on top of it, and the judgement at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic

from core.brokers.paper.books import ExchangeBooks
from core.brokers.paper.config import ExchangeConfig, Latencies
from core.brokers.paper.draws import Span
from core.domain.groups import GroupPlan, MultiLegOrderGroup
from core.domain.inputs import Input, OperatorCommand, SubmitGroup
from core.domain.lifecycle import RESTING
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.engine.engine import ExecutionEngine
from core.engine.engine_service import EngineService
from core.engine.foresight import Foresight
from core.engine.publishing import Publisher
from core.engine.recovery import recover_execution_from_crash
from core.journal.persistence import PersistenceLayer
from core.journal.writing import Batch
from core.rehearsal.boundaries import Boundaries
from core.rehearsal.core_life import CoreLife
from core.rehearsal.downtime import begins_again_ns
from core.rehearsal.faults.at_the_broker import BrokerFaults
from core.rehearsal.faults.at_the_journal import JournalFaults
from core.rehearsal.faults.engine import FaultEngine
from core.rehearsal.faults.in_the_world import WorldFaults
from core.rehearsal.faults.kinds import FaultKind
from core.rehearsal.invariants.affordable import unaffordable
from core.rehearsal.invariants.answers import AT_ONCE_NS
from core.rehearsal.invariants.judge import Judge
from core.rehearsal.invariants.loss_limits import LossLimits
from core.rehearsal.invariants.told import Told
from core.rehearsal.invariants.truth import Truth
from core.rehearsal.journal_identity import first_rows, nonce_of, require_same_run
from core.rehearsal.market_time import MarketTime
from core.rehearsal.person import Person
from core.rehearsal.preparation import Prepared
from core.rehearsal.report import Report
from core.rehearsal.verdict import Evidence, verdict
from core.rehearsal.world import World

GRACE_NS = 120 * NS_PER_S
"""How long after its length a rehearsal waits for groups that do not rest yet."""


class Rehearsal(EngineService):
    """Plays a prepared rehearsal over a journal and an exchange's books, on a clock that others drive.

    It is a ``CoreService``: the console watches and steers it. ``paced`` says whether wall-clock figures mean
    anything. ``reopen`` gives the journal that a core finds which starts again after a crash; without it the
    same one is used. ``deadly`` are numbers of effect boundaries at which the core dies; ``guards_off``,
    ``strict`` and ``rows_max`` are for proving that the invariants notice, and for campaigns.
    """

    def __init__(
        self,
        prepared: Prepared,
        journal: PersistenceLayer,
        books: ExchangeBooks,
        *,
        paced: bool,
        observe: bool = False,
        journal_name: str = "",
        reopen: Callable[[PersistenceLayer], PersistenceLayer] | None = None,
        deadly: frozenset[int] = frozenset(),
        guards_off: frozenset[str] = frozenset(),
        strict: bool = False,
        rows_max: int = 0,
        grace_ns: int = GRACE_NS,
        taken_over: bool = False,
    ) -> None:
        recovered = recover_execution_from_crash(journal)
        rows = recovered.rows
        self._prepared = prepared
        require_same_run(prepared, recovered)
        self._paced = paced
        self._journal = journal
        self._journal_name = journal_name
        self._reopen = reopen
        self._guards_off = guards_off
        self._strict = strict
        self._rows_max = rows_max
        self._grace_ns = grace_ns
        self._new = recovered.is_new
        scenario = prepared.asked.scenario
        last_ns = max([row.at_ns for row in rows[-1:]] + [prepared.start_ns])
        config = ExchangeConfig(
            seed=prepared.asked.seed,
            funds_paise=prepared.funds_paise,
            cash_paise=prepared.funds_paise // 2,
            stale_after_ns=prepared.source.stale_after_ns,
        )
        span = Span(scenario.latency.low * NS_PER_MS, scenario.latency.high * NS_PER_MS)
        exchange_ns = max((record.at_ns for record in books.records()), default=0)
        self.clock = MarketTime(max(last_ns, exchange_ns))
        nonce = nonce_of(prepared.asked.seed, scenario.name, prepared.market)
        self.truth = Truth(books, prepared.source.contracts, nonce)
        self.faults = FaultEngine(prepared.asked.seed, prepared.faults)
        self._at_broker = BrokerFaults(self.faults, self.clock)
        self._disk = JournalFaults(self.faults, self.clock)
        self.world = World(
            self.clock,
            prepared.source,
            prepared.calendar,
            config,
            Latencies(request=span, reply=span, frame=span),
            self.truth,
            self._at_broker,
        )
        self._at_broker.attach(self.world.broker)
        self._at_broker.spoiled = self._order_spoiled
        self.judge = Judge(
            self.clock, prepared.source.contracts, self.truth, lambda: self.life.engine.account
        )
        margin = self.world.exchange.margin
        self._person = Person(lambda: self.engine, self.clock, self.judge, margin) if taken_over else None
        self.judge.answers.is_open = self.world.is_open
        self.judge.answers.within_ns = AT_ONCE_NS
        self.judge.affords = self._affords
        self._loss_limits = LossLimits(
            self.clock,
            lambda: self.life.engine.account,
            lambda: self.life.engine.view,
            self.judge.told,
            self.judge.busy,
            lambda group_id, detail: self.judge.findings.add(8, detail, group_id),
        )
        self._loss_limits.is_alive = lambda: self.life.clock.alive
        self.boundaries = Boundaries(deadly)
        self.life = self._make_life()
        publisher = Publisher(
            self.engine,
            mode="PAPER",
            title=scenario.name,
            underlying=prepared.source.underlying,
        )
        publisher.calendar = prepared.calendar
        foresight = Foresight(
            lambda: self.engine,
            prepared.calendar,
            observe=observe,
            taken=lambda: max((each.plan.number for each in prepared.submissions), default=0),
        )
        super().__init__(lambda: self.engine, publisher, foresight, observe=observe)
        publisher.take_rows(rows[-500:])
        self._running = False
        self.ended = asyncio.Event()
        self._failure: BaseException | None = None
        self.report: Report | None = None

    @property
    def engine(self) -> ExecutionEngine:
        """The engine of the present life."""
        return self.life.engine

    @property
    def journal(self) -> PersistenceLayer:
        """The journal of the present life."""
        return self._journal

    def _make_life(self) -> CoreLife:
        return CoreLife(
            self._prepared,
            self.clock,
            self.world,
            self._journal,
            self.judge,
            self.boundaries,
            self._disk,
            paced=self._paced,
            strict=self._strict,
            guards_off=self._guards_off,
            rows_max=self._rows_max,
            on_death=self._died,
            on_failure=self._failed,
        )

    @property
    def handed_over(self) -> Mapping[str, str]:
        """Groups that a person has taken over at the end, with the causes for which they were in MANUAL."""
        return self._person.handed_over if self._person is not None else {}

    def has_healed(self, group: MultiLegOrderGroup) -> bool:
        """Whether all that had gone wrong for a group was well again long before now.

        A cancel that never takes effect does not heal, nor do other people's trades in what it holds.
        """
        if not self._has_rested() or self.judge.is_spoiled(group.group_id):
            return False
        return not any(order.cancel_asked for order in self.truth.working(group.group_id))

    def _has_rested(self) -> bool:
        """Whether the faults stopped long enough ago for every group to have come to rest."""
        return self.clock.now_ns() >= min(self.faults.until_ns, self._prepared.end_ns) + GRACE_NS

    # The run

    async def play(self) -> Report:
        """Play to the end and return the report. The clock is driven by whoever called."""
        began_s = monotonic()
        self.clock.hold()
        if self._new:
            await self._open()
        self.world.start()
        self._start_faults()
        self._loss_limits.start()
        self._start_life()
        self.clock.call_at(max(self._prepared.end_ns, self.clock.now_ns()), self._maybe_end)
        self.clock.release()
        try:
            await self.ended.wait()
            if self._failure is not None:
                raise self._failure
            self.report = self._judge_end(monotonic() - began_s)
            self.publisher.finished = True
            self.publisher.verdict = self.report["verdict"]
            return self.report
        finally:
            await self.life.stop()

    async def _open(self) -> None:
        """The first rows: whose journal this is, and the numbers it decides with."""
        rows = first_rows(self._prepared, self.truth.nonce, self.clock.now_ns())
        await self._journal.commit(Batch(rows))
        self.life = self._make_life()
        self.publisher.follow(self.engine)
        self.publisher.take_rows(rows)

    # Lives and deaths

    def _start_life(self) -> None:
        self._schedule()
        self.life.start()

    def _died(self) -> None:
        """The process is gone: what it was reads its own diary, some time later."""
        self.judge.died()
        self.faults.count(FaultKind.CRASH)
        death, now_ns = len(self.boundaries.deaths), self.clock.now_ns()
        self.clock.call_at(begins_again_ns(self.faults, self._prepared, death, now_ns), self._start_again)

    def _start_again(self) -> None:
        if self._reopen is not None:
            self._journal = self._reopen(self._journal)
        self.life = self._make_life()
        self.publisher.follow(self.engine)
        self._start_life()

    def _failed(self, error: BaseException) -> None:
        self._failure = error
        self.ended.set()

    def _start_faults(self) -> None:
        if self.faults.kinds:
            WorldFaults(
                self.faults,
                self.clock,
                self.world.broker,
                self._at_broker,
                self._disk,
                self,
                lambda: self.truth.net,
                self._symbol_spoiled,
            ).start()

    def stall(self, until_ns: int) -> bool:
        """See ``Victim``."""
        return self.life.stall(until_ns)

    def doom(self) -> None:
        """See ``Victim``."""
        if self.life.clock.alive:
            self.boundaries.doom()

    def _order_spoiled(self, order_id: str) -> None:
        group_id = self.truth.group_of(order_id)
        if group_id:
            self.judge.spoiled.add(group_id)

    def _symbol_spoiled(self, symbol: str) -> None:
        for submission in self._prepared.submissions:
            if any(leg.contract.symbol == symbol for leg in submission.plan.legs):
                self.judge.spoiled.add(submission.plan.group_id)

    def _affords(self, plan: GroupPlan, told: Told) -> str:
        return unaffordable(
            plan,
            told,
            self.truth,
            self.engine.account,
            self.engine.view,
            self.world.exchange.margin.funds_without_orders(),
            self._prepared,
            self.clock.now_ns(),
        )

    # What people do

    def _schedule(self) -> None:
        """What people do in this scenario, as far as it lies ahead or was not taken up."""
        now_ns, clock = self.clock.now_ns(), self.life.clock
        for submission in self._prepared.submissions:
            if submission.plan.group_id not in self.engine.account.groups:
                clock.call_at(submission.at_ns, _posting(self.engine, SubmitGroup(submission.plan)))
        for act in self._prepared.asked.scenario.operator:
            at_ns = self._prepared.start_ns + act.at * NS_PER_MS
            if at_ns >= now_ns:
                command = OperatorCommand(act.action, act.target, "scenario", 0, act.reason)
                clock.call_at(at_ns, _posting(self.engine, command))

    def _maybe_end(self) -> None:
        if not self.life.clock.alive:  # it is about to start again, and only a living core can be judged
            self.clock.call_at(self.clock.now_ns() + NS_PER_S, self._maybe_end)
            return
        groups = self.engine.account.groups.values()
        planned = len(self._prepared.submissions)
        rests = len(groups) >= planned and all(group.state in RESTING for group in groups)
        if (
            rests and self._books_are_known()
        ) or self.clock.now_ns() >= self._prepared.end_ns + self._grace_ns:
            if self._person is not None and not self._person.is_done(self.world.is_open(self.clock.now_ns())):
                self.clock.call_at(self.clock.now_ns() + NS_PER_S, self._maybe_end)
            else:
                self.ended.set()
        else:
            self.clock.call_at(self.clock.now_ns() + NS_PER_S, self._maybe_end)

    def _books_are_known(self) -> bool:
        """Whether the core has read the books since the exchange's last trade: it cannot know more."""
        trades = self.world.exchange.ledger.trades
        asked_ns = self.engine.books.asked_ns
        return not trades or (asked_ns is not None and asked_ns > trades[-1].report.at_ns)

    # The end

    def _judge_end(self, wall_s: float) -> Report:
        now_ns = self.clock.now_ns()
        self.judge.ended(
            list(self._journal.read()),
            self.engine.account,
            known_ns=self.engine.books.asked_ns or 0,
            asked_for=[each.plan.group_id for each in self._prepared.submissions if each.at_ns < now_ns],
            rested=self._has_rested(),
        )
        orders = self.world.exchange.ledger.orders.values()
        return verdict(
            Evidence(
                prepared=self._prepared,
                account=self.engine.account,
                metrics=self.engine.metrics,
                truth=self.truth,
                fired=self.faults.fired,
                violations=tuple(self.judge.violations),
                working_orders=sum(order.is_working for order in orders),
                now_ns=self.clock.now_ns(),
                wall_s=wall_s,
                paced=self._paced,
                journal_name=self._journal_name,
            )
        )


def _posting(engine: ExecutionEngine, item: Input) -> Callable[[], None]:
    return lambda: engine.post(item)
