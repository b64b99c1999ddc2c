"""The account's own limits: read from a file, and in the way of a group that breaks them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.cli import build
from core.domain.facts import KillSwitchTripped
from core.domain.settings import ExecutionSettings
from core.journal.opening import read_journal
from core.market.limits_file import LimitsFileError, read_limits
from core.risk.limits import RiskLimits


def test_every_limit_is_read_in_paise_and_lots(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("lots_per_trade = 10\nloss_per_day_rupees = 25000\n[lots]\nNIFTY = 30\n")
    limits, _ = read_limits(path, ExecutionSettings())
    assert limits.lots_per_trade == 10
    assert limits.loss_per_day_paise == 25_000_00
    assert limits.lots_per_underlying_named == {"NIFTY": 30}
    assert limits.orders_per_day is None


def test_what_is_left_out_stays_as_it_was_and_the_rest_is_read_in_its_own_unit(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(
        "margin_use_pct = 80\n"
        "[kill_switch]\ndaily_loss_pct = 1.5\nflatten_on_daily_loss = false\nexposure_age_s = 5\n"
        "[alerts]\nhedge_lag_ms = 300\n"
        "[orders]\nper_day = 2000\n"
    )
    _, settings = read_limits(path, ExecutionSettings(allow_naked=True))
    assert settings == ExecutionSettings(
        allow_naked=True,
        margin_use_max_bps=8_000,
        kill_daily_loss_bps=150,
        flatten_on_daily_loss=False,
        kill_exposure_age_ms=5_000,
        alert_hedge_lag_ms=300,
        orders_per_day=2_000,
    )


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("")
    assert read_limits(path, ExecutionSettings()) == (RiskLimits(), ExecutionSettings())


def test_a_rehearsal_decides_with_the_numbers_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("[kill_switch]\nmargin_use_pct = 0.1\n")
    journal = tmp_path / "j"
    CliRunner().invoke(build(), ["rehearse", "--headless", "--limits", str(path), "--journal", str(journal)])
    tripped = [row.fact.by for row in read_journal(journal) if isinstance(row.fact, KillSwitchTripped)]
    assert tripped == ["margin-use"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[kill_switch]\ndaily_loss = 1",
            "daily_loss: there is no such limit; there are blind_s",
        ),
        ("[kill_switch]\ndaily_loss_pct = 0", "kill_switch.daily_loss_pct: Input should be greater than 0"),
        ("[kill_switch]\nflatten_on_daily_loss = 1", "kill_switch.flatten_on_daily_loss"),
        ("[orders]\nper_second = 1", "orders.per_second: Input should be greater than or equal to 3"),
        ("margin_use_pct = 100", "margin_use_pct: Input should be less than or equal to 95"),
        ("lots_per_trde = 1", "there is no such limit"),
        ("lots_per_trade = 0", "lots_per_trade"),
        ("lots_per_trade = ", "not TOML"),
    ],
)
def test_a_file_that_cannot_be_used_says_which_key(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text)
    with pytest.raises(LimitsFileError, match=says):
        read_limits(path, ExecutionSettings())


def test_a_group_over_the_limits_is_rejected_with_every_limit_it_breaks(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("lots_per_trade = 5\nloss_per_trade_rupees = 1000\n")
    result = CliRunner().invoke(
        build(), ["rehearse", "--headless", "--limits", str(path), "--journal", str(tmp_path / "j")]
    )
    assert "REJECTED" in result.output
    assert "5 lots" in result.output or "lots" in result.output
    assert "1,000" in result.output
