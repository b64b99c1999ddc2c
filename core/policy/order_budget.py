"""How many orders the account may still send, counted from journalled sends so that it survives a crash.

Kite counts placements and modifications to 10 a second, 400 a minute and 5,000 a day; cancels are counted
too, because nobody says that they are not. A part is kept from entries, so that a hedge, an exit or a cancel
never waits behind them, and the last send of a second from everything but a hedge.
"""

from __future__ import annotations

from core.domain.account import Account
from core.domain.orders import Lane
from core.domain.timing import NS_PER_S

_IST_OFFSET_NS = 19_800 * NS_PER_S
_DAY_NS = 86_400 * NS_PER_S


def next_send_ns(account: Account, lane: Lane, now_ns: int) -> int | None:
    """The earliest time at which this lane may send: now or earlier if at once, ``None`` if not today.

    The broker counts calendar seconds on its own clock; counting any second keeps within each of them only
    if two windows never meet, so one second here is one and a fifth.
    """
    settings, budget = account.settings, account.budget
    entry = lane is Lane.ENTRY
    kept = {Lane.ENTRY: settings.reserve_per_second, Lane.EXIT: HEDGE_RESERVE, Lane.EMERGENCY: 0}[lane]
    per_second = max(1, settings.orders_per_second - kept)
    per_minute = settings.orders_per_minute - (settings.orders_per_minute // 10 if entry else 0)
    day_reserve = settings.orders_per_day * settings.reserve_per_day_bps // 10_000
    per_day = settings.orders_per_day - (day_reserve if entry else 0)
    day = (now_ns + _IST_OFFSET_NS) // _DAY_NS
    if budget.day == day and budget.day_count >= per_day:
        return None
    recent = budget.recent_ns
    at_ns = now_ns
    if len(recent) >= per_second:
        at_ns = max(at_ns, recent[-per_second] + SECOND_NS)
    if len(recent) >= per_minute:
        at_ns = max(at_ns, recent[-per_minute] + 60 * NS_PER_S)
    return at_ns


SECOND_NS = NS_PER_S * 6 // 5
HEDGE_RESERVE = 1
"""Of the sends of a second, how many wait for a hedge: other groups that close must not starve it."""


def may_send(account: Account, lane: Lane, now_ns: int) -> bool:
    """Whether this lane may send one more order now."""
    at_ns = next_send_ns(account, lane, now_ns)
    return at_ns is not None and at_ns <= now_ns
