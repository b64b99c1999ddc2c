from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from console.cli import live, wanted
from console.cli.login import KEY_VARIABLE, SECRET_VARIABLE
from console.cli.wanted import TOKEN_VARIABLE
from core.brokers.kite.session_store import SessionStore
from core.domain.facts import GroupPlanned, JournalOpened
from core.journal.opening import read_journal
from core.rehearsal.wire.ready import Ready

PROGRAM = "import console.cli; console.cli.main()"
CONDOR = 'strategy = "iron_condor"\nunderlying = "NIFTY"\nlots = 2\n'


def run(*arguments: str) -> Any:
    app = typer.Typer()
    live.register(app)
    return CliRunner().invoke(app, arguments)


@pytest.fixture(autouse=True)
def _nobody_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        wanted, "kite_sessions", lambda *, elsewhere: SessionStore(tmp_path, None, elsewhere=elsewhere)
    )
    monkeypatch.setattr(wanted, "data_folder", lambda: tmp_path)
    for name in (KEY_VARIABLE, TOKEN_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--broker", "smoke"), "no broker 'smoke'"),
        (("--broker", "kite", "--feed", "smoke"), "no feed 'smoke'"),
        (("--broker", "kite", "--rest", "http://127.0.0.1:1"), "belong together"),
        (
            ("--broker", "kite", "--rest", "foo", "--stream", "ws://127.0.0.1:1"),
            "begins with http:// or https://",
        ),
        (("--broker", "kite", "--rest", "http://a.b", "--stream", "wss://a.b"), "travel in clear"),
        (("--broker", "kite"), "hedgerow login kite"),
        (("--broker", "paper"), "hedgerow login kite"),
        (("--broker", "kite", "--group", "nowhere.toml"), "nowhere.toml"),
        (("--broker", "kite", "--sessions", "nowhere.toml"), "nowhere.toml"),
        (
            ("--broker", "kite", "--rest", "http://127.0.0.1:1", "--stream", "ws://127.0.0.1:1"),
            "put its api_key into HEDGEROW_KITE_API_KEY",
        ),
    ],
)
def test_what_cannot_start_is_said_in_words_and_ends_with_2(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_an_exchange_that_does_not_answer_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "akey")
    monkeypatch.setenv(TOKEN_VARIABLE, "atoken")
    result = run("--broker", "kite", "--rest", "http://127.0.0.1:1", "--stream", "ws://127.0.0.1:1")
    assert (result.exit_code, "does not answer" in result.output) == (2, True)


def start(*arguments: str, folder: Path, ready: Ready | None = None) -> subprocess.Popen[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    if ready is not None:
        environment[KEY_VARIABLE] = ready.api_key
        environment[TOKEN_VARIABLE] = ready.access_token
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    )


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    said = ""
    for text in process.stdout:
        said += text
        if words in text:
            return said
    raise AssertionError(f"it ended without {words!r}:\n{said}")


@pytest.mark.parametrize(("broker", "mode"), [("kite", "LIVE"), ("paper", "PAPER")])
def test_a_group_is_entered_over_the_wire_and_not_again_after_a_restart(
    tmp_path: Path, broker: str, mode: str
) -> None:
    group, journal = tmp_path / "condor.toml", tmp_path / "live.db"
    group.write_text(CONDOR)
    exchange = start("exchange", "--speed", "5", "--scenario", "calm", folder=tmp_path)
    try:
        assert exchange.stdout is not None
        ready = msgspec.json.decode(exchange.stdout.readline(), type=Ready)
        asked = ["live", "--broker", broker, "--headless", "--speed", "5", "--group", str(group)]
        asked += ["--rest", ready.rest, "--stream", ready.stream, "--journal", str(journal)]
        first = start(*asked, folder=tmp_path, ready=ready)
        said = read_until(first, "OPEN: every leg is filled")
        first.terminate()
        said += first.communicate(timeout=30)[0]
        assert first.returncode == 0
        assert "Nobody watches them now" in said
        again = start(*asked, folder=tmp_path, ready=ready)
        read_until(again, "was taken up today already, as G-001")
        again.kill()
        again.communicate(timeout=30)
    finally:
        exchange.terminate()
        exchange.communicate(timeout=30)
    facts = [row.fact for row in read_journal(journal)]
    assert isinstance(facts[0], JournalOpened)
    assert facts[0].mode == mode
    assert sum(isinstance(fact, GroupPlanned) for fact in facts) == 1
    secrets = (ready.access_token, ready.api_secret, ready.request_token)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not any(secret.encode() in kept or secret in said for secret in secrets)


def test_a_journal_of_paper_money_is_not_continued_with_real_money(tmp_path: Path) -> None:
    group, journal = tmp_path / "condor.toml", tmp_path / "live.db"
    group.write_text(CONDOR)
    exchange = start("exchange", "--speed", "5", folder=tmp_path)
    try:
        assert exchange.stdout is not None
        ready = msgspec.json.decode(exchange.stdout.readline(), type=Ready)
        where = ["--rest", ready.rest, "--stream", ready.stream, "--journal", str(journal), "--speed", "5"]
        paper = start("live", "--broker", "paper", "--headless", *where, folder=tmp_path, ready=ready)
        read_until(paper, "started")
        paper.terminate()
        paper.communicate(timeout=30)
        real = start("live", "--broker", "kite", "--headless", *where, folder=tmp_path, ready=ready)
        said, _ = real.communicate(timeout=60)
    finally:
        exchange.terminate()
        exchange.communicate(timeout=30)
    assert real.returncode == 2
    assert "this journal is of money PAPER, not LIVE" in said


def test_whoever_has_logged_in_at_a_simulated_exchange_trades_there_on_its_own_day(tmp_path: Path) -> None:
    exchange = start("exchange", "--speed", "5", folder=tmp_path)
    try:
        assert exchange.stdout is not None
        ready = msgspec.json.decode(exchange.stdout.readline(), type=Ready)
        environment = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        environment |= {KEY_VARIABLE: ready.api_key, SECRET_VARIABLE: ready.api_secret}
        logging_in = subprocess.run(
            [sys.executable, "-c", PROGRAM, "login", "kite", "--rest", ready.rest, "--stream", ready.stream],
            input=f"{ready.request_token}\n",
            capture_output=True,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[2],
            timeout=60,
        )
        assert logging_in.returncode == 0, logging_in.stderr
        where = ("--rest", ready.rest, "--stream", ready.stream)
        wrong = start("live", "--broker", "kite", "--headless", *where, "--speed", "2", folder=tmp_path)
        refusal = wrong.communicate(timeout=60)[0]
        plain = start("live", "--broker", "kite", "--headless", folder=tmp_path)
        real = plain.communicate(timeout=60)[0]
        live = start("live", "--broker", "kite", "--headless", *where, folder=tmp_path)
        said = read_until(live, "started")
        live.terminate()
        live.communicate(timeout=30)
    finally:
        exchange.terminate()
        exchange.communicate(timeout=30)
    assert (wrong.returncode, "moves 5 market seconds a second, not 2" in refusal) == (2, True)
    assert (plain.returncode, "there is no Kite session" in real) == (2, True)
    assert f"the simulated exchange at {ready.rest}: no order goes to Kite" in said


def test_an_address_that_is_no_simulated_exchange_is_never_called_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever reaches Kite through another address trades real money."""
    monkeypatch.setenv(KEY_VARIABLE, "akey")
    monkeypatch.setenv(TOKEN_VARIABLE, "atoken")
    monkeypatch.setattr(wanted, "simulated_clock", lambda rest, speed: None)
    where = ("--rest", "http://127.0.0.1:1", "--stream", "ws://127.0.0.1:1")
    result = run("--broker", "kite", *where)
    assert "Orders go to http://127.0.0.1:1, which is not Kite's own address." in result.output
    assert "simulated" not in result.output
    result = run("--broker", "kite", *where, "--speed", "5")
    assert (result.exit_code, "is no simulated exchange" in result.output) == (2, True)
