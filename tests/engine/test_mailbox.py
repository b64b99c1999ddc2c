"""What waited together: nothing is decided between two news, and nothing asked before all of them."""

from __future__ import annotations

from itertools import permutations

from core.domain.inputs import (
    AllNews,
    BooksRead,
    CancelReply,
    CoreStarted,
    Input,
    JournalTrouble,
    MarginAnswered,
    ModifyReply,
    SendReply,
    WakeUp,
)
from core.domain.orders import BookSnapshot, Outcome
from core.engine.mailbox import in_order
from tests.builders import RICH

STARTED, FAILED = CoreStarted(False), JournalTrouble("disk full")
SENT = SendReply("T1", Outcome.CONFIRMED, "O1")
CHANGED, CANCELLED = ModifyReply("T1", Outcome.CONFIRMED), CancelReply("T1", Outcome.CONFIRMED)
BOOKS = BooksRead(BookSnapshot((), (), (), 1, 2))
ASKED: tuple[Input, ...] = (MarginAnswered("G-002", RICH, 1, 1), WakeUp(("G-001",)))


def test_whatever_stands_between_two_news_they_are_taken_over_together() -> None:
    together: tuple[Input, ...] = (SENT, BOOKS, *ASKED, CHANGED)
    for waiting in permutations(together):
        first, *rest = in_order(waiting)
        assert isinstance(first, AllNews)
        assert set(first.items) == {SENT, BOOKS, CHANGED}
        assert first.items[-1] is BOOKS
        assert set(rest) == set(ASKED)


def test_a_start_and_a_failing_journal_come_before_everything() -> None:
    together: tuple[Input, ...] = (SENT, FAILED, STARTED, CHANGED)
    for waiting in permutations(together):
        assert in_order(waiting)[:2] == [STARTED, FAILED]


def test_news_that_were_together_once_and_come_again_stay_together_with_what_came_since() -> None:
    assert in_order([AllNews((SENT, CHANGED)), CANCELLED]) == [AllNews((SENT, CHANGED, CANCELLED))]


def test_one_news_alone_stays_what_it_is() -> None:
    assert in_order([*ASKED, SENT]) == [SENT, *ASKED]
