"""n: an order ticket. Fill it in, see what it would do, then type SEND: nothing unseen can be sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.arming import Press
from console.glyphs import UNICODE, Glyphs
from console.overlays.overlay import ArmedOverlay, KeyPress
from console.overlays.ticket_form import TicketForm
from console.overlays.ticket_preview import preview_lines
from console.scene import Scene
from console.theming import Palette
from console.widgets.boxes import beside
from console.widgets.line import BLANK, Line, line, wrap
from core.domain.timing import clock_text
from core.engine.previews import TicketPreview, TicketRequest

SEND = "SEND"
QUIET_NS = 250_000_000
"""A preview is made once nobody has typed for so long: each costs the loop up to 25 ms."""
FRESH_NS = 5_000_000_000
"""An idle preview is made again when it is older."""
FORM = 38


class TicketOverlay(ArmedOverlay):
    """A form at the left, its preview at the right; armed by Enter on a preview that has been seen."""

    TITLE = "New group"
    WIDTH = 124
    HEIGHT = 28

    ask: Callable[[TicketRequest], TicketPreview] = staticmethod(lambda request: TicketPreview(request))
    ready: Callable[[TicketPreview], None] = staticmethod(lambda preview: None)
    """Called by Enter on a preview that can be sent."""
    closed: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, palette: Palette, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(palette, glyphs, id=id)
        self.form = TicketForm()
        self.preview: TicketPreview | None = None
        self.said = ""
        """What has just been refused."""
        self._asked_ns = 0
        self._typed_ns = 0
        self._dirty = True
        self._seen: TicketPreview | None = None

    def begin(self, now_ns: int) -> None:
        """Start with what was filled in last, judged anew."""
        self.arming, self.said, self._seen = None, "", None
        self._look(now_ns)

    @property
    def request(self) -> TicketRequest:
        """What was filled in."""
        return self.form.request

    def tick(self, now_ns: int) -> None:
        """Count down; otherwise bring the preview up to what was typed."""
        if self.is_armed:
            super().tick(now_ns)
        elif now_ns - self._asked_ns >= FRESH_NS or (self._dirty and now_ns - self._typed_ns >= QUIET_NS):
            self._look(now_ns)

    def _look(self, now_ns: int) -> None:
        self.preview = self.ask(self.request)
        self._asked_ns, self._dirty = now_ns, False

    def press(self, key: KeyPress, now_ns: int) -> None:
        """The word while armed; otherwise the form."""
        if self.is_armed:
            super().press(key, now_ns)
            return
        self.said = ""
        if key.key == "escape":
            self.closed()
        elif key.key == "enter":
            self._enter(now_ns)
        elif self.form.press(key, self.preview):
            self._dirty, self._typed_ns = True, now_ns

    def _enter(self, now_ns: int) -> None:
        """Arm, if what can be sent has been seen; otherwise show it first."""
        if self._dirty or self.preview is None:
            self._look(now_ns)
        elif self.preview.problem or self.preview.plan is None:
            self.said = "It cannot be sent as it is."
        elif self._seen is self.preview:
            self.ready(self.preview)

    def over(self, how: Press) -> None:
        """Disarmed: back to the form."""
        self.arming = None
        self.said = "Disarmed: the time was over." if how is Press.EXPIRED else "Not sent."

    def title(self, scene: Scene) -> str:
        """The number it would have."""
        plan = self.preview.plan if self.preview else None
        return f"New group {plan.group_id}" if plan else self.TITLE

    def frame_tone(self, scene: Scene) -> str:
        """Dangerous once it is armed."""
        return "breach" if self.is_armed else "accent"

    def corner(self, scene: Scene) -> Line:
        """The time left, or how old the preview is."""
        if self.is_armed:
            return super().corner(scene)
        if self._dirty or self.preview is None:
            return line((f"{scene.glyphs.working} typing", "info"))
        at = clock_text(self.preview.at_ns) if self.preview.at_ns else "--:--:--"
        return line((f"as of {at}", "muted"))

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """Form and preview side by side, the instruction below."""
        form = min(FORM, width * 2 // 5)
        preview, armed = self.preview, self.is_armed
        if not self._dirty:
            self._seen = preview
        below = self._armed_lines(width) if armed else self._instruction(scene, width)
        room = height - len(below)
        left = self.form.lines(preview, scene.glyphs, form - 2, room - 1, armed=armed)
        if preview is None or self._dirty:
            right: list[Line] = [line(("What it would do is shown when you stop typing.", "muted"))]
        else:
            right = preview_lines(preview, scene.glyphs, width - form, room - 1)
        body = beside(left, right, form)[: room - 1]
        body += [BLANK] * (room - 1 - len(body))
        return [*body, BLANK, *below]

    def _instruction(self, scene: Scene, width: int) -> list[Line]:
        preview = self.preview
        lines: list[Line] = []
        if preview is not None and preview.problem and not self._dirty:
            lines += wrap(line((f"{scene.glyphs.breach} {preview.problem}", "bold breach")), width)[:3]
        if self.said:
            lines.append(line((self.said, "bold warn")))
        keys = line(
            ("up down", "bold accent"),
            ("  fields   ", "muted"),
            (scene.glyphs.enter, "bold accent"),
            ("  then SEND to send it   ", "muted"),
            ("Esc", "bold accent"),
            ("  close", "muted"),
        )
        return [*lines, keys]

    def _armed_lines(self, width: int) -> list[Line]:
        ask = line("Type ", (SEND, "bold bright"), " then Enter to send it. ", ("Esc goes back.", "muted"))
        return [ask, *self.entry_lines(width)]
