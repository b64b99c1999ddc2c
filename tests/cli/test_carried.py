"""A session listens to what is held already, whatever its command line names."""

from __future__ import annotations

import asyncio
import csv
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from console.cli import wanted as module
from console.cli.carried import journal_account, paper_books, paper_symbols, unfinished_symbols
from console.cli.tradable import Tradable
from console.cli.wanted import Wanted, tradable_for
from core.brokers.kite.session import KiteSession
from core.brokers.paper.records import PositionCarried
from core.brokers.port import BookUnavailable
from core.domain.facts import Recorded
from core.domain.groups import LegPlan
from core.domain.instruments import PositionKey, Product
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import PositionReport
from core.domain.quotes import ForwardMark
from core.engine.system_clock import SystemClock
from core.journal.aiosqlite_persistence import AiosqlitePersistence
from core.journal.errors import JournalError
from core.journal.opening import read_journal
from core.journal.writing import Batch
from core.market.catalogue import DUMP_COLUMNS
from core.market.errors import MarketDataError
from core.rehearsal.wire.ready import Ready
from tests.builders import (
    CONDOR,
    FORWARD_PAISE,
    NOW,
    PRICES,
    Desk,
    desk_with,
    fill_everything,
    market,
    open_condor,
    opening,
    plan,
    quote,
)
from tests.cli.test_live import CONDOR as CONDOR_FILE
from tests.cli.test_live import PROGRAM, read_until, start

EXPIRES = date(2026, 8, 25)
SESSION = KiteSession("akey", "atoken", "AB1234", 1 << 62, "http://x.test", "ws://x.test")


def of(underlying: str, leg: LegPlan) -> LegPlan:
    """The same leg on another underlying."""
    contract = leg.contract
    symbol = contract.symbol.replace("NIFTY", underlying, 1)
    return replace(leg, contract=replace(contract, symbol=symbol, underlying=underlying))


BANK = tuple(of("BANKNIFTY", leg) for leg in CONDOR)
BANK_SYMBOLS = tuple(leg.contract.symbol for leg in BANK)


def row(symbol: str, name: str, exchange: str = "NFO", strike: int = 24_000, kind: str = "CE") -> list[Any]:
    return [
        abs(hash(symbol)) % 10**8, 1, symbol, name, 0, EXPIRES, strike, 0.05, 65, kind,
        f"{exchange}-OPT", exchange,
    ]  # fmt: skip


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """NIFTY, BANKNIFTY, SENSEX, RELIANCE and a name that begins as another does."""
    rows = [row(leg.contract.symbol, "BANKNIFTY", strike=leg.contract.strike_paise // 100) for leg in BANK]
    rows += [row(leg.contract.symbol, "NIFTY", strike=leg.contract.strike_paise // 100) for leg in CONDOR]
    rows += [
        row("SENSEX2682580000CE", "SENSEX", "BFO", 80_000),
        row("RELIANCE26AUG1400CE", "RELIANCE", strike=1_400),
        row("NIFTYNXT5026AUG66000CE", "NIFTYNXT50", strike=66_000),
    ]
    path = tmp_path / "dump.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([list(DUMP_COLUMNS), *rows])
    return path


@dataclass
class Account:
    """A Kite account that holds what a test says; ``fault`` is raised where its positions are read."""

    held: dict[str, int] = field(default_factory=dict)
    fault: BookUnavailable | None = None

    @property
    def rest(self) -> Account:
        return self

    def __call__(self, *arguments: object) -> Account:
        return self

    async def positions(self) -> tuple[PositionReport, ...]:
        if self.fault is not None:
            raise self.fault
        return tuple(
            PositionReport(PositionKey("NFO", symbol, Product.NRML), units)
            for symbol, units in self.held.items()
        )

    async def instruments(self, exchange: str) -> bytes:
        raise AssertionError("a dump was given")

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass
class Start:
    """A session about to begin over the journal and dump of a folder."""

    folder: Path
    dump: Path
    account: Account = field(default_factory=Account)
    said: list[str] = field(default_factory=list)

    def tradable(self, *underlyings: str, paper: bool = False) -> Tradable:
        asked = Wanted(
            paper=paper,
            say=self.said.append,
            tell=self.said.append,
            underlyings=underlyings,
            journal=self.folder / "live.db",
            instruments=self.dump,
        )
        return asyncio.run(tradable_for(asked, SESSION, SystemClock(), ()))

    def keep(self, rows: Iterable[Recorded]) -> None:
        async def write() -> None:
            journal = await AiosqlitePersistence.open(self.folder / "live.db")
            await journal.commit(Batch(tuple(rows)))
            await journal.close()

        asyncio.run(write())


@pytest.fixture
def begin(tmp_path: Path, dump: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    begin = Start(tmp_path, dump)
    monkeypatch.setattr(module, "KiteBroker", begin.account)
    return begin


def rows_of(desk: Desk) -> list[Recorded]:
    return [*opening(), *desk.rows]


def bank_condor() -> Desk:
    view = market(leg.contract for leg in BANK)
    quotes = {
        theirs.contract.symbol: quote(theirs.contract.symbol, *PRICES[ours.contract.symbol])
        for theirs, ours in zip(BANK, CONDOR, strict=True)
    }
    forward = ForwardMark("BANKNIFTY", EXPIRES, FORWARD_PAISE, NOW)
    view = replace(view, quotes=quotes, forwards={("BANKNIFTY", EXPIRES): forward})
    desk = desk_with(replace(plan(BANK), underlying="BANKNIFTY"), view=view)
    fill_everything(desk)
    assert desk.is_in(ExecutionLifecycle.OPEN), desk.group().reason
    return desk


@pytest.mark.parametrize("paper", [False, True])
def test_an_open_group_of_another_underlying_has_its_contracts(begin: Start, paper: bool) -> None:
    begin.keep(rows_of(bank_condor()))
    tradable = begin.tradable("NIFTY", paper=paper)
    assert tradable.underlyings == ("NIFTY", "BANKNIFTY")
    assert set(BANK_SYMBOLS) <= tradable.contracts.keys()
    assert begin.said == []


def test_with_nothing_asked_for_what_is_open_comes_first_and_the_usual_is_there_too(begin: Start) -> None:
    begin.keep(rows_of(bank_condor()))
    assert begin.tradable().underlyings == ("BANKNIFTY", "NIFTY")


def test_a_group_that_has_ended_asks_for_nothing(begin: Start) -> None:
    desk = bank_condor()
    group = desk.group()
    ended = replace(
        group,
        state=ExecutionLifecycle.CLOSED,
        legs=tuple(replace(leg, bought_units=0, sold_units=0) for leg in group.legs),
    )
    assert unfinished_symbols(desk.account) == BANK_SYMBOLS
    assert unfinished_symbols(desk.account.with_group(ended)) == ()
    holding = replace(group, state=ExecutionLifecycle.CLOSED)
    assert unfinished_symbols(desk.account.with_group(holding)) == BANK_SYMBOLS


def test_what_the_trader_holds_is_listened_to_and_what_only_begins_alike_is_not(begin: Start) -> None:
    begin.account.held = {"NIFTYNXT5026AUG66000CE": -65, "SENSEX2682580000CE": 20, "INFY": 10}
    tradable = begin.tradable("RELIANCE")
    assert tradable.underlyings == ("RELIANCE", "NIFTYNXT50", "SENSEX")
    assert "NIFTY" not in {contract.underlying for contract in tradable.contracts.values()}


def test_a_position_that_is_flat_asks_for_nothing(begin: Start) -> None:
    begin.account.held = {"SENSEX2682580000CE": 0}
    assert begin.tradable().underlyings == ("NIFTY",)


def test_on_paper_it_is_the_paper_account_that_holds(begin: Start) -> None:
    """Its exchange judges every holding by its contract, and the money at Kite is not its own."""
    begin.account.fault = BookUnavailable("nobody asks Kite what it holds")
    journal = begin.folder / "live.db"
    books = paper_books(journal)
    books.append([PositionCarried(1, "RELIANCE26AUG1400CE", "NFO", Product.NRML, 500, 10_00, 0)])
    books.close()
    assert paper_symbols(journal) == ("RELIANCE26AUG1400CE",)
    assert begin.tradable("NIFTY", paper=True).underlyings == ("NIFTY", "RELIANCE")
    assert begin.said == []


def test_positions_that_cannot_be_read_stop_nothing_and_are_said(begin: Start) -> None:
    begin.keep(rows_of(bank_condor()))
    begin.account.fault = BookUnavailable("/portfolio/positions: HTTP 503")
    assert begin.tradable("NIFTY").underlyings == ("NIFTY", "BANKNIFTY")
    assert len(begin.said) == 1
    assert "HTTP 503" in begin.said[0]


def test_a_journal_that_cannot_be_read_is_left_to_its_opening(begin: Start) -> None:
    (begin.folder / "live.db").write_text("no journal")
    assert begin.tradable("NIFTY").underlyings == ("NIFTY",)
    with pytest.raises(JournalError):
        list(read_journal(begin.folder / "live.db"))
    assert journal_account(begin.folder / "missing.db").groups == {}


def test_an_open_group_whose_contracts_are_not_listed_is_named(begin: Start) -> None:
    gone = tuple(of("GONE", leg) for leg in CONDOR)
    desk = desk_with(plan(gone))
    assert not desk.group().is_over
    begin.keep(rows_of(desk))
    assert begin.tradable().underlyings == ("NIFTY",)
    assert gone[0].contract.symbol in begin.said[0]


def test_a_name_that_is_asked_for_has_to_be_listed(begin: Start) -> None:
    begin.keep(rows_of(open_condor()))
    with pytest.raises(MarketDataError, match="no options on FINNIFTY"):
        begin.tradable("FINNIFTY")


def test_where_nothing_has_options_it_says_what_to_give(begin: Start) -> None:
    begin.keep(rows_of(bank_condor()))
    with begin.dump.open("w", newline="") as file:
        csv.writer(file).writerows([list(DUMP_COLUMNS), row("NIFTY26AUGFUT", "NIFTY", strike=0, kind="FUT")])
    with pytest.raises(MarketDataError, match="are listed today; give --underlying"):
        begin.tradable()


ANOTHER_EXCHANGE = (
    "import functools, console.cli.exchange as e; "
    f"e.Asked = functools.partial(e.Asked, underlying='BANKNIFTY'); {PROGRAM}"
)


@pytest.mark.parametrize("broker", ["kite", "paper"])
def test_a_group_carried_into_a_session_that_does_not_name_it_is_exited(tmp_path: Path, broker: str) -> None:
    """A core that is started without the group's file has to get out of it all the same."""
    group = tmp_path / "condor.toml"
    group.write_text(CONDOR_FILE.replace("NIFTY", "BANKNIFTY"))
    exchange = subprocess.Popen(
        [sys.executable, "-c", ANOTHER_EXCHANGE, "exchange", "--speed", "5", "--scenario", "calm"],
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[2],
    )
    started = [exchange]
    try:
        assert exchange.stdout is not None
        ready = msgspec.json.decode(exchange.stdout.readline(), type=Ready)
        asked = ["live", "--broker", broker, "--headless", "--speed", "5"]
        asked += ["--rest", ready.rest, "--stream", ready.stream, "--journal", str(tmp_path / "live.db")]
        first = start(*asked, "--group", str(group), folder=tmp_path, ready=ready)
        started.append(first)
        read_until(first, "OPEN: every leg is filled")
        first.kill()
        first.wait(30)
        second = start(*asked, folder=tmp_path, ready=ready)
        started.append(second)
        read_until(second, "started")
        second.send_signal(signal.SIGUSR1)
        end_s = time.monotonic() + 60
        while (state := state_of(tmp_path)) is not ExecutionLifecycle.CLOSED:
            assert time.monotonic() < end_s, state
            assert second.poll() is None, second.communicate()[0]
            time.sleep(0.2)
    finally:
        for process in reversed(started):
            process.kill()
            process.communicate(timeout=30)


def state_of(folder: Path) -> ExecutionLifecycle:
    (group,) = journal_account(folder / "live.db").groups.values()
    return group.state
