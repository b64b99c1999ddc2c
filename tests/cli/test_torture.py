"""``hedgerow torture``: what it refuses before a seed is run."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from console.cli import build


def test_progress_that_could_not_be_kept_is_refused_before_a_seed_is_run(tmp_path: Path) -> None:
    nowhere = tmp_path / "no-such-folder" / "progress.json"
    result = CliRunner().invoke(build(), ["torture", "--seeds", "1", "--resume", str(nowhere)])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"hedgerow: --resume {nowhere}: there is no folder {nowhere.parent}" in result.stderr
