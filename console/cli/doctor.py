"""``hedgerow doctor``: is everything in place for a session, and what to do where it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from console.cli import checks
from console.cli.addresses import OWN, addresses_of, broker_name
from console.cli.checks import Check, Verdict
from console.cli.failing import refuse
from console.cli.login import RestRoot, StreamRoot, login_command
from console.cli.places import data_folder, journal_name, kite_sessions
from console.cli.wall_clock import WallClock
from core.brokers.kite.rest import KiteRest
from core.brokers.kite.session import KiteSession
from core.brokers.kite.session_store import SessionStore, SessionUnreadable
from core.brokers.kite.transport import KiteTransport
from core.domain.settings import ExecutionSettings
from core.domain.timing import Clock
from core.rehearsal.wire.market_header import simulated_clock

MARKS = {Verdict.OK: "✔", Verdict.WARN: "▲", Verdict.FAIL: "✖"}

Live = Annotated[
    bool, typer.Option("--live", help="Judge by what live trading needs: what is missing fails.")
]
ProbeAddress = Annotated[
    bool,
    typer.Option(
        "--probe-address", help="Ask Kite whether it takes orders from here: one cancel of nothing."
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Ask nobody; look at this machine only.")]
JournalPath = Annotated[Path | None, typer.Option("--journal", help="The journal to check.")]
DumpPath = Annotated[Path | None, typer.Option("--instruments", help="The instrument dump to check.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON list, for programs.")]


def register(app: typer.Typer) -> None:
    """Add ``doctor`` to the program."""
    app.command("doctor")(doctor)


def doctor(
    live: Live = False,
    probe_address: ProbeAddress = False,
    offline: Offline = False,
    journal: JournalPath = None,
    instruments: DumpPath = None,
    as_json: AsJson = False,
    rest: RestRoot = None,
    stream: StreamRoot = None,
) -> None:
    """Check session, clock, address, instruments, journal and limits. Exit code 1 if one fails."""
    try:
        addresses = addresses_of(rest, stream)
    except ValueError as error:
        refuse(error)
    clock = WallClock()
    sessions = kite_sessions(elsewhere=addresses != OWN)
    silence, market_ns = "", clock.now_ns()
    if not offline and addresses != OWN:
        silence, market_ns = _market_ns(addresses[0], clock)
    found = asyncio.run(
        examine(
            clock,
            sessions,
            journal or data_folder() / journal_name(addresses, paper=False),
            instruments or data_folder() / "instruments.csv",
            live=live,
            probe_address=probe_address,
            offline=offline,
            market_ns=market_ns,
            silence=silence,
            addresses=addresses,
        )
    )
    if as_json:
        typer.echo(msgspec.json.encode([asdict(check) for check in found]).decode())
    else:
        for check in found:
            typer.echo(line(check))
    if any(check.verdict is Verdict.FAIL for check in found):
        raise typer.Exit(1)


def _market_ns(rest_root: str, clock: Clock) -> tuple[str, int]:
    """Why the time there is not known, if so, and that time: a simulated exchange has a day of its own."""
    try:
        return "", (simulated_clock(rest_root) or clock).now_ns()
    except OSError as error:
        return str(error), clock.now_ns()


def line(check: Check) -> str:
    """One check as a person reads it."""
    advice = f"\n{'':21}→ {check.do}" if check.do and check.verdict is not Verdict.OK else ""
    return f"{MARKS[check.verdict]} {check.verdict.value:<5}{check.name:<13} {check.says}{advice}"


async def examine(
    clock: Clock,
    sessions: SessionStore,
    journal: Path,
    instruments: Path,
    *,
    live: bool = False,
    probe_address: bool = False,
    offline: bool = False,
    market_ns: int | None = None,
    silence: str = "",
    addresses: tuple[str, str] | None = None,
    connect: Callable[[KiteSession, Clock], KiteTransport] = KiteTransport,
) -> list[Check]:
    """Every check, in the order of a person's questions. Never raises for what it finds.

    ``market_ns`` is the time by which the session lives, the clock's own if ``None``; ``silence`` is
    why it is not known. A session of other ``addresses`` counts as none.
    """
    missing = Verdict.FAIL if live else Verdict.WARN
    session, trouble = None, ""
    try:
        session = sessions.load()
    except SessionUnreadable as error:
        trouble = str(error)
    if session is not None and addresses not in (None, session.addresses):
        session = None
    now_ns = clock.now_ns()
    by_market_ns = now_ns if market_ns is None else market_ns
    found = [checks.stored_session(session, trouble, by_market_ns, missing, silence, addresses or OWN)]
    if not offline:
        alive = not silence and session is not None and session.is_alive(by_market_ns)
        found += await _remote(clock, session, probe_address, missing, connect, addresses, alive=alive)
    found += [
        checks.instruments(instruments, now_ns, missing),
        checks.next_expiry(instruments, now_ns),
        checks.journal(journal),
        checks.sqlite_version(),
        checks.limits(ExecutionSettings()),
    ]
    return found


async def _remote(
    clock: Clock,
    session: KiteSession | None,
    probe_address: bool,
    missing: Verdict,
    connect: Callable[[KiteSession, Clock], KiteTransport],
    addresses: tuple[str, str] | None,
    *,
    alive: bool,
) -> list[Check]:
    where = session.addresses if session else addresses or OWN
    root, login = where[0], f"Log in: {login_command(*where)}"
    found = [await checks.clock_skew(root, clock.now_ns, missing)]
    if session is None or not alive:
        return [*found, await checks.address(None, probe_address, login)]
    transport = connect(session, clock)
    try:
        found.append(await checks.token(KiteRest(transport), broker_name(root), login))
        found.append(await checks.address(transport, probe_address, login))
    finally:
        await transport.aclose()
    return found
