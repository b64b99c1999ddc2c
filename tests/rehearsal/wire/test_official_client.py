from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.brokers.paper.books import ExchangeIdentity, FileBooks
from core.brokers.paper.ledger import Ledger

pytest.importorskip("kiteconnect", reason="the official client is not installed")

ROOT = Path(__file__).parents[3]
SERVE = "import typer\nfrom console.cli import exchange\napp = typer.Typer()\nexchange.register(app)\napp()"


@contextmanager
def exchange_process(*arguments: str) -> Iterator[dict[str, str]]:
    """The exchange in a process of its own; its ready line."""
    command = [sys.executable, "-c", SERVE, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        yield json.loads(line)
    finally:
        process.terminate()
        _, trouble = process.communicate(timeout=15)
    assert process.returncode == 0, trouble
    assert trouble == ""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Ledger]:
    """What the official client parsed, and the exchange's own books afterwards."""
    path = tmp_path_factory.mktemp("exchange") / "books.exchange"
    with exchange_process("--speed", "5", "--seed", "7", "--books", str(path)) as ready:
        client = subprocess.run(
            [sys.executable, "-m", "tests.rehearsal.wire.official_client", json.dumps(ready)],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=ROOT,
            check=False,
        )
    assert client.returncode == 0, client.stderr
    ledger = Ledger()
    books = FileBooks.open(path, ExchangeIdentity(7, "calm", "synthetic"))
    for record in books.records():
        ledger.apply(record)
    books.close()
    return json.loads(client.stdout.splitlines()[-1]), ledger


Played = tuple[dict[str, Any], Ledger]


def test_it_logs_in_and_knows_the_account(played: Played) -> None:
    found, _ = played
    assert found["session"]["user_id"] == found["profile"] == "HR0001"
    assert found["session"]["login_time"].startswith("2026-08-17 10:0")
    assert found["session"]["own_key"]
    assert found["margins"]["net"] > 0
    assert found["instruments"] > 100


def test_its_order_book_is_the_exchanges(played: Played) -> None:
    found, ledger = played
    for row in found["orders"]:
        order = ledger.orders[row["order_id"]]
        assert row["status"] == order.raw_status
        assert (row["filled_quantity"], row["quantity"]) == (order.filled_units, order.units)
        assert round(row["price"] * 100) == order.limit_paise
        assert row["tag"] == order.tag
    statuses = {row["order_id"]: row["status"] for row in found["orders"]}
    assert statuses[found["ids"]["filled"]] == "COMPLETE"
    assert statuses[found["ids"]["resting"]] == "CANCELLED"
    assert found["ids"]["resting"] == found["ids"]["modified"] == found["cancelled"]


def test_an_orders_history_runs_through_kites_states(played: Played) -> None:
    found, _ = played
    assert found["history"] == [
        "PUT ORDER REQ RECEIVED",
        "VALIDATION PENDING",
        "OPEN PENDING",
        "OPEN",
        "MODIFY VALIDATION PENDING",
        "MODIFY PENDING",
        "MODIFIED",
        "OPEN",
    ]


def test_its_trades_and_positions_are_the_exchanges(played: Played) -> None:
    found, ledger = played
    booked = {b.report.trade_id: b.report for b in ledger.trades}
    assert found["trades"]
    for row in found["trades"]:
        report = booked[row["trade_id"]]
        assert (row["order_id"], row["quantity"]) == (report.order_id, report.units)
        assert round(row["average_price"] * 100) == report.price_paise
    assert found["order_trades"] == len(found["trades"])
    assert sum(row["quantity"] for row in found["positions"]) == sum(r["quantity"] for r in found["trades"])


def test_margins_quotes_and_candles_parse(played: Played) -> None:
    found, _ = played
    assert found["order_margins"] > 0
    assert found["basket"][0] >= found["basket"][1] >= 0
    assert found["ohlc"]["high"] >= found["ohlc"]["low"] > 0
    assert found["absent_key"] is False


@pytest.mark.parametrize(
    ("what", "error", "code", "words"),
    [
        ("lot", "InputException", 400, "multiples of 65"),
        ("freeze", "InputException", 400, "higher than the maximum quantity of 1800"),
        ("market", "InputException", 400, "without market protection are not allowed"),
        ("sl-m", "OrderException", 400, "Function not available"),
        ("tag", "InputException", 400, "Invalid `tag`"),
        ("band", "InputException", 400, "circuit limit"),
        ("token", "TokenException", 403, "Incorrect `api_key` or `access_token`"),
    ],
)
def test_it_is_refused_in_kites_words(played: Played, what: str, error: str, code: int, words: str) -> None:
    found, _ = played
    refusal = found["refusals"][what]
    assert (refusal["type"], refusal["code"]) == (error, code)
    assert words in refusal["message"]


def test_its_ticker_gets_ticks_and_the_news_of_an_order(played: Played) -> None:
    found, ledger = played
    assert found["stream_complete"], found["errors"]
    full, index = found["ticks"]["full"], found["ticks"]["index"]
    assert full["tradable"] is True
    assert full["depth"]["sell"][0]["price"] > full["depth"]["buy"][0]["price"] > 0
    assert index["tradable"] is False
    assert 20_000 < index["last_price"] < 30_000
    mine = [update for update in found["updates"] if update["order_id"] == found["streamed_id"]]
    assert mine[-1]["status"] == "COMPLETE"
    assert mine[-1]["tag"] == "official3"
    assert mine[-1]["filled_quantity"] == ledger.orders[found["streamed_id"]].filled_units


def test_a_logout_ends_its_session(played: Played) -> None:
    found, _ = played
    assert found["logged_out"] is True
    assert found["after_logout"]["type"] == "TokenException"
