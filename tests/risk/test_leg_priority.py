"""Leg priority: protection first, naked shorts last, and the reasons."""

from __future__ import annotations

from core.domain.groups import LegPlan, LegType
from core.domain.instruments import Right, Side
from core.policy.leg_priority import LegPriorityCalculator
from tests.risk.chains import FAR, NEAR, NOON_NS, option, quote

CALCULATOR = LegPriorityCalculator()


def leg(side: Side, strike: int, right: Right, ratio: int = 1, far: bool = False) -> LegPlan:
    return LegPlan(0, option(strike, right, FAR if far else NEAR), side, ratio, LegType.LONG, 0, "")


def labels(legs: tuple[LegPlan, ...]) -> list[str]:
    return [f"{one.side.value} {one.contract.label}" for one in legs]


CONDOR = [
    leg(Side.SELL, 24_900, Right.CE),
    leg(Side.SELL, 24_200, Right.PE),
    leg(Side.BUY, 25_100, Right.CE),
    leg(Side.BUY, 24_000, Right.PE),
]


def test_the_wings_of_a_condor_go_before_its_shorts() -> None:
    ordered = CALCULATOR.order(CONDOR, {})
    assert [one.side for one in ordered] == [Side.BUY, Side.BUY, Side.SELL, Side.SELL]
    assert [one.score for one in ordered] == [100, 100, -50, -50]
    assert [one.index for one in ordered] == [0, 1, 2, 3]
    assert ordered[0].reason.startswith("protects the short ")
    assert ordered[-1].reason.startswith("covered by the long ")


def test_ties_go_to_the_tighter_relative_spread_and_then_to_the_symbol() -> None:
    call, put = option(25_100, Right.CE).symbol, option(24_000, Right.PE).symbol
    wide, tight = quote(call, 1_000, half_spread_paise=50), quote(put, 1_000, half_spread_paise=5)
    assert labels(CALCULATOR.order(CONDOR, {call: wide, put: tight}))[:2] == ["BUY 24000 PE", "BUY 25100 CE"]
    assert labels(CALCULATOR.order(CONDOR, {call: tight, put: wide}))[:2] == ["BUY 25100 CE", "BUY 24000 PE"]
    assert labels(CALCULATOR.order(CONDOR, {}))[:2] == ["BUY 24000 PE", "BUY 25100 CE"]


def test_a_quote_with_one_side_counts_as_the_widest() -> None:
    call, put = option(25_100, Right.CE).symbol, option(24_000, Right.PE).symbol
    quotes = {call: quote(call, 1_000, NOON_NS), put: quote(put, 1_000, 400)}
    assert labels(CALCULATOR.order(CONDOR, {put: quotes[put]}))[0] == "BUY 24000 PE"


def test_a_put_never_protects_a_call() -> None:
    ordered = CALCULATOR.order([leg(Side.BUY, 24_000, Right.PE), leg(Side.SELL, 24_900, Right.CE)], {})
    assert [(one.leg_type, one.score) for one in ordered] == [(LegType.LONG, 0), (LegType.NAKED_SHORT, -100)]


def test_a_long_that_expires_first_protects_nothing() -> None:
    ordered = CALCULATOR.order(
        [leg(Side.BUY, 24_600, Right.CE), leg(Side.SELL, 24_600, Right.CE, far=True)], {}
    )
    assert [one.leg_type for one in ordered] == [LegType.LONG, LegType.NAKED_SHORT]


def test_a_short_with_too_little_cover_counts_as_naked_and_says_how_much() -> None:
    ordered = CALCULATOR.order([leg(Side.BUY, 24_400, Right.PE), leg(Side.SELL, 24_200, Right.PE, 2)], {})
    assert ordered[-1].leg_type is LegType.NAKED_SHORT
    assert ordered[-1].reason == "naked: 65 of 130 units a copy have no cover"


def test_of_two_shorts_sharing_one_long_one_is_naked_and_goes_last() -> None:
    ordered = CALCULATOR.order(
        [
            leg(Side.SELL, 24_800, Right.CE),
            leg(Side.BUY, 25_000, Right.CE),
            leg(Side.SELL, 24_900, Right.CE),
        ],
        {},
    )
    assert labels(ordered) == ["BUY 25000 CE", "SELL 24800 CE", "SELL 24900 CE"]
    assert [one.score for one in ordered] == [100, -50, -100]


def test_a_long_against_a_short_already_held_is_a_hedge() -> None:
    held = [(option(24_900, Right.CE), -65)]
    ordered = CALCULATOR.order([leg(Side.BUY, 25_100, Right.CE), leg(Side.BUY, 24_000, Right.PE)], {}, held)
    assert [(one.leg_type, one.score) for one in ordered] == [(LegType.HEDGE, 50), (LegType.LONG, 0)]
    assert ordered[0].reason == "offsets the short 24900 CE already held"


def test_holdings_never_cover_the_shorts_of_a_group() -> None:
    held = [(option(25_100, Right.CE), 650)]
    assert CALCULATOR.order([leg(Side.SELL, 24_900, Right.CE)], {}, held)[0].leg_type is LegType.NAKED_SHORT
