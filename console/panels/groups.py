"""The groups, worst first, and the sentences that say what needs a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual import events
from textual.message import Message

from console.glyphs import UNICODE, Glyphs
from console.scene import Scene
from console.theming import Palette
from console.widgets.bars import leg_bar, leg_mark, share_of
from console.widgets.framed import FramedPanel
from console.widgets.line import BLANK, Line, Span, cells, cut, fill, line, toned, width_of, wrap
from console.wording import (
    LOOK,
    listed,
    money_tone,
    move_of,
    sign,
    signed,
    signed_rupees,
    span,
    strategy_name,
    strategy_short,
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


MARKS = 10
"""The cells of cursor, sign and id."""


def columns_for(width: int) -> Columns:
    """The columns that fit in ``width`` cells: bars and strikes give way first, the state never."""
    if width >= 92:
        fixed = Columns(0, 18, 4, 21, 8, 9, 10)
    elif width >= 66:
        fixed = Columns(0, 14, 1, 6, 7, 9, 9)
    else:
        fixed = Columns(0, 13, 0, 0, 7, 9, 8)
    taken = MARKS + fixed.state + fixed.bars + fixed.delta + fixed.unhedged + fixed.pnl
    return replace(fixed, strategy=max(8, width - taken))


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
        self._urgent: list[Line] = []
        self.rows_built = 0
        """Rows built so far: what a test counts."""

    def corner(self, scene: Scene) -> Line:
        """How many are live, and how the rows are narrowed and sorted."""
        groups = scene.snapshot.account.groups
        live = sum(not group.is_over for group in groups.values())
        hidden = len(scene.rows) - len(self._shown)
        below = f"  {scene.glyphs.down} {hidden} not shown" if hidden > 0 else ""
        chosen = f"  {scene.sort}" if scene.sort else ""
        narrowed = f"  / {scene.filter}" if scene.filter else ""
        age = scene.quotes_old_ms
        old = f"{scene.glyphs.clock} prices {span(age)} old  " if age is not None else ""
        return line(
            (old, "bold warn"),
            (f"{live} live", "muted"),
            (chosen, "accent"),
            (narrowed, "bold accent"),
            (below, "warn"),
        )

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """The table above, the sentences pinned to the bottom; those that ask for a person come first of
        all.
        """
        urgent = self._urgent = urgent_lines(scene, width)[: max(1, height - 2)]
        room = height - 1 - len(urgent)
        table_height = max(1, min(len(scene.rows), room - (0 if urgent else 1)))
        calm = calm_lines(scene, width)[: max(0, room - table_height)]
        columns = columns_for(width)
        rows = [_heading(columns, scene)]
        self._scroll(scene, table_height)
        self._shown = scene.rows[self._top : self._top + table_height]
        rows += [self._row(scene, group_id, columns, width) for group_id in self._shown]
        if not scene.order:
            rows.append(line(("No group yet: the core is waiting for a signal or an order.", "muted")))
        elif not scene.rows:
            rows.append(line(("No group has these words. ", "muted"), ("Esc", "bold accent"), " shows all."))
        below = [BLANK] * max(0, height - len(rows) - len(calm) - len(urgent))
        return [*rows, *below, *urgent, *calm]

    def dimmed(self, content: list[Line]) -> list[Line]:
        """Old rows are dimmed; what a person must do about it is not."""
        return [each if each in self._urgent else toned(each, "muted") for each in content]

    def _scroll(self, scene: Scene, height: int) -> None:
        """Keep the selected row in view."""
        if height <= 0 or scene.selected not in scene.rows:
            self._top = 0
            return
        position = scene.rows.index(scene.selected)
        self._top = min(max(self._top, position - height + 1), position, max(0, len(scene.rows) - height))

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
            recorded = snapshot.recorded is not None
            known = (key, row_of(group, exposure, snapshot.at_ns, columns, scene.glyphs, recorded=recorded))
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
    text = "    " + fill("id", 6) + fill("strategy", columns.strategy) + fill("lifecycle", columns.state)
    if columns.bars:
        text += fill("legs", columns.bars)
    text += fill(f"{scene.glyphs.delta} unit", columns.delta, right=True)
    text += fill("unhedged", columns.unhedged, right=True)
    return ((text + fill("P&L", columns.pnl, right=True), "muted"),)


def row_of(
    group: MultiLegOrderGroup,
    exposure: Exposure | None,
    now_ns: int,
    columns: Columns,
    glyphs: Glyphs,
    *,
    recorded: bool = False,
) -> Line:
    """One group's row, without the cursor. Of a ``recorded`` group not everything is known."""
    look = LOOK[group.state]
    over = group.is_over
    unhedged = unhedged_now_ms(group, now_ns)
    named = strategy_words(group.plan, glyphs)
    if cells(named) >= columns.strategy:
        named = strategy_name(group.plan)
    if cells(named) >= columns.strategy:
        named = strategy_short(group.plan)
    words = fill(named, columns.strategy - 1) + " "
    state = look.word if len(look.word) < columns.state else look.short or look.word
    spans: list[Span] = [
        (f" {sign(glyphs, look.sign)} ", look.tone),
        (fill(group.group_id, 6), "muted" if over else "bold bright"),
        (words, "muted" if over else "text"),
        (fill(state, columns.state), look.tone if over else f"bold {look.tone}"),
    ]
    if columns.bars:
        spans += _bars(group, columns, glyphs)
    unknown = recorded and group.first_fill_ns > 0 and not over
    if unknown and exposure is None:
        spans.append((fill("-", columns.delta, right=True), "muted"))
    elif exposure is None or over:
        spans.append((fill("0", columns.delta, right=True), "muted"))
    else:
        spans.append(_delta(exposure, columns, glyphs, recorded=recorded))
    tone = "breach" if unhedged > 1_000 else "warn" if unhedged else "muted"
    spans.append((fill(span(unhedged) if unhedged else "0", columns.unhedged, right=True), tone))
    paise = exposure.pnl_paise if exposure else 0
    told = "-" if unknown else signed_rupees(paise, glyphs)
    spans.append((fill(told, columns.pnl, right=True), "muted" if unknown else money_tone(paise)))
    return tuple(spans)


def _delta(exposure: Exposure, columns: Columns, glyphs: Glyphs, *, recorded: bool) -> Span:
    """With a sign before it where it is outside its limit; never a number that is cut, nor an old one."""
    if exposure.blind and not recorded:
        return fill("blind", columns.delta, right=True), "warn"
    outside = exposure.delta_limit_units and abs(exposure.delta_units) > exposure.delta_limit_units
    mark = glyphs.warn if outside else ""
    texts = [f"{mark}{signed(exposure.delta_units, glyphs, digits)}" for digits in (1, 0)]
    text = next((each for each in texts if cells(each) < columns.delta), texts[-1])
    return fill(text, columns.delta, right=True), "bold warn" if outside else "text"


def _bars(group: MultiLegOrderGroup, columns: Columns, glyphs: Glyphs) -> Line:
    """Each leg as a bar that fills: in cells, or with one mark where there is one cell for each."""
    legs = group.legs
    bar = columns.bar
    while bar > 1 and len(legs) * (bar + 1) > columns.bars:
        bar -= 1
    gap = 1 if bar > 1 else 0
    spans: list[Span] = []
    for leg in legs[: (columns.bars - 1) // (bar + gap)]:
        index = leg.plan.index
        planned = group.plan.units(index) if index < len(group.plan.legs) else abs(leg.net_units)
        share = share_of(leg.held_units, planned)
        long = leg.plan.side is Side.BUY
        filled = glyphs.long_bar if long else glyphs.short_bar
        if bar == 1:
            spans += leg_mark(share, filled, glyphs, "long" if long else "short")
        else:
            spans += leg_bar(share, bar, filled, glyphs, "long" if long else "short")
        spans.append((" " * gap, "text"))
    return (*spans, (" " * (columns.bars - width_of(spans)), "text"))


def urgent_lines(scene: Scene, width: int) -> list[Line]:
    """What a person must know first: what has just been refused, a core that is silent, groups that need
    them.
    """
    snapshot = scene.snapshot
    said: list[Line] = []
    if scene.flash:
        said += wrap(line((scene.flash, "bold accent")), width)
    if scene.core_stopped:
        text = (
            f"The core has stopped: {scene.core_stopped}. Nothing is sent; resting stops stay at the broker."
        )
        said += wrap(line((text, "bold breach")), width)
    elif scene.core_is_silent:
        age = span(scene.silent_ms)
        text = f"The core has said nothing for {age}: what you see is that old."
        said += wrap(line((text, "bold breach")), width)
    kill = snapshot.account.kill
    if kill.tripped:
        cause = f"{kill.cause}, by {kill.by or 'the core'}" if kill.cause else f"by {kill.by or 'the core'}"
        text = f"Kill switch on since {clock_text(kill.at_ns)} ({cause}): no new risk until K resets it."
        said += wrap(line((text, "bold warn")), width)
    for group_id in scene.order:
        group = snapshot.account.groups[group_id]
        move = move_of(snapshot, group)
        if move.needs_you and not group.is_over:
            words = line((f"{group_id} needs you: ", "bold breach"), move.sentence.rstrip("."))
            if move.key:
                words += (("  ", "text"), (f"{scene.key_of(move.key)} {_verb(move.key)}", "bold accent"))
            said += wrap(words, width, 2)
    return said


def calm_lines(scene: Scene, width: int) -> list[Line]:
    """Who needs nothing and what they do by themselves, the selected group first; one line each."""
    snapshot, glyphs = scene.snapshot, scene.glyphs
    if snapshot.finished:
        verdict = f"{snapshot.title or 'The run'} is over: {snapshot.verdict or 'finished'}. "
        tone = "bold ok" if snapshot.verdict == "PASS" else "bold breach"
        said: list[Line] = [line((verdict, tone), ("q leaves.", "text"))]
    else:
        said = []
    groups = [snapshot.account.groups[group_id] for group_id in scene.order]
    calm = [group for group in groups if not group.is_over and not move_of(snapshot, group).needs_you]
    calm.sort(key=lambda group: group.group_id != scene.selected)
    busy = [
        group
        for group in calm
        if group.state is not ExecutionLifecycle.OPEN or group.group_id == scene.selected
    ][:3]
    for group in busy:
        opening = (f"{group.group_id} needs nothing from you: ", "bold bright")
        said.append(cut(line(opening, move_of(snapshot, group).sentence), width, glyphs.ellipsis))
    rest = [group.group_id for group in calm if group not in busy]
    if rest:
        said.append(line((f"{listed(rest)} need{'' if len(rest) > 1 else 's'} nothing from you.", "muted")))
    return said + _ended(scene)


def _verb(key: str) -> str:
    """What the key does, for the sentence."""
    return {"r": "to recover", "a": "to acknowledge", "F9": "to flatten", "K": "for the kill switch"}.get(
        key, ""
    )


def _ended(scene: Scene) -> list[Line]:
    groups = scene.snapshot.account.groups.values()
    closed = sum(group.state is ExecutionLifecycle.CLOSED for group in groups)
    rejected = [group for group in groups if group.state is ExecutionLifecycle.REJECTED]
    if not (closed or rejected):
        return []
    told = line(("closed ", "muted"), str(closed), ("   rejected ", "muted"), (str(len(rejected)), "text"))
    if rejected:
        newest = max(rejected, key=lambda group: group.plan.number)
        told += ((f"   {newest.group_id}: ", "text"), (newest.reason or "no reason given", "muted"))
    return [told]
