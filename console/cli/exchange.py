"""``hedgerow exchange``: the simulated exchange in a process of its own, speaking Kite's protocol."""

from __future__ import annotations

import asyncio
import secrets
import signal
from pathlib import Path
from typing import Annotated

import typer

from core.brokers.paper.books import (
    ExchangeBooks,
    ExchangeFileError,
    ExchangeIdentity,
    FileBooks,
    MemoryBooks,
)
from core.brokers.paper.config import ExchangeConfig, Latencies
from core.brokers.paper.draws import Span
from core.domain.timing import NS_PER_MS
from core.market.errors import MarketDataError
from core.rehearsal.market_time import MarketTime
from core.rehearsal.preparation import Asked, Prepared, prepare
from core.rehearsal.scenario import DEFAULT, ScenarioError, find_scenario
from core.rehearsal.world import World
from core.strategies.errors import StrategyError

Wire = Annotated[str, typer.Option("--wire", help="The protocol to speak: kite.")]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65_535, help="A port on loopback; 0 is any free one.")
]
ScenarioName = Annotated[str, typer.Option("--scenario", help="Which market is played, by name or file.")]
Seed = Annotated[int, typer.Option("--seed", help="The market and its accidents are the same for a seed.")]
Speed = Annotated[float, typer.Option("--speed", min=0.01, max=1_000, help="Market seconds a wall second.")]
Books = Annotated[Path | None, typer.Option("--books", help="Keep the exchange's books in this file.")]


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
) -> None:
    """Serve the simulated exchange over a broker's protocol, on loopback, until interrupted.

    Prints one JSON line when it can be reached: its addresses, and the key, secret and tokens it takes.
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
        asyncio.run(_serve(prepared, kept, port, speed))
    except ImportError as error:
        typer.echo(f"{error}. Install what serving needs: pip install 'hedgerow[exchange]'", err=True)
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


async def _serve(prepared: Prepared, books: ExchangeBooks, port: int, speed: float) -> None:
    from core.rehearsal.wire.access import Credentials
    from core.rehearsal.wire.desk import WitnessedBooks
    from core.rehearsal.wire.server import WireExchange

    witnessed = WitnessedBooks(books)
    market = MarketTime(max([prepared.start_ns, *(record.at_ns for record in books.records())]))
    span = prepared.asked.scenario.latency
    travel = Span(span.low * NS_PER_MS, span.high * NS_PER_MS)
    world = World(
        market,
        prepared.source,
        prepared.calendar,
        ExchangeConfig(seed=prepared.asked.seed, funds_paise=prepared.funds_paise),
        Latencies(travel, travel, travel),
        witnessed,
    )
    credentials = Credentials(*(secrets.token_hex(16) for _ in range(4)))
    served = WireExchange(world, witnessed, market, credentials, lambda: secrets.token_hex(16))
    task = asyncio.create_task(served.serve(port, speed, lambda ready: typer.echo(ready.line())))
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(stop, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return
