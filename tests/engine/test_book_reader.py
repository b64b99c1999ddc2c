"""Reading the books: on a timer whatever happens, soon when asked, and never more than once a second."""

from __future__ import annotations

from itertools import pairwise

import pytest

from core.domain.timing import NS_PER_MS, NS_PER_S
from tests.engine.rig import Rig, unavailable


def gaps_ms(reads: list[int]) -> list[int]:
    return [(later - earlier) // NS_PER_MS for earlier, later in pairwise(reads)]


def test_with_nothing_in_flight_the_books_are_read_every_twelve_seconds() -> None:
    async def story(rig: Rig) -> None:
        await rig.later(60_500)

    rig = Rig().play(story)
    assert gaps_ms(rig.broker.reads) == [12_000] * 5


def test_with_an_order_in_flight_they_are_read_every_three() -> None:
    rig = Rig()
    rig.broker.fills = False

    async def story(rig: Rig) -> None:
        await rig.submit()
        await rig.later(2_000)
        rig.broker.reads.clear()
        await rig.later(20_000)

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
