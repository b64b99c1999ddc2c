"""n: an order ticket. Fill it in, see what it would do, then type SEND: nothing unseen can be sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from console.arming import Press
from console.glyphs import UNICODE, Glyphs
from console.overlays.overlay import ArmedOverlay, KeyPress
from console.overlays.ticket_preview import preview_lines
from console.scene import Scene
from console.theming import Palette
from console.widgets.boxes import beside
from console.widgets.line import BLANK, Line, fill, line, width_of, wrap
from core.domain.timing import clock_text
from core.engine.previews import TicketPreview, TicketRequest

T = TypeVar("T")
SEND = "SEND"
QUIET_NS = 250_000_000
"""A preview is made once nobody has typed for so long: each costs the loop up to 25 ms."""
FRESH_NS = 5_000_000_000
"""An idle preview is made again when it is older."""
FORM = 38
LONGEST = 12

FIELDS = (
    ("strategy", "strategy", "left and right choose"),
    ("underlying", "underlying", "left and right choose among what this market lists"),
    ("expiry", "expiry", "left and right choose; at first the nearest with a day to go"),
    (
        "call",
        "call",
        "24900 a strike, 0.20 a delta, +300 points out of the money; empty is the strategy's own",
    ),
    ("put", "put", "24900 a strike, 0.20 a delta, +300 points out of the money; empty is the strategy's own"),
    ("width", "width", "points from body to wing; empty is the strategy's own"),
    ("lots", "lots", "lots of each leg's ratio"),
    (
        "limit_net",
        "limit net",
        "rupees a unit: a credit at least, or a negative debit at most; empty is none",
    ),
    ("stop", "stop", "a short's stop as a multiple of its premium, such as 2; empty is none"),
    ("allow_naked", "naked", "left and right: whether shorts without cover are allowed"),
)
"""Name in the request, label, and what may be given."""
CHOSEN = frozenset({"strategy", "underlying", "expiry", "allow_naked"})
LETTERS = frozenset("0123456789.+-")


class TicketOverlay(ArmedOverlay):
    """A form at the left, its preview at the right; armed by Enter on a preview that has been seen."""

    TITLE = "New group"
    WIDTH = 124
    HEIGHT = 24

    ask: Callable[[TicketRequest], TicketPreview] = staticmethod(lambda request: TicketPreview(request))
    ready: Callable[[TicketPreview], None] = staticmethod(lambda preview: None)
    """Called by Enter on a preview that can be sent."""
    closed: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, palette: Palette, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(palette, glyphs, id=id)
        self.request = TicketRequest()
        self.preview: TicketPreview | None = None
        self.cursor = 0
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
    def is_armed(self) -> bool:
        """Whether the word is being waited for."""
        return self.arming is not None and self.arming.ended is None

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
        name = FIELDS[self.cursor][0]
        if key.key == "escape":
            self.closed()
        elif key.key == "enter":
            self._enter(now_ns)
        elif key.key in ("down", "tab"):
            self.cursor = (self.cursor + 1) % len(FIELDS)
        elif key.key in ("up", "shift+tab"):
            self.cursor = (self.cursor - 1) % len(FIELDS)
        elif key.key in ("left", "right") and name in CHOSEN:
            self._choose(name, 1 if key.key == "right" else -1)
            self._edited(now_ns)
        elif name not in CHOSEN:
            self._type(name, key, now_ns)

    def _enter(self, now_ns: int) -> None:
        """Arm, if what can be sent has been seen; otherwise show it first."""
        if self._dirty or self.preview is None:
            self._look(now_ns)
        elif self.preview.problem or self.preview.plan is None:
            self.said = "It cannot be sent as it is."
        elif self._seen is self.preview:
            self.ready(self.preview)

    def _choose(self, name: str, step: int) -> None:
        request, preview = self.request, self.preview or TicketPreview(self.request)
        if name == "allow_naked":
            self.request = replace(request, allow_naked=not request.allow_naked)
        elif name == "strategy":
            names = [each for each, _ in preview.strategies]
            self.request = replace(request, strategy=_next(names, request.strategy, step) or request.strategy)
        elif name == "underlying":
            following = _next(list(preview.underlyings), request.underlying, step)
            self.request = replace(request, underlying=following or request.underlying, expiry=None)
        else:
            self.request = replace(request, expiry=_next(list(preview.expiries), request.expiry, step))

    def _type(self, name: str, key: KeyPress, now_ns: int) -> None:
        text: str = getattr(self.request, name)
        if key.key == "backspace":
            text = text[:-1]
        elif key.character and key.character in LETTERS and len(text) < LONGEST:
            text += key.character
        else:
            return
        changed: dict[str, Any] = {name: text}
        self.request = replace(self.request, **changed)
        self._edited(now_ns)

    def _edited(self, now_ns: int) -> None:
        self._dirty, self._typed_ns = True, now_ns

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
        left = self._form(scene, form - 2)
        if preview is None or self._dirty:
            right: list[Line] = [line(("What it would do is shown when you stop typing.", "muted"))]
        else:
            right = preview_lines(preview, scene.glyphs, width - form, room - 1)
        body = beside(left, right, form)[: room - 1]
        body += [BLANK] * (room - 1 - len(body))
        return [*body, BLANK, *below]

    def _form(self, scene: Scene, width: int) -> list[Line]:
        lines: list[Line] = []
        glyphs = scene.glyphs
        for number, (name, label, _) in enumerate(FIELDS):
            chosen = number == self.cursor and not self.is_armed
            value = self._shown(name)
            if name in CHOSEN:
                text = f"< {value} >" if chosen else f"  {value}"
            else:
                text = f"  {value}{'_' if chosen else ''}"
            tone = "bold bright" if value not in ("own", "none", "nearest") else "muted"
            row = line(
                (f"{glyphs.cursor if chosen else ' '} ", "accent"),
                (fill(label, 11), "text" if chosen else "muted"),
                (text, tone),
            )
            if chosen:
                row = tuple((part, f"{each} on selected") for part, each in row)
                row = (*row, (" " * max(0, width - width_of(row)), "text on selected"))
            lines.append(row)
        lines.append(BLANK)
        return [*lines, *wrap(line((FIELDS[self.cursor][2], "muted")), width)]

    def _shown(self, name: str) -> str:
        """A field's value, or what being empty means."""
        request, preview = self.request, self.preview
        if name == "strategy":
            titles = dict(preview.strategies) if preview else {}
            return titles.get(request.strategy, request.strategy)
        if name == "underlying":
            only = preview.underlyings[0] if preview and len(preview.underlyings) == 1 else "choose"
            return request.underlying or only
        if name == "expiry":
            return f"{request.expiry:%d %b %Y}" if request.expiry else "nearest"
        if name == "allow_naked":
            return "allowed" if request.allow_naked else "no"
        empty = {"limit_net": "none", "stop": "none"}.get(name, "own")
        text: str = getattr(request, name)
        return text or ("" if FIELDS[self.cursor][0] == name else empty)

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


def _next(choices: list[T], current: object, step: int) -> T | None:
    """The choice after the current one, around; ``None`` where there is none."""
    if not choices:
        return None
    if current not in choices:
        return choices[0 if step > 0 else -1]
    return choices[(choices.index(current) + step) % len(choices)]
