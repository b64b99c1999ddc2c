"""Kite's ticks and quotes as the feed of a live session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.brokers.kite.broker import KiteBroker
from core.brokers.kite.stream import TOKENS_MAX
from core.brokers.port import BookUnavailable
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract
from core.domain.timing import NS_PER_S, Clock
from core.engine.chain_watch import ChainWatch
from core.engine.quote_feed import QuoteFeed
from core.engine.view_keeper import ViewKeeper

STALE_AFTER_NS = 3 * NS_PER_S
"""A live quote older than this is not traded on."""

VOLS_EVERY_NS = NS_PER_S
"""How long implied volatilities may stand while the money does not move."""


@dataclass(frozen=True, slots=True)
class KiteFeed:
    """The parts of a feed: what keeps the view, what tells of it, and what chooses the contracts."""

    keeper: ViewKeeper
    quotes: QuoteFeed
    chains: ChainWatch


def feed_from(
    kite: KiteBroker,
    clock: Clock,
    contracts: Mapping[str, Contract],
    calendar: SessionCalendar,
    underlyings: Iterable[str],
) -> KiteFeed:
    """Connect a feed to a Kite account; nothing is subscribed or asked for yet."""
    keeper = ViewKeeper(contracts, calendar, STALE_AFTER_NS, vols_every_ns=VOLS_EVERY_NS)
    quotes = QuoteFeed(clock, keeper, calendar, kite.quotes.quotes, BookUnavailable)
    kite.stream.on_quote(quotes.take)
    chains = ChainWatch(contracts, underlyings, kite.stream.watch, quotes.follow_chain, TOKENS_MAX)
    return KiteFeed(keeper, quotes, chains)
