"""q while something is not flat: flatten first, or stay. A paper session may also be left as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from console.overlays.overlay import KeyPress, Overlay
from console.scene import Scene
from console.widgets.line import BLANK, Line, line, wrap
from console.wording import LOOK, listed


class Leaving(StrEnum):
    """The answers."""

    STAY = "stay"
    FLATTEN = "flatten"
    LEAVE = "leave"


class QuitOverlay(Overlay):
    """Enter and Esc stay."""

    TITLE = "Leave?"
    WIDTH = 76
    HEIGHT = 11

    paper: bool = True
    answer: Callable[[Leaving], None] = staticmethod(lambda leaving: None)

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """What is not flat, and the choices."""
        known = scene.snapshot.account.groups
        groups = [known[name] for name in scene.order if not known[name].is_over]
        names = listed([f"{group.group_id} ({LOOK[group.state].word})" for group in groups])
        choices = [
            line(("f", "bold breach"), "  flatten everything first, and leave when the broker confirms it"),
            line(("Esc", "bold accent"), "  stay"),
        ]
        if self.paper:
            choices.insert(
                1, line(("l", "bold warn"), "  leave it as it is: paper only, its journal can be continued")
            )
        one = len(groups) == 1
        said = wrap(line((f"{names} {'is' if one else 'are'} not flat.", "bold bright")), width)
        return [*said, BLANK, *choices]

    def press(self, key: KeyPress, now_ns: int) -> None:
        """One key answers."""
        answers = {"f": Leaving.FLATTEN, "escape": Leaving.STAY, "enter": Leaving.STAY, "q": Leaving.STAY}
        if self.paper:
            answers["l"] = Leaving.LEAVE
        leaving = answers.get(key.key)
        if leaving is not None:
            self.answer(leaving)
