"""``evolve``: what a fact means. Folding a journal uses only this; it never runs policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from core.domain import facts as f
from core.domain.account import (
    Account,
    Alert,
    Divergence,
    JournalIdentity,
    KillSwitch,
    OrderBudget,
    PositionDoubt,
    Severity,
)
from core.domain.groups import Gate, Goal, LegState, MultiLegOrderGroup, Unhedged
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle, require_transition
from core.domain.orders import TERMINAL, ChildOrder, Fill, OrderStatus, OrderType, Outcome, Purpose
from core.domain.tags import group_id_of
from core.domain.timing import NS_PER_S

_MINUTE_NS = 60 * NS_PER_S
_DAY_NS = 86_400 * NS_PER_S
_IST_OFFSET_NS = 19_800 * NS_PER_S
_SEVERITY_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


def evolve(account: Account, row: f.Recorded) -> Account:
    """The account after one more fact. Raises ``IllegalTransition`` for a move that the table has not."""
    fact = row.fact
    account = _MEANING[type(fact)](account, fact, row.at_ns)
    return replace(account, seq=row.seq, at_ns=max(account.at_ns, row.at_ns))


def fold(rows: Iterable[f.Recorded], account: Account | None = None) -> Account:
    """The account that a list of rows adds up to."""
    folded = Account() if account is None else account
    for row in rows:
        folded = evolve(folded, row)
    return folded


def group_of(account: Account, tag: str) -> MultiLegOrderGroup | None:
    """The group whose order carries this tag, if it is one of this journal's."""
    group = account.groups.get(group_id_of(tag))
    return group if group is not None and tag in group.orders else None


def _with_group(account: Account, group: MultiLegOrderGroup) -> Account:
    groups = dict(account.groups)
    groups[group.plan.group_id] = group
    return replace(account, groups=groups)


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
        group = replace(group, legs=_replaced(group.legs, order.leg, leg))
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
        legs=_replaced(group.legs, order.leg, leg),
        first_fill_ns=group.first_fill_ns or at_ns,
        last_fill_ns=at_ns,
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


def _replaced(legs: tuple[LegState, ...], index: int, leg: LegState) -> tuple[LegState, ...]:
    return (*legs[:index], leg, *legs[index + 1 :])


def _change_order(
    account: Account, tag: str, at_ns: int, change: Callable[[ChildOrder], ChildOrder]
) -> Account:
    group = account.groups[group_id_of(tag)]
    before = group.orders[tag]
    return _with_group(account, _with_order(group, before, change(before), at_ns))


def _count_send(account: Account, at_ns: int) -> Account:
    budget = account.budget
    day = (at_ns + _IST_OFFSET_NS) // _DAY_NS
    oldest = at_ns - _MINUTE_NS
    recent = budget.recent_ns
    keep = 0
    while keep < len(recent) and recent[keep] <= oldest:
        keep += 1
    count = budget.day_count + 1 if day == budget.day else 1
    return replace(account, budget=OrderBudget((*recent[keep:], at_ns), day, count))


def _journal_opened(account: Account, fact: f.JournalOpened, at_ns: int) -> Account:
    return replace(
        account,
        identity=JournalIdentity(
            fact.nonce,
            fact.schema_version,
            fact.program_version,
            fact.mode,
            fact.market,
            fact.scenario,
            fact.seed,
        ),
    )


def _settings_adopted(account: Account, fact: f.SettingsAdopted, at_ns: int) -> Account:
    return replace(account, settings=fact.settings)


def _process_started(account: Account, fact: f.ProcessStarted, at_ns: int) -> Account:
    """Whatever was on its way when the last process ended is unanswered now."""
    groups = dict(account.groups)
    for group_id, group in account.groups.items():
        if group.is_over:
            continue
        orders = dict(group.orders)
        for tag in group.live:
            order = orders[tag]
            orders[tag] = replace(
                order,
                outcome=Outcome.UNKNOWN if order.outcome is None else order.outcome,
                heard_at_ns=at_ns,
                lookups=0,
                modify_pending=False,
                cancel_asked_at_ns=0,
            )
        groups[group_id] = replace(group, orders=orders, flat_asked_ns=0, gate_asked_ns=0)
    return replace(account, groups=groups, reconciled_at_ns=0, entries_allowed_ns=0)


def _group_planned(account: Account, fact: f.GroupPlanned, at_ns: int) -> Account:
    plan = fact.plan
    return _with_group(
        account,
        MultiLegOrderGroup(
            plan=plan,
            state=ExecutionLifecycle.PLANNED,
            planned_at_ns=at_ns,
            state_since_ns=at_ns,
            goal=Goal.ENTER,
            goal_since_ns=at_ns,
            copies=plan.copies,
            legs=tuple(LegState(leg) for leg in plan.legs),
            reason="accepted",
        ),
    )


def _state_changed(account: Account, fact: f.StateChanged, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    require_transition(fact.group_id, group.state, fact.state)
    manual = fact.state is ExecutionLifecycle.MANUAL
    leaves_manual = group.state is ExecutionLifecycle.MANUAL
    return _with_group(
        account,
        replace(
            group,
            state=fact.state,
            state_since_ns=at_ns,
            reason=fact.reason,
            cause=fact.cause,
            manual_since_ns=at_ns if manual else 0,
            handled=False,
            flat_asked_ns=0,
            hedge=replace(group.hedge, tries=0) if leaves_manual else group.hedge,
        ),
    )


def _goal_changed(account: Account, fact: f.GoalChanged, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    return _with_group(
        account,
        replace(
            group,
            goal=fact.goal,
            copies=fact.copies,
            goal_since_ns=at_ns,
            extended_until_ns=fact.until_ns or group.extended_until_ns,
            reason=fact.reason,
        ),
    )


def _gate_asked(account: Account, fact: f.GateAsked, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    return _with_group(account, replace(group, gate_asked_ns=at_ns))


def _gate_decided(account: Account, fact: f.GateDecided, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    gate = Gate(
        fact.passed,
        fact.required_paise,
        fact.available_paise,
        fact.use_bps,
        fact.basis,
        fact.sentence,
        at_ns,
        fact.basket_paise,
    )
    return _with_group(account, replace(group, gate=gate, gate_asked_ns=0))


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
    group = replace(group, legs=_replaced(group.legs, order.leg, leg), sends=group.sends + 1)
    return _count_send(_with_group(account, _with_order(group, None, order, at_ns)), at_ns)


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
        trigger_paise=fact.trigger_paise,
        order_type=order_type,
        modify_pending=False,
        modify_refusals=order.modify_refusals + undone,
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
    group = replace(group, legs=_replaced(group.legs, order.leg, leg))
    return _with_id(_with_group(account, group), fact.order_id, fact.tag)


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
    return _count_send(account, at_ns)


def _modify_answered(account: Account, fact: f.ModifyAnswered, at_ns: int) -> Account:
    def change(order: ChildOrder) -> ChildOrder:
        order = replace(order, modify_pending=False, heard_at_ns=at_ns)
        if fact.outcome is Outcome.CONFIRMED:
            return replace(
                order,
                limit_paise=order.asked_limit_paise or order.limit_paise,
                units=order.asked_units or order.units,
                trigger_paise=order.asked_trigger_paise or order.trigger_paise,
                order_type=OrderType.LIMIT if order.asked_to_limit else order.order_type,
                modify_refusals=0,
                asked_limit_paise=0,
                asked_units=0,
                asked_to_limit=False,
                asked_trigger_paise=0,
            )
        if fact.outcome is Outcome.UNKNOWN:
            return replace(order, message=fact.message)
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
    return _count_send(account, at_ns)


def _cancel_answered(account: Account, fact: f.CancelAnswered, at_ns: int) -> Account:
    return _change_order(
        account,
        fact.tag,
        at_ns,
        lambda order: replace(order, message=fact.message or order.message, heard_at_ns=at_ns),
    )


def _leg_added(account: Account, fact: f.LegAdded, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    return _with_group(account, replace(group, legs=(*group.legs, LegState(fact.leg))))


def _legs_retired(account: Account, fact: f.LegsRetired, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    legs = tuple(
        replace(leg, retired_at_ns=leg.retired_at_ns or at_ns) if index in fact.legs else leg
        for index, leg in enumerate(group.legs)
    )
    return _with_group(account, replace(group, legs=legs))


def _exposure_breached(account: Account, fact: f.ExposureBreached, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    outside = group.unhedged
    return _with_group(
        account,
        replace(
            group,
            unhedged=replace(
                outside,
                since_ns=outside.since_ns or at_ns,
                uncovered_max_units=max(outside.uncovered_max_units, fact.uncovered_units),
                reason=fact.reason,
            ),
        ),
    )


def _exposure_restored(account: Account, fact: f.ExposureRestored, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    outside = group.unhedged
    restored = Unhedged(
        since_ns=0,
        total_ns=outside.total_ns + fact.outside_ns,
        longest_ns=max(outside.longest_ns, fact.outside_ns),
        uncovered_max_units=outside.uncovered_max_units,
    )
    hedge = replace(group.hedge, tries=0)
    return _with_group(account, replace(group, unhedged=restored, hedge=hedge))


def _hedge_wanted(account: Account, fact: f.HedgeWanted, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    hedge = replace(
        group.hedge,
        kind=fact.hedge,
        wanted_at_ns=at_ns,
        tries=group.hedge.tries + 1,
        hedges=group.hedge.hedges + 1,
    )
    account = _with_group(account, replace(group, hedge=hedge))
    return replace(account, emergency_hedges=account.emergency_hedges + 1)


def _hedge_window_opened(account: Account, fact: f.HedgeWindowOpened, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    return _with_group(account, replace(group, hedge=replace(group.hedge, window_closes_ns=fact.closes_ns)))


def _hedge_window_closed(account: Account, fact: f.HedgeWindowClosed, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    return _with_group(account, replace(group, hedge=replace(group.hedge, window_closes_ns=0)))


def _holding_closed(account: Account, fact: f.HoldingClosedByOthers, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    leg = group.legs[fact.leg]
    leg = replace(leg, closed_units=leg.closed_units + fact.units)
    return _with_group(account, replace(group, legs=_replaced(group.legs, fact.leg, leg)))


def _holding_adopted(account: Account, fact: f.HoldingAdopted, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    leg = group.legs[fact.leg]
    leg = replace(leg, closed_units=leg.closed_units - fact.units)
    return _with_group(account, replace(group, legs=_replaced(group.legs, fact.leg, leg)))


def _flat_check_asked(account: Account, fact: f.FlatCheckAsked, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    return _with_group(account, replace(group, flat_asked_ns=at_ns))


def _books_reconciled(account: Account, fact: f.BooksReconciled, at_ns: int) -> Account:
    return replace(account, reconciled_at_ns=at_ns, entries_allowed_ns=fact.entries_allowed_ns)


def _session_ended(account: Account, fact: f.SessionEnded, at_ns: int) -> Account:
    first = account.session_ended != fact.day
    return replace(
        account,
        session_ended=fact.day,
        carried=dict(fact.carried),
        overnight_checked=not first or not fact.carried,
    )


def _divergence_found(account: Account, fact: f.DivergenceFound, at_ns: int) -> Account:
    divergences = dict(account.divergences)
    divergences[fact.divergence_id] = Divergence(
        fact.divergence_id, fact.divergence, at_ns, fact.detail, fact.group_id, fact.symbol
    )
    return replace(account, divergences=divergences)


def _divergence_healed(account: Account, fact: f.DivergenceHealed, at_ns: int) -> Account:
    divergences = dict(account.divergences)
    found = divergences[fact.divergence_id]
    divergences[fact.divergence_id] = replace(found, healed_ns=at_ns, how=fact.how)
    return replace(account, divergences=divergences)


def _position_doubted(account: Account, fact: f.PositionDoubted, at_ns: int) -> Account:
    doubts = dict(account.doubts)
    if fact.units:
        doubts[fact.key] = PositionDoubt(fact.units, at_ns)
    else:
        doubts.pop(fact.key, None)
    return replace(account, doubts=doubts)


def _foreign_position_seen(account: Account, fact: f.ForeignPositionSeen, at_ns: int) -> Account:
    foreign = dict(account.foreign)
    if fact.units:
        foreign[fact.key] = fact.units
    else:
        foreign.pop(fact.key, None)
    return replace(account, foreign=foreign)


def _foreign_order_seen(account: Account, fact: f.ForeignOrderSeen, at_ns: int) -> Account:
    foreign = dict(account.foreign_orders)
    foreign[fact.order_id] = fact.description
    return replace(account, foreign_orders=foreign)


def _alert_raised(account: Account, fact: f.AlertRaised, at_ns: int) -> Account:
    alerts = dict(account.alerts)
    before = alerts.get(fact.alert_id)
    if before is None:
        alert = Alert(
            fact.alert_id,
            fact.severity,
            fact.text,
            fact.runbook,
            at_ns,
            at_ns,
            group_id=fact.group_id,
        )
    else:
        worse = before.cleared or _SEVERITY_RANK[fact.severity] > _SEVERITY_RANK[before.severity]
        alert = replace(
            before,
            severity=fact.severity,
            text=fact.text,
            runbook=fact.runbook,
            last_ns=at_ns,
            count=before.count + 1,
            acknowledged=before.acknowledged and not worse,
            cleared=False,
        )
    alerts[fact.alert_id] = alert
    return replace(account, alerts=alerts)


def _alert_cleared(account: Account, fact: f.AlertCleared, at_ns: int) -> Account:
    alerts = dict(account.alerts)
    alerts[fact.alert_id] = replace(alerts[fact.alert_id], cleared=True)
    return replace(account, alerts=alerts)


def _alert_acknowledged(account: Account, fact: f.AlertAcknowledged, at_ns: int) -> Account:
    alerts = dict(account.alerts)
    alerts[fact.alert_id] = replace(alerts[fact.alert_id], acknowledged=True)
    return replace(account, alerts=alerts)


def _kill_switch_tripped(account: Account, fact: f.KillSwitchTripped, at_ns: int) -> Account:
    before = account.kill
    if before.tripped:
        return replace(account, kill=replace(before, flatten=before.flatten or fact.flatten))
    return replace(account, kill=KillSwitch(True, fact.cause, fact.by, at_ns, fact.flatten))


def _kill_switch_reset(account: Account, fact: f.KillSwitchReset, at_ns: int) -> Account:
    return replace(account, kill=KillSwitch())


def _group_handled(account: Account, fact: f.GroupHandled, at_ns: int) -> Account:
    return _with_group(account, replace(account.groups[fact.group_id], handled=True))


def _journal_failed(account: Account, fact: f.JournalFailed, at_ns: int) -> Account:
    return replace(account, journal_failed=True)


def _journal_returned(account: Account, fact: f.JournalReturned, at_ns: int) -> Account:
    return replace(account, journal_failed=False)


def _told_only(account: Account, fact: f.Fact, at_ns: int) -> Account:
    """A fact that is for people and for the record; it changes nothing that decisions read."""
    return account


_MEANING: dict[type[f.Fact], Callable[[Account, Any, int], Account]] = {
    f.JournalOpened: _journal_opened,
    f.SettingsAdopted: _settings_adopted,
    f.ProcessStarted: _process_started,
    f.GroupPlanned: _group_planned,
    f.StateChanged: _state_changed,
    f.GoalChanged: _goal_changed,
    f.GateAsked: _gate_asked,
    f.GateDecided: _gate_decided,
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
    f.LegAdded: _leg_added,
    f.LegsRetired: _legs_retired,
    f.ExposureBreached: _exposure_breached,
    f.ExposureRestored: _exposure_restored,
    f.HedgeWanted: _hedge_wanted,
    f.HedgeWindowOpened: _hedge_window_opened,
    f.HedgeWindowClosed: _hedge_window_closed,
    f.HoldingClosedByOthers: _holding_closed,
    f.HoldingAdopted: _holding_adopted,
    f.FlatCheckAsked: _flat_check_asked,
    f.BooksReconciled: _books_reconciled,
    f.SessionEnded: _session_ended,
    f.DivergenceFound: _divergence_found,
    f.DivergenceHealed: _divergence_healed,
    f.PositionDoubted: _position_doubted,
    f.ForeignPositionSeen: _foreign_position_seen,
    f.ForeignOrderSeen: _foreign_order_seen,
    f.AlertRaised: _alert_raised,
    f.AlertCleared: _alert_cleared,
    f.AlertAcknowledged: _alert_acknowledged,
    f.KillSwitchTripped: _kill_switch_tripped,
    f.KillSwitchReset: _kill_switch_reset,
    f.OperatorActed: _told_only,
    f.GroupHandled: _group_handled,
    f.DecisionFailed: _told_only,
    f.JournalFailed: _journal_failed,
    f.JournalReturned: _journal_returned,
}

if set(_MEANING) != set(f.FACT_TYPES):  # a fact without a meaning must not get as far as a journal
    raise TypeError(f"facts without a meaning: {set(f.FACT_TYPES) ^ set(_MEANING)}")
