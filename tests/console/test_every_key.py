"""Every key of the table, pressed: each has a story here that fails when the key does nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from console.actions import ACTIONS
from console.app import HedgerowApp
from core.domain.inputs import OperatorAction
from tests.console.hands import Hands, hands_on, settled_snapshot
from tests.console.test_replay import Watching, watching

Story = Callable[[Hands, str], Awaitable[None]]
Past = Callable[[Watching, str], Awaitable[None]]
STORIES: dict[str, Story] = {}
REPLAYED: dict[str, Past] = {}


def tells(name: str) -> Callable[[Story], Story]:
    """The story of an action of a session."""

    def keep(story: Story) -> Story:
        STORIES[name] = story
        return story

    return keep


def opens(name: str, overlay: str) -> None:
    """The story of a key that opens an overlay, which Esc closes."""

    @tells(name)
    async def story(hands: Hands, key: str) -> None:
        await hands.press(key)
        assert hands.app.main.open is not None
        assert hands.app.main.open.id == overlay
        assert hands.app.main.open.visible
        await hands.press("escape")
        assert hands.app.main.open is None
        assert hands.commands == []


def turns_to(name: str, page: str) -> None:
    """The story of a key that opens a page, and closes it again."""

    @tells(name)
    async def story(hands: Hands, key: str) -> None:
        await hands.press(key)
        assert hands.app.main.page is not None
        assert hands.app.main.page.id == page
        await hands.press(key)
        assert hands.app.main.page is None


for _name, _overlay in (
    *(("flatten", "flatten"), ("kill_switch", "kill"), ("recover", "recover"), ("ticket", "ticket")),
    *(("filter", "filter"), ("palette", "palette"), ("help", "help"), ("runbook", "runbook")),
    ("leave", "quit"),
):
    opens(_name, _overlay)
for _name in ("group", "positions", "alerts", "health"):
    turns_to(_name, f"{_name}-page")


def arranges(number: int, hidden: str) -> None:
    """The story of a key that arranges the panels; ``hidden`` is one that it takes away or brings back."""

    @tells(f"preset({number})")
    async def story(hands: Hands, key: str) -> None:
        panel = hands.app.main.panel(hidden)
        if number == 1:
            await hands.press("4")
        shown = panel.size.height > 0
        await hands.press(key)
        assert (panel.size.height > 0) is not shown
        assert f"Arrangement {number}" in hands.text("groups")


for _number, _hidden in ((1, "legs"), (2, "log"), (3, "delta"), (4, "alerts")):
    arranges(_number, _hidden)


@tells("move(1)")
async def _down(hands: Hands, key: str) -> None:
    rows = hands.app.scene().rows
    await hands.press(key)
    assert hands.app.selection.group == rows[1]


@tells("move(-1)")
async def _up(hands: Hands, key: str) -> None:
    rows = hands.app.scene().rows
    await hands.press("down", "down", key)
    assert hands.app.selection.group == rows[1]


@tells("page(1)")
async def _page_down(hands: Hands, key: str) -> None:
    await hands.press(key)
    assert hands.app.selection.group == hands.app.scene().rows[-1]


@tells("page(-1)")
async def _page_up(hands: Hands, key: str) -> None:
    await hands.press("pagedown", key)
    assert hands.app.selection.group == hands.app.scene().rows[0]


@tells("home")
async def _home(hands: Hands, key: str) -> None:
    await hands.press("down", "down", "down", key)
    assert hands.app.selection.group == hands.app.scene().rows[0]


@tells("next_panel")
async def _next_panel(hands: Hands, key: str) -> None:
    for panel in ("alerts", "log", "groups"):
        await hands.press(key)
        assert hands.app.selection.panel == panel
        assert hands.app.scene().focus == panel


@tells("acknowledge")
async def _acknowledge(hands: Hands, key: str) -> None:
    await hands.press(key)
    assert [each.action for each in hands.commands] == [OperatorAction.ACKNOWLEDGE]


@tells("mute")
async def _mute(hands: Hands, key: str) -> None:
    await hands.press(key)
    assert hands.app.muted
    await hands.press(key)
    assert not hands.app.muted


@tells("sort")
async def _sort(hands: Hands, key: str) -> None:
    before = hands.app.scene().rows
    await hands.press(key)
    assert hands.app.scene().rows != before
    assert "newest first" in hands.text("groups")


@tells("zoom")
async def _zoom(hands: Hands, key: str) -> None:
    height = hands.app.main.groups.size.height
    await hands.press(key)
    assert hands.app.main.groups.size.height > 2 * height
    await hands.press(key)
    assert hands.app.main.groups.size.height == height


@tells("export")
async def _export(hands: Hands, key: str) -> None:
    await hands.press(key)
    writing = hands.app._writing
    assert writing is not None
    await writing
    assert list(hands.app.options.incidents_folder.rglob("*.svg"))


@tells("copy")
async def _copy(hands: Hands, key: str) -> None:
    await hands.press(key)
    assert "G-014" in hands.app.clipboard


@tells("clear")
async def _clear(hands: Hands, key: str) -> None:
    await hands.press("slash", "o", "enter", "plus", "p")
    await hands.press(key)
    assert hands.app.main.page is None
    await hands.press(key)
    assert hands.app.selection.filter == ""
    assert not hands.app.selection.zoomed


@tells("theme")
async def _theme(hands: Hands, key: str) -> None:
    before = hands.app.palette.name
    await hands.press(key)
    assert hands.app.palette.name != before


def replays(name: str) -> Callable[[Past], Past]:
    """The story of an action of a replay."""

    def keep(story: Past) -> Past:
        REPLAYED[name] = story
        return story

    return keep


@replays("play")
async def _play(past: Watching, key: str) -> None:
    await past.press(key)
    assert past.transport.playing
    await past.press(key)
    assert not past.transport.playing


def moves(name: str, start: int, end: int) -> None:
    """The story of a key that goes from one row to another."""

    @replays(name)
    async def story(past: Watching, key: str) -> None:
        past.transport.seek(str(start))
        await past.press(key)
        assert past.transport.replay.row == end


moves("step(1)", 3, 4)
moves("step(-1)", 3, 2)
moves("notable(1)", 3, 5)
moves("notable(-1)", 7, 5)


def changes_speed(name: str, speed: float) -> None:
    """The story of a key that changes the speed."""

    @replays(name)
    async def story(past: Watching, key: str) -> None:
        await past.press(key)
        assert past.transport.speed == speed
        assert f"{speed:g}×" in past.bar()


changes_speed("speed(1)", 2.0)
changes_speed("speed(-1)", 0.5)


@replays("seek")
async def _seek(past: Watching, key: str) -> None:
    await past.press(key)
    assert past.app.main.open is past.app.main.seek


def keys_of(*, replay: bool) -> list[object]:
    """Every key of every action."""
    return [
        pytest.param(action.name, key, id=f"{action.name} {key}")
        for action in ACTIONS
        for key in (action.key, *action.also)
        if action.replay is replay
    ]


def test_no_key_of_the_table_is_without_a_story() -> None:
    assert set(STORIES) == {action.name for action in ACTIONS if not action.replay}
    assert set(REPLAYED) == {action.name for action in ACTIONS if action.replay}


@pytest.mark.parametrize(("name", "key"), keys_of(replay=False))
def test_a_key_does_what_the_table_says(name: str, key: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with hands_on(settled_snapshot(), incidents_folder=tmp_path) as hands:
            await STORIES[name](hands, key)

    asyncio.run(run())


@pytest.mark.parametrize(("name", "key"), keys_of(replay=True))
def test_a_key_of_a_replay_does_what_the_table_says(name: str, key: str) -> None:
    async def run() -> None:
        async with watching() as past:
            await REPLAYED[name](past, key)

    asyncio.run(run())


@pytest.mark.parametrize("key", [each.key for each in ACTIONS if each.writes])
def test_a_key_that_tells_the_core_is_refused_in_a_read_only_session(key: str) -> None:
    async def run() -> None:
        async with hands_on(settled_snapshot(), observe=True) as hands:
            await hands.press(key)
            assert hands.app.main.open is None
            assert hands.commands == []
            assert hands.service.submitted == []
            assert "read-only session" in hands.text("log")

    asyncio.run(run())


def test_every_action_of_the_table_is_one_of_the_apps() -> None:
    assert all(hasattr(HedgerowApp, f"action_{action.name.partition('(')[0]}") for action in ACTIONS)
