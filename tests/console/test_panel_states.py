"""Each state that a panel can be in, drawn without colour: its text alone tells it from every other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest

from console.demo import busy_snapshot, calm_snapshot, empty_snapshot
from core.domain.account import KillSwitch
from core.domain.groups import Unhedged
from core.engine.snapshot import DeltaPoint, Snapshot
from tests.console.hands import Hands, hands_on

Made = Callable[[], Snapshot]
STALE_MS = 4_200
SECOND_NS = 1_000_000_000


def disconnected() -> Snapshot:
    """The busy session with the stream and the poll gone, and so with old prices and books."""
    busy = busy_snapshot()
    gone = replace(
        busy.health,
        stream_up=False,
        stream_age_ms=9_000,
        quotes_age_ms=9_000,
        poll_failing=True,
        poll_age_ms=60_000,
    )
    return replace(busy, health=gone)


def breached() -> Snapshot:
    """The busy session with everything beyond its limit."""
    busy = busy_snapshot()
    group = busy.account.groups["G-013"]
    unhedged = Unhedged(busy.at_ns - 30 * SECOND_NS, 30 * SECOND_NS, 30 * SECOND_NS, 650, reason="delta")
    account = replace(
        busy.account,
        groups={**busy.account.groups, "G-013": replace(group, unhedged=unhedged)},
        kill=KillSwitch(True, "the loss of the day", "the core", busy.at_ns),
        alerts={name: replace(each, acknowledged=False) for name, each in busy.account.alerts.items()},
    )
    exposures = {name: replace(each, delta_limit_units=1) for name, each in busy.exposures.items()}
    return replace(
        busy,
        account=account,
        exposures=exposures,
        total=replace(busy.total, delta_limit_units=10, uncovered_units=650),
        margin=replace(busy.margin, worst_paise=busy.margin.total_paise),
        delta_history=tuple(replace(point, outside=True) for point in busy.delta_history),
        hedge_send_ms=replace(busy.hedge_send_ms, last=400.0),
    )


def blind() -> Snapshot:
    """The busy session on quotes too old to work anything out from."""
    busy = busy_snapshot()
    exposures = {name: replace(each, blind=True) for name, each in busy.exposures.items()}
    return replace(busy, exposures=exposures, total=replace(busy.total, blind=True))


STATES: dict[str, Made] = {
    "empty": empty_snapshot,
    "calm": calm_snapshot,
    "busy": busy_snapshot,
    "stale": busy_snapshot,
    "breached": breached,
    "disconnected": disconnected,
    "blind": blind,
}
"""``stale`` is the busy session over a core that has been silent; ``read-only`` has its own test."""
DIFFER = {
    "header": ("empty", "calm", "stale", "breached", "disconnected"),
    "groups": tuple(STATES),
    "legs": ("empty", "calm", "busy", "stale"),
    "delta": ("empty", "calm", "busy", "stale", "breached", "blind"),
    "margin": ("empty", "calm", "busy", "stale", "breached"),
    "lag": ("empty", "calm", "busy", "stale", "breached"),
    "reconciliation": ("empty", "calm", "busy", "stale", "disconnected"),
    "alerts": ("calm", "busy", "stale"),
    "log": ("empty", "calm", "busy", "stale"),
    "group-page": ("empty", "calm", "busy", "stale", "blind"),
    "positions-page": ("empty", "calm", "busy", "stale"),
    "alerts-page": ("calm", "busy", "stale", "breached"),
    "health-page": ("empty", "calm", "busy", "stale", "disconnected"),
}
"""The states that each panel and each page can be in: what it shows does not depend on the others."""
KEYS = {"group-page": "enter", "positions-page": "p", "alerts-page": "A", "health-page": "H"}


async def drawn(state: str, size: tuple[int, int], *, plain: bool) -> dict[str, str]:
    """Every panel and every page in one state."""
    async with hands_on(STATES[state](), size, no_colour=True, plain=plain) as hands:
        if state == "stale":
            await go_silent(hands)
        texts = {panel: hands.text(panel) for panel in DIFFER if panel not in KEYS}
        for page, key in KEYS.items():
            await hands.press(key)
            texts[page] = hands.text(page)
            await hands.press("escape")
        return texts


async def go_silent(hands: Hands) -> None:
    hands.clock.at_ns += STALE_MS * 1_000_000
    hands.app.repaint_all()
    await hands.pilot.pause()


def clockless(text: str) -> str:
    """Without digits: a number that happens to differ is no sign of a state."""
    return "".join(letter for letter in text if not letter.isdigit())


@pytest.mark.parametrize("plain", [False, True], ids=["signs", "ascii"])
@pytest.mark.parametrize("size", [(160, 50), (100, 30)], ids=["160x50", "100x30"])
def test_every_state_of_every_panel_is_told_apart_without_colour(plain: bool, size: tuple[int, int]) -> None:
    async def run() -> dict[str, dict[str, str]]:
        return {state: await drawn(state, size, plain=plain) for state in STATES}

    texts = asyncio.run(run())
    for panel, states in DIFFER.items():
        for one, other in combinations(states, 2):
            first, second = clockless(texts[one][panel]), clockless(texts[other][panel])
            assert first != second, f"{panel}: {one} looks like {other}"


def test_a_read_only_session_says_so_without_colour() -> None:
    async def run(observe: bool) -> str:
        async with hands_on(busy_snapshot(), no_colour=True, observe=observe) as hands:
            return hands.text("header")

    free, watched = asyncio.run(run(False)), asyncio.run(run(True))
    assert "READ-ONLY" in watched
    assert "READ-ONLY" not in free


def test_a_stale_panel_shows_its_age() -> None:
    texts = asyncio.run(drawn("stale", (160, 50), plain=False))
    for panel in ("groups", "legs", "delta", "margin", "lag", "reconciliation", "log"):
        assert "4.2s" in texts[panel], panel


def test_the_same_figures_inside_and_outside_their_limits_are_told_apart() -> None:
    """Nothing but the limit differs."""

    async def text(limit: int, worst_pct: int, outside: bool) -> tuple[str, str, str]:
        busy = busy_snapshot()
        made = replace(
            busy,
            total=replace(busy.total, delta_limit_units=limit),
            margin=replace(busy.margin, limit_bps=worst_pct * 100),
            delta_history=(DeltaPoint(busy.at_ns - SECOND_NS, 5.0, outside),),
            exposures={name: replace(each, delta_limit_units=limit) for name, each in busy.exposures.items()},
        )
        async with hands_on(made, no_colour=True) as hands:
            return clockless(hands.text("delta")), clockless(hands.text("margin")), hands.text("groups")

    inside = asyncio.run(text(99, 90, False))
    beyond = asyncio.run(text(11, 60, True))
    for first, second in zip(inside, beyond, strict=True):
        assert first != second
