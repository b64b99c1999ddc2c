"""What a person wants to trade, and what it takes: a session that lives, its clock, and the contracts."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.cli.login import KEY_VARIABLE
from console.cli.places import data_folder, kite_sessions
from console.cli.tradable import Tradable, read_tradable
from core.brokers.kite.broker import KiteBroker
from core.brokers.kite.session import KiteSession
from core.brokers.kite.session_store import SessionUnreadable
from core.engine.group_desk import GroupRequest
from core.engine.system_clock import SystemClock
from core.rehearsal.wire.market_header import simulated_clock

TOKEN_VARIABLE = "HEDGEROW_KITE_ACCESS_TOKEN"
NEVER_NS = 1 << 62


class CannotStart(Exception):
    """The session cannot begin; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked for on the command line. ``say`` is for people, ``tell`` prints what happens."""

    paper: bool
    groups: tuple[Path, ...]
    underlyings: tuple[str, ...]
    journal: Path | None
    instruments: Path | None
    freeze: Path | None
    sessions: Path | None
    funds_rupees: int
    allow_naked: bool
    console: bool
    observe: bool
    rest: str | None
    stream: str | None
    speed: float
    say: Callable[[str], None]
    tell: Callable[[str], None]
    limits: Path | None = None

    @property
    def mode(self) -> str:
        """Whose money it is."""
        return "PAPER" if self.paper else "LIVE"

    @property
    def path(self) -> Path:
        """The journal's place."""
        return self.journal or data_folder() / ("paper.db" if self.paper else "live.db")


def session_and_clock(wanted: Wanted) -> tuple[KiteSession, SystemClock]:
    """A session that lives, and the time where it does: a simulated exchange has a day of its own.

    Raises ``CannotStart``, or ``OSError`` where that exchange does not answer.
    """
    session = _session_for(wanted)
    simulated = simulated_clock(session.rest_root, wanted.speed) if session.is_elsewhere else None
    if simulated is not None:
        wanted.say(f"This is the simulated exchange at {session.rest_root}: no order goes to Kite.")
    elif session.is_elsewhere:
        wanted.say(f"Orders go to {session.rest_root}, which is not Kite's own address.")
    if simulated is None and wanted.speed != 1.0:
        raise CannotStart(f"--speed {wanted.speed:g}: {session.rest_root} is no simulated exchange")
    clock = simulated or SystemClock()
    if not session.is_alive(clock.now_ns()):
        raise CannotStart("the Kite session ended at 06:00 IST: log in first with: hedgerow login kite")
    return session, clock


def _session_for(wanted: Wanted) -> KiteSession:
    """The stored session, or that of the exchange whose address was given. Raises ``CannotStart``."""
    if wanted.rest is not None and wanted.stream is not None:
        key, token = os.environ.get(KEY_VARIABLE, ""), os.environ.get(TOKEN_VARIABLE, "")
        if not key or not token:
            raise CannotStart(
                f"for another exchange put its api_key into {KEY_VARIABLE} and its access_token into "
                f"{TOKEN_VARIABLE}: both are in the line it printed"
            )
        return KiteSession(key, token, "wire", NEVER_NS, wanted.rest, wanted.stream)
    try:
        session = kite_sessions().load()
    except SessionUnreadable as error:
        raise CannotStart(str(error)) from None
    if session is None:
        raise CannotStart("there is no Kite session: log in first with: hedgerow login kite")
    return session


async def tradable_for(
    wanted: Wanted, session: KiteSession, clock: SystemClock, requests: tuple[GroupRequest, ...]
) -> Tradable:
    named = {request.group.underlying for request in requests if request.group.underlying}
    underlyings = tuple(sorted({*wanted.underlyings, *named})) or ("NIFTY",)
    kite = KiteBroker(session, clock, random.random)
    try:
        return await read_tradable(
            kite.rest.instruments,
            clock.now_ns(),
            underlyings,
            dump=wanted.instruments,
            freeze=wanted.freeze,
            keep=None if session.is_elsewhere else data_folder() / "instruments.csv",
        )
    finally:
        await kite.aclose()
