"""What a wire campaign keeps between sittings, and what it makes of a scenario's faults."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest

from core.domain.timing import NS_PER_S
from core.rehearsal.faults.engine import FaultRule
from core.rehearsal.faults.kinds import FaultKind
from core.rehearsal.invariants.violation import Violation
from core.rehearsal.market_time import MarketTime
from core.rehearsal.preparation import Asked, prepare
from core.rehearsal.report import write_report
from core.rehearsal.shelf import find_scenario
from core.rehearsal.sim_loop import run_virtual
from core.rehearsal.wire import campaign
from core.rehearsal.wire.campaign import CannotResume, Kept, drawn, load, summary
from core.rehearsal.wire.disk import Disk
from core.rehearsal.wire.seed_run import WireResult, kills_of, line
from core.rehearsal.wire.venue import LEEWAY_S, at_the_exchange

WHAT = {"first": 1, "speed": 5.0, "scenarios": []}
WELL = WireResult("torture-1", 1, states={"G-001": "CLOSED"}, faults={"reject": 2}, kills=1, wall_s=10.0)
BAD = WireResult("torture-2", 2, violations=[Violation(1, 5, "naked", "G-001")], naked_most=65, wall_s=20.0)


def test_a_campaign_goes_on_where_it_stopped_and_plays_no_seed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "wire.json"
    write_report(msgspec.to_builtins(Kept(WHAT, [WELL], 10.0)), path)
    kept = load(path, WHAT)
    assert kept.results == [WELL]
    played: list[int] = []

    def run_seed(scenario: str, seed: int, folder: Path, *, speed: float) -> WireResult:
        played.append(seed)
        return BAD

    monkeypatch.setattr(campaign, "run_seed", run_seed)
    monkeypatch.setattr("sys.argv", ["campaign", "--seeds", "2", "--resume", str(path)])
    with pytest.raises(SystemExit) as ended:
        campaign.main()
    assert (played, ended.value.code) == ([2], 1)
    assert load(path, WHAT).results == [WELL, BAD]
    with pytest.raises(SystemExit):
        campaign.main()
    assert played == [2], "what has been played is not played again"


def test_the_progress_of_another_campaign_or_of_none_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "wire.json"
    assert load(path, WHAT).results == []
    write_report(msgspec.to_builtins(Kept(WHAT)), path)
    with pytest.raises(CannotResume, match=r"speed 5\.0, not 10\.0"):
        load(path, WHAT | {"speed": 10.0})
    path.write_text("{")
    with pytest.raises(CannotResume, match="give another file"):
        load(path, WHAT)


def test_the_sum_counts_what_failed_and_what_stood_naked() -> None:
    told = summary(Kept(WHAT, [WELL, BAD], 15.0))
    assert (told["seeds"], told["failed"], told["kills"]) == (2, 1, 1)
    assert (told["seeds_with_naked_units"], told["groups"], told["faults"]) == (
        1,
        {"CLOSED": 1},
        {"reject": 2},
    )
    assert (told["seconds_a_seed"], told["wall_s"]) == (15.0, 15.0)
    assert drawn(7, 2) == [("torture-7", 7), ("torture-8", 8)]


def test_a_seed_that_does_not_end_as_its_scenario_says_has_failed() -> None:
    result = WireResult("lost-ack", 1, untrue=["at the end the account is FLAT"])
    assert not result.passed
    assert line(result).startswith("FAIL")
    assert "does not hold: at the end the account is FLAT" in line(result)


def test_a_scenario_without_crashes_kills_nobody_and_one_with_them_as_often_as_it_says() -> None:
    calm = prepare(Asked(find_scenario("calm")))
    assert kills_of(calm, 10.0) == []
    crashing = prepare(Asked(find_scenario("crash-mid-group")))
    moments = kills_of(crashing, 10.0)
    assert len(moments) == 2
    assert all(0.2 <= moment <= 1.4 for moment in moments)
    drawn_story = prepare(Asked(find_scenario("torture-5"), seed=5))
    assert kills_of(drawn_story, 5.0) == kills_of(drawn_story, 5.0)
    assert len(kills_of(drawn_story, 5.0)) == 2


def test_the_exchange_plays_what_an_exchange_can_with_leeway_for_the_wall() -> None:
    rules = [
        FaultRule(kind, 1.0, 10 * NS_PER_S, 20 * NS_PER_S) for kind in (FaultKind.REJECT, FaultKind.CRASH)
    ]
    (rule,) = at_the_exchange(rules, 10.0)
    leeway_ns = int(LEEWAY_S * 10 * NS_PER_S)
    assert (rule.kind, rule.from_ns, rule.until_ns) == (
        FaultKind.REJECT,
        10 * NS_PER_S - leeway_ns,
        20 * NS_PER_S + leeway_ns,
    )


def test_a_disk_fills_up_once_and_is_free_again() -> None:
    clock = MarketTime(0)
    rule = FaultRule(FaultKind.DISK_FULL, 1.0, 5 * NS_PER_S, 30 * NS_PER_S, 1, 10 * NS_PER_S)
    full: list[tuple[int, bool]] = []

    async def play() -> None:
        disk = Disk(1, [rule], clock)
        disk.start()
        for second in (4, 6, 14, 16, 25):
            await clock.sleep_until(second * NS_PER_S)
            try:
                disk.faults()
            except sqlite3.OperationalError:
                full.append((second, True))
            else:
                full.append((second, False))
        assert not disk.is_sound
        assert disk.fired == {"disk-full": 2}

    run_virtual(play, clock)
    assert full == [(4, False), (6, True), (14, True), (16, False), (25, False)]
