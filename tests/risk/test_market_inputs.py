"""What quotes imply: forwards and volatilities, with bad quotes left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.instruments import Right
from core.domain.quotes import MarketView
from core.risk.parity import forward_paise, implied_forward_paise, two_sided_mid
from core.risk.pricing import years_until
from core.risk.smile import chain_vols
from tests.risk.chains import (
    CALENDAR,
    NEAR,
    NOON_NS,
    RECORDED,
    option,
    quote,
    recorded_view,
    smile_vol,
    synthetic_view,
)

VIEW = synthetic_view(with_forwards=False)
YEARS = years_until(CALENDAR.expiry_ns(NEAR), NOON_NS)


def test_parity_finds_the_forward() -> None:
    implied = implied_forward_paise(VIEW.contracts.values(), VIEW.quotes, "NIFTY", NEAR)
    assert implied == pytest.approx(24_570_00, abs=2)


def test_one_absurd_quote_does_not_move_the_forward() -> None:
    symbol = option(24_550, Right.CE).symbol
    quotes = {**VIEW.quotes, symbol: quote(symbol, 90_000)}
    implied = implied_forward_paise(VIEW.contracts.values(), quotes, "NIFTY", NEAR)
    assert implied == pytest.approx(24_570_00, abs=5)


def test_a_market_with_one_side_only_has_no_forward() -> None:
    calls = {s: q for s, q in VIEW.quotes.items() if VIEW.contracts[s].right is Right.CE}
    assert forward_paise(replace(VIEW, quotes=calls), "NIFTY", NEAR) is None


@pytest.mark.parametrize(
    ("bid", "ask"), [(None, 100), (100, None), (0, 100), (-5, 100), (110, 100), (100, 100)]
)
def test_a_quote_that_cannot_be_trusted_has_no_mid(bid: int | None, ask: int | None) -> None:
    assert two_sided_mid(replace(quote("X", 100), bid_paise=bid, ask_paise=ask)) is None
    assert two_sided_mid(None) is None


def test_the_smile_comes_back_from_its_own_quotes() -> None:
    contracts = [contract for contract in VIEW.contracts.values() if contract.expiry == NEAR]
    vols = chain_vols(VIEW, contracts, 24_570_00, YEARS)
    assert set(vols) == {contract.symbol for contract in contracts}
    for strike in range(24_000, 25_200, 50):
        for right in Right:
            assert vols[option(strike, right).symbol] == pytest.approx(smile_vol(strike, 24_570), abs=2e-3)


def test_a_strike_without_quotes_takes_its_neighbours_volatility() -> None:
    gone = option(24_900, Right.CE), option(24_900, Right.PE)
    quotes = {s: q for s, q in VIEW.quotes.items() if s not in {one.symbol for one in gone}}
    view = replace(VIEW, quotes=quotes)
    contracts = [contract for contract in VIEW.contracts.values() if contract.expiry == NEAR]
    vols = chain_vols(view, contracts, 24_570_00, YEARS)
    assert vols[gone[0].symbol] == pytest.approx(smile_vol(24_900, 24_570), abs=5e-3)


def test_what_the_view_says_comes_first_and_nonsense_is_not_believed() -> None:
    one, other = option(24_600, Right.CE), option(24_650, Right.CE)
    view = replace(VIEW, vols={one.symbol: 0.5, other.symbol: float("nan")})
    vols = chain_vols(view, [one, other], 24_570_00, YEARS)
    assert vols[one.symbol] == 0.5
    assert vols[other.symbol] == pytest.approx(smile_vol(24_650, 24_570), abs=2e-3)


def test_no_quotes_are_no_volatilities() -> None:
    assert chain_vols(MarketView(), [option(24_600, Right.CE)], 24_570_00, YEARS) == {}


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded chain is not here")
@pytest.mark.data
def test_the_recorded_chain_implies_sane_volatilities() -> None:
    view = recorded_view()
    expiry = min(contract.expiry for contract in view.contracts.values())
    contracts = [contract for contract in view.contracts.values() if contract.expiry == expiry]
    forward = implied_forward_paise(contracts, view.quotes, "NIFTY", expiry)
    assert forward is not None
    vols = chain_vols(view, contracts, forward, years_until(CALENDAR.expiry_ns(expiry), view.at_ns))
    assert len(vols) == len(contracts)
    assert all(0.05 < vol < 0.40 for vol in vols.values())
