from __future__ import annotations

import asyncio
import hashlib
import stat
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from core.brokers.kite.login import LoginRefused, exchange_token
from core.brokers.kite.session import (
    REST_ROOT,
    STREAM_ROOT,
    checksum,
    expires_ns,
    login_address,
    request_token_in,
)
from core.brokers.kite.session_store import SessionStore, SessionUnreadable, system_keyring
from core.domain.timing import from_ist
from tests.brokers.kite.support import ACCESS_TOKEN, SESSION, START_NS, Scripted, ok, refused


@pytest.mark.parametrize(
    ("login", "ends_on"),
    [
        (time(8, 45), date(2026, 9, 2)),
        (time(23, 59), date(2026, 9, 2)),
        (time(6, 0), date(2026, 9, 2)),
        (time(5, 59), date(2026, 9, 1)),
    ],
)
def test_a_session_ends_at_the_first_six_in_the_morning(login: time, ends_on: date) -> None:
    assert expires_ns(from_ist(date(2026, 9, 1), login)) == from_ist(ends_on, time(6, 0))


def test_the_checksum_is_of_key_token_and_secret_in_this_order() -> None:
    assert checksum("key", "req", "sec") == hashlib.sha256(b"keyreqsec").hexdigest()


def test_the_login_address_names_the_app() -> None:
    assert login_address("a b") == "https://kite.zerodha.com/connect/login?v=3&api_key=a%20b"


@pytest.mark.parametrize(
    "pasted",
    [
        "Abc123",
        "  Abc123\n",
        "https://example.com/cb?action=login&status=success&request_token=Abc123",
        "https://example.com/cb?request_token=Abc123&status=success#top",
        "request_token=Abc123",
    ],
)
def test_a_request_token_is_found_in_whatever_was_pasted(pasted: str) -> None:
    assert request_token_in(pasted) == "Abc123"


@pytest.mark.parametrize(
    "pasted", ["", "https://example.com/cb?status=error", "two words", "?request_token="]
)
def test_what_holds_no_request_token_is_refused_in_words(pasted: str) -> None:
    with pytest.raises(ValueError, match="Paste the whole address"):
        request_token_in(pasted)


def test_the_exchange_sends_key_token_and_checksum_and_never_the_secret() -> None:
    grant = {"user_id": "AB1234", "access_token": "daily", "login_time": "2026-09-01 08:45:00"}
    script = Scripted(ok(grant))
    session = asyncio.run(
        exchange_token("key", "sec", "req", START_NS, transport=httpx.MockTransport(script))
    )
    assert (session.user_id, session.access_token) == ("AB1234", "daily")
    assert session.expires_ns == from_ist(date(2026, 9, 2), time(6, 0))
    (asked,) = script.asked
    assert (asked.url.path, asked.headers["x-kite-version"]) == ("/session/token", "3")
    assert parse_qs(asked.content.decode()) == {
        "api_key": ["key"],
        "request_token": ["req"],
        "checksum": [checksum("key", "req", "sec")],
    }


@pytest.mark.parametrize(
    "answer",
    [
        refused(403, "TokenException", "Token is invalid or has expired: secretPhrase reqToken99"),
        httpx.Response(502, text="<html>secretPhrase</html>"),
        httpx.ConnectError("to secretPhrase"),
        ok({"user_id": "AB1234"}),
    ],
)
def test_a_refused_login_says_what_to_do_and_no_secret(answer: httpx.Response | Exception) -> None:
    transport = httpx.MockTransport(Scripted(answer))
    with pytest.raises(LoginRefused) as caught:
        asyncio.run(exchange_token("key", "secretPhrase", "reqToken99", START_NS, transport=transport))
    assert "secretPhrase" not in str(caught.value)
    assert "reqToken99" not in str(caught.value)


class Wallet:
    """A keyring in memory; ``locked`` ones refuse everything."""

    def __init__(self, *, locked: bool = False) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = locked

    def _open(self) -> None:
        if self.locked:
            raise RuntimeError("the wallet is locked")

    def get_password(self, service: str, username: str) -> str | None:
        self._open()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._open()
        del self.kept[service, username]


def test_a_session_lives_in_the_keyring_and_leaves_no_file(tmp_path: Path) -> None:
    store = SessionStore(tmp_path, Wallet())
    assert store.save(SESSION, 2) == "the system keyring"
    assert store.load() == SESSION
    assert list(tmp_path.iterdir()) == []
    store.forget()
    assert store.load() is None


@pytest.mark.parametrize("wallet", [None, Wallet(locked=True)])
def test_without_a_usable_keyring_it_lives_in_a_file_for_its_owner_only(
    tmp_path: Path, wallet: Wallet | None
) -> None:
    store = SessionStore(tmp_path / "new", wallet)
    store.save(SESSION, 2)
    (path,) = (tmp_path / "new").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert store.load() == SESSION
    store.save(SESSION, 2)
    store.forget()
    assert list((tmp_path / "new").iterdir()) == []


def test_a_session_file_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    store = SessionStore(tmp_path, None)
    store.save(SESSION, 2)
    (path,) = tmp_path.iterdir()
    path.chmod(0o644)
    with pytest.raises(SessionUnreadable, match="read by others"):
        store.load()


def test_a_damaged_session_says_to_log_in_and_shows_nothing_of_itself(tmp_path: Path) -> None:
    store = SessionStore(tmp_path, None)
    store.save(SESSION, 2)
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:-3])
    with pytest.raises(SessionUnreadable) as caught:
        store.load()
    assert ACCESS_TOKEN not in str(caught.value)


def test_the_newest_session_counts_though_a_keyring_that_was_locked_holds_an_older_one(
    tmp_path: Path,
) -> None:
    wallet = Wallet()
    store = SessionStore(tmp_path, wallet)
    store.save(replace(SESSION, access_token="yesterdays", expires_ns=1), 1)
    wallet.locked = True
    assert store.save(SESSION, 2) != "the system keyring"
    wallet.locked = False
    assert store.load() == SESSION
    store.forget()
    assert store.load() is None


class Backend(Wallet):
    """A keyring's backend of this priority; above zero it can keep something."""

    def __init__(self, priority: float) -> None:
        super().__init__()
        self.priority = priority


def with_backend(monkeypatch: pytest.MonkeyPatch, found: Callable[[], object]) -> None:
    module = types.ModuleType("keyring")
    module.get_keyring = found  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)


def test_a_keyring_that_can_keep_something_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Backend(5)
    with_backend(monkeypatch, lambda: backend)
    assert system_keyring() is backend


def test_a_keyring_that_can_keep_nothing_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the library gives on a server without any wallet."""
    with_backend(monkeypatch, lambda: Backend(0))
    assert system_keyring() is None


def test_a_keyring_that_fails_or_is_not_installed_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> object:
        raise RuntimeError("no D-Bus here")

    with_backend(monkeypatch, fail)
    assert system_keyring() is None
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert system_keyring() is None


def test_the_session_saved_last_counts_though_an_older_one_expires_later(tmp_path: Path) -> None:
    wallet = Wallet()
    store = SessionStore(tmp_path, wallet)
    store.save(replace(SESSION, access_token="older", expires_ns=1 << 62), 1)
    wallet.locked = True
    store.save(replace(SESSION, expires_ns=5), 2)
    wallet.locked = False
    assert store.load() == replace(SESSION, expires_ns=5)


def test_a_keyring_that_does_not_forget_is_told_and_the_file_is_gone(tmp_path: Path) -> None:
    wallet = Wallet(locked=True)
    store = SessionStore(tmp_path, wallet)
    store.save(SESSION, 1)
    assert "keyring may still hold it" in store.forget()
    assert list(tmp_path.iterdir()) == []


def test_a_session_of_elsewhere_leaves_the_real_one_alone(tmp_path: Path) -> None:
    wallet = Wallet()
    real, other = SessionStore(tmp_path, wallet), SessionStore(tmp_path, wallet, elsewhere=True)
    real.save(SESSION, 1)
    other.save(replace(SESSION, access_token="rehearsal"), 2)
    assert real.load() == SESSION
    other.forget()
    assert real.load() == SESSION


def test_another_stream_alone_is_elsewhere() -> None:
    own = replace(SESSION, rest_root=REST_ROOT, stream_root=STREAM_ROOT)
    assert not own.is_elsewhere
    assert replace(own, stream_root="ws://127.0.0.1:1").is_elsewhere
