"""?: every key and what it does, made from the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.actions import ACTIONS, shown_key
from console.overlays.overlay import KeyPress, Overlay
from console.scene import Scene
from console.widgets.line import BLANK, Line, fill, line, wrap

SIGNS = (
    ("ok", "ok", "as it should be"),
    ("warn", "warn", "being dealt with"),
    ("breach", "breach", "needs a person"),
    ("clock", "info", "waiting, or old"),
    ("working", "info", "on its way"),
)


class HelpOverlay(Overlay):
    """Any key closes it."""

    TITLE = "Keys"
    WIDTH = 92
    HEIGHT = 22

    closed: Callable[[], None] = staticmethod(lambda: None)

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """Keys, then signs."""
        lines: list[Line] = []
        for action in ACTIONS:
            tone = {"danger": "bold breach", "caution": "bold warn"}.get(action.danger, "bold accent")
            words = wrap(line(action.help), width - 18)
            refused = scene.observe and action.writes
            head = line((fill(shown_key(action.key, scene.glyphs), 5), "muted" if refused else tone))
            lines.append((*head, (fill(action.label, 13), "bold bright"), *words[0]))
            lines += [((" " * 18, "text"), *each) for each in words[1:]]
        lines.append(BLANK)
        signs: list[tuple[str, str]] = []
        for name, tone, meaning in SIGNS:
            signs += [(f"{getattr(scene.glyphs, name)} ", tone), (f"{meaning}  ", "muted")]
        lines.append(tuple(signs))
        return lines

    def corner(self, scene: Scene) -> Line:
        """How to go back."""
        return line(("any key closes", "muted"))

    def press(self, key: KeyPress, now_ns: int) -> None:
        """Close."""
        self.closed()
