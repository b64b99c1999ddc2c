"""K: the kill switch, tripped by typing KILL; once it is on, reset by typing RESET and a reason."""

from __future__ import annotations

from collections.abc import Sequence

from console.overlays.overlay import ArmedOverlay
from console.scene import Scene
from console.widgets.line import BLANK, Line, line, wrap
from core.domain.timing import clock_text

SHORTEST_REASON = 3


def accepts_kill(word: str) -> bool:
    """The word that trips it."""
    return word.upper() == "KILL"


def reset_reason(word: str) -> str:
    """The reason in ``RESET reason``; empty where the word or the reason is missing."""
    first, _, reason = word.partition(" ")
    reason = reason.strip()
    return reason if first.upper() == "RESET" and len(reason) >= SHORTEST_REASON else ""


class KillOverlay(ArmedOverlay):
    """Says what the switch does and, once it is on, why."""

    TITLE = "Kill switch"
    HEIGHT = 12

    resetting: bool = False

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """What will happen, and the word to type."""
        kill = scene.snapshot.account.kill
        if self.resetting:
            since = f"On since {clock_text(kill.at_ns)}, by {kill.by or 'the core'}: {kill.cause}."
            words = wrap(line((since, "warn")), width)
            ask = line(
                "Type ", ("RESET", "bold bright"), " and a reason to allow new risk again; then Enter. "
            )
        else:
            text = (
                "No new group is sent and working orders that raise risk are cancelled, until a person "
                "resets it. Stops, hedges and exits stay. It does not close anything: F9 does."
            )
            words = wrap(line(text), width)
            ask = line("Type ", ("KILL", "bold bright"), " to stop all new risk; then Enter. ")
        return [*wrap((*ask, ("Esc cancels.", "muted")), width), *self.entry_lines(width), BLANK, *words]
