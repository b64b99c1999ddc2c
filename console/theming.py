"""Themes from files: colours named for what they mean, and the frame that goes with them.

The built-in ones lie in ``themes/``, the user's in the configuration folder. A file that is broken is
skipped and reported in a sentence; the console always has a theme to start with.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import platformdirs
from rich.color import Color, ColorParseError
from rich.style import Style

import themes
from console.glyphs import FRAMES

COLOURS = (
    "ground",
    "raised",
    "selected",
    "line",
    "text",
    "muted",
    "bright",
    "ok",
    "warn",
    "breach",
    "info",
    "long",
    "short",
    "accent",
)
LIVE_ACCENT = "live-accent"
"""The accent of a LIVE session; optional, the colour of shorts where a theme does not say."""
MODES = ("PAPER", "LIVE", "ANY")
ATTRIBUTES = frozenset({"bold", "dim", "reverse", "underline", "italic", "strike"})
BUILT_IN_FOLDER = Path(themes.__file__).parent
DEFAULTS = {"PAPER": "paper", "LIVE": "live"}


class ThemeProblem(ValueError):
    """A theme file that cannot be used; the text is a sentence for the person who wrote it."""


@dataclass(frozen=True)
class Palette:
    """The colours of one theme. ``mode`` is the kind of session it is meant for."""

    name: str
    title: str
    mode: str
    dark: bool
    border: str
    colours: Mapping[str, str]
    colourless: bool = False
    _styles: dict[tuple[str, str], Style] = field(default_factory=dict, compare=False, repr=False)

    def style(self, tone: str, ground: str = "ground") -> Style:
        """The style of a tone: a colour's name and attributes, ``bold warn``, or ``bold ground on breach``.

        ``ground`` is the colour behind it unless the tone says ``on``. Without colours a tone keeps its
        attributes, and whatever would have had a ground of its own is reversed.
        """
        key = (tone, ground)
        style = self._styles.get(key)
        if style is None:
            style = self._styles[key] = self._make(tone, ground)
        return style

    def _make(self, tone: str, ground: str) -> Style:
        front, _, behind = tone.partition(" on ")
        words = front.split()
        attributes = {word: True for word in words if word in ATTRIBUTES}
        colour = next((word for word in words if word not in ATTRIBUTES), "text")
        if self.colourless:
            if colour in ("muted", "line"):
                attributes["dim"] = True
            if behind or ground == "selected":
                attributes["reverse"] = True
            return Style(**attributes)  # type: ignore[arg-type]
        return Style(
            color=rich_colour(self.colours[colour]),
            bgcolor=rich_colour(self.colours[behind or ground]),
            **attributes,  # type: ignore[arg-type]
        )

    @property
    def wants_terminal_colours(self) -> bool:
        """Whether only the terminal's own colours may be sent, or none: never one mixed from them."""
        return self.colourless or any(value.startswith("ansi_") for value in self.colours.values())

    def without_colours(self) -> Palette:
        """The same theme for a terminal that asked for no colour (``NO_COLOR``)."""
        return Palette(self.name, self.title, self.mode, self.dark, self.border, self.colours, True)

    def for_mode(self, mode: str) -> Palette:
        """The theme as worn in a session of this mode: LIVE has another accent and a heavier frame."""
        if mode != "LIVE" or self.mode == "LIVE":
            return self
        colours = MappingProxyType({**self.colours, "accent": self.colours[LIVE_ACCENT]})
        return Palette(self.name, self.title, self.mode, self.dark, "heavy", colours, self.colourless)


@dataclass(frozen=True, slots=True)
class ThemeShelf:
    """The themes that could be loaded, by name, and a sentence for each that could not."""

    palettes: Mapping[str, Palette]
    problems: tuple[str, ...] = ()

    def choose(self, name: str | None, mode: str) -> tuple[Palette, str]:
        """The theme asked for, or the mode's own; with a sentence where the wish could not be met."""
        fallback = self.palettes[DEFAULTS.get(mode, "paper")]
        if not name:
            return fallback, ""
        palette = self.palettes.get(name)
        if palette is None:
            known = ", ".join(sorted(self.palettes))
            return fallback, f"There is no theme {name!r}; the known ones are {known}. Using {fallback.name}."
        if palette.mode not in ("ANY", mode):
            return fallback, f"Theme {name!r} is for {palette.mode} sessions; using {fallback.name}."
        return palette, ""

    def next_for(self, name: str, mode: str) -> Palette:
        """The theme after this one among those that a session of this mode may wear."""
        names = [palette.name for palette in self.palettes.values() if palette.mode in ("ANY", mode)]
        position = names.index(name) + 1 if name in names else 0
        return self.palettes[names[position % len(names)]]


def rich_colour(value: str) -> str:
    """The colour as rich names it: theme files write the terminal's own colours as ``ansi_bright_red``."""
    return value.removeprefix("ansi_")


def user_folder() -> Path:
    """Where a person's own themes are looked for."""
    return platformdirs.user_config_path("hedgerow") / "themes"


def read_theme(path: Path) -> Palette:
    """Read one theme file; raises ``ThemeProblem`` with a sentence saying what is wrong with it."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ThemeProblem(f"Theme {path.name} cannot be read ({error}); it was skipped.") from error
    colours = table.get("colours")
    if not isinstance(colours, dict):
        raise ThemeProblem(f"Theme {path.name} has no [colours] table; it was skipped.")
    missing = [name for name in COLOURS if name not in colours]
    if missing:
        raise ThemeProblem(f"Theme {path.name} lacks the colours {', '.join(missing)}; it was skipped.")
    colours.setdefault(LIVE_ACCENT, colours["short"])
    for name in (*COLOURS, LIVE_ACCENT):
        value = colours[name]
        try:
            Color.parse(rich_colour(value) if isinstance(value, str) else "")
        except ColorParseError as error:
            raise ThemeProblem(
                f"Theme {path.name}: {name} = {value!r} is no colour; it was skipped."
            ) from error
    mode = table.get("mode", "ANY")
    border = table.get("border", "round")
    if mode not in MODES:
        raise ThemeProblem(f"Theme {path.name}: mode {mode!r} is none of {', '.join(MODES)}; it was skipped.")
    if border not in FRAMES:
        raise ThemeProblem(
            f"Theme {path.name}: border {border!r} is none of {', '.join(FRAMES)}; it was skipped."
        )
    name = str(table.get("name", path.stem))
    return Palette(
        name=name,
        title=str(table.get("title", name)),
        mode=mode,
        dark=bool(table.get("dark", True)),
        border=border,
        colours=MappingProxyType({key: str(colours[key]) for key in (*COLOURS, LIVE_ACCENT)}),
    )


def load_themes(folders: Iterable[Path] | None = None) -> ThemeShelf:
    """Every theme of the built-in folder and of the given ones (the user's by default), by name.

    A user's theme may take the place of a built-in one of the same name, except the two that a session starts
    with: LIVE must stay unlike PAPER.
    """
    palettes: dict[str, Palette] = {}
    problems: list[str] = []
    order = {"paper": 0, "live": 1, "sixteen": 3}
    for path in sorted(BUILT_IN_FOLDER.glob("*.toml"), key=lambda file: (order.get(file.stem, 2), file.stem)):
        palette = read_theme(path)
        palettes[palette.name] = palette
    for folder in [user_folder()] if folders is None else folders:
        for path in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
            try:
                palette = read_theme(path)
                if palette.name in DEFAULTS.values():
                    raise ThemeProblem(
                        f"Theme {path.name}: the name {palette.name!r} is taken; it was skipped."
                    )
            except ThemeProblem as problem:
                problems.append(str(problem))
            else:
                palettes[palette.name] = palette
    return ThemeShelf(MappingProxyType(palettes), tuple(problems))
