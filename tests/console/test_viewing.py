"""Filter, order, zoom, arrangement, palette, copies and what has to wait while a group is legging."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.actions import ACTIONS
from console.app import HedgerowApp
from console.arranging import SORTS, matches
from console.demo import busy_snapshot
from core.domain.inputs import OperatorAction
from tests.console.hands import Hands, settled_snapshot
from tests.console.test_keys import play


def test_a_filter_has_words_that_must_occur_and_words_that_must_not() -> None:
    assert matches("G-014 NIFTY iron condor", "CONDOR g-0")
    assert not matches("G-014 NIFTY iron condor", "condor fly")
    assert not matches("G-014 NIFTY iron condor", "!iron")
    assert matches("G-014 NIFTY iron condor", "!fly")
    assert matches("anything", "  ! ")


def test_typing_a_filter_narrows_groups_and_log_and_hides_no_sentence_that_asks_for_a_person() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("slash")
        await hands.type("open")
        groups = hands.text("groups")
        assert "G-013" in groups
        assert "bear call" not in groups
        assert "G-011 needs you" in groups
        assert "3 of 6" in hands.text("filter")
        await hands.press("enter")
        assert hands.app.main.open is None
        assert hands.app.selection.group == "G-013"
        await hands.press("escape")
        assert "bear call" in hands.text("groups")

    play(story)


def test_a_filter_that_finds_nothing_says_how_to_see_everything() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("slash")
        await hands.type("zzz")
        assert "No group has these words" in hands.text("groups")
        assert "No line has these words" in hands.text("log")
        await hands.press("escape")
        assert "G-014" in hands.text("groups")
        assert hands.app.selection.filter == ""

    play(story)


def test_keys_typed_into_the_filter_press_nothing_else() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("slash", "K", "a", "q", "f5")
        assert hands.app.main.open is hands.app.main.filter
        assert hands.commands == []

    play(story)


def test_every_sorting_keeps_every_group_and_the_first_is_the_cores_own() -> None:
    async def story(hands: Hands) -> None:
        seen = []
        for _ in SORTS:
            seen.append(hands.app.scene().rows)
            await hands.press("s")
        assert hands.app.scene().rows == seen[0]
        assert len(set(seen)) > 2
        assert all(sorted(each) == sorted(seen[0]) for each in seen)

    play(story)


def test_plus_lets_the_panel_with_the_arrow_keys_fill_the_screen_and_tab_changes_it() -> None:
    async def story(hands: Hands) -> None:
        main = hands.app.main
        whole = main.groups.size
        await hands.press("plus")
        assert main.groups.size.height > 40
        assert not main.log_panel.display or main.log_panel.size.height == 0
        await hands.press("tab", "tab")
        assert main.log_panel.size.height > 40
        assert "14:32:05" in hands.text("log")
        await hands.press("escape", "tab")
        assert main.groups.size == whole

    play(story)


@pytest.mark.parametrize(
    ("number", "shown", "hidden"), [(2, "legs", "log"), (3, "log", "legs"), (4, "log", "alerts")]
)
def test_a_preset_arranges_the_panels_and_one_brings_all_back(number: int, shown: str, hidden: str) -> None:
    async def story(hands: Hands) -> None:
        main = hands.app.main
        await hands.press(str(number))
        assert main.panel(shown).size.height > 0
        assert main.panel(hidden).size.height == 0
        await hands.press("1")
        assert main.panel(hidden).size.height > 0

    play(story)


def test_the_palette_offers_everything_that_a_key_does_and_does_it() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("colon")
        offered = {action.name for action in hands.app.main.palette_overlay.offered}
        assert offered == {action.name for action in ACTIONS if not action.replay} - {"palette"}
        await hands.type("ackn")
        await hands.press("enter")
        await hands.pilot.pause()
        assert hands.app.main.open is None
        assert hands.commands[-1].action is OperatorAction.ACKNOWLEDGE

    play(story, settled_snapshot())


def test_a_dangerous_action_from_the_palette_still_asks_for_its_word() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("colon")
        await hands.type("flatten")
        await hands.press("enter")
        await hands.pilot.pause()
        assert hands.app.main.open is hands.app.main.flatten
        assert hands.commands == []
        await hands.type("ALL")
        await hands.press("enter")
        assert hands.commands[-1].action is OperatorAction.FLATTEN_ALL

    play(story, settled_snapshot())


def test_the_palette_of_a_read_only_session_says_what_is_refused_and_refuses_it() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("colon")
        await hands.type("kill")
        assert "refused: this session is read-only" in hands.text("palette")
        await hands.press("enter")
        await hands.pilot.pause()
        assert hands.app.main.open is None
        assert "refused" in hands.text("groups")
        assert hands.commands == []

    play(story, settled_snapshot(), observe=True)


def test_a_theme_waits_while_a_group_is_legging_and_is_worn_afterwards() -> None:
    async def story(hands: Hands) -> None:
        before = hands.app.palette.name
        await hands.press("t")
        assert hands.app.palette.name == before
        assert "waits until G-014 is no longer legging" in hands.text("groups")
        await hands.publish(settled_snapshot())
        await hands.pilot.pause()
        assert hands.app.palette.name != before

    play(story)


@pytest.mark.parametrize(
    ("key", "label", "overlay"),
    [("colon", "Palette", "palette"), ("h", "Keys", "help"), ("f1", "Keys", "help")],
)
def test_palette_and_help_wait_while_a_group_is_legging_and_open_as_soon_as_none_is(
    key: str, label: str, overlay: str
) -> None:
    async def story(hands: Hands) -> None:
        await hands.press(key)
        assert hands.app.main.open is None
        assert f"{label}: waits until G-014 is no longer legging" in hands.text("groups")
        await hands.wait(60_000)
        assert hands.app.main.open is None
        await hands.publish(settled_snapshot())
        await hands.pilot.pause()
        assert hands.app.main.open is not None
        assert hands.app.main.open.id == overlay

    play(story)


@pytest.mark.parametrize("instead", [["escape"], ["f9", "escape"], ["question_mark", "escape"]])
def test_what_waits_is_forgotten_once_the_person_does_something_else(instead: list[str]) -> None:
    async def story(hands: Hands) -> None:
        await hands.press("colon", *instead)
        await hands.publish(settled_snapshot())
        await hands.pilot.pause()
        assert hands.app.main.open is None

    play(story)


def test_what_waits_never_takes_the_keys_from_a_flatten_that_is_armed() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("h", "f9")
        await hands.publish(settled_snapshot())
        await hands.pilot.pause()
        assert hands.app.main.open is hands.app.main.flatten

    play(story)


@pytest.mark.parametrize("over", ["finished", "stopped"])
def test_nothing_waits_for_a_group_of_a_core_that_has_ended(over: str) -> None:
    async def story(hands: Hands) -> None:
        if over == "finished":
            await hands.publish(replace(busy_snapshot(), version=99_999, finished=True))
        else:
            hands.app.core_stopped = "it was cancelled"
        await hands.press("h")
        assert hands.app.main.open is hands.app.main.help

    play(story)


def test_y_sends_the_panel_to_the_clipboard_without_its_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(HedgerowApp, "copy_to_clipboard", lambda self, text: copied.append(text))

    async def story(hands: Hands) -> None:
        await hands.press("y")
        assert "G-014" in copied[0]
        assert "│" not in copied[0]

    play(story)
