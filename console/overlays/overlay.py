"""What every overlay shares: a frame over the screen, there from the start, shown and hidden by
``visible``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from console.arming import Arming, Press
from console.glyphs import UNICODE, Glyphs
from console.scene import Scene
from console.theming import Palette
from console.widgets.framed import FramedPanel
from console.widgets.line import Line, Span, line


@dataclass(frozen=True, slots=True)
class KeyPress:
    """A key, the character it makes, and when it was pressed, in monotonic nanoseconds."""

    key: str
    character: str | None
    at_ns: int


class Overlay(FramedPanel):
    """While it is visible it takes every key. ``WIDTH`` and ``HEIGHT`` are what it would like to have."""

    GROUND = "raised"
    WIDTH = 84
    HEIGHT = 18

    def __init__(self, palette: Palette, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(palette, glyphs, id=id, classes="overlay")
        self._placed = (self.WIDTH, self.HEIGHT)

    @property
    def extent(self) -> tuple[int, int]:
        """A hidden widget has no size yet: it is painted for the place it will take, before it is shown."""
        return self._placed

    def place(self, width: int, height: int) -> None:
        """Stand in the middle of a screen of this size."""
        wide, high = min(self.WIDTH, width), min(self.HEIGHT, height)
        self._placed = (wide, high)
        self.styles.width, self.styles.height = wide, high
        self.styles.offset = ((width - wide) // 2, max(0, (height - high) // 2))

    def stale_ms(self, scene: Scene) -> int | None:
        """An overlay says itself what it knows."""
        return None

    def key(self, scene: Scene) -> object:
        """Painted whenever asked to."""
        return object()

    def press(self, key: KeyPress, now_ns: int) -> None:
        """A key while the overlay is shown."""
        raise NotImplementedError

    def tick(self, now_ns: int) -> None:
        """Time has passed."""

    def frame_tone(self, scene: Scene) -> str:
        """Overlays stand out."""
        return "accent"


class ArmedOverlay(Overlay):
    """An overlay that confirms a dangerous action by a typed word, with a countdown. Cancel is the
    default.
    """

    def __init__(self, palette: Palette, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(palette, glyphs, id=id)
        self.arming: Arming | None = None
        self._now_ns = 0
        self._confirmed: Callable[[str], None] = lambda word: None
        self._over: Callable[[Press], None] = lambda how: None

    @property
    def is_armed(self) -> bool:
        """Whether a word is being waited for."""
        return self.arming is not None and self.arming.ended is None

    def arm(
        self,
        accepts: Callable[[str], bool],
        confirmed: Callable[[str], None],
        over: Callable[[Press], None],
        now_ns: int,
    ) -> Arming:
        """Begin: ``confirmed`` is called once with the word; ``over`` when it ends without one."""
        arming = self.arming = Arming(accepts, now_ns)
        self._now_ns = now_ns
        self._confirmed, self._over = confirmed, over
        return arming

    def press(self, key: KeyPress, now_ns: int) -> None:
        """Feed the machine; act on its end."""
        self._now_ns = now_ns
        if self.arming is None:
            return
        outcome = self.arming.press(key.key, key.character, key.at_ns, now_ns)
        if outcome is Press.CONFIRMED:
            self._confirmed(self.arming.typed.strip())
        elif outcome in (Press.CANCELLED, Press.EXPIRED):
            self._over(outcome)

    def tick(self, now_ns: int) -> None:
        """Count down."""
        self._now_ns = now_ns
        if self.arming is not None and self.arming.expire(now_ns):
            self._over(Press.EXPIRED)

    def frame_tone(self, scene: Scene) -> str:
        """Dangerous."""
        return "breach"

    def corner(self, scene: Scene) -> Line:
        """The time left."""
        if self.arming is None:
            return ()
        left = self.arming.left_ns(self._now_ns) / 1e9
        verb = "finish" if self.arming.typed else "begin"
        return line((f"{scene.glyphs.clock} {left:.0f} s to {verb} typing", "bold warn"))

    def entry_lines(self, width: int) -> Sequence[Line]:
        """What has been typed, and what was wrong with it."""
        if self.arming is None:
            return ()
        box: list[Span] = [("> ", "bold accent"), (self.arming.typed, "bold bright"), ("_", "accent")]
        lines: list[Line] = [tuple(box)]
        if self.arming.complaint:
            lines.append(line((self.arming.complaint, "bold warn")))
        return lines
