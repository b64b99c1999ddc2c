"""``hedgerow rehearse``: what it prints, what it refuses, and that nothing is left behind when it does."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import pty
import sqlite3
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console.cli import COMMANDS, build, load
from core import __version__
from core.domain.instruments import Right
from core.risk.pricing import price

CALM_S = 120.0
HEADER = "ts,expiry,strike,right,ltp,bid,bid_qty,ask,ask_qty"
REPORT_KEYS = {
    "scenario",
    "seed",
    "market",
    "simulated_s",
    "wall_s",
    "verdict",
    "violations",
    "groups",
    "metrics",
    "final",
}
METRIC_KEYS = {
    "unhedged_ms_max",
    "naked_short_units_max",
    "interim_delta_max",
    "hedge_lag_ms",
    "hedge_send_ms",
    "margin_use_peak_pct",
    "divergences",
    "emergency_hedges",
    "orders_sent",
    "children_max_units",
    "commits",
    "commit_ms",
    "loop_lag_ms",
}


def rehearse(*arguments: object) -> Result:
    return CliRunner().invoke(build(), ["rehearse", "--headless", *map(str, arguments)])


def refused(folder: Path, *arguments: object) -> str:
    """The sentence that a command refuses with: status 2, nothing on stdout, and no new file."""
    before = sorted(path.name for path in folder.iterdir())
    result = rehearse(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    left = sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))
    assert left == [name for name in before if not name.endswith(".lock")]
    assert isinstance(result.exception, SystemExit), result.exception
    return " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A finished journal of the calm scenario and the report of the run that made it."""
    journal = tmp_path_factory.mktemp("calm") / "calm.journal"
    result = rehearse("--json", "--journal", journal)
    assert result.exit_code == 0, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return journal, report


# What it prints


def test_json_is_one_object_and_nothing_else_on_stdout(calm: tuple[Path, dict[str, Any]]) -> None:
    _, report = calm
    assert report["verdict"] == "PASS"
    assert report["simulated_s"] >= CALM_S


def test_the_report_has_every_public_name(calm: tuple[Path, dict[str, Any]]) -> None:
    _, report = calm
    assert set(report) >= REPORT_KEYS
    assert set(report["metrics"]) >= METRIC_KEYS
    assert set(report["final"]) >= {"state", "positions", "foreign", "working_orders"}
    assert set(report["metrics"]["divergences"]) >= {"found", "healed", "open"}
    for name in ("hedge_lag_ms", "hedge_send_ms"):
        assert set(report["metrics"][name]) >= {"count", "p50", "p99", "max"}
    for name in ("commit_ms", "loop_lag_ms"):
        assert set(report["metrics"][name]) >= {"p50", "p99", "max"}
    (group,) = report["groups"]
    assert set(group) >= {"id", "strategy", "lifecycle", "unhedged_ms", "legs"}
    assert len(group["legs"]) == 4
    for leg in group["legs"]:
        assert set(leg) >= {"symbol", "side", "lots", "filled_units", "hedged_units"}


def test_in_virtual_time_wall_clock_figures_are_null(calm: tuple[Path, dict[str, Any]]) -> None:
    metrics = calm[1]["metrics"]
    assert metrics["loop_lag_ms"] == {"p50": None, "p99": None, "max": None}


def test_calm_ends_flat_and_closed(calm: tuple[Path, dict[str, Any]]) -> None:
    _, report = calm
    assert report["final"] == {"state": "FLAT", "positions": {}, "foreign": {}, "working_orders": 0}
    assert [group["lifecycle"] for group in report["groups"]] == ["CLOSED"]


def test_hold_leaves_a_whole_condor_that_was_never_naked() -> None:
    result = rehearse("--json", "--hold")
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["verdict"] == "PASS"
    assert [group["lifecycle"] for group in report["groups"]] == ["OPEN"]
    assert len(report["final"]["positions"]) == 4
    assert len(set(map(abs, report["final"]["positions"].values()))) == 1
    assert report["metrics"]["naked_short_units_max"] == 0


def test_a_finished_journal_prints_the_same_report_again_and_stays_as_it_was(
    calm: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    journal, report = calm
    before = journal.read_bytes()
    again = rehearse("--json", "--journal", journal, "--report", tmp_path / "report.json")
    assert json.loads(again.stdout) == report
    assert again.exit_code == 0
    assert journal.read_bytes() == before
    assert json.loads((tmp_path / "report.json").read_text("utf-8")) == report


def test_the_readable_report_names_verdict_group_and_journal(calm: tuple[Path, dict[str, Any]]) -> None:
    result = rehearse("--journal", calm[0])
    assert result.stdout.startswith("PASS  calm  seed 1")
    assert "G-001  iron_condor  CLOSED" in result.stdout
    assert str(calm[0]) in result.stdout


def test_a_report_file_is_written_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")
    result = rehearse("--json", "--report", target)
    assert json.loads(target.read_text("utf-8")) == json.loads(result.stdout)
    assert target.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_everything_it_keeps_is_for_its_owner_only(calm: tuple[Path, dict[str, Any]]) -> None:
    for path in calm[0].parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_list_names_every_scenario_and_plays_none() -> None:
    result = CliRunner().invoke(build(), ["rehearse", "--list"])
    assert result.exit_code == 0
    names = [line.split()[0] for line in result.stdout.splitlines()]
    assert "calm" in names
    assert names == sorted(names)
    shipped = Path(__file__).parents[2] / "core" / "rehearsal" / "scenarios"
    assert len(names) == len(list(shipped.glob("*.toml")))


def test_a_verdict_of_fail_is_status_one(tmp_path: Path) -> None:
    scenario = tmp_path / "wrong.toml"
    scenario.write_text(
        'name = "wrong"\nabout = "expects what does not happen"\nlength = "30 s"\n'
        '[[group]]\nlots = 1\n[expect]\nfinal = "FLAT"\n'
    )
    result = rehearse("--json", "--scenario", scenario, "--hold", "--seed", 3)
    report = json.loads(result.stdout)
    assert report["verdict"] == "PASS", "with --hold, held_final is what counts"
    scenario.write_text(scenario.read_text() + 'held_final = "MANUAL"\n')
    result = rehearse("--json", "--scenario", scenario, "--hold", "--seed", 3)
    assert json.loads(result.stdout)["verdict"] == "FAIL"
    assert result.exit_code == 1


# Journals that cannot be continued


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--seed", "2"), "seed 1, not 2"), (("--scenario", "slow-leg"), "scenario calm, not slow-leg")],
)
def test_a_finished_journal_of_another_run_is_refused(
    calm: tuple[Path, dict[str, Any]], arguments: tuple[str, ...], words: str
) -> None:
    assert words in refused(calm[0].parent, "--json", "--journal", calm[0], *arguments)


def copied(calm: tuple[Path, dict[str, Any]], folder: Path, *endings: str) -> Path:
    """A copy of a journal with what is beside it under these endings."""
    for ending in ("", *endings):
        source = calm[0].with_name(calm[0].name + ending)
        (folder / source.name).write_bytes(source.read_bytes())
    return folder / calm[0].name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--seed", "2"), "seed"), (("--scenario", "slow-leg"), "scenario")],
)
def test_an_unfinished_journal_of_another_run_is_refused(
    calm: tuple[Path, dict[str, Any]], tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    journal = copied(calm, tmp_path, ".exchange")
    assert words in refused(tmp_path, "--json", "--journal", journal, *arguments)


def test_a_journal_without_its_exchange_file_is_refused(
    calm: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    journal = copied(calm, tmp_path)
    assert "books are missing" in refused(tmp_path, "--json", "--journal", journal)


def test_an_exchange_file_without_its_journal_is_refused(
    calm: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    journal = copied(calm, tmp_path, ".exchange")
    journal.unlink()
    assert "journal that is gone" in refused(tmp_path, "--json", "--journal", journal)


def test_a_report_without_its_journal_is_refused(calm: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    journal = copied(calm, tmp_path, ".report")
    journal.unlink()
    assert "is gone" in refused(tmp_path, "--json", "--journal", journal)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seed": 1}'])
def test_a_damaged_report_is_refused(calm: tuple[Path, dict[str, Any]], tmp_path: Path, text: str) -> None:
    journal = copied(calm, tmp_path, ".exchange")
    (tmp_path / f"{journal.name}.report").write_text(text)
    assert "cannot be read" in refused(tmp_path, "--json", "--journal", journal)


def test_a_finished_journal_without_its_report_is_judged_again(
    calm: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    journal = copied(calm, tmp_path, ".exchange")
    result = rehearse("--json", "--journal", journal)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["final"] == calm[1]["final"]


def test_a_journal_of_another_version_is_refused(calm: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    journal = copied(calm, tmp_path, ".exchange")
    connection = sqlite3.connect(journal)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    for leftover in (*tmp_path.glob("*-wal"), *tmp_path.glob("*-shm")):
        leftover.unlink()
    assert "form 99" in refused(tmp_path, "--json", "--journal", journal)


@pytest.mark.parametrize(
    "content", [b"not a database at all, only text\n" * 100, b"SQLite format 3\0" + b"\0" * 50]
)
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    journal = tmp_path / "notes.txt"
    journal.write_bytes(content)
    refused(tmp_path, "--json", "--journal", journal)
    assert journal.read_bytes() == content


def test_a_journal_in_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert "folder" in refused(tmp_path, "--json", "--journal", tmp_path / "nowhere" / "j")


def test_a_journal_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").mkdir()
    assert "not a file" in refused(tmp_path, "--json", "--journal", tmp_path / "j")


# What cannot be played


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--strategy", "iron_eagle"), ("iron_eagle", "iron_condor", "straddle")),
        (("--scenario", "clam"), ("clam", "calm")),
        (("--scenario", "nowhere.toml"), ("nowhere.toml", "cannot be read")),
        (("--chain", "nowhere.csv"), ("nowhere.csv", "no such file")),
        (("--underlying", "SMOKE"), ("SMOKE",)),
        (("--speed", "0"), ("--speed",)),
        (("--speed", "nan"), ("--speed",)),
        (("--speed", "-1"), ("--speed",)),
        (("--lots", "0"), ("--lots",)),
        (("--lots", "1.5"), ("--lots",)),
        (("--seed", "-1"), ("--seed",)),
        (("--seed", "9" * 20), ("--seed",)),
        (("--funds", "0"), ("--funds",)),
        (("--strategy", "iron_condor", "--group", "x.toml"), ("--strategy", "--group")),
        (("--group", "nowhere.toml"), ("nowhere.toml",)),
        (("--report", "/nowhere/at/all/report.json"), ("no folder",)),
        (("--report", "."), ("folder",)),
    ],
)
def test_what_cannot_be_played_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    sentence = refused(tmp_path, "--json", *arguments, "--journal", tmp_path / "j")
    for word in words:
        assert word in sentence


def chain_file(folder: Path, *rows: str, name: str = "chain.csv") -> Path:
    path = folder / name
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    return path


def chain_rows(day: str = "2025-08-29", *, bid: float = 98.0, ask: float = 100.0) -> list[str]:
    """Three minutes of a small chain."""
    return [
        f"{day} 10:0{minute}:00,2025-09-02,{strike},{right},99,{bid},750,{ask},750"
        for minute in range(3)
        for strike in range(24_000, 25_050, 50)
        for right in ("CE", "PE")
    ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("2025-08-29 10:00:00,2025-09-02,24500,CE,99,98,750", "fields"),
        ("2025-08-29 10:00:00,2025-09-02,24500,CE,99,cheap,750,100,750", "does not parse"),
        ("2025-08-29 10:00:00,2025-09-02,24500,XE,99,98,750,100,750", "neither CE nor PE"),
        ("2025-08-29 10:00:00,2025-09-31,24500,CE,99,98,750,100,750", "does not parse"),
        ("some day,2025-09-02,24500,CE,99,98,750,100,750", "does not parse"),
        ("2025-08-29 10:00:00,2025-09-02,-5,CE,99,98,750,100,750", "not above 0"),
        ("2025-08-29 10:00:00,2025-09-02,24500,CE,99,98,-750,100,750", "below 0"),
        ("2025-08-29 10:00:00,2025-09-02,24500,CE,nan,98,750,100,750", "no price"),
    ],
)
def test_a_row_that_does_not_parse_is_named_by_file_and_line(tmp_path: Path, row: str, words: str) -> None:
    path = chain_file(tmp_path, *chain_rows(), row)
    sentence = refused(tmp_path, "--json", "--chain", path, "--journal", tmp_path / "j")
    assert words in sentence
    assert f"{path}, line {len(chain_rows()) + 2}" in sentence


def test_a_torn_gzip_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join((HEADER, *chain_rows())).encode())
    path = tmp_path / "chain.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    assert "torn" in refused(tmp_path, "--json", "--chain", path, "--journal", tmp_path / "j")


@pytest.mark.parametrize("text", ["", HEADER + "\n", "a,b,c\n1,2,3\n", "\x00\x01\x02"])
def test_a_chain_without_columns_or_quotes_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "chain.csv"
    path.write_text(text)
    refused(tmp_path, "--json", "--chain", path, "--journal", tmp_path / "j")


@pytest.mark.parametrize(("bid", "ask"), [(100.0, 98.0), (0.0, 0.0), (0.0, 100.0), (98.0, 0.0)])
def test_a_chain_of_crossed_or_empty_quotes_only_is_refused(tmp_path: Path, bid: float, ask: float) -> None:
    path = chain_file(tmp_path, *chain_rows(bid=bid, ask=ask))
    sentence = refused(tmp_path, "--json", "--chain", path, "--journal", tmp_path / "j")
    assert "quote" in sentence


def test_crossed_rows_among_good_ones_are_counted_in_the_report_and_on_stderr(tmp_path: Path) -> None:
    rows = [
        f"2025-08-29 10:0{minute}:00,2025-09-02,{strike},{right.value},{mid},{mid - 1},75000,{mid + 1},75000"
        for minute in range(3)
        for strike in range(24_000, 25_050, 50)
        for right in Right
        if (mid := round(float(price(24_500, strike, 4.2 / 365, 0.13, right)) + 2, 1))  # type: ignore[arg-type]
    ]
    rows[-1] = f"{rows[-1].rsplit(',', 2)[0]},0.5,75000"
    path = chain_file(tmp_path, *rows)
    played = rehearse("--json", "--chain", path, "--hold")
    warning = (
        f"{path}: 1 of {len(rows)} rows have a bid at or above the ask, the first in line {len(rows) + 1}"
    )
    told = json.loads(played.stdout)["warnings"]
    assert told[0].startswith(warning)
    assert f"hedgerow: warning: {warning}" in played.stderr
    assert f"warning: {warning}" in rehearse("--chain", path, "--hold").stdout


def test_a_made_up_market_has_nothing_to_warn_of() -> None:
    assert json.loads(rehearse("--json").stdout)["warnings"] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('strategy = "iron_condor"\nlots = 1\ncall = { strike = 99900 }\n', "99900"),
        ('strategy = "iron_condor"\nlots = 1\nexpiry = 2031-01-01\n', "2031"),
        ('strategy = "iron_condor"\nlots = 1.5\n', "lots"),
        ('strategy = "iron_condor"\nlots = 0\n', "lots"),
        ('strategy = "iron_condor"\nlots = -2\n', "lots"),
        ('strategy = "nonesuch"\nlots = 1\n', "nonesuch"),
        ("strategy = \n", "TOML"),
    ],
)
def test_a_group_file_that_the_market_cannot_serve_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "group.toml"
    path.write_text(text)
    sentence = refused(tmp_path, "--json", "--group", path, "--journal", tmp_path / "j")
    assert words in sentence


@pytest.mark.parametrize("name", ["", ".", "folder", "text", "other.sqlite"])
def test_what_is_no_journal_is_refused_and_not_even_a_lock_is_left_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("not a journal\n")
    sqlite3.connect(tmp_path / "other.sqlite").execute("CREATE TABLE theirs (x)").connection.close()
    assert "Give " in refused(tmp_path, "--json", "--journal", name)
    assert not list(tmp_path.glob("*.lock"))


def test_a_terminal_that_is_too_small_is_told_the_size_it_needs(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 80, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    done = subprocess.run(
        [sys.executable, "-m", "console.cli", "rehearse", "--journal", str(tmp_path / "j")],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=environment,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert b"80x20" in done.stderr
    assert b"100x30" in done.stderr
    assert list(tmp_path.iterdir()) == []


# Start-up


def test_the_list_of_commands_is_what_the_modules_register() -> None:
    for listed in COMMANDS:
        assert load(listed.name).name == listed.name


def test_the_version_is_the_one_that_journals_are_opened_with() -> None:
    assert CliRunner().invoke(build(), ["--version"]).stdout == f"hedgerow {__version__}\n"


def test_help_imports_no_command_and_no_arithmetic() -> None:
    loaded = modules_after("--help")
    assert not {"numpy", "scipy", "textual", "pydantic", "httpx", "asyncio"} & loaded


def test_a_headless_rehearsal_never_imports_a_screen() -> None:
    loaded = modules_after("rehearse", "--headless", "--json")
    assert "core.rehearsal.run" in loaded
    assert not {"textual", "rich.progress", "httpx", "uvicorn", "scipy.signal", "scipy.stats"} & loaded
    assert not {name for name in loaded if name.startswith("console.") and not name.startswith("console.cli")}


def modules_after(*arguments: str) -> set[str]:
    """The modules that a command has loaded by its end, in a process of its own."""
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('\\n'.join(sys.modules), file=sys.stderr))\n"
        "from console.cli import main\n"
        f"sys.argv = ['hedgerow', *{list(arguments)!r}]\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=120, check=True)
    return set(done.stderr.decode().split())
