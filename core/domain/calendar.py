"""Trading sessions as values: when orders may be sent, and when contracts expire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta

from core.domain.timing import from_ist, to_ist

HOURS_CHANGED = date(2026, 8, 3)
"""Equity derivatives trade until 15:40 from this day (NSE/FAOP/74467 of 2026-05-29), 15:30 before."""


@dataclass(frozen=True, slots=True)
class Session:
    """One trading session, as instants of exchange time."""

    day: date
    opens_ns: int
    closes_ns: int

    def is_open(self, at_ns: int) -> bool:
        """Whether orders may be sent at this instant."""
        return self.opens_ns <= at_ns < self.closes_ns


@dataclass(frozen=True, slots=True)
class SessionCalendar:
    """Weekdays less holidays, plus special sessions; beyond ``known_to`` it can only guess.

    ``special`` gives the hours of days that differ (a Sunday budget session, Muhurat).
    """

    holidays: Mapping[date, str] = field(default_factory=dict)
    special: Mapping[date, tuple[time, time]] = field(default_factory=dict)
    known_from: date = date.min
    known_to: date = date.max

    def covers(self, day: date) -> bool:
        """Whether the calendar's data reaches this day; beyond it holidays are unknown."""
        return self.known_from <= day <= self.known_to

    def session(self, day: date) -> Session | None:
        """The session of a day, or ``None`` when the exchange is closed."""
        hours = self.special.get(day)
        if hours is None:
            if day.weekday() >= 5 or day in self.holidays:
                return None
            hours = (time(9, 15), time(15, 40) if day >= HOURS_CHANGED else time(15, 30))
        return Session(day, from_ist(day, hours[0]), from_ist(day, hours[1]))

    def session_at(self, at_ns: int) -> Session | None:
        """The session of the day that this instant falls on."""
        return self.session(to_ist(at_ns).date())

    def is_open(self, at_ns: int) -> bool:
        """Whether the exchange is open at this instant."""
        session = self.session_at(at_ns)
        return session is not None and session.is_open(at_ns)

    def next_session(self, after_ns: int) -> Session:
        """The first session that closes after this instant."""
        day = to_ist(after_ns).date()
        while True:
            session = self.session(day)
            if session is not None and session.closes_ns > after_ns:
                return session
            day += timedelta(days=1)

    def session_before(self, day: date) -> Session | None:
        """The last session before a day; ``None`` where there was none for a month."""
        for back in range(1, 32):
            session = self.session(day - timedelta(days=back))
            if session is not None:
                return session
        return None

    def expiry_ns(self, expiry: date) -> int:
        """The instant at which a contract of this expiry stops: the close of its session."""
        session = self.session(expiry)
        if session is not None:
            return session.closes_ns
        return from_ist(expiry, time(15, 40) if expiry >= HOURS_CHANGED else time(15, 30))
