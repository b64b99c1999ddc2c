"""The command line: ``hedgerow``, and the one place where everything is put together."""

from __future__ import annotations

import importlib

import typer

COMMANDS = tuple(n for n in ("rehearse", "price", "margin", "payoff", "login", "doctor") if __import__("pathlib").Path(__file__).with_name(n+".py").exists())
"""One module of this package for each; every one adds itself with ``register``."""


def build() -> typer.Typer:
    """The program with all its commands."""
    app = typer.Typer(
        name="hedgerow",
        help="Executes multi-leg option strategies safely on brokers without atomic combo orders.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name in COMMANDS:
        importlib.import_module(f"console.cli.{name}").register(app)
    return app


def main() -> None:
    """The ``hedgerow`` command."""
    build()()
