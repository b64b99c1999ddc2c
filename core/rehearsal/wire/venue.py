"""A scenario's exchange put together for the wire: its market, its accidents, and its own books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.brokers.paper.books import ExchangeBooks
from core.brokers.paper.config import ExchangeConfig, Latencies
from core.brokers.paper.draws import Span
from core.brokers.paper.exchange import API
from core.brokers.paper.records import ExchangeRecord, OrderAccepted, OrderTraded, PositionSettled
from core.domain.instruments import PositionKey
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.rehearsal.faults.at_the_broker import BrokerFaults
from core.rehearsal.faults.at_the_journal import JournalFaults
from core.rehearsal.faults.engine import FaultEngine, FaultRule
from core.rehearsal.faults.in_the_world import WorldFaults
from core.rehearsal.faults.kinds import FaultKind
from core.rehearsal.market_time import MarketTime
from core.rehearsal.preparation import Prepared
from core.rehearsal.wire.access import Credentials
from core.rehearsal.wire.desk import WitnessedBooks
from core.rehearsal.wire.server import WireExchange
from core.rehearsal.world import World

OF_THE_CORE = frozenset(
    {
        FaultKind.CRASH,
        FaultKind.CLOCK_JUMP,
        FaultKind.DISK_FULL,
        FaultKind.SLOW_JOURNAL,
        FaultKind.FAILING_JOURNAL,
    }
)
"""Faults of the process that trades and of its disk: an exchange cannot play them."""

LEEWAY_S = 0.2
"""Wall seconds by which a fault's time is widened at either end: over sockets nothing is to the instant."""


def at_the_exchange(rules: Iterable[FaultRule], speed: float) -> list[FaultRule]:
    """The faults that an exchange can play, ``speed`` market seconds a wall second."""
    leeway_ns = int(LEEWAY_S * speed * NS_PER_S)
    return [
        replace(rule, from_ns=rule.from_ns - leeway_ns, until_ns=rule.until_ns + leeway_ns)
        for rule in rules
        if rule.kind not in OF_THE_CORE
    ]


class ApiHoldings:
    """``ExchangeBooks`` that keep the signed units traded through the API, by position."""

    def __init__(self, books: ExchangeBooks) -> None:
        self._books = books
        self._api: dict[str, OrderAccepted] = {}
        self.net: Counter[PositionKey] = Counter()
        for record in books.records():
            self._take(record)

    def append(self, records: Sequence[ExchangeRecord]) -> None:
        """See ``ExchangeBooks``."""
        self._books.append(records)
        for record in records:
            self._take(record)

    def records(self) -> Iterator[ExchangeRecord]:
        """See ``ExchangeBooks``."""
        return self._books.records()

    def close(self) -> None:
        """See ``ExchangeBooks``."""
        self._books.close()

    def _take(self, record: ExchangeRecord) -> None:
        match record:
            case OrderAccepted(placed_by=placed_by) if placed_by == API:
                self._api[record.order_id] = record
            case OrderTraded(order_id=order_id) if order_id in self._api:
                order = self._api[order_id]
                key = PositionKey(order.exchange, order.symbol, order.product)
                self.net[key] += order.side.sign * record.units
            case PositionSettled():
                self.net[PositionKey(record.exchange, record.symbol, record.product)] = 0
            case _:
                pass


class _OutOfReach:
    """The process that trades, seen from the exchange: it cannot be hurt from here."""

    def stall(self, until_ns: int) -> bool:
        """See ``Victim``."""
        return False

    def doom(self) -> None:
        """See ``Victim``."""


class Venue:
    """One scenario at one seed, ready to be served. Its clock resumes where its books end."""

    def __init__(
        self,
        prepared: Prepared,
        books: ExchangeBooks,
        credentials: Credentials,
        mint: Callable[[], str],
        speed: float,
    ) -> None:
        self.clock = MarketTime(max([prepared.start_ns, *(record.at_ns for record in books.records())]))
        self._faults = FaultEngine(prepared.asked.seed, at_the_exchange(prepared.faults, speed))
        self._at_broker = BrokerFaults(self._faults, self.clock)
        self._holdings = ApiHoldings(books)
        witnessed = WitnessedBooks(self._holdings)
        span = prepared.asked.scenario.latency
        travel = Span(span.low * NS_PER_MS, span.high * NS_PER_MS)
        self.world = World(
            self.clock,
            prepared.source,
            prepared.calendar,
            ExchangeConfig(
                seed=prepared.asked.seed,
                funds_paise=prepared.funds_paise,
                cash_paise=prepared.funds_paise // 2,
                stale_after_ns=prepared.source.stale_after_ns,
            ),
            Latencies(travel, travel, travel),
            witnessed,
            self._at_broker,
        )
        self._at_broker.attach(self.world.broker)
        self.exchange = WireExchange(self.world, witnessed, self.clock, credentials, mint)

    def begin_faults(self) -> None:
        """Let the accidents that come by themselves begin."""
        if not self._faults.kinds:
            return
        WorldFaults(
            self._faults,
            self.clock,
            self.world.broker,
            self._at_broker,
            JournalFaults(self._faults, self.clock),
            _OutOfReach(),
            lambda: self._holdings.net,
            lambda symbol: None,
        ).start()

    def tally(self) -> Mapping[str, Any]:
        """What the exchange says at its end: the market's time, and how often each fault happened."""
        fired = {kind.value: count for kind, count in sorted(self._faults.fired.items()) if count}
        return {"at_ns": self.clock.now_ns(), "faults": fired}
