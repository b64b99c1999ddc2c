"""From one day to the next: what is carried over a night, and what happened while nobody here looked.

An order book lives for its day (Kite documentation), so in the morning the position book alone tells what was
traded after the last look. It is believed as it is: no fill of today is there that it could lag behind.
"""

from __future__ import annotations

from datetime import date

from core.domain.account import DivergenceKind
from core.domain.facts import CarriedUnits, OrderProvedAbsent, OrderSeen, SessionEnded, ValueCarried
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import PositionKey
from core.domain.lifecycle import ManualCause
from core.domain.orders import BookSnapshot, ChildOrder, OrderStatus, Source
from core.domain.timing import to_ist
from core.policy.doubts import is_absent_for_good, is_of_an_earlier_day
from core.policy.exposure import group_pnl_paise
from core.policy.session import QUOTED_BY_NS, session_is_over
from core.policy.turn import Turn


def note_session_end(turn: Turn) -> None:
    """The last whole books of a session have been read: journal what is carried into the next."""
    today = to_ist(turn.now_ns).date()
    if turn.account.session_ended == today or not session_is_over(turn):
        return
    account = turn.account
    carry = tuple(CarriedUnits(key, account.net_units(key)) for key in sorted(account.held_keys))
    turn.record(SessionEnded(today, carry))
    for group in list(turn.account.groups.values()):
        if group.first_fill_ns and not group.is_over:
            _carry_value(turn, group, today)


def _carry_value(turn: Turn, group: MultiLegOrderGroup, day: date) -> None:
    turn.record(ValueCarried(group.group_id, day, group_pnl_paise(group, turn.view)), group.group_id)


def value_what_was_carried(turn: Turn, group: MultiLegOrderGroup) -> None:
    """Nobody looked when the last session ended: the day begins with this look, once everything is quoted."""
    view = turn.view
    since_open_ns = turn.now_ns - max(view.opens_ns, turn.account.reconciled_at_ns)
    of_today = not view.closed_before_ns or group.first_fill_ns > view.closed_before_ns
    if of_today or not turn.may_trade():
        return
    day = to_ist(view.closed_before_ns).date()
    if group.carried and group.carried[-1].day >= day:
        return
    held = [leg.plan.contract.symbol for leg in group.legs if leg.net_units]
    if since_open_ns >= QUOTED_BY_NS or all(view.fresh(symbol, turn.now_ns) for symbol in held):
        _carry_value(turn, group, day)


def overnight_is_compared(turn: Turn) -> bool:
    """Whether the books of this day have been compared with what was carried into it, or nothing was."""
    ended = turn.account.session_ended
    return ended is None or ended >= to_ist(turn.now_ns).date() or turn.account.overnight_checked


def compare_overnight(turn: Turn, book: BookSnapshot) -> None:
    """The first books of a new day: what we carried must be what the broker carried."""
    ended = turn.account.session_ended
    if ended is None or overnight_is_compared(turn) or not turn.view.is_open(turn.now_ns):
        return
    theirs = {position.key: position.overnight_units for position in book.positions}
    for key, units in turn.account.carried.items():
        found = theirs.get(key, 0) - turn.account.foreign.get(key, 0)
        if found != units:
            turn.diverged(
                f"overnight:{key}:{ended}",
                DivergenceKind.QUANTITY_MISMATCH,
                f"{units:+d} {key.symbol} were carried, the broker says {found:+d}",
                symbol=key.symbol,
                healed="the positions of the day decide",
            )
    turn.record(SessionEnded(ended, ()))


def lapse_past_orders(turn: Turn, book: BookSnapshot) -> set[str]:
    """Orders of an earlier day are in no book any more: what they filled unseen only the positions can say.

    Each has lapsed with what is known of it and what the position carried into this day holds beyond that. A
    send that was never answered and of which nothing is there is absent.
    """
    in_book = {order.order_id for order in book.orders}
    past = [
        order
        for group in turn.account.groups.values()
        for order in group.live_orders
        if is_of_an_earlier_day(turn, order) and order.order_id not in in_book
    ]
    carried = {row.key: row.overnight_units for row in book.positions}
    keys = {order.position_key for order in past}
    beyond = {key: carried.get(key, 0) - turn.account.known_units(key) for key in keys}
    unclear = {key for key, units in beyond.items() if _is_unclear(past, key, units)}
    touched: set[str] = set()
    for order in sorted(past, key=lambda each: each.intended_at_ns):
        key = order.position_key
        unseen = min(max(0, order.side.sign * beyond.get(key, 0)), order.working_units)
        if unseen and not turn.view.is_open(turn.now_ns):
            continue  # before the open a position may still be shown as it was
        if unseen and key not in carried and not is_absent_for_good(turn, key):
            continue  # half a book shows as little as a position that is gone
        touched.add(order.group_id)
        if unseen:
            beyond[key] -= order.side.sign * unseen
            _tell_unseen(turn, order, unseen)
        if key in unclear and not turn.group(order.group_id).is_over:
            turn.manual(
                order.group_id,
                ManualCause.UNKNOWN_UNRESOLVED,
                f"orders of several groups in {key.symbol} were out when nobody looked any more, and only a "
                "part of them has filled: which, the broker's books do not tell",
            )
        if order.order_id is None and not unseen:
            turn.record(OrderProvedAbsent(order.tag, order.lookups), order.group_id)
            continue
        turn.record(
            OrderSeen(
                order.tag,
                order.order_id or f"past-{order.tag}",
                OrderStatus.CANCELLED,
                order.filled_units + unseen,
                0,
                Source.POLL,
                "lapsed at the end of its session",
            ),
            order.group_id,
        )
    return touched


def _is_unclear(past: list[ChildOrder], key: PositionKey, beyond: int) -> bool:
    """Whether orders of several groups could have brought a position where it is."""
    able = [order for order in past if order.position_key == key and order.side.sign * beyond > 0]
    some = 0 < abs(beyond) < sum(order.working_units for order in able)
    return some and len({order.group_id for order in able}) > 1


def _tell_unseen(turn: Turn, order: ChildOrder, units: int) -> None:
    turn.diverged(
        f"overnight:{order.tag}",
        DivergenceKind.MISSED_FILL,
        f"{order.symbol}: {units:,} filled on an earlier day, after anybody here had looked",
        group_id=order.group_id,
        symbol=order.symbol,
        healed="taken over from the position that was carried",
    )
