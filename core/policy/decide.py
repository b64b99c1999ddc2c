"""``decide``: what follows from one input. Pure; the only door into policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.domain import inputs as i
from core.domain.account import Account, Severity
from core.domain.effects import ReadBooks
from core.domain.facts import (
    DecisionFailed,
    GroupPlanned,
    JournalFailed,
    JournalReturned,
    ProcessStarted,
)
from core.domain.groups import GroupPlan, MultiLegOrderGroup
from core.domain.holdings import account_holdings
from core.domain.lifecycle import BEFORE_ANY_SEND, ExecutionLifecycle, ManualCause
from core.domain.orders import AccessRefusal
from core.domain.quotes import MarketView
from core.domain.tags import group_id_for
from core.policy.access import hear_of_access, refuse_access
from core.policy.collaborators import Collaborators
from core.policy.exposure import InterimExposureHandler, judge
from core.policy.group import advance, answer_exposure
from core.policy.health_alerts import warn
from core.policy.kill_switch import trip, watch
from core.policy.leg_priority import LegPriorityCalculator
from core.policy.margin_gate import decide_gate
from core.policy.merge import (
    merge_cancel_reply,
    merge_modify_reply,
    merge_order,
    merge_send_reply,
    merge_trade,
)
from core.policy.mismatch import tell_mismatches
from core.policy.operator import obey
from core.policy.overnight import value_what_was_carried
from core.policy.reconcile import reconcile
from core.policy.stop_triggers import has_stops
from core.policy.turn import Decision, Turn

_S = ExecutionLifecycle
_STANDARD = Collaborators()


def decide(
    account: Account,
    item: i.Input,
    view: MarketView,
    now_ns: int,
    guards_off: frozenset[str] = frozenset(),
    collaborators: Collaborators | None = None,
    *,
    strict: bool = True,
) -> Decision:
    """The facts, effects and next looks that follow from one input.

    Where a rule raises for one group, that group is handed over and the others go on; with ``strict`` the
    error is raised instead. What raises before any group is at hand is always raised: see ``fail``.
    """
    parts = _STANDARD if collaborators is None else collaborators
    turn = Turn(account, view, now_ns, parts, guards_off=guards_off)
    for group_id in sorted(_touched(turn, item)):
        if group_id not in turn.account.groups:
            continue
        before = turn.mark()
        try:
            advance(turn, group_id)
        except Exception as error:
            if strict:
                raise
            turn.back_to(before)
            _hand_over(turn, group_id, told(error))
    return turn.done()


def fail(account: Account, group_id: str, error: str, view: MarketView, now_ns: int) -> Decision:
    """What follows from an input whose decision raised: itself a fact, so that the fold reproduces it."""
    turn = Turn(account, view, now_ns, _STANDARD)
    _hand_over(turn, group_id, error)
    return turn.done()


def told(error: Exception) -> str:
    """An error as a fact tells of it."""
    return f"{type(error).__name__}: {error}"


def _hand_over(turn: Turn, group_id: str, error: str) -> None:
    """A decision failed for a group, or for none in particular.

    A group that has sent nothing is rejected, one that has ended only alerts, and any other is handed to a
    person; with no group to blame, there is the alert alone. The same failure again, in a group that is
    handed over already, is nothing new.
    """
    group = turn.account.groups.get(group_id)
    standing = turn.account.alerts.get(f"decision:{group_id}")
    handed_over = group is None or group.is_over or group.state is _S.MANUAL
    if handed_over and standing is not None and not standing.cleared and standing.text.endswith(error):
        return
    turn.record(DecisionFailed(group_id, error), group_id)
    if group is not None and group.state in BEFORE_ANY_SEND:
        turn.move(group_id, _S.REJECTED, f"a decision failed: {error}")
    elif group is not None and not group.is_over:
        turn.manual(group_id, ManualCause.DECISION_FAILED, f"a decision failed: {error}")
    turn.alert(
        f"decision:{group_id}",
        Severity.CRITICAL,
        f"a decision failed{' for ' + group_id if group_id else ''}: {error}",
        "decision-failed",
        group_id,
    )


def _touched(turn: Turn, item: i.Input) -> Iterable[str]:
    """Take an input over and name the groups that may have to do something about it."""
    match item:
        case i.AllNews(items):
            return {group_id for each in items for group_id in _touched(turn, each)}
        case i.QuotesMoved(symbols):
            return _quoted(turn.account, symbols)
        case i.MonitorPass(health):
            return _monitor(turn, health)
        case i.OrderNews(report, source):
            return _one(merge_order(turn, report, source))
        case i.TradeNews(report, source):
            return _one(merge_trade(turn, report, source))
        case i.SendReply():
            hear_of_access(turn, item)
            return _one(merge_send_reply(turn, item))
        case i.ModifyReply():
            hear_of_access(turn, item)
            return _one(merge_modify_reply(turn, item))
        case i.CancelReply():
            hear_of_access(turn, item)
            return _one(merge_cancel_reply(turn, item))
        case i.BooksRead():
            return reconcile(turn, item)
        case i.WakeUp(groups):
            return groups
        case i.SubmitGroup():
            return _submit(turn, item, turn.parts.priority_calculator)
        case i.MarginAnswered():
            decide_gate(turn, item, turn.parts.margin_simulator)
            return (item.group_id,)
        case i.OperatorCommand():
            return obey(turn, item)
        case i.CoreStarted(restart, latched):
            return _started(turn, restart, latched)
        case i.BooksFailed(error, needs_login):
            turn.alert("books-unreadable", Severity.WARNING, f"the books cannot be read: {error}", "books")
            if needs_login:
                refuse_access(turn, AccessRefusal.LOGIN, error)
            return ()
        case i.JournalTrouble(error, rows):
            return _journal(turn, error, rows)


def _one(group_id: str | None) -> tuple[str, ...]:
    return () if group_id is None else (group_id,)


_RESTLESS = frozenset({_S.PLACING, _S.PARTIALLY_EXPOSED, _S.HEDGING, _S.UNWINDING, _S.EXITING, _S.VALIDATING})


def _quoted(account: Account, symbols: frozenset[str]) -> tuple[str, ...]:
    """Groups that are on their way and trade something that was quoted afresh."""
    return tuple(
        group_id
        for group_id, group in account.groups.items()
        if (group.state in _RESTLESS or _is_watched(group))
        and any(leg.plan.contract.symbol in symbols for leg in group.legs)
    )


def _is_watched(group: MultiLegOrderGroup) -> bool:
    """Whether a group at rest has stops that prices can fire."""
    return group.state in (_S.OPEN, _S.MANUAL) and has_stops(group.plan)


def _monitor(turn: Turn, health: i.HealthReading) -> set[str]:
    watched = [group for group in turn.account.groups.values() if not group.is_over and group.first_fill_ns]
    warn(turn, health)
    if not watched:
        return set(turn.account.groups) if watch(turn, health, {}) else set()
    for group in watched:
        value_what_was_carried(turn, group)
    watched = [turn.group(group.group_id) for group in watched]
    measured = InterimExposureHandler.measure(watched, turn.view, turn.now_ns, turn.settings.shock_bps)
    turn.measured = measured
    outside = judge(turn, measured)
    tell_mismatches(turn, watched)
    if watch(turn, health, measured):
        outside = {group_id for group_id, group in turn.account.groups.items() if not group.is_over}
    for group_id in sorted(outside & measured.keys()):
        answer_exposure(turn, group_id, measured[group_id])
    return outside | {group.group_id for group in watched if _is_watched(group)}


def _submit(turn: Turn, item: i.SubmitGroup, calculator: LegPriorityCalculator) -> tuple[str, ...]:
    plan = item.plan
    known = turn.account.groups.get(plan.group_id)
    if known is not None and _is_the_same(known.plan, plan):
        return (plan.group_id,)
    if known is not None:  # two doors have counted on the same number: the later one takes the next
        number = max(group.plan.number for group in turn.account.groups.values()) + 1
        plan = replace(plan, group_id=group_id_for(number), number=number)
    held = account_holdings(turn.account, plan.product, turn.view.contracts)
    planned = calculator.plan_again(plan, turn.view.quotes, held)
    turn.record(GroupPlanned(planned), plan.group_id)
    return (plan.group_id,)


def _is_the_same(one: GroupPlan, other: GroupPlan) -> bool:
    """Whether two plans are one request that has come twice, however it was ordered since."""
    return _asked_for(one) == _asked_for(other)


def _asked_for(plan: GroupPlan) -> tuple[object, ...]:
    legs = frozenset((leg.contract.symbol, leg.side, leg.ratio) for leg in plan.legs)
    return legs, plan.copies, plan.strategy, plan.product, plan.good_until_ns


def _started(turn: Turn, restart: bool, latched: str) -> tuple[str, ...]:
    turn.record(ProcessStarted(restart))
    if latched:
        trip(turn, latched, "hedgerow flatten", flatten=False)
    turn.perform(ReadBooks("at the start"))
    return ()


def _journal(turn: Turn, error: str, rows: int) -> tuple[str, ...]:
    if error:
        turn.record(JournalFailed(error))
        turn.alert("journal", Severity.CRITICAL, f"the journal cannot be written: {error}", "journal")
        trip(turn, f"the journal fails: {error}", "the core", flatten=False)
    else:
        turn.record(JournalReturned(rows))
        turn.clear_alert("journal")
    return tuple(turn.account.groups)
