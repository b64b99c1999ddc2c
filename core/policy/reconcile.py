"""Reconciliation: the broker's books against ours. The broker wins, and every difference has a name.

Trade and order books outrank positions, which lag. A book is applied whole or not at all; absence from a
book means something only after it has been looked for long enough.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.account import DivergenceKind, Severity
from core.domain.facts import (
    BooksReconciled,
    ForeignPositionSeen,
    HoldingClosedByOthers,
    OrderNotFound,
    OrderProvedAbsent,
    PositionDoubted,
)
from core.domain.groups import MultiLegOrderGroup
from core.domain.inputs import BooksRead
from core.domain.instruments import PositionKey
from core.domain.lifecycle import ManualCause
from core.domain.orders import BookSnapshot, ChildOrder, Outcome, Purpose
from core.domain.timing import NS_PER_MS, to_ist
from core.policy.access import login_was_taken
from core.policy.doubts import is_absent_for_good, is_carried, is_of_an_earlier_day, stands_open
from core.policy.group import confirm_flat
from core.policy.merge import merge_order, merge_trade
from core.policy.overnight import compare_overnight, lapse_past_orders, note_session_end
from core.policy.turn import Turn


def reconcile(turn: Turn, read: BooksRead) -> set[str]:
    """Take over the books. Returns the groups that changed or that were waiting for this."""
    book = read.snapshot
    touched: set[str] = set()
    for order in book.orders:
        before = turn.account
        group_id = merge_order(turn, order, read.source, book.asked_at_ns)
        if group_id is not None and turn.account is not before:
            touched.add(group_id)
    for trade in book.trades:
        group_id = merge_trade(turn, trade, read.source)
        if group_id is not None:
            touched.add(group_id)
    touched |= lapse_past_orders(turn, book)
    _let_go_of_past_orders(turn)
    touched |= _settle_unanswered(turn, book)
    compare_overnight(turn, book)
    if turn.account.reconciled_at_ns:
        touched |= _compare_positions(turn, book)
    else:
        _doubt_what_was_held(turn, book)
    for group_id, group in list(turn.account.groups.items()):
        if group.flat_asked_ns:
            confirm_flat(turn, group_id, book.asked_at_ns)
    if not turn.account.reconciled_at_ns:
        _note_foreign_at_start(turn, book)
        _first_reconciliation(turn)
        touched |= {group_id for group_id, group in turn.account.groups.items() if not group.is_over}
    note_session_end(turn)
    turn.clear_alert("books-unreadable")
    login_was_taken(turn)
    return touched


def _let_go_of_past_orders(turn: Turn) -> None:
    """An order lives for its day: one of ours that no group knew is over with it, whatever it filled."""
    today = to_ist(turn.now_ns).date()
    for divergence in list(turn.account.divergences.values()):
        unknown = divergence.is_open and divergence.kind is DivergenceKind.UNKNOWN_ORDER_OF_OURS
        if unknown and to_ist(divergence.found_ns).date() < today:
            turn.heal(divergence.divergence_id, "its day is over")


def _first_reconciliation(turn: Turn) -> None:
    settle_ns = turn.settings.settle_delay_ms * NS_PER_MS
    fresh = not turn.account.groups
    turn.record(BooksReconciled(turn.now_ns if fresh else turn.now_ns + settle_ns))


def _note_foreign_at_start(turn: Turn, book: BookSnapshot) -> None:
    """What no order of ours ever traded is the trader's own at once, so that no first entry closes it.

    There is no fill of ours that the position book could lag behind, hence no second look.
    """
    account = turn.account
    traded = {order.position_key for group in account.groups.values() for order in group.orders.values()}
    theirs = {position.key: position.units for position in book.positions}
    for key in sorted((set(theirs) | set(account.foreign)) - traded - turn.account.held_keys):
        difference = theirs.get(key, 0) - account.foreign.get(key, 0)
        if difference and not _has_expired(turn, key):
            _believe(turn, key, difference)


def _doubt_what_was_held(turn: Turn, book: BookSnapshot) -> None:
    """What a process finds otherwise than it was left is not closed before that is settled.

    Somebody may have closed it meanwhile: what was carried into this day differs either way, of what was
    traded today the broker holds less.
    """
    theirs = {position.key: position.units for position in book.positions}
    for key in sorted(turn.account.held_keys):
        known, found = turn.account.known_units(key), theirs.get(key, 0)
        difference = found - known
        holds_less = difference * known < 0
        if difference and not _has_expired(turn, key) and (holds_less or is_carried(turn, key)):
            turn.record(PositionDoubted(key, difference))


def _settle_unanswered(turn: Turn, book: BookSnapshot) -> set[str]:
    """Count the whole books that do not know an unanswered send, and prove it absent once it is enough."""
    settings = turn.settings
    settled: set[str] = set()
    for group_id, group in list(turn.account.groups.items()):
        for order in group.live_orders:
            if not order.is_unknown or order.outcome is not Outcome.UNKNOWN:
                continue
            if is_of_an_earlier_day(turn, order):
                continue  # the books of today say nothing of it
            if book.asked_at_ns <= order.heard_at_ns:
                continue
            turn.record(OrderNotFound(order.tag, order.lookups + 1), group_id)
            waited_ns = turn.now_ns - order.heard_at_ns
            if order.lookups + 1 < settings.absent_tries:
                continue
            if waited_ns < settings.absent_after_ms * NS_PER_MS:
                continue
            turn.record(OrderProvedAbsent(order.tag, order.lookups + 1), group_id)
            settled.add(group_id)
    return settled


def _compare_positions(turn: Turn, book: BookSnapshot) -> set[str]:
    """Look for units that nobody's trades explain. A difference counts when it is seen twice, 5 s apart."""
    account = turn.account
    theirs = {position.key: position.units for position in book.positions}
    keys = set(theirs) | set(account.foreign) | set(account.doubts) | turn.account.held_keys
    keys = {key for key in keys if not _has_expired(turn, key)}
    touched: set[str] = set()
    for key in sorted(keys):
        absent = _lacks_a_row(turn, key, theirs)
        if absent and not _can_be_gone(turn, key, book):
            continue
        difference = theirs.get(key, 0) - account.known_units(key)
        doubt = account.doubts.get(key)
        if difference == 0:
            if doubt is not None:
                turn.record(PositionDoubted(key, 0))
            if _is_settled(turn, key, book):  # while our own orders fill, that the figures meet may be chance
                turn.heal(f"position:{key}", "the books agree again")
            continue
        if turn.guarded("positions-lag") and not _is_old_and_seen_twice(turn, key, book, difference):
            continue
        if absent and not is_absent_for_good(turn, key):
            continue
        if stands_open(turn, key):
            continue  # a person has it in hand
        touched |= _believe(turn, key, difference)
        if not stands_open(turn, key):
            turn.record(PositionDoubted(key, 0))
        account = turn.account
    return touched


def _lacks_a_row(turn: Turn, key: PositionKey, theirs: Mapping[PositionKey, int]) -> bool:
    """Whether the book says nothing about a position that we know."""
    known = turn.account.net_units(key) or turn.account.foreign.get(key, 0)
    if key in theirs or not known:
        turn.clear_alert(f"no-row:{key}")
        return False
    return True


def _can_be_gone(turn: Turn, key: PositionKey, book: BookSnapshot) -> bool:
    """Whether a position without a row can have been closed on a day that nobody here has seen.

    What is closed today is listed with 0 units, by this day's orders; a book that lacks its row is half a
    book, and no reason to trade. What was closed on an earlier day is in no book of this one.
    """
    if not _is_settled(turn, key, book):
        return False  # positions lag trades: the first fill of a day has no row yet
    known = turn.account.net_units(key) or turn.account.foreign.get(key, 0)
    symbols = {order.symbol for order in book.orders} | {trade.symbol for trade in book.trades}
    possible = key.symbol not in symbols and is_carried(turn, key)
    follows = "it is believed if that lasts for a minute" if possible else "it is not believed"
    turn.alert(
        f"no-row:{key}",
        Severity.WARNING,
        f"the broker's position book has no row for {key.symbol}, of which {known:+,} units are known here: "
        f"{follows}, and nothing is sent for it before",
        "books",
    )
    return possible


def _is_old_and_seen_twice(turn: Turn, key: PositionKey, book: BookSnapshot, difference: int) -> bool:
    """Whether a difference is more than the lag of the position book.

    A fill of ours between two looks makes the second one the first: the same figure is then chance.
    """
    if not _is_settled(turn, key, book):
        return False
    doubt = turn.account.doubts.get(key)
    if doubt is None or doubt.units != difference or doubt.since_ns < turn.account.filled_at_ns(key):
        turn.record(PositionDoubted(key, difference))
        return False
    return turn.now_ns - doubt.since_ns >= turn.settings.position_lag_ms * NS_PER_MS


def _has_expired(turn: Turn, key: PositionKey) -> bool:
    """Expired contracts are settled at both ends on their own time: they are not compared."""
    contract = turn.view.contracts.get(key.symbol)
    if contract is None:  # the day's dump no longer lists what expired on an earlier day
        held = (leg.plan.contract for group in turn.account.groups.values() for leg in group.legs)
        contract = next((each for each in held if each.symbol == key.symbol), None)
    return contract is not None and turn.view.has_expired(contract.expiry, turn.now_ns)


def _holders(turn: Turn, key: PositionKey) -> list[tuple[MultiLegOrderGroup, int]]:
    return [
        (group, index)
        for group in turn.account.groups.values()
        for index, leg in enumerate(group.legs)
        if leg.net_units and group.position_key(index) == key
    ]


def _is_settled(turn: Turn, key: PositionKey, book: BookSnapshot) -> bool:
    """Nothing of ours in this position is moving or unanswered, and its last fill is old enough."""
    oldest_ns = turn.now_ns - turn.settings.position_lag_ms * NS_PER_MS
    if turn.account.filled_at_ns(key) > oldest_ns:
        return False
    return all(
        order.purpose is Purpose.STOP or _rests(order, book, oldest_ns)
        for group in turn.account.groups.values()
        if group.plan.product is key.product
        for order in group.live_orders
        if order.symbol == key.symbol
    )


def _rests(order: ChildOrder, book: BookSnapshot, oldest_ns: int) -> bool:
    """Whether an order stands still in this very book, so that all it has traded is known.

    One left in the market for a person, or at a locked price, may stand all day: it must not keep a
    difference out of sight for as long.
    """
    quiet = max(order.heard_at_ns, order.repriced_at_ns) <= oldest_ns
    return quiet and any(row.order_id == order.order_id for row in book.orders)


def _believe(turn: Turn, key: PositionKey, difference: int) -> set[str]:
    """The difference is real: it is the trader's own, or somebody closed units of ours."""
    ours = turn.account.net_units(key)
    foreign = turn.account.foreign.get(key, 0)
    if ours == 0 or (difference > 0) == (ours > 0):
        his = difference
    elif foreign * difference < 0:
        # The trader leaves his own position first: charged to ours, its cover would be sold under his short.
        his = max(difference, -foreign) if difference < 0 else min(difference, -foreign)
    else:
        his = 0
    if his:
        units = foreign + his
        turn.record(ForeignPositionSeen(key, units))
        turn.diverged(
            f"position:{key}",
            DivergenceKind.FOREIGN_POSITION,
            f"{units:+d} {key.symbol} is the trader's own",
            symbol=key.symbol,
            healed="shown and counted in margin; never traded without an operator",
        )
        difference -= his
    if not difference:
        return set()
    holders = _holders(turn, key)
    closed = min(abs(difference), abs(ours))
    everything = closed == sum(abs(group.legs[index].net_units) for group, index in holders)
    whose = len(holders) == 1 or everything
    """Whether it is plain whose units went: of several holders only where nothing is left to any."""
    turn.diverged(
        f"position:{key}",
        DivergenceKind.CLOSED_BY_OTHERS,
        f"{closed} {key.symbol} of ours were closed by someone else",
        symbol=key.symbol,
        group_id=holders[0][0].group_id if len(holders) == 1 else "",
        healed="charged to whoever held them" if whose else "",
    )
    if not whose:
        for group, _ in holders:
            turn.manual(
                group.group_id,
                ManualCause.SHARED_SYMBOL_CLOSED,
                f"{closed} {key.symbol} were closed by someone else, and several groups hold it",
            )
        return {group.group_id for group, _ in holders}
    for group, index in holders:
        units = closed if len(holders) == 1 else abs(group.legs[index].net_units)
        gone = units if group.legs[index].held_units > 0 else -units
        turn.record(
            HoldingClosedByOthers(group.group_id, index, gone, "someone else's trade"), group.group_id
        )
        turn.alert(
            f"closed:{group.group_id}:{key.symbol}",
            Severity.CRITICAL,
            f"{group.group_id}: {units} {key.symbol} were closed by someone else",
            "closed-by-others",
            group.group_id,
        )
    rest = abs(difference) - closed
    if rest:
        sign = 1 if difference > 0 else -1
        turn.record(ForeignPositionSeen(key, turn.account.foreign.get(key, 0) + sign * rest))
    return {group.group_id for group, _ in holders}
