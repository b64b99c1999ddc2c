"""9 and 14 at the end: each group is at the exchange what its state says: whole, flat, or a person's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence

from core.domain.account import Account, Severity
from core.domain.facts import BooksReconciled, ProcessStarted, Recorded
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import PositionKey, Side
from core.domain.lifecycle import ENDS, RESTING, ExecutionLifecycle
from core.domain.timing import NS_PER_S, to_ist
from core.rehearsal.invariants.truth import Truth, within
from core.rehearsal.invariants.working import WorkingOrder

RESTS = 14
ACT_NS = 10 * NS_PER_S
"""How long an order may work that the core knows and does not want: it is cancelled, or told of."""
_UNJOURNALLED_NS = 15 * NS_PER_S
"""What a process that dies has not read or not written yet is at most this old: a poll and a little more."""


def at_the_end(
    account: Account,
    truth: Truth,
    known_ns: int,
    *,
    rested: bool,
    unclear: frozenset[PositionKey] = frozenset(),
) -> Iterator[tuple[int, str, str]]:
    """Every group by the exchange's own books: invariant, group and what is not as it should be.

    ``known_ns`` is when the books were asked for that the core has read last: what was placed shortly before
    that, or later, it need not have dealt with. Before it has ``rested`` a group may still be at work. What
    is ``unclear`` moved while nobody could tell whose trades they were: see ``blurred``.
    """
    for group_id, group in sorted(account.groups.items()):
        if group.state not in RESTING:
            if rested:
                yield RESTS, group_id, f"{group_id} is still {group.state.value}: {group.reason}"
        elif group.state is ExecutionLifecycle.MANUAL:
            if not group.handled and not has_critical_alert(account, group_id):
                yield 9, group_id, f"{group_id} is MANUAL and no critical alert of it stands"
        elif group.state in ENDS:
            yield from _flat(account, truth, group, known_ns, unclear)
        else:
            yield from _whole(account, truth, group, known_ns, unclear)
    yield from _taken_by_others(account, truth, unclear)


def blurred(
    account: Account, truth: Truth, unseen: Iterable[tuple[int, int]], over: Container[str]
) -> frozenset[PositionKey]:
    """Positions in which somebody traded while no core lived, over a night, and left nothing to know him by.

    That is somebody else, a core whose journal had failed before it died, or an order that was ``over``. In
    the morning one figure is all that is left of such trades: it adds up, which is judged, but whose units
    they are nobody can tell.
    """
    spans = tuple(unseen)
    known = {tag for group in account.groups.values() for tag in group.orders if tag not in over}
    nameless = [trade for trade in truth.trades if truth.tag_of(trade.order_id) not in known]
    return frozenset(
        PositionKey(trade.exchange, trade.symbol, trade.product)
        for trade in (*truth.others, *nameless)
        if within(trade.at_ns, spans)
    )


def kept_looks(rows: Sequence[Recorded], looks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of the times at which books were read, each with when they had been asked for: those that left rows.

    Of books that were read after the last row on the disk, nothing has reached it.
    """
    written_ns = rows[-1].at_ns if rows else 0
    return [look for look in looks if look[0] <= written_ns]


def known_until_ns(rows: Sequence[Recorded], died_ns: int, looks: Iterable[tuple[int, int]] = ()) -> int:
    """Up to when what traded is surely in a journal: by the last process that has read the books.

    What a process has not read or not written when it dies is at most a poll and a little more old. One that
    dies before it has read any books leaves what the process before it left. ``looks`` are ``kept_looks``.
    """
    ended_ns = died_ns
    for row in reversed(rows):
        if isinstance(row.fact, BooksReconciled):
            break
        if isinstance(row.fact, ProcessStarted):
            ended_ns = row.at_ns
    written_ns = rows[-1].at_ns if rows else 0
    asked_ns = max((asked_ns for _, asked_ns in looks), default=written_ns)
    return min(written_ns, ended_ns - _UNJOURNALLED_NS, asked_ns)


def shared_overnight(
    account: Account, truth: Truth, span: tuple[int, int]
) -> dict[PositionKey, frozenset[str]]:
    """Positions that moved in a span without a core while orders of several groups were out in them.

    The morning's figure is the sum: what is whose only a person can say, and the sum is what is judged.
    """
    out: dict[PositionKey, set[str]] = {}
    for group in account.groups.values():
        for order in group.live_orders:
            out.setdefault(order.position_key, set()).add(group.group_id)
    moved = {
        PositionKey(trade.exchange, trade.symbol, trade.product)
        for trade in truth.trades
        if within(trade.at_ns, [span])
    }
    return {key: frozenset(groups) for key, groups in out.items() if key in moved and len(groups) > 1}


def never_taken_up(account: Account, asked_for: Iterable[str]) -> Iterator[tuple[int, str, str]]:
    """9: a group that was asked for and of which the journal knows nothing."""
    for group_id in asked_for:
        if group_id not in account.groups:
            yield 9, group_id, f"{group_id} was asked for and never taken up"


def has_critical_alert(account: Account, group_id: str) -> bool:
    """Whether a critical alert about a group stands."""
    return any(
        alert.group_id == group_id and alert.severity is Severity.CRITICAL and not alert.cleared
        for alert in account.alerts.values()
    )


def _flat(
    account: Account,
    truth: Truth,
    group: MultiLegOrderGroup,
    known_ns: int,
    unclear: frozenset[PositionKey],
) -> Iterator[tuple[int, str, str]]:
    """An ended group holds nothing, and nothing of it works."""
    group_id, state = group.group_id, group.state.value
    for index, (contract, _) in sorted(truth.held_legs(group_id).items()):
        held = held_at_exchange(truth, group, index)
        key = group.position_key(index)
        if held and key not in unclear and not in_doubt(account, key):
            yield (
                RESTS,
                group_id,
                f"{group_id} is {state} and holds {held:+d} {contract.symbol} at the exchange",
            )
    for order in truth.working(group_id):
        if not _excused(account, group_id, order, known_ns):
            units = order.open_units
            yield RESTS, group_id, f"{group_id} is {state} and {order.tag} works for {units} at the exchange"


def _whole(
    account: Account,
    truth: Truth,
    group: MultiLegOrderGroup,
    known_ns: int,
    unclear: frozenset[PositionKey],
) -> Iterator[tuple[int, str, str]]:
    """An open group holds so many copies of its plan, no more than that, and only its stops work."""
    group_id = group.group_id
    for index, leg in enumerate(group.legs):
        held, wanted = held_at_exchange(truth, group, index), group.target_units(index)
        key = group.position_key(index)
        if held != wanted and key not in unclear and not in_doubt(account, key):
            symbol = leg.plan.contract.symbol
            yield (
                RESTS,
                group_id,
                f"{group_id} is OPEN with {held:+d} {symbol} at the exchange, not {wanted:+d}",
            )
    if not 0 < group.copies <= group.plan.copies:
        yield RESTS, group_id, f"{group_id} is OPEN with {group.copies} of {group.plan.copies} copies"
    for order in truth.working(group_id):
        if not order.is_stop and not _excused(account, group_id, order, known_ns):
            yield RESTS, group_id, f"{group_id} is OPEN and {order.tag} works for {order.open_units} more"


def _excused(account: Account, group_id: str, order: WorkingOrder, known_ns: int) -> bool:
    """The core could not know of it, or has done what it can and has told a person."""
    if order.accepted_ns > known_ns - ACT_NS:
        return True
    return order.cancel_asked and has_critical_alert(account, group_id)


def held_at_exchange(truth: Truth, group: MultiLegOrderGroup, index: int) -> int:
    """What a leg holds there: what our orders traded, less what others are known to have closed of it."""
    if group.position_key(index) in truth.settled:
        return 0
    leg = group.legs[index]
    return truth.held_units(group.group_id, index) - leg.plan.side.sign * leg.closed_units


def in_doubt(account: Account, key: PositionKey) -> bool:
    """Whether a difference is in the open, or has only just been seen for the first time."""
    if account.differs_in(key.symbol):
        return True
    doubt = account.doubts.get(key)
    return doubt is not None and account.at_ns - doubt.since_ns < _DOUBTED_NS


_DOUBTED_NS = 30 * NS_PER_S
"""A difference is seen twice, 5 s apart, in books that are read every 12 s at the least."""


def _taken_by_others(
    account: Account, truth: Truth, unclear: frozenset[PositionKey]
) -> Iterator[tuple[int, str, str]]:
    """7: what is charged to other people's trades is no more than they have traded."""
    today = to_ist(account.at_ns).date()
    charged: Counter[tuple[PositionKey, Side]] = Counter()
    for group in account.groups.values():
        for index, leg in enumerate(group.legs):
            if leg.plan.contract.expiry > today:  # what has expired was taken away by its settlement
                gone = leg.plan.side.sign * leg.closed_units
                charged[group.position_key(index), Side.SELL if gone > 0 else Side.BUY] += abs(gone)
    for (key, side), units in sorted(charged.items(), key=str):
        traded = truth.by_others[key, side]
        if units > traded and key not in unclear:
            yield 7, "", f"{units} {key.symbol} are put down to others, who traded {traded}"
