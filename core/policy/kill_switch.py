"""The kill switch: latched, journalled, and never in the way of a stop, a hedge or an exit."""

from __future__ import annotations

from core.domain.account import Severity
from core.domain.facts import KillSwitchReset, KillSwitchTripped
from core.policy.group import close_group
from core.policy.turn import Turn


def trip(turn: Turn, cause: str, by: str, *, flatten: bool) -> None:
    """Stop new risk until a person resets it; with ``flatten``, close every group as well."""
    kill = turn.account.kill
    if not kill.tripped or (flatten and not kill.flatten):
        turn.record(KillSwitchTripped(cause, by, flatten))
        turn.alert("kill-switch", Severity.CRITICAL, f"the kill switch is on: {cause}", "kill-switch")
    if flatten:
        for group_id, group in sorted(turn.account.groups.items()):
            if not group.is_over:
                close_group(turn, group_id, f"the kill switch flattens: {cause}")


def reset(turn: Turn, by: str, reason: str) -> str:
    """Allow new risk again. Returns what to tell the person."""
    if not turn.account.kill.tripped:
        return "the kill switch is off already"
    turn.record(KillSwitchReset(by, reason))
    turn.clear_alert("kill-switch")
    return "new risk is allowed again"
