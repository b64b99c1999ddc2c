"""Pictures of the main screen. A change of one is looked at by a person before it is accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.pilot import Pilot

from console.app import HedgerowApp
from console.demo import busy_snapshot, calm_snapshot, empty_snapshot
from console.transport import Transport
from core.domain.account import KillSwitch
from core.engine.replay import JournalReplay
from core.engine.snapshot import Health, Snapshot
from tests.console.hands import HandClock, console, options, settled_snapshot
from tests.console.test_panel_states import STATES
from tests.console.test_replay import rows

Compare = Callable[..., bool]


@pytest.mark.parametrize("size", [(160, 50), (120, 40), (100, 30)], ids=["160x50", "120x40", "100x30"])
@pytest.mark.parametrize("mode", ["PAPER", "LIVE"])
def test_a_busy_session(snap_compare: Compare, mode: str, size: tuple[int, int]) -> None:
    app, _, _ = console(busy_snapshot(mode))
    assert snap_compare(app, terminal_size=size)


@pytest.mark.parametrize("theme", ["light", "contrast", "colourblind", "sixteen"])
def test_each_theme(snap_compare: Compare, theme: str) -> None:
    app, _, _ = console(busy_snapshot(), theme=theme)
    assert snap_compare(app, press=["down"], terminal_size=(160, 50))


@pytest.mark.parametrize("keys", [["2"], ["3"], ["4"], ["plus"], ["tab", "plus"], ["s", "s"]], ids="-".join)
def test_each_arrangement(snap_compare: Compare, keys: list[str]) -> None:
    app, _, _ = console(busy_snapshot())
    assert snap_compare(app, press=keys, terminal_size=(120, 40))


@pytest.mark.parametrize("key", ["colon", "h"])
def test_what_has_to_wait_says_why(snap_compare: Compare, key: str) -> None:
    app, _, _ = console(busy_snapshot())
    assert snap_compare(app, press=[key], terminal_size=(120, 40))


@pytest.mark.parametrize("state", ["breached", "disconnected", "blind"])
@pytest.mark.parametrize("size", [(160, 50), (100, 30)], ids=["160x50", "100x30"])
def test_a_session_in_trouble(snap_compare: Compare, state: str, size: tuple[int, int]) -> None:
    app, _, _ = console(STATES[state]())
    assert snap_compare(app, terminal_size=size)


@pytest.mark.parametrize(
    "keys", [["g", "6"], ["greater_than_sign"], ["greater_than_sign", "H"]], ids="-".join
)
def test_a_replay(snap_compare: Compare, keys: list[str]) -> None:
    transport = Transport(JournalReplay(rows(), "calm.journal"))
    app = HedgerowApp(transport.replay, options(HandClock(), observe=True, transport=transport))
    assert snap_compare(app, press=keys, terminal_size=(120, 40))


def test_a_calm_session(snap_compare: Compare) -> None:
    app, _, _ = console(calm_snapshot())
    assert snap_compare(app, terminal_size=(160, 50))


def test_a_core_that_has_just_started(snap_compare: Compare) -> None:
    app, _, _ = console(empty_snapshot())
    assert snap_compare(app, terminal_size=(120, 40))


def test_a_core_that_is_silent(snap_compare: Compare) -> None:
    app, _, clock = console(busy_snapshot())

    async def wait(pilot: Pilot[Any]) -> None:
        await pilot.pause()
        clock.at_ns += 4_200_000_000
        app.repaint_all()
        await pilot.pause()

    assert snap_compare(app, terminal_size=(160, 50), run_before=wait)


def in_trouble() -> Snapshot:
    busy = busy_snapshot()
    health = Health(stream_up=False, poll_failing=True, journal_ok=False)
    account = replace(busy.account, kill=KillSwitch(True, "the journal fails", "the core", busy.at_ns))
    margin = replace(busy.margin, worst_paise=6_00_000_00)
    return replace(busy, health=health, account=account, margin=margin)


def test_everything_that_must_live_is_down(snap_compare: Compare) -> None:
    app, _, _ = console(in_trouble())
    assert snap_compare(app, terminal_size=(160, 50))


def test_a_terminal_with_only_ascii(snap_compare: Compare) -> None:
    app, _, _ = console(busy_snapshot(), plain=True)
    assert snap_compare(app, press=["down"], terminal_size=(120, 40))


def test_a_terminal_without_colours(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _, _ = console(busy_snapshot(), no_colour=True)
    assert snap_compare(app, terminal_size=(120, 40))


def test_a_terminal_that_is_too_small(snap_compare: Compare) -> None:
    app, _, _ = console(busy_snapshot())
    assert snap_compare(app, terminal_size=(80, 24))


def test_a_read_only_session(snap_compare: Compare) -> None:
    app, _, _ = console(busy_snapshot("LIVE"), observe=True)
    assert snap_compare(app, press=["f9"], terminal_size=(160, 50))


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("flatten-group", ["down", "f9", "0", "1"]),
        ("flatten-all", ["f9", "A", "L"]),
        ("flatten-refused", ["f9", "9", "enter"]),
        ("kill-switch", ["K"]),
        ("leave", ["q"]),
        ("help", ["h"]),
        ("runbook", ["question_mark"]),
        ("palette", ["colon", "f", "l"]),
        ("filter", ["slash", "o", "p", "e", "n"]),
    ],
)
def test_each_overlay(snap_compare: Compare, name: str, keys: list[str]) -> None:
    made = settled_snapshot if name in ("help", "palette") else busy_snapshot
    app, _, _ = console(made("LIVE" if name == "flatten-all" else "PAPER"))
    assert snap_compare(app, press=keys, terminal_size=(120, 40))
