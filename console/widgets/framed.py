"""A framed panel painted by the line API: it keeps its lines, and repaints only those that changed."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from console.glyphs import ASCII, UNICODE, Glyphs
from console.scene import Scene
from console.theming import Palette
from console.widgets.line import BLANK, Line, ascii_form, cells, cut, line, strip_of, toned, width_of


class LinePainter(Widget):
    """A widget that is a list of lines. ``show`` compares them with what is painted and refreshes the
    rest.
    """

    ALLOW_SELECT = False
    GROUND = "ground"

    def __init__(
        self, palette: Palette, glyphs: Glyphs = UNICODE, *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.palette = palette
        self.glyphs = glyphs
        self.lines: tuple[Line, ...] = ()
        self.repainted_lines = 0
        """Lines handed to the compositor so far: what a test or a bench counts."""

    def show(self, lines: Sequence[Line]) -> int:
        """Take these lines for the panel, and mark the changed ones for painting; returns how many."""
        old, new = self.lines, tuple(lines)
        if self.glyphs is ASCII:
            new = tuple(tuple((ascii_form(text), tone) for text, tone in spans) for spans in new)
        self.lines = new
        width = self.size.width
        longest = max(len(old), len(new))
        changed = [
            y
            for y in range(longest)
            if (old[y] if y < len(old) else BLANK) != (new[y] if y < len(new) else BLANK)
        ]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))
            self.repainted_lines += len(changed)
        return len(changed)

    def wear(self, palette: Palette) -> None:
        """Change to another theme: every line is painted again, none is built again."""
        self.palette = palette
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line, for Textual; it keeps the strip until the line is marked again."""
        spans = self.lines[y] if y < len(self.lines) else BLANK
        return strip_of(spans, self.size.width, self.palette, self.GROUND)


class FramedPanel(LinePainter):
    """A panel with a title, a remark in its upper right corner, and content that fits its inside.

    Subclasses say ``content``, and where they can ``key``: equal keys mean an equal picture, and nothing is
    built. A panel whose data is older than twice its period is dimmed and shows the age in its corner.
    """

    TITLE = ""

    def __init__(
        self, palette: Palette, glyphs: Glyphs = UNICODE, *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(palette, glyphs, id=id, classes=classes)
        self._painted_key: object = None

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """The lines inside the frame: at most ``height`` of at most ``width`` cells."""
        raise NotImplementedError

    def title(self, scene: Scene) -> str:
        """What stands at the left of the upper frame."""
        return self.TITLE

    def corner(self, scene: Scene) -> Line:
        """What stands at the right of the upper frame."""
        return ()

    def frame_tone(self, scene: Scene) -> str:
        """The tone of the frame; the panel that the arrow keys move in has the accent."""
        return "accent" if scene.focus == self.id else "line"

    def key(self, scene: Scene) -> object:
        """Something that is equal whenever the picture is; by default every version has its own."""
        looked = (scene.selected, scene.focus, scene.flash, scene.filter, scene.sort)
        return (scene.snapshot.version, *looked)

    def stale_ms(self, scene: Scene) -> int | None:
        """How old the panel's data is where that is too old to rely on."""
        return scene.silent_ms if scene.core_is_silent else None

    @property
    def extent(self) -> tuple[int, int]:
        """The cells to fill, across and down."""
        return self.size.width, self.size.height

    def dimmed(self, content: list[Line]) -> list[Line]:
        """The content once its data is too old."""
        return [toned(each, "muted") for each in content]

    def paint(self, scene: Scene, *, force: bool = False) -> int:
        """Bring the panel up to the scene; returns the number of lines that changed."""
        width, height = self.extent
        if width < 8 or height < 2:
            return 0
        stale = self.stale_ms(scene)
        key = (
            self.key(scene),
            width,
            height,
            stale // 100 if stale is not None else None,
            scene.core_stopped,
        )
        if key == self._painted_key and not force:
            return 0
        self._painted_key = key
        return self.show(self._framed(scene, width, height, stale))

    def _framed(self, scene: Scene, width: int, height: int, stale: int | None) -> list[Line]:
        content = list(self.content(scene, width - 4, height - 2))[: height - 2]
        tone = self.frame_tone(scene)
        corner = self.corner(scene)
        if stale is not None:
            content = self.dimmed(content)
            corner = line((f"{self.glyphs.clock} {stale / 1_000:.1f}s", "bold warn"))
        pieces = self.glyphs.frame(self.palette.border)
        lines = [frame_top(pieces, self.title(scene), corner, width, tone, self.glyphs)]
        for row in range(height - 2):
            inside = cut(content[row], width - 4, self.glyphs.ellipsis) if row < len(content) else BLANK
            gap = width - 4 - width_of(inside)
            lines.append(((pieces[3] + " ", tone), *inside, (" " * gap + " " + pieces[4], tone)))
        lines.append(((pieces[5] + pieces[6] * (width - 2) + pieces[7], tone),))
        return lines


def frame_top(pieces: str, title: str, corner: Line, width: int, tone: str, glyphs: Glyphs) -> Line:
    """The upper frame: title at the left, remark at the right, the rule between."""
    room = width - 6 - cells(title)
    corner = cut(corner, max(0, room - 4), glyphs.ellipsis)
    used = width_of(corner) + 2 if width_of(corner) else 0
    rule = max(0, room - used)
    spans = [
        (pieces[0] + pieces[1] + " ", tone),
        (title, "bold bright"),
        (" " + pieces[1] * rule, tone),
    ]
    if used:
        spans += [(" ", tone), *corner, (" ", tone)]
    spans.append((pieces[1] + pieces[2], tone))
    return tuple(spans)
