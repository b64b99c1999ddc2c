"""The transport of a replay: keys, speeds and places, on a clock in the test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from console.app import HedgerowApp
from console.transport import Transport
from console.widgets.line import plain
from core.domain.account import Severity
from core.domain.facts import AlertRaised, Fact, JournalOpened, OperatorActed, Recorded
from core.domain.timing import NS_PER_S
from core.engine.previews import TicketRequest
from core.engine.replay import JournalReplay
from tests.console.hands import MS, HandClock, options

START_NS = 1_764_000_000 * NS_PER_S


def rows() -> tuple[Recorded, ...]:
    """Eleven rows, a second apart; the fifth and the ninth raise an alert."""
    facts: list[Fact] = [JournalOpened("NONCE1", 1, "0.1.0", "PAPER", "synthetic", "calm", 1)]
    facts += [OperatorActed("trader", "note", f"number {number}", 0, True) for number in range(2, 12)]
    for place in (4, 8):
        facts[place] = AlertRaised(
            f"books-{place}", Severity.CRITICAL, "the books cannot be read", "books", ""
        )
    return tuple(
        Recorded(number, START_NS + number * NS_PER_S, "", fact) for number, fact in enumerate(facts, 1)
    )


class Watching:
    """A replay on the screen, in the test's hands."""

    def __init__(self, app: HedgerowApp, transport: Transport, clock: HandClock, pilot: Any) -> None:
        self.app, self.transport, self.clock, self.pilot = app, transport, clock, pilot

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()

    async def wait(self, ms: int) -> None:
        """Let wall time pass in the console's own steps."""
        for _ in range(ms // 250):
            self.clock.at_ns += 250 * MS
            self.app._slot = 0
            self.app._tick()
        await self.pilot.pause()

    def bar(self) -> str:
        return plain(self.app.main.transport.lines[0])


@asynccontextmanager
async def watching(size: tuple[int, int] = (160, 50)) -> AsyncIterator[Watching]:
    clock = HandClock(between_keys_ms=0)
    transport = Transport(JournalReplay(rows(), "calm.journal"))
    app = HedgerowApp(transport.replay, options(clock, observe=True, transport=transport))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Watching(app, transport, clock, pilot)


def test_space_plays_with_the_wall_clock_and_stops_at_the_end() -> None:
    async def story() -> None:
        async with watching() as past:
            await past.wait(2_000)
            assert past.transport.replay.row == 1
            await past.press("space")
            assert "playing" in past.bar()
            await past.wait(3_000)
            assert past.transport.replay.row == 4
            await past.press("space")
            await past.wait(2_000)
            assert past.transport.replay.row == 4
            await past.press("right_square_bracket", "right_square_bracket", "space")
            assert "5×" in past.bar()
            await past.wait(3_000)
            assert past.transport.replay.row == 11
            assert "paused" in past.bar()
            await past.press("space")
            assert past.transport.replay.row == 1

    asyncio.run(story())


def test_a_step_goes_one_row_and_an_alert_key_to_what_somebody_had_to_know() -> None:
    async def story() -> None:
        async with watching() as past:
            await past.press("full_stop", "full_stop", "comma")
            assert past.transport.replay.row == 2
            await past.press("greater_than_sign")
            assert past.transport.replay.row == 5
            assert "the books cannot be read" in "".join(map(plain, past.app.main.alerts.lines))
            await past.press("greater_than_sign", "greater_than_sign")
            assert past.transport.replay.row == 9
            assert "No further alert" in "".join(map(plain, past.app.main.groups.lines))
            await past.press("less_than_sign")
            assert past.transport.replay.row == 5

    asyncio.run(story())


def test_g_goes_to_a_place_and_says_what_is_none() -> None:
    async def story() -> None:
        async with watching() as past:
            await past.press("g", "7", "enter")
            assert past.transport.replay.row == 7
            assert past.app.main.open is None
            await past.press("g", "x", "enter")
            assert "is no place" in "".join(map(plain, past.app.main.seek.lines))
            await past.press("escape")
            assert past.transport.replay.row == 7

    asyncio.run(story())


@pytest.mark.parametrize(
    ("words", "row"),
    [("100%", 11), ("0%", 1), ("50%", 6), ("+3", 4), ("-99", 1), ("row 8", 8), ("2,000", 11), ("999%", 11)],
)
def test_a_place_can_be_said_in_many_ways(words: str, row: int) -> None:
    transport = Transport(JournalReplay(rows()))
    assert transport.seek(words) == ""
    assert transport.replay.row == row


@pytest.mark.parametrize("words", ["", "abc", "25:00", "12:61", "%", "+", "1e400", "nan%", "+inf", "١٢:٣"])
def test_what_is_no_place_is_a_sentence_and_moves_nothing(words: str) -> None:
    transport = Transport(JournalReplay(rows()))
    assert "is no place" in transport.seek(words)
    assert transport.replay.row == 1


def test_a_clock_time_is_of_the_day_that_the_replay_stands_in() -> None:
    transport = Transport(JournalReplay(rows()))
    from core.domain.timing import clock_text

    assert transport.seek(clock_text(START_NS + 6 * NS_PER_S)) == ""
    assert transport.replay.row == 6
    assert transport.seek(clock_text(START_NS + 6 * NS_PER_S + 500 * MS, millis=True)) == ""
    assert transport.replay.row == 6


def test_a_replay_has_no_key_that_tells_the_core_and_a_session_none_of_a_replay() -> None:
    async def story() -> None:
        async with watching() as past:
            assert not any(action.writes for action in past.app.actions)
            await past.press("f9", "K")
            assert past.app.main.open is None
            await past.press("q")
            assert past.app.left

    asyncio.run(story())


def test_nothing_of_the_past_can_be_ordered_or_left() -> None:
    past = JournalReplay(rows())
    assert past.preview(TicketRequest()).problem == "This is a replay: nothing can be sent."
    assert past.preview(TicketRequest()).plan is None
    assert past.ways_out("G-001") == ()

    async def story() -> None:
        async with watching() as watched:
            await watched.press("n", "r", "a", "K", "f9")
            assert watched.app.main.open is None
            await watched.press("colon")
            offered = watched.app.main.palette_overlay.offered
            assert offered
            assert not any(action.writes or action.danger for action in offered)

    asyncio.run(story())


def test_the_health_of_the_past_is_not_called_down() -> None:
    async def story() -> None:
        async with watching() as past:
            await past.press("H")
            said = "\n".join(map(plain, past.app.main.health_page.lines))
            assert "down" not in said
            assert "not in a journal" in said
            assert "kill switch" in said

    asyncio.run(story())


@pytest.mark.parametrize("size", [(160, 50), (120, 40), (100, 30)])
@pytest.mark.parametrize("key", ["enter", "p", "A", "H"])
def test_the_transport_bar_stays_in_view_under_every_page(key: str, size: tuple[int, int]) -> None:
    async def story() -> None:
        async with watching(size) as past:
            await past.press(key, "full_stop")
            page = past.app.main.page
            assert page is not None
            assert page.region.bottom == past.app.main.transport.region.y
            assert past.app.main.transport.region.bottom == past.app.main.footer.region.y
            assert "row 2 of 11" in past.bar()
            drawn = past.app.screen._compositor.render_strips()
            assert "REPLAY" in drawn[size[1] - 2].text

    asyncio.run(story())


def test_a_replay_that_stands_still_is_not_a_silent_core() -> None:
    async def story() -> None:
        async with watching() as past:
            await past.wait(10_000)
            assert "silent" not in plain(past.app.main.header.lines[0])
            assert "REPLAY" in plain(past.app.main.header.lines[0])

    asyncio.run(story())


def test_an_old_alert_rings_no_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[int] = []
    monkeypatch.setattr(HedgerowApp, "bell", lambda self: rung.append(1))

    async def story() -> None:
        async with watching() as past:
            await past.press("greater_than_sign")
            assert past.transport.replay.row == 5

    asyncio.run(story())
    assert rung == []
