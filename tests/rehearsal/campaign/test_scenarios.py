"""The shipped scenarios: each passes, and each says what was wrong when it is spoilt."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.brokers.paper.books import MemoryBooks
from core.domain.lifecycle import ExecutionLifecycle
from core.journal.persistence import InlinePersistence
from core.rehearsal.preparation import Asked, prepare
from core.rehearsal.report import Report
from core.rehearsal.run import Rehearsal
from core.rehearsal.scenario import Scenario, ScenarioError
from core.rehearsal.scenario_file import read_scenario
from core.rehearsal.shelf import find_scenario, shipped
from core.rehearsal.sim_loop import run_virtual
from core.strategies.errors import StrategyError

WANTED = {
    "calm",
    "slow-leg",
    "partial-fills",
    "leg-rejected",
    "margin-shock",
    "gap-through",
    "circuit-lock",
    "cancel-fill-race",
    "lost-ack",
    "duplicates-and-reordering",
    "silent-stream",
    "freeze-split",
    "rate-limit",
    "broker-down",
    "crash-mid-group",
    "disk-full",
    "manual-close",
    "late-fill",
    "flatten-everything",
    "expiry-day",
    "overnight",
}


def played(scenario: Scenario, seed: int = 1) -> Report:
    prepared = prepare(Asked(scenario, seed=seed))
    rehearsal = Rehearsal(prepared, InlinePersistence(), MemoryBooks(), paced=False)
    return run_virtual(rehearsal.play, rehearsal.clock)


def test_all_scenarios_are_shipped() -> None:
    assert {each.name for each in shipped()} == WANTED


@pytest.mark.parametrize("name", sorted(WANTED))
def test_a_scenario_passes_headless(name: str) -> None:
    report = played(find_scenario(name))
    assert report["verdict"] == "PASS", (report["violations"], report["statements"], report["groups"])


def test_margin_shock_passes_without_its_shocks() -> None:
    scenario = find_scenario("margin-shock").model_copy(update={"margin_shocks": False})
    report = played(scenario)
    assert [group["lifecycle"] for group in report["groups"]] == ["OPEN"]


def test_a_seeds_story_can_be_asked_for_by_name() -> None:
    assert find_scenario("torture-17").name == "torture-17"


GAP = '[[market]]\nkind = "gap"\nat = "3 s"\n'
ACT = '[[operator]]\nat = "3 s"\n'
BAD = [
    ('[[fault]]\nkind = "reject"\nrate = 1.5', 6, "fault.0.rate: a number from 0 to 1 is wanted, not 1.5"),
    ('[[fault]]\nkind = "reject"\nrate = -0.1', 6, "fault.0.rate: a number from 0 to 1"),
    ('[[fault]]\nkind = "reject"\nrate = nan', 6, "fault.0.rate: a number from 0 to 1"),
    (
        '[[fault]]\nkind = "reject"\nrate = "0.5"',
        6,
        "fault.0.rate: a number from 0 to 1 is wanted, not '0.5'",
    ),
    ('[[fault]]\nkind = "reject"\nrate = true', 6, "fault.0.rate: a number from 0 to 1"),
    ('[[fault]]\nkind = "rejected"', 5, "fault.0.kind"),
    ('[[fault]]\nkind = "price-gap"', 5, "write it as [[market]]"),
    ('[[fault]]\nkind = "reject"\nat = 5', 6, "a time with its unit"),
    ('[[fault]]\nkind = "reject"\nat = "' + "9" * 400 + ' s"', 6, "a time with its unit"),
    ('[[fault]]\nkind = "reject"\nat = "25 h"', 6, "a time from 0 ms to 24 h"),
    ('[[fault]]\nkind = "reject"\nhow_often = 1', 6, "allowed are at, each, kind, lasts, most, rate"),
    ('[[fault]]\nkind = "reject"\neach = "2 s"', 6, "reject does not last; these do: clock-jump, disk-full"),
    ('starts = "25:00"', 4, "starts"),
    ('starts = "03:00"', 4, "starts: the exchange is closed at 03:00: a time from 09:15 to 15:29"),
    ('night_at = "5 h"', 4, "night_at: at most 59.999 s"),
    ('night_at = "20 s"\nstarts = "10:00"', 5, "starts: a scenario with night_at"),
    ('step = "0 s"', 4, "step: a time from 50 ms"),
    ('[latency]\nlow = "180 ms"\nhigh = "40 ms"', 5, "latency.low: low may be at most high"),
    ('[latency]\nhigh = "4 ms"', 5, "latency.high: low may be at most high, and 5 ms"),
    (
        '[[group]]\nstrategy = "iron_condr"',
        5,
        "group.0.strategy: no strategy is called 'iron_condr'; known are",
    ),
    ("[[group]]\nlots = 9999999999999", 5, "group.0.lots: a whole number from 1 to 10,000"),
    ("[[group]]\nlots = 2.0", 5, "group.0.lots: a whole number from 1 to 10,000"),
    (GAP + "percent = -200", 7, "market.0.percent: a number from -90 to 100"),
    (GAP + "percent = inf", 7, "market.0.percent: a number from -90 to 100"),
    (GAP + "percent = 2\nlegs = [1]", 8, "market.0.legs: means nothing for gap; allowed are at, percent"),
    (GAP, 4, "market.0: gap wants the key percent"),
    ('[[market]]\nkind = "circuit-lock"\nlegs = [8]', 6, "iron_condor, has the legs 1 to 4"),
    ('[[market]]\nkind = "thin"\nmultiplier = nan', 6, "market.0.multiplier: a number from 0.0001 to 1000"),
    (
        ACT + 'action = "flatten"\ntarget = "G-999"',
        7,
        "operator.0.target: flatten wants a target, one of G-001",
    ),
    (ACT + 'action = "exit"', 4, "operator.0: exit wants a target, one of G-001"),
    (ACT + 'action = "kill"\ntarget = "G-001"', 7, "kill concerns everything: leave target out"),
    ('[expect]\nstates = ["NOPE"]', 5, "expect.states.0: Input should be 'PLANNED'"),
    ('[expect]\nstates = ["OPEN", "OPEN"]', 5, "expect.states: one state for all groups, or 1: one for each"),
    ('[expect]\nflat_before = "61 s"', 5, "expect.flat_before: at most the scenario's own length, 60 s"),
]


@pytest.mark.parametrize(("text", "line", "said"), BAD)
def test_a_bad_scenario_names_file_line_key_and_what_is_allowed(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(f'name = "bad"\nabout = "It is."\nlength = "60 s"\n{text}\n')
    with pytest.raises(ScenarioError) as caught:
        read_scenario(path)
    told = str(caught.value)
    assert f"{path}:{line}: " in told
    assert said in told


def test_strikes_that_are_not_listed_are_refused_at_the_groups_line(tmp_path: Path) -> None:
    path = tmp_path / "far.toml"
    path.write_text('name = "far"\nabout = "."\nlength = "60 s"\n[[group]]\npoints_out = 100000\n')
    with pytest.raises(StrategyError, match=r"far\.toml:4: group\.0: .*listed are"):
        prepare(Asked(read_scenario(path)))


def test_one_expected_state_stands_for_all_groups() -> None:
    scenario = find_scenario("flatten-everything")
    for state, verdict in (("CLOSED", "PASS"), ("OPEN", "FAIL")):
        expect = scenario.expect.model_copy(update={"states": (ExecutionLifecycle(state),)})
        assert played(scenario.model_copy(update={"expect": expect}))["verdict"] == verdict


def test_flat_before_looks_at_the_exchange_and_not_at_the_end() -> None:
    scenario = find_scenario("disk-full")
    for flat_before_ms, verdict in ((9_000, "FAIL"), (20_000, "PASS")):
        expect = scenario.expect.model_copy(update={"flat_before": flat_before_ms})
        assert played(scenario.model_copy(update={"expect": expect}))["verdict"] == verdict
