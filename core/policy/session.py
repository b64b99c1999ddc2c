"""What the clock of the exchange does to groups: expiry, the end of a session, and intraday hours.

Sources: index options are settled in cash at expiry by themselves (NSE settlement page); an order book lives
for the day only (Kite documentation); brokers square intraday (``MIS``) positions off before the close, so
ours are out earlier.
"""

from __future__ import annotations

from datetime import date, time

from core.domain.account import DivergenceKind, Severity
from core.domain.effects import ReadBooks
from core.domain.facts import (
    CarriedUnits,
    HoldingClosedByOthers,
    OrderProvedAbsent,
    OrderSeen,
    SessionEnded,
    ValueCarried,
)
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import Contract, PositionKey, Product, Settlement
from core.domain.lifecycle import ManualCause
from core.domain.orders import BookSnapshot, ChildOrder, OrderStatus, Source
from core.domain.timing import NS_PER_S, from_ist, to_ist
from core.policy.exposure import group_pnl_paise
from core.policy.turn import Turn
from core.risk.exercise_handler import delivers_on, out_by_ns, settles_from_ns

MIS_LAST_ENTRY = time(14, 45)
MIS_CLOSE_BEGINS = time(15, 5)
DELIVERY_WARNED_NS = 7 * 24 * 3_600 * NS_PER_S
"""A week holds the four sessions over which the margin of a delivery steps up, whatever the holidays."""
QUOTED_BY_NS = 60 * NS_PER_S
"""How long after the open, and after a start, what is held may stay without its first quote."""
ABSENT_NS = 60 * NS_PER_S
"""A position of an earlier day without a row for so long of a session was closed while nobody here looked."""
SETTLED = "expired and settled in cash"
DELIVERED = "expired; what was in the money was delivered"


def intraday_entry_is_over(turn: Turn, group: MultiLegOrderGroup) -> bool:
    """Whether an intraday group may no longer enter today."""
    return group.plan.product is Product.MIS and turn.now_ns >= _today_at(turn, MIS_LAST_ENTRY)


def exit_ns(turn: Turn, group: MultiLegOrderGroup) -> int | None:
    """When a group is closed: by its plan, as an intraday product, or before an expiry; the first counts."""
    plan = group.plan
    intraday_ns = _today_at(turn, MIS_CLOSE_BEGINS) if plan.product is Product.MIS else None
    times = (plan.exit_at_ns, intraday_ns, out_by_ns(plan.legs, turn.view.expiries_ns))
    return min((at_ns for at_ns in times if at_ns is not None), default=None)


def warn_of_delivery(turn: Turn, group: MultiLegOrderGroup) -> None:
    """Say a week ahead that a group holds what would be delivered: its margin steps up from then on."""
    day = delivers_on(group.plan.legs)
    stops_ns = None if day is None else turn.view.expiries_ns.get(day)
    out_ns = out_by_ns(group.plan.legs, turn.view.expiries_ns)
    if stops_ns is None or out_ns is None:
        return
    due_ns = stops_ns - DELIVERY_WARNED_NS
    if turn.now_ns < due_ns:
        turn.wake(group.group_id, due_ns)
        return
    turn.alert(
        f"delivery:{group.group_id}",
        Severity.WARNING,
        f"{group.group_id} holds contracts that are settled in shares on {day:%d %b}: margin steps up over "
        f"the last four sessions, and it is closed from {to_ist(out_ns):%d %b %H:%M}",
        "delivery",
        group.group_id,
    )


def _today_at(turn: Turn, at: time) -> int:
    return from_ist(to_ist(turn.now_ns).date(), at)


def expires_ns(turn: Turn, expiry: date) -> int | None:
    """When contracts of this expiry stop; ``None`` where that is not known yet.

    The day's dump no longer lists what expired on an earlier day: then any time of that day will do.
    """
    known_ns = turn.view.expiries_ns.get(expiry)
    if known_ns is None and expiry < to_ist(turn.now_ns).date():
        return from_ist(expiry, time(23, 59))
    return known_ns


def has_expired(turn: Turn, contract: Contract) -> bool:
    """Whether a contract has stopped."""
    stops_ns = expires_ns(turn, contract.expiry)
    return stops_ns is not None and stops_ns <= turn.now_ns


def settle_expired(turn: Turn, group: MultiLegOrderGroup) -> None:
    """Take expired legs off the books: nobody trades them away, the exchange settles them.

    What is settled in shares goes as well: the option is gone, and the shares are a position of their own.
    """
    for index, leg in enumerate(group.legs):
        contract = leg.plan.contract
        stops_ns = expires_ns(turn, contract.expiry)
        if not leg.net_units or stops_ns is None:
            continue
        settles_ns = settles_from_ns(stops_ns, leg.filled_at_ns)
        how = SETTLED if contract.settlement is Settlement.CASH else DELIVERED
        if turn.now_ns < settles_ns:
            turn.wake(group.group_id, settles_ns)
        else:
            turn.record(HoldingClosedByOthers(group.group_id, index, leg.held_units, how), group.group_id)


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
    """Whether the broker shows another position than was carried into this day, and that is not settled yet.

    A trade that closes what is not there opens it the other way round.
    """
    difference = turn.account.divergences.get(f"position:{key}")
    in_hand = difference is not None and difference.is_open  # several groups hold it: a person decides
    if key not in turn.account.doubts or in_hand or not is_carried(turn, key):
        return False
    turn.perform(ReadBooks(f"what was carried of {key.symbol} is in doubt"))
    return True


def is_absent_for_good(turn: Turn, key: PositionKey) -> bool:
    """Whether a carried position has had no row for a minute of the session: it is gone then."""
    doubt = turn.account.doubts.get(key)
    return doubt is not None and turn.now_ns - max(doubt.since_ns, turn.view.opens_ns) >= ABSENT_NS


def session_is_over(turn: Turn) -> bool:
    """Whether today's session has ended: the next one opens on a later day."""
    if turn.view.is_open(turn.now_ns):
        return False
    return to_ist(turn.view.opens_ns).date() > to_ist(turn.now_ns).date()


def note_session_end(turn: Turn) -> None:
    """The last whole books of a session have been read: journal what is carried into the next."""
    today = to_ist(turn.now_ns).date()
    if turn.account.session_ended == today or not session_is_over(turn):
        return
    carried = {}
    for group in turn.account.groups.values():
        for index, leg in enumerate(group.legs):
            if leg.net_units:
                key = group.position_key(index)
                carried[key] = turn.account.net_units(key)
    carry = tuple(CarriedUnits(key, units) for key, units in sorted(carried.items()))
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
    known = {
        order.position_key: turn.account.net_units(order.position_key)
        + turn.account.foreign.get(order.position_key, 0)
        for order in past
    }
    beyond = {key: carried.get(key, 0) - units for key, units in known.items()}
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
