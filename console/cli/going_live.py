"""Putting a live session together: who we are, what can be traded, whose diary this is; then trading it."""

from __future__ import annotations

import asyncio
import getpass
import secrets
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.cli.carried import paper_books
from console.cli.flatten_signal import flattening_on_signal, keeping_early_signal
from console.cli.journal_tail import journal_tail
from console.cli.places import account_lock
from console.cli.tradable import Tradable
from console.cli.wanted import CannotStart, Market, Wanted, market_for, tradable_for
from core.brokers.kite.broker import KiteBroker
from core.brokers.paper.books import ExchangeFileError
from core.brokers.port import BookPort, BookUnavailable, OrderPort, StreamPort
from core.domain.account import Account
from core.domain.evolve import fold
from core.domain.facts import Recorded
from core.domain.settings import ExecutionSettings
from core.domain.timing import clock_text, to_ist
from core.engine.engine import ExecutionEngine
from core.engine.group_desk import GroupDesk, GroupRequest, read_request
from core.engine.kite_feed import STALE_AFTER_NS, KiteFeed, feed_from
from core.engine.latch import FlattenLatch
from core.engine.live import LiveCore, WrongAccount, begin
from core.engine.log_lines import log_line
from core.engine.loop_lag import LoopLag
from core.engine.paper_money import PaperMoney
from core.engine.publishing import Publisher
from core.engine.recovery import recover_execution_from_crash
from core.journal.aiosqlite_persistence import AiosqlitePersistence
from core.journal.errors import JournalError
from core.journal.lock import AccountLock
from core.journal.persistence import PersistenceLayer
from core.market.errors import MarketDataError
from core.market.limits_file import LimitsFileError, read_limits
from core.market.margin_parameters import built_in_parameters
from core.market.sessions import load_calendar
from core.risk.limits import RiskLimits
from core.risk.worst_case import WorstCaseMarginSimulator
from core.strategies.errors import StrategyError


@dataclass(frozen=True, slots=True)
class _Desk:
    """Who executes: the ports of real or of paper money."""

    orders: OrderPort
    books: BookPort
    stream: StreamPort
    start: Callable[[], None]


def go(wanted: Wanted) -> int:
    """Trade until a person, a signal or a defect ends it; the exit status. Raises ``CannotStart``."""
    try:
        requests = tuple(read_request(path) for path in wanted.groups)
        calendar_known = load_calendar(wanted.sessions)
        market = market_for(wanted)
        session, clock = market.session, market.clock
        wanted.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        today = to_ist(clock.now_ns()).date()
        if not calendar_known.covers(today):
            wanted.say(f"Holidays are not known for {today}: only weekends count as closed. Use --sessions.")
        account = AccountLock(account_lock(session, paper=wanted.paper), keeps=wanted.path)
        with keeping_early_signal(), AccountLock(wanted.path), account:
            return asyncio.run(_go(wanted, market, requests))
    except (
        StrategyError,
        MarketDataError,
        LimitsFileError,
        JournalError,
        WrongAccount,
        ExchangeFileError,
    ) as error:
        raise CannotStart(str(error)) from error
    except BookUnavailable as error:
        raise CannotStart(f"Kite does not give what is needed to begin: {error}") from error
    except OSError as error:
        raise CannotStart(str(error)) from error


async def _go(wanted: Wanted, market: Market, requests: tuple[GroupRequest, ...]) -> int:
    tradable = await tradable_for(wanted, market.session, market.clock, requests)
    return await _Session(wanted, market, tradable, requests).run()


class _Session:
    """One live session, from the opened journal to the closed one."""

    def __init__(
        self,
        wanted: Wanted,
        market: Market,
        tradable: Tradable,
        requests: tuple[GroupRequest, ...],
    ) -> None:
        self._wanted = wanted
        self._market = market
        self._session = market.session
        self._clock = market.clock
        self._tradable = tradable
        self._requests = requests
        self._calendar = load_calendar(wanted.sessions)
        self._shown = not wanted.console
        self._failure = ""
        self._limits, self._settings = RiskLimits(), ExecutionSettings(allow_naked=wanted.allow_naked)
        if wanted.limits is not None:
            self._limits, self._settings = read_limits(wanted.limits, self._settings)

    async def run(self) -> int:
        """Open, trade, close; the exit status."""
        async with AsyncExitStack() as closing:
            journal = await AiosqlitePersistence.open(self._wanted.path, sole_writer=True)
            closing.push_async_callback(journal.close)
            for warning in journal.warnings:
                self._wanted.say(warning)
            kite = self._market.broker()
            closing.push_async_callback(kite.aclose)
            feed = feed_from(
                kite, self._clock, self._tradable.contracts, self._calendar, self._tradable.underlyings
            )
            desk = self._desk(kite, feed, closing)
            rows, restart = await self._begin(journal, desk.books)
            core = self._core(journal, desk, feed, fold(rows), rows)
            await self._trade(core, kite, desk, restart=restart)
            if self._failure:
                self._wanted.say(
                    f"A defect ended the session: {self._failure}. Start the same command again."
                )
            self._wanted.say(_farewell(core.engine.account, self._wanted.path))
        return 1 if self._failure else 0

    def _desk(self, kite: KiteBroker, feed: KiteFeed, closing: AsyncExitStack) -> _Desk:
        if not self._wanted.paper:
            return _Desk(kite.rest, kite.rest, kite.stream, lambda: None)
        books = paper_books(self._wanted.path)
        closing.callback(books.close)
        money = PaperMoney(
            self._clock,
            self._tradable.contracts,
            self._calendar,
            books,
            funds_paise=self._wanted.funds_rupees * 100,
            stale_after_ns=STALE_AFTER_NS,
        )
        feed.quotes.listen_first(money.quoted)
        return _Desk(money.broker, money.broker, money.broker, money.start)

    async def _begin(self, journal: PersistenceLayer, books: BookPort) -> tuple[list[Recorded], bool]:
        if books.capabilities.unfit:
            raise CannotStart(
                f"groups cannot be traded over {books.capabilities.name}: {books.capabilities.unfit}"
            )
        recovered = recover_execution_from_crash(journal)
        rows = list(recovered.rows)
        settings = self._settings.for_broker(books.capabilities)
        place = "kite elsewhere" if self._session.is_elsewhere else "kite"
        market = place if self._wanted.paper else f"{place}:{self._session.user_id}"
        rows += await begin(
            journal,
            rows,
            recovered.account,
            settings,
            mode=self._wanted.mode,
            market=market,
            at_ns=max([self._clock.now_ns(), *(row.at_ns for row in rows[-1:])]),
            draw=secrets.randbelow,
        )
        return rows, recovered.is_restart

    def _core(
        self, journal: PersistenceLayer, desk: _Desk, feed: KiteFeed, account: Account, rows: list[Recorded]
    ) -> LiveCore:
        engine = ExecutionEngine(
            self._clock,
            journal,
            desk.orders,
            desk.books,
            account,
            feed.quotes.view,
            limits=self._limits,
            margin_simulator=WorstCaseMarginSimulator(
                built_in_parameters(),
                calendar=self._calendar,
                margin_use_max_bps=account.settings.margin_use_max_bps,
            ),
        )
        engine.metrics.count(rows, account)
        desk.stream.listen(engine.on_stream)
        publisher = Publisher(
            engine,
            mode=shown_mode(self._wanted, self._market),
            title=title_of(self._wanted, self._market),
            underlying=self._tradable.underlyings[0],
        )
        publisher.take_rows(tuple(rows[-500:]))
        if not self._wanted.console:
            engine.subscribe(self._print)
        return LiveCore(
            self._clock,
            engine,
            feed.quotes,
            feed.keeper,
            feed.chains,
            publisher,
            observe=self._wanted.observe,
            latch=FlattenLatch(account_lock(self._session, paper=self._wanted.paper)),
        )

    def _print(self, rows: tuple[Recorded, ...]) -> None:
        for row in rows:
            line = log_line(row)
            if line is not None:
                when = clock_text(row.at_ns, millis=True)
                self._wanted.tell(f"{when} {line.group_id:<6} {line.text}")

    async def _trade(self, core: LiveCore, kite: KiteBroker, desk: _Desk, *, restart: bool) -> None:
        lag = LoopLag(core.engine.metrics.loop_lag, lambda: self._shown)
        core.engine.loop_lag_ms = lag
        groups = GroupDesk(
            self._clock,
            self._calendar,
            lambda: core.engine.account,
            lambda: core.feed.view,
            core.submit,
            self._wanted.say if not self._wanted.console else lambda text: None,
        )
        beside: list[Coroutine[Any, Any, None]] = [kite.stream.run(), lag.run()]
        desk.start()
        running = asyncio.create_task(core.run(restart=restart, beside=beside), name="core")
        asking = asyncio.create_task(self._ask(groups), name="groups")
        try:
            with flattening_on_signal(core, core.engine.post):
                if self._wanted.console:
                    await self._under_console(core, running)
                else:
                    await _until_told(running)
        finally:
            for task in (asking, running):
                task.cancel()
            for failure in await asyncio.gather(asking, running, return_exceptions=True):
                if isinstance(failure, Exception):
                    self._failure = f"{type(failure).__name__}: {failure}"

    async def _ask(self, groups: GroupDesk) -> None:
        """Ask for the groups of the files; one that cannot even be planned for a defect of ours is said."""
        try:
            await groups.run(self._requests)
        except Exception as error:
            self._wanted.say(f"The group files are not asked for: {type(error).__name__}: {error}")
            raise

    async def _under_console(self, core: LiveCore, running: asyncio.Task[None]) -> None:
        """The screen over the core; without a terminal the core goes on alone."""
        from console.host import ConsoleEnd, run_console
        from console.options import ConsoleOptions

        end = await run_console(
            core,
            running,
            ConsoleOptions(
                by=getpass.getuser(),
                observe=self._wanted.observe,
                journal_tail=journal_tail(self._wanted.path),
            ),
            on_painted=self._painted,
            on_gone=self._gone,
        )
        if end in (ConsoleEnd.TERMINAL_LOST, ConsoleEnd.CRASHED):
            self._shown = True
            await _until_told(running)

    def _painted(self) -> None:
        self._shown = True

    def _gone(self) -> None:
        self._shown = False


def shown_mode(wanted: Wanted, market: Market) -> str:
    """What the console's badge says at every width: LIVE is for orders that leave for a broker."""
    return "SIMULATED" if market.is_simulated and not wanted.paper else wanted.mode


def title_of(wanted: Wanted, market: Market) -> str:
    """Where quotes come from and orders go."""
    return f"{market.where} quotes, paper money" if wanted.paper else market.where


async def _until_told(running: asyncio.Task[None]) -> None:
    """Wait until SIGTERM or SIGINT, or until the core ends of itself. A hang-up ends nothing."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _farewell(account: Account, journal: Path) -> str:
    """What a person who leaves should know."""
    open_groups = [group for group in account.groups.values() if not group.is_over]
    if not open_groups:
        return f"Ended; no group is open. The journal is {journal}."
    names = ", ".join(f"{group.group_id} ({group.state.value})" for group in open_groups)
    return (
        f"Ended with open groups: {names}. Nobody watches them now: stops that rest at the broker stay, all "
        f"others do not run. Go on with the same command; the journal is {journal}."
    )
