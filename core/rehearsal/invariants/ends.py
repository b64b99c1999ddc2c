"""Judging the whole of a run, on the exchange's own books and on the journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from core.domain.account import Account
from core.domain.facts import FillRecorded, OrderIntended, Recorded
from core.domain.instruments import PositionKey
from core.domain.orders import Purpose, TradeReport
from core.rehearsal.invariants.resting import in_doubt
from core.rehearsal.invariants.truth import within


def intended_first(rows: Iterable[Recorded], tags_at_broker: Iterable[str], nonce: str) -> str:
    """2: every order at the broker that carries our nonce is in the journal, once."""
    intended = Counter(row.fact.order.tag for row in rows if isinstance(row.fact, OrderIntended))
    twice = [tag for tag, times in intended.items() if times > 1]
    if twice:
        return f"intended twice: {', '.join(sorted(twice)[:3])}"
    sent = Counter(tag for tag in tags_at_broker if tag.startswith(nonce))
    again = [tag for tag, times in sent.items() if times > 1]
    if again:
        return f"at the broker twice: {', '.join(sorted(again)[:3])}"
    orphans = [tag for tag in sent if tag not in intended]
    return f"at the broker and never intended: {', '.join(sorted(orphans)[:3])}" if orphans else ""


def nothing_lost(
    rows: Iterable[Recorded], trades: Iterable[TradeReport], unseen: Iterable[tuple[int, int]] = ()
) -> str:
    """9: every trade of ours at the exchange is in the journal exactly once.

    ``unseen`` are spans after whose end no book shows their trades any more: a day ended and no core looked.
    """
    spans = tuple(unseen)
    recorded = Counter(row.fact.trade_id for row in rows if isinstance(row.fact, FillRecorded))
    twice = [trade_id for trade_id, times in recorded.items() if times > 1]
    if twice:
        return f"recorded twice: trade {', '.join(sorted(twice)[:3])}"
    booked = {trade.trade_id: trade.at_ns for trade in trades}
    real = booked.keys()
    shown = {trade_id for trade_id, at_ns in booked.items() if not within(at_ns, spans)}
    lost = sorted(shown - recorded.keys())
    if lost:
        return f"not in the journal: trade {', '.join(lost[:3])}"
    invented = sorted(recorded.keys() - real)
    return f"in the journal and never traded: {', '.join(invented[:3])}" if invented else ""


def broker_wins(account: Account, ours: Mapping[PositionKey, int], foreign: Mapping[PositionKey, int]) -> str:
    """7: our book and what we know of others add up to the exchange's position, or a divergence is open."""
    keys = set(ours) | set(foreign) | set(account.foreign)
    for key in sorted(keys | account.held_keys):
        theirs = ours.get(key, 0) + foreign.get(key, 0)
        mine = account.known_units(key)
        if mine == theirs or in_doubt(account, key):
            continue
        return f"{key}: we say {mine:+d}, the exchange {theirs:+d}"
    return ""


def add_up(account: Account, excused: Iterable[str] = ()) -> Iterable[tuple[str, str]]:
    """13: no leg was filled for more than was planned on its own side; ``excused`` had late fills."""
    spared = set(excused)
    for group_id, group in sorted(account.groups.items()):
        if group_id in spared:
            continue
        for index, leg in enumerate(group.legs[: len(group.plan.legs)]):
            entered = sum(
                order.filled_units
                for order in group.orders.values()
                if order.leg == index and order.purpose is Purpose.ENTRY
            )
            if entered > group.plan.units(index):
                symbol = leg.plan.contract.symbol
                yield group_id, f"{group_id}: {entered} of {group.plan.units(index)} {symbol} were entered"
