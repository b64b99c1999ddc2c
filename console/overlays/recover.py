"""r: what is wrong with a group, the broker's word beside ours, and every way out with its orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.arming import Press
from console.glyphs import UNICODE, Glyphs
from console.overlays.overlay import ArmedOverlay, KeyPress
from console.overlays.two_books import book_lines
from console.scene import Scene
from console.theming import Palette
from console.widgets.line import BLANK, Line, Span, fill, line, width_of, wrap
from console.wording import move_of
from core.domain.inputs import OperatorAction
from core.domain.instruments import Side
from core.engine.previews import ForeseenOrder, WayOut

WORDS: dict[OperatorAction, tuple[str, str, str]] = {
    OperatorAction.HEDGE: ("h", "Hedge now", "answer what stands uncovered"),
    OperatorAction.COMPLETE: ("c", "Complete", "send what is missing of the plan"),
    OperatorAction.SCALE_DOWN: ("s", "Scale down", "keep the whole copies, take the rest back"),
    OperatorAction.UNWIND: ("u", "Unwind", "take everything back, shorts first"),
    OperatorAction.ADOPT: ("a", "Adopt", "count the broker's extra units as ours"),
    OperatorAction.HANDLED: ("m", "Mark as handled", "leave it as it is, you have dealt with it"),
}
"""Key, label and meaning of each way out."""
AGAIN_NS = 1_000_000_000
"""How often the ways are decided anew while nothing is armed: all six cost the loop about 3 ms."""


class RecoverOverlay(ArmedOverlay):
    """Choose by letter or arrow, Enter arms, the group's number and Enter give the command."""

    TITLE = "Recover"
    WIDTH = 124
    HEIGHT = 28

    target: str = ""
    saw: int = 0
    """The version of the snapshot that was painted last."""
    ask: Callable[[str], tuple[WayOut, ...]] = staticmethod(lambda group_id: ())
    ready: Callable[[WayOut], None] = staticmethod(lambda way: None)
    """Called by Enter on a way that would do something."""
    closed: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, palette: Palette, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(palette, glyphs, id=id)
        self.ways: tuple[WayOut, ...] = ()
        self.cursor = 0
        self.said = ""
        self._asked_ns = 0

    def begin(self, group_id: str, now_ns: int) -> None:
        """Look at this group; the first way that would do something is chosen."""
        self.target, self.arming, self.said = group_id, None, ""
        self._look(now_ns)
        self.cursor = next((at for at, way in enumerate(self.ways) if way.works), 0)

    def _look(self, now_ns: int) -> None:
        self.ways, self._asked_ns = self.ask(self.target), now_ns

    def tick(self, now_ns: int) -> None:
        """Count down; otherwise keep the previews young."""
        if self.is_armed:
            super().tick(now_ns)
        elif now_ns - self._asked_ns >= AGAIN_NS:
            self._look(now_ns)

    def press(self, key: KeyPress, now_ns: int) -> None:
        """The number while armed; otherwise the choice."""
        if self.is_armed:
            super().press(key, now_ns)
            return
        self.said = ""
        letters = {WORDS[way.action][0]: at for at, way in enumerate(self.ways)}
        if key.key == "escape":
            self.closed()
        elif not self.ways:
            return
        elif key.key in ("up", "down"):
            self.cursor = (self.cursor + (1 if key.key == "down" else -1)) % len(self.ways)
        elif key.key in letters:
            self.cursor = letters[key.key]
        elif key.key == "enter":
            way = self.ways[self.cursor]
            if way.works:
                self.ready(way)
            else:
                self.said = f"{WORDS[way.action][1]} would do nothing: {way.answer}."

    def over(self, how: Press) -> None:
        """Disarmed: back to the choices."""
        self.arming = None
        self.said = (
            "Disarmed: the time was over, nothing was sent." if how is Press.EXPIRED else "Nothing was sent."
        )

    def title(self, scene: Scene) -> str:
        """Which group."""
        return f"{scene.glyphs.warn} Recover {self.target}"

    def frame_tone(self, scene: Scene) -> str:
        """Dangerous once it is armed."""
        return "breach" if self.is_armed else "accent"

    def corner(self, scene: Scene) -> Line:
        """The time left, or how to go back."""
        return super().corner(scene) if self.is_armed else line(("Esc closes", "muted"))

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """What is wrong, both books, the choices, and what the chosen one would do."""
        self.saw = scene.snapshot.version
        group = scene.snapshot.account.groups.get(self.target)
        if group is None:
            return [line(("This group is gone.", "muted"))]
        move = move_of(scene.snapshot, group)
        lead = "It needs you: " if move.needs_you else "It needs nothing from you: "
        tone = "bold breach" if move.needs_you else "bold bright"
        lines: list[Line] = [*wrap(line((lead, tone), (move.sentence, "bright")), width)[:2], BLANK]
        entry = self._below(scene, width)
        chosen = self._chosen(scene, width)
        room = height - len(lines) - len(self.ways) - len(chosen) - len(entry) - 3
        lines += book_lines(group, scene, width, max(3, room))
        lines.append(BLANK)
        lines += [self._choice(at, way, scene, width) for at, way in enumerate(self.ways)]
        lines.append(BLANK)
        lines += chosen
        lines = lines[: height - len(entry)]
        return [*lines, *[BLANK] * (height - len(entry) - len(lines)), *entry]

    def _choice(self, at: int, way: WayOut, scene: Scene, width: int) -> Line:
        key, label, meaning = WORDS[way.action]
        here = at == self.cursor
        tone = "bold bright" if way.works else "muted"
        row: Line = line(
            (f"{scene.glyphs.cursor if here else ' '} ", "accent"),
            (f"{key} ", "bold accent" if way.works else "muted"),
            (fill(label, 17), tone),
            (fill(meaning, 44), "text" if way.works else "muted"),
            (_size(way) if way.works else f"no: {way.answer}", "text" if way.works else "muted"),
        )
        if not here:
            return row
        row = tuple((text, f"{each} on selected") for text, each in row)
        return (*row, (" " * max(0, width - width_of(row)), "text on selected"))

    def _chosen(self, scene: Scene, width: int) -> list[Line]:
        """What the chosen way would do, in at most five lines."""
        if not self.ways:
            return [line(("The core offers no way out here.", "muted"))]
        way = self.ways[self.cursor]
        if not way.works:
            return []
        lines: list[Line] = [line(("The core would answer: ", "muted"), (way.answer, "bright"))]
        if way.at_once:
            lines += wrap((("at once  ", "muted"), *_orders(way.at_once, scene.glyphs)), width, 9)[:2]
        if way.then:
            lines += wrap((("then     ", "muted"), *_orders(way.then, scene.glyphs)), width, 9)[:2]
        tail = []
        if way.cancels or way.changes:
            tail.append(f"{way.cancels} cancelled, {way.changes} changed")
        if way.asks_margin:
            tail.append("margin is asked for before anything is sent")
        if way.changes_holding:
            tail.append("no order: units change hands in our books")
        tail.append(f"the group is {way.state.replace('_', ' ').lower()} then")
        lines.append(line(("         ", "muted"), (", ".join(tail), "muted")))
        return lines

    def _below(self, scene: Scene, width: int) -> list[Line]:
        number = self.target.removeprefix("G-")
        if self.is_armed and self.ways:
            label = WORDS[self.ways[self.cursor].action][1].lower()
            ask = line(
                "Type ", (number, "bold bright"), f" then Enter to {label}. ", ("Esc goes back.", "muted")
            )
            return [ask, *self.entry_lines(width)]
        keys = line(
            ("up down", "bold accent"),
            ("  choose   ", "muted"),
            (scene.glyphs.enter, "bold accent"),
            (f"  then {number} to do it   ", "muted"),
            ("Esc", "bold accent"),
            ("  close", "muted"),
        )
        return [*([line((self.said, "bold warn"))] if self.said else []), keys]


def _size(way: WayOut) -> str:
    """How much a way would trade, in a few words."""
    orders = [*way.at_once, *way.then]
    if way.changes_holding:
        return "no order"
    if not orders:
        return f"{way.cancels} cancels" if way.cancels else "no order now"
    return (
        f"{len(orders)} trade{'' if len(orders) == 1 else 's'}, {sum(each.units for each in orders):,} units"
    )


def _orders(orders: Sequence[ForeseenOrder], glyphs: Glyphs) -> list[Span]:
    spans: list[Span] = []
    for each in orders:
        tone = "bold long" if each.side is Side.BUY else "bold short"
        price = f" @ {each.limit_paise / 100:,.2f}" if each.limit_paise is not None else ""
        spans += [(f"{each.side.value} ", tone), (f"{each.units:,} {each.label}{price}   ", "text")]
    return spans
