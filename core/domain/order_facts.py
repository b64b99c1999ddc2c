"""What facts about orders mean: knowledge that only grows, and units that are counted once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.domain import facts as f
from core.domain.account import Account, OrderBudget
from core.domain.groups import MultiLegOrderGroup, replaced_leg
from core.domain.instruments import Side
from core.domain.meaning import Meaning
from core.domain.orders import TERMINAL, ChildOrder, Fill, OrderStatus, OrderType, Outcome, Purpose
from core.domain.tags import group_id_of
from core.domain.timing import NS_PER_S

_MINUTE_NS = 60 * NS_PER_S
_DAY_NS = 86_400 * NS_PER_S
_IST_OFFSET_NS = 19_800 * NS_PER_S


def _with_order(
    group: MultiLegOrderGroup, before: ChildOrder | None, order: ChildOrder, at_ns: int
) -> MultiLegOrderGroup:
    """Put an order's new state into its group, and what it has filled into its leg."""
    orders = dict(group.orders)
    orders[order.tag] = order
    live = group.live
    if order.is_terminal:
        if order.tag in live:
            live = tuple(tag for tag in live if tag != order.tag)
    elif order.tag not in live:
        live = (*live, order.tag)
    filled = order.filled_units - (before.filled_units if before is not None else 0)
    leg = group.legs[order.leg]
    if before is not None and not leg.stop_triggered_ns and _was_triggered(before, order):
        leg = replace(leg, stop_triggered_ns=at_ns)
        group = replace(group, legs=replaced_leg(group.legs, order.leg, leg))
    if not filled:
        return replace(group, orders=orders, live=live)
    if order.side is Side.BUY:
        leg = replace(leg, bought_units=leg.bought_units + filled, filled_at_ns=at_ns)
    else:
        leg = replace(leg, sold_units=leg.sold_units + filled, filled_at_ns=at_ns)
    return replace(
        group,
        orders=orders,
        live=live,
        legs=replaced_leg(group.legs, order.leg, leg),
        first_fill_ns=group.first_fill_ns or at_ns,
        last_fill_ns=at_ns,
        handled=False,
    )


def _was_triggered(before: ChildOrder, order: ChildOrder) -> bool:
    """Whether a resting stop has been released by the market, or was turned away when it should have been.

    A stop that we ourselves turned into a limit order is not triggered by being open.
    """
    if before.purpose is not Purpose.STOP or order.order_type is not OrderType.SL or before.asked_to_limit:
        return False
    if order.filled_units or order.status in (OrderStatus.OPEN, OrderStatus.COMPLETE):
        return True
    return before.status is OrderStatus.TRIGGER_PENDING and order.status is OrderStatus.REJECTED


def _change_order(
    account: Account, tag: str, at_ns: int, change: Callable[[ChildOrder], ChildOrder]
) -> Account:
    group = account.groups[group_id_of(tag)]
    before = group.orders[tag]
    return account.with_group(_with_order(group, before, change(before), at_ns))


def _count_send(account: Account, at_ns: int, sent_ns: int) -> Account:
    """Count a send at the time at which it left, where that is known to be earlier than now."""
    sent_ns = min(sent_ns, at_ns)
    budget = account.budget
    day = (at_ns + _IST_OFFSET_NS) // _DAY_NS
    recent = budget.recent_ns
    recent = (*recent, sent_ns) if not recent or recent[-1] <= sent_ns else tuple(sorted((*recent, sent_ns)))
    oldest = at_ns - _MINUTE_NS
    keep = 0
    while keep < len(recent) and recent[keep] <= oldest:
        keep += 1
    count = budget.day_count if day == budget.day else 0
    return replace(account, budget=OrderBudget(recent[keep:], day, count + 1))


def _order_intended(account: Account, fact: f.OrderIntended, at_ns: int) -> Account:
    order = replace(fact.order, heard_at_ns=at_ns)
    group = account.groups[order.group_id]
    leg = group.legs[order.leg]
    arrival = leg.arrival_paise
    if not arrival and order.side is leg.plan.side:
        arrival = fact.ask_paise if order.side is Side.BUY else fact.bid_paise
    leg = replace(
        leg,
        children=max(leg.children, order.child),
        arrival_paise=arrival,
        sent_at_ns=leg.sent_at_ns or at_ns,
    )
    group = replace(group, legs=replaced_leg(group.legs, order.leg, leg), sends=group.sends + 1)
    account = account.with_group(_with_order(group, None, order, at_ns))
    return _count_send(account, at_ns, order.intended_at_ns or at_ns)  # one that is adopted left earlier


def _order_answered(account: Account, fact: f.OrderAnswered, at_ns: int) -> Account:
    def change(order: ChildOrder) -> ChildOrder:
        status = order.status
        if fact.outcome is Outcome.CONFIRMED and status is OrderStatus.INTENDED:
            status = OrderStatus.PENDING
        return replace(
            order,
            outcome=fact.outcome,
            order_id=fact.order_id or order.order_id,
            status=status,
            message=fact.message or order.message,
            heard_at_ns=at_ns,
            lookups=0,
        )

    account = _change_order(account, fact.tag, at_ns, change)
    return _with_id(account, fact.order_id, fact.tag)


def _with_id(account: Account, order_id: str | None, tag: str) -> Account:
    if order_id is None or account.tags.get(order_id) == tag:
        return account
    tags = dict(account.tags)
    tags[order_id] = tag
    return replace(account, tags=tags)


def _order_seen(account: Account, fact: f.OrderSeen, at_ns: int) -> Account:
    def change(order: ChildOrder) -> ChildOrder:
        filled = max(order.filled_units, fact.filled_units)
        status = order.status if order.status in TERMINAL else fact.status
        if filled >= order.units and fact.status is OrderStatus.COMPLETE:
            status = OrderStatus.COMPLETE
        if fact.order_type is not None:
            order = _with_shape(order, fact, fact.order_type)
        return replace(
            order,
            outcome=Outcome.CONFIRMED,
            order_id=fact.order_id,
            status=status,
            filled_units=filled,
            limit_paise=fact.limit_paise or order.limit_paise,
            message=fact.message or order.message,
            cancel_pending=order.cancel_pending and status not in TERMINAL,
            cancel_since_ns=0 if status in TERMINAL else order.cancel_since_ns,
            heard_at_ns=at_ns,
            lookups=0,
        )

    account = _change_order(account, fact.tag, at_ns, change)
    return _with_id(account, fact.order_id, fact.tag)


def _with_shape(order: ChildOrder, fact: f.OrderSeen, order_type: OrderType) -> ChildOrder:
    """Quantity, trigger and kind as the broker has them: whatever modification was on its way is settled.

    A stop that is a stop again after its change into a limit was accepted has been refused that change.
    """
    undone = order.order_type is OrderType.LIMIT and order_type is OrderType.SL
    return replace(
        order,
        units=fact.units or order.units,
        settled_ns=max(order.settled_ns, fact.told_ns),
        trigger_paise=fact.trigger_paise,
        order_type=order_type,
        modify_pending=False,
        modify_refusals=order.modify_refusals + undone,
        unsettled_units=0,
        asked_limit_paise=0,
        asked_units=0,
        asked_to_limit=False,
        asked_trigger_paise=0,
    )


def _order_not_found(account: Account, fact: f.OrderNotFound, at_ns: int) -> Account:
    return _change_order(account, fact.tag, at_ns, lambda order: replace(order, lookups=fact.lookup))


def _order_proved_absent(account: Account, fact: f.OrderProvedAbsent, at_ns: int) -> Account:
    return _change_order(
        account,
        fact.tag,
        at_ns,
        lambda order: replace(order, outcome=Outcome.REJECTED, message="proved absent from both books"),
    )


def _fill_recorded(account: Account, fact: f.FillRecorded, at_ns: int) -> Account:
    """A trade adds its price and id; units only where no cumulative quantity told of them before."""
    group = account.groups[fact.group_id]
    before = group.orders[fact.tag]
    trade = Fill(
        fact.trade_id,
        fact.order_id,
        fact.symbol,
        fact.side,
        fact.units,
        fact.price_paise,
        fact.traded_at_ns,
    )
    trades = (*before.trades, trade)
    traded = sum(each.units for each in trades)
    order = replace(
        before,
        trades=trades,
        filled_units=max(before.filled_units, traded),
        outcome=Outcome.CONFIRMED,
        order_id=fact.order_id,
        heard_at_ns=at_ns,
        lookups=0,
    )
    group = _with_order(group, before, order, at_ns)
    leg = group.legs[order.leg]
    value = fact.units * fact.price_paise
    if fact.side is Side.BUY:
        leg = replace(
            leg,
            bought_value_paise=leg.bought_value_paise + value,
            priced_bought_units=leg.priced_bought_units + fact.units,
        )
    else:
        leg = replace(
            leg,
            sold_value_paise=leg.sold_value_paise + value,
            priced_sold_units=leg.priced_sold_units + fact.units,
        )
    group = replace(group, legs=replaced_leg(group.legs, order.leg, leg))
    return _with_id(account.with_group(group), fact.order_id, fact.tag)


def _modify_intended(account: Account, fact: f.ModifyIntended, at_ns: int) -> Account:
    account = _change_order(
        account,
        fact.tag,
        at_ns,
        lambda order: replace(
            order,
            modifies=order.modifies + 1,
            repriced_at_ns=at_ns,
            modify_pending=True,
            asked_limit_paise=fact.limit_paise,
            asked_units=fact.units,
            asked_to_limit=fact.to_limit,
            asked_trigger_paise=fact.trigger_paise,
        ),
    )
    return _count_send(account, at_ns, at_ns)


def _modify_answered(account: Account, fact: f.ModifyAnswered, at_ns: int) -> Account:
    def change(order: ChildOrder) -> ChildOrder:
        order = replace(order, modify_pending=False, heard_at_ns=at_ns)
        if fact.outcome is Outcome.CONFIRMED:
            return replace(
                order,
                limit_paise=order.asked_limit_paise or order.limit_paise,
                units=order.asked_units or order.units,
                settled_ns=at_ns,
                trigger_paise=order.asked_trigger_paise or order.trigger_paise,
                order_type=OrderType.LIMIT if order.asked_to_limit else order.order_type,
                modify_refusals=0,
                unsettled_units=0,
                asked_limit_paise=0,
                asked_units=0,
                asked_to_limit=False,
                asked_trigger_paise=0,
            )
        if fact.outcome is Outcome.UNKNOWN:
            return replace(order, message=fact.message, unsettled_units=order.most_units)
        return replace(
            order,
            message=fact.message,
            modify_refusals=order.modify_refusals + 1,
            asked_limit_paise=0,
            asked_units=0,
            asked_to_limit=False,
            asked_trigger_paise=0,
        )

    return _change_order(account, fact.tag, at_ns, change)


def _cancel_intended(account: Account, fact: f.CancelIntended, at_ns: int) -> Account:
    account = _change_order(
        account,
        fact.tag,
        at_ns,
        lambda order: replace(
            order,
            cancel_pending=True,
            cancel_asked_at_ns=at_ns,
            cancel_asks=order.cancel_asks + 1,
            cancel_since_ns=order.cancel_since_ns or at_ns,
        ),
    )
    return _count_send(account, at_ns, at_ns)


def _cancel_answered(account: Account, fact: f.CancelAnswered, at_ns: int) -> Account:
    return _change_order(
        account,
        fact.tag,
        at_ns,
        lambda order: replace(order, message=fact.message or order.message, heard_at_ns=at_ns),
    )


MEANING: dict[type[f.Fact], Meaning] = {
    f.OrderIntended: _order_intended,
    f.OrderAnswered: _order_answered,
    f.OrderSeen: _order_seen,
    f.OrderNotFound: _order_not_found,
    f.OrderProvedAbsent: _order_proved_absent,
    f.FillRecorded: _fill_recorded,
    f.ModifyIntended: _modify_intended,
    f.ModifyAnswered: _modify_answered,
    f.CancelIntended: _cancel_intended,
    f.CancelAnswered: _cancel_answered,
}
