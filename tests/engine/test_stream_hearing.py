"""Whether the stream is heard: what our own side of the line says of it is not its voice."""

from __future__ import annotations

from core.domain.timing import NS_PER_S
from core.engine.stream_hearing import StreamHearing
from tests.builders import NOW


def test_a_stream_that_is_reported_down_again_and_again_has_said_nothing_since() -> None:
    stream = StreamHearing(0)
    stream.hear(NS_PER_S, up=True)
    for second in (5, 9, 13, 17, 21, 25, 29):
        stream.hear(second * NS_PER_S, up=False)
    assert stream.silent_ms(31 * NS_PER_S) == 30_000
    assert stream.is_down()
    stream.hear(32 * NS_PER_S, up=True)
    assert not stream.is_down()
    assert stream.silent_ms(32 * NS_PER_S) == 0


def test_a_stream_that_never_came_up_is_down_and_silent_since_the_start() -> None:
    stream = StreamHearing(0)
    assert not stream.is_down()
    stream.hear(2 * NS_PER_S, up=False)
    assert stream.is_down()
    assert stream.silent_ms(31 * NS_PER_S) == 31_000


def test_the_time_in_which_the_stream_is_down_does_not_count_however_often_it_says_so() -> None:
    stream = StreamHearing(NOW)
    stream.hear(NOW, up=True)
    stream.hear(NOW + 4 * NS_PER_S, up=True)
    for second in (4, 5, 6, 7):
        stream.hear(NOW + second * NS_PER_S, up=False)
    assert stream.uptime_pct(NOW + 8 * NS_PER_S) == 50.0
    stream.hear(NOW + 8 * NS_PER_S, up=True)
    assert stream.uptime_pct(NOW + 8 * NS_PER_S) == 50.0


def test_a_silence_of_the_stream_counts_as_down_while_it_lasts_and_after() -> None:
    stream = StreamHearing(NOW)
    assert stream.uptime_pct(NOW) is None
    for second in range(11):
        stream.hear(NOW + second * NS_PER_S, up=True)
    assert stream.uptime_pct(NOW + 12 * NS_PER_S) == 100.0
    assert stream.uptime_pct(NOW + 20 * NS_PER_S) == 50.0
    stream.hear(NOW + 20 * NS_PER_S, up=True)
    assert stream.uptime_pct(NOW + 20 * NS_PER_S) == 50.0
