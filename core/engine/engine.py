"""``ExecutionEngine``: the loop that turns inputs into facts, facts into rows, and rows into effects.

It drains what has arrived, decides it in order, commits the facts once, and only then performs the effects.
It does not decide while a commit is in flight, so memory never runs ahead of the disk nor an effect ahead of
its fact; only while the journal is failed do risk-reducing effects go first, their facts kept in memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from time import perf_counter_ns

from core.brokers.port import BookPort, OrderPort, StreamDown, StreamFrame, StreamOrder, StreamUp
from core.domain.account import Account
from core.domain.effects import AskMargin, Effect, ReadBooks
from core.domain.exposure import Exposure
from core.domain.facts import Recorded
from core.domain.groups import MultiLegOrderGroup
from core.domain.inputs import (
    AllNews,
    CoreStarted,
    HealthReading,
    Input,
    JournalTrouble,
    MonitorPass,
    OrderNews,
    QuotesMoved,
    WakeUp,
)
from core.domain.quotes import MarketView
from core.domain.timing import NS_PER_MS, NS_PER_S, Clock
from core.engine.blame import blamed
from core.engine.book_reader import BookReader
from core.engine.coordinator import ExecutionCoordinator
from core.engine.mailbox import in_order
from core.engine.metrics import Metrics
from core.engine.stream_hearing import StreamHearing
from core.journal.errors import JournalWriteFailed
from core.journal.persistence import PersistenceLayer
from core.journal.writing import Batch
from core.policy.decide import decide, fail, told
from core.policy.turn import Decision
from core.risk.limits import RiskLimits
from core.risk.worst_case import WorstCase, WorstCaseMarginSimulator

BATCH_ITEMS = 64
BATCH_NS = 2 * NS_PER_MS
JOURNAL_RETRY_NS = NS_PER_S // 4

Hold = Callable[[], None]


def _nothing() -> None:
    """A clock that does not wait for the core has nothing to be told."""


class ExecutionEngine:
    """Owns the account and everything that moves it.

    ``hold`` and ``release`` tell a paced clock that something is being done at this instant, so that market
    time waits for it. ``strict`` raises what a decision raises: a simulation must fail, not go on.
    ``batch_ns`` bounds the wall time of one batch; a simulation that counts commits leaves it unbounded.
    """

    def __init__(
        self,
        clock: Clock,
        journal: PersistenceLayer,
        orders: OrderPort,
        books: BookPort,
        account: Account,
        view: MarketView,
        *,
        hold: Hold = _nothing,
        release: Hold = _nothing,
        strict: bool = False,
        guards_off: frozenset[str] = frozenset(),
        batch_ns: int = BATCH_NS,
        margin_simulator: WorstCaseMarginSimulator | None = None,
        limits: RiskLimits | None = None,
    ) -> None:
        self.clock = clock
        self.account = account
        self.view = view
        self.metrics = Metrics()
        self.version = 0
        self.turns = 0
        """How often something was decided: a core that has stopped is seen by it, whatever the clock does."""
        self.books = BookReader(clock, books, self.post, self._poll_every_ms, self.metrics.funded)
        self.coordinator = ExecutionCoordinator(
            orders,
            self.post,
            margin_simulator=margin_simulator,
            limits=limits,
            clock=clock,
            orders_per_second=account.settings.orders_per_second,
            reserve_per_second=account.settings.reserve_per_second,
            halted=lambda: self.account.kill.tripped,
            handed=lambda order: self.metrics.handed_over(order, self.clock.now_ns()),
        )
        self.stream = StreamHearing(clock.now_ns(), account.settings.alert_stream_silent_ms)
        self._journal = journal
        self._mailbox: deque[Input] = deque()
        self._arrived = asyncio.Event()
        self._hold = hold
        self._release = release
        self._held = False
        self._strict = strict
        self._guards_off = guards_off
        self._batch_ns = batch_ns
        self._wakes: dict[str, int] = {}
        self._alarm_ns = 0
        self._tail: list[Recorded] = []
        self._tail_groups: dict[str, MultiLegOrderGroup] = {}
        self._retry_ns = 0
        self._monitored: tuple[Account, MarketView, int, bool] | None = None
        self._listeners: list[Callable[[tuple[Recorded, ...]], None]] = []
        self._stopping = False
        self._failure = ""
        self._started_ns = clock.now_ns()
        self.loop_lag_ms: Callable[[], int] = lambda: 0
        """The wall-clock lag of the loop, where somebody measures it: a live session, not a rehearsal."""
        self.worst_cases: dict[str, WorstCase] = {}
        self.exposures: Mapping[str, Exposure] = {}

    # What reaches the core

    def post(self, item: Input) -> None:
        """Put something into the mailbox; it is decided in the order of arrival."""
        self._mailbox.append(item)
        if not self._held:
            self._held = True
            self._hold()
        self._arrived.set()

    def on_stream(self, frame: StreamFrame) -> None:
        """A frame of the broker's stream: a hint to act on at once and to check."""
        self.stream.hear(self.clock.now_ns(), up=not isinstance(frame, StreamDown))
        if isinstance(frame, StreamOrder):
            self.post(OrderNews(frame.report))
        if isinstance(frame, StreamOrder | StreamUp | StreamDown):
            self.books.request()

    @property
    def stream_up(self) -> bool:
        """Whether the stream is connected, as far as it has said."""
        return self.stream.is_up

    @property
    def stream_ns(self) -> int | None:
        """When the stream last said anything; ``None`` until its first word."""
        return self.stream.heard_ns

    def on_quotes(self, view: MarketView, symbols: frozenset[str]) -> None:
        """The market has moved: ``view`` is all of it, ``symbols`` what changed."""
        self.view = view
        if any(not group.is_over for group in self.account.groups.values()):
            self.post(QuotesMoved(symbols))

    def subscribe(self, listener: Callable[[tuple[Recorded, ...]], None]) -> None:
        """Call ``listener`` with every batch of rows, after its commit."""
        self._listeners.append(listener)

    # The loop

    async def run(self, *, restart: bool, latched: str = "") -> None:
        """Start, and go on until cancelled. Everything that waits is ended with it."""
        if restart:
            self.coordinator.follow_another()
        self.post(CoreStarted(restart, latched))
        self._mailbox.rotate(1)  # quotes may have come already: nothing is decided before the books are asked
        reading = asyncio.create_task(self.books.run())
        self._watch()
        try:
            while True:
                if not self._mailbox:
                    self._idle()
                    await self._arrived.wait()
                    continue
                await self._turn()
        finally:
            self._stopping = True
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await self.coordinator.close()
            await self.books.close()

    def _idle(self) -> None:
        self._arrived.clear()
        if self._held:
            self._held = False
            self._release()

    async def _turn(self) -> None:
        before = self.account
        self.turns += 1
        items = self._drain()
        decision = self._decide_all(items)
        hasty = "intent-first" in self._guards_off
        if hasty:
            self._perform_all(decision)
        if decision.rows:
            groups = _changed(before, self.account)
            if not await self._commit(decision.rows, groups):
                self.account = before
                again = [item for item in items if not isinstance(item, JournalTrouble)]
                self._mailbox.extendleft(reversed(again))
                self._mailbox.appendleft(JournalTrouble(self._failure))
                return
            self.metrics.count(decision.rows, self.account)
            for listener in self._listeners:
                listener(decision.rows)
        elif self._tail:
            await self._retry()
        self._take_wakes(decision)
        if not hasty:
            self._perform_all(decision)
        if decision.rows:
            self.version += 1
            self.books.hasten()

    def _perform_all(self, decision: Decision) -> None:
        for effect in decision.effects:
            self._perform(effect)

    def _drain(self) -> list[Input]:
        """The next batch, in the order in which it is decided."""
        return in_order(self._mailbox.popleft() for _ in range(min(len(self._mailbox), BATCH_ITEMS)))

    def _decide_all(self, items: list[Input]) -> Decision:
        rows: list[Recorded] = []
        effects: list[Effect] = []
        wakes: dict[str, int] = {}
        now_ns = self.clock.now_ns()
        started = perf_counter_ns()
        for number, item in enumerate(items):
            decision = self._decide(item, now_ns)
            self.account = decision.account
            rows.extend(decision.rows)
            effects.extend(decision.effects)
            wakes.update(decision.wakes)
            self.worst_cases.update(decision.worst_cases)
            if decision.measured is not None:
                self.exposures = decision.measured
                self.metrics.measured(now_ns, decision.measured)
            if perf_counter_ns() - started > self._batch_ns and number + 1 < len(items):
                rest = items[number + 1 :]
                del items[number + 1 :]
                self._mailbox.extendleft(reversed(rest))
                break
        self.metrics.decided(perf_counter_ns() - started, len(items))
        return Decision(self.account, tuple(rows), tuple(effects), wakes)

    def _decide(self, item: Input, now_ns: int) -> Decision:
        account, parts = self.account, self.coordinator.collaborators
        try:
            return decide(account, item, self.view, now_ns, self._guards_off, parts, strict=self._strict)
        except Exception as error:
            if self._strict:
                raise
            if isinstance(item, AllNews):
                return self._decide_all(list(item.items))
            return fail(account, blamed(self.account, item), told(error), self.view, now_ns)

    # The journal

    async def _commit(self, rows: tuple[Recorded, ...], groups: tuple[MultiLegOrderGroup, ...]) -> bool:
        """Make rows durable. In journal-failed mode they join the tail in memory, which counts as done."""
        started = perf_counter_ns()
        if self._tail or self.account.journal_failed:
            self._tail.extend(rows)
            self._tail_groups.update((group.group_id, group) for group in groups)
            await self._retry()
            return True
        try:
            await self._journal.commit(Batch(rows, groups))
        except JournalWriteFailed as error:
            self._failure = str(error)
            return False
        self.metrics.committed(perf_counter_ns() - started)
        return True

    async def _retry(self) -> None:
        now_ns = self.clock.now_ns()
        if now_ns < self._retry_ns:
            return
        self._retry_ns = now_ns + JOURNAL_RETRY_NS
        rows = tuple(self._tail)
        try:
            await self._journal.commit(Batch(rows, tuple(self._tail_groups.values())))
        except JournalWriteFailed:
            return
        self._tail.clear()
        self._tail_groups.clear()
        # First of all: whatever else is decided before it would join a tail that nobody counts as failed.
        self._mailbox.appendleft(JournalTrouble("", len(rows)))

    # Effects and timers

    def _perform(self, effect: Effect) -> None:
        match effect:
            case ReadBooks():
                self.books.request()
            case AskMargin(plan):
                self.books.ask_margin(plan, self.view)
            case _:
                self.coordinator.perform(effect, self.account)

    def _take_wakes(self, decision: Decision) -> None:
        for group_id, at_ns in decision.wakes.items():
            if at_ns:
                self._wakes[group_id] = at_ns
            else:
                self._wakes.pop(group_id, None)
        self._arm()

    def _arm(self) -> None:
        if not self._wakes:
            return
        earliest = max(min(self._wakes.values()), self.clock.now_ns() + 1)
        if not self._alarm_ns or earliest < self._alarm_ns:
            self._alarm_ns = earliest
            self.clock.call_at(earliest, self._alarm)

    def _alarm(self) -> None:
        now_ns = self.clock.now_ns()
        if self._stopping or not self._alarm_ns or now_ns < self._alarm_ns:
            return
        self._alarm_ns = 0
        due = tuple(sorted(name for name, at_ns in self._wakes.items() if at_ns <= now_ns))
        for name in due:
            del self._wakes[name]
        if due:
            self.post(WakeUp(due))
        self._arm()

    def _watch(self) -> None:
        """The 100 ms look: skipped while nothing has changed and the last one is young."""
        if self._stopping:
            return
        now_ns = self.clock.now_ns()
        settings = self.account.settings
        self.clock.call_at(now_ns + settings.monitor_every_ms * NS_PER_MS, self._watch)
        if self.stream.turns_lost(now_ns):
            self.books.request()
        if self._tail:
            self.post(WakeUp(("",)))
        if self._monitored is not None:
            account, view, at_ns, holding = self._monitored
            young = now_ns - at_ns < settings.monitor_reuse_ms * NS_PER_MS
            if account is self.account and young and (not holding or view is self.view):
                return
        holding = any(not g.is_over and g.first_fill_ns for g in self.account.groups.values())
        self._monitored = (self.account, self.view, now_ns, holding)
        self.post(MonitorPass(self._health(now_ns)))

    def _health(self, now_ns: int) -> HealthReading:
        funds = self.books.funds
        read_ns = self.books.read_ns if self.books.read_ns is not None else self._started_ns
        return HealthReading(
            funds_total_paise=funds.total_paise if funds is not None else 0,
            funds_used_paise=funds.used_paise if funds is not None else 0,
            loop_lag_ms=self.loop_lag_ms(),
            stream_up=not self.stream.is_down(),
            stream_silent_ms=self.stream.silent_ms(now_ns),
            books_silent_ms=(now_ns - read_ns) // NS_PER_MS,
        )

    def _poll_every_ms(self) -> int:
        """Sooner while something is in flight or in doubt, and while no stream would tell of a group."""
        settings = self.account.settings
        going = [group for group in self.account.groups.values() if not group.is_over]
        lost = self.stream.is_lost(self.clock.now_ns())
        in_flight = any(not order.is_resting_stop for group in going for order in group.live_orders)
        soon = in_flight or (lost and going) or self.account.doubts
        return settings.poll_in_flight_ms if soon else settings.poll_every_ms


def _changed(before: Account, after: Account) -> tuple[MultiLegOrderGroup, ...]:
    return tuple(
        group for group_id, group in after.groups.items() if before.groups.get(group_id) is not group
    )
