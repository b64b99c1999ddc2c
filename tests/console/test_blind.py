"""While nobody can see the market: the worst of the shocks leads, and no old delta passes for a fresh one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from console.demo import busy_snapshot, calm_snapshot
from core.engine.snapshot import RecordedAt, Snapshot
from tests.console.hands import Hands, hands_on
from tests.console.test_panel_states import blind

Story = Callable[[Hands], Awaitable[None]]


def run(story: Story, snapshot: Snapshot, size: tuple[int, int] = (160, 50)) -> None:
    async def main() -> None:
        async with hands_on(snapshot, size) as hands:
            await story(hands)

    asyncio.run(main())


def figures(hands: Hands) -> str:
    """The line of figures of the delta panel."""
    return hands.text("delta").splitlines()[1]


@pytest.mark.parametrize("size", [(100, 30), (120, 40), (160, 50), (200, 60)])
def test_blind_the_worst_of_the_shocks_is_the_first_figure_and_is_named(size: tuple[int, int]) -> None:
    async def story(hands: Hands) -> None:
        said = figures(hands)
        assert "3 %" in said[: said.index("−18,690")]
        assert "worst" in said
        assert "uncovered ✖ 65" in said
        before, _, after = said.partition("−41.4")
        assert not after or before.endswith("last delta "), "an old delta has to say that it is old"
        assert "−8,460" not in said

    run(story, blind(), size)


def test_the_worst_may_be_the_rise() -> None:
    async def story(hands: Hands) -> None:
        assert "worst of ±3 % −18,690" in figures(hands)

    made = blind()
    turned = replace(made.total, loss_up_paise=-18_690_00, loss_down_paise=4_000_00)
    run(story, replace(made, total=turned))


def test_blind_there_is_no_worth_of_one_per_cent() -> None:
    async def story(hands: Hands) -> None:
        assert "1 %" not in hands.text("delta")
        await hands.press("down", "enter")
        page = hands.text("group-page")
        assert "per 1 %" not in page
        assert "worst of ±3 % −4,120" in page
        assert "+18.4" not in page

    run(story, blind())


@pytest.mark.parametrize("size", [(100, 30), (160, 50)])
def test_a_blind_group_has_no_delta_in_the_table(size: tuple[int, int]) -> None:
    async def story(hands: Hands) -> None:
        row = next(each for each in hands.text("groups").splitlines() if "G-013" in each)
        assert "blind" in row
        assert "−4.1" not in row

    run(story, blind(), size)


def test_a_terminal_that_is_too_small_shows_the_worst_too() -> None:
    async def story(hands: Hands) -> None:
        said = hands.text("small")
        assert "worst of ±3 % −18,690" in said
        assert "−41.4" not in said

    run(story, blind(), (80, 20))


def test_a_replay_shows_what_was_recorded_and_calls_nothing_blind() -> None:
    async def story(hands: Hands) -> None:
        assert "−41.4" in figures(hands)
        row = next(each for each in hands.text("groups").splitlines() if "G-013" in each)
        assert "−4.1" in row

    made = blind()
    run(story, replace(made, recorded=RecordedAt(1, 2, made.at_ns, made.at_ns)))


@pytest.mark.parametrize(
    ("size", "words"),
    [((120, 40), "+840/1 %  limit ±62"), ((160, 50), "per 1 % +840"), ((200, 60), "per 1 % +840")],
)
def test_the_worth_of_one_per_cent_is_on_the_panel(size: tuple[int, int], words: str) -> None:
    async def story(hands: Hands) -> None:
        assert words in hands.text("delta")

    run(story, calm_snapshot(), size)


def test_the_limit_is_never_pushed_out_by_the_worth_of_one_per_cent() -> None:
    async def story(hands: Hands) -> None:
        said = hands.text("delta").splitlines()[0]
        assert "limit ±1,234 units" in said
        assert "/1 %" not in said

    calm = calm_snapshot()
    large = replace(calm.total, delta_paise_per_pct=-1_23_45_678_00.0, delta_limit_units=1_234)
    run(story, replace(calm, total=large), (120, 40))


def test_the_group_page_shows_delta_its_worth_and_both_shocks() -> None:
    async def story(hands: Hands) -> None:
        await hands.press("down", "enter")
        page = hands.text("group-page")
        assert "delta +18.4" in page
        assert "per 1 % +4,600" in page
        assert "±3 % −4,120 +980" in page

    run(story, busy_snapshot())


def test_a_large_amount_pushes_nothing_uncovered_off_a_small_panel() -> None:
    async def story(hands: Hands) -> None:
        said = figures(hands)
        assert "−1,23,45,678" in said
        assert "✖ 13,000" in said

    made = blind()
    large = replace(made.total, loss_down_paise=-1_23_45_678_00, uncovered_units=13_000)
    run(story, replace(made, total=large), (100, 30))
