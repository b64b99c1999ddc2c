"""``hedgerow flatten``: get an account flat straight from the broker's books, with or without a core."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from console.cli.carried import journal_account
from console.cli.failing import refuse
from console.cli.flatten_handover import HandOver, agreed, hand_over
from console.cli.flatten_signal import keeping_early_signal
from console.cli.places import account_lock, kept_dump
from console.cli.tradable import Tradable, read_tradable
from console.cli.wanted import CannotStart, Market, Wanted, market_for
from core.brokers.kite.broker import KiteBroker
from core.brokers.port import BookUnavailable
from core.domain.instruments import PositionKey
from core.domain.tags import NONCE_LENGTH, base36
from core.engine.flatten import EVERYTHING, FlattenResult, flatten
from core.engine.flatten_scope import Held, Scope, agreed_books, look, our_scope
from core.engine.kite_feed import feed_from
from core.engine.latch import FlattenLatch
from core.journal.errors import JournalError, JournalUnusable
from core.journal.lock import AccountLock
from core.market.errors import MarketDataError
from core.market.sessions import load_calendar

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
        float | None,
        typer.Option("--speed", min=0.01, max=100, help="Market seconds a wall second; its own without it."),
    ] = None,
) -> None:
    """Cancel what works and close what is held, shorts first; FLAT is said only when the broker says it.

    A running core is asked to do it, and taken over from where it does not. Without one it is done here, with
    no journal at all, and a latch is left that the account's next core reads before it sends anything. The
    broker's books are looked at last. Exit status: 0 flat, 1 not flat, 2 it could not begin.
    """
    wanted = Wanted(
        paper=False,
        say=lambda text: typer.echo(text, err=True),
        tell=typer.echo,
        journal=journal,
        instruments=instruments,
        freeze=freeze,
        rest=rest,
        stream=stream,
        speed=speed,
    )
    try:
        market = market_for(wanted)
        with keeping_early_signal():
            done = _flatten(wanted, market, everything=everything, yes=yes)
    except (CannotStart, JournalError, MarketDataError, BookUnavailable, OSError) as error:
        refuse(error)
    raise typer.Exit(0 if done else NOT_FLAT)


def _flatten(wanted: Wanted, market: Market, *, everything: bool, yes: bool) -> bool:
    """Have it flat, whoever does it. Returns whether the broker's books say so, in the scope asked for."""
    account = account_lock(market.session, paper=False)
    lock = AccountLock(account)
    kept = wanted.path
    try:
        try:
            ended, journal = hand_over(lock, yes=yes)
            kept = journal or kept
        except JournalUnusable as error:
            typer.echo(f"{error} So nobody can tell whether a core trades this account.", err=True)
            if not yes and not agreed("Is no core running, and shall it be flattened from here?"):
                raise CannotStart("nothing was done; close at the broker, or see to the lock") from None
            ended = HandOver.OURS
        work = _Flatten(market, wanted, FlattenLatch(account), kept, everything, yes)
        return asyncio.run(work.report() if ended is HandOver.LEFT else work.run())
    finally:
        lock.release()


@dataclass(slots=True)
class _Flatten:
    """One flatten from the broker's books, with no core, or after one."""

    market: Market
    wanted: Wanted
    latch: FlattenLatch
    journal: Path
    everything: bool
    yes: bool

    async def run(self) -> bool:
        """Look, ask, leave the latch, flatten, look again. Returns whether the broker says flat."""
        kite = self.market.broker()
        try:
            held, scope = await self._judged(kite)
            chosen = scope.of(held)
            _show(held, chosen, scope)
            if chosen.is_flat:
                return _said(chosen, "FLAT", self._whose)
            if not self.yes and not agreed("Cancel and close these?"):
                typer.echo(
                    "NOT FLAT: nothing was sent from here, and what is listed above stays open", err=True
                )
                return False
            self._leave_latch()
            result = await self._close(kite, scope)
        finally:
            await kite.aclose()
        for problem in result.problems:
            typer.echo(f"  {problem}", err=True)
        return _said(result.left, "FLAT", self._whose)

    async def report(self) -> bool:
        """Only say what the broker shows, where another process keeps the account. Returns whether flat."""
        kite = self.market.broker()
        try:
            held, scope = await self._judged(kite)
        finally:
            await kite.aclose()
        return _said(scope.of(held), "FLAT all the same", self._whose)

    async def _judged(self, kite: KiteBroker) -> tuple[Held, Scope]:
        books = await agreed_books(self.market.clock, kite.rest)
        return books.held, EVERYTHING if self.everything else our_scope(books, self._journal_net())

    @property
    def _whose(self) -> str:
        return "" if self.everything else " of ours"

    def _leave_latch(self) -> None:
        """A latch that cannot be left is no reason to leave positions open."""
        try:
            self.latch.set("the account was flattened from outside; reset the kill switch to trade again")
        except OSError as error:
            typer.echo(
                f"no latch could be left ({error.strerror}): going on all the same. A core that is started "
                "next does not know of this flatten, so look before you start one",
                err=True,
            )

    def _journal_net(self) -> dict[PositionKey, int]:
        """What the groups of the journal hold, where it can be read: nothing is lost where it cannot."""
        account = journal_account(self.journal)
        return {key: units for key in account.held_keys if (units := account.net_units(key))}

    async def _close(self, kite: KiteBroker, scope: Scope) -> FlattenResult:
        held = await look(kite.rest)
        symbols = [position.key.symbol for position in held.positions]
        tradable = await self._tradable(kite, [*symbols, *(order.symbol for order in held.working)])
        feed = feed_from(kite, self.market.clock, tradable.contracts, load_calendar(), tradable.underlyings)
        feed.quotes.needed = lambda: symbols
        streams = [asyncio.create_task(kite.stream.run()), asyncio.create_task(feed.quotes.run())]
        try:
            return await flatten(
                self.market.clock,
                kite.rest,
                kite.rest,
                tradable.contracts,
                lambda: feed.quotes.view,
                base36(secrets.randbelow(36**NONCE_LENGTH), NONCE_LENGTH),
                scope=scope,
            )
        finally:
            for stream in streams:
                stream.cancel()
            await asyncio.gather(*streams, return_exceptions=True)

    async def _tradable(self, kite: KiteBroker, symbols: list[str]) -> Tradable:
        """The contracts of these symbols; none, said in words, where the dump does not give them."""
        try:
            return await read_tradable(
                kite.rest.instruments,
                self.market.clock.now_ns(),
                symbols=symbols,
                dump=self.wanted.instruments,
                freeze=self.wanted.freeze,
                keep=kept_dump(self.market.session),
            )
        except (MarketDataError, BookUnavailable, OSError) as error:
            typer.echo(
                f"no contract can be read ({error}): working orders are cancelled, but no position can be "
                "closed from here. Give --instruments, or close at the broker",
                err=True,
            )
            return Tradable({}, ())


def _show(held: Held, chosen: Held, scope: Scope) -> None:
    """The plan, a row for every position and order of the account."""
    going = {position.key: position.units for position in chosen.positions}
    for position in held.positions:
        units = going.get(position.key, 0)
        mark = "close" if units else "leave (the trader's own)"
        if units and units != position.units:
            mark = f"close {units:+,} of it; {position.units - units:+,} are the trader's own and stay"
        if position.key in scope.mixed:
            mark = f"MIXED, close whole: {scope.mixed[position.key]}"
        typer.echo(f"  {position.units:+7,} {position.key}  {mark}")
    for order in held.working:
        mark = "cancel" if order in chosen.working else "leave (the trader's own)"
        typer.echo(f"  {order.side.value} {order.units:,} {order.symbol} working  {mark}")
    if scope.mixed:
        typer.echo(
            "MIXED: the broker's books cannot tell which of these units are ours, so they go whole, and with "
            "them any that the trader holds there himself. If he does, say no, and close ours at the broker"
        )


def _said(left: Held, flat: str, whose: str) -> bool:
    """Say what the broker shows at the end, ``flat`` for nothing. Returns whether it is nothing."""
    if left.is_flat:
        typer.echo(f"{flat}: the broker shows no position and no working order{whose}")
        return True
    for position in left.positions:
        typer.echo(f"  still held: {position.units:+,} {position.key}", err=True)
    for order in left.working:
        typer.echo(f"  still working: {order.side.value} {order.units:,} {order.symbol}", err=True)
    typer.echo("NOT FLAT: see above, and close the rest at the broker", err=True)
    return False
