"""Paper money in a live market: the simulated exchange fills from live quotes, day after day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial

from core.brokers.paper.books import ExchangeBooks
from core.brokers.paper.broker import PaperBroker
from core.brokers.paper.config import ExchangeConfig
from core.brokers.paper.exchange import SimExchange
from core.domain.calendar import Session, SessionCalendar
from core.domain.instruments import Contract
from core.domain.quotes import Quote
from core.domain.timing import NS_PER_S, Clock, to_ist

_BOOKS_READY_NS = 30 * NS_PER_S
"""How long before the open a broker's new, empty books are there."""


class PaperMoney:
    """A paper broker whose market is whatever ``quoted`` is told, with the sessions of the real one."""

    def __init__(
        self,
        clock: Clock,
        contracts: Mapping[str, Contract],
        calendar: SessionCalendar,
        books: ExchangeBooks,
        *,
        funds_paise: int,
        stale_after_ns: int,
    ) -> None:
        config = ExchangeConfig(
            funds_paise=funds_paise, cash_paise=funds_paise // 2, stale_after_ns=stale_after_ns
        )
        exchange = SimExchange(contracts, calendar, config, books.records())
        self._clock = clock
        self._calendar = calendar
        self.broker = PaperBroker(exchange, clock, books)

    def quoted(self, quotes: Mapping[str, Quote], forwards: Mapping[tuple[str, date], float]) -> None:
        """The market has moved."""
        self.broker.on_quotes(self._clock.now_ns(), quotes, forwards)

    def start(self) -> None:
        """Catch up with a day that began while nobody was here, and keep the days from now on."""
        now_ns = self._clock.now_ns()
        last_ns = self.broker.exchange.ledger.at_ns
        session = self._calendar.next_session(now_ns)
        if last_ns and to_ist(last_ns).date() < session.day and now_ns >= session.opens_ns - _BOOKS_READY_NS:
            self.broker.roll_session(session.day)
        if now_ns < session.opens_ns - _BOOKS_READY_NS:
            self._await_open(session)
        else:
            self._clock.call_at(session.closes_ns, partial(self._close, session))

    def _await_open(self, session: Session) -> None:
        self._clock.call_at(session.opens_ns - _BOOKS_READY_NS, partial(self._open, session))

    def _open(self, session: Session) -> None:
        self.broker.roll_session(session.day)
        self._clock.call_at(session.closes_ns, partial(self._close, session))

    def _close(self, session: Session) -> None:
        self.broker.end_session()
        self._await_open(self._calendar.next_session(session.closes_ns))
