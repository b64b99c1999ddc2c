"""A rehearsal as it is played: the world, the core on top of it, and the judgement at the end."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

import msgspec

from core import __version__
from core.brokers.paper.books import ExchangeBooks
from core.brokers.paper.config import ExchangeConfig, Latencies
from core.brokers.paper.draws import Span
from core.brokers.port import OrderChange, OrderPort, OrderRequest, Reply
from core.domain.account import Account
from core.domain.evolve import fold
from core.domain.facts import JournalOpened, Recorded, SettingsAdopted
from core.domain.groups import GroupPlan
from core.domain.inputs import OperatorCommand, SubmitGroup
from core.domain.lifecycle import RESTING
from core.domain.tags import NONCE_LENGTH, base36
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.engine.engine import ExecutionEngine
from core.engine.publishing import Publisher
from core.engine.snapshot import Snapshot
from core.engine.view_keeper import ViewKeeper
from core.journal.opening import SCHEMA_VERSION
from core.journal.persistence import PersistenceLayer
from core.journal.writing import Batch
from core.market.margin_parameters import built_in_parameters
from core.rehearsal import invariants
from core.rehearsal.invariants import Judge
from core.rehearsal.market_time import MarketTime
from core.rehearsal.preparation import Prepared
from core.rehearsal.report import (
    Report,
    final_state,
    group_report,
    metrics_report,
    violations_report,
)
from core.rehearsal.world import World
from core.risk.worst_case import WorstCaseMarginSimulator

GRACE_NS = 120 * NS_PER_S
"""How long after its length a rehearsal waits for groups that do not rest yet."""


class WrongJournal(ValueError):
    """The journal belongs to another run; the message says which."""


class JudgedPort:
    """The broker's order port with the judge at its door."""

    def __init__(
        self, port: OrderPort, judge: Judge, account: Callable[[], Account], now_ns: Callable[[], int]
    ) -> None:
        self._port = port
        self._judge = judge
        self._account = account
        self._now_ns = now_ns

    async def place(self, request: OrderRequest) -> Reply:
        """Judge the send, then send it."""
        self._judge.place(request, self._account(), self._now_ns())
        return await self._port.place(request)

    async def modify(self, order_id: str, change: OrderChange) -> Reply:
        """Count the send, then send it."""
        self._judge.other_send(self._now_ns())
        return await self._port.modify(order_id, change)

    async def cancel(self, order_id: str) -> Reply:
        """Count the send, then send it."""
        self._judge.other_send(self._now_ns())
        return await self._port.cancel(order_id)


class Rehearsal:
    """Plays a prepared rehearsal over a journal and an exchange's books, on a clock that others drive.

    It is a ``CoreService``: the console watches and steers it. ``paced`` says whether wall-clock figures mean
    anything.
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
    ) -> None:
        rows = list(journal.read())
        account = fold(rows)
        self._prepared = prepared
        self._require_same_run(account, rows)
        self._observe = observe
        self._paced = paced
        self._journal = journal
        self._journal_name = journal_name
        self._restart = bool(rows)
        self._first_commits = len({row.at_ns for row in rows})
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
        self.world = World(
            self.clock,
            prepared.source,
            prepared.calendar,
            config,
            Latencies(request=span, reply=span, frame=span),
            books,
        )
        self.judge = Judge()
        self._keeper = ViewKeeper(
            prepared.source.contracts, prepared.calendar, prepared.source.stale_after_ns
        )
        for group in account.groups.values():
            self._keeper.watch_plan(group.plan)
        port = JudgedPort(self.world.broker, self.judge, lambda: self.engine.account, self.clock.now_ns)
        self.engine = ExecutionEngine(
            self.clock,
            journal,
            port,
            self.world.broker,
            account,
            self._keeper.view,
            hold=self.clock.hold,
            release=self.clock.release,
            strict=False,
            margin_simulator=WorstCaseMarginSimulator(built_in_parameters(), calendar=prepared.calendar),
        )
        self.engine.subscribe(self._take_rows)
        self.publisher = Publisher(
            self.engine,
            mode="PAPER",
            title=scenario.name,
            underlying=prepared.source.underlying,
        )
        if rows:
            self.publisher.take_rows(tuple(rows[-500:]))
            self.engine.metrics.count(rows, account)
            self.judge.commit(tuple(rows))
        self.ended = asyncio.Event()
        self.report: Report | None = None

    def _require_same_run(self, account: Account, rows: list[Recorded]) -> None:
        asked, identity = self._prepared.asked, account.identity
        if not rows:
            return
        for name, was, now in (
            ("seed", str(identity.seed), str(asked.seed)),
            ("scenario", identity.scenario, asked.scenario.name),
            ("market", identity.market, self._prepared.market),
        ):
            if was != now:
                raise WrongJournal(
                    f"this journal is of {name} {was}, not {now}; ask for that, or give a new --journal"
                )

    # CoreService

    def snapshot(self) -> Snapshot:
        """See ``CoreService``."""
        return self.publisher.snapshot()

    def command(self, command: OperatorCommand) -> None:
        """See ``CoreService``."""
        if not self._observe:
            self.engine.post(command)

    def submit(self, plan: GroupPlan, by: str) -> None:
        """See ``CoreService``."""
        if not self._observe:
            self.engine.post(SubmitGroup(plan, by))

    # The run

    async def play(self) -> Report:
        """Play to the end and return the report. The clock is driven by whoever called."""
        began_s = monotonic()
        began_ns = self.clock.now_ns()
        self.clock.hold()
        if not self._restart:
            await self._open()
        self.world.start()
        self.world.listen(self._quoted)
        self.world.broker.listen(self.engine.on_stream)
        self._schedule()
        core = asyncio.create_task(self.engine.run(restart=self._restart), name="core")
        ending = asyncio.create_task(self.ended.wait())
        self.clock.release()
        try:
            await asyncio.wait({core, ending}, return_when=asyncio.FIRST_COMPLETED)
            if core.done():
                core.result()
            self.report = self._judge_end(monotonic() - began_s, began_ns)
            self.publisher.finished = True
            self.publisher.verdict = self.report["verdict"]
            return self.report
        finally:
            ending.cancel()
            core.cancel()
            with suppress(asyncio.CancelledError):
                await core

    async def _open(self) -> None:
        """The first rows: whose journal this is, and the numbers it decides with."""
        asked = self._prepared.asked
        opened = JournalOpened(
            nonce=nonce_of(asked.seed, asked.scenario.name, self._prepared.market),
            schema_version=SCHEMA_VERSION,
            program_version=__version__,
            mode="PAPER",
            market=self._prepared.market,
            scenario=asked.scenario.name,
            seed=asked.seed,
        )
        now_ns = self.clock.now_ns()
        rows = (
            Recorded(1, now_ns, "", opened),
            Recorded(2, now_ns, "", SettingsAdopted(self._prepared.settings)),
        )
        await self._journal.commit(Batch(rows))
        self.engine.account = fold(rows, self.engine.account)
        self._take_rows(rows)
        self.publisher.take_rows(rows)

    def _take_rows(self, rows: tuple[Recorded, ...]) -> None:
        self.judge.commit(rows)
        if self._keeper.watch_rows(rows):
            self.engine.view = self._keeper.refresh()

    def _quoted(self, quotes: object, forwards: object) -> None:
        view = self._keeper.update(self.clock.now_ns(), quotes, forwards)  # type: ignore[arg-type]
        self.engine.on_quotes(view, frozenset(quotes))  # type: ignore[call-overload]

    def _schedule(self) -> None:
        """What people do in this scenario, as far as it lies ahead."""
        now_ns = self.clock.now_ns()
        for submission in self._prepared.submissions:
            if submission.plan.group_id not in self.engine.account.groups:
                self.clock.call_at(submission.at_ns, _posting(self.engine, SubmitGroup(submission.plan)))
        for act in self._prepared.asked.scenario.operator:
            at_ns = self._prepared.start_ns + act.at * NS_PER_MS
            if at_ns >= now_ns:
                command = OperatorCommand(act.action, act.target, "scenario", 0, act.reason)
                self.clock.call_at(at_ns, _posting(self.engine, command))
        self.clock.call_at(max(self._prepared.end_ns, now_ns), self._maybe_end)

    def _maybe_end(self) -> None:
        groups = self.engine.account.groups.values()
        planned = len(self._prepared.submissions)
        rests = len(groups) >= planned and all(group.state in RESTING for group in groups)
        if rests or self.clock.now_ns() >= self._prepared.end_ns + GRACE_NS:
            self.ended.set()
        else:
            self.clock.call_at(self.clock.now_ns() + NS_PER_S, self._maybe_end)

    # The end

    def _judge_end(self, wall_s: float, began_ns: int) -> Report:
        prepared, account = self._prepared, self.engine.account
        asked, now_ns = prepared.asked, self.clock.now_ns()
        self._judge_books(now_ns)
        positions, foreign = self._positions()
        state = final_state(account)
        statements = self._statements(state)
        violations = self.judge.violations
        passed = not violations and all(each["holds"] for each in statements)
        working = sum(1 for order in self.world.exchange.ledger.orders.values() if order.is_working)
        return {
            "scenario": asked.scenario.name,
            "seed": asked.seed,
            "market": prepared.market,
            "simulated_s": round((now_ns - prepared.start_ns) / 1e9, 3),
            "wall_s": round(wall_s, 3),
            "verdict": "PASS" if passed else "FAIL",
            "violations": violations_report(violations, prepared.start_ns),
            "statements": statements,
            "groups": [group_report(group, now_ns) for group in account.groups.values()],
            "metrics": metrics_report(
                self.engine.metrics,
                account,
                now_ns,
                paced=self._paced,
                naked_max=self._naked_max(),
                commits=self.engine.metrics.commits.count,
            ),
            "final": {
                "state": state,
                "positions": positions,
                "foreign": foreign,
                "working_orders": working,
            },
            "journal": self._journal_name,
        }

    def _judge_books(self, now_ns: int) -> None:
        account, ledger = self.engine.account, self.world.exchange.ledger
        rows = list(self._journal.read())
        add = self.judge.add
        add(12, now_ns, invariants.within_budget(self.judge.sends_ns, account))
        tags = [order.tag for order in ledger.orders.values() if order.tag]
        add(2, now_ns, invariants.intended_first(rows, tags, account.identity.nonce))
        trades = [booked.report for booked in ledger.trades]
        add(9, now_ns, invariants.nothing_lost(rows, trades, self._our_order_ids()))
        if fold(rows) != account:
            add(9, now_ns, "folding the journal does not give the account that was live")
        theirs: Counter[str] = Counter()
        for trade in trades:
            if trade.order_id in self._our_order_ids():
                theirs[trade.symbol] += trade.side.sign * trade.units
        add(7, now_ns, invariants.broker_wins(account, dict(theirs)))
        for detail in invariants.at_rest(account):
            add(14, now_ns, detail)
        for detail in invariants.add_up(account):
            add(13, now_ns, detail)

    def _our_order_ids(self) -> set[str]:
        nonce = self.engine.account.identity.nonce
        return {
            order.order_id
            for order in self.world.exchange.ledger.orders.values()
            if order.tag.startswith(nonce)
        }

    def _positions(self) -> tuple[dict[str, int], dict[str, int]]:
        """Our non-zero units by symbol, and everybody else's, by the exchange's trades."""
        ours = self._our_order_ids()
        mine: Counter[str] = Counter()
        others: Counter[str] = Counter()
        for key, holding in self.world.exchange.ledger.holdings.items():
            others[key.symbol] += holding.units
        for booked in self.world.exchange.ledger.trades:
            if booked.report.order_id in ours:
                signed = booked.report.side.sign * booked.report.units
                mine[booked.report.symbol] += signed
                others[booked.report.symbol] -= signed
        return (
            {symbol: units for symbol, units in sorted(mine.items()) if units},
            {symbol: units for symbol, units in sorted(others.items()) if units},
        )

    def _naked_max(self) -> int:
        """The most short units that stood beyond cover and plan after any trade at the exchange."""
        return invariants.naked_most(
            self.engine.account, [booked.report for booked in self.world.exchange.ledger.trades]
        )

    def _statements(self, state: str) -> list[Report]:
        expect, asked = self._prepared.asked.scenario.expect, self._prepared.asked
        wanted = expect.held_final if asked.hold else expect.final
        statements: list[Report] = []
        if wanted is not None and asked.chain is None:
            statements.append({"text": f"at the end the account is {wanted}", "holds": state == wanted})
        if expect.states and not asked.hold:
            states = tuple(group.state.value for group in self.engine.account.groups.values())
            text = f"the groups end {', '.join(expect.states)}"
            statements.append({"text": text, "holds": states == expect.states})
        return statements


def _posting(engine: ExecutionEngine, item: SubmitGroup | OperatorCommand) -> Callable[[], None]:
    return lambda: engine.post(item)


def nonce_of(seed: int, scenario: str, market: str) -> str:
    """The nonce of a rehearsal's journal: the same for the same run, six of ``[A-Z0-9]``."""
    digest = hashlib.sha256(msgspec.json.encode([seed, scenario, market])).digest()
    return base36(int.from_bytes(digest[:8]) % 36**NONCE_LENGTH, NONCE_LENGTH)


def journal_paths(journal: Path) -> tuple[Path, Path]:
    """Where the exchange keeps its books beside a journal, and where the finished report is."""
    return (
        journal.with_name(journal.name + ".exchange"),
        journal.with_name(journal.name + ".report"),
    )
