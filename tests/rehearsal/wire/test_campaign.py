"""A handful of seeds over real sockets; the long run is ``python -m core.rehearsal.wire.campaign``."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.rehearsal.wire.seed_run import WireResult, line, run_seed


def require_pass(result: WireResult) -> None:
    assert result.passed, line(result)
    assert result.states


def test_a_quiet_condor_is_entered_and_closed_over_the_wire(tmp_path: Path) -> None:
    result = run_seed("calm", 1, tmp_path, speed=10.0, kills=())
    require_pass(result)
    assert result.states == {"G-001": "CLOSED"}
    assert result.naked_most == 0


def test_a_core_that_is_killed_in_mid_entry_loses_nothing_while_the_exchange_trades_on(
    tmp_path: Path,
) -> None:
    result = run_seed("calm", 2, tmp_path, speed=5.0, kills=(0.7, 3.0))
    require_pass(result)
    assert result.kills == 2


@pytest.mark.parametrize("scenario", ["broker-down", "silent-stream"])
def test_a_shipped_scenario_keeps_every_invariant_over_the_wire(tmp_path: Path, scenario: str) -> None:
    result = run_seed(scenario, 3, tmp_path, speed=10.0, kills=())
    require_pass(result)
    assert sum(result.faults.values()), "no fault ever fired: nothing was proved"
