"""The pages: what they say in every state, and that their keys open, move and close them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from console.demo import busy_snapshot, calm_snapshot, demo_groups, empty_snapshot
from console.glyphs import ASCII, UNICODE
from console.pages.child_orders import OUTCOME_WORD, order_row, order_table
from console.pages.page import Page
from console.pages.positions import standings
from console.pages.worth import compact_rupees, payoff_chart, shock_grid
from console.panels.timeline import exposed_window, shaded
from console.widgets.bars import signed_area
from console.widgets.line import plain, width_of
from console.widgets.plot import plot, stretched
from core.domain.account import Alert, KillSwitch
from core.domain.instruments import PositionKey, Product
from core.domain.orders import OrderStatus, Outcome
from core.engine.snapshot import GroupLook, Health, Snapshot
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


def test_every_outcome_of_a_send_has_its_own_word_and_sign() -> None:
    group = demo_groups()[5]
    order = next(iter(group.orders.values()))
    rows = set()
    for outcome in OUTCOME_WORD:
        made = replace(
            order,
            outcome=outcome,
            order_id="1" if outcome is Outcome.CONFIRMED else None,
            status=OrderStatus.OPEN if outcome is Outcome.CONFIRMED else OrderStatus.INTENDED,
        )
        for glyphs in (UNICODE, ASCII):
            rows.add(plain(order_row(group, made, glyphs, wide=True)))
    assert len(rows) == 2 * len(OUTCOME_WORD)


def test_orders_that_do_not_fit_are_counted() -> None:
    group = demo_groups()[5]
    lines = [plain(each) for each in order_table(group, UNICODE, 90, 5)]
    assert len(lines) == 5
    assert "3 more" in lines[-1]


def test_the_exposed_window_ends_when_the_group_is_whole() -> None:
    condor, bull_put = demo_groups()[5], demo_groups()[4]
    now = condor.good_until_ns
    window = exposed_window(condor, now)
    assert window is not None
    assert window[1] == now
    ended = exposed_window(bull_put, now)
    assert ended is not None
    assert ended[1] == bull_put.legs[1].filled_at_ns
    assert exposed_window(replace(condor, legs=(), first_fill_ns=0), now) is None


def test_shading_changes_the_ground_and_no_character() -> None:
    track = (("abcdef", "text"), ("ghi", "long"))
    assert shaded(track, 2, 7) == (
        ("ab", "text"),
        ("cdef", "text on selected"),
        ("gh", "long on selected"),
        ("i", "long"),
    )


@pytest.mark.parametrize(
    ("paise", "text"),
    [
        (0, "0"),
        (94_000, "+940"),
        (-9_20_000, "−9.2k"),
        (99_960_0, "+10k"),
        (-94_00_000, "−94k"),
        (1_20_000_00, "+1.2L"),
        (-99_96_000_00, "−1.0Cr"),
        (-12_00_00_000_00, "−12Cr"),
    ],
)
def test_an_amount_in_few_cells(paise: int, text: str) -> None:
    assert compact_rupees(paise, UNICODE) == text


def test_a_grid_shows_every_sign_and_marks_the_worst() -> None:
    look = GroupLook(
        "G-001",
        price_steps=(-0.05, 0.0, 0.05),
        vol_steps=(0.0, 0.3),
        grid_paise=((-5, 200_00, 3), (1, -900_00, 7)),
    )
    lines = shock_grid(look, UNICODE, 60)
    worst = [text for each in lines for text, tone in each if tone == "bold bright on breach"]
    assert worst == ["−900"]
    assert "at price now, IV +30%" in plain(lines[-1])


def test_a_look_that_cannot_be_had_says_why() -> None:
    said = payoff_chart(GroupLook("G-001", problem="No quote."), UNICODE, 40, 10)
    assert plain(said[0]) == "No quote."
    assert "worked out" in plain(payoff_chart(None, UNICODE, 40, 10)[0])


def test_gains_stand_above_the_zero_line_and_losses_below() -> None:
    lines = plot([-10, -10, 10, 10], [0, 0, 0, 0], 8, 6, UNICODE)
    tones = [{tone for text, tone in each if text.strip()} for each in lines]
    assert "ok" in tones[0]
    assert "breach" in tones[-1]
    assert all(width_of(each) == 8 for each in lines)
    assert all(plain(each).isascii() for each in plot([-1, 1], [1, -1], 8, 6, ASCII))


def test_a_curve_is_stretched_straight_between_its_points() -> None:
    assert stretched([0, 10], 3) == [0, 5, 10]
    assert stretched([7], 2) == [7, 7]


def test_a_short_delta_hangs_below_the_zero_line() -> None:
    assert signed_area([4.0], 4.0, 2, UNICODE) == ["█", "█"]
    assert signed_area([-1.0], 4.0, 2, UNICODE) == ["▀", " "]
    up, down = signed_area([4.0, -4.0, None, 0.0], 4.0, 2, UNICODE)
    assert up == "█   "
    assert down == " █  "


def test_positions_are_joined_over_groups_and_what_nobody_explains_comes_first() -> None:
    found = standings(busy_snapshot())
    assert (found[0].label, found[0].difference, found[0].ours) == ("25300 CE", -65, -65)
    shared = next(each for each in found if each.label == "24600 PE")
    assert shared.holders == (("G-012", 325), ("G-014", -520))
    assert shared.difference == 0
    foreign = next(each for each in found if each.foreign)
    assert (foreign.broker, foreign.ours, foreign.difference) == (-75, 0, 0)


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
