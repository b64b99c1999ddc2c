"""/: what is typed narrows the groups and the log at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.overlays.overlay import KeyPress, Overlay
from console.scene import Scene
from console.widgets.line import Line, line

LONGEST = 60


class FilterOverlay(Overlay):
    """One line at the foot of the screen. Enter keeps the filter, Esc takes it away."""

    TITLE = "Filter"
    WIDTH = 90
    HEIGHT = 3

    changed: Callable[[str], None] = staticmethod(lambda text: None)
    closed: Callable[[], None] = staticmethod(lambda: None)

    typed: str = ""

    def place(self, width: int, height: int) -> None:
        """Just above the footer, so that what it narrows stays in view."""
        super().place(width, height)
        self.styles.offset = (1, max(0, height - self.HEIGHT - 1))

    def corner(self, scene: Scene) -> Line:
        """How many groups are left, and how to end."""
        left = f"{len(scene.rows)} of {len(scene.order)} groups"
        return line((f"{left} {scene.glyphs.middle} !word leaves out", "muted"))

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """The words."""
        tail: Line = () if self.typed else (("  Enter keeps it, Esc shows everything", "muted"),)
        return [(("/ ", "bold accent"), (self.typed, "bold bright"), ("_", "accent"), *tail)]

    def press(self, key: KeyPress, now_ns: int) -> None:
        """Type, keep or take away."""
        before = self.typed
        if key.key == "escape":
            self.typed = ""
        elif key.key == "backspace":
            self.typed = self.typed[:-1]
        elif key.key != "enter" and key.character and key.character.isprintable():
            self.typed = (self.typed + key.character)[:LONGEST]
        if self.typed != before:
            self.changed(self.typed)
        if key.key in ("escape", "enter"):
            self.closed()
