"""``hedgerow exchange``: the simulated exchange in a process of its own, speaking Kite's protocol."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from core.brokers.paper.books import (
    ExchangeBooks,
    ExchangeFileError,
    ExchangeIdentity,
    FileBooks,
    MemoryBooks,
)
from core.market.errors import MarketDataError
from core.rehearsal.preparation import Asked, Prepared, prepare
from core.rehearsal.scenario import ScenarioError
from core.rehearsal.shelf import DEFAULT, find_scenario
from core.strategies.errors import StrategyError

Wire = Annotated[str, typer.Option("--wire", help="The protocol to speak: kite.")]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="A port on loopback; 0 is any free one.")
]
ScenarioName = Annotated[str, typer.Option("--scenario", help="Which market is played, by name or file.")]
Seed = Annotated[int, typer.Option("--seed", help="The market and its accidents are the same for a seed.")]
Speed = Annotated[float, typer.Option("--speed", min=0.01, max=1_000, help="Market seconds a wall second.")]
Held = Annotated[
    bool,
    typer.Option("--held", help="Let market time stand until somebody posts to /market/start."),
]
Books = Annotated[Path | None, typer.Option("--books", help="Keep the exchange's books in this file.")]


class _NobodyReads(Exception):
    """Standard output is closed."""


def register(app: typer.Typer) -> None:
    """Add ``exchange`` to the program."""
    app.command("exchange")(exchange)


def exchange(
    wire: Wire = "kite",
    port: Port = 0,
    scenario: ScenarioName = DEFAULT,
    seed: Seed = 1,
    speed: Speed = 1.0,
    books: Books = None,
    held: Held = False,
) -> None:
    """Serve the simulated exchange over a broker's protocol, on loopback, until interrupted.

    Prints one JSON line when it can be reached: its addresses, and the key, secret and tokens it takes; and
    another at its end: the market's time, and how often each of the scenario's faults happened.
    """
    if wire != "kite":
        typer.echo(f"There is no wire {wire!r}; the exchange speaks: kite.", err=True)
        raise typer.Exit(2)
    try:
        prepared = prepare(Asked(find_scenario(scenario), seed=seed))
        kept = _open_books(books, prepared)
    except (ScenarioError, MarketDataError, StrategyError, ExchangeFileError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    try:
        asyncio.run(_serve(prepared, kept, port, speed, held=held))
    except ImportError as error:
        typer.echo(f"{error}. Install what serving needs: pip install 'hedgerow[exchange]'", err=True)
        raise typer.Exit(2) from None
    except _NobodyReads:
        typer.echo("Standard output is closed, so nobody could learn the exchange's address.", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"Port {port} cannot be used ({error.strerror}). Give another, or 0.", err=True)
        raise typer.Exit(2) from None
    finally:
        kept.close()


def _open_books(path: Path | None, prepared: Prepared) -> ExchangeBooks:
    if path is None:
        return MemoryBooks()
    identity = ExchangeIdentity(prepared.asked.seed, prepared.asked.scenario.name, prepared.market)
    return FileBooks.open(path, identity) if path.exists() else FileBooks.create(path, identity)


async def _serve(prepared: Prepared, books: ExchangeBooks, port: int, speed: float, *, held: bool) -> None:
    from core.rehearsal.wire.access import Credentials
    from core.rehearsal.wire.venue import Venue

    credentials = Credentials(*(secrets.token_hex(16) for _ in range(4)))
    venue = Venue(prepared, books, credentials, lambda: secrets.token_hex(16), speed)
    venue.begin_faults()
    task = asyncio.create_task(
        venue.exchange.serve(port, speed, lambda ready: _print(ready.line()), held=held)
    )
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return
    finally:
        with contextlib.suppress(_NobodyReads):
            _print(msgspec.json.encode(venue.tally()).decode())


def _print(line: str) -> None:
    """Print a line for the program that reads it. Raises ``_NobodyReads``."""
    try:
        typer.echo(line)
    except OSError as error:
        # What is left in the buffer must not fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise _NobodyReads from error
