"""h: every key and what it does, made from the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.actions import shown_key
from console.overlays.overlay import KeyPress, Overlay
from console.scene import Scene
from console.widgets.boxes import beside
from console.widgets.line import BLANK, Line, fill, line, wrap

SIGNS = (
    ("ok", "ok", "as it should be"),
    ("warn", "warn", "being dealt with"),
    ("breach", "breach", "needs a person"),
    ("clock", "info", "waiting, or old"),
    ("working", "info", "on its way"),
)


TWO_COLUMNS_FROM = 130
STEPS = {"up": -1, "k": -1, "down": 1, "j": 1, "pageup": -10, "pagedown": 10}


class HelpOverlay(Overlay):
    """The arrow keys move where it does not fit; any other key closes it."""

    TITLE = "Keys"
    WIDTH = 150
    HEIGHT = 40

    closed: Callable[[], None] = staticmethod(lambda: None)

    _top: int = 0
    _hidden: int = 0

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """As much as fits, from where it was scrolled to."""
        lines = help_lines(scene, width)
        self._hidden = max(0, len(lines) - height)
        self._top = min(max(0, self._top), self._hidden)
        return lines[self._top : self._top + height]

    def corner(self, scene: Scene) -> Line:
        """How to go back, and on."""
        if self._top < self._hidden:
            return line((f"{scene.glyphs.down} {self._hidden - self._top} more, other keys close", "warn"))
        return line(("any other key closes", "muted"))

    def press(self, key: KeyPress, now_ns: int) -> None:
        """Move, or close."""
        if key.key in STEPS and self._hidden:
            self._top = min(max(0, self._top + STEPS[key.key]), self._hidden)
        else:
            self._top = 0
            self.closed()


def help_lines(scene: Scene, width: int) -> list[Line]:
    """Keys, in two columns where there is room, then signs."""
    if width >= TWO_COLUMNS_FROM:
        column = width // 2
        lines = _keys(scene, column - 2)
        middle = -(-len(lines) // 2)
        while middle < len(lines) and lines[middle][0][0].isspace():
            middle += 1
        lines = beside(lines[:middle], lines[middle:], column)
    else:
        lines = _keys(scene, width)
    lines.append(BLANK)
    signs: list[tuple[str, str]] = []
    for name, tone, meaning in SIGNS:
        signs += [(f"{getattr(scene.glyphs, name)} ", tone), (f"{meaning}  ", "muted")]
    lines.append(tuple(signs))
    return lines


def _keys(scene: Scene, width: int) -> list[Line]:
    """Each action's key, label and sentence; the lines of a sentence after its first are indented."""
    lines: list[Line] = []
    for action in scene.actions:
        tone = {"danger": "bold breach", "caution": "bold warn"}.get(action.danger, "bold accent")
        words = wrap(line(action.help), width - 18)
        refused = scene.observe and action.writes
        head = line((fill(shown_key(action.key, scene.glyphs), 5), "muted" if refused else tone))
        lines.append((*head, (fill(action.label, 13), "bold bright"), *words[0]))
        lines += [((" " * 18, "text"), *each) for each in words[1:]]
    return lines
