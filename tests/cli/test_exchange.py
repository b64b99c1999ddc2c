from __future__ import annotations

import socket
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
