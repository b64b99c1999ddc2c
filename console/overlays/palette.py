""":, everything that a key does, found by typing a part of its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.actions import Action, shown_key
from console.arranging import matches
from console.overlays.overlay import KeyPress, Overlay
from console.scene import Scene
from console.widgets.line import BLANK, Line, Span, cut, fill, line, width_of

LONGEST = 40


class PaletteOverlay(Overlay):
    """Typing narrows, up and down choose, Enter does it. A dangerous action still asks for its word."""

    TITLE = "Everything you can do"
    WIDTH = 92
    HEIGHT = 26

    closed: Callable[[], None] = staticmethod(lambda: None)
    chosen: Callable[[Action], None] = staticmethod(lambda action: None)

    actions: tuple[Action, ...] = ()
    typed: str = ""
    cursor: int = 0
    _top: int = 0

    def begin(self, actions: Sequence[Action]) -> None:
        """Offer these actions, with nothing typed yet."""
        self.actions = tuple(action for action in actions if action.name != "palette")
        self.typed, self.cursor, self._top = "", 0, 0

    @property
    def offered(self) -> list[Action]:
        """What fits what is typed: first where the name itself begins with it."""
        found = [each for each in self.actions if matches(f"{each.label} {each.help}", self.typed)]
        wanted = self.typed.strip().casefold()
        return sorted(found, key=lambda each: not each.label.casefold().startswith(wanted))

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """What is typed, what it finds, what the chosen one does."""
        offered = self.offered
        self.cursor = min(max(0, self.cursor), max(0, len(offered) - 1))
        room = max(1, height - 3)
        self._top = min(max(self._top, self.cursor - room + 1), self.cursor)
        lines: list[Line] = [
            line(("> ", "bold accent"), (self.typed, "bold bright"), ("_", "accent")),
            BLANK,
        ]
        for number, action in enumerate(offered[self._top : self._top + room], self._top):
            lines.append(self._row(action, scene, width, chosen=number == self.cursor))
        if not offered:
            lines.append(line(("Nothing is called that. Backspace takes a letter away.", "muted")))
        lines += [BLANK] * max(0, height - 1 - len(lines))
        lines.append(
            line(("Enter", "bold accent"), ("  does it   ", "muted"), ("Esc", "bold accent"), "  close")
        )
        return lines

    def _row(self, action: Action, scene: Scene, width: int, *, chosen: bool) -> Line:
        refused = scene.observe and action.writes
        tone = (
            "muted"
            if refused
            else {"danger": "bold breach", "caution": "bold warn"}.get(action.danger, "text")
        )
        spans: list[Span] = [
            (f"{scene.glyphs.cursor} " if chosen else "  ", "accent"),
            (fill(shown_key(action.key, scene.glyphs), 7), "muted" if refused else "bold accent"),
            (fill(action.label, 14), f"bold {tone}" if not tone.startswith("bold") else tone),
            ("refused: this session is read-only" if refused else action.help, "muted"),
        ]
        row = cut(spans, width, scene.glyphs.ellipsis)
        if not chosen:
            return row
        row = tuple((text, f"{each} on selected") for text, each in row)
        return (*row, (" " * (width - width_of(row)), "text on selected"))

    def press(self, key: KeyPress, now_ns: int) -> None:
        """Type, choose, do or close."""
        if key.key == "escape":
            self.closed()
        elif key.key == "enter":
            offered = self.offered
            self.closed()
            if offered:
                self.chosen(offered[self.cursor])
        elif key.key in ("up", "down"):
            self.cursor += 1 if key.key == "down" else -1
        elif key.key == "backspace":
            self.typed = self.typed[:-1]
        elif key.character and key.character.isprintable() and len(self.typed) < LONGEST:
            self.typed += key.character
            self.cursor = 0
