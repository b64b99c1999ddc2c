"""``hedgerow live``: trade a real market, with real money or on paper."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from console.cli.addresses import addresses_of
from console.cli.failing import refuse
from console.cli.going_live import go
from console.cli.wanted import CannotStart, Wanted

Broker = Annotated[str, typer.Option("--broker", help="Who executes: kite is real money, paper is not.")]
Feed = Annotated[str, typer.Option("--feed", help="Whose quotes: kite.")]
Group = Annotated[
    list[Path] | None, typer.Option("--group", help="A group file to trade; may be given several times.")
]
Underlying = Annotated[
    list[str] | None, typer.Option("--underlying", help="Underlyings to listen to, besides the groups'.")
]
Journal = Annotated[Path | None, typer.Option("--journal", help="The journal; it is continued if it exists.")]
Instruments = Annotated[
    Path | None,
    typer.Option("--instruments", help="Kite's instrument dump; downloaded once a day without it."),
]
Freeze = Annotated[
    Path | None,
    typer.Option(
        "--freeze", help="NSE's freeze quantities (qtyfreeze.csv); without one a contract is refused."
    ),
]
Sessions = Annotated[Path | None, typer.Option("--sessions", help="Your own holidays and special sessions.")]
Funds = Annotated[int, typer.Option("--funds", min=1, help="Paper money only: the account's rupees.")]
Limits = Annotated[Path | None, typer.Option("--limits", help="The account's own limits, a TOML file.")]
AllowNaked = Annotated[bool, typer.Option("--allow-naked", help="Let groups that ask for it be naked.")]
Headless = Annotated[bool, typer.Option("--headless", help="Without the console; what happens is printed.")]
Observe = Annotated[bool, typer.Option("--observe", help="A console that can only watch.")]
RestRoot = Annotated[
    str | None, typer.Option("--rest", help="Another REST address: the simulated exchange's.")
]
StreamRoot = Annotated[str | None, typer.Option("--stream", help="Its stream address.")]
Speed = Annotated[
    float | None,
    typer.Option("--speed", min=0.01, max=100, help="That exchange's speed; it says so itself."),
]


def register(app: typer.Typer) -> None:
    """Add ``live`` to the program."""
    app.command("live")(live)


def live(
    broker: Broker,
    feed: Feed = "kite",
    group: Group = None,
    underlying: Underlying = None,
    journal: Journal = None,
    instruments: Instruments = None,
    freeze: Freeze = None,
    sessions: Sessions = None,
    funds: Funds = 20_00_000,
    limits: Limits = None,
    allow_naked: AllowNaked = False,
    headless: Headless = False,
    observe: Observe = False,
    rest: RestRoot = None,
    stream: StreamRoot = None,
    speed: Speed = None,
) -> None:
    """Trade a real market: real money with --broker kite, paper money with --broker paper.

    Every group file is planned when its chain is quoted, and judged by every gate before anything is sent.
    Without a login of today this ends at once and says so. Exit status 2: it could not start.
    """
    if broker not in ("kite", "paper"):
        refuse(f"there is no broker {broker!r}: --broker kite trades real money, --broker paper does not")
    if feed != "kite":
        refuse(f"there is no feed {feed!r}: quotes come from kite")
    try:
        addresses_of(rest, stream)
    except ValueError as error:
        refuse(error)
    shown = not headless and sys.stdin.isatty() and sys.stdout.isatty()
    wanted = Wanted(
        paper=broker == "paper",
        groups=tuple(group or ()),
        underlyings=tuple(underlying or ()),
        journal=journal,
        instruments=instruments,
        freeze=freeze,
        sessions=sessions,
        funds_rupees=funds,
        allow_naked=allow_naked,
        console=shown,
        observe=observe,
        rest=rest,
        stream=stream,
        speed=speed,
        say=lambda text: typer.echo(text, err=True),
        tell=typer.echo,
        limits=limits,
    )
    try:
        raise typer.Exit(go(wanted))
    except CannotStart as error:
        refuse(error)
