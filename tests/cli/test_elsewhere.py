"""What keeps an exercise at another exchange apart from real money."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from console.cli import places
from console.cli.addresses import OWN, addresses_of
from console.cli.going_live import shown_mode, title_of
from console.cli.places import account_lock, journal_name
from console.cli.wanted import Market, Wanted
from console.demo import busy_snapshot
from console.panels.header import header_line
from console.scene import Scene
from console.widgets.line import plain
from core.brokers.kite.session import REST_ROOT, STREAM_ROOT, KiteSession
from core.engine.system_clock import SystemClock
from core.rehearsal.wire.market_header import HEADER, SPEED_HEADER, OtherSpeed, simulated_clock

REAL = KiteSession("akey", "atoken", "AB1234", 1 << 62, REST_ROOT, STREAM_ROOT)
EXERCISE = replace(REAL, rest_root="http://127.0.0.1:40123", stream_root="ws://127.0.0.1:40123")
MARKET = Market(EXERCISE, SystemClock(), "simulated exchange 127.0.0.1:40123", True)


def wanted(*, paper: bool = False) -> Wanted:
    return Wanted(
        paper=paper,
        console=True,
        rest=EXERCISE.rest_root,
        stream=EXERCISE.stream_root,
        say=lambda text: None,
        tell=lambda text: None,
    )


@pytest.mark.parametrize("width", [100, 120, 160])
def test_the_header_over_a_simulated_exchange_never_says_live(width: int) -> None:
    mode, title = shown_mode(wanted(), MARKET), title_of(wanted(), MARKET)
    snapshot = replace(busy_snapshot("LIVE"), mode=mode, title=title)
    text = plain(header_line(Scene(snapshot=snapshot), width))
    assert " SIMULATED " in text
    assert " LIVE " not in text


def test_the_header_names_the_exchange_where_there_is_room() -> None:
    snapshot = replace(busy_snapshot("LIVE"), mode="SIMULATED", title=title_of(wanted(), MARKET))
    assert "simulated exchange 127.0.0.1:40123" in plain(header_line(Scene(snapshot=snapshot), 240))


def test_an_address_that_only_leads_to_a_real_market_stays_live() -> None:
    """Whoever reaches a broker through another address trades real money."""
    assert shown_mode(wanted(), replace(MARKET, is_simulated=False)) == "LIVE"
    assert shown_mode(wanted(paper=True), MARKET) == "PAPER"


def test_journal_and_lock_of_an_exercise_are_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "data_folder", lambda: tmp_path)
    where = (EXERCISE.rest_root, EXERCISE.stream_root)
    assert (journal_name(OWN, paper=False), journal_name(OWN, paper=True)) == ("live.db", "paper.db")
    assert journal_name(where, paper=False) == "exchange-127.0.0.1-40123.db"
    assert journal_name(where, paper=True) == "exchange-paper-127.0.0.1-40123.db"
    assert account_lock(REAL, paper=False) != account_lock(EXERCISE, paper=False)


@pytest.mark.parametrize(
    ("rest", "stream"),
    [
        ("https://API.kite.trade:443/", "wss://ws.kite.trade/"),
        (REST_ROOT, STREAM_ROOT),
        (None, None),
    ],
)
def test_another_spelling_of_kites_addresses_is_kite(rest: str | None, stream: str | None) -> None:
    assert addresses_of(rest, stream) == OWN


@pytest.mark.parametrize("rest", ["http://", "http://h:99999", "http://[", "https://u:p@h", "https://h?x=1"])
def test_what_is_no_address_is_refused_in_words(rest: str) -> None:
    with pytest.raises(ValueError, match="--rest"):
        addresses_of(rest, "wss://h")


def answering(monkeypatch: pytest.MonkeyPatch, **headers: str) -> None:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.MockTransport(lambda request: httpx.Response(404, headers=given))
    plain_client = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **o: plain_client(transport=transport, **o))


def test_the_clock_runs_as_the_exchange_says_and_another_speed_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, **{HEADER: "1", SPEED_HEADER: "5.0"})
    clock = simulated_clock("http://x.test")
    assert clock is not None
    assert clock.speed == 5.0
    with pytest.raises(OtherSpeed, match="moves 5 market seconds a second, not 2"):
        simulated_clock("http://x.test", 2.0)


@pytest.mark.parametrize("told", ["fast", "0", "-1", "nan", "inf"])
def test_a_speed_that_is_none_is_not_taken(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    answering(monkeypatch, **{HEADER: "1", SPEED_HEADER: told})
    with pytest.raises(OSError, match="says its speed is"):
        simulated_clock("http://x.test")
