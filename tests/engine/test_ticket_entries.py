"""What a person types into a ticket: legs of their own, far expiries, terms; what is wrong is a sentence."""

from __future__ import annotations

from datetime import date, time

import pytest

from core.domain.groups import IncompletePolicy
from core.domain.instruments import Product, Right, Side
from core.domain.timing import clock_text, from_ist
from core.engine.previews import CUSTOM, TicketRequest
from core.engine.ticket import fields_of
from core.engine.ticket_entries import TypedLeg, exit_instant, typed_leg
from core.rehearsal.run import Rehearsal
from core.strategies.catalogue import STRATEGIES
from core.strategies.errors import StrategyError
from core.strategies.selection import AtDelta, AtStrike, FromMoney
from tests.engine.test_previews import play

NOW_NS = from_ist(date(2025, 11, 24), time(10, 0))


@pytest.mark.parametrize(
    ("text", "leg"),
    [
        ("+1 24500 PE", TypedLeg(Side.BUY, 1, AtStrike(24_500_00), Right.PE, False)),
        ("-2 0.20ce", TypedLeg(Side.SELL, 2, AtDelta(0.2), Right.CE, False)),
        ("sell 3 +300 c far", TypedLeg(Side.SELL, 3, FromMoney(300_00), Right.CE, True)),
        ("b 24500p", TypedLeg(Side.BUY, 1, AtStrike(24_500_00), Right.PE, False)),
        ("- 1 -50 pe f", TypedLeg(Side.SELL, 1, FromMoney(-50_00), Right.PE, True)),
    ],
)
def test_a_leg_can_be_written_in_many_ways(text: str, leg: TypedLeg) -> None:
    assert typed_leg(text) == leg


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("24500 PE", "is no leg: write"),
        ("+1 24500", "is no leg: write"),
        ("+0 24500 PE", "its ratio must be from 1 to 100 lots, not 0"),
        ("+101 24500 PE", "its ratio must be from 1 to 100"),
        ("+99999999999 24500 PE", "its ratio must be from 1 to 100"),
        ("+1 abc PE", "its strike cannot be 'abc'"),
        ("+1 nan PE", "its strike cannot be 'nan'"),
        ("+١ 24500 PE", "is no leg"),
    ],
)
def test_a_leg_that_cannot_be_read_is_a_sentence(text: str, said: str) -> None:
    with pytest.raises(StrategyError, match=said.replace("+", r"\+")):
        typed_leg(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("9:59", "has passed: it is 10:00:00"),
        ("25:00", "give a time of today"),
        ("1510", "give a time of today"),
        ("15", "give a time of today"),
        ("15:10+05:00", "give a time of today"),
        ("noon", "give a time of today"),
    ],
)
def test_an_exit_that_cannot_be_kept_is_a_sentence(text: str, said: str) -> None:
    with pytest.raises(StrategyError) as raised:
        exit_instant(text, NOW_NS)
    assert said in str(raised.value)


def test_an_exit_is_a_time_of_the_same_day() -> None:
    exit_ns = exit_instant(" 15:10 ", NOW_NS)
    assert exit_ns is not None
    assert clock_text(exit_ns) == "15:10:00"
    assert exit_instant("", NOW_NS) is None


def test_every_strategy_shows_only_the_fields_that_it_heeds() -> None:
    assert "width" not in fields_of(TicketRequest("straddle"))
    assert "put" not in fields_of(TicketRequest("bear_call_spread"))
    assert {"far_expiry", "right"} <= set(fields_of(TicketRequest("calendar")))
    assert "legs" in fields_of(TicketRequest(CUSTOM))
    for name in (*STRATEGIES, CUSTOM, "nonsense"):
        fields = fields_of(TicketRequest(name))
        assert len(fields) == len(set(fields))
        assert {"strategy", "expiry", "lots", "product", "on_incomplete", "exit_at"} <= set(fields)
        assert all(hasattr(TicketRequest(), each) for each in fields)


def test_legs_of_ones_own_become_a_plan_with_their_ratios() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        legs = ("-2 +300 CE", "+2 +500 CE", "", "+1 -0 PE")
        preview = rehearsal.preview(TicketRequest(CUSTOM, lots="3", legs=legs))
        assert preview.problem == ""
        assert preview.plan is not None
        assert [leg.side for leg in preview.legs][-1] is Side.SELL
        assert sorted(leg.units for leg in preview.legs) == [195, 390, 390]
        assert preview.plan.strategy == CUSTOM
        assert preview.plan.copies == 3

    play(story)


def test_a_calendar_takes_the_far_expiry_and_the_options_that_were_chosen() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        near, far = rehearsal.preview(TicketRequest()).expiries
        preview = rehearsal.preview(TicketRequest("calendar", far_expiry=far, right=Right.PE))
        assert preview.plan is not None
        assert {leg.contract.right for leg in preview.plan.legs} == {Right.PE}
        assert {leg.expiry for leg in preview.legs} == {near, far}
        wrong = rehearsal.preview(TicketRequest("calendar", far_expiry=near))
        assert "the far expiry must lie after" in wrong.problem.lower()

    play(story)


def test_terms_of_the_ticket_are_terms_of_the_plan() -> None:
    async def story(rehearsal: Rehearsal) -> None:
        asked = TicketRequest(product=Product.MIS, on_incomplete=IncompletePolicy.UNWIND, exit_at="15:00")
        plan = rehearsal.preview(asked).plan
        assert plan is not None
        assert (plan.product, plan.on_incomplete) == (Product.MIS, IncompletePolicy.UNWIND)
        assert plan.exit_at_ns is not None
        assert clock_text(plan.exit_at_ns) == "15:00:00"

    play(story)


@pytest.mark.parametrize(
    ("legs", "said"),
    [
        ((), "Write a leg in each field"),
        (("+1 24500 PE", "oops"), "Leg 2: 'oops' is no leg"),
        (("+1 12345 PE",), "Leg 1: NIFTY"),
        (("-1 +300 CE",), "would stand naked"),
        (("-1 +300 CE", "-1 +300 CE"), "appears twice"),
        (("+1 24500 PE far",) * 9, "at most 8 legs"),
    ],
)
def test_what_is_wrong_with_legs_of_ones_own_is_a_sentence(legs: tuple[str, ...], said: str) -> None:
    async def story(rehearsal: Rehearsal) -> None:
        problem = rehearsal.preview(TicketRequest(CUSTOM, legs=legs)).problem
        assert said in problem
        assert problem.endswith(".")

    play(story)
