"""The pages: what they say in every state, and that their keys open, move and close them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from console.demo import busy_snapshot, calm_snapshot, empty_snapshot
from console.pages.page import Page
from console.pages.positions import standings
from console.widgets.line import width_of
from core.domain.account import Alert, KillSwitch
from core.domain.instruments import PositionKey, Product
from core.engine.snapshot import Health, Snapshot
from tests.console.hands import Hands, hands_on

Story = Callable[[Hands], Awaitable[None]]
PAGES = {"enter": "group-page", "p": "positions-page", "A": "alerts-page", "H": "health-page"}


def play(story: Story, snapshot: Snapshot | None = None, **chosen: Any) -> None:
    async def run() -> None:
        async with hands_on(snapshot, **chosen) as hands:
            await story(hands)

    asyncio.run(run())


def page_of(hands: Hands) -> Page | None:
    return hands.app.main.page


@pytest.mark.parametrize(("key", "name"), PAGES.items())
def test_a_page_is_opened_by_its_key_and_closed_by_it_or_by_escape(key: str, name: str) -> None:
    async def story(hands: Hands) -> None:
        await hands.press(key)
        page = page_of(hands)
        assert page is not None
        assert page.id == name
        assert page.visible
        assert len(hands.app.screen_stack) == 1
        await hands.press(key)
        assert page_of(hands) is None
        assert not page.visible
        await hands.press(key, "escape")
        assert page_of(hands) is None
        assert "Groups" in hands.text("groups")

    play(story)


def test_one_page_gives_way_to_another() -> None:
    async def story(hands: Hands) -> None:
        await hands.press(*PAGES)
        assert page_of(hands) is hands.app.main.health_page
        assert sum(page.visible for page in hands.app.main.pages) == 1

    play(story)


@pytest.mark.parametrize("key", PAGES)
@pytest.mark.parametrize("size", [(160, 50), (120, 40), (100, 30)])
@pytest.mark.parametrize("made", [busy_snapshot, calm_snapshot, empty_snapshot])
def test_a_page_fits_every_size_in_every_state(
    key: str, size: tuple[int, int], made: Callable[[], Snapshot]
) -> None:
    async def story(hands: Hands) -> None:
        await hands.press(key)
        page = page_of(hands)
        assert page is not None
        assert len(page.lines) == size[1] - 2
        assert {width_of(each) for each in page.lines} == {size[0]}

    play(story, made(), size=size)


def test_the_core_looks_at_the_group_that_is_shown_and_at_no_other() -> None:
    async def story(hands: Hands) -> None:
        asked: list[str] = []
        given = hands.service.look_at

        def look_at(group_id: str) -> None:
            asked.append(group_id)
            given(group_id)

        hands.service.look_at = look_at  # type: ignore[method-assign]
        await hands.press("p", "escape")
        assert asked == []
        await hands.press("enter", "down", "escape")
        assert asked == ["G-011", "G-014", ""]

    play(story)


def test_the_group_page_shows_legs_orders_payoff_grid_guards_and_journal() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("down", "enter")
        said = hands.text("group-page")
        for words in (
            "G-014  iron condor 24600/25100",
            "PARTIALLY EXPOSED",
            "needs nothing from you",
            "exposed",
            "Child orders",
            "confirmed",
            "Payoff",
            "least",
            "If the market moves now",
            "worst −",
            "no stop rests",
            "Journal of the group",
            "cover confirmed 1,300",
        ):
            assert words in said, words
        assert "bought cover 24,200" not in said

    play(story)


def test_arrows_turn_to_the_next_group_and_pages_move_in_its_journal() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("down", "enter")
        assert "2 older, PgDn" in hands.text("group-page")
        await hands.press("pagedown")
        assert "newer above" in hands.text("group-page")
        await hands.press("down")
        assert "G-010" in hands.text("group-page")

    play(story, size=(100, 30))


def test_f9_on_the_group_page_flattens_that_group() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("down", "enter", "f9")
        assert "Flatten G-014" in hands.text("flatten")
        await hands.type("14")
        await hands.press("enter")
        assert [each.target for each in hands.commands] == ["G-014"]
        assert page_of(hands) is hands.app.main.group_page

    play(story)


def test_the_positions_page_names_the_traders_own_and_the_difference() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("p")
        said = hands.text("positions-page")
        assert "1 position unexplained" in said
        assert "the trader" in said
        assert "never traded without adopt" in said
        assert "G-012 +325  G-014 −520" in said

    play(story)


def test_positions_before_the_first_books_are_not_called_agreed() -> None:
    unread = replace(busy_snapshot(), books=None)

    async def story(hands: Hands) -> None:
        await hands.press("p")
        said = hands.text("positions-page")
        assert "explained" not in said
        assert standings(unread)[0].broker is None

    play(story, unread)


def test_many_positions_are_scrolled_with_the_arrows() -> None:
    busy = busy_snapshot()
    foreign = {
        PositionKey("NFO", f"NIFTY25NOV{strike}PE", Product.NRML): 65 for strike in range(20_000, 22_000, 50)
    }
    crowded = replace(busy, account=replace(busy.account, foreign=foreign))

    async def story(hands: Hands) -> None:
        await hands.press("p")
        first = hands.text("positions-page")
        await hands.press("down", "down", "pagedown")
        assert hands.app.main.positions_page.top == 12
        assert hands.text("positions-page") != first
        await hands.press("pageup", "pageup", "pageup")
        assert hands.app.main.positions_page.top == 0

    play(story, crowded)


def test_the_alerts_page_keeps_what_is_over_and_acknowledges_what_is_chosen() -> None:
    busy = busy_snapshot()
    over = replace(busy.account.alerts["quotes"], cleared=True)
    account = replace(busy.account, alerts={**busy.account.alerts, "quotes": over})

    async def story(hands: Hands) -> None:
        await hands.press("A")
        said = hands.text("alerts-page")
        assert "3 ask, 1 over, 5 in all" in said
        assert "✔ over" in said
        await hands.press("down", "down", "a")
        assert hands.commands[-1].target == "uncovered:G-011"
        await hands.press("m")
        assert "bell muted" in hands.text("alerts-page")
        await hands.press("m")
        assert "bell muted" not in hands.text("alerts-page")

    play(story, replace(busy, account=account))


def test_enter_on_an_alert_shows_its_group() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("A", "down", "down", "down", "enter")
        assert page_of(hands) is hands.app.main.group_page
        assert "G-014  iron condor" in hands.text("group-page")

    play(story)


def test_many_alerts_keep_the_chosen_one_in_view() -> None:
    busy = busy_snapshot()
    pattern: Alert = busy.account.alerts["quotes"]
    many = {
        f"a{n}": replace(pattern, alert_id=f"a{n}", text=f"alert {n}", last_ns=busy.at_ns - n)
        for n in range(80)
    }

    async def story(hands: Hands) -> None:
        await hands.press("A", "pagedown", "pagedown", "pagedown", "pagedown")
        assert hands.app.selection.alert == "a30"
        assert "alert 30" in hands.text("alerts-page").split("The selected one")[0]

    play(story, replace(busy, account=replace(busy.account, alerts=many)), size=(100, 30))


def test_the_health_page_names_what_is_down_and_what_it_means() -> None:
    busy = busy_snapshot()
    down = replace(
        busy,
        health=Health(stream_up=False, poll_failing=True, journal_ok=False),
        account=replace(busy.account, kill=KillSwitch(True, "the journal fails", "the core", busy.at_ns)),
    )

    async def story(hands: Hands) -> None:
        await hands.press("H")
        said = hands.text("health-page")
        for words in (
            "the poll goes on alone",
            "failing",
            "FAILING",
            "ON  the journal fails",
            "Nothing measured yet",
        ):
            assert words in said, words

    play(story, down)


def test_a_page_over_a_silent_core_says_how_old_it_is() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("enter")
        assert "s old" not in hands.text("group-page")
        await hands.wait(4_200)
        assert "what you see is 4." in hands.text("group-page")
        await hands.publish(replace(busy_snapshot(), version=88_200))
        assert "s old" not in hands.text("group-page")

    play(story)


def test_pages_are_drawn_in_ascii_where_only_that_was_asked_for() -> None:
    async def story(hands: Hands) -> None:
        for key, name in PAGES.items():
            await hands.press(key)
            assert hands.text(name).isascii(), name
            assert "??" not in hands.text(name)

    play(story, plain=True)


def test_panels_under_a_page_are_not_painted_and_are_up_to_date_when_it_closes() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("H")
        before = hands.app.main.delta.repainted_lines
        now = hands.service.current
        await hands.publish(replace(now, version=now.version + 1, total=replace(now.total, delta_units=77.7)))
        assert hands.app.main.delta.repainted_lines == before
        await hands.press("escape")
        assert "+77.7" in hands.text("delta")

    play(story)


def test_a_page_that_fails_says_so_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no positions today")

    monkeypatch.setattr("console.pages.positions.standings", broken)

    async def story(hands: Hands) -> None:
        await hands.press("p")
        assert "no positions today" in hands.text("positions-page")
        await hands.press("escape", "H")
        assert "What must live" in hands.text("health-page")

    play(story)


def test_escape_closes_the_page_before_it_takes_the_filter_away() -> None:
    async def story(hands: Hands) -> None:
        hands.app.selection.filter = "condor"
        await hands.press("H", "escape")
        assert hands.app.selection.filter == "condor"
        await hands.press("escape")
        assert hands.app.selection.filter == ""

    play(story)
