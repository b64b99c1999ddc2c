from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from console.cli import exchange


def run(*arguments: str) -> Any:
    app = typer.Typer()
    exchange.register(app)
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--wire", "smoke"), "speaks: kite"),
        (("--scenario", "nowhere"), "no scenario 'nowhere'"),
        (("--scenario", "missing.toml"), "cannot be read"),
        (("--books", "/proc/nowhere/books"), "/proc/nowhere/books"),
    ],
)
def test_what_cannot_be_served_is_said_in_words(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_port_in_use_is_said_in_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run("--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2
    assert "cannot be used" in result.output


def exchange_that_prints_to(stdout: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "console.cli", "exchange", "--held"],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_an_exchange_that_cannot_say_its_address_ends_and_does_not_blame_the_port() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    try:
        process = exchange_that_prints_to(writes)
    finally:
        os.close(writes)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.strip() == "Standard output is closed, so nobody could learn the exchange's address."


def test_an_exchange_whose_reader_has_left_ends_quietly_when_told() -> None:
    process = exchange_that_prints_to(subprocess.PIPE)
    assert process.stdout is not None
    assert '"rest"' in process.stdout.readline()
    process.stdout.close()
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 0
