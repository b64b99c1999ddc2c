"""A close look says how a group stands against its own design, with prices or without."""

from __future__ import annotations

from dataclasses import replace

from core.domain.calendar import SessionCalendar
from core.domain.groups import MultiLegOrderGroup
from core.domain.quotes import MarketView
from core.engine.group_look import look_closely
from core.engine.replay import JournalReplay
from tests.builders import NOW, SHORT_CALL, desk_with, market, open_condor, opening, plan


def lopsided() -> MultiLegOrderGroup:
    """A condor whose short call is half gone."""
    group = open_condor().group()
    legs = tuple(
        replace(leg, closed_units=leg.held_units // 2) if leg.plan.contract.symbol == SHORT_CALL else leg
        for leg in group.legs
    )
    return replace(group, legs=legs)


def look(group: MultiLegOrderGroup, view: MarketView | None = None) -> tuple[str, bool]:
    seen = look_closely(group, view or market(), NOW, SessionCalendar())
    return seen.ratio_words, seen.ratio_holds


def test_a_look_says_whether_the_ratio_holds_with_prices_and_without() -> None:
    assert look(open_condor().group()) == ("balanced", True)
    off = (f"mismatch: {SHORT_CALL} is 50 % off its ratio", False)
    assert look(lopsided()) == off
    assert look(lopsided(), MarketView()) == off


def test_nothing_is_said_of_the_ratio_of_what_is_not_held() -> None:
    assert look(desk_with(plan()).group()) == ("", True)


def test_a_replay_says_it_too() -> None:
    replay = JournalReplay([*opening(), *open_condor().rows])
    replay.seek_row(replay.rows)
    replay.look_at("G-001")
    seen = replay.snapshot().look
    assert seen is not None
    assert (seen.ratio_words, seen.ratio_holds) == ("balanced", True)
