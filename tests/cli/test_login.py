from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from console.cli import login
from core.brokers.kite.login import LoginRefused
from core.brokers.kite.session import REST_ROOT, STREAM_ROOT
from core.brokers.kite.session_store import SessionStore
from tests.brokers.kite.support import ACCESS_TOKEN, SESSION

ENVIRONMENT = {"HEDGEROW_KITE_API_KEY": "akey", "HEDGEROW_KITE_API_SECRET": "secretPhrase"}


def run(*arguments: str, typed: str = "") -> Any:
    app = typer.Typer()
    login.register(app)
    return CliRunner().invoke(app, arguments, input=typed, env=ENVIRONMENT)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionStore:
    store = SessionStore(tmp_path, None)
    monkeypatch.setattr(login, "kite_sessions", lambda **_: store)
    return store


def test_a_login_keeps_the_session_and_prints_no_secret(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    async def grant(*arguments: Any, **_: Any) -> Any:
        given.extend(arguments)
        return SESSION

    monkeypatch.setattr(login, "exchange_token", grant)
    result = run("login", "kite", "--no-browser", typed="https://x.example/?request_token=Abc123\n")
    assert result.exit_code == 0, result.output
    assert given[:3] == ["akey", "secretPhrase", "Abc123"]
    assert store.load() == SESSION
    assert "https://kite.zerodha.com/connect/login?v=3&api_key=akey" in result.output
    assert "AB1234" in result.output
    assert ACCESS_TOKEN not in result.output
    assert "secretPhrase" not in result.output


def test_a_login_at_another_exchange_does_not_send_anybody_to_kite(store: SessionStore) -> None:
    rest = "http://127.0.0.1:1"
    result = run("login", "kite", "--rest", rest, "--stream", "ws://127.0.0.1:1", typed="Abc123\n")
    assert f"{rest}/connect/login?v=3&api_key=akey" in result.output
    assert "zerodha" not in result.output
    assert result.exit_code == 1, "nobody answers there"
    assert store.load() is None


def test_a_refused_login_ends_with_1_and_keeps_nothing(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> Any:
        raise LoginRefused("Kite refused the login: no.")

    monkeypatch.setattr(login, "exchange_token", refuse)
    result = run("login", "kite", "--no-browser", typed="Abc123\n")
    assert result.exit_code == 1
    assert "Kite refused the login" in result.output
    assert store.load() is None


def test_rubbish_instead_of_a_token_is_told_in_words(store: SessionStore) -> None:
    result = run("login", "kite", "--no-browser", typed="what token?\n")
    assert result.exit_code == 1
    assert "Paste the whole address" in result.output
    assert "Traceback" not in result.output


def test_a_logout_that_kite_did_not_confirm_still_forgets_the_token(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any) -> str:
        return "no answer within 7 s"

    store.save(replace(SESSION, rest_root=REST_ROOT, stream_root=STREAM_ROOT), 2)
    monkeypatch.setattr(login, "_end", silent)
    result = run("logout", "kite")
    assert result.exit_code == 1
    assert "Forgotten here" in result.output
    assert store.load() is None


def test_a_logout_without_a_session_says_so(store: SessionStore) -> None:
    result = run("logout", "kite")
    assert (result.exit_code, result.output.strip()) == (0, "There is no Kite session here.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rest", "http://127.0.0.1:1"), "belong together"),
        (("--stream", "ws://127.0.0.1:1"), "belong together"),
        (("--rest", "foo", "--stream", "ws://127.0.0.1:1"), "begins with http:// or https://"),
        (("--rest", "http://127.0.0.1:1", "--stream", "foo"), "begins with ws:// or wss://"),
        (("--rest", "http://x.example", "--stream", "wss://x.example"), "travel in clear"),
        (("--rest", "https://api.kite.trade", "--stream", "ws://127.0.0.1:1"), "leave both options away"),
    ],
)
def test_a_pair_of_addresses_that_cannot_be_meant_is_refused(
    store: SessionStore, arguments: tuple[str, ...], words: str
) -> None:
    result = run("login", "kite", *arguments, typed="Abc123\n")
    assert (result.exit_code, words in result.output) == (2, True)
