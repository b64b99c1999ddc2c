"""Stops played to the end against the simulated exchange, in virtual time, every invariant judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core.brokers.paper.books import MemoryBooks
from core.domain.account import Alert
from core.domain.facts import CancelIntended, Fact, ModifyIntended
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import Right, Side
from core.domain.lifecycle import ManualCause
from core.domain.orders import ChildOrder, OrderType, Purpose
from core.journal.persistence import InlinePersistence
from core.rehearsal.campaign.seed_run import run_story
from core.rehearsal.preparation import Asked, prepare
from core.rehearsal.report import Report
from core.rehearsal.run import Rehearsal
from core.rehearsal.scenario_file import read_scenario
from core.rehearsal.sim_loop import run_virtual

ONE_SIDED = """
name = "one-sided-stop"
about = "The market jumps through the call side's stop; the put side stays."
length = "40 s"

[[group]]
strategy = "iron_condor"
lots = 20
at = "2 s"
stop_premium_pct = 150

[[market]]
kind = "gap"
percent = 0.6
at = "20 s"
"""
BOTH_SIDES = ONE_SIDED.replace('kind = "gap"\npercent = 0.6', 'kind = "vol"\nrelative = 1.2')
LOCKED = """
name = "locked-stop"
about = "The short call runs to its price range and locks there for ten seconds."
length = "60 s"

[[group]]
strategy = "iron_condor"
lots = 10
at = "2 s"
stop_premium_pct = 110

[[market]]
kind = "circuit-lock"
legs = [3]
at = "20 s"
lasts = "10 s"
"""
UNCONFIRMED = """
name = "unconfirmed-cancel"
about = "A naked strangle's stop has to be cancelled, and the broker never confirms it."
length = "60 s"
allow_naked = true

[[group]]
strategy = "strangle"
lots = 20
at = "2 s"
stop_premium_pct = 150
allow_naked = true

[[market]]
kind = "gap"
percent = 0.9
at = "20 s"

[[fault]]
kind = "cancel-unconfirmed"
rate = 1.0
at = "15 s"
lasts = "60 s"
"""


@dataclass(frozen=True, slots=True)
class Played:
    """What a rehearsal came to."""

    report: Report
    group: MultiLegOrderGroup
    alerts: dict[str, Alert]
    facts: tuple[Fact, ...]

    def orders(self, purpose: Purpose) -> list[ChildOrder]:
        """Every order of a purpose."""
        return [order for order in self.group.orders.values() if order.purpose is purpose]

    def held(self) -> dict[Right | None, int]:
        """Net units by right, of all legs together without sign."""
        found: dict[Right | None, int] = {}
        for leg in self.group.legs:
            right = leg.plan.contract.right
            found[right] = found.get(right, 0) + abs(leg.net_units)
        return found


def play(folder: Path, text: str, *, seed: int = 1, modify_stop_to_limit: bool = True) -> Played:
    """Play a scenario's text; the broker may be one that cannot turn a stop into a limit order."""
    path = folder / "scenario.toml"
    path.write_text(text)
    prepared = prepare(Asked(read_scenario(path), seed=seed))
    settings = replace(prepared.settings, modify_stop_to_limit=modify_stop_to_limit)
    journal = InlinePersistence()
    rehearsal = Rehearsal(
        replace(prepared, settings=settings), journal, MemoryBooks(), paced=False, strict=True
    )
    report = run_virtual(rehearsal.play, rehearsal.clock)
    account = rehearsal.engine.account
    facts = tuple(row.fact for row in rehearsal.journal.read())
    return Played(report, account.groups["G-001"], dict(account.alerts), facts)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("modify", [True, False], ids=["modify first", "cancel and confirm"])
def test_a_gap_through_one_side_leaves_the_other_side_whole_and_stopped(
    tmp_path: Path, seed: int, modify: bool
) -> None:
    played = play(tmp_path, ONE_SIDED, seed=seed, modify_stop_to_limit=modify)
    assert played.report["violations"] == []
    assert played.report["final"]["state"] == "WHOLE"
    assert played.held() == {Right.CE: 0, Right.PE: 2 * 1_300}
    (resting,) = played.group.live_orders
    assert (resting.purpose, resting.order_type, resting.units) == (Purpose.STOP, OrderType.SL, 1_300)
    changed = [f for f in played.facts if isinstance(f, ModifyIntended) and f.to_limit]
    cancelled = [f for f in played.facts if isinstance(f, CancelIntended)]
    assert (bool(changed), bool(cancelled)) == (modify, not modify)
    assert len(played.orders(Purpose.EXIT)) >= (1 if modify else 2)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("modify", [True, False], ids=["modify first", "cancel and confirm"])
def test_a_shock_through_both_stops_ends_the_group_flat(tmp_path: Path, seed: int, modify: bool) -> None:
    played = play(tmp_path, BOTH_SIDES, seed=seed, modify_stop_to_limit=modify)
    assert played.report["violations"] == []
    assert played.report["final"]["state"] == "FLAT"
    assert played.report["metrics"]["naked_short_units_max"] == 0
    assert not [order for order in played.orders(Purpose.STOP) if order.side is Side.SELL]


def test_a_locked_price_is_said_and_the_stop_keeps_its_place_until_it_opens(tmp_path: Path) -> None:
    played = play(tmp_path, LOCKED)
    assert played.report["violations"] == []
    assert any(name.startswith("locked:") for name in played.alerts)
    assert not [fact for fact in played.facts if isinstance(fact, CancelIntended)]
    assert played.held()[Right.CE] == 0


def test_a_cancel_nobody_confirms_ends_with_cover_and_a_person_and_no_second_exit(tmp_path: Path) -> None:
    played = play(tmp_path, UNCONFIRMED, modify_stop_to_limit=False)
    assert played.report["violations"] == []
    assert played.group.cause is ManualCause.CANCEL_UNCONFIRMED
    assert not played.orders(Purpose.EXIT)
    (cover,) = played.orders(Purpose.HEDGE)
    assert (cover.side, cover.filled_units) == (Side.BUY, 1_300)
    assert "cancel:G-001" in played.alerts


@pytest.mark.parametrize("boundary", range(50, 115, 8))
def test_a_crash_anywhere_around_a_stop_ends_as_if_there_had_been_none(tmp_path: Path, boundary: int) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(ONE_SIDED)
    result = run_story(read_scenario(path), 1, deadly=(boundary,))
    assert result.crashes == 1
    assert (result.violations, result.states, result.endings) == ([], ["OPEN"], [""])
