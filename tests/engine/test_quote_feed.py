from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta

from core.brokers.port import BookUnavailable
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, InstrumentKind, Right
from core.domain.quotes import MarketView, Quote
from core.domain.timing import NS_PER_MS, NS_PER_S, from_ist
from core.engine.chain_watch import KEPT_FOR_LEGS, STRIKES_EACH_SIDE, ChainWatch
from core.engine.quote_feed import GATHER_NS, RANGE_EVERY_NS, QuoteFeed
from core.engine.view_keeper import ViewKeeper
from core.rehearsal.market_time import MarketTime
from core.rehearsal.sim_loop import run_virtual

DAY, EXPIRY = date(2026, 8, 17), date(2026, 8, 25)
OPEN_NS = from_ist(DAY, time(10, 0))
STALE_NS = 3 * NS_PER_S


def option(strike: int, right: Right) -> Contract:
    name = f"N{strike}{right.value}"
    token = strike * 4 + (2 if right is Right.CE else 3)
    kind = InstrumentKind.OPTION
    return Contract(name, "NFO", "NIFTY", kind, EXPIRY, strike * 100, right, 65, 5, 1_800, token)


CALL, PUT = option(24_400, Right.CE), option(24_400, Right.PE)
CONTRACTS = {contract.symbol: contract for contract in (CALL, PUT)}


@dataclass
class Rig:
    clock: MarketTime
    answers: dict[str, Quote] = field(default_factory=dict)
    asked: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    views: list[tuple[MarketView, frozenset[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        keeper = ViewKeeper(CONTRACTS, SessionCalendar(), STALE_NS)
        self.feed = QuoteFeed(self.clock, keeper, SessionCalendar(), self.ask, BookUnavailable)
        self.feed.listen(lambda view, symbols: self.views.append((view, symbols)))
        self.feed.needed = lambda: [CALL.symbol]

    async def ask(self, keys: Sequence[str]) -> dict[str, Quote]:
        self.asked.append((self.clock.now_ns(), tuple(keys)))
        if not self.answers:
            raise BookUnavailable("down")
        return self.answers

    def quote(self, contract: Contract = CALL, mid: int = 100_00) -> Quote:
        return Quote(contract.symbol, self.clock.now_ns(), mid - 5, 65, mid + 5, 65, mid)

    def ranged(self, upper: int) -> Quote:
        return replace(self.quote(CALL), lower_paise=5, upper_paise=upper)

    async def tick_until(self, end_ns: int) -> None:
        """Keep the call fresh by ticks, which carry no price range."""
        while self.clock.now_ns() < end_ns:
            self.feed.take(self.quote(CALL))
            await self.clock.sleep_until(self.clock.now_ns() + NS_PER_S // 4)


def tell(story: Callable[[Rig], Awaitable[None]], start_ns: int = OPEN_NS) -> None:
    clock = MarketTime(start_ns)

    async def play() -> None:
        await story(Rig(clock))

    run_virtual(play, clock)


def test_ticks_that_come_together_are_one_change_and_the_first_is_not_held_back() -> None:
    async def story(rig: Rig) -> None:
        rig.feed.take(rig.quote(CALL))
        rig.feed.take(rig.quote(PUT))
        await rig.clock.sleep_until(OPEN_NS + 1)
        assert [symbols for _, symbols in rig.views] == [frozenset(CONTRACTS)]
        rig.feed.take(rig.quote(CALL, 101_00))
        await rig.clock.sleep_until(OPEN_NS + 1 + NS_PER_MS)
        assert len(rig.views) == 1
        await rig.clock.sleep_until(OPEN_NS + 1 + GATHER_NS)
        assert rig.views[-1][0].quotes[CALL.symbol].last_paise == 101_00

    tell(story)


def test_a_needed_quote_is_asked_for_before_it_is_stale() -> None:
    async def story(rig: Rig) -> None:
        rig.feed.take(rig.ranged(900_00))
        rig.clock.call_at(OPEN_NS + 2 * NS_PER_S, lambda: rig.answers.update({"NFO:x": rig.quote(CALL)}))
        running = _start(rig)
        await rig.clock.sleep_until(OPEN_NS + 4 * NS_PER_S)
        running.cancel()
        first_ns, keys = rig.asked[0]
        assert OPEN_NS + 2 * NS_PER_S < first_ns <= OPEN_NS + STALE_NS
        assert keys == (f"NFO:{CALL.symbol}",)
        assert rig.feed.view.fresh(CALL.symbol, rig.clock.now_ns()) is not None

    tell(story)


def test_without_an_answer_the_quote_grows_stale_and_is_asked_for_again() -> None:
    async def story(rig: Rig) -> None:
        rig.feed.take(rig.quote(CALL))
        running = _start(rig)
        await rig.clock.sleep_until(OPEN_NS + 10 * NS_PER_S)
        running.cancel()
        assert len(rig.asked) >= 7
        assert rig.feed.unanswered == len(rig.asked)
        assert rig.feed.view.fresh(CALL.symbol, rig.clock.now_ns()) is None

    tell(story)


def test_nobody_asks_while_the_exchange_is_closed_and_the_opening_is_told() -> None:
    before_ns = from_ist(DAY, time(9, 14))

    async def story(rig: Rig) -> None:
        running = _start(rig)
        await rig.clock.sleep_until(from_ist(DAY, time(9, 15)))
        assert rig.asked == []
        await rig.clock.sleep_until(from_ist(DAY, time(9, 15)) + 2 * NS_PER_S)
        running.cancel()
        assert rig.asked
        assert rig.views[0][1] == frozenset()
        assert rig.views[0][0].is_open(rig.clock.now_ns())

    tell(story, before_ns)


def test_the_close_is_told_so_that_the_next_session_is_known() -> None:
    async def story(rig: Rig) -> None:
        running = _start(rig)
        closes_ns = from_ist(DAY, time(15, 40))
        await rig.clock.sleep_until(closes_ns + 1)
        running.cancel()
        assert not rig.feed.view.is_open(closes_ns)
        assert rig.feed.view.opens_ns == from_ist(date(2026, 8, 18), time(9, 15))

    tell(story, from_ist(DAY, time(15, 39)))


def test_a_price_range_that_was_asked_for_stays_with_later_ticks() -> None:
    async def story(rig: Rig) -> None:
        asked = rig.quote(CALL)
        rig.feed.take(Quote(asked.symbol, asked.at_ns, 95_00, 65, 105_00, 65, 100_00, 5, 900_00))
        rig.feed.take(rig.quote(CALL, 102_00))
        await rig.clock.sleep_until(OPEN_NS + GATHER_NS)
        quote = rig.feed.view.quotes[CALL.symbol]
        assert (quote.last_paise, quote.lower_paise, quote.upper_paise) == (102_00, 5, 900_00)

    tell(story)


def test_a_price_range_is_asked_for_though_ticks_are_fresh_and_again_after_a_while() -> None:
    async def story(rig: Rig) -> None:
        rig.answers["NFO:x"] = rig.ranged(900_00)
        running = _start(rig)
        await rig.tick_until(OPEN_NS + NS_PER_S)
        assert rig.feed.view.quotes[CALL.symbol].upper_paise == 900_00
        rig.answers["NFO:x"] = rig.ranged(950_00)
        await rig.tick_until(OPEN_NS + RANGE_EVERY_NS + 2 * NS_PER_S)
        running.cancel()
        assert rig.feed.view.quotes[CALL.symbol].upper_paise == 950_00
        assert len(rig.asked) == 2

    tell(story)


def test_after_a_refusal_the_price_range_is_asked_for_at_the_next_look() -> None:
    async def story(rig: Rig) -> None:
        rig.answers["NFO:x"] = rig.ranged(900_00)
        running = _start(rig)
        await rig.tick_until(OPEN_NS + 5 * NS_PER_S)
        rig.answers["NFO:x"] = rig.ranged(120_00)
        rig.feed.doubt_range(CALL.symbol)
        await rig.tick_until(OPEN_NS + 6 * NS_PER_S)
        running.cancel()
        assert rig.feed.view.quotes[CALL.symbol].upper_paise == 120_00

    tell(story)


def test_a_chain_is_asked_for_its_price_ranges_once_even_where_some_have_no_answer() -> None:
    async def story(rig: Rig) -> None:
        rig.feed.needed = lambda: ()
        rig.feed.follow_chain([CALL, PUT])
        rig.answers["NFO:x"] = rig.ranged(900_00)
        running = _start(rig)
        await rig.clock.sleep_until(OPEN_NS + 60 * NS_PER_S)
        running.cancel()
        assert [keys for _, keys in rig.asked] == [(f"NFO:{CALL.symbol}", f"NFO:{PUT.symbol}")]

    tell(story)


def test_yesterdays_price_ranges_are_forgotten_when_the_session_turns() -> None:
    async def story(rig: Rig) -> None:
        rig.feed.take(rig.ranged(900_00))
        running = _start(rig)
        await rig.clock.sleep_until(from_ist(DAY, time(15, 40)) + 1)
        running.cancel()
        rig.feed.take(rig.quote(CALL))
        await rig.clock.sleep_until(rig.clock.now_ns() + GATHER_NS)
        assert rig.feed.view.quotes[CALL.symbol].upper_paise is None

    tell(story, from_ist(DAY, time(15, 39)))


def test_an_answer_that_is_older_than_the_last_tick_is_left_aside() -> None:
    async def story(rig: Rig) -> None:
        rig.answers["NFO:x"] = rig.quote(CALL, 90_00)
        await rig.clock.sleep_until(OPEN_NS + NS_PER_S)
        rig.feed.take(rig.quote(CALL, 100_00))
        await rig.clock.sleep_until(OPEN_NS + NS_PER_S + GATHER_NS)
        await rig.feed.ask([f"NFO:{CALL.symbol}"])
        await rig.clock.sleep_until(rig.clock.now_ns() + GATHER_NS)
        assert rig.feed.view.quotes[CALL.symbol].last_paise == 100_00

    tell(story)


def test_forwards_come_from_fresh_quotes_of_the_chain_alone() -> None:
    async def story(rig: Rig) -> None:
        rig.feed.follow_chain([CALL, PUT])
        rig.feed.take(rig.quote(CALL, 150_00))
        rig.feed.take(rig.quote(PUT, 100_00))
        await rig.clock.sleep_until(OPEN_NS + 1)
        mark = rig.feed.view.forwards["NIFTY", EXPIRY]
        assert mark.paise == CALL.strike_paise + 50_00
        await rig.clock.sleep_until(OPEN_NS + 10 * NS_PER_S)
        told: list[object] = []
        rig.feed.listen_first(lambda quotes, forwards: told.append(dict(forwards)))
        rig.feed.take(rig.quote(CALL, 400_00))
        await rig.clock.sleep_until(rig.clock.now_ns() + GATHER_NS)
        assert told == [{}], "the put is stale: its parity says nothing"

    tell(story)


def test_the_strikes_around_the_money_are_followed_as_it_moves() -> None:
    chain = [option(strike, right) for strike in range(20_000, 29_000, 50) for right in (Right.CE, Right.PE)]
    listened: dict[int, str] = {}
    followed: list[str] = []
    watch = ChainWatch(
        {contract.symbol: contract for contract in chain},
        ["NIFTY"],
        lambda tokens: listened.update(tokens),
        lambda contracts: followed.extend(contract.symbol for contract in contracts),
    )
    watch.centre("NIFTY", 24_410_00, DAY)
    assert len(listened) == 4 * STRIKES_EACH_SIDE
    assert "N24400CE" in listened.values()
    assert len(followed) == len(listened)
    watch.centre("NIFTY", 24_500_00, DAY)
    assert len(listened) == 4 * STRIKES_EACH_SIDE, "a small move changes nothing"
    watch.centre("NIFTY", 25_400_00, DAY)
    assert "N26150CE" in listened.values()
    assert "N23650PE" in listened.values(), "nothing that was listened to is let go"


def _start(rig: Rig) -> asyncio.Task[None]:
    return asyncio.create_task(rig.feed.run())


def test_the_money_is_listened_to_in_the_far_expiry_of_whatever_is_held() -> None:
    """A forward needs call and put at one strike: the four legs of a condor alone do not give one."""
    near = [DAY + timedelta(weeks=week) for week in range(1, 6)]
    far = date(2026, 12, 29)
    chain = [
        replace(option(strike, right), symbol=f"N{expiry:%m%d}{strike}{right.value}", expiry=expiry, token=n)
        for n, (expiry, strike, right) in enumerate(
            itertools.product([*near, far], range(24_000, 25_000, 100), Right), start=1
        )
    ]
    listened: dict[int, str] = {}
    followed: list[Contract] = []
    contracts = {contract.symbol: contract for contract in chain}
    watch = ChainWatch(contracts, ["NIFTY"], listened.update, followed.extend)
    watch.centre("NIFTY", 24_500_00, DAY)
    assert {contract.expiry for contract in followed} == set(near[:4])
    watch.also([contracts["N122924000PE"]])
    watch.centre("NIFTY", 24_500_00, DAY)
    assert {contract.expiry for contract in followed} == {*near[:4], far}


def test_what_a_connection_cannot_carry_is_left_out_and_legs_still_have_their_place() -> None:
    """A subscription beyond the limit is refused whole, and would end the session."""
    chain = [
        replace(option(strike, right), symbol=f"{name}{strike}{right.value}", underlying=name, token=n)
        for n, (name, strike, right) in enumerate(
            itertools.product("ABCDEF", range(22_000, 26_200, 100), Right), start=1
        )
    ]
    asked: set[int] = set()
    contracts = {contract.symbol: contract for contract in chain}
    most = KEPT_FOR_LEGS + 100
    watch = ChainWatch(contracts, "ABCDEF", asked.update, lambda contracts: None, most)
    for name in "ABCDEF":
        watch.centre(name, 24_500_00, DAY)
    assert len(asked) == 100
    watch.also([contracts["F23000CE"]])
    assert contracts["F23000CE"].token in asked
    watch.also(chain)
    assert len(asked) == most
