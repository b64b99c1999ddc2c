"""?: the runbook, opened at what is selected."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from console.overlays.overlay import KeyPress, Overlay
from console.runbook import Page, pages
from console.scene import Scene
from console.widgets.line import BLANK, Line, Span, line, wrap

STEPS = {"up": -1, "k": -1, "down": 1, "j": 1, "pageup": -10, "pagedown": 10}
TURNS = {"left": -1, "right": 1, "tab": 1}
CLOSING = frozenset({"escape", "q", "question_mark", "enter"})


class RunbookOverlay(Overlay):
    """Up and down move in a page, left and right turn to the next one that concerns what is selected."""

    TITLE = "Runbook"
    WIDTH = 96
    HEIGHT = 34

    closed: Callable[[], None] = staticmethod(lambda: None)

    _names: tuple[str, ...] = ()
    _place: int = 0
    _top: int = 0
    _related: int = 0
    _hidden: int = 0

    def open_at(self, names: Sequence[str]) -> None:
        """Show the first of these pages; the others follow, and then every page there is."""
        rest = [name for name in pages() if name not in names]
        self._names, self._related = (*names, *rest), len(names)
        self._place = self._top = 0

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return pages()[self._names[self._place]] if self._names else next(iter(pages().values()))

    def title(self, scene: Scene) -> str:
        """The page's own."""
        return f"Runbook {scene.glyphs.middle} {self.page.title}"

    def corner(self, scene: Scene) -> Line:
        """Where in the book this is."""
        kind = "about this" if self._place < self._related else "further"
        return line((f"{self._place + 1} of {len(self._names)}, {kind}", "muted"))

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """The page from where it was scrolled to, and the keys that work in it."""
        rendered = markdown_lines(self.page.text, width)
        room = max(1, height - 2)
        self._hidden = max(0, len(rendered) - room)
        self._top = min(max(0, self._top), self._hidden)
        shown = rendered[self._top : self._top + room]
        shown += [BLANK] * (room - len(shown))
        more = f"   {self._hidden - self._top} lines below" if self._top < self._hidden else ""
        keys = line(
            ("up down", "bold accent"),
            ("  move   ", "muted"),
            ("left right", "bold accent"),
            ("  other pages   ", "muted"),
            ("Esc", "bold accent"),
            ("  close", "muted"),
            (more, "warn"),
        )
        return [*shown, BLANK, keys]

    def press(self, key: KeyPress, now_ns: int) -> None:
        """Move, turn or close."""
        if key.key in CLOSING:
            self.closed()
        elif key.key in STEPS:
            self._top = min(max(0, self._top + STEPS[key.key]), self._hidden)
        elif key.key in TURNS and self._names:
            self._place = (self._place + TURNS[key.key]) % len(self._names)
            self._top = 0


def markdown_lines(text: str, width: int) -> list[Line]:
    """Headings, paragraphs and ``code`` of a page as lines of at most ``width`` cells."""
    lines: list[Line] = []
    for block in text.split("\n\n"):
        words = " ".join(block.split())
        if words.startswith("#"):
            lines.append(line((words.lstrip("# "), "bold accent")))
        elif words:
            lines += [*wrap(_spans(words), width), BLANK]
    return lines[:-1] if lines and lines[-1] == BLANK else lines


def _spans(words: str) -> list[Span]:
    """Text with what stands in backquotes made bright."""
    parts = re.split(r"`([^`]*)`", words)
    return [(part, "bold bright" if place % 2 else "text") for place, part in enumerate(parts) if part]
