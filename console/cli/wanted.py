"""What a person wants to trade, and what it takes: a session that lives, its clock, and the contracts."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.cli.addresses import OWN, addresses_of, place_of
from console.cli.carried import held_symbols, journal_account, paper_symbols, unfinished_symbols
from console.cli.login import KEY_VARIABLE, login_command
from console.cli.places import data_folder, journal_name, kept_dump, kite_sessions
from console.cli.tradable import Tradable, read_tradable
from core.brokers.kite.broker import KiteBroker
from core.brokers.kite.session import KiteSession
from core.brokers.kite.session_store import SessionUnreadable
from core.brokers.kite.transport import TIMEOUT_S
from core.brokers.port import BookUnavailable
from core.engine.group_desk import GroupRequest
from core.engine.system_clock import SystemClock
from core.market.errors import MarketDataError
from core.rehearsal.wire.market_header import OtherSpeed, simulated_clock

TOKEN_VARIABLE = "HEDGEROW_KITE_ACCESS_TOKEN"
NEVER_NS = 1 << 62
LEAST_TIMEOUT_S = 2.0
USUAL = ("NIFTY",)
"""What is listened to where nobody asks for anything."""
FASTEST = 100
"""Market seconds a second that a live core is asked to keep up with."""


class CannotStart(Exception):
    """The session cannot begin; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked for on the command line. ``say`` is for people, ``tell`` prints what happens."""

    paper: bool
    say: Callable[[str], None]
    tell: Callable[[str], None]
    groups: tuple[Path, ...] = ()
    underlyings: tuple[str, ...] = ()
    journal: Path | None = None
    instruments: Path | None = None
    freeze: Path | None = None
    sessions: Path | None = None
    funds_rupees: int = 1
    allow_naked: bool = False
    console: bool = False
    observe: bool = False
    rest: str | None = None
    stream: str | None = None
    speed: float | None = None
    limits: Path | None = None

    @property
    def mode(self) -> str:
        """Whose money it is."""
        return "PAPER" if self.paper else "LIVE"

    @property
    def path(self) -> Path:
        """The journal's place."""
        return self.journal or data_folder() / journal_name(self.addresses, paper=self.paper)

    @property
    def addresses(self) -> tuple[str, str]:
        """The REST and the stream address. Raises ``CannotStart`` for what is none."""
        try:
            return addresses_of(self.rest, self.stream)
        except ValueError as error:
            raise CannotStart(str(error)) from None


@dataclass(frozen=True, slots=True)
class Market:
    """Where it trades: a session that lives, the time there, and the name of the place for people."""

    session: KiteSession
    clock: SystemClock
    where: str
    is_simulated: bool

    def broker(self) -> KiteBroker:
        """A connection to it, which waits for answers less long where time runs faster."""
        timeout_s = max(LEAST_TIMEOUT_S, TIMEOUT_S / self.clock.speed)
        return KiteBroker(self.session, self.clock, random.random, timeout_s=timeout_s)


def market_for(wanted: Wanted) -> Market:
    """A session that lives and the time where it does: a simulated exchange has a day and a speed of its own.

    Raises ``CannotStart``, or ``OSError`` where that exchange does not answer.
    """
    session = _session_for(wanted)
    place = place_of(session.rest_root)
    try:
        simulated = simulated_clock(session.rest_root, wanted.speed) if session.is_elsewhere else None
    except OtherSpeed as error:
        raise CannotStart(f"{error}: give --speed {error.runs:g}, which live takes by itself") from None
    if simulated is not None:
        where = f"simulated exchange {place}"
        if simulated.speed > FASTEST:
            raise CannotStart(
                f"the {where} moves {simulated.speed:g} market seconds a second; {FASTEST} is the most"
            )
        wanted.say(f"This is the simulated exchange at {session.rest_root}: no order goes to Kite.")
    elif session.is_elsewhere:
        where = f"not Kite: {place}"
        wanted.say(f"Orders go to {session.rest_root}, which is not Kite's own address.")
    else:
        where = "Kite"
    if simulated is None and wanted.speed not in (None, 1.0):
        raise CannotStart(
            f"--speed {wanted.speed:g}: {session.rest_root} is no simulated exchange; "
            "a real market moves at its own"
        )
    clock = simulated or SystemClock()
    if not session.is_alive(clock.now_ns()):
        raise CannotStart(
            f"the session ended at 06:00 IST: log in first with: {login_command(*wanted.addresses)}"
        )
    return Market(session, clock, where, simulated is not None)


def _session_for(wanted: Wanted) -> KiteSession:
    """The stored session of the addresses asked for, Kite's own without any. Raises ``CannotStart``.

    For another exchange its key and token may be in the environment instead.
    """
    addresses = wanted.addresses
    try:
        session = kite_sessions(elsewhere=addresses != OWN).load()
    except SessionUnreadable as error:
        raise CannotStart(str(error)) from None
    if session is not None and session.addresses == addresses:
        return session
    if addresses == OWN:
        raise CannotStart("there is no Kite session: log in first with: hedgerow login kite")
    key, token = os.environ.get(KEY_VARIABLE, ""), os.environ.get(TOKEN_VARIABLE, "")
    if not key or not token:
        raise CannotStart(
            f"there is no session of {addresses[0]}: log in with {login_command(*addresses)}"
            f", or put its api_key into {KEY_VARIABLE} and its access_token into {TOKEN_VARIABLE}: "
            "both are in the line it printed"
        )
    return KiteSession(key, token, "wire", NEVER_NS, *addresses)


async def tradable_for(
    wanted: Wanted, session: KiteSession, clock: SystemClock, requests: tuple[GroupRequest, ...]
) -> Tradable:
    """The contracts of what is asked for, and of whatever is held already, asked for or not.

    Raises ``MarketDataError``, ``BookUnavailable``, ``ExchangeFileError`` or ``OSError``.
    """
    named = {request.group.underlying for request in requests if request.group.underlying}
    asked = tuple(sorted({*wanted.underlyings, *named}))
    carried = unfinished_symbols(journal_account(wanted.path))
    kite = KiteBroker(session, clock, random.random)
    try:
        held = paper_symbols(wanted.path) if wanted.paper else await _held(kite, wanted)
        tradable = await read_tradable(
            kite.rest.instruments,
            clock.now_ns(),
            asked if asked or carried else USUAL,
            symbols=(*carried, *held),
            if_listed=() if asked else USUAL,
            dump=wanted.instruments,
            freeze=wanted.freeze,
            keep=kept_dump(session),
        )
    finally:
        await kite.aclose()
    unlisted = [symbol for symbol in carried if symbol not in tradable.contracts]
    if unlisted:
        wanted.say(
            f"{', '.join(unlisted)}: a group that has not ended trades it, and today's instruments do not "
            "list it, so it has no quotes. It has expired, or the instrument dump is an old one."
        )
    if not tradable.underlyings:
        raise MarketDataError(f"no options on {', '.join(USUAL)} are listed today; give --underlying")
    return tradable


async def _held(kite: KiteBroker, wanted: Wanted) -> tuple[str, ...]:
    try:
        return await held_symbols(kite.rest)
    except BookUnavailable as error:
        wanted.say(
            f"What the account holds cannot be read ({error}): of the trader's own positions only those in "
            "the underlyings traded here count in the margin. Start again to count all."
        )
        return ()
