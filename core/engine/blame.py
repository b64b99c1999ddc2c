"""Which group an input was about: a decision that raises concerns that one, and the others go on."""

from __future__ import annotations

from core.domain.account import Account
from core.domain.evolve import group_of
from core.domain.inputs import (
    CancelReply,
    Input,
    MarginAnswered,
    ModifyReply,
    OperatorCommand,
    OrderNews,
    SendReply,
    SubmitGroup,
    WakeUp,
)


def blamed(account: Account, item: Input) -> str:
    """The group that an input was about, ``""`` where it was about none in particular."""
    match item:
        case SubmitGroup(plan):
            return plan.group_id
        case SendReply(tag) | ModifyReply(tag) | CancelReply(tag):
            return _group_of(account, tag)
        case OrderNews(report):
            return _group_of(account, account.tags.get(report.order_id, ""))
        case MarginAnswered(group_id):
            return group_id
        case OperatorCommand(target=target):
            return target if target in account.groups else ""
        case WakeUp(groups) if len(groups) == 1:
            return groups[0]
        case _:
            return ""


def _group_of(account: Account, tag: str) -> str:
    group = group_of(account, tag)
    return group.group_id if group is not None else ""
