"""A group that stands in another ratio than it was designed for is told of, by the validator's own words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.account import Severity
from core.domain.facts import AlertRaised
from core.domain.groups import LegState, LegType, MultiLegOrderGroup
from core.domain.inputs import MonitorPass, OperatorAction, OperatorCommand
from core.domain.instruments import Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Purpose
from core.policy.mismatch import balance_of
from tests.builders import (
    LOT,
    SHORT_CALL,
    SHORT_PUT,
    Desk,
    fill_everything,
    leg,
    open_condor,
    option,
)

_S = ExecutionLifecycle
NAME = "mismatch:G-001"


def stands(desk: Desk) -> bool:
    alert = desk.account.alerts.get(NAME)
    return alert is not None and not alert.cleared


def holding(group: MultiLegOrderGroup, lots: tuple[int, ...]) -> MultiLegOrderGroup:
    """The group with so many lots in each of its legs, in the legs' own directions."""
    return replace(
        group,
        legs=tuple(
            replace(each, bought_units=count * LOT, sold_units=0)
            if each.plan.side is Side.BUY
            else replace(each, sold_units=count * LOT, bought_units=0)
            for each, count in zip(group.legs, lots, strict=True)
        ),
    )


def stranded(lots: tuple[int, ...], state: ExecutionLifecycle = _S.MANUAL) -> Desk:
    """A condor that stands as a person has left it."""
    desk = open_condor()
    hold(desk, lots, state)
    return desk


def hold(desk: Desk, lots: tuple[int, ...], state: ExecutionLifecycle = _S.MANUAL) -> None:
    desk.account = desk.account.with_group(replace(holding(desk.group(), lots), state=state))


def test_a_group_handed_over_half_way_out_is_told_of_until_it_is_over() -> None:
    desk = open_condor()
    desk.give(MonitorPass())
    assert not stands(desk)
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
    while desk.group().state is not _S.MANUAL:
        for order in desk.sends(purpose=Purpose.EXIT):
            if order.tag not in desk.ids and desk.group().orders[order.tag].outcome is None:
                if order.symbol == SHORT_PUT:
                    desk.accept(order)
                    desk.fill(order)
                else:
                    desk.refuse(order)
        desk.later(2_000)
    desk.give(MonitorPass())
    alert = desk.account.alerts[NAME]
    assert stands(desk)
    assert (alert.severity, alert.runbook, alert.group_id) == (Severity.WARNING, "mismatch", "G-001")
    assert alert.text == f"G-001: mismatch: {SHORT_PUT} is 100 % off its ratio"
    desk.give(OperatorCommand(OperatorAction.FLATTEN, "G-001", "tester", 0))
    fill_everything(desk)
    assert desk.is_in(_S.CLOSED)
    assert not stands(desk)


@pytest.mark.parametrize(
    ("lots", "state", "told"),
    [
        ((10, 10, 10, 9), _S.MANUAL, False),
        ((10, 10, 10, 8), _S.MANUAL, True),
        ((5, 5, 5, 5), _S.MANUAL, False),
        ((0, 0, 0, 0), _S.MANUAL, False),
        ((10, 10, 10, 8), _S.HEDGING, False),
    ],
)
def test_a_mismatch_is_a_ratio_more_than_a_tenth_off_in_a_group_at_rest(
    lots: tuple[int, ...], state: ExecutionLifecycle, told: bool
) -> None:
    desk = stranded(lots, state)
    desk.give(MonitorPass())
    assert stands(desk) is told


def test_it_is_told_once_again_when_it_is_further_off_and_goes_when_the_ratio_is_back() -> None:
    desk = stranded((10, 10, 10, 8))
    for _ in range(3):
        desk.give(MonitorPass())
    desk.give(OperatorCommand(OperatorAction.ACKNOWLEDGE, NAME, "tester", 0))
    hold(desk, (10, 10, 10, 4))
    desk.give(MonitorPass())
    assert f"{SHORT_CALL} is 60 % off" in desk.account.alerts[NAME].text
    assert not desk.account.alerts[NAME].acknowledged
    raised = [fact for fact in desk.facts(AlertRaised) if isinstance(fact, AlertRaised)]
    assert sum(fact.alert_id == NAME for fact in raised) == 2
    hold(desk, (4, 4, 4, 4))
    desk.give(MonitorPass())
    assert not stands(desk)


def test_what_a_stop_took_out_is_no_part_of_the_ratio_any_more() -> None:
    desk = stranded((10, 10, 10, 0), _S.OPEN)
    group = desk.group()
    calls = tuple(
        replace(each, retired_at_ns=1) if each.plan.contract.right is Right.CE else each
        for each in group.legs
    )
    assert not balance_of(group).balanced
    assert balance_of(replace(group, legs=calls)).balanced


def test_cover_that_was_bought_at_another_strike_is_counted_as_cover() -> None:
    group = stranded((10, 4, 10, 10)).group()
    assert f"{6 * LOT} short units stand uncovered" in balance_of(group).sentence
    other = leg(4, option(24_900, Right.CE), Side.BUY)
    cover = LegState(replace(other, leg_type=LegType.HEDGE), bought_units=6 * LOT)
    said = balance_of(replace(group, legs=(*group.legs, cover))).sentence
    assert "60 % off its ratio" in said
    assert "uncovered" not in said
