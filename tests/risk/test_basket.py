"""The broker's basket beside our own figure."""

from __future__ import annotations

from core.risk.basket import KEPT, BasketHistory, Comparison


def comparison(ours: int, broker: int, at_ns: int = 0) -> Comparison:
    return Comparison(at_ns, "G-001", ours, broker)


def test_a_comparison_says_both_and_the_difference() -> None:
    one = comparison(41_200_00, 40_000_00)
    assert one.difference_paise == 1_200_00
    assert one.words == "ours ₹ 41,200, broker's ₹ 40,000 (+3.0 %)"
    assert comparison(1_00, 0).difference_share is None


def test_the_history_keeps_the_latest_and_knows_where_we_fell_short() -> None:
    history = BasketHistory()
    assert (history.median_share, history.worst_understatement) == (None, None)
    for at in range(KEPT + 10):
        history = history.with_one(comparison(110, 100, at))
    history = history.with_one(comparison(95, 100, 1_000)).with_one(comparison(99, 100, 1_001))
    assert len(history.comparisons) == KEPT
    assert history.comparisons[-1].at_ns == 1_001
    assert history.worst_understatement is not None
    assert history.worst_understatement.at_ns == 1_000
    assert history.median_share is not None
    assert abs(history.median_share - 0.10) < 1e-12
