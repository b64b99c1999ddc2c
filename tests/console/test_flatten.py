"""F9, K and q with real keys: what is sent, and everything that must not be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.demo import busy_snapshot, calm_snapshot, empty_snapshot
from console.preview import preview_flatten
from core.domain.account import KillSwitch
from core.domain.inputs import OperatorAction, OperatorCommand
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.engine.snapshot import Snapshot
from tests.console.hands import Hands, hands_on, settled_snapshot

Story = Callable[[Hands], Awaitable[None]]


def play(story: Story, snapshot: Snapshot | None = None, **chosen: Any) -> None:
    async def run() -> None:
        async with hands_on(snapshot, **chosen) as hands:
            await story(hands)

    asyncio.run(run())


def everything_ended(snapshot: Snapshot) -> Snapshot:
    groups = {
        name: replace(group, state=ExecutionLifecycle.CLOSED, live=())
        for name, group in snapshot.account.groups.items()
    }
    return replace(snapshot, version=snapshot.version + 1, account=replace(snapshot.account, groups=groups))


@pytest.mark.parametrize("word", ["11", "011", "G-011", "g-011"])
def test_f9_and_the_groups_number_flatten_that_group(word: str) -> None:
    async def story(hands: Hands) -> None:
        await hands.press("f9")
        await hands.type(word)
        assert hands.commands == []
        await hands.press("enter")
        assert hands.commands == [OperatorCommand(OperatorAction.FLATTEN, "G-011", "trader @ desk-2", 88_124)]
        assert hands.app.main.open is None

    play(story)


def test_f9_and_all_flatten_everything() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("f9")
        await hands.type("all")
        await hands.press("enter")
        assert [(each.action, each.target) for each in hands.commands] == [
            (OperatorAction.FLATTEN_ALL, "ALL")
        ]

    play(story)


def test_the_group_is_the_one_that_was_selected_when_f9_was_pressed() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("down", "f9")
        assert "Flatten G-014" in hands.text("flatten")
        await hands.publish(replace(busy_snapshot(), version=88_200, moves={}))
        await hands.type("014")
        await hands.press("enter")
        assert [each.target for each in hands.commands] == ["G-014"]
        assert hands.commands[0].saw == 88_200

    play(story)


def test_the_number_of_another_group_is_refused() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("f9")
        await hands.type("014")
        await hands.press("enter")
        assert hands.commands == []
        assert hands.app.main.open is hands.app.main.flatten
        assert "'014' is not what was asked for" in hands.text("flatten")

    play(story)


def test_arming_that_expired_sends_nothing_when_enter_comes_late() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("f9")
        await hands.type("011")
        await hands.wait(15_000)
        assert hands.app.main.open is None
        await hands.press("enter")
        assert hands.commands == []
        assert "the time was over" in hands.text("groups")

    play(story)


def test_nothing_typed_for_five_seconds_disarms() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("f9")
        await hands.wait(4_900)
        assert hands.app.main.open is hands.app.main.flatten
        await hands.wait(200)
        assert hands.app.main.open is None

    play(story)


def test_f9_again_neither_arms_twice_nor_starts_the_time_anew() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("f9")
        await hands.wait(3_000)
        await hands.press("f9", "f9")
        arming = hands.app.main.flatten.arming
        assert arming is not None
        assert arming.left_ns(hands.clock.now_ns()) < 2_000_000_000
        await hands.type("011")
        await hands.press("enter", "enter", "f9")
        assert len(hands.commands) == 1

    play(story)


def test_a_held_key_is_not_a_word() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("f9")
        hands.clock.between_keys_ms = 33
        await hands.press("1", "1", "1")
        hands.clock.between_keys_ms = 120
        await hands.press("enter")
        assert hands.commands == []

    play(story)


def test_keys_pressed_before_the_overlay_stood_are_dropped() -> None:
    async def story(hands: Hands) -> None:
        hands.clock.held_back_ms = 10_000
        await hands.press("f9")
        await hands.type("011")
        await hands.press("enter")
        assert hands.commands == []

    play(story)


def test_escape_and_an_empty_enter_cancel() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("f9", "escape")
        assert hands.app.main.open is None
        await hands.press("f9", "enter")
        assert hands.app.main.open is None
        assert hands.commands == []
        assert "Cancelled: nothing was sent" in hands.text("log")

    play(story)


def test_a_read_only_session_refuses_and_says_why() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("f9", "K", "a")
        assert hands.app.main.open is None
        hands.app.desk.arm_flatten("G-011")
        await hands.pilot.pause()
        await hands.type("011")
        await hands.press("enter")
        assert hands.commands == []
        assert "read-only session (--observe)" in hands.text("log")
        assert "READ-ONLY" in hands.text("header")

    play(story, observe=True)


def test_other_keys_do_nothing_while_the_overlay_is_open() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("f9", "q", "K", "t", "down")
        assert hands.app.main.open is hands.app.main.flatten
        assert hands.app.selection.group == "G-011"

    play(story)


def test_with_nothing_live_f9_says_so() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("f9")
        assert hands.app.main.open is None
        assert "Nothing to flatten" in hands.text("groups")

    play(story, empty_snapshot())


def test_f9_works_on_a_terminal_that_is_too_small() -> None:
    async def story(hands: Hands) -> None:
        assert "80x24" in hands.text("small")
        await hands.press("f9")
        await hands.type("011")
        await hands.press("enter")
        assert len(hands.commands) == 1

    play(story, size=(80, 24))


def test_the_preview_buys_shorts_back_first_and_estimates_half_the_spread() -> None:
    preview = preview_flatten(busy_snapshot(), ("G-014",))
    assert [order.side for order in preview.orders] == [Side.BUY, Side.BUY, Side.SELL, Side.SELL]
    assert [order.units for order in preview.orders] == [520, 520, 1_300, 1_300]
    assert preview.cost_paise == 15 * (520 + 520 + 1_300 + 1_300)
    assert preview.cancels == 2
    assert preview.delta_after == pytest.approx(-41.4 - 18.4)


def test_the_preview_slices_by_the_freeze_quantity_and_says_when_it_is_blind() -> None:
    busy = busy_snapshot()
    group = busy.account.groups["G-014"]
    leg = replace(group.legs[0], bought_units=3_900)
    account = replace(busy.account, groups={"G-014": replace(group, legs=(leg,))})
    blind = replace(busy, account=account, view=replace(busy.view, quotes={}))
    preview = preview_flatten(blind, ("G-014",))
    assert preview.children == 3
    assert preview.blind
    assert preview.cost_paise is None


def test_k_trips_the_kill_switch_in_two_steps() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("K")
        await hands.type("kil")
        await hands.press("enter")
        assert hands.commands == []
        await hands.type("kill")
        await hands.press("enter")
        assert [each.action for each in hands.commands] == [OperatorAction.KILL]

    play(story)


def test_a_reset_of_the_kill_switch_needs_a_reason() -> None:
    calm = calm_snapshot()
    tripped = replace(
        calm, account=replace(calm.account, kill=KillSwitch(True, "daily loss", "the core", calm.at_ns))
    )

    async def story(hands: Hands) -> None:
        assert "KILL ON" in hands.text("header")
        assert "daily loss" in hands.text("groups")
        await hands.press("K")
        await hands.type("RESET")
        await hands.press("enter")
        assert hands.commands == []
        await hands.type("RESET loss was a bad quote")
        await hands.press("enter")
        assert [(each.action, each.reason) for each in hands.commands] == [
            (OperatorAction.RESET_KILL, "loss was a bad quote")
        ]

    play(story, tripped)


def test_q_with_nothing_live_leaves() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("q")
        assert hands.app.left

    play(story, empty_snapshot())


def test_q_with_something_live_stays_unless_told_otherwise() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("q")
        assert "are not flat" in hands.text("quit")
        await hands.press("enter")
        assert hands.app.main.open is None
        assert not hands.app.left
        await hands.press("ctrl+c", "escape")
        assert not hands.app.left

    play(story)


def test_a_live_session_cannot_be_left_with_something_open() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("q", "l")
        assert not hands.app.left
        assert hands.app.main.open is hands.app.main.quit

    play(story, busy_snapshot("LIVE"))


def test_flatten_first_takes_both_steps_and_leaves_once_everything_is_flat() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("q", "f")
        await hands.type("011")
        await hands.press("enter")
        assert hands.commands == []
        await hands.type("ALL")
        await hands.press("enter")
        assert [each.action for each in hands.commands] == [OperatorAction.FLATTEN_ALL]
        assert not hands.app.left
        await hands.publish(everything_ended(hands.service.current))
        assert hands.app.left

    play(story)


@pytest.mark.parametrize(
    "before", [["question_mark"], ["slash", "o"], ["n"], ["r"], ["q"], ["enter"], ["A"], ["colon"], ["h"]]
)
def test_f9_flattens_from_whatever_else_is_open(before: list[str]) -> None:
    async def story(hands: Hands) -> None:
        await hands.press(*before, "f9")
        assert hands.app.main.open is hands.app.main.flatten
        await hands.type("ALL")
        await hands.press("enter")
        assert hands.commands[-1].action is OperatorAction.FLATTEN_ALL

    play(story, settled_snapshot())


def test_f9_where_a_word_is_being_waited_for_is_no_key_at_all() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("K", "f9")
        assert hands.opened() is hands.app.main.kill
        await hands.press("escape", "r", "enter", "f9")
        assert hands.opened() is hands.app.main.recover

    play(story)


def test_a_letter_chosen_for_flatten_stays_a_letter_where_one_types(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text('[keys]\nflatten = "F"\n', encoding="utf-8")

    async def story(hands: Hands) -> None:
        await hands.press("slash", "F")
        assert hands.opened() is hands.app.main.filter
        assert hands.app.selection.filter == "F"
        await hands.press("escape", "F")
        assert hands.opened() is hands.app.main.flatten

    play(story, keys_file=path)


def test_f9_in_a_read_only_session_closes_what_is_open_and_says_that_it_is_refused() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("question_mark", "f9")
        assert hands.opened() is None
        assert "Flatten refused" in hands.text("groups")

    play(story, observe=True)
