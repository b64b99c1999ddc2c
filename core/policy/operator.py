"""What a person asks for, carried out. Every command is journalled before it has an effect, and after."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.facts import (
    AlertAcknowledged,
    ForeignPositionSeen,
    GoalChanged,
    GroupHandled,
    HoldingAdopted,
    OperatorActed,
)
from core.domain.groups import Goal
from core.domain.inputs import OperatorAction, OperatorCommand
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.timing import NS_PER_S
from core.policy.emergency_hedge import EmergencyHedgeExecutor
from core.policy.entry import whole_copies
from core.policy.group import close_group, give_up
from core.policy.kill_switch import reset, trip
from core.policy.turn import Turn

_A = OperatorAction


def obey(turn: Turn, command: OperatorCommand) -> set[str]:
    """Carry out one command. Returns the groups concerned."""
    _note(turn, command, command.reason, answered=False)
    touched, answer = _OBEY[command.action](turn, command)
    _note(turn, command, answer, answered=True)
    return touched


def _note(turn: Turn, command: OperatorCommand, detail: str, *, answered: bool) -> None:
    group_id = command.target if command.target in turn.account.groups else ""
    action = f"{command.action.value} {command.target}".strip()
    turn.record(OperatorActed(command.by, action, detail, command.saw, answered), group_id)


_Answer = tuple[set[str], str]


def _close(turn: Turn, command: OperatorCommand) -> _Answer:
    group = turn.account.groups.get(command.target)
    if group is None:
        return set(), f"there is no group {command.target}"
    if group.is_over:
        return set(), f"{command.target} has ended already"
    closing = group.goal is Goal.EXIT and group.copies == 0
    if closing and group.state is not ExecutionLifecycle.MANUAL:
        return {command.target}, f"{command.target} is being closed already"
    close_group(turn, command.target, f"{command.by} asked for it")
    return {command.target}, f"closing {command.target}, shorts first"


def _close_all(turn: Turn, command: OperatorCommand) -> _Answer:
    going = {group_id for group_id, group in turn.account.groups.items() if not group.is_over}
    for group_id in sorted(going):
        close_group(turn, group_id, f"{command.by} flattens everything")
    return going, f"closing {len(going)} groups, shorts first"


def _kill(turn: Turn, command: OperatorCommand) -> _Answer:
    trip(turn, "by hand", command.by, flatten=False)
    return set(turn.account.groups), "no new risk until it is reset; stops, hedges and exits stay"


def _reset_kill(turn: Turn, command: OperatorCommand) -> _Answer:
    if not command.reason.strip():
        return set(), "refused: a reset needs a typed reason"
    return set(), reset(turn, command.by, command.reason)


def _acknowledge(turn: Turn, command: OperatorCommand) -> _Answer:
    alert = turn.account.alerts.get(command.target)
    if alert is None or alert.acknowledged:
        return set(), "nothing to acknowledge"
    turn.record(AlertAcknowledged(command.target, command.by), alert.group_id)
    return set(), "acknowledged"


def _reduce_to(turn: Turn, command: OperatorCommand, *, keep: bool) -> _Answer:
    group = turn.account.groups.get(command.target)
    if group is None or group.is_over:
        return set(), f"there is no live group {command.target}"
    copies = whole_copies(group) if keep else 0
    if group.state is ExecutionLifecycle.OPEN and copies >= group.copies:
        return set(), f"{command.target} holds {copies} whole copies: there is nothing to take back"
    if copies == 0:
        close_group(turn, command.target, f"{command.by} asked for it")
    elif group.state is ExecutionLifecycle.MANUAL or group.goal is Goal.ENTER:
        if group.state is ExecutionLifecycle.MANUAL:
            turn.move(command.target, ExecutionLifecycle.PARTIALLY_EXPOSED, f"{command.by} took it on")
        give_up(turn, command.target, f"{command.by} scales it down", keep=copies)
    else:
        already = f"{command.target} is being brought to {group.copies} copies already"
        return set(), f"refused: {already}; what is on its way out is not kept"
    return {command.target}, f"bringing {command.target} to {copies} copies"


def _scale_down(turn: Turn, command: OperatorCommand) -> _Answer:
    return _reduce_to(turn, command, keep=True)


def _unwind(turn: Turn, command: OperatorCommand) -> _Answer:
    return _reduce_to(turn, command, keep=False)


def _handled(turn: Turn, command: OperatorCommand) -> _Answer:
    group = turn.account.groups.get(command.target)
    if group is None or group.state is not ExecutionLifecycle.MANUAL:
        return set(), f"{command.target} is not in MANUAL"
    turn.record(GroupHandled(command.target, command.by), command.target)
    turn.clear_alert(f"manual:{command.target}")
    return {command.target}, f"{command.target} is marked as handled; its positions stay as they are"


def _hedge(turn: Turn, command: OperatorCommand) -> _Answer:
    group = turn.account.groups.get(command.target)
    if group is None or group.is_over:
        return set(), f"there is no live group {command.target}"
    units = turn.parts.hedge_manager.unanswered_units(group)
    if not units:
        return {command.target}, "nothing stands uncovered that is not being answered"
    if group.state is ExecutionLifecycle.MANUAL:
        turn.move(command.target, ExecutionLifecycle.PARTIALLY_EXPOSED, f"{command.by} took it on")
    EmergencyHedgeExecutor.answer_uncovered(turn, command.target)
    return {command.target}, f"hedging {units} uncovered units of {command.target}"


def _complete(turn: Turn, command: OperatorCommand) -> _Answer:
    group = turn.account.groups.get(command.target)
    if group is None or group.is_over:
        return set(), f"there is no live group {command.target}"
    if turn.account.kill.tripped:
        return set(), "refused: the kill switch is on, and completing adds risk"
    if group.state not in _COMPLETABLE:
        return set(), f"refused: {command.target} is {group.state.value}"
    if whole_copies(group) < group.plan.copies:
        if group.lost_units:
            return set(), f"refused: units of {command.target} were closed by someone else; {_REST}"
        if group.was_exited:
            return set(), f"refused: {command.target} was being exited; {_REST}"
    until_ns = turn.now_ns + _MORE_TIME_NS
    turn.record(
        GoalChanged(command.target, Goal.ENTER, group.plan.copies, f"{command.by} completes it", until_ns),
        command.target,
    )
    if group.state is not ExecutionLifecycle.PARTIALLY_EXPOSED:
        turn.move(command.target, ExecutionLifecycle.PARTIALLY_EXPOSED, f"{command.by} completes it")
    return {command.target}, f"completing {command.target}, margin is asked for first"


_REST = "scale it down to what is whole, or unwind it"
_COMPLETABLE = (ExecutionLifecycle.MANUAL, ExecutionLifecycle.PARTIALLY_EXPOSED)
_MORE_TIME_NS = 600 * NS_PER_S
"""How long a group that a person wants completed is given."""


def _adopt(turn: Turn, command: OperatorCommand) -> _Answer:
    """Give a group the trader's own units in its symbols, as far as they are on its legs' sides."""
    group = turn.account.groups.get(command.target)
    if group is None or group.is_over:
        return set(), f"there is no live group {command.target}"
    adopted = []
    for index, leg in enumerate(group.legs):
        key = group.position_key(index)
        foreign = turn.account.foreign.get(key, 0)
        units = foreign * leg.plan.side.sign
        if units > 0:
            turn.record(HoldingAdopted(command.target, index, units, command.by), command.target)
            turn.record(ForeignPositionSeen(key, 0), command.target)
            adopted.append(f"{foreign:+,} {key.symbol}")
    if not adopted:
        return set(), f"nothing of the trader's own fits the legs of {command.target}"
    return {command.target}, f"{command.target} now holds {', '.join(adopted)} as well"


_OBEY: dict[OperatorAction, Callable[[Turn, OperatorCommand], _Answer]] = {
    _A.EXIT: _close,
    _A.FLATTEN: _close,
    _A.FLATTEN_ALL: _close_all,
    _A.KILL: _kill,
    _A.RESET_KILL: _reset_kill,
    _A.ACKNOWLEDGE: _acknowledge,
    _A.HEDGE: _hedge,
    _A.COMPLETE: _complete,
    _A.SCALE_DOWN: _scale_down,
    _A.UNWIND: _unwind,
    _A.ADOPT: _adopt,
    _A.HANDLED: _handled,
}
