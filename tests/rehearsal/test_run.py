"""A rehearsal is one story: at any speed, after any death, and read back from its journal."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from console.cli import build
from core.domain.evolve import fold
from core.domain.facts import FillRecorded, OrderIntended
from core.domain.lifecycle import ExecutionLifecycle
from core.journal.opening import read_journal
from core.policy import group as group_policy

DAY = Path(__file__).parents[2] / ".." / "shared" / "data" / "nifty_chain_quotes_20250829.csv.gz"
Row = tuple[int, int, str, str, str, str]

FRESH = multiprocessing.get_context("forkserver")
"""Processes that need not load the program again and again."""
FRESH.set_forkserver_preload(["console.cli.rehearse"])


def rehearse(*arguments: object) -> dict[str, Any]:
    """The report of a headless run, which must not have been refused."""
    result = CliRunner().invoke(build(), ["rehearse", "--headless", "--json", *map(str, arguments)])
    assert result.exit_code in (0, 1), result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def events(journal: Path) -> list[Row]:
    """The rows of a journal as anybody's SQLite tool shows them."""
    connection = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
    try:
        return connection.execute(
            "SELECT seq, at_ns, group_id, kind, body, hash FROM events ORDER BY seq"
        ).fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()


def exchange_trades(journal: Path) -> list[str]:
    """The trade ids of the exchange's own file."""
    connection = sqlite3.connect(f"file:{journal}.exchange?mode=ro", uri=True)
    try:
        bodies = [json.loads(body) for (body,) in connection.execute("SELECT body FROM records ORDER BY seq")]
    finally:
        connection.close()
    return [body["trade_id"] for body in bodies if body["kind"] == "order_traded"]


# One seed, one story


def test_the_same_seed_gives_the_same_rows_at_any_speed(tmp_path: Path) -> None:
    told: list[list[Row]] = []
    for name, speed in (("virtual", ()), ("paced", ("--speed", "150")), ("faster", ("--speed", "1000"))):
        journal = tmp_path / name
        assert rehearse("--journal", journal, *speed)["verdict"] == "PASS"
        told.append(events(journal))
    assert len(told[0]) > 50
    assert told[0] == told[1]
    assert told[0] == told[2]


def test_another_seed_gives_another_story(tmp_path: Path) -> None:
    for seed in (1, 2):
        assert rehearse("--journal", tmp_path / str(seed), "--seed", seed)["verdict"] == "PASS"
    assert events(tmp_path / "1") != events(tmp_path / "2")


@pytest.mark.parametrize("seed", range(3, 6))
def test_calm_passes_whatever_the_seed_held_or_not(seed: int) -> None:
    assert rehearse("--seed", seed)["final"]["state"] == "FLAT"
    report = rehearse("--seed", seed, "--hold")
    assert report["verdict"] == "PASS"
    assert report["final"]["state"] == "WHOLE"
    assert report["metrics"]["naked_short_units_max"] == 0


def test_folding_the_journal_gives_what_the_report_says(tmp_path: Path) -> None:
    journal = tmp_path / "j"
    report = rehearse("--journal", journal, "--hold")
    account = fold(read_journal(journal))
    assert report["final"]["positions"]
    held = {
        leg.plan.contract.symbol: leg.net_units
        for group in account.groups.values()
        for leg in group.legs
        if leg.net_units
    }
    assert held == report["final"]["positions"]
    assert [group.state.value for group in account.groups.values()] == [
        group["lifecycle"] for group in report["groups"]
    ]


def test_every_hedge_of_a_run_is_timed_to_its_send_and_to_its_fill() -> None:
    report = rehearse("--scenario", "late-fill")
    metrics = report["metrics"]
    send, fill = metrics["hedge_send_ms"], metrics["hedge_lag_ms"]
    assert metrics["emergency_hedges"] >= send["count"] >= fill["count"] > 0
    assert 0 <= send["p50"] <= send["max"]
    assert send["p50"] < fill["p50"]
    assert fill["p50"] < 500, "the stream tells of a fill long before the trade book is read"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of one run, for those who only read it."""
    journal = tmp_path_factory.mktemp("played") / "j"
    rehearse("--journal", journal)
    return journal


def test_no_journalled_fact_holds_a_float(played: Path) -> None:
    def floats(value: Any) -> bool:
        if isinstance(value, dict):
            return any(map(floats, value.values()))
        if isinstance(value, list):
            return any(map(floats, value))
        return isinstance(value, float)

    rows = events(played)
    assert rows
    assert not [kind for _, _, _, kind, body, _ in rows if floats(json.loads(body))]


def test_the_shorts_go_first_on_the_way_out_and_last_on_the_way_in(played: Path) -> None:
    orders = [row.fact.order for row in read_journal(played) if isinstance(row.fact, OrderIntended)]
    entries = [order.side.value for order in orders if order.purpose.value == "ENTRY"]
    exits = [order.side.value for order in orders if order.purpose.value == "EXIT"]
    assert entries[:2] == ["BUY", "BUY"]
    assert entries[-1] == "SELL"
    assert exits[0] == "BUY"
    assert exits[-1] == "SELL"


# Deaths


def launch(journal: Path, speed: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "console.cli",
            *("rehearse", "--headless", "--json", "--speed", str(speed), "--journal", str(journal)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


SHORT_STORY = """
name = "short"
about = "A condor whose short call fills in small parts, held for a moment and taken off."
length = "30 s"

[[group]]
lots = 20
at = "1 s"
good_for = "60 s"
max_slippage_bps = 2000
exit_at = "12 s"

[[market]]
kind = "thin"
legs = [3]
multiplier = 0.15
at = "0 s"
lasts = "30 s"

[expect]
final = "FLAT"
"""


def play_on(*arguments: str) -> None:
    """What a process of its own does: the whole command, and silence on what stands for its terminal."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        build()(["rehearse", "--headless", "--json", *arguments])


def rows_in(journal: Path) -> int:
    """How many rows a journal has that another process is writing."""
    if not journal.exists():
        return 0
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        try:
            (rows,) = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
        except sqlite3.OperationalError:
            return 0  # it has no tables yet
    return int(rows)


def kill_after(journal: Path, new_rows: int, late_s: float, arguments: tuple[str, ...]) -> None:
    """Start the run again, and kill it without warning some time after it has written so many rows more."""
    enough = rows_in(journal) + new_rows
    process = FRESH.Process(target=play_on, args=arguments)
    process.start()
    patience = time.monotonic() + 60
    while process.is_alive() and time.monotonic() < patience and rows_in(journal) < enough:
        time.sleep(0.004)
    time.sleep(late_s)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL, "it came to its end before it could be killed"


def test_a_run_killed_eight_times_at_random_goes_on_and_passes(tmp_path: Path) -> None:
    journal, story = tmp_path / "j", tmp_path / "short.toml"
    story.write_text(SHORT_STORY)
    run = ("--scenario", str(story), "--journal", str(journal))
    draw = random.Random(20_250_829)
    kept: list[Row] = []
    for _ in range(8):
        kill_after(journal, draw.randint(1, 12), draw.uniform(0, 0.04), (*run, "--speed", "5"))
        rows = events(journal)
        assert rows[: len(kept)] == kept, "what was written stays as it was"
        kept = rows
    report = rehearse(*run)
    assert report["verdict"] == "PASS", report["violations"]
    assert [group["id"] for group in report["groups"]] == ["G-001"]
    assert events(journal)[: len(kept)] == kept
    recorded = Counter(
        row.fact.trade_id for row in read_journal(journal) if isinstance(row.fact, FillRecorded)
    )
    assert recorded == Counter(exchange_trades(journal))
    assert set(recorded.values()) == {1}


def test_two_programs_on_one_journal_are_one_too_many(tmp_path: Path) -> None:
    journal = tmp_path / "j"
    process = launch(journal, speed=1)
    try:
        patience = time.monotonic() + 60
        while not journal.exists() or not events(journal):
            assert time.monotonic() < patience
            time.sleep(0.02)
        result = CliRunner().invoke(build(), ["rehearse", "--headless", "--json", "--journal", str(journal)])
        assert result.exit_code == 2
        assert str(process.pid) in result.stderr
        assert result.stdout == ""
    finally:
        process.kill()
        process.communicate()


# A real day


@pytest.mark.data
@pytest.mark.skipif(not DAY.is_file(), reason="the recorded day is not beside the project")
def test_a_recorded_day_passes_sliced_and_whole(tmp_path: Path) -> None:
    report = rehearse(
        *("--chain", DAY, "--strategy", "iron_condor", "--lots", 60, "--hold", "--journal", tmp_path / "j")
    )
    assert report["verdict"] == "PASS", report["violations"]
    assert report["simulated_s"] > 6 * 3_600
    assert report["metrics"]["children_max_units"] <= 1_800
    assert report["metrics"]["naked_short_units_max"] == 0
    positions = report["final"]["positions"]
    assert len(positions) == 4
    assert len(set(map(abs, positions.values()))) == 1
    rows = list(read_journal(tmp_path / "j"))
    fills = Counter(row.fact.tag for row in rows if isinstance(row.fact, FillRecorded))
    assert max(fills.values()) > 1, "the displayed sizes fill an order in parts"


def test_a_decision_that_raises_fails_the_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(turn: object, group: object) -> None:
        raise ZeroDivisionError("no price")

    monkeypatch.setitem(group_policy._STEP, ExecutionLifecycle.CLOSED, raising)
    report = rehearse()
    assert report["final"]["state"] == "FLAT"
    assert report["verdict"] == "FAIL"
    assert any("no price" in statement["text"] for statement in report["statements"])
