"""The margin gate: no group is sent whose worst case exceeds the safety buffer. Exits and hedges never ask.

Our own stressed estimate and the broker's basket margin both have to pass; the basket is the last word about
what is blocked, the estimate about what a partial fill and a shock would need.
"""

from __future__ import annotations

from dataclasses import replace

from core.domain.account import Account, Severity
from core.domain.cover import Holding
from core.domain.effects import AskMargin
from core.domain.facts import GateAsked, GateDecided
from core.domain.groups import Goal, LegState, MultiLegOrderGroup
from core.domain.inputs import MarginAnswered
from core.domain.lifecycle import BEFORE_ANY_SEND, ExecutionLifecycle
from core.domain.money import rupees
from core.domain.quotes import MarketView
from core.policy.turn import Turn
from core.risk.worst_case import WorstCaseMarginSimulator

BASIS = "worst case over fill prefixes and shocks"


def decide_gate(turn: Turn, answer: MarginAnswered, simulator: WorstCaseMarginSimulator) -> None:
    """Judge a group by its worst case on the way in, and by the broker's margin for it as a basket."""
    group = turn.account.groups.get(answer.group_id)
    if group is None or group.is_over or not group.gate_asked_ns:
        return
    funds = answer.funds
    if funds is None:  # no answer is no permission: it is asked again
        turn.alert(
            f"unpriced:{group.group_id}",
            Severity.WARNING,
            f"{group.group_id} waits: the broker does not say its margin: {answer.error}",
            "unpriced",
            group.group_id,
        )
        return
    started = group.state is not ExecutionLifecycle.VALIDATING
    asked = _as_asked(turn.account, group)
    own = asked.groups[group.group_id]
    worst = simulator.simulate(
        group.plan,
        turn.view,
        funds,
        now_ns=turn.now_ns,
        filled_units={index: leg.entered_units for index, leg in enumerate(own.legs)},
        others=_others(asked, own, turn.view),
        reserved=_reserved(asked, own) if turn.guarded("margin-reservation") else (),
        own_blocked_paise=(_own_blocked(asked, own, funds.used_paise, turn.view) if started else 0),
    )
    turn.worst_cases[group.group_id] = worst
    sentence, passed = worst.sentence, worst.passed
    if not passed and worst.grid is None:
        # A leg that nobody quotes just now: not knowing is neither yes nor no, so it is asked again.
        turn.alert(
            f"unpriced:{group.group_id}",
            Severity.WARNING,
            f"{group.group_id} waits: {sentence.removeprefix('Refused: ')}",
            "unpriced",
            group.group_id,
        )
        return
    turn.clear_alert(f"unpriced:{group.group_id}")
    if not passed and _has_filled_since(turn.account, asked):
        # Money for what has filled may be counted twice: before anything is refused, it is asked again.
        turn.record(GateAsked(group.group_id), group.group_id)
        turn.perform(AskMargin(group.plan))
        return
    basket = answer.basket_paise
    if passed and basket is not None and not started:
        limit = funds.available_paise * turn.settings.margin_use_max_bps // 10_000
        if basket > limit:
            passed = False
            sentence = (
                f"Refused: the broker's basket margin is {rupees(basket)}; of "
                f"{rupees(funds.available_paise)} available {rupees(limit)} may be used, so it is "
                f"{rupees(basket - limit)} short."
            )
    turn.record(
        GateDecided(
            answer.group_id,
            passed,
            worst.required_paise,
            worst.available_paise,
            worst.use_bps,
            BASIS,
            sentence,
            basket or 0,
            0 if started else worst.basket_paise,
        ),
        answer.group_id,
    )


def _as_asked(account: Account, group: MultiLegOrderGroup) -> Account:
    """The account as it was when the question was put: the funds in the answer may know of no fill since."""
    return replace(
        account,
        groups={
            group_id: replace(
                each, legs=group.gate_legs.get(group_id) or tuple(LegState(leg.plan) for leg in each.legs)
            )
            for group_id, each in account.groups.items()
        },
    )


def _has_filled_since(account: Account, asked: Account) -> bool:
    """Whether a fill of any group was told of after the question."""
    return any(
        (leg.bought_units, leg.sold_units) != (before.bought_units, before.sold_units)
        for group_id, group in account.groups.items()
        for leg, before in zip(group.legs, asked.groups[group_id].legs, strict=False)
    )


def _others(account: Account, group: MultiLegOrderGroup, view: MarketView) -> list[Holding]:
    """What the account holds besides this group: other groups' legs and the trader's own positions."""
    held = [
        (leg.plan.contract, leg.net_units)
        for other in account.groups.values()
        if other.group_id != group.group_id
        for leg in other.legs
        if leg.net_units
    ]
    for key, units in account.foreign.items():
        contract = view.contracts.get(key.symbol)
        if contract is not None and units:
            held.append((contract, units))
    return held


def _reserved(account: Account, group: MultiLegOrderGroup) -> list[Holding]:
    """What groups in flight will still hold: their margin is spoken for although nobody blocks it yet."""
    reserved: list[Holding] = []
    for other in account.groups.values():
        in_flight = other.goal is Goal.ENTER and not other.is_over
        if other.group_id == group.group_id or not in_flight:
            continue
        if other.state in BEFORE_ANY_SEND and (other.gate is None or not other.gate.passed):
            continue
        for index, leg in enumerate(other.legs[: len(other.plan.legs)]):
            missing = other.target_units(index) - leg.net_units
            if missing * leg.plan.side.sign > 0:
                reserved.append((leg.plan.contract, missing))
    return reserved


def _own_blocked(account: Account, group: MultiLegOrderGroup, used_paise: int, view: MarketView) -> int:
    """What the broker blocks for this group already: its share of the units that margin is blocked for.

    Those are short options and futures; a foreign contract that nobody knows counts as one of them.
    """
    mine = sum(abs(leg.net_units) for leg in group.legs if leg.net_units < 0)
    total = sum(
        abs(leg.net_units) for other in account.groups.values() for leg in other.legs if leg.net_units < 0
    )
    for key, units in account.foreign.items():
        contract = view.contracts.get(key.symbol)
        if units < 0 or contract is None or contract.right is None:
            total += abs(units)
    return used_paise * mine // total if total else 0
