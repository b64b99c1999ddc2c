"""The core of a campaign in a process of its own: it trades a scenario over the wire, judged at its door.

``python -m core.rehearsal.wire.player`` reads a ``Part`` as one JSON object from its standard input, trades
until every group rests, and prints an ``Ending``. It can be killed at any moment and started again.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, SupportsIndex

import httpx
import msgspec

from core.brokers.kite.broker import KiteBroker
from core.brokers.kite.session import KiteSession
from core.brokers.paper.books import MemoryBooks
from core.brokers.port import StreamFrame, StreamOrder
from core.domain.account import Account
from core.domain.evolve import fold
from core.domain.facts import Recorded
from core.domain.groups import GroupPlan
from core.domain.inputs import Input, OperatorCommand, SubmitGroup
from core.domain.instruments import Contract
from core.domain.lifecycle import ENDS, RESTING, ExecutionLifecycle
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.engine.engine import ExecutionEngine
from core.engine.kite_feed import feed_from
from core.engine.live import LiveCore, begin
from core.engine.publishing import Publisher
from core.engine.recovery import recover_execution_from_crash
from core.engine.system_clock import SystemClock
from core.journal.aiosqlite_persistence import AiosqlitePersistence
from core.journal.opening import Synchronous
from core.market.catalogue import read_catalogue
from core.market.margin_parameters import built_in_parameters
from core.rehearsal.boundaries import Boundaries
from core.rehearsal.door import BrokerDoor, JournalDoor
from core.rehearsal.faults.kinds import FaultKind
from core.rehearsal.invariants.judge import Judge
from core.rehearsal.invariants.truth import Truth
from core.rehearsal.invariants.violation import Violation
from core.rehearsal.preparation import Asked, Prepared, prepare
from core.rehearsal.shelf import find_scenario
from core.rehearsal.wire.disk import Disk
from core.rehearsal.wire.held_clock import HeldClock
from core.rehearsal.wire.market_header import HEADER, clock_of
from core.rehearsal.wire.ready import START_PATH, Ready
from core.risk.worst_case import WorstCaseMarginSimulator

OF_OTHERS = frozenset({FaultKind.FOREIGN_ORDER, FaultKind.MANUAL_CLOSE})
_QUIET_NS = 6 * NS_PER_S
"""How long nothing may come back to life before a run counts as over: late fills take some seconds."""
_LISTEN_S, _LISTEN_STEP_S = 5.0, 0.005


class Part(msgspec.Struct, frozen=True):
    """What a player is told: where the exchange is, what is played, and whether its market is to start."""

    ready: Ready
    scenario: str
    seed: int
    speed: float
    journal: str
    violations: str
    """Where violations are written as they are noticed, one JSON object a line."""
    grace_s: int = 120
    """Market seconds after the scenario's end in which groups may still come to rest."""


class Ending(msgspec.Struct, frozen=True):
    """How it ended: the groups' states, and what was done to the disk of the last life."""

    states: dict[str, str]
    orders_sent: int
    hedges: int
    at_ns: int
    faults: dict[str, int] = {}


class ViolationFile(list[Violation]):
    """Keeps violations, and writes each down at once: the process may be killed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def append(self, violation: Violation) -> None:
        """Keep and write."""
        super().append(violation)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(violation) + b"\n")

    def insert(self, index: SupportsIndex, violation: Violation) -> None:
        """Violations are only ever added at the end."""
        raise NotImplementedError

    def extend(self, violations: Iterable[Violation]) -> None:
        """Keep and write each."""
        for violation in violations:
            self.append(violation)


async def play(part: Part) -> Ending:
    """Trade to the end. Raises what the core raises."""
    prepared = prepare(Asked(find_scenario(part.scenario), seed=part.seed))
    journal = await AiosqlitePersistence.open(part.journal, Synchronous.NORMAL, sole_writer=True)
    try:
        ready = part.ready
        session = KiteSession(ready.api_key, ready.access_token, "wire", 1 << 62, ready.rest, ready.stream)
        contracts = await listed(session, prepared)
        begun = journal.last_seq > 0
        clock = (
            await asyncio.to_thread(clock_of, ready.rest, part.speed)
            if begun
            else HeldClock(prepared.start_ns, part.speed)
        )
        kite = KiteBroker(session, clock, random.random, timeout_s=max(2.0, 7 / part.speed))
        try:
            return await _Player(part, prepared, journal, clock, kite, contracts).play()
        finally:
            await kite.aclose()
    finally:
        await journal.close()


async def listed(session: KiteSession, prepared: Prepared) -> dict[str, Contract]:
    """The contracts as the exchange lists them; it does not list freeze quantities, which are our own."""
    kite = KiteBroker(session, SystemClock(), random.random)
    try:
        dump = await kite.rest.instruments()
    finally:
        await kite.aclose()
    freezes = {
        contract.underlying: contract.freeze_units
        for contract in prepared.source.contracts.values()
        if contract.freeze_units is not None
    }
    with tempfile.TemporaryDirectory(prefix="hedgerow-") as folder:
        path = Path(folder) / "instruments.csv"
        path.write_bytes(dump)
        return dict(read_catalogue(path, freezes).contracts)


class _Player:
    """One life of the core over the wire."""

    def __init__(
        self,
        part: Part,
        prepared: Prepared,
        journal: AiosqlitePersistence,
        clock: SystemClock,
        kite: KiteBroker,
        contracts: dict[str, Contract],
    ) -> None:
        self._part = part
        self._prepared = prepared
        self._journal = journal
        self._clock = clock
        self._kite = kite
        self._contracts = contracts
        self._disk = Disk(part.seed, prepared.faults, clock)

    async def play(self) -> Ending:
        """From the journal as it is found to the end of the scenario."""
        recovered = recover_execution_from_crash(self._journal)
        rows = list(recovered.rows)
        settings = self._prepared.settings.for_broker(self._kite.rest.capabilities)
        rows += await begin(
            self._journal,
            rows,
            recovered.account,
            settings,
            mode="LIVE",
            market="kite:wire",
            at_ns=max([self._clock.now_ns(), *(row.at_ns for row in rows[-1:])]),
            draw=secrets.randbelow,
        )
        account = fold(rows)
        core = self._core(rows, account)
        self._schedule(core)
        self._disk.start()
        beside: list[Coroutine[Any, Any, None]] = [self._kite.stream.run(), self._start_market()]
        running = asyncio.create_task(core.run(restart=recovered.is_restart, beside=beside))
        resting = asyncio.create_task(self._until_rest(core.engine))
        try:
            await asyncio.wait({running, resting}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        finally:
            for task in (resting, running):
                task.cancel()
            await asyncio.gather(resting, return_exceptions=True)
            with suppress(asyncio.CancelledError):
                await running
        groups = core.engine.account.groups
        return Ending(
            {group_id: group.state.value for group_id, group in groups.items()},
            core.engine.metrics.orders_sent,
            core.engine.metrics.emergency_hedges,
            self._clock.now_ns(),
            dict(self._disk.fired),
        )

    async def _start_market(self) -> None:
        """Start the market once this core listens to it; a market that runs already runs on."""
        listened_s = 0.0
        while not self._kite.stream.counters.ticks and listened_s < _LISTEN_S:
            await asyncio.sleep(_LISTEN_STEP_S)
            listened_s += _LISTEN_STEP_S
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{self._part.ready.rest}{START_PATH}")
        if isinstance(self._clock, HeldClock):
            self._clock.begin(int(answer.headers[HEADER]))
        await asyncio.get_running_loop().create_future()

    def _core(self, rows: list[Recorded], account: Account) -> LiveCore:
        clock, calendar = self._clock, self._prepared.calendar
        truth = Truth(MemoryBooks(), self._contracts, account.identity.nonce)
        judge = Judge(clock, self._contracts, truth, lambda: engine.account)
        judge.findings.violations = ViolationFile(Path(self._part.violations))
        judge.answers.is_open = calendar.is_open
        # A second of the wall is what is promised; market time runs ahead of it.
        judge.answers.patience_ns = int((self._part.speed - 1) * NS_PER_S)
        nobody = Boundaries()
        door = BrokerDoor(self._kite.rest, self._kite.rest, clock, judge, nobody, lambda: None)
        feed = feed_from(self._kite, clock, self._contracts, calendar, (self._prepared.source.underlying,))
        engine = ExecutionEngine(
            clock,
            JournalDoor(self._journal, judge, nobody, lambda: None, self._disk.faults),
            door,
            door,
            account,
            feed.quotes.view,
            margin_simulator=WorstCaseMarginSimulator(
                built_in_parameters(),
                calendar=calendar,
                shocks=self._prepared.asked.scenario.margin_shocks,
            ),
        )
        engine.subscribe(judge.decided)
        self._kite.stream.listen(_watched(judge, engine))
        publisher = Publisher(engine, mode="LIVE", title="wire", underlying=self._prepared.source.underlying)
        judge.born(rows)
        return LiveCore(clock, engine, feed.quotes, feed.keeper, feed.chains, publisher)

    def _schedule(self, core: LiveCore) -> None:
        """What people do in the scenario, as far as it lies ahead or was not taken up."""
        engine, clock = core.engine, self._clock
        for submission in self._prepared.submissions:
            if submission.plan.group_id not in engine.account.groups:
                plan = as_listed(submission.plan, self._contracts)
                core.chains.also(leg.contract for leg in plan.legs)
                # Over sockets a decision takes longer: a second earlier, the story meets the same group.
                asked_ns = max(submission.at_ns - NS_PER_S, clock.now_ns())
                clock.call_at(asked_ns, partial(self._submit, engine, plan))
        for act in self._prepared.asked.scenario.operator:
            at_ns = self._prepared.start_ns + act.at * NS_PER_MS
            if at_ns >= clock.now_ns():
                command = OperatorCommand(act.action, act.target, "scenario", 0, act.reason)
                clock.call_at(at_ns, _posting(engine, command))

    def _submit(self, engine: ExecutionEngine, plan: GroupPlan) -> None:
        """Ask for a group once all of its legs are quoted: a person who sees no prices asks for nothing."""
        now_ns = self._clock.now_ns()
        if all(engine.view.fresh(leg.contract.symbol, now_ns) is not None for leg in plan.legs):
            engine.post(SubmitGroup(plan))
        else:
            self._clock.call_at(now_ns + NS_PER_S // 4, partial(self._submit, engine, plan))

    async def _until_rest(self, engine: ExecutionEngine) -> None:
        """Return once every group rests and the books were read whole a while after that, or at the last.

        Before the scenario's end only groups that are over count as resting, none where others trade or the
        session ends: what they did last takes two readings to be believed, and expiries settle overnight.
        What the journal could not take yet has to be on disk.
        """
        planned = len(self._prepared.submissions)
        # A life that began late, on a slow machine after the scenario's own end, has its time all the same.
        last_ns = max(self._prepared.end_ns, self._clock.now_ns()) + self._part.grace_s * NS_PER_S
        others = any(rule.kind in OF_OTHERS for rule in self._prepared.faults)
        night = self._prepared.asked.scenario.night_at is not None
        early = frozenset[ExecutionLifecycle]() if others or night else ENDS
        rested_ns = 0
        while (now_ns := self._clock.now_ns()) < last_ns:
            groups = engine.account.groups.values()
            enough = RESTING if now_ns >= self._prepared.end_ns else early
            unwritten = engine.account.journal_failed
            if len(groups) < planned or unwritten or any(group.state not in enough for group in groups):
                rested_ns = 0
            elif not rested_ns:
                rested_ns = now_ns
            elif now_ns > rested_ns + _QUIET_NS and (engine.books.read_ns or 0) > rested_ns + _QUIET_NS:
                return
            else:
                engine.books.request()
            await self._clock.sleep_until(now_ns + NS_PER_S)


def _watched(judge: Judge, engine: ExecutionEngine) -> Callable[[StreamFrame], None]:
    def hear(frame: StreamFrame) -> None:
        if isinstance(frame, StreamOrder):
            judge.framed(frame.report)
        engine.on_stream(frame)

    return hear


def as_listed(plan: GroupPlan, contracts: dict[str, Contract]) -> GroupPlan:
    """The plan on the exchange's own contracts, which have tokens."""
    legs = tuple(replace(leg, contract=contracts[leg.contract.symbol]) for leg in plan.legs)
    return replace(plan, legs=legs)


def _posting(engine: ExecutionEngine, item: Input) -> Callable[[], None]:
    return lambda: engine.post(item)


def main() -> None:
    """Play the part on the standard input."""
    part = msgspec.json.decode(sys.stdin.buffer.read(), type=Part)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(play(part))) + b"\n")


if __name__ == "__main__":
    main()
