"""Pictures of the pages, the ticket and the recovery, in each state that they can be in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from console.demo import busy_snapshot, calm_snapshot, empty_snapshot
from core.domain.account import KillSwitch
from core.engine.snapshot import Health, Snapshot
from tests.console.hands import console

Compare = Callable[..., bool]
PAGES = {"group": ["down", "enter"], "positions": ["p"], "alerts": ["A", "down"], "health": ["H"]}


OWN_LEG = ["plus", "1", "space", "2", "4", "5", "0", "0", "space", "P", "E", "down", "minus", "2"]


def in_trouble() -> Snapshot:
    busy = busy_snapshot("LIVE")
    health = Health(stream_up=False, poll_failing=True, journal_ok=False)
    account = replace(busy.account, kill=KillSwitch(True, "the journal fails", "the core", busy.at_ns))
    return replace(busy, health=health, account=account, books=None)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("size", [(160, 50), (100, 30)], ids=["160x50", "100x30"])
def test_a_busy_page(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    app, _, _ = console(busy_snapshot())
    assert snap_compare(app, press=PAGES[name], terminal_size=size)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("state", ["calm", "empty", "disconnected"])
def test_a_page_in_each_state(snap_compare: Compare, name: str, state: str) -> None:
    made = {"calm": calm_snapshot, "empty": empty_snapshot, "disconnected": in_trouble}[state]
    app, _, _ = console(made())
    assert snap_compare(app, press=PAGES[name], terminal_size=(120, 40))


@pytest.mark.parametrize("name", ["group", "positions"])
def test_a_page_over_a_silent_core(snap_compare: Compare, name: str) -> None:
    app, _, clock = console(busy_snapshot())

    async def wait(pilot: Pilot[Any]) -> None:
        await pilot.press(*PAGES[name])
        await pilot.pause()
        clock.at_ns += 4_200_000_000
        app.repaint_all()
        await pilot.pause()

    assert snap_compare(app, terminal_size=(120, 40), run_before=wait)


@pytest.mark.parametrize(
    ("name", "theme"), [("group", "colourblind"), ("health", "contrast"), ("alerts", "light")]
)
def test_a_page_in_other_themes(snap_compare: Compare, name: str, theme: str) -> None:
    app, _, _ = console(busy_snapshot("LIVE"), theme=theme)
    assert snap_compare(app, press=PAGES[name], terminal_size=(120, 40))


@pytest.mark.parametrize("name", ["group", "positions"])
def test_a_page_without_colours(snap_compare: Compare, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _, _ = console(busy_snapshot(), no_colour=True)
    assert snap_compare(app, press=PAGES[name], terminal_size=(120, 40))


def test_the_group_page_with_only_ascii(snap_compare: Compare) -> None:
    app, _, _ = console(busy_snapshot(), plain=True)
    assert snap_compare(app, press=PAGES["group"], terminal_size=(120, 40))


def test_the_group_page_of_a_read_only_session(snap_compare: Compare) -> None:
    app, _, _ = console(busy_snapshot("LIVE"), observe=True)
    assert snap_compare(app, press=["enter", "r"], terminal_size=(120, 40))


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("ticket", ["n"]),
        ("ticket-armed", ["n", "enter", "S", "E"]),
        ("ticket-calendar", ["n", "right", "right", *["down"] * 4, "right"]),
        ("ticket-own-legs", ["n", "left", *["down"] * 4, *OWN_LEG]),
        ("ticket-refused", ["n", *["down"] * 6, "0", "0", "enter", "enter"]),
        ("recover", ["r"]),
        ("recover-armed", ["r", "u", "enter", "0"]),
        ("recover-refused", ["r", "c", "enter"]),
    ],
)
@pytest.mark.parametrize("size", [(160, 50), (100, 30)], ids=["160x50", "100x30"])
def test_ticket_and_recovery(
    snap_compare: Compare, name: str, keys: list[str], size: tuple[int, int]
) -> None:
    app, _, _ = console(busy_snapshot("LIVE" if name.startswith("recover") else "PAPER"))
    assert snap_compare(app, press=keys, terminal_size=size)
