"""g: where in a replay to go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.overlays.overlay import KeyPress, Overlay
from console.scene import Scene
from console.widgets.line import Line, line

LONGEST = 30


class SeekOverlay(Overlay):
    """A time, a row, a share or seconds; Enter goes there. What is no place is said, and can be mended."""

    TITLE = "Go to"
    WIDTH = 74
    HEIGHT = 4

    go: Callable[[str], str] = staticmethod(lambda words: "")
    closed: Callable[[], None] = staticmethod(lambda: None)

    typed: str = ""
    complaint: str = ""

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """What is typed, and what may be."""
        hint = self.complaint or "14:32:07, a row's number, 50%, +30 or -30 seconds"
        return [
            (("> ", "bold accent"), (self.typed, "bold bright"), ("_", "accent")),
            line((hint, "warn" if self.complaint else "muted")),
        ]

    def press(self, key: KeyPress, now_ns: int) -> None:
        """Type, go or close."""
        if key.key == "enter" and self.typed.strip():
            self.complaint = self.go(self.typed)
            if self.complaint:
                self.typed = ""
                return
        if key.key in ("enter", "escape"):
            self.typed = self.complaint = ""
            self.closed()
        elif key.key == "backspace":
            self.typed = self.typed[:-1]
        elif key.character and key.character.isprintable() and len(self.typed) < LONGEST:
            self.typed += key.character
