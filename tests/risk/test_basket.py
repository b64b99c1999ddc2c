"""The broker's basket beside our own figure."""

from __future__ import annotations

import pytest

from core.risk.basket import KEPT, BasketHistory, Comparison


def comparison(ours: int, broker: int, at_ns: int = 0) -> Comparison:
    return Comparison(at_ns, "G-001", ours, broker)


def test_what_is_on_the_safe_side_is_positive() -> None:
    assert comparison(41_200_00, 40_000_00).difference == pytest.approx(0.03)
    assert comparison(38_000_00, 40_000_00).difference == pytest.approx(-0.05)


def test_the_history_keeps_the_latest_and_knows_where_we_fell_short() -> None:
    history = BasketHistory()
    assert (history.latest, history.median, history.lowest) == (None, 0.0, 0.0)
    for at in range(KEPT + 10):
        history = history.with_one(comparison(110, 100, at))
    history = history.with_one(comparison(95, 100, 1_000)).with_one(comparison(99, 100, 1_001))
    assert len(history.comparisons) == KEPT
    assert history.latest == comparison(99, 100, 1_001)
    assert history.median == pytest.approx(0.10)
    assert history.lowest == pytest.approx(-0.05)
