"""A journal played again shows what was known at each moment, and does nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.brokers.paper.books import MemoryBooks
from core.domain.evolve import fold
from core.domain.facts import GateDecided, Recorded
from core.domain.inputs import OperatorAction, OperatorCommand
from core.domain.lifecycle import ExecutionLifecycle
from core.engine.previews import TicketRequest
from core.engine.replay import CHECKPOINT_EVERY, JournalReplay
from core.journal.persistence import InlinePersistence
from core.market.sessions import load_calendar
from core.rehearsal.preparation import Asked, prepare
from core.rehearsal.run import Rehearsal
from core.rehearsal.shelf import find_scenario
from core.rehearsal.sim_loop import run_virtual


def played(name: str) -> tuple[Recorded, ...]:
    """The rows of a scenario, played in memory."""
    asked = Asked(find_scenario(name), None, "NIFTY", None, None, None, 1, None, False)
    journal = InlinePersistence(":memory:")
    rehearsal = Rehearsal(prepare(asked, load_calendar()), journal, MemoryBooks(), paced=False)
    run_virtual(rehearsal.play, rehearsal.clock)
    return tuple(journal.read())


@pytest.fixture(scope="module")
def rows() -> Sequence[Recorded]:
    return played("cancel-fill-race")


def test_every_row_gives_the_account_that_the_journal_folds_to(rows: Sequence[Recorded]) -> None:
    replay = JournalReplay(rows)
    assert len(rows) > CHECKPOINT_EVERY
    for row in (1, 7, CHECKPOINT_EVERY - 1, CHECKPOINT_EVERY, CHECKPOINT_EVERY + 1, len(rows), 90, 3):
        replay.seek_row(row)
        assert replay.snapshot().account == fold(rows[:row])
        assert replay.snapshot().recorded is not None


def test_a_moment_holds_every_row_written_until_then_and_none_after(rows: Sequence[Recorded]) -> None:
    replay = JournalReplay(rows)
    middle = rows[len(rows) // 2].at_ns
    replay.seek_ns(middle)
    assert replay.row == sum(row.at_ns <= middle for row in rows)
    replay.seek_ns(middle - 1)
    assert replay.row == sum(row.at_ns < middle for row in rows)
    assert replay.snapshot().at_ns == middle - 1


def test_going_back_shows_the_same_picture_as_coming_from_the_start(rows: Sequence[Recorded]) -> None:
    there_and_back, straight = JournalReplay(rows), JournalReplay(rows)
    there_and_back.seek_row(len(rows))
    there_and_back.seek_row(120)
    straight.seek_row(120)
    back, direct = there_and_back.snapshot(), straight.snapshot()
    assert back.log == direct.log
    assert back.view.quotes == direct.view.quotes
    assert back.health == direct.health
    assert back.delta_history == direct.delta_history


def test_no_place_lies_outside_the_journal(rows: Sequence[Recorded]) -> None:
    replay = JournalReplay(rows)
    replay.seek_row(0)
    assert replay.row == 1
    replay.seek_row(10**9)
    assert replay.row == len(rows)
    assert replay.is_at_end
    replay.seek_ns(0)
    assert replay.row >= 1
    assert replay.at_ns == replay.first_ns


def test_what_the_journal_does_not_keep_is_not_made_up(rows: Sequence[Recorded]) -> None:
    replay = JournalReplay(rows)
    replay.seek_row(len(rows) // 2)
    picture = replay.snapshot()
    (group,) = picture.account.groups.values()
    assert not group.is_over
    assert group.first_fill_ns
    assert picture.exposures.get(group.group_id) is None or group.unhedged.since_ns
    assert picture.underlying_paise is None
    assert picture.margin.total_paise == 0
    assert picture.health.loop_lag_ms.count == 0


def test_margins_are_compared_as_far_as_the_journal_has_been_read(rows: Sequence[Recorded]) -> None:
    replay = JournalReplay(rows)
    gates = [row.seq for row in rows if isinstance(row.fact, GateDecided) and row.fact.estimate_paise]
    replay.seek_row(len(rows))
    assert len(replay.snapshot().margin.baskets.comparisons) == len(gates) > 0
    replay.seek_row(gates[0] - 1)
    assert replay.snapshot().margin.baskets.latest is None


def test_a_group_that_has_ended_has_its_exact_result(rows: Sequence[Recorded]) -> None:
    replay = JournalReplay(rows)
    replay.seek_row(len(rows))
    picture = replay.snapshot()
    (group,) = picture.account.groups.values()
    assert group.state is ExecutionLifecycle.CLOSED
    assert picture.day_pnl_paise == sum(leg.cash_paise for leg in group.legs)


def test_alerts_are_found_forwards_and_backwards(rows: Sequence[Recorded]) -> None:
    replay = JournalReplay(rows)
    assert replay.seek_notable(1)
    first = replay.row
    assert replay.seek_notable(1)
    assert replay.row > first
    assert replay.seek_notable(-1)
    assert replay.row == first
    replay.seek_row(len(rows))
    while replay.seek_notable(1):
        pytest.fail("nothing follows the end")


def test_nothing_can_be_asked_of_the_past(rows: Sequence[Recorded]) -> None:
    replay = JournalReplay(rows)
    before = replay.snapshot()
    replay.command(OperatorCommand(OperatorAction.FLATTEN_ALL, "ALL", "somebody", 0))
    assert replay.snapshot() is before
    assert replay.ways_out("G-001") == ()
    assert "nothing can be sent" in replay.preview(TicketRequest()).problem


def test_a_journal_without_rows_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="nothing to replay"):
        JournalReplay(())
