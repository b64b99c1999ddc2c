"""A recorded day of Kite's ticks, with its real outages, through stream, feed and engine to policy."""

from __future__ import annotations

import asyncio
import csv
import gzip
import struct
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from core.brokers.kite.stream import KiteStream
from core.brokers.paper.broker import PaperBroker
from core.brokers.paper.exchange import SimExchange
from core.brokers.port import BookUnavailable
from core.domain.calendar import SessionCalendar
from core.domain.evolve import fold
from core.domain.facts import (
    FillRecorded,
    JournalOpened,
    ModifyIntended,
    OrderIntended,
    Recorded,
    SettingsAdopted,
)
from core.domain.inputs import SubmitGroup
from core.domain.instruments import Contract, InstrumentKind, Right, Side
from core.domain.orders import Purpose
from core.domain.quotes import MarketView, Quote
from core.domain.settings import ExecutionSettings
from core.domain.tags import group_id_for
from core.domain.timing import IST, NS_PER_MS, NS_PER_S
from core.engine.engine import ExecutionEngine
from core.engine.quote_feed import GATHER_NS, QuoteFeed
from core.engine.view_keeper import ViewKeeper
from core.journal.persistence import InlinePersistence
from core.journal.writing import Batch
from core.rehearsal.market_time import MarketTime
from core.rehearsal.sim_loop import run_virtual
from core.strategies.plan import LegRequest, Terms, build_plan
from tests.brokers.kite.support import SESSION

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "kite_ticks"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the recorded ticks are not here"),
]
EXPIRY = date(2025, 10, 14)
INDEX, CALL, PUT = 256265, 10924290, 10932226
HOLE_NS = 150 * NS_PER_S
AROUND_NS = 90 * NS_PER_S
"""Ticks further than this from an outage are left out: nothing is traded there."""
STALE_NS = 3 * NS_PER_S


def option(strike: int, right: Right, token: int) -> Contract:
    symbol = f"NIFTY25O14{strike}{right.value}"
    return Contract(
        symbol, "NFO", "NIFTY", InstrumentKind.OPTION, EXPIRY, strike * 100, right, 75, 5, 1_800, token
    )


LEGS = (option(25_000, Right.CE, CALL), option(25_400, Right.PE, PUT))
TWIN = option(25_000, Right.PE, CALL + 256)
"""Not recorded: quoted by parity from the call and the index, so that there is a forward."""
CONTRACTS = {contract.symbol: contract for contract in (*LEGS, TWIN)}


def recorded(token: int) -> list[tuple[int, int]]:
    (path,) = FOLDER.glob(f"ticks_*_{token}_2025*.csv.gz")
    with gzip.open(path, "rt") as file:
        rows = [
            (datetime.fromisoformat(row["timestamp"]).replace(tzinfo=IST), int(Decimal(row["ltp"]) * 100))
            for row in csv.DictReader(file)
        ]
    return [(int(at.timestamp()) * NS_PER_S + at.microsecond * 1_000, price) for at, price in rows]


def packet(token: int, last: int, units: int = 75) -> bytes:
    head = struct.pack(">16I", token, last, *([0] * 14))
    levels = [(units, last - 5), *[(0, 0)] * 4, (units, last + 5), *[(0, 0)] * 4]
    body = head + b"".join(struct.pack(">IIHH", size, price, 1, 0) for size, price in levels)
    return struct.pack(">HH", 1, len(body)) + body


@dataclass
class Day:
    """What was told of the day, and what the core did in it; ``holes`` are the outages of both options."""

    ticks: dict[int, list[tuple[int, int]]]
    holes: list[tuple[int, int]]
    rows: list[Recorded] = field(default_factory=list)
    asked_in_vain: int = 0

    def age_ns(self, symbol: str, at_ns: int) -> int:
        """How old the newest tick of a symbol was."""
        times = [at for at, _ in self.ticks[next(c.token for c in LEGS if c.symbol == symbol)]]
        return at_ns - times[bisect_right(times, at_ns) - 1]


class Desk:
    """The core over a stream that says what was recorded, and a REST interface that is down throughout."""

    def __init__(self, day: Day, clock: MarketTime) -> None:
        self.day, self.clock = day, clock
        calendar = SessionCalendar()
        self.stream = KiteStream(SESSION, clock, lambda: 0.0)
        self.stream.watch({contract.token: contract.symbol for contract in CONTRACTS.values()})
        keeper = ViewKeeper(CONTRACTS, calendar, STALE_NS)
        self.feed = QuoteFeed(clock, keeper, calendar, self.refuse, BookUnavailable)
        self.stream.on_quote(self.feed.take)
        self.feed.follow_chain(CONTRACTS.values())
        exchange = SimExchange(CONTRACTS, calendar)
        self.broker = PaperBroker(exchange, clock)
        self.feed.listen_first(
            lambda quotes, forwards: self.broker.on_quotes(clock.now_ns(), quotes, forwards)
        )
        journal = InlinePersistence()
        opening = (
            Recorded(1, clock.now_ns(), "", JournalOpened("RECDAY", 1, "", "PAPER", "recorded", "", 0)),
            Recorded(2, clock.now_ns(), "", SettingsAdopted(ExecutionSettings())),
        )
        asyncio.get_running_loop().create_task(journal.commit(Batch(opening)))
        self.engine = ExecutionEngine(
            clock, journal, self.broker, self.broker, fold(opening), self.feed.view,
            hold=clock.hold, release=clock.release, strict=True,
        )  # fmt: skip
        self.engine.subscribe(day.rows.extend)
        self.feed.listen(self.engine.on_quotes)
        self.feed.needed = lambda: [contract.symbol for contract in LEGS]
        self.broker.listen(self.engine.on_stream)
        self._groups = 0

    async def refuse(self, keys: Sequence[str]) -> dict[str, Quote]:
        self.day.asked_in_vain += 1
        raise BookUnavailable("the interface is down")

    def hear(self, token: int, price: int) -> None:
        self.stream.take(packet(token, price))

    def ask_for(self, lots: int, exit_at_ns: int | None) -> None:
        """A long of both options, with time enough to enter across an outage."""
        self._groups += 1
        plan = build_plan(
            "custom",
            [LegRequest(contract, Side.BUY, 1) for contract in LEGS],
            self.engine.view,
            lots=lots,
            group_id=group_id_for(self._groups),
            number=self._groups,
            now_ns=self.clock.now_ns(),
            settings=ExecutionSettings(),
            terms=Terms(exit_at_ns=exit_at_ns, good_for_ns=2_000 * NS_PER_S, max_slippage_bps=2_000),
        )
        plan = replace(plan, loss_limit_paise=10**12, delta_limit_units=10**9)
        self.engine.post(SubmitGroup(plan))


@pytest.fixture(scope="module")
def day() -> Day:
    """Play the day's outages once: before each, one group that is whole and one that is still entering."""
    ticks = {token: recorded(token) for token in (INDEX, CALL, PUT)}
    times = sorted(at for token in (CALL, PUT) for at, _ in ticks[token])
    holes = [(last, following) for last, following in pairwise(times) if following - last > HOLE_NS]
    near = [(last - AROUND_NS, following + 20 * NS_PER_S) for last, following in holes]
    for token in (CALL, PUT):
        ticks[token] = [
            (at, price) for at, price in ticks[token] if any(first <= at <= last for first, last in near)
        ]
    played = Day(ticks, holes)
    clock = MarketTime(near[0][0] - NS_PER_S)

    async def play() -> None:
        desk = Desk(played, clock)
        index = [at for at, _ in played.ticks[INDEX]]
        for token in (CALL, PUT):
            for at_ns, price in played.ticks[token]:
                clock.call_at(at_ns, partial(desk.hear, token, price))
                if token == CALL:
                    spot = played.ticks[INDEX][max(0, bisect_right(index, at_ns) - 1)][1]
                    twin = max(10, price + TWIN.strike_paise - spot) // 5 * 5
                    clock.call_at(at_ns, partial(desk.hear, TWIN.token, twin))
        for last_ns, _ in played.holes:
            clock.call_at(last_ns - 60 * NS_PER_S, partial(desk.ask_for, 1, last_ns + 20 * NS_PER_S))
            clock.call_at(last_ns - 12 * NS_PER_S, partial(desk.ask_for, 80, None))
        tasks = [
            asyncio.create_task(desk.engine.run(restart=False)),
            asyncio.create_task(desk.feed.run()),
        ]
        await clock.sleep_until(near[-1][1] + 5 * NS_PER_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtual(play, clock)
    return played


def entries(day: Day) -> list[tuple[int, str]]:
    """When and in what risk was added: new entry orders, and entry orders that were re-priced."""
    sent = {
        row.fact.order.tag: row.fact.order
        for row in day.rows
        if isinstance(row.fact, OrderIntended) and row.fact.order.purpose is Purpose.ENTRY
    }
    found = [
        (row.at_ns, row.fact.order.symbol)
        for row in day.rows
        if isinstance(row.fact, OrderIntended) and row.fact.order.tag in sent
    ]
    return found + [
        (row.at_ns, sent[row.fact.tag].symbol)
        for row in day.rows
        if isinstance(row.fact, ModifyIntended) and row.fact.tag in sent
    ]


def test_nothing_that_adds_risk_is_sent_on_a_quote_that_is_stale(day: Day) -> None:
    assert len(day.holes) == 4
    assert len(entries(day)) > 4 * len(day.holes)
    for at_ns, symbol in entries(day):
        assert day.age_ns(symbol, at_ns) <= STALE_NS, f"{symbol} at {at_ns}"


def test_entries_stop_in_each_outage_and_go_on_after_it(day: Day) -> None:
    for last_ns, following_ns in day.holes:
        before = [at for at, _ in entries(day) if last_ns - 12 * NS_PER_S <= at <= last_ns + STALE_NS]
        within = [at for at, _ in entries(day) if last_ns + STALE_NS < at < following_ns]
        after = [
            row.at_ns
            for row in day.rows
            if following_ns <= row.at_ns <= following_ns + 20 * NS_PER_S
            and (isinstance(row.fact, FillRecorded) or (row.at_ns, LEGS[0].symbol) in entries(day))
        ]
        assert before, "nothing was being entered: the outage would prove nothing"
        assert not within
        assert after, "an entry that waits goes on with the next quotes"


def test_what_is_closed_in_an_outage_goes_out_and_is_labelled_blind(day: Day) -> None:
    for last_ns, following_ns in day.holes:
        exits = [
            row.fact
            for row in day.rows
            if isinstance(row.fact, OrderIntended)
            and row.fact.order.purpose is Purpose.EXIT
            and last_ns + STALE_NS < row.at_ns < following_ns
        ]
        assert exits
        assert all(exit_.blind for exit_ in exits)
    for row in day.rows:
        if isinstance(row.fact, OrderIntended):
            age_ns = day.age_ns(row.fact.order.symbol, row.at_ns)
            if age_ns > 2 * GATHER_NS:  # a tick that has only just come may not be in the view yet
                assert row.fact.blind is (age_ns > STALE_NS)


def test_a_stale_quote_is_asked_for_by_rest(day: Day) -> None:
    assert day.asked_in_vain >= sum((after - last) // NS_PER_S for last, after in day.holes)


def test_the_view_says_stale_within_its_limit() -> None:
    clock = MarketTime(1_000 * NS_PER_S)
    seen: list[MarketView] = []

    async def play() -> None:
        keeper = ViewKeeper(CONTRACTS, SessionCalendar(), STALE_NS)

        async def never(keys: Sequence[str]) -> dict[str, Quote]:
            raise BookUnavailable("down")

        feed = QuoteFeed(clock, keeper, SessionCalendar(), never, BookUnavailable)
        feed.listen(lambda view, _: seen.append(view))
        feed.take(Quote(LEGS[0].symbol, clock.now_ns(), 95, 75, 105, 75, 100))
        await clock.sleep_until(clock.now_ns() + 50 * NS_PER_MS)

    run_virtual(play, clock)
    at_ns = 1_000 * NS_PER_S
    assert seen[-1].fresh(LEGS[0].symbol, at_ns + STALE_NS) is not None
    assert seen[-1].fresh(LEGS[0].symbol, at_ns + STALE_NS + 1) is None
