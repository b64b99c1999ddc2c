"""The command line: ``hedgerow``, and the one place where everything is put together.

A command's module is imported when that command is asked for, so that the program answers at once and a
headless run never loads what only a screen needs.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from core import __version__


@dataclass(frozen=True, slots=True)
class Listed:
    """A command: its name, the module of this package that registers it, and its line in the list."""

    name: str
    module: str
    summary: str


COMMANDS = (
    Listed("rehearse", "rehearse", "Play a scenario or a recorded day on paper money."),
    Listed("live", "live", "Trade a real market, with real money or on paper."),
    Listed("replay", "replay", "Look at a past session again, moment by moment, from its journal."),
    Listed("torture", "torture", "Play seeded disasters by the thousand and judge each."),
    Listed("price", "price", "Price an option, or find the volatility its price implies."),
    Listed("margin", "margin", "Margin of a group, and its worst case over every fill and shock."),
    Listed("payoff", "payoff", "Profit and loss of a group, today and when its first leg expires."),
    Listed("screenshots", "screenshots", "Make the pictures that the README shows."),
    Listed("exchange", "exchange", "Serve the simulated exchange over a broker's protocol."),
    Listed("doctor", "doctor", "Check session, clock, address, instruments, journal and limits."),
    Listed("flatten", "flatten", "Get an account flat straight from the broker's books."),
    Listed("login", "login", "Log in to a broker for the day."),
    Listed("logout", "login", "End a broker's session and forget its token."),
)


class LazyCommands(TyperGroup):
    """Lists commands from the table; imports the one that is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the table."""
        return [listed.name for listed in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command as the list shows it; ``None`` for a name that is not there."""
        for listed in COMMANDS:
            if listed.name == cmd_name:
                return TyperCommand(listed.name, help=listed.summary)
        return None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, imported now."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, load(found.name or "") if found is not None else None, rest


def load(name: str) -> Any:
    """Import a command of the table."""
    listed = next(each for each in COMMANDS if each.name == name)
    app = typer.Typer()
    importlib.import_module(f"console.cli.{listed.module}").register(app)
    return typer.main.get_group(app).commands[name]


def build() -> typer.Typer:
    """The program with all its commands."""
    app = typer.Typer(
        name="hedgerow",
        cls=LazyCommands,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def hedgerow(
        version: Annotated[
            bool,
            typer.Option("--version", is_eager=True, callback=_version, help="Show the version and end."),
        ] = False,
    ) -> None:
        """Executes multi-leg option strategies safely on brokers without atomic combo orders."""

    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hedgerow {__version__}")
        raise typer.Exit()


def main() -> None:
    """The ``hedgerow`` command."""
    build()()
