"""r: the broker's word beside ours, every way out with its orders, and everything that must not be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from console.demo import busy_snapshot, empty_snapshot
from console.overlays.recover import WORDS
from core.domain.inputs import OperatorAction, OperatorCommand
from core.domain.lifecycle import ExecutionLifecycle
from core.engine.snapshot import NextMove, Snapshot
from tests.console.hands import Hands, hands_on

Story = Callable[[Hands], Awaitable[None]]
WORKING = (
    ("h", OperatorAction.HEDGE),
    ("s", OperatorAction.SCALE_DOWN),
    ("u", OperatorAction.UNWIND),
    ("a", OperatorAction.ADOPT),
    ("m", OperatorAction.HANDLED),
)


def play(story: Story, snapshot: Snapshot | None = None, **chosen: Any) -> None:
    async def run() -> None:
        async with hands_on(snapshot, **chosen) as hands:
            await story(hands)

    asyncio.run(run())


def test_it_says_what_is_wrong_what_the_broker_says_and_every_way_out() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r")
        said = hands.text("recover")
        for words in (
            "Recover G-011",
            "It needs you: put leg: cancel unconfirmed",
            "broker        we    others",
            "25300 CE",
            "✖ -65",
            "cancel pending 0/65",
            "cancel asked 37×",
            "Hedge now",
            "no: refused: the kill switch is on",
            "BUY 65 25400 CE @ 22.40",
        ):
            assert words in said, words
        assert all(label in said for _, label, _ in WORDS.values())

    play(story)


@pytest.mark.parametrize(("key", "action"), WORKING)
def test_letter_enter_number_enter_gives_the_command(key: str, action: OperatorAction) -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r", key, "enter")
        assert hands.commands == []
        await hands.type("11")
        await hands.press("enter")
        assert hands.commands == [
            OperatorCommand(action, "G-011", "trader @ desk-2", 88_124, "from the recovery screen")
        ]
        assert hands.app.main.open is None

    play(story)


def test_a_way_that_would_do_nothing_is_refused_with_the_cores_own_words() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r", "c", "enter")
        assert not hands.app.main.recover.is_armed
        assert "Complete would do nothing: refused: the kill switch is on" in hands.text("recover")

    play(story)


def test_the_chosen_way_shows_its_orders_and_what_follows() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r", "u")
        said = hands.text("recover")
        assert "BUY 65 24300 PE @ 29.60   BUY 65 25300 CE @ 30.75" in said
        assert "1 cancelled, 0 changed, the group is unwinding then" in said
        await hands.press("down")
        assert "units change hands in our books" in hands.text("recover")

    play(story)


def test_the_number_of_another_group_is_refused() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r", "u", "enter")
        await hands.type("14")
        await hands.press("enter")
        assert hands.commands == []
        assert "'14' is not what was asked for" in hands.text("recover")

    play(story)


def test_an_arming_that_expired_sends_nothing() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r", "u", "enter")
        await hands.wait(5_100)
        assert not hands.app.main.recover.is_armed
        assert "the time was over, nothing was sent" in hands.text("recover")
        await hands.type("11")
        assert hands.commands == []

    play(story)


def test_a_held_key_confirms_nothing_and_enter_again_does_nothing_twice() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r", "u", "enter")
        hands.clock.between_keys_ms = 33
        await hands.press("1", "1", "1")
        hands.clock.between_keys_ms = 120
        await hands.press("enter")
        assert hands.commands == []
        await hands.type("11")
        await hands.press("enter", "enter")
        assert len(hands.commands) == 1

    play(story)


def test_keys_pressed_before_the_number_was_asked_for_are_dropped() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r", "u")
        hands.clock.held_back_ms = 60_000
        await hands.press("enter")
        await hands.type("11")
        await hands.press("enter")
        assert hands.commands == []

    play(story)


def test_escape_goes_back_to_the_choices_and_then_away() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r", "u", "enter", "escape")
        assert hands.app.main.open is hands.app.main.recover
        assert "Nothing was sent" in hands.text("recover")
        await hands.press("escape")
        assert hands.app.main.open is None
        assert hands.commands == []

    play(story)


def test_a_read_only_session_refuses_and_again_underneath() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r")
        assert hands.app.main.open is None
        assert "Recover refused: this is a read-only session" in hands.text("log")
        assert not hands.app.desk.send(OperatorAction.UNWIND, "G-011")
        assert hands.commands == []

    play(story, observe=True)


def test_a_group_that_has_ended_needs_no_recovery() -> None:
    busy = busy_snapshot()
    ended = replace(busy.account.groups["G-011"], state=ExecutionLifecycle.CLOSED, live=())
    alone = replace(busy, account=replace(busy.account, groups={"G-011": ended}))

    async def story(hands: Hands) -> None:
        await hands.press("r")
        assert hands.app.main.open is None
        assert "G-011 has ended" in hands.text("log")

    play(story, alone)


def test_without_any_group_it_says_so() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r")
        assert "There is no group to recover" in hands.text("log")

    play(story, empty_snapshot())


def test_the_key_that_a_sentence_names_works() -> None:
    busy = busy_snapshot()
    move = NextMove("the broker never confirmed a cancel", needs_you=True, key="r")
    asks = replace(busy, moves={**busy.moves, "G-011": move})

    async def story(hands: Hands) -> None:
        assert "r to recover" in hands.text("groups")
        await hands.press("r")
        assert hands.app.main.open is hands.app.main.recover

    play(story, asks)


def test_before_the_books_were_read_it_says_that_only_our_word_is_known() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r")
        assert "only our own word is known" in hands.text("recover")

    play(story, replace(busy_snapshot(), books=None))


def test_a_fill_that_only_the_broker_knows_is_shown() -> None:
    busy = busy_snapshot()
    assert busy.books is not None
    orders = tuple(
        replace(order, filled_units=0) if order.tags == ("K7Q2XA110201",) else order
        for order in busy.books.orders
    )

    async def story(hands: Hands) -> None:
        await hands.press("r")
        said = [each for each in hands.text("recover").splitlines() if "SELL 25300 CE" in each]
        assert "complete 0/65" in said[0]
        assert "we complete 65/65" in said[0]

    play(story, replace(busy, books=replace(busy.books, orders=orders)))


def test_it_fits_the_smallest_terminal() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("r", "u")
        said = hands.text("recover")
        assert "BUY 65 24300 PE" in said
        assert "then 011 to do it" in said
        await hands.press("enter")
        assert "Type 011 then Enter to unwind" in hands.text("recover")

    play(story, size=(100, 30))
