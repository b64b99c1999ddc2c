"""A live session under the console, over sockets: what it leaves behind, and what must not be in it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from console.cli.login import KEY_VARIABLE
from console.cli.wanted import TOKEN_VARIABLE
from core.rehearsal.wire.ready import Ready
from tests.cli.test_live import CONDOR, start
from tests.console.terminal import Terminal

SPEED = "5"
TROUBLED = """
name = "troubled"
about = "Half of all requests fail, in every way there is."
length = "1 h"
latency = { low = "5 ms", high = "40 ms" }
fault = [
    { kind = "server-error", rate = 0.2 },
    { kind = "html-instead-of-json", rate = 0.2 },
    { kind = "timeout-but-placed", rate = 0.1 },
    { kind = "reject", rate = 0.2 },
]
"""


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Ready]:
    """An exchange at which requests fail in every way, so that errors are told, journalled and shown."""
    scenario = tmp_path / "troubled.toml"
    scenario.write_text(TROUBLED)
    exchange = start("exchange", "--speed", SPEED, "--scenario", str(scenario), folder=tmp_path)
    assert exchange.stdout is not None
    try:
        yield msgspec.json.decode(exchange.stdout.readline(), type=Ready)
    finally:
        exchange.terminate()
        exchange.communicate(timeout=30)


def has_failed(journal: Path) -> bool:
    """Whether an order has been sent, and the journal tells of a request that went wrong."""
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=5)) as connection:
            rows = connection.execute("SELECT kind, body FROM events").fetchall()
    except sqlite3.OperationalError:
        return False
    sent = any(kind == "order_intended" for kind, _ in rows)
    return sent and any("HTTP" in body or "no answer" in body for _, body in rows)


def test_no_secret_is_in_anything_that_a_session_shows_or_keeps(tmp_path: Path, ready: Ready) -> None:
    """Journal, books of paper money, bundle with snapshot and picture, the terminal: every byte."""
    group, journal = tmp_path / "condor.toml", tmp_path / "live.db"
    group.write_text(CONDOR)
    folder = str(tmp_path)
    terminal = Terminal(
        tmp_path / "none.json",
        "console.cli",
        *("live", "--broker", "kite", "--speed", SPEED, "--group", str(group), "--journal", str(journal)),
        *("--rest", ready.rest, "--stream", ready.stream),
        HOME=folder,
        XDG_DATA_HOME=folder,
        XDG_CONFIG_HOME=folder,
        PYTHONASYNCIODEBUG="1",
        **{KEY_VARIABLE: ready.api_key, TOKEN_VARIABLE: ready.access_token},
    )
    try:
        terminal.wait_until(lambda: has_failed(journal), "no request ever failed")
        terminal.type(b"e")
        terminal.wait_until(lambda: any(tmp_path.rglob("timeline.md")), "no bundle was ever written")
        (bundle,) = (path.parent for path in tmp_path.rglob("timeline.md"))
        rows = [json.loads(line) for line in (bundle / "journal.jsonl").read_text().splitlines()]
        assert rows[0]["seq"] == 1, "the bundle holds the journal's own rows"
        assert rows[0]["kind"] == "journal_opened"
    finally:
        terminal.end()
    secrets = [ready.access_token, ready.api_secret, ready.request_token]
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {journal, bundle / "snapshot.json", bundle / "screen.svg"} <= kept.keys()
    kept[Path("the terminal")] = bytes(terminal.text)
    for path, content in kept.items():
        assert not any(secret.encode() in content for secret in secrets), path
