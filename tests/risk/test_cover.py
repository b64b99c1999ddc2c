"""The cover rule against the best possible matching: it never claims cover that does not exist."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from core.domain.cover import Holding, covers, uncovered_by_kind, uncovered_units
from core.domain.instruments import Right
from tests.risk.chains import option

EXPIRIES = [date(2026, 8, 18) + timedelta(days=7 * week) for week in range(3)]


def best_uncovered(holdings: list[Holding], width_paise: int | None) -> int:
    """Short option units left over by a maximum flow from longs to the shorts that they cover."""
    longs = [(contract, units) for contract, units in holdings if units > 0]
    shorts = [(contract, -units) for contract, units in holdings if units < 0]
    total = sum(units for _, units in shorts)
    if not longs or not shorts:
        return total
    size = len(longs) + len(shorts) + 2
    graph = np.zeros((size, size), dtype=np.int32)
    for at, (long, units) in enumerate(longs, 1):
        graph[0, at] = units
        for to, (short, _) in enumerate(shorts, 1 + len(longs)):
            if covers(long, short, width_paise):
                graph[at, to] = 10**6
    for to, (_, units) in enumerate(shorts, 1 + len(longs)):
        graph[to, size - 1] = units
    return total - int(maximum_flow(csr_array(graph), 0, size - 1).flow_value)


def holdings_of(expiries: list[date]) -> st.SearchStrategy[list[Holding]]:
    contract = st.builds(
        option,
        st.integers(480, 500).map(lambda step: step * 50),
        st.sampled_from(Right),
        st.sampled_from(expiries),
    )
    units = st.integers(-6, 6).filter(bool).map(lambda lots: lots * 65)
    return st.lists(st.tuples(contract, units), max_size=10, unique_by=lambda held: held[0].symbol)


widths = st.none() | st.sampled_from([50_00, 100_00, 200_00, 400_00])


@given(holdings_of(EXPIRIES), widths)
@settings(max_examples=400, deadline=None, derandomize=True)
def test_it_never_claims_more_cover_than_exists(holdings: list[Holding], width_paise: int | None) -> None:
    assert uncovered_units(holdings, width_paise) >= best_uncovered(holdings, width_paise)


@given(holdings_of(EXPIRIES[:1]), widths)
@settings(max_examples=400, deadline=None, derandomize=True)
def test_within_one_expiry_it_is_exact(holdings: list[Holding], width_paise: int | None) -> None:
    assert uncovered_units(holdings, width_paise) == best_uncovered(holdings, width_paise)


@given(holdings_of(EXPIRIES))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_without_a_width_it_is_exact_across_expiries(holdings: list[Holding]) -> None:
    assert uncovered_units(holdings, None) == best_uncovered(holdings, None)


@given(holdings_of(EXPIRIES))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_order_of_the_holdings_means_nothing(holdings: list[Holding]) -> None:
    turned = holdings[::-1]
    assert uncovered_by_kind(holdings, None) == uncovered_by_kind(turned, None)


def test_one_more_long_never_uncovers_anything() -> None:
    base: list[Holding] = [(option(24_500, Right.CE), -130), (option(24_700, Right.CE), 65)]
    steps = [uncovered_units([*base, (option(24_900, Right.CE), 65 * more)], 400_00) for more in range(4)]
    assert all(then <= now for now, then in pairwise(steps))
    assert steps == [65, 0, 0, 0]
