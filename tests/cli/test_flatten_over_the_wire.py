"""``hedgerow flatten`` against a served exchange, with real cores, real signals and a trader beside them."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from core.domain.facts import KillSwitchTripped, OperatorActed
from tests.cli.flatten_desk import FlattenDesk, flatten_desk
from tests.cli.test_live import read_until

LOT = 65


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FlattenDesk]:
    with flatten_desk(tmp_path) as desk:
        yield desk


def strange_option(desk: FlattenDesk) -> str:
    """An option of the condor's expiry that it does not hold, near enough to its strikes to be quoted."""
    held = desk.held()
    short = next(symbol for symbol, units in held.items() if units < 0 and symbol.endswith("CE"))
    found = re.fullmatch(r"(\w+?)(\d{5})CE", short)
    assert found is not None
    return next(
        symbol
        for symbol in (f"{found[1]}{int(found[2]) - back}CE" for back in (50, 100, 150))
        if symbol not in held
    )


def test_the_core_closes_its_groups_and_all_closes_what_the_trader_holds_as_well(desk: FlattenDesk) -> None:
    core = desk.whole()
    strange = strange_option(desk)
    desk.trade(strange, LOT)
    done = desk.flatten("--yes", "--all")
    assert done.returncode == 0, done.stdout
    assert "the core has taken it over" in done.stdout
    assert f"+65 NFO:{strange}:NRML  close" in done.stdout
    assert "FLAT: the broker shows no position and no working order\n" in done.stdout
    assert desk.held() == {}
    assert core.poll() is None, "a core that answers is not ended"


def test_without_all_the_traders_own_position_stays_and_is_shown(desk: FlattenDesk) -> None:
    desk.whole()
    strange = strange_option(desk)
    desk.trade(strange, LOT)
    done = desk.flatten("--yes")
    assert done.returncode == 0, done.stdout
    assert f"NFO:{strange}:NRML  leave (the trader's own)" in done.stdout
    assert "no position and no working order of ours" in done.stdout
    assert desk.held() == {strange: LOT}


def test_without_a_core_only_our_units_of_a_shared_symbol_go(desk: FlattenDesk) -> None:
    core = desk.whole()
    ours = desk.held()
    shared = next(symbol for symbol, units in ours.items() if units > 0)
    core.kill()
    core.wait(30)
    desk.trade(shared, LOT)
    done = desk.flatten("--yes")
    assert done.returncode == 0, done.stdout
    assert f"close {ours[shared]:+,} of it; +65 are the trader's own and stay" in done.stdout
    assert desk.held() == {shared: LOT}


def test_a_core_that_hangs_is_ended_and_its_positions_closed(desk: FlattenDesk) -> None:
    core = desk.whole()
    core.send_signal(signal.SIGSTOP)
    refused = desk.flatten()
    assert refused.returncode == 1, refused.stdout
    assert "not taken over" in refused.stdout
    assert "still held:" in refused.stdout
    assert core.poll() is None
    done = desk.flatten("--yes")
    assert done.returncode == 0, done.stdout
    assert core.wait(10) == -signal.SIGKILL
    assert desk.held() == {}


def test_the_next_core_of_the_account_is_latched_whatever_journal_it_keeps(desk: FlattenDesk) -> None:
    core = desk.whole()
    core.kill()
    core.wait(30)
    assert desk.flatten("--yes").returncode == 0
    paper = desk.live("--broker", "paper", "--journal", str(desk.folder / "paper.db"), condor=False)
    read_until(paper, "started")
    real = desk.live("--journal", str(desk.folder / "another.db"), condor=False)
    read_until(real, "started")
    for name, latched in (("paper.db", False), ("another.db", True)):
        tripped = [row.fact.by for row in desk.rows(name) if isinstance(row.fact, KillSwitchTripped)]
        assert tripped == (["hedgerow flatten"] if latched else []), name


class SlowInstruments(BaseHTTPRequestHandler):
    """A way to the exchange on which the instrument dump comes only when a test lets it."""

    exchange = ""
    asked = threading.Event()
    granted = threading.Event()

    def do_GET(self) -> None:
        if self.path.startswith("/instruments"):
            self.asked.set()
            self.granted.wait(60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        try:
            answer = httpx.get(f"{self.exchange}{self.path}", headers=headers, timeout=30)
        except httpx.HTTPError:
            return  # the exchange has ended with its story, and the core with it
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower().startswith("x-hedgerow") or name.lower() == "content-type":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said."""


def test_a_signal_to_a_core_that_is_still_starting_is_carried_out_once_it_runs(desk: FlattenDesk) -> None:
    SlowInstruments.exchange = desk.ready.rest
    way = ThreadingHTTPServer(("127.0.0.1", 0), SlowInstruments)
    threading.Thread(target=way.serve_forever, daemon=True).start()
    try:
        core = desk.live("--observe", rest=f"http://127.0.0.1:{way.server_port}")
        assert SlowInstruments.asked.wait(60)
        core.send_signal(signal.SIGUSR1)
        time.sleep(0.3)
        assert core.poll() is None, "the signal has killed the core"
        SlowInstruments.granted.set()
        read_until(core, "kill switch")
        wanted = ["kill", "flatten-all ALL"]
        end_s = time.monotonic() + 20
        while (done := acted(desk)) != wanted:
            assert time.monotonic() < end_s, done
            time.sleep(0.1)
    finally:
        SlowInstruments.granted.set()
        way.shutdown()


def acted(desk: FlattenDesk) -> list[str]:
    facts = [row.fact for row in desk.rows()]
    return [
        fact.action
        for fact in facts
        if isinstance(fact, OperatorActed) and fact.by == "SIGUSR1" and fact.answered
    ]
