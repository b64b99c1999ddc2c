"""Ratios within ten per cent are balanced; cover knows no tolerance."""

from __future__ import annotations

import pytest

from core.domain.groups import GroupPlan
from core.domain.settings import ExecutionSettings
from core.risk.position_validator import validate_position
from core.strategies.plan import plan_from_strategy
from tests.risk.chains import NOON_NS, synthetic_view


def condor(lots: int = 20) -> GroupPlan:
    return plan_from_strategy(
        "iron_condor",
        synthetic_view(),
        lots=lots,
        group_id="G-001",
        number=1,
        now_ns=NOON_NS,
        settings=ExecutionSettings(),
    )


def held(plan: GroupPlan, *lots: int) -> list[int]:
    return [leg.side.sign * count * 65 for leg, count in zip(plan.legs, lots, strict=True)]


def test_the_plan_itself_is_balanced() -> None:
    plan = condor()
    result = validate_position(plan, held(plan, 20, 20, 20, 20))
    assert result.balanced
    assert (result.uncovered_units, result.whole_copies, result.sentence) == (0, 20, "balanced")


@pytest.mark.parametrize(("lots", "balanced"), [(20, True), (19, True), (18, True), (17, False), (0, False)])
def test_a_leg_is_a_mismatch_once_it_is_more_than_a_tenth_off(lots: int, balanced: bool) -> None:
    plan = condor()
    result = validate_position(plan, held(plan, 20, 20, 20, lots))
    assert result.balanced is balanced
    assert result.uncovered_units == 0
    assert result.whole_copies == lots


def test_a_half_filled_group_in_its_ratios_is_balanced() -> None:
    plan = condor()
    assert validate_position(plan, held(plan, 10, 10, 10, 10)).balanced


def test_a_balanced_ratio_does_not_excuse_a_naked_unit() -> None:
    plan = condor()
    result = validate_position(plan, held(plan, 19, 20, 20, 20))
    assert result.balanced
    assert result.uncovered_units == 65
    assert result.sentence == "mismatch: 65 short units stand uncovered"


def test_a_leg_held_the_wrong_way_is_entirely_off() -> None:
    plan = condor()
    units = held(plan, 20, 20, 20, 20)
    units[0] = -units[0]
    result = validate_position(plan, units)
    assert not result.balanced
    assert result.legs[0].off_bps == 10_000
    assert result.uncovered_units > 0


def test_nothing_held_is_no_mismatch() -> None:
    plan = condor()
    assert validate_position(plan, [0, 0, 0, 0]).sentence == "nothing is held"
