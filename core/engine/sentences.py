"""What a group does next, or what it needs from a person: one sentence for every state and cause."""

from __future__ import annotations

from core.domain.account import Account
from core.domain.cover import confirmed_holdings, uncovered_beyond_plan
from core.domain.groups import Goal, MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.lifecycle import MANUAL_MEANING, ExecutionLifecycle
from core.domain.orders import Outcome
from core.domain.timing import due_text
from core.engine.snapshot import NextMove

_S = ExecutionLifecycle


def next_move(account: Account, group: MultiLegOrderGroup, now_ns: int) -> NextMove:
    """The sentence under the table of groups: ``needs_you`` says whether a key has to be pressed."""
    unanswered = sum(1 for order in group.live_orders if order.outcome is Outcome.UNKNOWN)
    if group.state is _S.MANUAL:
        cause = MANUAL_MEANING[group.cause] if group.cause is not None else group.reason
        uncovered = uncovered_beyond_plan(group.plan, confirmed_holdings(group))
        tail = f"; {uncovered} short units stand without cover" if uncovered else ""
        if group.handled:
            return NextMove(f"marked as handled: {cause}{tail}")
        return NextMove(f"{cause}{tail}", needs_you=True, key="r")
    if unanswered and not group.is_over:
        return NextMove(f"{unanswered} sends went unanswered: asking the broker's books, nothing is resent")
    match group.state:
        case _S.PLANNED | _S.VALIDATING:
            return NextMove("checking limits and margin before anything is sent")
        case _S.REJECTED:
            return NextMove(f"nothing was sent: {group.reason}")
        case _S.PLACING:
            if group.goal is not Goal.ENTER:
                return NextMove(f"cancelling what is working: {group.reason}")
            return NextMove("orders are out, nothing has filled yet")
        case _S.PARTIALLY_EXPOSED | _S.HEDGING:
            return NextMove(_progress(group))
        case _S.UNWINDING:
            goal = f"to {group.copies} whole copies" if group.copies else "to nothing"
            return NextMove(f"taking fills back, shorts first, {goal}: {group.reason}")
        case _S.OPEN:
            exit_at = group.plan.exit_at_ns
            tail = f"; closes at {due_text(exit_at, now_ns)}" if exit_at else ""
            return NextMove(f"whole and hedged as designed{tail}")
        case _S.EXITING:
            return NextMove(f"closing, shorts first: {group.reason}")
        case _S.CLOSED:
            return NextMove("ended: the broker confirms that nothing is left")
    return NextMove(group.reason)


def _progress(group: MultiLegOrderGroup) -> str:
    longs = [leg for leg in group.legs[: len(group.plan.legs)] if leg.plan.side is Side.BUY]
    shorts = [leg for leg in group.legs[: len(group.plan.legs)] if leg.plan.side is Side.SELL]
    parts = []
    for name, legs in (("wings" if shorts else "longs", longs), ("shorts", shorts)):
        if not legs:
            continue
        share = min(leg.held_units / (leg.plan.units_per_copy * max(group.plan.copies, 1)) for leg in legs)
        parts.append(f"{name} full" if share >= 1 else f"{name} {share:.0%} filled")
    waiting = any(leg.held_units == 0 for leg in longs)
    tail = "shorts wait for cover" if waiting and shorts else "shorts go out only against cover"
    return ", ".join(parts) + (f"; {tail}" if shorts else "")
