"""The world of a rehearsal: a market and an exchange that go on whatever the core does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial

from core.brokers.paper.books import ExchangeBooks
from core.brokers.paper.broker import PaperBroker
from core.brokers.paper.config import ExchangeConfig, Latencies
from core.brokers.paper.exchange import SimExchange
from core.brokers.paper.faults import Faults
from core.domain.calendar import Session, SessionCalendar
from core.domain.quotes import Quote
from core.domain.timing import NS_PER_S, Clock
from core.market.source import MarketSource

_BOOKS_READY_NS = 30 * NS_PER_S
"""How long before the open a broker's new, empty books are there."""

Listener = Callable[[Mapping[str, Quote], Mapping[tuple[str, date], float]], None]


class World:
    """Moves the market along its steps, tells the exchange, and then whoever listens."""

    def __init__(
        self,
        clock: Clock,
        source: MarketSource,
        calendar: SessionCalendar,
        config: ExchangeConfig,
        latencies: Latencies,
        books: ExchangeBooks,
        faults: Faults | None = None,
    ) -> None:
        self.clock = clock
        self.source = source
        self.exchange = SimExchange(source.contracts, calendar, config, books.records())
        self.broker = PaperBroker(self.exchange, clock, books, latencies=latencies, faults=faults)
        self._listener: Listener | None = None

    def is_open(self, at_ns: int) -> bool:
        """Whether the exchange trades at an instant."""
        return self.exchange.calendar.is_open(at_ns)

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with what changes, and once with the whole market as it stands."""
        self._listener = listener
        now_ns = self.clock.now_ns()
        listener(self.source.book_at(now_ns), self.source.forwards_at(now_ns))

    def start(self) -> None:
        """Let the market run from the present instant."""
        now_ns = self.clock.now_ns()
        self.broker.on_quotes(now_ns, self.source.book_at(now_ns), self.source.forwards_at(now_ns))
        self._schedule(now_ns)

        self._schedule_session(now_ns)

    def _schedule_session(self, now_ns: int) -> None:
        """The end of the session that this instant belongs to, and the beginning of the next."""
        session = self.exchange.calendar.next_session(now_ns)
        if self.source.end_ns >= session.opens_ns:
            self.clock.call_at(session.closes_ns, partial(self._end_session, session))

    def _end_session(self, session: Session) -> None:
        """Working orders lapse, and the core is told by a last look that the exchange has closed."""
        self.broker.end_session()
        if self._listener is not None:
            self._listener({}, {})
        following = self.exchange.calendar.next_session(session.closes_ns)
        if self.source.end_ns >= following.opens_ns:
            opens_ns = following.opens_ns - _BOOKS_READY_NS
            self.clock.call_at(opens_ns, partial(self._begin_session, following))

    def _begin_session(self, session: Session) -> None:
        self.broker.roll_session(session.day)
        self._schedule_session(session.opens_ns)

    def _schedule(self, after_ns: int) -> None:
        next_ns = self.source.step_times(after_ns)
        if next_ns is not None:
            self.clock.call_at(next_ns, self._step)

    def _step(self) -> None:
        now_ns = self.clock.now_ns()
        quotes = self.source.quotes_at(now_ns)
        forwards = self.source.forwards_at(now_ns)
        self.broker.on_quotes(now_ns, quotes, forwards)
        if self._listener is not None and not self.source.is_silent(now_ns):
            self._listener(quotes, forwards)
        self._schedule(now_ns)
