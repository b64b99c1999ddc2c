"""Time: nanoseconds since the epoch on the market's clock, and the Indian wall clock for people.

The one clock of the program is injected. It is monotonic and anchored to exchange time at its start, so a
deadline written to the journal still means the same instant after a restart, and a jump of the machine's
wall clock moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from typing import Protocol

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
IST = timezone(timedelta(hours=5, minutes=30), "IST")


class Clock(Protocol):
    """The only way in which core code learns the time or waits."""

    def now_ns(self) -> int:
        """Exchange time, in nanoseconds since the epoch; never goes back."""
        ...

    async def sleep_until(self, deadline_ns: int) -> None:
        """Return once ``now_ns()`` has reached ``deadline_ns``; at once if it has already."""
        ...

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` on the loop's thread once ``now_ns()`` has reached ``at_ns``; never at once.

        Calls with different times happen in the order of their times.
        """
        ...


def to_ist(at_ns: int) -> datetime:
    """The Indian wall-clock time of an instant, to the microsecond."""
    seconds, rest_ns = divmod(at_ns, NS_PER_S)
    return datetime.fromtimestamp(seconds, IST) + timedelta(microseconds=rest_ns // 1_000)


def from_ist(day: date, at: time) -> int:
    """The instant of a wall-clock time on an Indian trading day."""
    moment = datetime.combine(day, at, IST)
    return int(moment.timestamp()) * NS_PER_S + moment.microsecond * 1_000


def clock_text(at_ns: int, *, millis: bool = False) -> str:
    """``14:32:07``, or ``14:32:07.412``, Indian time."""
    moment = to_ist(at_ns)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1_000:03d}" if millis else f"{moment:%H:%M:%S}"


def due_text(at_ns: int, now_ns: int) -> str:
    """When something is due, Indian time: ``15:10:00`` today, ``25 Aug 15:00`` on another day."""
    moment = to_ist(at_ns)
    return clock_text(at_ns) if moment.date() == to_ist(now_ns).date() else f"{moment:%d %b %H:%M}"


def duration_text(span_ms: int) -> str:
    """A span as a person reads it: ``412 ms``, ``9.4 s``, ``3 m 05 s``."""
    if span_ms < 1_000:
        return f"{span_ms} ms"
    if span_ms < 60_000:
        return f"{span_ms / 1_000:.1f} s"
    minutes, seconds = divmod(span_ms // 1_000, 60)
    return f"{minutes} m {seconds:02d} s"
