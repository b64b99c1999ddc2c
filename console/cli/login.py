"""``hedgerow login kite``: the daily login, and where its token goes."""

from __future__ import annotations

import asyncio
import webbrowser
from typing import Annotated

import typer

from console.cli.addresses import OWN, addresses_of, broker_name
from console.cli.failing import refuse
from console.cli.places import kite_sessions
from console.cli.wall_clock import WallClock
from core.brokers.kite.login import LoginRefused, exchange_token, give_back
from core.brokers.kite.session import (
    LOGIN_ROOT,
    KiteSession,
    login_address,
    request_token_in,
)
from core.brokers.kite.session_store import SessionUnreadable
from core.brokers.kite.transport import KiteTransport
from core.domain.timing import to_ist

KEY_VARIABLE = "HEDGEROW_KITE_API_KEY"
SECRET_VARIABLE = "HEDGEROW_KITE_API_SECRET"

ApiKey = Annotated[
    str, typer.Option(envvar=KEY_VARIABLE, prompt="API key of your Kite Connect app", help="The app's key.")
]
ApiSecret = Annotated[
    str,
    typer.Option(
        envvar=SECRET_VARIABLE,
        prompt="API secret (not shown, not kept)",
        hide_input=True,
        help=f"Better in {SECRET_VARIABLE} or at the prompt: a command line can be read by others.",
    ),
]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the login address.")]
RestRoot = Annotated[
    str | None, typer.Option("--rest", help="Another REST address, such as the simulated exchange's.")
]
StreamRoot = Annotated[str | None, typer.Option("--stream", help="Another stream address.")]


def register(app: typer.Typer) -> None:
    """Add ``login`` and ``logout`` to the program."""
    login = typer.Typer(no_args_is_help=True, help="Log in to a broker for the day.")
    login.command("kite")(login_kite)
    app.add_typer(login, name="login")
    logout = typer.Typer(no_args_is_help=True, help="End a broker's session and forget its token.")
    logout.command("kite")(logout_kite)
    app.add_typer(logout, name="logout")


def login_kite(
    api_key: ApiKey,
    api_secret: ApiSecret,
    browser: Browser = True,
    rest: RestRoot = None,
    stream: StreamRoot = None,
) -> None:
    """Log in to Zerodha's Kite Connect; the session lasts until 06:00 IST."""
    rest_root, stream_root = addresses = _addresses(rest, stream)
    address = login_address(api_key, LOGIN_ROOT if addresses == OWN else rest_root)
    typer.echo("Log in here; your browser then lands on an address that carries a request token:")
    typer.echo(f"  {address}")
    if browser and addresses == OWN and not webbrowser.open(address):
        typer.echo("No browser could be opened here; open the address on any machine.")
    try:
        token = request_token_in(typer.prompt("Paste that address, or the request token"))
        now_ns = WallClock().now_ns()
        session = asyncio.run(
            exchange_token(api_key, api_secret, token, now_ns, rest_root=rest_root, stream_root=stream_root)
        )
        where = kite_sessions(elsewhere=session.is_elsewhere).save(session, now_ns)
    except (LoginRefused, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"Logged in, but the session could not be kept: {error}.", err=True)
        raise typer.Exit(1) from None
    ends = to_ist(session.expires_ns)
    typer.echo(f"Logged in as {session.user_id}. The session lasts until {ends:%H:%M} IST on {ends:%d %b}.")
    typer.echo(
        f"It is kept in {where}. Check everything with: hedgerow doctor{options(rest_root, stream_root)}"
    )


def logout_kite(rest: RestRoot = None, stream: StreamRoot = None) -> None:
    """End the Kite session, at the broker and here; with both addresses, the one of that exchange."""
    addresses = _addresses(rest, stream)
    store = kite_sessions(elsewhere=addresses != OWN)
    try:
        session = store.load()
    except SessionUnreadable as error:
        left = store.forget()
        typer.echo(f"{error} It is removed here{f'; {left}' if left else ''}.")
        if left:
            raise typer.Exit(1) from None
        return
    if session is None or session.addresses != addresses:
        typer.echo(
            f"There is no {'Kite session' if addresses == OWN else f'session of {addresses[0]}'} here."
        )
        return
    trouble = asyncio.run(_end(session))
    left = store.forget()
    if left:
        typer.echo(f"Not quite forgotten here: {left}.")
    if trouble:
        typer.echo(
            f"{'' if left else 'Forgotten here. '}{broker_name(session.rest_root)} did not confirm "
            f"the logout ({trouble}); the token dies at 06:00 IST."
        )
    if left or trouble:
        raise typer.Exit(1)
    typer.echo(f"Logged out {session.user_id}.")


def options(rest_root: str, stream_root: str) -> str:
    """What a command needs on its line to mean these addresses; nothing for Kite's own."""
    return "" if (rest_root, stream_root) == OWN else f" --rest {rest_root} --stream {stream_root}"


def login_command(rest_root: str, stream_root: str) -> str:
    """The command that renews a session of these addresses."""
    return f"hedgerow login kite{options(rest_root, stream_root)}"


def _addresses(rest: str | None, stream: str | None) -> tuple[str, str]:
    try:
        return addresses_of(rest, stream)
    except ValueError as error:
        refuse(error)


async def _end(session: KiteSession) -> str:
    transport = KiteTransport(session, WallClock())
    try:
        return await give_back(transport, session)
    finally:
        await transport.aclose()
