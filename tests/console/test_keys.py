"""Every key of the table does what the table says; the rest of the screen follows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from console.actions import ACTIONS
from console.app import HedgerowApp
from console.demo import busy_snapshot, calm_snapshot
from core.domain.inputs import OperatorAction
from core.engine.snapshot import Snapshot
from tests.console.hands import Hands, hands_on, settled_snapshot

Story = Callable[[Hands], Awaitable[None]]


def play(story: Story, snapshot: Snapshot | None = None, **chosen: Any) -> None:
    async def run() -> None:
        async with hands_on(snapshot, **chosen) as hands:
            await story(hands)

    asyncio.run(run())


def test_every_action_has_a_method_a_key_of_its_own_and_a_line_in_the_help() -> None:
    for action in ACTIONS:
        assert hasattr(HedgerowApp, f"action_{action.name.partition('(')[0]}"), action.name
    keys = [key for action in ACTIONS for key in (action.key, *action.also)]
    assert len(keys) == len(set(keys))

    async def story(hands: Hands) -> None:
        await hands.press("h")
        said = hands.text("help")
        assert all(action.label in said for action in ACTIONS if not action.replay)
        await hands.press("x")
        assert hands.app.main.open is None

    play(story, settled_snapshot())


def test_no_key_of_textuals_own_is_bound() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("ctrl+q", "ctrl+z", "ctrl+p")
        assert hands.app.is_running
        assert hands.app.main.open is None
        assert len(hands.app.screen_stack) == 1

    play(story)


def test_the_arrow_keys_move_in_the_panel_that_has_them() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("down", "j")
        assert hands.app.selection.group == "G-010"
        await hands.press("up", "k", "k", "k")
        assert hands.app.selection.group == "G-011"
        await hands.press("tab", "down")
        assert hands.app.selection.alert == "cancel:G-011"
        await hands.press("tab", "down", "down")
        assert hands.app.selection.log_offset == 2
        assert "2 newer above" in hands.text("log")
        await hands.press("pagedown", "home")
        assert hands.app.selection.log_offset == 0
        await hands.press("tab", "pagedown")
        assert hands.app.selection.group == "G-009"

    play(story)


def test_a_acknowledges_the_worst_alert_or_the_one_selected() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("a")
        assert hands.commands[-1].action is OperatorAction.ACKNOWLEDGE
        assert hands.commands[-1].target == "cancel:G-011"
        await hands.press("tab", "down", "down", "a")
        assert hands.commands[-1].target == "uncovered:G-011"

    play(story)


def test_the_bell_rings_once_for_a_new_critical_alert_and_not_when_muted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(HedgerowApp, "bell", lambda self: rung.append(1))
    busy = busy_snapshot()
    quiet = replace(busy, version=1, account=replace(busy.account, alerts={}))

    async def story(hands: Hands) -> None:
        assert rung == []
        await hands.publish(busy)
        await hands.publish(replace(busy, version=busy.version + 1))
        assert rung == [1]
        await hands.publish(quiet)
        await hands.press("m")
        await hands.publish(busy)
        assert rung == [1]

    play(story, quiet)


def test_t_wears_the_next_theme_and_every_panel_is_painted_in_it() -> None:
    async def story(hands: Hands) -> None:
        await hands.publish(calm_snapshot())
        before = hands.app.palette.name
        await hands.press("t")
        assert hands.app.palette.name != before
        assert {painter.palette.name for painter in hands.app.main.painters} == {hands.app.palette.name}

    play(story)


def test_a_click_selects_a_group() -> None:
    async def story(hands: Hands) -> None:
        await hands.pilot.click("#groups", offset=(20, 4))
        await hands.pilot.pause()
        assert hands.app.selection.group == "G-010"

    play(story)


@pytest.mark.parametrize("size", [(160, 50), (120, 40), (100, 30)])
def test_uncovered_units_are_on_the_screen_at_every_size(size: tuple[int, int]) -> None:
    async def story(hands: Hands) -> None:
        assert "uncovered ✖ 65" in hands.text("delta")

    play(story, size=size)


def test_the_footer_greys_what_a_read_only_session_refuses() -> None:
    async def story(hands: Hands) -> None:
        tones = {text.strip(): tone for text, tone in hands.app.main.footer.lines[0]}
        assert tones["F9"] == "muted on selected"
        assert tones["/"] == "bold ground on accent"

    play(story, observe=True)
