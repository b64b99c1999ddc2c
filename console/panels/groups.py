"""The groups, worst first, and the sentences that say what needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message

from console.glyphs import UNICODE, Glyphs
from console.scene import Scene
from console.theming import Palette
from console.widgets.bars import leg_bar, share_of
from console.widgets.framed import FramedPanel
from console.widgets.line import BLANK, Line, Span, fill, line, width_of, wrap
from console.wording import (
    LOOK,
    listed,
    money_tone,
    move_of,
    sign,
    signed,
    signed_rupees,
    span,
    strategy_words,
    unhedged_now_ms,
)
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.timing import clock_text
from core.engine.snapshot import Exposure


@dataclass(frozen=True, slots=True)
class Columns:
    """The widths of the columns; 0 leaves one out. ``bar`` is the width of one leg's bar."""

    strategy: int
    state: int
    bar: int
    bars: int
    delta: int
    unhedged: int
    pnl: int


def columns_for(width: int) -> Columns:
    """The columns that fit in ``width`` cells: legs and strategy give way first, the state never."""
    if width >= 96:
        return Columns(strategy=width - 78, state=18, bar=4, bars=20, delta=9, unhedged=10, pnl=10)
    if width >= 70:
        return Columns(strategy=width - 65, state=18, bar=2, bars=12, delta=8, unhedged=7, pnl=9)
    return Columns(strategy=max(8, width - 53), state=18, bar=0, bars=0, delta=8, unhedged=7, pnl=9)


class GroupSelected(Message):
    """A person pointed at a group."""

    def __init__(self, group_id: str) -> None:
        super().__init__()
        self.group_id = group_id


class GroupsPanel(FramedPanel):
    """A row is built again only when its group, its exposure or its unhedged time has changed."""

    TITLE = "Groups"

    def __init__(self, palette: Palette, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(palette, glyphs, id=id)
        self._rows: dict[str, tuple[tuple[object, ...], Line]] = {}
        self._top = 0
        self._shown: tuple[str, ...] = ()
        self.rows_built = 0
        """Rows built so far: what a test counts."""

    def corner(self, scene: Scene) -> Line:
        """How many are live."""
        live = sum(not group.is_over for group in scene.snapshot.account.groups.values())
        return line((f"{live} live", "muted"))

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """The table above, the sentences pinned to the bottom."""
        said = sentences(scene, width)
        room = max(2, height - 1)
        said = said[: max(1, room - min(3, len(scene.order)))]
        table_height = height - 1 - len(said) - 1
        columns = columns_for(width)
        rows = [_heading(columns, scene)]
        self._scroll(scene, table_height)
        self._shown = scene.order[self._top : self._top + table_height]
        rows += [self._row(scene, group_id, columns, width) for group_id in self._shown]
        if not scene.order:
            rows.append(line(("No group yet: the core is waiting for a signal or an order.", "muted")))
        hidden = len(scene.order) - self._top - len(self._shown)
        blank = max(0, height - len(rows) - len(said))
        below = [BLANK] * blank
        if hidden > 0 and below:
            below[0] = line((f"{scene.glyphs.down} {hidden} more", "muted"))
        return [*rows, *below, *said]

    def _scroll(self, scene: Scene, height: int) -> None:
        """Keep the selected row in view."""
        if height <= 0 or scene.selected not in scene.order:
            self._top = 0
            return
        position = scene.order.index(scene.selected)
        self._top = min(max(self._top, position - height + 1), position, max(0, len(scene.order) - height))

    def _row(self, scene: Scene, group_id: str, columns: Columns, width: int) -> Line:
        snapshot = scene.snapshot
        group = snapshot.account.groups[group_id]
        exposure = snapshot.exposures.get(group_id)
        unhedged = unhedged_now_ms(group, snapshot.at_ns) // 100
        needs_you = move_of(snapshot, group).needs_you
        key = (group, exposure, unhedged, width, needs_you)
        known = self._rows.get(group_id)
        if known is None or not _same(known[0], key):
            self.rows_built += 1
            known = (key, row_of(group, exposure, snapshot.at_ns, columns, scene.glyphs))
            self._rows[group_id] = known
        if group_id != scene.selected:
            return ((" ", "text"), *known[1])
        chosen: list[Span] = [(scene.glyphs.cursor, "accent on selected")]
        chosen += [(text, tone if " on " in tone else f"{tone} on selected") for text, tone in known[1]]
        short = width - width_of(chosen)
        return (*chosen, (" " * short, "text on selected")) if short > 0 else tuple(chosen)

    def on_click(self, event: events.Click) -> None:
        """Select the group under the pointer."""
        row = event.y - 2
        if 0 <= row < len(self._shown):
            self.post_message(GroupSelected(self._shown[row]))


def _same(known: tuple[object, ...], key: tuple[object, ...]) -> bool:
    """Groups and exposures are compared by identity: the core makes a new object for every change."""
    return known[0] is key[0] and known[1] is key[1] and known[2:] == key[2:]


def _heading(columns: Columns, scene: Scene) -> Line:
    text = "    " + fill("id", 7) + fill("strategy", columns.strategy) + fill("lifecycle", columns.state)
    if columns.bars:
        text += fill("legs", columns.bars)
    text += fill(f"{scene.glyphs.delta} unit", columns.delta, right=True)
    text += (
        fill("unhedged", columns.unhedged, right=True)
        if columns.unhedged > 8
        else fill("open", columns.unhedged, right=True)
    )
    return ((text + fill("P&L", columns.pnl, right=True), "muted"),)


def row_of(
    group: MultiLegOrderGroup, exposure: Exposure | None, now_ns: int, columns: Columns, glyphs: Glyphs
) -> Line:
    """One group's row, without the cursor."""
    look = LOOK[group.state]
    over = group.is_over
    unhedged = unhedged_now_ms(group, now_ns)
    words = fill(strategy_words(group.plan, glyphs), columns.strategy - 1) + " "
    spans: list[Span] = [
        (f" {sign(glyphs, look.sign)} ", look.tone),
        (fill(group.group_id, 7), "muted" if over else "bold bright"),
        (words, "muted" if over else "text"),
        (fill(look.word, columns.state), look.tone if over else f"bold {look.tone}"),
    ]
    if columns.bars:
        spans += _bars(group, columns, glyphs)
    if exposure is None or over:
        spans.append((fill("0", columns.delta, right=True), "muted"))
    else:
        outside = exposure.delta_limit_units and abs(exposure.delta_units) > exposure.delta_limit_units
        spans.append(
            (
                fill(signed(exposure.delta_units, glyphs), columns.delta, right=True),
                "warn" if outside else "text",
            )
        )
    tone = "breach" if unhedged > 1_000 else "warn" if unhedged else "muted"
    spans.append((fill(span(unhedged) if unhedged else "0", columns.unhedged, right=True), tone))
    paise = exposure.pnl_paise if exposure else 0
    spans.append((fill(signed_rupees(paise, glyphs), columns.pnl, right=True), money_tone(paise)))
    return tuple(spans)


def _bars(group: MultiLegOrderGroup, columns: Columns, glyphs: Glyphs) -> Line:
    """Each leg as a bar that fills; many legs share the width."""
    legs = group.legs
    bar = columns.bar
    while bar > 1 and len(legs) * (bar + 1) > columns.bars:
        bar -= 1
    spans: list[Span] = []
    for leg in legs[: columns.bars // (bar + 1)]:
        planned = (
            group.plan.units(leg.plan.index) if leg.plan.index < len(group.plan.legs) else abs(leg.net_units)
        )
        long = leg.plan.side is Side.BUY
        spans += leg_bar(
            share_of(leg.held_units, planned),
            bar,
            glyphs.long_bar if long else glyphs.short_bar,
            glyphs,
            "long" if long else "short",
        )
        spans.append((" ", "text"))
    return (*spans, (" " * (columns.bars - width_of(spans)), "text"))


def sentences(scene: Scene, width: int) -> list[Line]:
    """What a person must know first: who needs them and why, and who does not."""
    snapshot = scene.snapshot
    said: list[Line] = []
    if scene.flash:
        said += wrap(line((scene.flash, "bold accent")), width)
    if scene.core_stopped:
        text = f"The core has stopped: {scene.core_stopped}. Nothing is being sent; resting stops stay at the broker."
        said += wrap(line((text, "bold breach")), width)
    elif scene.core_is_silent:
        age = span(scene.silent_ms)
        said += wrap(
            line((f"The core has said nothing for {age}: what you see is that old.", "bold breach")), width
        )
    kill = snapshot.account.kill
    if kill.tripped:
        text = f"Kill switch on since {clock_text(kill.at_ns)} ({kill.cause}, by {kill.by or 'the core'}): no new risk until K resets it."
        said += wrap(line((text, "bold warn")), width)
    live = [
        snapshot.account.groups[group_id]
        for group_id in scene.order
        if not snapshot.account.groups[group_id].is_over
    ]
    calm: list[MultiLegOrderGroup] = []
    for group in live:
        move = move_of(snapshot, group)
        if move.needs_you:
            words = line((f"{group.group_id} needs you: ", "bold breach"), move.sentence.rstrip("."))
            if move.key:
                words += (("  ", "text"), (f"{move.key} {_verb(move.key)}", "bold accent"))
            said += wrap(words, width, 2)
        else:
            calm.append(group)
    busy = [
        group
        for group in calm
        if group.state is not ExecutionLifecycle.OPEN or group.group_id == scene.selected
    ]
    for group in busy[:2]:
        opening = (f"{group.group_id} needs nothing from you: ", "bold bright")
        said += wrap(line(opening, move_of(snapshot, group).sentence), width, 2)
    rest = [group.group_id for group in calm if group not in busy[:2]]
    if rest:
        said += wrap(
            line((f"{listed(rest)} need{'' if len(rest) > 1 else 's'} nothing from you.", "muted")), width
        )
    said += _ended(scene, width)
    return said


def _verb(key: str) -> str:
    """What the key does, for the sentence."""
    return {"r": "to recover", "a": "to acknowledge", "F9": "to flatten", "K": "for the kill switch"}.get(
        key, ""
    )


def _ended(scene: Scene, width: int) -> list[Line]:
    snapshot = scene.snapshot
    groups = snapshot.account.groups.values()
    closed = sum(group.state is ExecutionLifecycle.CLOSED for group in groups)
    rejected = sum(group.state is ExecutionLifecycle.REJECTED for group in groups)
    if snapshot.finished:
        verdict = f"{snapshot.title or 'The run'} is over: {snapshot.verdict or 'finished'}. "
        return [
            line((verdict, "bold ok" if snapshot.verdict == "PASS" else "bold breach"), ("q leaves.", "text"))
        ]
    if not (closed or rejected):
        return []
    return [
        line(
            ("closed ", "muted"),
            str(closed),
            ("   rejected ", "muted"),
            (str(rejected), "warn" if rejected else "text"),
        )
    ]
