"""At the end the exchange's own books are asked whether a group is what its state says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.brokers.paper.books import MemoryBooks
from core.brokers.paper.records import CancelAsked, ExchangeRecord, StatusChanged
from core.domain.account import Account, Severity
from core.domain.evolve import fold
from core.domain.facts import AlertRaised, Fact, HoldingClosedByOthers, Recorded, StateChanged
from core.domain.groups import GroupPlan
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.timing import NS_PER_S
from core.rehearsal.invariants.resting import at_the_end, never_taken_up
from core.rehearsal.invariants.truth import Truth
from tests.rehearsal.wire.test_judging import CONTRACTS, LONG, NONCE, PLAN, accepted, order, rows, traded

S = ExecutionLifecycle
HOUR_NS = 3_600 * NS_PER_S
BOUGHT = order(LONG.index, 1, Side.BUY, LONG.contract.lot_units)
MANUAL_ALERT = AlertRaised(f"manual:{PLAN.group_id}", Severity.CRITICAL, "", "manual", PLAN.group_id)


def account(*states: ExecutionLifecycle, also: tuple[Fact, ...] = ()) -> Account:
    """The group after it has gone through these states, its plan's legs untraded as far as the core knows."""
    told = rows(BOUGHT)
    cause = ManualCause.OPERATOR
    facts: list[Fact] = [
        StateChanged(PLAN.group_id, state, "", cause if state is S.MANUAL else None)
        for state in (S.VALIDATING, S.PLACING, *states)
    ]
    told += [
        Recorded(len(told) + n, HOUR_NS, PLAN.group_id, fact) for n, fact in enumerate([*facts, *also], 1)
    ]
    return fold(told)


def found(state: Account, *records: ExchangeRecord, known_ns: int = HOUR_NS) -> list[int]:
    truth = Truth(MemoryBooks(), CONTRACTS, NONCE)
    truth.append(list(records))
    return [invariant for invariant, _, _ in at_the_end(state, truth, known_ns, rested=True)]


def test_a_closed_group_that_holds_something_at_the_exchange_is_found() -> None:
    closed = account(S.CLOSED)
    assert found(closed) == []
    assert found(closed, accepted(BOUGHT), traded(BOUGHT, BOUGHT.units, "1")) == [14]


def test_what_others_closed_of_a_group_is_no_longer_held_but_only_if_they_traded() -> None:
    gone = HoldingClosedByOthers(PLAN.group_id, LONG.index, BOUGHT.units, "someone else's trade")
    closed = account(S.CLOSED, also=(gone,))
    ours: list[ExchangeRecord] = [accepted(BOUGHT), traded(BOUGHT, BOUGHT.units, "1")]
    theirs = replace(order(LONG.index, 9, Side.SELL, BOUGHT.units), tag="theirs")
    sold: list[ExchangeRecord] = [accepted(theirs, placed_by="trader"), traded(theirs, theirs.units, "2")]
    assert found(closed, *ours, *sold) == []
    assert found(closed, *ours) == [7]


def test_an_order_that_works_on_for_a_closed_group_is_found_unless_it_is_news() -> None:
    closed = account(S.CLOSED)
    assert found(closed, accepted(BOUGHT)) == [14]
    assert found(closed, accepted(BOUGHT), known_ns=5 * NS_PER_S) == []
    over = StatusChanged(3 * NS_PER_S, f"id-{BOUGHT.tag}", "CANCELLED", "")
    assert found(closed, accepted(BOUGHT), over) == []


def test_a_cancel_that_is_never_confirmed_has_to_be_told_of() -> None:
    asked = CancelAsked(3 * NS_PER_S, f"id-{BOUGHT.tag}", 1 << 62)
    assert found(account(S.CLOSED), accepted(BOUGHT), asked) == [14]
    assert found(account(S.CLOSED, also=(MANUAL_ALERT,)), accepted(BOUGHT), asked) == []


def whole(plan: GroupPlan = PLAN) -> list[ExchangeRecord]:
    records: list[ExchangeRecord] = []
    for leg in plan.legs:
        each = order(leg.index, 1, leg.side, plan.units(leg.index))
        records += [accepted(each), traded(each, each.units, each.tag)]
    return records


def test_an_open_group_that_lacks_a_leg_at_the_exchange_is_found() -> None:
    open_ = account(S.OPEN)
    assert found(open_, *whole()) == []
    assert found(open_, *whole()[2:]) == [14]


def test_an_open_group_for_which_more_than_its_stops_works_is_found() -> None:
    more = order(LONG.index, 2, Side.BUY, BOUGHT.units)
    assert found(account(S.OPEN), *whole(), accepted(more)) == [14]


def test_manual_without_a_standing_alert_is_found() -> None:
    assert found(account(S.MANUAL)) == [9]
    assert found(account(S.MANUAL, also=(MANUAL_ALERT,))) == []


@pytest.mark.parametrize("rested", [True, False])
def test_a_group_at_work_is_found_once_the_faults_have_been_over_for_long(rested: bool) -> None:
    truth = Truth(MemoryBooks(), CONTRACTS, NONCE)
    violations = list(at_the_end(account(), truth, HOUR_NS, rested=rested))
    assert [invariant for invariant, _, _ in violations] == ([14] if rested else [])


def test_a_group_that_was_asked_for_and_never_taken_up_is_found() -> None:
    violations = list(never_taken_up(account(), [PLAN.group_id, "G-777"]))
    assert [(invariant, group_id) for invariant, group_id, _ in violations] == [(9, "G-777")]
