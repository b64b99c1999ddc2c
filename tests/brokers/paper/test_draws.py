"""Counter-based draws."""

from __future__ import annotations

import pytest

from core.brokers.paper.config import Latencies
from core.brokers.paper.draws import Draws, Purpose, Span, splitmix64


def test_splitmix64_gives_the_published_sequence() -> None:
    golden = 0x9E3779B97F4A7C15
    state, found = 1234567, []
    for _ in range(3):
        found.append(splitmix64(state))
        state = (state + golden) & (2**64 - 1)
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_a_draw_depends_on_seed_purpose_and_number_alone() -> None:
    draws = Draws(1)
    first = [draws.bits(Purpose.ORDER_ID, n) for n in range(5)]
    draws.bits(Purpose.REQUEST_LATENCY, 99)
    assert [Draws(1).bits(Purpose.ORDER_ID, n) for n in range(5)] == first
    assert len({*first, Draws(2).bits(Purpose.ORDER_ID, 0), draws.bits(Purpose.TRADE_ID, 0)}) == 7


def test_durations_stay_in_their_span_and_use_all_of_it() -> None:
    drawn = [Draws(3).within(Purpose.REPLY_LATENCY, n, Span(5, 9)) for n in range(200)]
    assert set(drawn) == {5, 6, 7, 8, 9}


def test_a_span_runs_forwards_and_a_latency_is_above_zero() -> None:
    with pytest.raises(ValueError, match="at least as long"):
        Span(10, 5)
    with pytest.raises(ValueError, match="reply latency must be above zero"):
        Latencies(reply=Span(0, 5))
