"""Reading the books: on a timer whatever happens, soon when asked, and never more than once a second."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from core.brokers.port import StreamBeat, StreamDown, StreamUp
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.timing import NS_PER_MS, NS_PER_S
from tests.engine.rig import Rig, unavailable


def gaps_ms(reads: list[int]) -> list[int]:
    return [(later - earlier) // NS_PER_MS for earlier, later in pairwise(reads)]


async def beating(rig: Rig, seconds: int) -> None:
    """A stream that lives, for so long."""
    for _ in range(seconds):
        rig.engine.on_stream(StreamBeat())
        await rig.later(1_000)


async def whole(rig: Rig) -> None:
    """A group that is open under a stream that lives, and nothing of it in flight."""
    await beating(rig, 3)
    await rig.submit()
    await beating(rig, 20)
    (group,) = rig.engine.account.groups.values()
    assert group.state is ExecutionLifecycle.OPEN
    assert not list(group.live_orders)
    rig.broker.reads.clear()


def test_with_nothing_in_flight_the_books_are_read_every_twelve_seconds() -> None:
    async def story(rig: Rig) -> None:
        await beating(rig, 60)
        await rig.later(500)

    rig = Rig().play(story)
    assert gaps_ms(rig.broker.reads) == [12_000] * 5


def test_with_an_order_in_flight_they_are_read_every_three() -> None:
    rig = Rig()
    rig.broker.fills = False

    async def story(rig: Rig) -> None:
        await rig.submit()
        await beating(rig, 2)
        rig.broker.reads.clear()
        await beating(rig, 20)

    rig.play(story)
    assert set(gaps_ms(rig.broker.reads)) == {3_000}


def test_requests_of_one_second_are_one_read() -> None:
    async def story(rig: Rig) -> None:
        await rig.later(5_000)
        rig.broker.reads.clear()
        for _ in range(50):
            rig.engine.books.request()
            await rig.later(40)

    rig = Rig().play(story)
    assert 2 <= len(rig.broker.reads) <= 3
    assert min(gaps_ms(rig.broker.reads)) >= 1_000


def test_a_request_while_the_books_are_being_read_is_not_lost() -> None:
    rig = Rig()
    rig.broker.reading_ms = 2_500

    async def story(rig: Rig) -> None:
        await rig.later(100)
        rig.engine.books.request()
        await rig.later(8_000)

    rig.play(story)
    assert len(rig.broker.reads) >= 2
    assert rig.broker.reads[1] - rig.broker.reads[0] < 3 * NS_PER_S


@pytest.mark.parametrize("error", [unavailable(), RuntimeError("the adapter has a bug")])
def test_books_that_cannot_be_read_are_asked_for_again_and_said_so(error: Exception) -> None:
    rig = Rig()
    rig.broker.unreadable = error

    async def story(rig: Rig) -> None:
        await rig.later(30_000)
        assert rig.engine.books.failing
        assert not rig.engine.account.reconciled_at_ns
        assert str(error) in rig.engine.account.alerts["books-unreadable"].text
        rig.broker.unreadable = None
        await rig.later(13_000)

    rig.play(story)
    assert rig.engine.account.reconciled_at_ns
    assert rig.engine.account.alerts["books-unreadable"].cleared


def test_the_books_are_read_at_once_when_the_stream_is_lost() -> None:
    lost_ns = 0

    async def story(rig: Rig) -> None:
        nonlocal lost_ns
        rig.engine.on_stream(StreamUp())
        await beating(rig, 16)
        rig.broker.reads.clear()
        lost_ns = rig.clock.now_ns()
        rig.engine.on_stream(StreamDown("reset by peer"))
        await rig.later(500)

    rig = Rig().play(story)
    assert [read - lost_ns for read in rig.broker.reads] == [1]


def test_the_books_are_asked_once_when_the_stream_falls_silent() -> None:
    last_beat_ns = 0

    async def story(rig: Rig) -> None:
        nonlocal last_beat_ns
        await beating(rig, 13)
        rig.broker.reads.clear()
        last_beat_ns = rig.clock.now_ns() - NS_PER_S
        await rig.later(18_500)

    rig = Rig().play(story)
    onset = (rig.broker.reads[0] - last_beat_ns) // NS_PER_MS
    assert 5_000 < onset <= 5_200
    assert gaps_ms(rig.broker.reads) == [12_000]


def test_while_the_stream_is_silent_and_a_group_is_open_they_are_read_every_three() -> None:
    silent: list[int] = []

    async def story(rig: Rig) -> None:
        await whole(rig)
        await rig.later(24_000)
        silent.extend(rig.broker.reads)
        await beating(rig, 3)
        rig.broker.reads.clear()
        await beating(rig, 40)

    rig = Rig().play(story)
    assert gaps_ms(silent)[-5:] == [3_000] * 5
    assert set(gaps_ms(rig.broker.reads)) == {12_000}


def test_while_the_stream_is_down_and_a_group_is_open_they_are_read_every_three() -> None:
    """Every refused attempt to connect is another word of the stream: it is not silent, and still down."""

    async def story(rig: Rig) -> None:
        await whole(rig)
        for _ in range(12):
            rig.engine.on_stream(StreamDown("connection refused"))
            await rig.later(4_000)

    rig = Rig().play(story)
    assert max(gaps_ms(rig.broker.reads)) <= 3_000


def test_a_stream_that_is_down_hastens_nothing_where_no_group_is_open() -> None:
    async def story(rig: Rig) -> None:
        await beating(rig, 3)
        rig.engine.on_stream(StreamDown("reset by peer"))
        await rig.later(2_000)
        rig.broker.reads.clear()
        await rig.later(40_000)

    rig = Rig().play(story)
    assert set(gaps_ms(rig.broker.reads)) == {12_000}


def test_while_a_position_is_in_doubt_they_are_read_every_three_seconds() -> None:
    async def story(rig: Rig) -> None:
        await whole(rig)
        rig.broker.reads.clear()
        taken = replace(rig.broker.traded[0], trade_id="TX", order_id="not ours")
        rig.broker.traded.append(replace(taken, side=taken.side.opposite))
        await beating(rig, 30)

    rig = Rig().play(story)
    assert gaps_ms(rig.broker.reads)[:2] == [3_000, 3_000]
