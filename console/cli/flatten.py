"""``hedgerow flatten``: get an account flat straight from the broker's books, with or without a core."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from console.cli.failing import refuse
from console.cli.places import account_lock
from console.cli.wanted import CannotStart, Wanted, session_and_clock, tradable_for
from core.brokers.kite.broker import KiteBroker
from core.brokers.kite.session import KiteSession
from core.brokers.port import BookUnavailable
from core.domain.evolve import fold
from core.domain.facts import KillSwitchTripped, OperatorActed
from core.domain.instruments import PositionKey
from core.domain.lifecycle import ENDS
from core.domain.tags import NONCE_LENGTH, TAG_LENGTH, base36
from core.engine.flatten import FlattenResult, Held, flatten, look
from core.engine.kite_feed import feed_from
from core.engine.latch import FlattenLatch
from core.engine.system_clock import SystemClock
from core.journal.errors import AccountLocked, JournalError
from core.journal.lock import AccountLock
from core.journal.opening import read_journal
from core.market.errors import MarketDataError
from core.market.sessions import load_calendar

CORE_ANSWERS_WITHIN_S = 2.0
NOT_FLAT = 1


def register(app: typer.Typer) -> None:
    """Add ``flatten`` to the program."""
    app.command("flatten")(flatten_account)


def flatten_account(
    journal: Annotated[
        Path | None, typer.Option("--journal", help="The core's journal; it need not be readable.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what the trader holds by himself, not only what we opened.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it begins.")] = False,
    instruments: Annotated[
        Path | None, typer.Option("--instruments", help="Kite's instrument dump; downloaded without it.")
    ] = None,
    freeze: Annotated[
        Path | None, typer.Option("--freeze", help="NSE's freeze quantities (qtyfreeze.csv).")
    ] = None,
    rest: Annotated[str | None, typer.Option("--rest", help="Another REST address: an exchange's.")] = None,
    stream: Annotated[str | None, typer.Option("--stream", help="Its stream address.")] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=0.01, max=100, help="Market seconds a wall second there.")
    ] = 1.0,
) -> None:
    """Cancel what works and close what is held, shorts first; FLAT is said only when the broker says it.

    A running core is asked to do it. Without one it is done here, with no journal at all, and a latch is left
    that the next core reads before it sends anything. Exit status: 0 flat, 1 not flat, 2 it could not begin.
    """
    wanted = Wanted(
        paper=False,
        groups=(),
        underlyings=(),
        journal=journal,
        instruments=instruments,
        freeze=freeze,
        sessions=None,
        funds_rupees=1,
        allow_naked=True,
        console=False,
        observe=False,
        rest=rest,
        stream=stream,
        speed=speed,
        say=lambda text: typer.echo(text, err=True),
        tell=typer.echo,
    )
    try:
        session, clock = session_and_clock(wanted)
        lock = AccountLock(account_lock(session, paper=False))
        try:
            lock.acquire()
        except AccountLocked as held:
            if _core_does_it(wanted.path, held.pid, yes=yes):
                return
            lock.acquire()
        try:
            done = asyncio.run(_Flatten(wanted, session, clock, everything, yes).run())
        finally:
            lock.release()
    except (CannotStart, JournalError, MarketDataError, BookUnavailable, OSError) as error:
        refuse(error)
    raise typer.Exit(0 if done else NOT_FLAT)


def _core_does_it(journal: Path, pid: int | None, *, yes: bool) -> bool:
    """Hand over to the running core and follow it. ``False`` once it has been ended because it was silent."""
    if pid is None:
        raise CannotStart("another program holds this account and does not say which; end it first")
    before = _last_seq(journal)
    typer.echo(f"a core is running (process {pid}): asking it to trip the kill switch and flatten")
    os.kill(pid, signal.SIGUSR1)
    deadline_s = time.monotonic() + CORE_ANSWERS_WITHIN_S
    while time.monotonic() < deadline_s:
        time.sleep(0.1)
        if _has_begun(journal, before):
            return _followed(journal)
    typer.echo(f"the core has not answered for {CORE_ANSWERS_WITHIN_S:.0f} s", err=True)
    if not yes and not typer.confirm(f"End process {pid} and flatten from here?"):
        raise CannotStart("nothing was done: the core still holds the account")
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
    return False


def _last_seq(journal: Path) -> int:
    try:
        return max((row.seq for row in read_journal(journal)), default=0)
    except JournalError:
        return 0


def _has_begun(journal: Path, after: int) -> bool:
    try:
        return any(
            isinstance(row.fact, KillSwitchTripped | OperatorActed)
            for row in read_journal(journal)
            if row.seq > after
        )
    except JournalError:
        return False


def _followed(journal: Path) -> bool:
    """Show the core's progress until every group has ended."""
    typer.echo("the core has taken it over; its groups:")
    told = ""
    while True:
        groups = fold(read_journal(journal)).groups
        line = ", ".join(f"{name} {group.state.value}" for name, group in groups.items()) or "none"
        if line != told:
            typer.echo(f"  {line}")
            told = line
        if all(group.state in ENDS for group in groups.values()):
            typer.echo("every group has ended: the broker confirmed each of them flat")
            return True
        time.sleep(0.5)


@dataclass(slots=True)
class _Flatten:
    """One flatten without a core."""

    wanted: Wanted
    session: KiteSession
    clock: SystemClock
    everything: bool
    yes: bool

    async def run(self) -> bool:
        """Look, ask, leave the latch, flatten, look again. Returns whether the broker says flat."""
        timeout_s = max(2.0, 7.0 / self.clock.speed)
        kite = KiteBroker(self.session, self.clock, random.random, timeout_s=timeout_s)
        try:
            held = await look(kite.rest)
            ours = await self._ours(kite)
            chosen = held if self.everything else _only(held, ours)
            self._show(held, chosen)
            if chosen.is_flat:
                typer.echo("FLAT: there is nothing to close")
                return True
            if not self.yes and not typer.confirm("Cancel and close these?"):
                raise CannotStart("nothing was done")
            latch = FlattenLatch(self.wanted.path)
            latch.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            latch.set("the account was flattened from outside; reset the kill switch to trade again")
            result = await self._close(kite, None if self.everything else ours)
        finally:
            await kite.aclose()
        return _told(result)

    async def _ours(self, kite: KiteBroker) -> set[PositionKey]:
        """What we opened: by the tags of today's orders, and by the journal where it can be read."""
        ours = {
            PositionKey(order.exchange, order.symbol, order.product)
            for order in await kite.rest.orders()
            if any(len(tag) == TAG_LENGTH and tag.isalnum() and tag.isupper() for tag in order.tags)
        }
        try:
            account = fold(read_journal(self.wanted.path))
        except JournalError:
            return ours
        for group in account.groups.values():
            for leg in group.legs:
                if leg.net_units:
                    contract = leg.plan.contract
                    ours.add(PositionKey(contract.exchange, contract.symbol, group.plan.product))
        return ours

    def _show(self, held: Held, chosen: Held) -> None:
        for position in held.positions:
            mark = "close" if position in chosen.positions else "leave (the trader's own)"
            typer.echo(f"  {position.units:+7,} {position.key}  {mark}")
        for order in held.working:
            mark = "cancel" if order in chosen.working else "leave (the trader's own)"
            typer.echo(f"  {order.side.value} {order.units:,} {order.symbol} working  {mark}")

    async def _close(self, kite: KiteBroker, only: set[PositionKey] | None) -> FlattenResult:
        tradable = await tradable_for(self.wanted, self.session, self.clock, ())
        feed = feed_from(kite, self.clock, tradable.contracts, load_calendar(), tradable.underlyings)
        held = await look(kite.rest)
        feed.quotes.needed = lambda: [position.key.symbol for position in held.positions]
        streams = [asyncio.create_task(kite.stream.run()), asyncio.create_task(feed.quotes.run())]
        try:
            return await flatten(
                self.clock,
                kite.rest,
                kite.rest,
                tradable.contracts,
                lambda: feed.quotes.view,
                base36(secrets.randbelow(36**NONCE_LENGTH), NONCE_LENGTH),
                only=only,
            )
        finally:
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*streams, return_exceptions=True)


def _only(held: Held, ours: set[PositionKey]) -> Held:
    return Held(
        tuple(position for position in held.positions if position.key in ours),
        tuple(
            order
            for order in held.working
            if PositionKey(order.exchange, order.symbol, order.product) in ours
        ),
    )


def _told(result: FlattenResult) -> bool:
    for problem in result.problems:
        typer.echo(f"  {problem}", err=True)
    if result.flat:
        typer.echo("FLAT: the broker shows no position and no working order of these")
        return True
    for position in result.left.positions:
        typer.echo(f"  still held: {position.units:+,} {position.key}", err=True)
    for order in result.left.working:
        typer.echo(f"  still working: {order.side.value} {order.units:,} {order.symbol}", err=True)
    typer.echo("NOT FLAT: see above, and close the rest at the broker", err=True)
    return False
