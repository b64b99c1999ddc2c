"""What the clock of the exchange does to groups: expiry, the end of a session, and intraday hours.

Sources: index options are settled in cash at expiry by themselves (NSE settlement page); an order book lives
for the day only (Kite documentation); brokers square intraday (``MIS``) positions off before the close, so
ours are out earlier.
"""

from __future__ import annotations

from datetime import time

from core.domain.account import DivergenceKind
from core.domain.facts import (
    CarriedUnits,
    HoldingClosedByOthers,
    OrderProvedAbsent,
    OrderSeen,
    SessionEnded,
)
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import PositionKey, Product, Settlement
from core.domain.lifecycle import ManualCause
from core.domain.orders import BookSnapshot, ChildOrder, OrderStatus, Source
from core.domain.timing import from_ist, to_ist
from core.policy.turn import Turn

MIS_LAST_ENTRY = time(14, 45)
MIS_CLOSE_BEGINS = time(15, 5)
SETTLED = "expired and settled in cash"


def intraday_entry_is_over(turn: Turn, group: MultiLegOrderGroup) -> bool:
    """Whether an intraday group may no longer enter today."""
    return group.plan.product is Product.MIS and turn.now_ns >= _today_at(turn, MIS_LAST_ENTRY)


def intraday_close_ns(turn: Turn, group: MultiLegOrderGroup) -> int | None:
    """When an intraday group is closed today; ``None`` for a group that is carried."""
    return _today_at(turn, MIS_CLOSE_BEGINS) if group.plan.product is Product.MIS else None


def _today_at(turn: Turn, at: time) -> int:
    return from_ist(to_ist(turn.now_ns).date(), at)


def has_expired(turn: Turn, symbol_expiry_ns: int | None) -> bool:
    """Whether a contract that stops at this instant has stopped."""
    return symbol_expiry_ns is not None and symbol_expiry_ns <= turn.now_ns


def settle_expired(turn: Turn, group: MultiLegOrderGroup) -> None:
    """Take expired, cash-settled legs off the books: nobody trades them away, the exchange settles them."""
    for index, leg in enumerate(group.legs):
        contract = leg.plan.contract
        if not leg.net_units or contract.settlement is not Settlement.CASH:
            continue
        expires_ns = turn.view.expiries_ns.get(contract.expiry)
        if expires_ns is not None and turn.now_ns < expires_ns:
            turn.wake(group.group_id, expires_ns)
        elif has_expired(turn, expires_ns):
            turn.record(HoldingClosedByOthers(group.group_id, index, leg.held_units, SETTLED), group.group_id)


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
        for leg in group.legs:
            if leg.net_units:
                contract = leg.plan.contract
                key = PositionKey(contract.exchange, contract.symbol, group.plan.product)
                carried[key] = turn.account.net_units(key)
    carry = tuple(CarriedUnits(key, units) for key, units in sorted(carried.items()))
    turn.record(SessionEnded(today, carry))


def compare_overnight(turn: Turn, book: BookSnapshot) -> None:
    """The first books of a new day: what we carried must be what the broker carried."""
    ended = turn.account.session_ended
    if ended is None or ended >= to_ist(turn.now_ns).date() or turn.account.overnight_checked:
        return
    if not turn.view.is_open(turn.now_ns):
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
    """Orders of an earlier day are in no book any more: known ones have lapsed, unanswered ones are settled.

    An unanswered send of a past day is absent if positions agree without it; otherwise only a person can say.
    """
    today = to_ist(turn.now_ns).date()
    in_book = {order.order_id for order in book.orders}
    touched: set[str] = set()
    for group_id, group in list(turn.account.groups.items()):
        for order in group.live_orders:
            if to_ist(order.intended_at_ns).date() >= today or order.order_id in in_book:
                continue
            touched.add(group_id)
            if order.order_id is not None:
                turn.record(
                    OrderSeen(
                        order.tag,
                        order.order_id,
                        OrderStatus.CANCELLED,
                        order.filled_units,
                        0,
                        Source.POLL,
                        "lapsed at the end of its session",
                    ),
                    group_id,
                )
            elif _positions_agree(turn, book, order):
                turn.record(OrderProvedAbsent(order.tag, order.lookups), group_id)
            else:
                turn.manual(
                    group_id,
                    ManualCause.UNKNOWN_UNRESOLVED,
                    f"a send of {order.symbol} was never answered, its book is gone, and positions differ",
                )
    return touched


def _positions_agree(turn: Turn, book: BookSnapshot, order: ChildOrder) -> bool:
    key = order.position_key
    theirs = next((position.units for position in book.positions if position.key == key), 0)
    return theirs == turn.account.net_units(key) + turn.account.foreign.get(key, 0)
