"""Whatever is dangerous refuses alike: a wrong word, a late one, a held key, a read-only session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from console.demo import busy_snapshot
from core.domain.account import KillSwitch
from core.domain.inputs import OperatorAction
from core.engine.snapshot import Snapshot
from tests.console.hands import Hands
from tests.console.test_keys import play


def killed() -> Snapshot:
    busy = busy_snapshot()
    kill = KillSwitch(True, "by hand", "trader", busy.at_ns)
    return replace(busy, account=replace(busy.account, kill=kill))


@dataclass(frozen=True, slots=True)
class Dangerous:
    """One dangerous action: its keys up to where a word is asked for, the word, a wrong one, the command."""

    name: str
    keys: tuple[str, ...]
    word: str
    wrong: str
    overlay: str
    action: OperatorAction
    snapshot: Callable[[], Snapshot] = busy_snapshot

    def __str__(self) -> str:
        return self.name


EVERY = pytest.mark.parametrize(
    "what",
    [
        Dangerous("flatten", ("f9",), "11", "14", "flatten", OperatorAction.FLATTEN),
        Dangerous("flatten everything", ("f9",), "ALL", "AL", "flatten", OperatorAction.FLATTEN_ALL),
        Dangerous("recover", ("r", "u", "enter"), "011", "14", "recover", OperatorAction.UNWIND),
        Dangerous("kill switch", ("K",), "KILL", "KIL", "kill", OperatorAction.KILL),
        Dangerous("reset", ("K",), "RESET seen", "RESET", "kill", OperatorAction.RESET_KILL, killed),
    ],
    ids=str,
)
Story = Callable[[Hands], Awaitable[None]]


@EVERY
def test_its_word_gives_the_command_once_and_says_who_saw_what(what: Dangerous) -> None:
    async def story(hands: Hands) -> None:
        await hands.press(*what.keys)
        await hands.type(what.word)
        await hands.press("enter", "enter")
        given = [each for each in hands.commands if each.action is what.action]
        assert len(given) == len(hands.commands) == 1
        assert given[0].by == "trader @ desk-2"
        assert given[0].saw == hands.app.snapshot.version

    play(story, what.snapshot())


@EVERY
def test_a_wrong_word_is_named_and_sends_nothing(what: Dangerous) -> None:
    async def story(hands: Hands) -> None:
        await hands.press(*what.keys)
        await hands.type(what.wrong)
        await hands.press("enter")
        assert hands.commands == []
        assert f"'{what.wrong}' is not what was asked for" in hands.text(what.overlay)
        await hands.type(what.word)
        await hands.press("enter")
        assert [each.action for each in hands.commands] == [what.action]

    play(story, what.snapshot())


@EVERY
@pytest.mark.parametrize("begun", [False, True], ids=["never begun", "not finished"])
def test_an_arming_that_expired_sends_nothing_however_late_the_word_comes(
    what: Dangerous, begun: bool
) -> None:
    async def story(hands: Hands) -> None:
        await hands.press(*what.keys)
        if begun:
            await hands.type(what.word)
            await hands.wait(15_001)
        else:
            await hands.wait(5_001)
            await hands.type(what.word)
        await hands.press("enter")
        assert not [each for each in hands.commands if each.action is what.action]

    play(story, what.snapshot())


@EVERY
def test_a_held_key_types_no_word_and_a_held_enter_confirms_none(what: Dangerous) -> None:
    async def story(hands: Hands) -> None:
        await hands.press(*what.keys)
        hands.clock.between_keys_ms = 30
        for letter in what.word:
            key = "space" if letter == " " else letter
            await hands.press(key, key, key, key)
        typed = hands.app.main.query_one(f"#{what.overlay}").arming.typed  # type: ignore[attr-defined]
        assert len(typed) <= len(what.word)
        hands.clock.between_keys_ms = 120
        await hands.press("enter")
        hands.clock.between_keys_ms = 30
        await hands.press("enter", "enter", "enter")
        assert len(hands.commands) <= 1

    play(story, what.snapshot())


@EVERY
def test_keys_from_before_it_stood_on_the_screen_are_no_word(what: Dangerous) -> None:
    async def story(hands: Hands) -> None:
        await hands.press(*what.keys)
        hands.clock.held_back_ms = 60_000
        await hands.type(what.word)
        await hands.press("enter")
        assert hands.commands == []

    play(story, what.snapshot())


@EVERY
def test_a_read_only_session_refuses_the_key_the_palette_and_the_command(what: Dangerous) -> None:
    async def story(hands: Hands) -> None:
        await hands.press(what.keys[0])
        assert hands.app.main.open is None
        assert "refused: this is a read-only session" in hands.text("log")
        assert not hands.app.desk.send(what.action, "G-011")
        assert hands.commands == []

    play(story, what.snapshot(), observe=True)


@EVERY
def test_the_footer_of_a_read_only_session_greys_the_key(what: Dangerous) -> None:
    async def story(hands: Hands) -> None:
        works = {action.key: offered for action, offered in hands.app._offered()}
        assert works[what.keys[0]] is False

    play(story, what.snapshot(), observe=True)
