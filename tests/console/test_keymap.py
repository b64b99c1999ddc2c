"""A person's own keys: checked line by line, and what cannot be used is said in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.actions import ACTIONS
from console.keymap import action_id, read_keymap, remapped
from tests.console.hands import Hands, settled_snapshot
from tests.console.test_keys import play


def keys_file(folder: Path, text: str) -> Path:
    path = folder / "keys.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_every_action_keeps_its_own_key(tmp_path: Path) -> None:
    keymap = read_keymap(tmp_path / "absent.toml", ACTIONS)
    assert keymap.problems == ()
    assert remapped(ACTIONS, keymap) == ACTIONS


def test_every_action_has_a_name_of_its_own_for_the_file() -> None:
    names = [action_id(action) for action in ACTIONS]
    assert len(set(names)) == len(names)
    assert {"flatten", "move-1", "move+1", "preset+2"} <= set(names)


def test_a_remapped_key_works_and_the_old_one_does_not(tmp_path: Path) -> None:
    path = keys_file(tmp_path, '[keys]\nkill_switch = "f8"\nfilter = "!"\n')

    async def story(hands: Hands) -> None:
        await hands.press("K")
        assert hands.app.main.open is None
        await hands.press("f8")
        assert hands.app.main.open is hands.app.main.kill
        await hands.press("escape", "exclamation_mark")
        assert hands.app.main.open is hands.app.main.filter
        await hands.press("escape", "h")
        assert "F8" in hands.text("help")
        footer = "".join(text for text, _ in hands.app.main.footer.lines[0])
        assert " F8 " in footer
        assert " ! " in footer

    play(story, settled_snapshot(), keys_file=path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml [", "cannot be read"),
        ("theme = 't'", "must have one table, [keys]"),
        ("keys = 3", "must have one table, [keys]"),
        ("[keys]\nfly = 'x'", "there is no action 'fly'"),
        ("[keys]\ntheme = 7", "theme = 7 is no key"),
        ("[keys]\ntheme = 'wave+t'", "is no key"),
        ("[keys]\ntheme = ''", "is no key"),
        ("[keys]\ntheme = 'escape'", "has a meaning of its own"),
        ("[keys]\nflatten = 'f'", "moves money"),
        ("[keys]\ntheme = 'a'", "would be the key of acknowledge and of theme"),
        ("[keys]\nsort = 'Z'\nzoom = 'Z'", "would be the key of sort and of zoom"),
    ],
)
def test_a_line_that_cannot_be_used_is_a_sentence_and_changes_nothing(
    tmp_path: Path, text: str, said: str
) -> None:
    keymap = read_keymap(keys_file(tmp_path, text), ACTIONS)
    assert len(keymap.problems) == 1
    assert said in keymap.problems[0]
    assert "keys.toml" in keymap.problems[0]
    own = {action.name: action.key for action in ACTIONS}
    for action in remapped(ACTIONS, keymap):
        assert action.key == own[action.name] or action.name == "sort"


def test_two_actions_may_exchange_their_keys(tmp_path: Path) -> None:
    keymap = read_keymap(keys_file(tmp_path, "[keys]\nsort = 'e'\nexport = 's'"), ACTIONS)
    assert keymap.problems == ()
    assert dict(keymap.keys) == {"sort": "e", "export": "s"}


def test_a_broken_file_is_reported_on_the_screen(tmp_path: Path) -> None:
    path = keys_file(tmp_path, "[keys]\nfly = 'x'")

    async def story(hands: Hands) -> None:
        assert "there is no action 'fly'" in hands.text("log")

    play(story, keys_file=path)


def test_bytes_that_are_no_text_are_a_sentence_too(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_bytes(b"\xff\xfe")
    assert "cannot be read" in read_keymap(path, ACTIONS).problems[0]
