from __future__ import annotations

import asyncio
import email.utils
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import typer
from typer.testing import CliRunner

from console.cli import checks, doctor
from console.cli.checks import Check, Verdict
from core.brokers.kite.session import KiteSession
from core.brokers.kite.session_store import SessionStore
from core.brokers.kite.transport import KiteTransport
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S, Clock, from_ist
from core.journal.opening import open_journal
from tests.brokers.kite.support import ACCESS_TOKEN, SESSION, StepClock, ok, refused

NOW_NS = from_ist(date(2026, 8, 18), time(10, 0))
HEADER = "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
DUMP = f"""{HEADER}instrument_type,segment,exchange
1,1,NIFTY2681824350CE,"NIFTY",0,2026-08-18,24350,0.05,65,CE,NFO-OPT,NFO
2,2,NIFTY2682524350CE,"NIFTY",0,2026-08-25,24350,0.05,65,CE,NFO-OPT,NFO
3,3,SENSEX2682078000CE,"SENSEX",0,2026-08-20,78000,0.05,20,CE,BFO-OPT,BFO
"""


def examined(
    folder: Path,
    *,
    session: KiteSession | None = None,
    answer: Callable[[httpx.Request], httpx.Response] | None = None,
    **options: Any,
) -> dict[str, Check]:
    """Every check by name, against a folder and a Kite that answers so."""
    store = SessionStore(folder / "config", None)
    if session is not None:
        store.save(session, 1)

    def connect(live: KiteSession, clock: Clock) -> KiteTransport:
        assert answer is not None
        return KiteTransport(live, clock, transport=httpx.MockTransport(answer))

    journal, dump = folder / "live.db", folder / "instruments.csv"
    options.setdefault("offline", answer is None)
    found = asyncio.run(doctor.examine(StepClock(NOW_NS), store, journal, dump, connect=connect, **options))
    return {check.name: check for check in found}


def kite(path_answers: dict[str, httpx.Response]) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: path_answers[request.url.path]


ALIVE = replace(SESSION, expires_ns=NOW_NS + 20 * 3_600 * NS_PER_S, rest_root="http://127.0.0.1:1")
PROFILE = ok({"user_id": "AB1234"})


def test_with_no_account_at_all_it_says_what_is_missing_and_fails_nothing(tmp_path: Path) -> None:
    found = examined(tmp_path)
    assert found["session"].verdict is Verdict.WARN
    assert "hedgerow login kite" in found["session"].do
    assert not [check for check in found.values() if check.verdict is Verdict.FAIL]


def test_what_live_trading_needs_fails_when_live_is_asked_for(tmp_path: Path) -> None:
    found = examined(tmp_path, live=True)
    assert found["session"].verdict is Verdict.FAIL
    assert found["instruments"].verdict is Verdict.FAIL


def test_a_session_past_six_in_the_morning_fails(tmp_path: Path) -> None:
    found = examined(tmp_path, session=replace(SESSION, expires_ns=NOW_NS - 1))
    assert found["session"].verdict is Verdict.FAIL


def test_a_token_that_kite_takes_and_one_it_refuses(tmp_path: Path) -> None:
    good = examined(tmp_path, session=ALIVE, answer=kite({"/user/profile": PROFILE}))
    assert good["token"].verdict is Verdict.OK
    assert good["address"].verdict is Verdict.WARN
    refusal = refused(403, "TokenException", f"bad {ACCESS_TOKEN}")
    bad = examined(tmp_path, session=ALIVE, answer=kite({"/user/profile": refusal}))
    assert bad["token"].verdict is Verdict.FAIL
    assert "hedgerow login kite" in bad["token"].do
    assert ACCESS_TOKEN not in repr(bad)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (refused(400, "OrderException", "Couldn't find that order."), Verdict.OK),
        (refused(403, "PermissionException", "Static IP is not registered for this app."), Verdict.FAIL),
        (refused(503, "NetworkException", "down"), Verdict.WARN),
        (httpx.Response(502, text="<html>"), Verdict.WARN),
    ],
)
def test_the_address_is_known_by_what_kite_says_to_a_cancel_of_nothing(
    tmp_path: Path, answer: httpx.Response, verdict: Verdict
) -> None:
    kite_says = kite({"/user/profile": PROFILE, "/orders/regular/0": answer})
    found = examined(tmp_path, session=ALIVE, answer=kite_says, probe_address=True)
    assert found["address"].verdict is verdict


@pytest.mark.parametrize(("off_s", "verdict"), [(0, Verdict.OK), (4, Verdict.WARN), (-60, Verdict.FAIL)])
def test_the_clock_is_compared_with_the_brokers(
    monkeypatch: pytest.MonkeyPatch, off_s: int, verdict: Verdict
) -> None:
    stamp = email.utils.formatdate(NOW_NS / NS_PER_S - off_s, usegmt=True)
    transport = httpx.MockTransport(lambda request: httpx.Response(404, headers={"date": stamp}))
    plain = httpx.AsyncClient
    monkeypatch.setattr(httpx, "AsyncClient", lambda **given: plain(transport=transport, **given))
    check = asyncio.run(checks.clock_skew("http://kite.test", lambda: NOW_NS, Verdict.WARN))
    assert check.verdict is verdict


def test_a_dump_of_yesterday_is_old_once_todays_is_made(tmp_path: Path) -> None:
    dump = tmp_path / "instruments.csv"
    dump.write_text(DUMP)
    for made, verdict in ((time(8, 31), Verdict.OK), (time(8, 0), Verdict.WARN)):
        made_ns = from_ist(date(2026, 8, 18), made)
        os.utime(dump, ns=(made_ns, made_ns))
        assert checks.instruments(dump, NOW_NS, Verdict.WARN).verdict is verdict


def test_the_nearest_expiry_of_each_index_is_told_and_today_is_a_warning(tmp_path: Path) -> None:
    dump = tmp_path / "instruments.csv"
    dump.write_text(DUMP)
    today = checks.next_expiry(dump, NOW_NS)
    assert (today.verdict, today.says) == (Verdict.WARN, "NIFTY today (18 Aug), SENSEX in 2 d (20 Aug)")
    later = checks.next_expiry(dump, NOW_NS + 24 * 3_600 * NS_PER_S)
    assert (later.verdict, later.says) == (Verdict.OK, "SENSEX in 1 d (20 Aug), NIFTY in 6 d (25 Aug)")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"not,a,dump\n1,2,3\n"])
def test_a_dump_that_is_none_breaks_nothing(tmp_path: Path, content: bytes) -> None:
    dump = tmp_path / "instruments.csv"
    dump.write_bytes(content)
    assert checks.next_expiry(dump, NOW_NS).verdict is Verdict.WARN


def test_a_journal_is_read_row_by_row_and_a_damaged_one_fails(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    open_journal(path).connection.close()
    assert checks.journal(path).verdict is Verdict.OK
    path.write_bytes(b"not a database, and long enough to be looked at by SQLite" * 20)
    assert checks.journal(path).verdict is Verdict.FAIL


def test_an_sqlite_with_the_wal_bug_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for version, verdict in (((3, 51, 2), Verdict.WARN), ((3, 51, 3), Verdict.OK)):
        monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
        assert checks.sqlite_version().verdict is verdict


def test_settings_beyond_what_the_broker_allows_fail() -> None:
    assert checks.limits(ExecutionSettings()).verdict is Verdict.OK
    over = checks.limits(replace(ExecutionSettings(), orders_per_second=11))
    assert over.verdict is Verdict.FAIL
    assert "11 a second where Kite allows 10" in over.says


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setattr(doctor, "kite_sessions", lambda **_: SessionStore(folder, None))
    monkeypatch.setattr(doctor, "data_folder", lambda: folder)
    app = typer.Typer()
    doctor.register(app)
    app.callback()(lambda: None)
    return CliRunner().invoke(app, ["doctor", "--offline", *arguments])


def test_the_exit_code_says_whether_something_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, monkeypatch).exit_code == 0
    assert run(tmp_path, monkeypatch, "--live").exit_code == 1


def test_json_holds_every_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(tmp_path, monkeypatch, "--json")
    found = msgspec.json.decode(result.output)
    assert {"session", "instruments", "expiry", "journal", "sqlite", "limits"} == {c["name"] for c in found}
    assert all(c["verdict"] in ("OK", "WARN", "FAIL") for c in found)


def test_a_session_of_a_simulated_exchange_lives_by_its_time_and_is_never_enough_for_real_money(
    tmp_path: Path,
) -> None:
    theirs = replace(SESSION, rest_root="http://127.0.0.1:1", expires_ns=NOW_NS - 80 * 24 * 3600 * NS_PER_S)
    market_ns = theirs.expires_ns - NS_PER_S
    found = examined(tmp_path, session=theirs, market_ns=market_ns)["session"]
    assert (found.verdict, "not Kite itself" in found.says) == (Verdict.WARN, True)
    found = examined(tmp_path, session=theirs, market_ns=market_ns, live=True)["session"]
    assert found.verdict is Verdict.FAIL
    assert "it ended" in examined(tmp_path, session=theirs)["session"].says


def test_an_exchange_that_is_down_is_not_told_as_a_session_that_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = replace(ALIVE, stream_root="ws://127.0.0.1:1", expires_ns=1)
    SessionStore(tmp_path, None).save(theirs, 1)
    monkeypatch.setattr(doctor, "kite_sessions", lambda **_: SessionStore(tmp_path, None))
    monkeypatch.setattr(doctor, "data_folder", lambda: tmp_path)
    app = typer.Typer()
    doctor.register(app)
    app.callback()(lambda: None)
    where = ["--rest", theirs.rest_root, "--stream", theirs.stream_root]
    said = CliRunner().invoke(app, ["doctor", *where]).output
    assert "not known: http://127.0.0.1:1 does not answer" in said
    assert "it ended" not in said


def test_who_knows_the_token_is_named_where_it_is_not_kite(tmp_path: Path) -> None:
    found = examined(tmp_path, session=ALIVE, answer=kite({"/user/profile": PROFILE}))
    assert found["token"].says == "http://127.0.0.1:1 knows AB1234"


def test_a_session_of_another_exchange_than_was_asked_about_counts_as_none(tmp_path: Path) -> None:
    asked = ("http://127.0.0.1:2", "ws://127.0.0.1:2")
    found = examined(tmp_path, session=ALIVE, addresses=asked)["session"]
    assert "no session of http://127.0.0.1:2 is stored" in found.says
    assert "login kite --rest http://127.0.0.1:2 --stream ws://127.0.0.1:2" in found.do
