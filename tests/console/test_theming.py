"""Themes are files; a broken one is a sentence, never a crash."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.theming import BUILT_IN_FOLDER, COLOURS, ThemeProblem, load_themes, read_theme

PAPER = (BUILT_IN_FOLDER / "paper.toml").read_text(encoding="utf-8")


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_built_in_theme_is_whole_and_named_after_its_file() -> None:
    shelf = load_themes(())
    assert {"paper", "live"} <= set(shelf.palettes)
    assert shelf.problems == ()
    for path in BUILT_IN_FOLDER.glob("*.toml"):
        assert read_theme(path).name == path.stem


@pytest.mark.parametrize("other", ["ground", "accent", "line", "selected"])
def test_live_is_unlike_paper(other: str) -> None:
    shelf = load_themes(())
    paper, live = shelf.palettes["paper"], shelf.palettes["live"]
    assert paper.colours[other] != live.colours[other]
    assert (paper.border, live.border) == ("round", "heavy")


def test_any_theme_wears_a_heavy_frame_in_a_live_session() -> None:
    light, problem = load_themes(()).choose("light", "LIVE")
    assert problem == ""
    assert light.for_mode("LIVE").border == "heavy"
    assert light.for_mode("PAPER").border == "round"
    assert light.for_mode("LIVE").colours["accent"] != light.for_mode("PAPER").colours["accent"]


def test_a_live_session_cannot_wear_the_paper_theme() -> None:
    chosen, problem = load_themes(()).choose("paper", "LIVE")
    assert chosen.name == "live"
    assert "is for PAPER sessions" in problem


def test_an_unknown_theme_lists_the_known_ones() -> None:
    chosen, problem = load_themes(()).choose("solarized", "PAPER")
    assert chosen.name == "paper"
    assert "colourblind" in problem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml [", "cannot be read"),
        ('name = "x"', "has no [colours] table"),
        (PAPER.replace('warn = "#e3a23b"\n', ""), "lacks the colours warn"),
        (PAPER.replace("#e3a23b", "#zz"), "warn = '#zz' is no colour"),
        (PAPER.replace('mode = "PAPER"', 'mode = "REAL"'), "mode 'REAL'"),
        (PAPER.replace('border = "round"', 'border = "wavy"'), "border 'wavy'"),
        (PAPER, "the name 'paper' is taken"),
    ],
)
def test_a_broken_theme_is_skipped_with_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    written(tmp_path, "mine", text)
    shelf = load_themes([tmp_path])
    assert len(shelf.problems) == 1
    assert "mine.toml" in shelf.problems[0]
    assert said in shelf.problems[0]
    assert "skipped" in shelf.problems[0]


def test_a_persons_own_theme_is_offered_beside_the_built_in_ones(tmp_path: Path) -> None:
    written(tmp_path, "mine", PAPER.replace('"paper"', '"mine"').replace('"PAPER"', '"ANY"'))
    shelf = load_themes([tmp_path, tmp_path / "absent"])
    assert shelf.choose("mine", "LIVE")[0].name == "mine"
    names = []
    name = "paper"
    for _ in range(len(shelf.palettes)):
        name = shelf.next_for(name, "PAPER").name
        names.append(name)
    assert "mine" in names
    assert "live" not in names


def test_a_file_that_is_no_text_is_a_sentence_too(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ThemeProblem, match="cannot be read"):
        read_theme(path)


def test_without_colours_nothing_is_coloured_and_the_selected_row_is_reversed() -> None:
    palette = load_themes(()).palettes["paper"].without_colours()
    for colour in COLOURS:
        style = palette.style(f"bold {colour}")
        assert style.color is None
        assert style.bgcolor is None
    assert palette.style("text on selected").reverse
    assert palette.style("bold ground on accent").reverse
