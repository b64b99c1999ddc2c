"""Campaigns: seeds that hold, the same twice, and guards that are missed when they are gone."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import pytest

import core
from core.rehearsal.campaign.guards import GUARDS
from core.rehearsal.campaign.pool import Run, Seeds, play, play_all
from core.rehearsal.campaign.program import program_digest
from core.rehearsal.campaign.replay import Again, Replayer
from core.rehearsal.campaign.seed_run import RAISED, SeedResult, run_seed, run_story
from core.rehearsal.campaign.story import draw_story
from core.rehearsal.campaign.tally import CannotResume, Progress, Tally, load, save
from core.rehearsal.shelf import find_scenario

FAILING_SEEDS = {
    "intent-first": 1,
    "cancel-confirmation": 31,
    "trailing-edge": 64,
    "cover-before-release": 2,
    "max-not-sum": 1,
    "tag-lookup": 11,
    "margin-reservation": 183,
    "working-in-hedge": 64,
    "positions-lag": 43,
    "stops-survive-kill": 302,
}
"""A seed for each guard whose absence a campaign is known to notice."""
LOOK_FURTHER = 60
"""A rule that changes changes the stories of seeds: the known one is tried first, then so many others."""


@pytest.mark.parametrize("seed", range(6))
def test_a_seed_holds_every_invariant(seed: int) -> None:
    result = run_seed(seed)
    assert result.violations == [], "\n".join(result.story)


def test_the_same_seed_gives_the_same_rows_in_another_process_with_another_hash_seed() -> None:
    replayer = Replayer()
    for seed in (0, 3):
        result = run_seed(seed)
        assert replayer.last_hash(Again(seed, "", [], [])) == result.last_hash
    replayer.close()


def test_a_story_that_cannot_be_played_again_is_no_match_and_the_next_one_still_is() -> None:
    replayer = Replayer()
    assert replayer.last_hash(Again(0, "no-such-scenario", [], [])) == ""
    assert replayer.last_hash(Again(0, "", [], [])) == run_seed(0).last_hash
    replayer.close()


@pytest.mark.parametrize(("guard", "seed"), FAILING_SEEDS.items())
def test_without_a_guard_a_known_seed_breaks_an_invariant(guard: str, seed: int) -> None:
    assert guard in GUARDS
    off = frozenset({guard})
    missed = next(each for each in (seed, *range(LOOK_FURTHER)) if run_seed(each, guards_off=off).violations)
    with_it = run_seed(missed)
    assert with_it.violations == [], "it is the guard that holds this seed together"


def test_every_guard_has_a_seed_that_misses_it() -> None:
    assert set(FAILING_SEEDS) == set(GUARDS)


def test_a_crash_at_a_boundary_is_survived_from_the_bytes_alone() -> None:
    scenario = find_scenario("crash-mid-group")
    whole = run_story(scenario, 1)
    for number in (3, whole.boundaries // 3, whole.boundaries // 2):
        result = run_story(scenario, 1, deadly=(number, number + 2))
        assert result.crashes > whole.crashes
        assert result.violations == [], "\n".join(result.story)


def test_a_run_that_writes_without_end_is_stopped_and_is_a_violation() -> None:
    assert run_seed(1).violations == []
    stopped = run_seed(1, rows_max=60)
    assert [number for number, _, _ in stopped.violations] == [RAISED]
    assert "ran away" in stopped.violations[0][2]
    assert stopped.simulated_s < run_seed(1).simulated_s


def test_stories_are_bounded_and_differ() -> None:
    stories = [draw_story(seed) for seed in range(300)]
    assert all(1 <= len(story.group) <= 6 for story in stories)
    assert all(fault.at + (fault.lasts or 0) <= 45_000 for story in stories for fault in story.fault)
    assert 0.1 < sum(story.night_at is not None for story in stories) / 300 < 0.3
    assert len({group.strategy for story in stories for group in story.group}) == 11
    assert {group.product for story in stories for group in story.group} == {"NRML", "MIS"}
    assert any(group.lots > 27 for story in stories for group in story.group)
    kinds = [len(story.fault) + len(story.market) for story in stories]
    assert median(kinds) >= 6
    assert draw_story(11) == draw_story(11)


def test_a_campaign_stops_at_the_first_violation_unless_told_otherwise() -> None:
    broken = frozenset({"cover-before-release"})
    runs = [Run(seed, guards_off=broken) for seed in range(2, 6)]
    assert len(list(play_all(runs, 1, keep_going=False))) == 1
    assert len(list(play_all(runs, 1, keep_going=True))) == 4


def test_too_many_groups_in_manual_whose_faults_had_healed_fail_a_campaign() -> None:
    tally = Tally()
    for n in range(200):
        ending = "hedge-exhausted" if n < 10 else ""
        tally.add(SeedResult(n, "torture", endings=[ending, "hedge-exhausted"], healed=[True, False]))
    assert tally.shortfall == ""
    tally.add(SeedResult(200, "torture", endings=["hedge-exhausted"], healed=[True]))
    assert "94.5%" in tally.shortfall
    assert tally.as_json()["violations"] == [{"seed": -1, "invariant": 14, "detail": tally.shortfall}]
    assert "IS BROKEN" in tally.readable()


def test_a_tally_is_kept_and_gone_on_with(tmp_path: Path) -> None:
    tally, path = Tally(), tmp_path / "progress.json"
    asked = {"program": "one", "from": 1, "scenario": ""}
    result = play(Run(1))
    tally.add(result)
    save(path, Progress(asked, 2, tally))
    kept = load(path, asked)
    assert kept is not None
    assert kept.next_seed == 2
    kept.tally.add(result)
    assert kept.tally.seeds == 2
    assert kept.tally.as_json()["endings"]["by_policy"] == 2 * len([e for e in result.endings if not e])
    with pytest.raises(CannotResume, match="scenario"):
        load(path, {**asked, "scenario": "calm"})
    with pytest.raises(CannotResume, match="another version of the program"):
        load(path, {**asked, "program": "two"})
    path.write_text("{")
    with pytest.raises(CannotResume, match="not the progress"):
        load(path, asked)


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ({"asked": {}, "next_seed": -5, "tally": {}}, "it says nothing of what was asked for"),
        ({"asked": {"from": 0, "scenario": ""}, "next_seed": 0, "tally": {}}, "it says from, scenario of"),
        ({"next_seed": -5}, "0 seeds from 0 do not lead to seed -5"),
        ({"next_seed": 7, "tally": {"seeds": 3}}, "3 seeds from 0 do not lead to seed 7"),
        ({"tally": {"crashes": -1}}, "less than nothing"),
        ({"tally": {"faults": {"gremlins": 2}}}, "faults that there are not"),
        ({"tally": {"replayed": 2}}, "more was replayed than played"),
        ({"tally": {"seeds": "3"}}, "Expected `int`"),
    ],
)
def test_progress_that_makes_no_sense_is_refused(tmp_path: Path, kept: dict[str, Any], said: str) -> None:
    asked = {"program": "one", "from": 0, "scenario": ""}
    path = tmp_path / "progress.json"
    path.write_text(json.dumps({"asked": asked, "next_seed": 0, "tally": {}} | kept))
    with pytest.raises(CannotResume, match="not the progress of a campaign") as caught:
        load(path, asked)
    assert said in str(caught.value)


def test_the_programs_digest_is_of_every_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "__file__", str(tmp_path / "__init__.py"))
    (tmp_path / "policy").mkdir()
    digests = {program_digest()}
    for name, text in (
        ("policy/a.py", "x = 1"),
        ("policy/a.py", "x = 2"),
        ("policy/b.py", ""),
        ("t.toml", ""),
    ):
        (tmp_path / name).write_text(text)
        digests.add(program_digest())
    (tmp_path / "policy" / "a.pyc").write_text("compiled")
    digests.add(program_digest())
    assert len(digests) == 5


def test_a_billion_seeds_cost_nothing_until_they_are_played() -> None:
    runs = Seeds(5, 1_000_000_000, "calm", (3,))
    assert len(runs) == 1_000_000_000
    assert runs[0] == Run(5, "calm", (3,))
    assert runs[15] == Run(20, "calm", (3,), replay=True)
    assert runs[7:][0] == runs[7]
    assert runs[-1].seed == 1_000_000_004
    assert len(Seeds(0, 3)[5:]) == 0


def test_the_public_object_has_every_kind_of_fault() -> None:
    told = Tally().as_json()
    assert set(told) == {
        "seeds",
        "crashes",
        "faults",
        "endings",
        "violations",
        "replay_identical",
        "simulated_s",
        "wall_s",
        "simulated_s_per_s",
    }
    assert "crash" in told["faults"]
    assert told["violations"] == []
