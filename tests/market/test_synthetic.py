"""The synthetic market: pure in its seed and the time, and obedient to its script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from statistics import mean

import pytest

from core.domain.instruments import InstrumentKind
from core.domain.quotes import Quote
from core.domain.timing import NS_PER_S, from_ist
from core.market.errors import MarketDataError
from core.market.scripted import (
    CircuitLock,
    FeedSilence,
    MarketEvent,
    NoLiquidity,
    PriceGap,
    SizeShock,
    SpreadShock,
    VolShock,
)
from core.market.synthetic import SyntheticMarket, SyntheticSpec
from core.risk.parity import implied_forward_paise

ATM = "NIFTY26AUG24500CE"
FAR = "NIFTY26AUG25200CE"
FRONT = date(2026, 8, 25)
TEN = from_ist(date(2026, 8, 17), time(10))


def market(*events: MarketEvent, **changes: object) -> SyntheticMarket:
    return SyntheticMarket(replace(SyntheticSpec(events=events), **changes))  # type: ignore[arg-type]


def at(seconds: float) -> int:
    return TEN + round(seconds * NS_PER_S)


def book(source: SyntheticMarket, seconds: float) -> Mapping[str, Quote]:
    return source.book_at(at(seconds))


def test_an_instant_has_the_same_quotes_however_one_came_there() -> None:
    walked = market()
    now: int | None = walked.start_ns
    stops: dict[int, Mapping[str, Quote]] = {}
    while now is not None and now <= at(40):
        stops[now] = dict(walked.quotes_at(now))
        now = walked.step_times(now)
    jumped = market()
    for when in sorted(stops, key=lambda ns: ns * 7919 % 104_729):
        assert jumped.quotes_at(when) == stops[when]


def test_watching_a_few_contracts_changes_none_of_their_quotes() -> None:
    everything, few = market(), market()
    few.restrict([ATM, FAR])
    for tick in range(60):
        when = at(tick / 4)
        seen = everything.quotes_at(when)
        assert few.quotes_at(when) == {name: seen[name] for name in (ATM, FAR) if name in seen}
    few.restrict(None)
    assert few.quotes_at(at(1)) == everything.quotes_at(at(1))


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    assert book(market(sessions=2), 30) == book(market(), 30)


def test_seeds_differ_and_the_same_seed_does_not() -> None:
    assert book(market(seed=1), 60) != book(market(seed=2), 60)
    assert book(market(seed=5), 60) == book(market(seed=5), 60)


def test_steps_go_from_the_start_to_the_close() -> None:
    source = market(step_ms=1_000)
    assert source.start_ns == TEN
    assert source.step_times(TEN - 1) == TEN
    assert source.step_times(TEN) == at(1)
    assert source.step_times(at(1.5)) == at(2)
    assert source.end_ns == from_ist(date(2026, 8, 17), time(15, 39, 59))
    assert source.step_times(source.end_ns) is None
    assert source.quotes_at(at(1.5)) == {}


def test_a_second_session_opens_the_next_morning_after_a_gap() -> None:
    source = market(sessions=2, step_ms=1_000)
    friday_close = from_ist(date(2026, 8, 17), time(15, 39, 59))
    morning = from_ist(date(2026, 8, 18), time(9, 15))
    assert source.step_times(friday_close) == morning
    before = source.forwards_at(friday_close)["NIFTY", FRONT]
    assert source.forwards_at(morning)["NIFTY", FRONT] != before
    assert set(source.quotes_at(morning)) == set(source.contracts)


def test_every_quote_is_on_its_tick_two_sided_uncrossed_and_in_whole_lots() -> None:
    source = market()
    for tick in range(0, 4_000, 97):
        for symbol, quote in source.quotes_at(at(tick / 4)).items():
            contract = source.contracts[symbol]
            assert not quote.is_crossed
            for price in (quote.bid_paise, quote.ask_paise, quote.last_paise):
                assert price is None or (price > 0 and price % contract.tick_paise == 0)
            assert quote.bid_units % contract.lot_units == quote.ask_units % contract.lot_units == 0
            assert quote.lower_paise is not None
            assert quote.upper_paise is not None
            assert quote.ask_paise is not None
            assert quote.lower_paise <= quote.ask_paise <= quote.upper_paise


def test_put_call_parity_gives_the_forward_back() -> None:
    source = market()
    for expiry in source.spec.expiries:
        told = source.forwards_at(at(10))["NIFTY", expiry]
        implied = implied_forward_paise(source.contracts.values(), book(source, 10), "NIFTY", expiry)
        assert implied == pytest.approx(told, abs=500)


def test_contracts_near_the_money_are_quoted_at_every_step_and_all_within_a_second() -> None:
    source = market()
    seen: set[str] = set()
    for tick in range(1, 5):
        quotes = source.quotes_at(at(tick / 4))
        assert ATM in quotes
        assert len(quotes) < len(source.contracts)
        seen |= set(quotes)
    assert seen == set(source.contracts)


def test_the_book_holds_the_newest_quote_of_every_contract() -> None:
    source = market()
    newest: dict[str, Quote] = {}
    for tick in range(41):
        newest.update(source.quotes_at(at(tick / 4)))
    assert book(source, 10) == newest


def test_a_price_gap_moves_the_forward_at_its_moment_and_for_good() -> None:
    calm, gapped = market(), market(PriceGap(30, -3.0))
    for seconds, factor in ((29.75, 1.0), (30, 0.97), (3_000, 0.97)):
        was = calm.forwards_at(at(seconds))["NIFTY", FRONT]
        assert gapped.forwards_at(at(seconds))["NIFTY", FRONT] == pytest.approx(was * factor)
    assert set(gapped.quotes_at(at(30))) == set(gapped.contracts)


def test_a_volatility_shock_raises_premiums_while_it_lasts() -> None:
    calm, shocked = market(), market(VolShock(10, 0.5, 20))
    for seconds, dearer in ((9, False), (15, True), (31, False)):
        was, now = book(calm, seconds)[FAR].mid_paise, book(shocked, seconds)[FAR].mid_paise
        assert was is not None
        assert now is not None
        assert (now > 1.2 * was) == dearer


def test_a_spread_shock_widens_every_spread() -> None:
    calm, wide = market(), market(SpreadShock(10, 4.0))
    before = mean(quote.half_spread_paise for quote in book(calm, 20).values())
    assert mean(quote.half_spread_paise for quote in book(wide, 20).values()) > 3 * before


def test_a_thin_book_never_shows_less_than_a_lot() -> None:
    thin = market(SizeShock(0, 0.001))
    assert {quote.ask_units for quote in book(thin, 5).values()} == {65}
    one = market(SizeShock(0, 0.001, symbols=frozenset({FAR})))
    assert book(one, 5)[FAR].ask_units == 65
    assert book(one, 5)[ATM] == book(market(), 5)[ATM]


def test_a_slow_leg_is_quoted_by_nobody_until_its_time() -> None:
    slow = market(NoLiquidity(frozenset({FAR}), until_s=8))
    for tick in range(32):
        waiting = slow.quotes_at(at(tick / 4))[FAR]
        assert (waiting.bid_paise, waiting.ask_paise) == (None, None)
    assert slow.quotes_at(at(8))[FAR].ask_paise is not None


@pytest.mark.parametrize(("side", "kept"), [("upper", "bid_paise"), ("lower", "ask_paise")])
def test_a_locked_circuit_has_one_side_at_the_end_of_the_range(side: str, kept: str) -> None:
    locked = market(CircuitLock(ATM, 10, 60, side, 0.2))  # type: ignore[arg-type]
    seen = [locked.quotes_at(at(seconds))[ATM] for seconds in (10, 30.25, 69.75)]
    pinned = {getattr(quote, kept) for quote in seen}
    assert len(pinned) == 1
    for quote in seen:
        sides = [quote.bid_paise, quote.ask_paise]
        assert sides.count(None) == 1
        edge = quote.upper_paise if side == "upper" else quote.lower_paise
        assert pinned == {edge}
    free = locked.quotes_at(at(70))[ATM]
    assert free.bid_paise is not None
    assert free.ask_paise is not None


def test_a_silent_feed_is_said_to_be_silent_while_the_exchange_has_quotes() -> None:
    silent = market(FeedSilence(10, 5))
    assert [silent.is_silent(at(seconds)) for seconds in (9, 10, 14.75, 15)] == [False, True, True, False]
    assert silent.quotes_at(at(12))


def test_cheap_options_show_more_than_dear_ones_and_deep_ones_have_wider_spreads() -> None:
    quotes = book(market(), 10)
    deep, far = quotes["NIFTY26AUG23800CE"], quotes[FAR]
    assert far.bid_units > deep.bid_units
    assert deep.half_spread_paise > 5 * far.half_spread_paise


def test_the_default_market_has_two_expiries_and_the_near_future() -> None:
    source = market()
    kinds = [contract.kind for contract in source.contracts.values()]
    assert kinds.count(InstrumentKind.FUTURE) == 1
    assert {contract.expiry for contract in source.contracts.values()} == set(source.spec.expiries)
    assert {contract.lot_units for contract in source.contracts.values()} == {65}
    assert {contract.freeze_units for contract in source.contracts.values()} == {1800}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"day": date(2026, 8, 16)}, "the exchange is closed on 2026-08-16"),
        ({"start": time(16, 0)}, "closed on 2026-08-17 at 16:00"),
        ({"step_ms": 0}, "a step above 0 ms"),
        ({"sessions": 0}, "at least one session"),
        ({"underlying": "GOLD"}, "no contract facts for 'GOLD'; known are BANKEX"),
    ],
)
def test_a_spec_that_makes_no_market_is_an_error(changes: dict[str, object], words: str) -> None:
    with pytest.raises(MarketDataError, match=words):
        market(**changes)


def test_an_unknown_contract_of_interest_is_named() -> None:
    with pytest.raises(MarketDataError, match="not in the synthetic market: NIFTY26AUG1CE"):
        market().restrict(["NIFTY26AUG1CE", ATM])
