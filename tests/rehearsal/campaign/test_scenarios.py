"""The shipped scenarios: each passes, and each says what was wrong when it is spoilt."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.brokers.paper.books import MemoryBooks
from core.journal.persistence import InlinePersistence
from core.rehearsal.preparation import Asked, prepare
from core.rehearsal.report import Report
from core.rehearsal.run import Rehearsal
from core.rehearsal.scenario import Scenario, ScenarioError, read_scenario
from core.rehearsal.shelf import find_scenario, shipped
from core.rehearsal.sim_loop import run_virtual

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


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('[[fault]]\nkind = "reject"\nrate = 1.5', "fault.0.rate"),
        ('[[fault]]\nkind = "reject"\nrate = -0.1', "fault.0.rate"),
        ('[[fault]]\nkind = "rejected"', "fault.0.kind"),
        ('[[fault]]\nkind = "price-gap"', r"write it as \[\[market\]\]"),
        ('[[fault]]\nkind = "reject"\nat = 5', "a time with its unit"),
        ('[[fault]]\nkind = "reject"\nhow_often = 1', "allowed are at, each, kind, lasts, most, rate"),
        ('starts = "25:00"', "starts"),
    ],
)
def test_a_bad_scenario_names_file_line_and_key(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(f'name = "bad"\nabout = "It is."\nlength = "10 s"\n{line}\n')
    with pytest.raises(ScenarioError, match=said) as caught:
        read_scenario(path)
    assert str(path) in str(caught.value)
    assert ":4:" in str(caught.value) or ":5:" in str(caught.value) or ":6:" in str(caught.value)
