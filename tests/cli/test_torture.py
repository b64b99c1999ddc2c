"""``hedgerow torture``: what it refuses before a seed is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.cli import build


def test_progress_that_could_not_be_kept_is_refused_before_a_seed_is_run(tmp_path: Path) -> None:
    nowhere = tmp_path / "no-such-folder" / "progress.json"
    result = CliRunner().invoke(build(), ["torture", "--seeds", "1", "--resume", str(nowhere)])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"hedgerow: --resume {nowhere}: there is no folder {nowhere.parent}" in result.stderr


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(build(), ["torture", "--workers", "1", *arguments])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return " ".join(result.stderr.replace("\u2502", " ").split())


@pytest.mark.parametrize(
    "arguments",
    [
        ("--seeds", "5"),
        ("--from", "0"),
        ("--from", "4"),
        ("--crash-at", "3"),
        ("--scenario", "calm"),
        ("--resume", "progress.json"),
    ],
)
def test_a_sweep_refuses_what_it_would_not_heed(arguments: tuple[str, str]) -> None:
    assert f"leave out {arguments[0]}" in refused("--sweep", "calm", *arguments)


def test_more_seeds_than_anybody_plays_are_refused() -> None:
    assert "1000000000" in refused("--seeds", "99999999999999999999")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('[latency]\nlow = "180 ms"\nhigh = "40 ms"\n', ":5: latency.low: low may be at most high"),
        ("[[group]]\npoints_out = 100000\n", ":4: group.0: NIFTY"),
    ],
)
def test_a_scenario_that_cannot_be_played_is_refused(tmp_path: Path, lines: str, said: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('name = "bad"\nabout = "."\nlength = "10 s"\n' + lines)
    assert said in refused("--scenario", str(path), "--seeds", "1")


def test_one_tally_never_mixes_two_versions_of_a_scenario(tmp_path: Path) -> None:
    story, progress = tmp_path / "story.toml", tmp_path / "progress.json"
    story.write_text('name = "mine"\nabout = "."\nlength = "5 s"\n')
    asked = ["--scenario", str(story), "--resume", str(progress), "--workers", "1"]
    begun = CliRunner().invoke(build(), ["torture", *asked, "--seeds", "1"])
    assert begun.exit_code == 0, begun.output
    more = CliRunner().invoke(build(), ["torture", *asked, "--seeds", "2", "--json"])
    assert json.loads(more.stdout)["seeds"] == 2
    story.write_text('name = "mine"\nabout = "."\nlength = "6 s"\n')
    assert "belongs to a campaign with scenario_file" in refused(*asked, "--seeds", "3")
    kept = json.loads(progress.read_text())
    kept["asked"]["program"] = "0" * 32
    progress.write_text(json.dumps(kept))
    assert "another version of the program, and one tally must not mix them" in refused(*asked)
