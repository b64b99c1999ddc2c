"""The footer: the keys that work now."""

from __future__ import annotations

from collections.abc import Iterable

from console.actions import Action, shown_key
from console.glyphs import Glyphs
from console.widgets.framed import LinePainter
from console.widgets.line import Line, Span, width_of

LAST = "runbook"
KEY_TONE = {"danger": "bold bright on breach", "caution": "bold ground on warn", "": "bold ground on accent"}


class Footer(LinePainter):
    """One line of keys; a key that would be refused is greyed, one that does not fit is left out."""

    GROUND = "raised"

    def paint(self, actions: Iterable[tuple[Action, bool]]) -> int:
        """Show these actions, each with whether it would be carried out now."""
        return self.show([footer_line(actions, self.size.width, self.glyphs)])


def footer_line(actions: Iterable[tuple[Action, bool]], width: int, glyphs: Glyphs) -> Line:
    """The keys in ``width`` cells, dangerous ones first; the runbook's is always kept."""
    spans: list[Span] = []
    offered = list(actions)
    last = next((each for each in offered if each[0].name == LAST), None)
    kept = [] if last is None else _key(*last, glyphs)
    room = width - width_of(kept)
    for action, works in offered:
        if action.name == LAST:
            continue
        piece = _key(action, works, glyphs)
        if width_of(spans) + width_of(piece) > room:
            break
        spans += piece
    return (*spans, *kept)


def _key(action: Action, works: bool, glyphs: Glyphs) -> list[Span]:
    tone = KEY_TONE[action.danger] if works else "muted on selected"
    return [
        (" ", "text"),
        (f" {shown_key(action.key, glyphs)} ", tone),
        (f" {action.label}  ", "text" if works else "muted"),
    ]
