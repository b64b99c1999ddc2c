"""What facts about a group mean: its life, its goal, its exposure and its hedges."""

from __future__ import annotations

from dataclasses import replace

from core.domain import facts as f
from core.domain.account import Account
from core.domain.groups import CarriedValue, Gate, Goal, LegState, MultiLegOrderGroup, Unhedged, replaced_leg
from core.domain.lifecycle import ExecutionLifecycle, require_transition
from core.domain.meaning import Meaning


def _group_planned(account: Account, fact: f.GroupPlanned, at_ns: int) -> Account:
    plan = fact.plan
    return account.with_group(
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
    unhedged = group.unhedged
    if fact.state is ExecutionLifecycle.CLOSED and unhedged.since_ns:
        # Nobody measures a group that has ended: the time outside its limits ends with it.
        unhedged = _inside_again(unhedged, at_ns - unhedged.since_ns)
    return account.with_group(
        replace(
            group,
            state=fact.state,
            state_since_ns=at_ns,
            reason=fact.reason,
            cause=fact.cause,
            manual_since_ns=at_ns if manual else 0,
            resumed_ns=at_ns if leaves_manual else group.resumed_ns,
            handled=False,
            flat_asked_ns=0,
            unhedged=unhedged,
            hedge=replace(group.hedge, tries=0) if leaves_manual else group.hedge,
        ),
    )


def _goal_changed(account: Account, fact: f.GoalChanged, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    return account.with_group(
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
    legs = {each.group_id: each.legs for each in account.groups.values()}
    return account.with_group(replace(group, gate_asked_ns=at_ns, gate_legs=legs))


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
    )
    return account.with_group(replace(group, gate=gate, gate_asked_ns=0, gate_legs={}))


def _leg_added(account: Account, fact: f.LegAdded, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    return account.with_group(replace(group, legs=(*group.legs, LegState(fact.leg))))


def _legs_retired(account: Account, fact: f.LegsRetired, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    legs = tuple(
        replace(leg, retired_at_ns=leg.retired_at_ns or at_ns) if index in fact.legs else leg
        for index, leg in enumerate(group.legs)
    )
    return account.with_group(replace(group, legs=legs))


def _exposure_breached(account: Account, fact: f.ExposureBreached, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    outside = group.unhedged
    return account.with_group(
        replace(
            group,
            unhedged=replace(
                outside,
                since_ns=outside.since_ns or at_ns,
                uncovered_since_ns=(outside.uncovered_since_ns or at_ns) if fact.uncovered_units else 0,
                uncovered_max_units=max(outside.uncovered_max_units, fact.uncovered_units),
                reason=fact.reason,
            ),
        ),
    )


def _exposure_restored(account: Account, fact: f.ExposureRestored, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    hedge = replace(group.hedge, tries=0)
    return account.with_group(
        replace(group, unhedged=_inside_again(group.unhedged, fact.outside_ns), hedge=hedge)
    )


def _inside_again(outside: Unhedged, span_ns: int) -> Unhedged:
    return Unhedged(
        since_ns=0,
        total_ns=outside.total_ns + span_ns,
        longest_ns=max(outside.longest_ns, span_ns),
        uncovered_max_units=outside.uncovered_max_units,
    )


def _hedge_wanted(account: Account, fact: f.HedgeWanted, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    first = at_ns >= group.hedge.window_closes_ns  # one more in an open window belongs to the same try
    hedge = replace(
        group.hedge,
        kind=fact.hedge,
        wanted_at_ns=at_ns,
        tries=group.hedge.tries + first,
        hedges=group.hedge.hedges + 1,
    )
    account = account.with_group(replace(group, hedge=hedge))
    return replace(account, emergency_hedges=account.emergency_hedges + 1)


def _hedge_window_opened(account: Account, fact: f.HedgeWindowOpened, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    return account.with_group(replace(group, hedge=replace(group.hedge, window_closes_ns=fact.closes_ns)))


def _hedge_window_closed(account: Account, fact: f.HedgeWindowClosed, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    return account.with_group(replace(group, hedge=replace(group.hedge, window_closes_ns=0)))


def _holding_closed(account: Account, fact: f.HoldingClosedByOthers, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    leg = group.legs[fact.leg]
    leg = replace(leg, closed_units=leg.closed_units + fact.units)
    return account.with_group(replace(group, legs=replaced_leg(group.legs, fact.leg, leg)))


def _holding_adopted(account: Account, fact: f.HoldingAdopted, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    leg = group.legs[fact.leg]
    leg = replace(leg, closed_units=leg.closed_units - fact.units)
    return account.with_group(replace(group, legs=replaced_leg(group.legs, fact.leg, leg)))


def _flat_check_asked(account: Account, fact: f.FlatCheckAsked, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    return account.with_group(replace(group, flat_asked_ns=at_ns))


def _group_handled(account: Account, fact: f.GroupHandled, at_ns: int) -> Account:
    return account.with_group(replace(account.groups[fact.group_id], handled=True))


def _value_carried(account: Account, fact: f.ValueCarried, at_ns: int) -> Account:
    group = account.groups[fact.group_id]
    carried = (*group.carried[-1:], CarriedValue(fact.day, fact.pnl_paise))
    return account.with_group(replace(group, carried=carried))


MEANING: dict[type[f.Fact], Meaning] = {
    f.GroupPlanned: _group_planned,
    f.StateChanged: _state_changed,
    f.GoalChanged: _goal_changed,
    f.GateAsked: _gate_asked,
    f.GateDecided: _gate_decided,
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
    f.GroupHandled: _group_handled,
    f.ValueCarried: _value_carried,
}
