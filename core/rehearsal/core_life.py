"""One life of the core, from its start to its end or its death; the world goes on without it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial

from core.brokers.port import StreamFrame, StreamOrder
from core.domain.facts import Recorded
from core.domain.quotes import Quote
from core.domain.timing import NS_PER_S
from core.engine.engine import BATCH_NS, ExecutionEngine
from core.engine.recovery import recover_execution_from_crash
from core.engine.view_keeper import ViewKeeper
from core.journal.persistence import PersistenceLayer
from core.market.margin_parameters import built_in_parameters
from core.rehearsal.boundaries import Boundaries
from core.rehearsal.door import BrokerDoor, JournalDoor
from core.rehearsal.faults.at_the_journal import JournalFaults
from core.rehearsal.invariants.judge import Judge
from core.rehearsal.market_time import MarketTime
from core.rehearsal.preparation import Prepared
from core.rehearsal.sim_loop import LIFE, SimLoop
from core.rehearsal.world import World
from core.risk.worst_case import WorstCaseMarginSimulator

_UNBOUNDED_NS = 1 << 62
_VOLS_EVERY_NS = 5 * NS_PER_S
"""Implying volatilities is the dearest thing a step of the market costs, and they move slowly."""


class RanAway(RuntimeError):
    """A run that writes without end: stopped before it takes the machine with it."""


class LifeClock:
    """The world's clock as one life sees it: what it had asked for dies with it, or waits while it sleeps."""

    def __init__(self, market: MarketTime) -> None:
        self._market = market
        self.now_ns = market.now_ns
        self.alive = True
        self.asleep = False
        self.missed: list[Callable[[], None]] = []

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> None:
        """See ``Clock``."""
        self._market.call_at(at_ns, partial(self._ring, callback))

    def _ring(self, callback: Callable[[], None]) -> None:
        if self.asleep:
            self.missed.append(callback)
        elif self.alive:
            callback()

    async def sleep_until(self, deadline_ns: int) -> None:
        """See ``Clock``."""
        await self._market.sleep_until(deadline_ns)


class CoreLife:
    """The core over a journal, connected to the world through the judge's door.

    ``on_death`` is called once, at the boundary at which it dies; ``on_failure`` when it ends with an error,
    which is ``RanAway`` where its journal would grow beyond ``rows_max`` rows (0: no bound).
    """

    def __init__(
        self,
        prepared: Prepared,
        market: MarketTime,
        world: World,
        journal: PersistenceLayer,
        judge: Judge,
        boundaries: Boundaries,
        disk: JournalFaults,
        *,
        paced: bool,
        strict: bool,
        guards_off: frozenset[str],
        rows_max: int,
        on_death: Callable[[], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        recovered = recover_execution_from_crash(journal)
        account, self.rows = recovered.account, recovered.rows
        source = prepared.source
        self._restart = recovered.is_restart
        self.clock = LifeClock(market)
        self.journal = journal
        self._market = market
        self._world = world
        self._judge = judge
        self._boundaries = boundaries
        self._rows_max = rows_max
        self._on_death = on_death
        self._on_failure = on_failure
        self._task: asyncio.Task[None] | None = None
        self._holds = 0
        self._missed: list[StreamFrame] = []
        self._keeper = ViewKeeper(
            source.contracts, prepared.calendar, source.stale_after_ns, vols_every_ns=_VOLS_EVERY_NS
        )
        for group in account.groups.values():
            self._keeper.watch_plan(group.plan)
        door = BrokerDoor(world.broker, world.broker, self.clock, judge, boundaries, self.die)
        self.engine = ExecutionEngine(
            self.clock,
            JournalDoor(journal, judge, boundaries, self.die, disk),
            door,
            door,
            account,
            self._keeper.view,
            hold=self._hold,
            release=self._release,
            strict=strict,
            guards_off=guards_off,
            batch_ns=BATCH_NS if paced else _UNBOUNDED_NS,
            limits=prepared.asked.limits,
            margin_simulator=WorstCaseMarginSimulator(
                built_in_parameters(),
                calendar=prepared.calendar,
                shocks=prepared.asked.scenario.margin_shocks,
            ),
        )
        if self.rows:
            self.engine.metrics.count(self.rows, account)
        self.engine.subscribe(self._watch_rows)
        judge.born(self.rows)

    def start(self) -> None:
        """Connect to the world and run."""
        self._world.listen(self._quoted)
        self._world.broker.listen(self._framed)
        context = contextvars.copy_context()
        context.run(LIFE.set, self)
        self._task = context.run(asyncio.create_task, self.engine.run(restart=self._restart))
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and self.clock.alive:
            error = task.exception()
            self._on_failure(error or RuntimeError("the core ended by itself"))

    async def stop(self) -> None:
        """End it in order."""
        self.clock.alive = False
        loop = asyncio.get_running_loop()
        if isinstance(loop, SimLoop):
            loop.thaw(self)  # a frozen task could not even be cancelled
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def die(self) -> None:
        """End as a killed process does: nothing of it runs any more, on a virtual loop not even a finally."""
        if not self.clock.alive:
            return
        self.clock.alive = False
        self._world.broker.stream.disconnect()
        loop = asyncio.get_running_loop()
        if isinstance(loop, SimLoop):
            loop.freeze(self)
        elif self._task is not None:
            self._task.cancel()
        while self._holds:
            self._release()
        self._on_death()

    def stall(self, until_ns: int) -> bool:
        """Let nothing of it run until then, as on a machine that sleeps. Only a virtual loop can do that."""
        loop = asyncio.get_running_loop()
        if not isinstance(loop, SimLoop) or not self.clock.alive or self.clock.asleep:
            return False
        self.clock.asleep = True
        self._judge.falls_asleep()
        loop.freeze(self)
        self._market.call_at(until_ns, self._wake)
        return True

    def _wake(self) -> None:
        self.clock.asleep = False
        if not self.clock.alive:
            return
        self._judge.wakes()
        loop = asyncio.get_running_loop()
        if isinstance(loop, SimLoop):
            loop.thaw(self)
        self._world.listen(self._quoted)
        frames, self._missed = self._missed, []
        for frame in frames:
            self._framed(frame)
        missed, self.clock.missed = self.clock.missed, []
        for callback in missed:
            if self.clock.alive:
                callback()

    def _hold(self) -> None:
        self._holds += 1
        self._market.hold()

    def _release(self) -> None:
        if self._holds:
            self._holds -= 1
            self._market.release()

    def _watch_rows(self, rows: tuple[Recorded, ...]) -> None:
        if self._rows_max and rows[-1].seq > self._rows_max:
            raise RanAway(f"it ran away: {rows[-1].seq} rows in one run, {self._rows_max} are plenty")
        self._judge.decided(rows)
        if self._keeper.watch_rows(rows):
            self.engine.view = self._keeper.refresh()

    def _quoted(self, quotes: Mapping[str, Quote], forwards: Mapping[tuple[str, date], float]) -> None:
        if self.clock.alive and not self.clock.asleep:
            view = self._keeper.update(self._market.now_ns(), quotes, forwards)
            self.engine.on_quotes(view, frozenset(quotes))

    def _framed(self, frame: StreamFrame) -> None:
        if self.clock.asleep:
            self._missed.append(frame)
            return
        if isinstance(frame, StreamOrder):
            if self._boundaries.reach("before frame"):
                self.die()
                return
            self._judge.framed(frame.report)
        if self.clock.alive:
            self.engine.on_stream(frame)
