"""The account's own limits: read from a file, and in the way of a group that breaks them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.cli import build
from core.market.limits_file import LimitsFileError, read_limits


def test_every_limit_is_read_in_paise_and_lots(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("lots_per_trade = 10\nloss_per_day_rupees = 25000\n[lots]\nNIFTY = 30\n")
    limits = read_limits(path)
    assert limits.lots_per_trade == 10
    assert limits.loss_per_day_paise == 25_000_00
    assert limits.lots_per_underlying_named == {"NIFTY": 30}
    assert limits.orders_per_day is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lots_per_trde = 1", "there is no such limit"),
        ("lots_per_trade = 0", "lots_per_trade"),
        ("lots_per_trade = ", "not TOML"),
    ],
)
def test_a_file_that_cannot_be_used_says_which_key(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text)
    with pytest.raises(LimitsFileError, match=says):
        read_limits(path)


def test_a_group_over_the_limits_is_rejected_with_every_limit_it_breaks(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("lots_per_trade = 5\nloss_per_trade_rupees = 1000\n")
    result = CliRunner().invoke(
        build(), ["rehearse", "--headless", "--limits", str(path), "--journal", str(tmp_path / "j")]
    )
    assert "REJECTED" in result.output
    assert "5 lots" in result.output or "lots" in result.output
    assert "1,000" in result.output
