"""n: what a ticket shows before it can be sent, and everything that must not send it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from console.demo import busy_snapshot, calm_snapshot
from core.domain.groups import IncompletePolicy
from core.domain.instruments import Product, Right
from core.engine.previews import CUSTOM, TicketPreview, TicketRequest
from core.engine.snapshot import Snapshot
from tests.console.hands import Hands, hands_on

Story = Callable[[Hands], Awaitable[None]]


def play(story: Story, snapshot: Snapshot | None = None, **chosen: Any) -> None:
    async def run() -> None:
        async with hands_on(snapshot, **chosen) as hands:
            await story(hands)

    asyncio.run(run())


async def filled_in(hands: Hands, lots: str = "4") -> None:
    """Open the ticket and ask for so many lots; the preview follows when nobody types."""
    await hands.press("n", *["down"] * 6, "backspace")
    await hands.type(lots)
    await hands.wait(300)


def test_the_preview_shows_legs_in_sending_order_price_risk_margin_and_budget() -> None:
    async def story(hands: Hands) -> None:
        await filled_in(hands)
        said = hands.text("ticket")
        legs = [each for each in said.splitlines() if " PE " in each or " CE " in each]
        assert ["BUY" in each for each in legs[:4]] == [True, True, False, False]
        for words in (
            "New group G-015",
            "260",
            "credit",
            "₹ 8,528",
            "maximum loss  ₹ 17,472",
            "breakeven",
            "worst margin  ₹ 1,26,000 of ₹ 2,99,520",
            "4 orders, 1 s of the order budget",
            "defined risk",
        ):
            assert words in said, words

    play(story)


def test_enter_and_the_word_send_exactly_the_plan_that_was_shown() -> None:
    async def story(hands: Hands) -> None:
        await filled_in(hands)
        shown = hands.app.main.ticket.preview
        assert shown is not None
        await hands.press("enter")
        assert "Type SEND" in hands.text("ticket")
        assert hands.service.submitted == []
        await hands.type("send")
        await hands.press("enter")
        assert hands.service.submitted == [shown.plan]
        assert hands.service.submitted[0].copies == 4
        assert hands.app.main.open is None
        assert "G-015 given to the core" in hands.text("log")

    play(story)


def test_what_was_typed_but_not_yet_shown_cannot_be_armed() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("n", *["down"] * 6, "backspace", "7")
        assert "when you stop typing" in hands.text("ticket")
        await hands.press("enter")
        assert not hands.app.main.ticket.is_armed
        assert "455" in hands.text("ticket")
        await hands.press("enter")
        assert hands.app.main.ticket.is_armed

    play(story)


def test_a_wrong_word_sends_nothing() -> None:
    async def story(hands: Hands) -> None:
        await filled_in(hands)
        await hands.press("enter")
        await hands.type("yes")
        await hands.press("enter")
        assert hands.service.submitted == []
        assert "'yes' is not what was asked for" in hands.text("ticket")

    play(story)


def test_an_arming_that_expired_goes_back_to_the_form() -> None:
    async def story(hands: Hands) -> None:
        await filled_in(hands)
        await hands.press("enter")
        await hands.type("SEND")
        await hands.wait(15_000)
        assert not hands.app.main.ticket.is_armed
        assert "the time was over" in hands.text("ticket")
        await hands.type("SEND")
        assert hands.service.submitted == []
        assert hands.app.main.ticket.request.lots == "4"

    play(story)


def test_a_held_enter_neither_arms_and_sends_nor_sends_twice() -> None:
    async def story(hands: Hands) -> None:
        await filled_in(hands)
        hands.clock.between_keys_ms = 33
        await hands.press("enter", "enter", "enter")
        assert hands.service.submitted == []
        hands.clock.between_keys_ms = 120
        await hands.press("escape", "n", "enter")
        await hands.type("SEND")
        await hands.press("enter", "enter")
        assert len(hands.service.submitted) == 1

    play(story)


def test_keys_pressed_before_the_word_was_asked_for_are_dropped() -> None:
    async def story(hands: Hands) -> None:
        await filled_in(hands)
        hands.clock.held_back_ms = 60_000
        await hands.press("enter")
        await hands.type("SEND")
        await hands.press("enter")
        assert hands.service.submitted == []

    play(story)


def test_escape_leaves_the_word_first_and_then_the_form_which_is_kept() -> None:
    async def story(hands: Hands) -> None:
        await filled_in(hands)
        await hands.press("enter", "escape")
        assert hands.app.main.open is hands.app.main.ticket
        assert "Not sent" in hands.text("ticket")
        await hands.press("escape")
        assert hands.app.main.open is None
        await hands.press("n")
        assert hands.app.main.ticket.request.lots == "4"

    play(story)


def test_what_is_wrong_is_a_sentence_and_cannot_be_armed() -> None:
    async def story(hands: Hands) -> None:
        await filled_in(hands, "0.5")
        assert "Lots must be a whole number from 1 to 10,000, not 0.5." in hands.text("ticket")
        await hands.press("enter")
        assert not hands.app.main.ticket.is_armed
        assert "cannot be sent as it is" in hands.text("ticket")
        await hands.press("backspace", "backspace", "backspace")
        await hands.type("12")
        await hands.wait(300)
        assert "Refused: with the 24600 PE short filled" in hands.text("ticket")

    play(story)


def test_choices_are_made_with_left_and_right_and_fields_take_no_letters() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("n", "right")
        assert hands.app.main.ticket.request.strategy == "bull_put_spread"
        await hands.wait(300)
        await hands.press("down", "down", "right", "right")
        assert f"{hands.app.main.ticket.request.expiry}" == "2025-12-26"
        await hands.press("down")
        await hands.type("+30x0")
        assert hands.app.main.ticket.request.put == "+300"
        await hands.press("up", "up", "up", "up", "right")
        assert hands.app.main.ticket.request.allow_naked

    play(story)


def test_the_terms_of_a_group_are_fields_and_stand_in_the_preview() -> None:
    async def story(hands: Hands) -> None:
        await filled_in(hands)
        await hands.press("down", "down", "down")
        await hands.type("15:1o0")
        await hands.press("down", "right", "down", "right")
        request = hands.app.main.ticket.request
        assert request.exit_at == "15:10"
        assert request.product is Product.MIS
        assert request.on_incomplete is IncompletePolicy.UNWIND
        await hands.wait(300)
        said = hands.text("ticket")
        assert "MIS, closed at 15:10:00, intraday; where incomplete it is to unwind" in said

    play(story)


def test_a_calendar_has_a_far_expiry_and_its_options_and_only_what_it_heeds() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("n")
        await choose(hands, "calendar")
        said = hands.text("ticket")
        assert "far expiry" in said
        assert "options" in said
        assert "width" not in said
        await hands.press("down", "down", "down", "right", "right", "down", "right")
        request = hands.app.main.ticket.request
        assert f"{request.far_expiry}" == "2025-12-26"
        assert request.right is Right.PE

    play(story)


def test_legs_of_ones_own_are_typed_one_a_field_and_the_next_appears() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("n")
        await choose(hands, CUSTOM)
        await hands.press("down", "down", "down", "down")
        await hands.type("+1 24500 PE!")
        assert "leg 3" not in hands.text("ticket")
        await hands.press("down")
        await hands.type("-2 +300 ce far")
        assert "leg 3" in hands.text("ticket")
        assert hands.typed_legs() == ("+1 24500 PE", "-2 +300 ce far")
        await hands.press("up", *["backspace"] * 11)
        assert hands.typed_legs() == ("", "-2 +300 ce far")
        await hands.press("down", *["backspace"] * 14)
        assert hands.typed_legs() == ()

    play(story)


def test_a_field_of_the_last_strategy_takes_no_key_once_another_is_chosen() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("n", "left", "down", "down", "down", "down")
        assert hands.app.main.ticket.request.strategy == CUSTOM
        await hands.type("+1 24500 PE")
        request = hands.app.main.ticket.request
        assert request.legs == ("+1 24500 PE",)
        assert request.put == request.call == ""

    play(story)


async def choose(hands: Hands, strategy: str) -> None:
    """Go through the strategies until it is this one."""
    for _ in range(20):
        if hands.app.main.ticket.request.strategy == strategy:
            await hands.wait(300)
            return
        await hands.press("right")
    raise AssertionError(f"{strategy} is not offered")


def test_the_chosen_field_is_in_view_in_the_smallest_terminal_however_many_there_are() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("n")
        await choose(hands, CUSTOM)
        await hands.press("down", "down", "down", "down")
        for number in range(8):
            await hands.type(f"+1 {24_000 + number * 50} PE")
            await hands.press("down")
        ticket = hands.app.main.ticket
        for _ in range(30):
            assert any(text.startswith(hands.app.glyphs.cursor) for row in ticket.lines for text, _ in row)
            await hands.press("down")
        assert len(ticket.request.legs) == 8

    play(story, busy_snapshot(), size=(100, 30))


def test_a_read_only_session_refuses_the_ticket_and_again_underneath() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("n")
        assert hands.app.main.open is None
        assert "New refused: this is a read-only session" in hands.text("log")
        plan = calm_snapshot().account.groups["G-013"].plan
        assert not hands.app.desk.submit(plan)
        assert hands.service.submitted == []

    play(story, observe=True)


def test_a_preview_is_made_again_while_it_is_looked_at_but_not_once_it_is_armed() -> None:
    async def story(hands: Hands) -> None:
        asked: list[TicketRequest] = []

        def preview(request: TicketRequest) -> TicketPreview:
            asked.append(request)
            return given(request)

        given = hands.service.preview
        hands.service.preview = preview  # type: ignore[method-assign]
        await hands.press("n")
        await hands.wait(5_100)
        assert len(asked) == 2
        await hands.press("enter")
        await hands.type("SE")
        await hands.wait(6_000)
        assert len(asked) == 2

    play(story)


def test_a_ticket_fits_the_smallest_terminal() -> None:
    async def story(hands: Hands) -> None:
        await filled_in(hands)
        said = hands.text("ticket")
        assert "budget" in said
        assert "then SEND" in said
        await hands.press("enter")
        assert "Type SEND" in hands.text("ticket")

    play(story, busy_snapshot("LIVE"), size=(100, 30))
