"""An exchange in a process of its own, the programs that trade on it, and a trader beside them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec

from core.domain.facts import Recorded
from core.journal.errors import JournalError
from core.journal.opening import read_journal
from core.rehearsal.wire.ready import Ready
from tests.cli.test_live import CONDOR, read_until, start

SPEED = "5"
PATIENCE_S = 90


@dataclass
class FlattenDesk:
    """What a story needs; every process it starts ends with it."""

    folder: Path
    ready: Ready
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def live(self, *more: str, rest: str = "", condor: bool = True) -> subprocess.Popen[str]:
        """A live core, by default with one condor, keeping ``own.db``."""
        asked = ["live", "--headless", "--speed", SPEED, "--journal", str(self.folder / "own.db")]
        asked += ["--rest", rest or self.ready.rest, "--stream", self.ready.stream]
        if condor:
            group = self.folder / "condor.toml"
            group.write_text(CONDOR)
            asked += ["--group", str(group)]
        if "--broker" not in more:
            asked += ["--broker", "kite"]
        return self._started(start(*asked, *more, folder=self.folder, ready=self.ready))

    def whole(self) -> subprocess.Popen[str]:
        """A live core whose condor is open, and shown so by the positions, which lag."""
        core = self.live()
        read_until(core, "OPEN: every leg is filled")
        end_s = time.monotonic() + 20
        while len(self.held()) < 4:
            assert time.monotonic() < end_s, self.held()
            time.sleep(0.3)
        return core

    def flatten(self, *more: str, rest: str = "", answer: str = "") -> subprocess.CompletedProcess[str]:
        """``hedgerow flatten``, to its end; it is told nothing of any journal."""
        asked = ["flatten", "--rest", rest or self.ready.rest, "--stream", self.ready.stream]
        process = self._started(start(*asked, "--speed", SPEED, *more, folder=self.folder, ready=self.ready))
        said, _ = process.communicate(answer, timeout=PATIENCE_S)
        return subprocess.CompletedProcess(asked, process.returncode, said)

    def _started(self, process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        self.started.append(process)
        return process

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-Kite-Version": "3",
            "Authorization": f"token {self.ready.api_key}:{self.ready.access_token}",
        }

    def trade(self, symbol: str, units: int) -> None:
        """The trader's own order: no tag, far through the market."""
        form = {
            "tradingsymbol": symbol,
            "exchange": "NFO",
            "product": "NRML",
            "validity": "DAY",
            "transaction_type": "BUY" if units > 0 else "SELL",
            "quantity": str(abs(units)),
            "order_type": "MARKET",
            "market_protection": "5",
        }
        before = self.held().get(symbol, 0)
        answer = httpx.post(f"{self.ready.rest}/orders/regular", data=form, headers=self.headers)
        assert answer.status_code == 200, answer.text
        end_s = time.monotonic() + 20
        while self.held().get(symbol, 0) != before + units:
            assert time.monotonic() < end_s, f"the trader's order in {symbol} was not filled"
            time.sleep(0.3)

    def held(self) -> dict[str, int]:
        """Signed units by symbol, as the exchange says."""
        answer = httpx.get(f"{self.ready.rest}/portfolio/positions", headers=self.headers).json()
        return {row["tradingsymbol"]: row["quantity"] for row in answer["data"]["net"] if row["quantity"]}

    def rows(self, name: str = "own.db") -> list[Recorded]:
        """A journal of this desk, as far as there is one."""
        try:
            return list(read_journal(self.folder / name))
        except JournalError:
            return []


@contextmanager
def flatten_desk(folder: Path) -> Iterator[FlattenDesk]:
    """An exchange on a calm day, and whoever trades there."""
    exchange = start("exchange", "--speed", SPEED, "--scenario", "calm", folder=folder)
    assert exchange.stdout is not None
    desk = FlattenDesk(folder, msgspec.json.decode(exchange.stdout.readline(), type=Ready), [exchange])
    try:
        yield desk
    finally:
        for process in reversed(desk.started):
            process.kill()
            process.communicate(timeout=30)
