"""Colour is never the only sign: everything that differs in tone differs in text as well."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import combinations

import pytest

from console.demo import busy_snapshot, calm_snapshot
from console.glyphs import ASCII, UNICODE, Glyphs
from console.panels.alerts import alert_lines
from console.panels.footer import footer_line
from console.panels.groups import columns_for, row_of
from console.panels.header import header_line
from console.scene import Scene
from console.theming import load_themes
from console.widgets.line import plain
from console.wording import LOOK, SEVERITY_SIGN, sign
from core.domain.account import Alert, KillSwitch, Severity
from core.domain.lifecycle import ExecutionLifecycle
from core.engine.snapshot import Health
from tests.console.hands import hands_on

BOTH = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])


def told_apart(texts: dict[str, str]) -> None:
    for (one, first), (other, second) in combinations(texts.items(), 2):
        assert first != second, f"{one} looks like {other}"


@BOTH
@pytest.mark.parametrize("width", [104, 70, 58])
def test_every_state_of_a_group_has_its_own_row(glyphs: Glyphs, width: int) -> None:
    group = busy_snapshot().account.groups["G-013"]
    texts = {
        state.value: plain(row_of(replace(group, state=state), None, 0, columns_for(width), glyphs))
        for state in ExecutionLifecycle
    }
    told_apart(texts)


@BOTH
def test_states_of_different_urgency_have_different_signs_or_words(glyphs: Glyphs) -> None:
    told_apart({state.value: sign(glyphs, look.sign) + look.word for state, look in LOOK.items()})


@BOTH
def test_severities_of_alerts_differ_in_sign_and_word(glyphs: Glyphs) -> None:
    told_apart({severity.value: sign(glyphs, name) for severity, name in SEVERITY_SIGN.items()})
    scene = Scene(snapshot=busy_snapshot(), glyphs=glyphs)
    rows = {}
    for severity in Severity:
        alert = Alert("a", severity, "the same words", "books", 1, 1)
        rows[severity.value] = plain(alert_lines(alert, scene, 70)[0])
        rows[f"{severity.value} acknowledged"] = plain(
            alert_lines(replace(alert, acknowledged=True), scene, 70)[0]
        )
    told_apart(rows)


@BOTH
def test_the_health_of_everything_that_must_live_is_said_in_the_header(glyphs: Glyphs) -> None:
    calm = calm_snapshot()
    bad = Health(stream_up=False, poll_failing=True, journal_ok=False)
    pictures = {
        "calm": calm,
        "stream down": replace(calm, health=replace(calm.health, stream_up=False)),
        "poll failing": replace(calm, health=replace(calm.health, poll_failing=True)),
        "journal failing": replace(calm, health=replace(calm.health, journal_ok=False)),
        "all": replace(calm, health=bad),
        "live": replace(calm, mode="LIVE"),
        "killed": replace(calm, account=replace(calm.account, kill=KillSwitch(tripped=True))),
    }
    for width in (100, 160):
        told_apart(
            {
                name: plain(header_line(Scene(snapshot=snapshot, glyphs=glyphs), width))
                for name, snapshot in pictures.items()
            }
        )
    observing = header_line(Scene(snapshot=calm, glyphs=glyphs, observe=True), 160)
    assert "READ-ONLY" in plain(observing)


@BOTH
def test_bought_and_sold_legs_and_signs_of_money_differ_without_colour(glyphs: Glyphs) -> None:
    assert glyphs.long_bar != glyphs.short_bar != glyphs.empty_bar != glyphs.long_bar
    assert len({glyphs.ok, glyphs.warn, glyphs.breach, glyphs.clock, glyphs.working, glyphs.info}) == 6


def test_without_colours_a_refused_key_is_told_from_one_that_works() -> None:
    palette = load_themes(()).palettes["paper"].without_colours()

    async def story(observe: bool) -> list[tuple[str, object]]:
        async with hands_on(observe=observe) as hands:
            line = footer_line(hands.app._offered(), 160, UNICODE)
            return [(text, palette.style(tone, "raised")) for text, tone in line]

    free, refused = asyncio.run(story(False)), asyncio.run(story(True))
    assert [text for text, _ in free] == [text for text, _ in refused]
    assert free != refused


@pytest.mark.parametrize("name", sorted(load_themes(()).palettes))
def test_no_theme_paints_words_in_the_colour_of_their_ground(name: str) -> None:
    colours = load_themes(()).palettes[name].colours
    for tone in ("text", "bright", "ok", "warn", "breach", "info", "long", "short", "accent", "muted"):
        assert colours[tone] not in (colours["ground"], colours["raised"]), tone
    assert colours["text"] != colours["selected"]


def test_the_theme_of_sixteen_colours_sends_no_mixed_colour() -> None:
    palettes = load_themes(()).palettes
    assert palettes["sixteen"].wants_terminal_colours
    assert palettes["paper"].without_colours().wants_terminal_colours
    assert not palettes["paper"].wants_terminal_colours

    async def story() -> None:
        async with hands_on(calm_snapshot(), theme="sixteen") as hands:
            assert hands.app.native_ansi_color
            style = hands.app.palette.style("warn")
            assert style.color is not None
            assert style.color.triplet is None
            await hands.press("t")
            assert not hands.app.native_ansi_color

    asyncio.run(story())
