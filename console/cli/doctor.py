"""``hedgerow doctor``: is everything in place for a session, and what to do where it is not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from console.cli import checks
from console.cli.checks import Check, Verdict
from console.cli.places import data_folder, kite_sessions
from console.cli.wall_clock import WallClock
from core.brokers.kite.rest import KiteRest
from core.brokers.kite.session import REST_ROOT, KiteSession
from core.brokers.kite.session_store import SessionStore, SessionUnreadable
from core.brokers.kite.transport import KiteTransport
from core.domain.settings import ExecutionSettings
from core.domain.timing import Clock
from core.rehearsal.wire.market_header import clock_of

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
) -> None:
    """Check session, clock, address, instruments, journal and limits. Exit code 1 if one fails."""
    clock = WallClock()
    sessions = kite_sessions()
    found = asyncio.run(
        examine(
            clock,
            sessions,
            journal or data_folder() / "live.db",
            instruments or data_folder() / "instruments.csv",
            live=live,
            probe_address=probe_address,
            offline=offline,
            market_ns=clock.now_ns() if offline else _market_ns(sessions, clock),
        )
    )
    if as_json:
        typer.echo(msgspec.json.encode([asdict(check) for check in found]).decode())
    else:
        for check in found:
            typer.echo(line(check))
    if any(check.verdict is Verdict.FAIL for check in found):
        raise typer.Exit(1)


def _market_ns(sessions: SessionStore, clock: Clock) -> int:
    """What time it is where the session is of: a simulated exchange lives on a day of its own."""
    with contextlib.suppress(SessionUnreadable, OSError):
        session = sessions.load()
        if session is not None and session.is_elsewhere:
            return clock_of(session.rest_root, 1.0).now_ns()
    return clock.now_ns()


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
    connect: Callable[[KiteSession, Clock], KiteTransport] = KiteTransport,
) -> list[Check]:
    """Every check, in the order of a person's questions. Never raises for what it finds.

    ``market_ns`` is the time by which the session lives, the clock's own if ``None``.
    """
    missing = Verdict.FAIL if live else Verdict.WARN
    session, trouble = None, ""
    try:
        session = sessions.load()
    except SessionUnreadable as error:
        trouble = str(error)
    now_ns = clock.now_ns()
    by_market_ns = now_ns if market_ns is None else market_ns
    found = [checks.stored_session(session, trouble, by_market_ns, missing)]
    if not offline:
        alive = session is not None and session.is_alive(by_market_ns)
        found += await _remote(clock, session, probe_address, missing, connect, alive=alive)
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
    *,
    alive: bool,
) -> list[Check]:
    root = session.rest_root if session else REST_ROOT
    found = [await checks.clock_skew(root, clock.now_ns, missing)]
    if session is None or not alive:
        return [*found, await checks.address(None, probe_address)]
    transport = connect(session, clock)
    try:
        found.append(await checks.token(KiteRest(transport)))
        found.append(await checks.address(transport, probe_address))
    finally:
        await transport.aclose()
    return found
