"""The margin gate counts money once: what filled after the question was put is still to be paid."""

from __future__ import annotations

from dataclasses import replace

from core.domain.account import Account
from core.domain.effects import AskMargin
from core.domain.facts import GateAsked, GateDecided
from core.domain.inputs import MarginAnswered, SubmitGroup
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Funds
from core.domain.timing import NS_PER_MS
from core.policy.decide import decide
from core.policy.turn import Decision
from tests.builders import LONG_CALL, LONG_PUT, RICH, Desk, desk_with, plan

BASKET_PAISE = 1_00_000_00


def asked() -> Desk:
    """A desk whose first group has its longs out, and whose second waits for the broker's margin."""
    desk = desk_with(plan())
    desk.accept()
    desk.later(100)
    waiting = decide(desk.account, SubmitGroup(plan(number=2)), desk.view, desk.now_ns)
    desk.account = waiting.account
    assert [effect for effect in waiting.effects if isinstance(effect, AskMargin)]
    return desk


def fill_longs(desk: Desk) -> None:
    for symbol in (LONG_PUT, LONG_CALL):
        desk.fill(desk.sends(symbol=symbol)[0])


def answered(desk: Desk, account: Account, funds: Funds) -> Decision:
    answer = MarginAnswered("G-002", funds, BASKET_PAISE, BASKET_PAISE)
    return decide(account, answer, desk.view, desk.now_ns)


def required_paise(decision: Decision) -> int:
    [decided] = [row.fact for row in decision.rows if isinstance(row.fact, GateDecided)]
    assert decided.passed
    return decided.required_paise


def with_limit(limit_paise: int) -> Funds:
    """Funds of which so much may be used."""
    return replace(RICH, available_paise=limit_paise * 10_000 // 9_000)


def test_money_that_went_out_after_the_question_is_not_spent_again() -> None:
    desk = asked()
    before = required_paise(answered(desk, desk.account, RICH))
    desk.now_ns += 200 * NS_PER_MS
    fill_longs(desk)
    asked_again = decide(desk.account, SubmitGroup(plan(number=3)), desk.view, desk.now_ns).account
    answer = MarginAnswered("G-003", RICH, BASKET_PAISE, BASKET_PAISE)
    after = required_paise(decide(asked_again, answer, desk.view, desk.now_ns))
    assert after < before, "what has filled needs no premium any more"
    short = answered(desk, desk.account, with_limit((before + after) // 2))
    assert not [row for row in short.rows if isinstance(row.fact, GateDecided)]
    assert short.account.groups["G-002"].state is ExecutionLifecycle.VALIDATING
    assert [row for row in short.rows if isinstance(row.fact, GateAsked)]
    assert [effect for effect in short.effects if isinstance(effect, AskMargin)]


def test_the_next_answer_decides_where_nothing_has_filled_in_between() -> None:
    desk = asked()
    limit = required_paise(answered(desk, desk.account, RICH)) - 1_00
    fill_longs(desk)
    again = answered(desk, desk.account, with_limit(limit)).account
    refused = answered(desk, again, with_limit(1_000_00)).account.groups["G-002"]
    assert refused.state is ExecutionLifecycle.REJECTED
    passed = answered(desk, again, with_limit(limit)).account.groups["G-002"]
    assert passed.state is ExecutionLifecycle.PLACING


def test_with_money_enough_for_both_nothing_waits() -> None:
    desk = asked()
    fill_longs(desk)
    passed = answered(desk, desk.account, RICH).account.groups["G-002"]
    assert passed.state is ExecutionLifecycle.PLACING
    assert not passed.gate_legs, "nothing is kept of a question that is answered"


def test_our_figure_for_the_basket_is_kept_beside_the_brokers_until_the_group_fills() -> None:
    desk = desk_with(plan())
    desk.accept()
    [first] = desk.facts(GateDecided)
    assert isinstance(first, GateDecided)
    assert (first.basket_paise, first.estimate_paise > 0) == (BASKET_PAISE, True)
    desk.later(6_000)
    fill_longs(desk)
    desk.accept()
    again = desk.facts(GateDecided)[1:]
    assert again, "before a short is released, a decision that is too old is made again"
    assert [fact.estimate_paise for fact in again if isinstance(fact, GateDecided)] == [0] * len(again)
