"""What every page shares: it fills the screen between header and footer, and is shown by ``visible``."""

from __future__ import annotations

from collections.abc import Sequence

from console.glyphs import UNICODE, Glyphs
from console.scene import Scene
from console.theming import Palette
from console.widgets.boxes import box
from console.widgets.framed import FramedPanel
from console.widgets.line import Line, line, toned


class Page(FramedPanel):
    """A full screen. Header and footer stay, and so do all keys: ``PANEL`` is where the arrows move."""

    PANEL = ""
    ARROWS_SCROLL = False
    """Whether the arrow keys move in the page itself."""

    def __init__(self, palette: Palette, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(palette, glyphs, id=id, classes="page")
        self._placed = (100, 28)
        self.below = 0
        """Lines between the page and the footer that belong to something else."""
        self.top = 0
        """Lines scrolled past."""
        self.hidden = 0
        """Lines beyond the last one shown when the page was last painted."""

    @property
    def extent(self) -> tuple[int, int]:
        """A hidden widget has no size yet: it is painted for the place it will take."""
        return self._placed

    def place(self, width: int, height: int) -> None:
        """Take a screen of this size, but for its first and last line, and the transport bar of a replay."""
        self._placed = (width, max(0, height - 2 - self.below))
        self.styles.width, self.styles.height = self._placed
        self.styles.offset = (0, 1)

    def scroll(self, lines: int) -> None:
        """Move in what can be scrolled."""
        self.top = max(0, self.top + lines)

    def windowed(self, lines: Sequence[Line], room: int) -> list[Line]:
        """The lines from where the page was scrolled to, ``room`` of them."""
        self.hidden = max(0, len(lines) - room)
        self.top = min(self.top, self.hidden)
        return list(lines[self.top : self.top + room])

    def body(self, scene: Scene, width: int, height: int) -> list[Line]:
        """The whole page in ``width`` by ``height`` cells."""
        raise NotImplementedError

    def framed(
        self,
        title: str,
        corner: Line,
        content: Sequence[Line],
        width: int,
        height: int,
        tone: str = "line",
    ) -> list[Line]:
        """One part of the page in the theme's frame."""
        return box(title, corner, content, width, height, self.glyphs, border=self.palette.border, tone=tone)

    def _framed(self, scene: Scene, width: int, height: int, stale: int | None) -> list[Line]:
        lines = self.body(scene, width, height)
        if stale is None:
            return lines
        words = f" {self.glyphs.clock} what you see is {stale / 1_000:.1f} s old "
        dimmed = [toned(each, "muted") for each in lines]
        return [(*line((words, "bold ground on warn")), *_after(dimmed[0], len(words))), *dimmed[1:]]


def _after(spans: Line, cells: int) -> Line:
    """The line without its first cells; each of those is one character wide."""
    left: list[tuple[str, str]] = []
    for text, tone in spans:
        if cells >= len(text):
            cells -= len(text)
            continue
        left.append((text[cells:], tone))
        cells = 0
    return tuple(left)
