"""What any market offers, recorded or synthetic: contracts, and quotes as they change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from core.domain.instruments import Contract
from core.domain.quotes import Quote

Forwards = Mapping[tuple[str, date], float]
"""Forwards in paise by underlying and expiry."""


class MarketSource(Protocol):
    """A market that can be played from any instant: nothing depends on what was asked before.

    Times are nanoseconds of exchange time. ``stale_after_ns`` is how old a quote of this source may be.
    """

    @property
    def name(self) -> str:
        """What it is, for a title: ``synthetic``, or the file's name."""
        ...

    @property
    def underlying(self) -> str:
        """The underlying of its contracts."""
        ...

    @property
    def contracts(self) -> Mapping[str, Contract]:
        """Everything that is quoted, by symbol."""
        ...

    @property
    def start_ns(self) -> int:
        """The first update."""
        ...

    @property
    def end_ns(self) -> int:
        """The last update."""
        ...

    @property
    def stale_after_ns(self) -> int:
        """Beyond this age a quote of this source must not be traded on."""
        ...

    def step_times(self, after_ns: int) -> int | None:
        """The next update after an instant, or ``None`` where there is none."""
        ...

    def quotes_at(self, at_ns: int) -> Mapping[str, Quote]:
        """The quotes that the update at this instant brings; empty where it is none."""
        ...

    def book_at(self, at_ns: int) -> Mapping[str, Quote]:
        """The newest quote of every contract at or before an instant: where to begin, or begin again."""
        ...

    def forwards_at(self, at_ns: int) -> Forwards:
        """The forwards of the newest update at or before an instant."""
        ...

    def is_silent(self, at_ns: int) -> bool:
        """Whether the feed to the core says nothing at this instant although the exchange trades on."""
        ...
