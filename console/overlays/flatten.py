"""F9: what closing a group, or everything, would send, cost and leave; confirmed by typing its number or
ALL.
"""

from __future__ import annotations

from collections.abc import Sequence

from console.overlays.overlay import ArmedOverlay
from console.preview import FlattenPreview, live_groups, preview_flatten
from console.scene import Scene
from console.widgets.line import BLANK, Line, fill, line, wrap
from console.wording import rupees, signed
from core.domain.instruments import Side

ALL = "ALL"


def names_group(word: str, group_id: str, number: int) -> bool:
    """Whether a typed word names this group: ``14``, ``014``, ``G-014`` or ``g-014``."""
    upper = word.upper()
    return upper == group_id.upper() or (word.isascii() and word.isdigit() and int(word) == number)


class FlattenOverlay(ArmedOverlay):
    """The preview follows what is being typed: the group at first, everything once it begins with A."""

    TITLE = "Flatten"
    WIDTH = 88
    HEIGHT = 20

    target: str = ""
    """The group that F9 was pressed on; empty when only ALL can be meant."""
    leaving: bool = False
    """Asked for on the way out."""
    saw: int = 0
    """The version of the snapshot whose preview was painted last."""

    @property
    def means_all(self) -> bool:
        """Whether what is typed so far can only mean everything."""
        typed = self.arming.typed.strip().upper() if self.arming else ""
        return not self.target or (bool(typed) and ALL.startswith(typed))

    def title(self, scene: Scene) -> str:
        """What would be flattened."""
        what = "everything" if self.means_all else self.target
        return f"{scene.glyphs.warn} Flatten {what}{', then leave' if self.leaving else ''}"

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """The instruction, the word, the orders, the cost."""
        snapshot = scene.snapshot
        everyone = tuple(group.group_id for group in live_groups(snapshot))
        chosen = everyone if self.means_all else (self.target,)
        preview = preview_flatten(snapshot, chosen)
        self.saw = preview.saw
        both = _instruction(self.target, len(everyone))
        lines: list[Line] = [both, *self.entry_lines(width), BLANK]
        tail = _totals(preview, scene, width)
        room = max(1, height - len(lines) - len(tail) - 1)
        lines += _orders(preview, room)
        lines += [BLANK] * max(0, height - len(lines) - len(tail))
        return [*lines, *tail]


def _instruction(target: str, live: int) -> Line:
    """What to type."""
    number, everything = (target.removeprefix("G-"), "bold bright"), (ALL, "bold bright")
    end: Line = ((" then Enter. ", "text"), ("Esc cancels.", "muted"))
    if not target:
        return (
            *line(
                "Type ", everything, f" to close {'all ' + str(live) if live > 1 else 'the one'} still live;"
            ),
            *end,
        )
    if live == 1:
        return (*line("Type ", number, " or ", everything, f" to close {target};"), *end)
    return (*line("Type ", number, f" to close {target}, or ", everything, f" to close all {live};"), *end)


def _orders(preview: FlattenPreview, room: int) -> list[Line]:
    if not preview.orders:
        return [
            line(("Nothing is held that is not already being closed; working orders are cancelled.", "muted"))
        ]
    rows: list[Line] = [
        ((f"{'group':7}{'order':6}{'contract':12}{'units':>9}{'at about':>11}  sent as", "muted"),)
    ]
    shown = preview.orders if len(preview.orders) <= room - 1 else preview.orders[: max(0, room - 2)]
    for order in shown:
        price = f"{order.touch_paise / 100:,.2f}" if order.touch_paise is not None else "no quote"
        rows.append(
            line(
                (fill(order.group_id, 7), "text"),
                (fill(order.side.value, 6), "bold long" if order.side is Side.BUY else "bold short"),
                (fill(order.label, 12), "text"),
                (fill(f"{order.units:,}", 9, right=True), "bold bright"),
                (fill(price, 11, right=True), "text" if order.touch_paise is not None else "warn"),
                (f"  {order.children} order{'s' if order.children > 1 else ''}", "muted"),
            )
        )
    hidden = len(preview.orders) - len(shown)
    if hidden:
        rows.append(line((f"and {hidden} more", "muted")))
    return rows


def _totals(preview: FlattenPreview, scene: Scene, width: int) -> list[Line]:
    """Cost, delta after, and what is cancelled; shorts first is the rule, not an estimate."""
    glyphs = scene.glyphs
    cost = (
        "cannot be estimated" if preview.cost_paise is None else f"about {rupees(preview.cost_paise, glyphs)}"
    )
    parts = line(
        ("costs ", "muted"),
        (cost, "bold bright"),
        (" (half the spread)", "muted"),
        ("   last delta " if scene.is_blind else "   delta ", "muted"),
        (signed(preview.delta_now, glyphs), "text"),
        (f" {glyphs.arrow} ", "muted"),
        (signed(preview.delta_after, glyphs), "bold bright"),
        ("   cancels ", "muted"),
        (str(preview.cancels), "text"),
    )
    lines = wrap(parts, width)
    if preview.blind:
        lines.append(line(("Some quotes are missing or stale: the real cost may be higher.", "warn")))
    lines.append(
        line(
            (
                f"{preview.children} orders, shorts first; the core decides again when it gets the command.",
                "muted",
            )
        )
    )
    return lines
