"""The margin gate: no group is sent whose margin exceeds the safety buffer. Exits and hedges never ask."""

from __future__ import annotations

from core.domain.facts import GateDecided
from core.domain.inputs import MarginAnswered
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.money import rupees
from core.policy.turn import Turn

BROKER_BASIS = "broker's basket"


def decide_gate(turn: Turn, answer: MarginAnswered) -> None:
    """Judge a group by the broker's margin for it as a basket, sent leg by leg."""
    group = turn.account.groups.get(answer.group_id)
    if group is None or group.is_over or not group.gate_asked_ns:
        return
    if answer.funds is None or answer.basket_paise is None:
        return  # no answer is no permission: it is asked again
    funds = answer.funds
    started = group.state is not ExecutionLifecycle.VALIDATING
    # A basket's initial margin is for orders sent at once; ours sends no short before its cover is
    # confirmed. Once legs are out, what they block is part of what is used already.
    required = max(funds.used_paise, answer.basket_paise) if started else answer.basket_paise
    available = funds.total_paise if started else funds.available_paise
    limit = available * turn.settings.margin_use_max_bps // 10_000
    use_bps = 10_000 * required // available if available > 0 else 10_000
    passed = required <= limit
    if passed:
        sentence = f"margin {rupees(required)} is {use_bps / 100:.0f} % of {rupees(available)}: passed"
    else:
        sentence = (
            f"margin {rupees(required)} is {use_bps / 100:.0f} % of {rupees(available)}, "
            f"{rupees(required - limit)} over the safety buffer"
        )
    turn.record(
        GateDecided(answer.group_id, passed, required, available, use_bps, BROKER_BASIS, sentence),
        answer.group_id,
    )
