"""What the broker says about orders, taken over: repeated, late and out of order.

A filled quantity is the largest that any source has told; a trade counts once, by its id; an order that is
over still takes a late fill. Nothing is recorded that was known already.
"""

from __future__ import annotations

from dataclasses import replace

from core.domain.account import DivergenceKind, Severity
from core.domain.effects import ReadBooks
from core.domain.evolve import group_of
from core.domain.facts import (
    CancelAnswered,
    FillRecorded,
    ForeignOrderSeen,
    LegAdded,
    ModifyAnswered,
    OrderAnswered,
    OrderIntended,
    OrderSeen,
)
from core.domain.groups import LegPlan, LegType, MultiLegOrderGroup
from core.domain.inputs import CancelReply, ModifyReply, SendReply
from core.domain.orders import (
    TERMINAL,
    ChildOrder,
    OrderReport,
    OrderStatus,
    OrderType,
    Outcome,
    Purpose,
    Source,
    TradeReport,
)
from core.domain.tags import child_of, group_id_of, leg_of
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.policy.turn import Turn


def merge_send_reply(turn: Turn, reply: SendReply) -> str | None:
    """Take over the answer to a send. Returns the group concerned."""
    group = group_of(turn.account, reply.tag)
    if group is None:
        return None
    order = group.orders[reply.tag]
    told_already = order.outcome is Outcome.CONFIRMED
    if told_already and reply.outcome is not Outcome.CONFIRMED:
        # The books or the stream have shown the order: an answer that was lost or late takes nothing back.
        return group.group_id
    if told_already and reply.order_id == order.order_id:
        return group.group_id
    outcome = reply.outcome
    if outcome is Outcome.UNKNOWN and not turn.guarded("tag-lookup"):
        outcome = Outcome.REJECTED
    turn.record(OrderAnswered(reply.tag, outcome, reply.order_id, reply.message), group.group_id)
    if outcome is Outcome.UNKNOWN:
        turn.perform(ReadBooks(f"{reply.tag} went unanswered"))
    return group.group_id


def merge_modify_reply(turn: Turn, reply: ModifyReply) -> str | None:
    """Take over the answer to a modification. Returns the group concerned."""
    group = group_of(turn.account, reply.tag)
    if group is None:
        return None
    order = group.orders[reply.tag]
    if reply.number and reply.number < order.modifies:
        return None  # a frame or a book told before what became of it, and another one is on its way
    turn.record(ModifyAnswered(reply.tag, reply.outcome, reply.message), group.group_id)
    if reply.outcome is not Outcome.CONFIRMED:
        turn.perform(ReadBooks(f"a modification of {reply.tag} was not confirmed"))
    elif order.purpose is Purpose.STOP:
        turn.perform(ReadBooks(f"whether the modification of {reply.tag} was carried out"))
    return group.group_id


def merge_cancel_reply(turn: Turn, reply: CancelReply) -> str | None:
    """Take over the answer to a request to cancel. Returns the group concerned."""
    group = group_of(turn.account, reply.tag)
    if group is None:
        return None
    turn.record(CancelAnswered(reply.tag, reply.outcome, reply.message), group.group_id)
    if reply.outcome is not Outcome.CONFIRMED:
        turn.perform(ReadBooks(f"a cancel of {reply.tag} was not confirmed"))
    return group.group_id


def merge_order(turn: Turn, report: OrderReport, source: Source, asked_ns: int = 0) -> str | None:
    """Take over one order as the broker describes it. Returns the group concerned, ``None`` if not ours.

    ``asked_ns`` is when the whole book was asked for of which it is a row; 0 where it is none.
    """
    tag = _our_tag(turn, report)
    if tag is None:
        _note_foreign(turn, report, source)
        return None
    group = group_of(turn.account, tag)
    if group is None:
        if not _adopt(turn, report, tag):
            return None
        group = turn.group(group_id_of(tag))
    order = group.orders[tag]
    status = _merged_status(order, report)
    filled = max(order.filled_units, report.filled_units)
    if not turn.guarded("max-not-sum"):
        filled = order.filled_units + report.filled_units
    limit = report.limit_paise
    if report.at_ns < max(order.repriced_at_ns, order.settled_ns):
        limit = order.limit_paise  # told before the order was last re-priced
    shape = _is_young(order, report, asked_ns) and _has_new_shape(order, report)
    known = (
        order.order_id == report.order_id
        and status is order.status
        and filled == order.filled_units
        and (order.modify_pending or order.is_terminal or limit == order.limit_paise)
        and not shape
    )
    if known:
        return group.group_id
    _note_difference(turn, group.group_id, order, report, status, source)
    told = report.filled_units if turn.guarded("max-not-sum") else filled
    seen = OrderSeen(tag, report.order_id, status, told, limit, source, report.message)
    if shape:
        seen = replace(
            seen,
            units=report.units,
            trigger_paise=report.trigger_paise,
            order_type=report.order_type,
            told_ns=report.at_ns,
        )
    turn.record(seen, group.group_id)
    return group.group_id


def _is_young(order: ChildOrder, report: OrderReport, asked_ns: int) -> bool:
    """Whether a report tells how the order stands after it was last changed.

    The change leaves after it was decided, and what the exchange did to the order in between is stamped
    later than the decision: what counts is when the change was confirmed. A stamp of whole seconds says
    too little; a book says enough where it was asked for once nothing from before could be on its way.
    """
    if report.filled_units < order.filled_units:
        return False  # told before a fill that is known already
    changed_ns = max(order.repriced_at_ns, order.settled_ns)
    return report.at_ns > changed_ns or asked_ns >= changed_ns + _ON_ITS_WAY_NS


_ON_ITS_WAY_NS = 5 * NS_PER_S
"""A book can be seconds old: what it shows from before the change says nothing for that long."""


def _has_new_shape(order: ChildOrder, report: OrderReport) -> bool:
    """Whether a report settles what quantity, trigger and kind the order has at the broker.

    While a modification is unanswered only one that shows it carried out does.
    """
    if order.is_terminal:
        return False
    same = (report.units, report.order_type) == (order.units, order.order_type) and (
        report.order_type is OrderType.LIMIT or report.trigger_paise == order.trigger_paise
    )
    if not order.asked_limit_paise:
        return not same or bool(order.unsettled_units)
    kind = OrderType.LIMIT if order.asked_to_limit else order.order_type
    carried_out = (report.units, report.order_type, report.limit_paise) == (
        order.asked_units,
        kind,
        order.asked_limit_paise,
    )
    return carried_out or not order.modify_pending


def merge_trade(turn: Turn, report: TradeReport, source: Source) -> str | None:
    """Take over one trade, once. Returns the group concerned, ``None`` if it is known or not ours."""
    tag = turn.account.tags.get(report.order_id)
    if tag is None:
        return None
    group = group_of(turn.account, tag)
    if group is None:
        return None
    order = group.orders[tag]
    if any(trade.trade_id == report.trade_id for trade in order.trades):
        return None
    turn.record(
        FillRecorded(
            trade_id=report.trade_id,
            symbol=report.symbol,
            units=report.units,
            side=report.side,
            price_paise=report.price_paise,
            group_id=group.group_id,
            tag=tag,
            order_id=report.order_id,
            traded_at_ns=report.at_ns,
            source=source,
        ),
        group.group_id,
    )
    return group.group_id


def _our_tag(turn: Turn, report: OrderReport) -> str | None:
    known = turn.account.tags.get(report.order_id)
    if known is not None:
        return known
    nonce = turn.account.identity.nonce
    for tag in report.tags:
        if nonce and tag.startswith(nonce) and group_id_of(tag):
            return tag
    return None


def _merged_status(order: ChildOrder, report: OrderReport) -> OrderStatus:
    """A status is never taken back by an older one, and an unknown word changes nothing."""
    status = report.status or (OrderStatus.PENDING if order.status is OrderStatus.INTENDED else order.status)
    if status is OrderStatus.COMPLETE:
        return status
    if order.status in TERMINAL:
        return order.status
    behind = report.filled_units < order.filled_units and status not in TERMINAL
    early = status is OrderStatus.PENDING and order.status not in (
        OrderStatus.INTENDED,
        OrderStatus.PENDING,
    )
    return order.status if behind or early else status


def _note_difference(
    turn: Turn,
    group_id: str,
    order: ChildOrder,
    report: OrderReport,
    status: OrderStatus,
    source: Source,
) -> None:
    """What a poll finds that no frame told, and what comes after the end, are differences worth counting."""
    late = order.is_terminal and report.filled_units > order.filled_units
    if late:
        turn.diverged(
            f"late:{order.tag}:{report.filled_units}",
            DivergenceKind.LATE_FILL,
            f"{order.tag} filled {report.filled_units - order.filled_units} after it was over",
            group_id=group_id,
            symbol=order.symbol,
            healed="taken over; the group is rebalanced",
        )
        turn.alert(
            f"late:{order.tag}",
            Severity.WARNING,
            f"{group_id}: a late fill of {report.filled_units - order.filled_units} {order.symbol}",
            "late-fill",
            group_id,
        )
        return
    if source is not Source.POLL or order.is_unknown:
        return
    lag_ns = turn.settings.lookup_every_ms * NS_PER_MS
    if turn.now_ns - report.at_ns < lag_ns:
        return  # the frame may still be on its way
    kind, what = None, ""
    if report.filled_units > order.filled_units:
        kind, what = DivergenceKind.MISSED_FILL, f"{report.filled_units - order.filled_units} filled"
    elif status is OrderStatus.CANCELLED and order.status is not status:
        kind, what = DivergenceKind.MISSED_CANCEL, "cancelled"
    elif status is OrderStatus.REJECTED and order.status is not status:
        kind, what = DivergenceKind.MISSED_REJECT, f"rejected: {report.message}"
    if kind is not None:
        turn.diverged(
            f"{kind.value}:{order.tag}:{report.filled_units}",
            kind,
            f"{order.symbol} {what}",
            group_id=group_id,
            symbol=order.symbol,
            healed="taken over from the order book",
        )


def _note_foreign(turn: Turn, report: OrderReport, source: Source) -> None:
    """An order that is not ours: it is noted once. What it trades of ours is looked for at once."""
    ours = any(
        leg.plan.contract.symbol == report.symbol
        for group in turn.account.groups.values()
        if not group.is_over
        for leg in group.legs
    )
    description = f"{report.side.value} {report.units} {report.symbol}"
    if ours and source is Source.STREAM and report.filled_units:
        turn.perform(ReadBooks(f"someone else has traded: {description}"))
    if report.order_id in turn.account.foreign_orders:
        return
    turn.record(ForeignOrderSeen(report.order_id, description))
    turn.diverged(
        f"foreign:{report.order_id}",
        DivergenceKind.FOREIGN_ORDER,
        f"an order that is not ours: {description}",
        symbol=report.symbol,
        healed="noted; it is never touched",
    )
    if ours:
        turn.alert(
            f"foreign:{report.symbol}",
            Severity.CRITICAL,
            f"someone else trades {report.symbol}, which a group of ours holds: {description}",
            "foreign-order",
        )


def _let_go(turn: Turn, report: OrderReport, divergence: str) -> None:
    """An order of ours that no group knows is over: what it has filled is shown as the trader's own."""
    turn.heal(divergence, "the order is over")
    if report.filled_units:
        turn.alert(
            f"{divergence}:filled",
            Severity.CRITICAL,
            f"an order of ours that the journal does not know has filled: {report.side.value} "
            f"{report.filled_units} {report.symbol}; no group holds it, and nobody here closes it",
            "unknown-order",
        )


def _adopt(turn: Turn, report: OrderReport, tag: str) -> bool:
    """An order that carries our nonce and that the journal does not know: take it into its group."""
    group = turn.account.groups.get(group_id_of(tag))
    divergence = f"unknown:{tag}"
    leg = _leg_for(turn, group, report, tag) if group is not None else None
    if group is None or leg is None:
        if report.status in TERMINAL:
            _let_go(turn, report, divergence)
            return False
        turn.diverged(
            divergence,
            DivergenceKind.UNKNOWN_ORDER_OF_OURS,
            f"order {report.order_id} carries our tag {tag}, but no group of this journal",
            symbol=report.symbol,
        )
        turn.alert(
            divergence,
            Severity.CRITICAL,
            f"an order of ours that the journal does not know: {report.side.value} {report.units} "
            f"{report.symbol}",
            "unknown-order",
        )
        return False
    plan = turn.group(group.group_id).legs[leg].plan
    child, attempt = child_of(tag)
    entry = report.side is plan.side
    stop = report.order_type is OrderType.SL and not entry
    opening = Purpose.ENTRY if leg < len(group.plan.legs) else Purpose.HEDGE
    order = ChildOrder(
        tag=tag,
        group_id=group.group_id,
        leg=leg,
        child=child,
        attempt=attempt,
        purpose=Purpose.STOP if stop else opening if entry else Purpose.EXIT,
        symbol=report.symbol,
        exchange=report.exchange,
        product=report.product,
        side=report.side,
        units=report.units,
        lot_units=plan.contract.lot_units,
        order_type=report.order_type,
        limit_paise=report.limit_paise,
        trigger_paise=report.trigger_paise,
        intended_at_ns=report.at_ns or turn.now_ns,
    )
    turn.record(OrderIntended(order, 0, 0), group.group_id)
    turn.diverged(
        divergence,
        DivergenceKind.UNKNOWN_ORDER_OF_OURS,
        f"order {report.order_id} of {group.group_id} was not in the journal",
        group_id=group.group_id,
        symbol=report.symbol,
        healed="adopted into its group",
    )
    return True


def _leg_for(turn: Turn, group: MultiLegOrderGroup, report: OrderReport, tag: str) -> int | None:
    """The leg that an adopted order belongs to. One of a hedge that the journal does not know is added."""
    leg = leg_of(tag)
    if leg < len(group.legs):
        return leg
    contract = turn.view.contracts.get(report.symbol)
    if leg > len(group.legs) or contract is None:
        return None
    reason = "an emergency hedge that an earlier process could not write down"
    plan = LegPlan(leg, contract, report.side, 1, LegType.HEDGE, 50, reason)
    turn.record(LegAdded(group.group_id, plan), group.group_id)
    return leg
