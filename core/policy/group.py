"""A group's way through its life: what it does next, given everything that is known now.

``advance`` looks at the whole group every time and sends only what nothing else is doing yet, so it may be
called after any event, in any order, and after a restart.
"""

from __future__ import annotations

from core.domain.account import Severity
from core.domain.cover import confirmed_holdings, uncovered_beyond_plan
from core.domain.effects import AskMargin, ReadBooks
from core.domain.exposure import Exposure
from core.domain.facts import FlatCheckAsked, GateAsked, GoalChanged
from core.domain.groups import Goal, IncompletePolicy, MultiLegOrderGroup
from core.domain.lifecycle import BEFORE_ANY_SEND, ExecutionLifecycle
from core.domain.orders import Outcome, Purpose
from core.domain.timing import NS_PER_MS
from core.policy.admission import admit
from core.policy.child_orders import cancel_order_confirmed
from core.policy.closing import cancel_entries, chase_hedges, is_reduced, reduce, take_back_excess, trim
from core.policy.emergency_hedge import EmergencyHedgeExecutor, has_working_hedge
from core.policy.entry import enter, is_whole, lacks, obstacle, whole_copies
from core.policy.session import exit_ns, settle_expired, warn_of_delivery
from core.policy.turn import Turn

_S = ExecutionLifecycle
_STEPS_MAX = 8
_ON_THE_WAY = frozenset({_S.PLACING, _S.PARTIALLY_EXPOSED, _S.HEDGING})
"""A group that is not whole when its time to be closed comes is closed as well."""


def advance(turn: Turn, group_id: str) -> None:
    """Do what follows for one group, until nothing more follows now."""
    turn.wakes.setdefault(group_id, 0)
    for _ in range(_STEPS_MAX):
        before = turn.group(group_id)
        settle_expired(turn, before)
        before = turn.group(group_id)
        _look_up_unanswered(turn, before)
        stopped = turn.parts.sl_manager.watch(turn, group_id)
        if stopped:
            close_group(turn, group_id, stopped)
        take_back_excess(turn, group_id)
        if turn.account.kill.tripped:  # nothing that adds risk stays in the market, whatever the state
            cancel_entries(turn, group_id, f"the kill switch is on: {turn.account.kill.cause}")
        if turn.group(group_id).state in _ON_THE_WAY:
            _close_when_due(turn, turn.group(group_id))
        now = turn.group(group_id)
        _STEP[now.state](turn, now)
        after = turn.group(group_id)
        if after.state is before.state and after.goal is before.goal and after.copies == before.copies:
            break
    turn.parts.sl_manager.arm(turn, group_id)


def close_group(turn: Turn, group_id: str, reason: str) -> None:
    """Bring a group to nothing: an exit when it is whole, a reversal while it is not."""
    group = turn.group(group_id)
    going = group.goal is Goal.EXIT and group.copies == 0
    if group.is_over or (going and group.state is not _S.MANUAL):
        return
    if group.state in BEFORE_ANY_SEND:
        turn.move(group_id, _S.REJECTED, reason)
        return
    whole = group.state is _S.OPEN
    turn.record(GoalChanged(group_id, Goal.EXIT, 0, reason), group_id)
    if whole:
        turn.move(group_id, _S.EXITING, reason)
    elif group.state is _S.MANUAL or group.state is _S.PARTIALLY_EXPOSED:
        turn.move(group_id, _S.UNWINDING, reason)


def give_up(turn: Turn, group_id: str, reason: str, *, keep: int | None = None) -> None:
    """The group cannot be completed: keep these copies, or what its policy for the incomplete says."""
    group = turn.group(group_id)
    if keep is None:
        keep = 0 if group.plan.on_incomplete is IncompletePolicy.UNWIND else whole_copies(group)
    turn.record(GoalChanged(group_id, Goal.REDUCE, keep, reason), group_id)
    if group.first_fill_ns:
        if group.state in (_S.PLACING, _S.OPEN):
            turn.move(group_id, _S.PARTIALLY_EXPOSED, reason)
        turn.move(group_id, _S.UNWINDING, reason)
    turn.alert(
        f"incomplete:{group_id}",
        Severity.WARNING,
        f"{group_id} cannot be completed: {reason}",
        "incomplete",
        group_id,
    )


def _planned(turn: Turn, group: MultiLegOrderGroup) -> None:
    refusal = admit(turn, group)
    if refusal:
        turn.move(group.group_id, _S.REJECTED, refusal)
    else:
        turn.move(group.group_id, _S.VALIDATING, "limits passed; asking for margin")


def _validating(turn: Turn, group: MultiLegOrderGroup) -> None:
    group_id = group.group_id
    gate = group.gate
    if turn.account.kill.tripped:
        turn.move(group_id, _S.REJECTED, f"the kill switch is on: {turn.account.kill.cause}")
    elif turn.now_ns >= group.good_until_ns:
        turn.move(group_id, _S.REJECTED, f"its time was up before it could start: {group.reason}")
    elif gate is not None and not gate.passed:
        turn.move(group_id, _S.REJECTED, gate.sentence)
    elif gate is None:
        turn.wake(group_id, group.good_until_ns)
        wait_ns = turn.settings.gate_max_age_ms * NS_PER_MS
        if not group.gate_asked_ns or turn.now_ns - group.gate_asked_ns >= wait_ns:
            turn.record(GateAsked(group_id), group_id)
            turn.perform(AskMargin(group.plan))
        turn.wake_in(group_id, turn.settings.gate_max_age_ms)
    elif obstacle(turn, group):
        turn.wake(group_id, group.good_until_ns)
    else:
        turn.move(group_id, _S.PLACING, gate.sentence)


def _placing(turn: Turn, group: MultiLegOrderGroup) -> None:
    group_id = group.group_id
    if group.first_fill_ns and is_whole(group) and group.copies:
        turn.move(group_id, _S.OPEN, "every leg is filled")
    elif group.first_fill_ns:
        turn.move(group_id, _S.PARTIALLY_EXPOSED, "a leg has filled")
    elif group.goal is Goal.ENTER:
        _enter_or_give_up(turn, group_id)
    else:
        _reduce_or_end(turn, group_id)


def _partially_exposed(turn: Turn, group: MultiLegOrderGroup) -> None:
    group_id = group.group_id
    if is_whole(group) and group.copies:
        turn.move(group_id, _S.OPEN, "every leg is filled")
        return
    EmergencyHedgeExecutor.answer_uncovered(turn, group_id)
    group = turn.group(group_id)
    if group.state is not _S.PARTIALLY_EXPOSED:
        return
    if group.lost_units and group.goal is Goal.ENTER:
        give_up(turn, group_id, "units of it were closed by someone else")
    elif group.goal is Goal.ENTER:
        trim(turn, group_id)
        if turn.group(group_id).state is _S.PARTIALLY_EXPOSED:
            _enter_or_give_up(turn, group_id)
    else:
        turn.move(group_id, _S.UNWINDING, group.reason)


def _hedging(turn: Turn, group: MultiLegOrderGroup) -> None:
    """A hedge is at work: keep it going, keep reducing where that is the goal, and go on once it is done."""
    group_id = group.group_id
    EmergencyHedgeExecutor.answer_uncovered(turn, group_id)
    chase_hedges(turn, group_id)
    group = turn.group(group_id)
    if group.state is not _S.HEDGING:
        return
    uncovered = uncovered_beyond_plan(group.plan, confirmed_holdings(group))
    if group.goal is not Goal.ENTER:
        reduce(turn, group_id)
    if uncovered or has_working_hedge(turn.group(group_id)):
        if not uncovered and group.hedge.kind != "neutralise":
            for order in turn.group(group_id).live_orders:
                if order.purpose is Purpose.HEDGE:
                    cancel_order_confirmed(turn, order, "cover is complete without it")
        return
    if turn.group(group_id).state is not _S.HEDGING:
        return
    if group.goal is not Goal.ENTER:
        turn.move(group_id, _S.UNWINDING, group.reason)
    elif group.hedge.kind in ("complete", "neutralise"):
        turn.move(group_id, _S.PARTIALLY_EXPOSED, "the hedge is filled")
    else:
        give_up(turn, group_id, "short units stood without cover and were taken back")


def answer_exposure(turn: Turn, group_id: str, exposure: Exposure) -> None:
    """A monitor's pass found a group outside its limits: hedge it, or give it up where that is the answer."""
    reason = EmergencyHedgeExecutor.answer_breach(turn, group_id, exposure)
    if reason and turn.group(group_id).goal is Goal.ENTER:
        give_up(turn, group_id, reason)


def _open(turn: Turn, group: MultiLegOrderGroup) -> None:
    group_id = group.group_id
    if not any(leg.net_units for leg in group.legs) and not group.live:
        turn.move(group_id, _S.CLOSED, "nothing is held any more: settled, or closed by others")
        return
    if not is_whole(group):
        turn.move(group_id, _S.PARTIALLY_EXPOSED, "a leg is no longer what it was")
        # Late fills alone leave the group whole: they are reversed, and what was agreed to stays.
        give_up(turn, group_id, "a leg is no longer what it was", keep=None if lacks(group) else group.copies)
        return
    warn_of_delivery(turn, group)
    _close_when_due(turn, group)


def _close_when_due(turn: Turn, group: MultiLegOrderGroup) -> None:
    group_id = group.group_id
    exit_at = exit_ns(turn, group)
    if exit_at is None:
        return
    if turn.now_ns >= exit_at:
        close_group(turn, group_id, "its time to be closed has come")
    else:
        turn.wake(group_id, exit_at)


def _unwinding(turn: Turn, group: MultiLegOrderGroup) -> None:
    if group.copies:
        # What is kept has its time as well, however long the rest takes to go.
        _close_when_due(turn, group)
    EmergencyHedgeExecutor.answer_uncovered(turn, group.group_id)
    if turn.group(group.group_id).state is group.state:
        _reduce_or_end(turn, group.group_id)


def _closed(turn: Turn, group: MultiLegOrderGroup) -> None:
    for order in group.live_orders:
        cancel_order_confirmed(turn, order, "its group has ended; it was called absent and came after all")
        turn.alert(
            f"late:{order.tag}",
            Severity.CRITICAL,
            f"{group.group_id} has ended, and {order.side.value} {order.working_units:,} {order.symbol} "
            "works at the broker after all: it is being cancelled",
            "late-fill",
            group.group_id,
        )
    if any(leg.net_units for leg in group.legs):
        turn.record(
            GoalChanged(group.group_id, Goal.EXIT, 0, "a late fill on a closed group"),
            group.group_id,
        )
        turn.move(group.group_id, _S.UNWINDING, "a late fill on a closed group")


def _manual(turn: Turn, group: MultiLegOrderGroup) -> None:
    """Nothing is sent from here, but cover that nobody restores or has taken on is restored in the end."""
    if group.handled or not uncovered_beyond_plan(group.plan, confirmed_holdings(group)):
        return
    since_ns = max(group.manual_since_ns, group.unhedged.uncovered_since_ns or turn.now_ns)
    due_ns = since_ns + turn.settings.manual_unwind_after_ms * NS_PER_MS
    if turn.now_ns < due_ns:
        turn.wake(group.group_id, due_ns)
        return
    turn.record(
        GoalChanged(group.group_id, Goal.REDUCE, 0, "uncovered units stood in MANUAL too long"),
        group.group_id,
    )
    turn.move(group.group_id, _S.UNWINDING, "uncovered units stood in MANUAL too long")


def _ended(turn: Turn, group: MultiLegOrderGroup) -> None:
    """Nothing was sent, and nothing will be."""


def _enter_or_give_up(turn: Turn, group_id: str) -> None:
    """Go on entering, unless an exit was adopted: then a process that left no journal had given it up."""
    exited = turn.group(group_id).was_exited
    reason = "an earlier process was closing it" if exited else enter(turn, group_id)
    if reason:
        give_up(turn, group_id, reason)


def _reduce_or_end(turn: Turn, group_id: str) -> None:
    """Close what is too much; when nothing is, the group is whole again, or confirmed flat."""
    reduce(turn, group_id)
    group = turn.group(group_id)
    if group.state is _S.MANUAL or not is_reduced(group):
        return
    if group.copies:
        turn.move(group_id, _S.OPEN, f"{group.copies} whole copies are held")
        return
    if any(leg.net_units for leg in group.legs) or group.live:
        return
    if not group.flat_asked_ns:
        turn.record(FlatCheckAsked(group_id), group_id)
        turn.perform(ReadBooks(f"to confirm that nothing is left of {group_id}"))
    turn.wake_in(group_id, turn.settings.lookup_every_ms * 3)


def confirm_flat(turn: Turn, group_id: str, asked_at_ns: int) -> None:
    """The books were read whole since the group asked what is left of it: end it if nothing is."""
    group = turn.group(group_id)
    if not group.flat_asked_ns or asked_at_ns < group.flat_asked_ns:
        return
    if group.live or any(leg.net_units for leg in group.legs):
        return
    turn.move(group_id, _S.CLOSED, "the broker confirms no position and no working order")


def _look_up_unanswered(turn: Turn, group: MultiLegOrderGroup) -> None:
    """A send that was not answered is looked for, once a second, until the books have settled it."""
    unanswered = [o for o in group.live_orders if o.is_unknown and o.outcome is Outcome.UNKNOWN]
    if not unanswered or group.is_over:
        return
    turn.perform(ReadBooks(f"{len(unanswered)} sends of {group.group_id} are unanswered"))
    turn.wake_in(group.group_id, turn.settings.lookup_every_ms)


_STEP = {
    _S.PLANNED: _planned,
    _S.VALIDATING: _validating,
    _S.REJECTED: _ended,
    _S.PLACING: _placing,
    _S.PARTIALLY_EXPOSED: _partially_exposed,
    _S.HEDGING: _hedging,
    _S.UNWINDING: _unwinding,
    _S.OPEN: _open,
    _S.EXITING: _unwinding,
    _S.CLOSED: _closed,
    _S.MANUAL: _manual,
}
