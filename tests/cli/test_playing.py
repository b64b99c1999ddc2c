"""A rehearsal on a real terminal, and the signal that flattens it without one."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.console.terminal import ROOT, Terminal

SPEED = "15"


def rehearsing(folder: Path, speed: str) -> Terminal:
    """The calm scenario under the console, its journal and its report in this folder."""
    report, journal = folder / "report.json", folder / "calm.journal"
    return Terminal(
        report,
        "console.cli",
        *("rehearse", "--scenario", "calm", "--speed", speed, "--exit-when-done", "--report", str(report)),
        *("--journal", str(journal)),
    )


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = rehearsing(tmp_path, SPEED)
    yield made
    made.end()


@pytest.fixture
def slow_terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = rehearsing(tmp_path, "1")
    yield made
    made.end()


def rows(journal: Path, kind: str) -> list[tuple[int, str]]:
    """The rows of one kind; none before the journal is there."""
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=5)) as connection:
            found = connection.execute("SELECT seq, body FROM events WHERE kind = ? ORDER BY seq", (kind,))
            return [(seq, body) for seq, body in found]
    except sqlite3.OperationalError:
        return []


PATIENCE_S = 120.0
"""How long a state is waited for: far more than any machine needs, so that only a hang is a failure."""


def wait_for_fill(journal: Path, child: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not rows(journal, "fill_recorded"):
        assert time.monotonic() < end, "nothing was ever filled"
        assert child.poll() is None, "the process ended"
        time.sleep(0.05)


def test_a_new_journals_run_under_the_console_reports_the_lag_of_its_own_engine(terminal: Terminal) -> None:
    told = terminal.result(PATIENCE_S)
    lag = told["metrics"]["loop_lag_ms"]
    assert None not in lag.values(), lag
    assert told["verdict"] == "PASS"


def test_sigusr1_under_the_console_trips_the_kill_switch_and_flattens(
    terminal: Terminal, tmp_path: Path
) -> None:
    journal = tmp_path / "calm.journal"
    wait_for_fill(journal, terminal.child)
    terminal.child.send_signal(signal.SIGUSR1)
    told = terminal.result(PATIENCE_S)
    assert told["final"]["state"] == "FLAT"
    tripped = rows(journal, "kill_switch_tripped")
    assert len(tripped) == 1
    assert "SIGUSR1" in tripped[0][1]
    first_exit = next(
        seq
        for seq, body in rows(journal, "order_intended")
        if json.loads(body)["order"]["purpose"] in ("EXIT", "UNWIND", "exit", "unwind")
    )
    assert tripped[0][0] < first_exit


def test_sigusr1_flattens_a_headless_run_too(tmp_path: Path) -> None:
    journal, report = tmp_path / "calm.journal", tmp_path / "report.json"
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "console.cli", "rehearse", "--scenario", "calm", "--speed", SPEED),
            *("--headless", "--json", "--journal", str(journal), "--report", str(report)),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_fill(journal, child)
        child.send_signal(signal.SIGUSR1)
        child.send_signal(signal.SIGUSR1)
        child.wait(PATIENCE_S)
    finally:
        child.kill()
    told = json.loads(report.read_text(encoding="utf-8"))
    assert told["final"]["state"] == "FLAT"
    assert len(rows(journal, "kill_switch_tripped")) == 1


def test_leaving_before_the_end_says_that_nothing_was_judged_and_is_no_pass(
    slow_terminal: Terminal, tmp_path: Path
) -> None:
    terminal = slow_terminal
    wait_for_fill(tmp_path / "calm.journal", terminal.child)
    terminal.wait_for(b"Interim delta")
    terminal.type(b"q")
    terminal.wait_for(b"Leave?")
    terminal.type(b"l")
    assert terminal.child.wait(PATIENCE_S) == 1
    terminal.wait_for_last(b"nothing was judged")
