"""A position of which the broker shows another than is known here: what of it may be believed, and when."""

from __future__ import annotations

from core.domain.effects import ReadBooks
from core.domain.instruments import PositionKey
from core.domain.orders import ChildOrder
from core.domain.timing import NS_PER_S, to_ist
from core.policy.turn import Turn

ABSENT_NS = 60 * NS_PER_S
"""A position of an earlier day without a row for so long of a session was closed while nobody here looked."""

DOUBTED_NS = 15 * NS_PER_S
"""For so long a difference in what this process has traded keeps it from being closed."""


def is_of_an_earlier_day(turn: Turn, order: ChildOrder) -> bool:
    """Whether an order was sent on an earlier day: it is over, and in no book any more."""
    return to_ist(order.intended_at_ns).date() < to_ist(turn.now_ns).date()


def is_carried(turn: Turn, key: PositionKey) -> bool:
    """Whether no order of ours has filled in a position today: all that is known of it is of earlier days."""
    return not any(
        order.filled_units and order.position_key == key and not is_of_an_earlier_day(turn, order)
        for group in turn.account.groups.values()
        for order in group.orders.values()
    )


def is_unconfirmed(turn: Turn, key: PositionKey) -> bool:
    """Whether the broker shows another position than is known here, and that is not settled yet.

    A trade that closes what is not there opens it the other way round. What this process has found in its
    journal waits for as long as it takes; what it has traded itself for a moment, and where less is held.
    """
    account = turn.account
    doubt = account.doubts.get(key)
    if doubt is None or stands_open(turn, key):  # where several groups hold it a person decides
        return False
    inherited = is_carried(turn, key) or account.filled_at_ns(key) <= account.reconciled_at_ns
    holds_less = doubt.units * account.known_units(key) < 0
    if not inherited and (not holds_less or turn.now_ns - doubt.since_ns >= DOUBTED_NS):
        return False
    turn.perform(ReadBooks(f"what is held of {key.symbol} is in doubt"))
    return True


def stands_open(turn: Turn, key: PositionKey) -> bool:
    """Whether a difference in this position is known and nobody could tell whose it is."""
    divergence = turn.account.divergences.get(f"position:{key}")
    return divergence is not None and divergence.is_open


def is_absent_for_good(turn: Turn, key: PositionKey) -> bool:
    """Whether a carried position has had no row for a minute of the session: it is gone then."""
    doubt = turn.account.doubts.get(key)
    return doubt is not None and turn.now_ns - max(doubt.since_ns, turn.view.opens_ns) >= ABSENT_NS
