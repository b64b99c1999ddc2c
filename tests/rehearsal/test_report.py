"""The report as a person reads it."""

from __future__ import annotations

from typer.testing import CliRunner

from console.cli import build


def test_what_others_have_closed_is_not_called_held() -> None:
    played = CliRunner().invoke(build(), ["rehearse", "--headless", "--scenario", "manual-close"])
    assert played.exit_code == 0
    ends = next(line for line in played.stdout.splitlines() if line.startswith("at the end"))
    assert ends.startswith("at the end: FLAT, holding nothing (others have traded -650 NIFTY26AUG25000CE)")
