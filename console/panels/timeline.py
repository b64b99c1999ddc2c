"""Each leg as a track from its first send to its last fill, on one scale of market time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from console.glyphs import Glyphs
from console.widgets.bars import share_of
from console.widgets.line import Line, Span
from core.domain.groups import LegState, MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.orders import Purpose

NS_PER_S = 1_000_000_000
STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400)


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The stretch of market time that the tracks show: its start, and its length in whole seconds."""

    start_ns: int
    seconds: int

    def column(self, at_ns: int, width: int) -> int:
        """The column of an instant, within the track."""
        share = share_of(at_ns - self.start_ns, self.seconds * NS_PER_S)
        return min(width - 1, int(share * width))


def entry_filled_ns(group: MultiLegOrderGroup, leg: LegState) -> int:
    """When the leg's last entry fill was traded; exits and stops come later and do not count. 0 before
    any.
    """
    traded = [
        trade.traded_at_ns
        for order in group.orders.values()
        if order.leg == leg.plan.index and order.purpose is Purpose.ENTRY
        for trade in order.trades
    ]
    return max(traded, default=leg.filled_at_ns)


def window_of(group: MultiLegOrderGroup, now_ns: int) -> TimeWindow:
    """From the first send to the last fill, or to now while anything is unfilled; a round number of
    seconds.
    """
    sent = [leg.sent_at_ns for leg in group.legs if leg.sent_at_ns]
    start = min(sent, default=now_ns)
    whole = all(leg.filled_at_ns or not leg.plan.index < len(group.plan.legs) for leg in group.legs)
    end = max((entry_filled_ns(group, leg) for leg in group.legs), default=0) if whole else now_ns
    seconds = max(1, -(-(end - start) // NS_PER_S))
    return TimeWindow(start, next((step for step in STEPS_S if step >= seconds), STEPS_S[-1]))


def exposed_window(group: MultiLegOrderGroup, now_ns: int) -> tuple[int, int] | None:
    """From the first entry fill until the group was whole, or until now; ``None`` before any fill."""
    planned = group.legs[: len(group.plan.legs)]
    filled = [entry_filled_ns(group, leg) for leg in planned]
    first = group.first_fill_ns or min((at_ns for at_ns in filled if at_ns), default=0)
    if not first:
        return None
    whole = all(
        leg.entered_units >= group.plan.units(leg.plan.index, group.copies or None) for leg in planned
    )
    return first, max(filled) if whole and all(filled) else now_ns


def shaded(track: Line, first: int, last: int) -> Line:
    """The track with the columns from ``first`` to ``last`` on another ground."""
    spans: list[Span] = []
    column = 0
    for text, tone in track:
        cuts = sorted({0, len(text), *(min(max(0, at - column), len(text)) for at in (first, last + 1))})
        for start, end in pairwise(cuts):
            inside = first <= column + start <= last
            spans.append((text[start:end], f"{tone} on selected" if inside and " on " not in tone else tone))
        column += len(text)
    return tuple(spans)


def axis(width: int, span: TimeWindow) -> str:
    """``0 s        5 s       10 s`` in exactly ``width`` cells."""
    if width < 14:
        return " " * width
    first, last = "0 s", _seconds(span.seconds)
    middle = _seconds(span.seconds / 2)
    left = max(1, width // 2 - len(middle) // 2 - len(first))
    right = width - len(first) - left - len(middle) - len(last)
    if right < 1:
        return first + " " * (width - len(first) - len(last)) + last
    return first + " " * left + middle + " " * right + last


def _seconds(value: float) -> str:
    if value < 120:
        return f"{value:g} s"
    return f"{value / 60:g} m" if value < 7_200 else f"{value / 3_600:g} h"


def leg_track(
    group: MultiLegOrderGroup, leg: LegState, now_ns: int, width: int, span: TimeWindow, glyphs: Glyphs
) -> Line:
    """Dots until the send, a bar to the last fill with a ball at its end, and dashes while more is to
    come.
    """
    if width < 8:
        return ()
    tone = "long" if leg.plan.side is Side.BUY else "short"
    bar = glyphs.long_bar if leg.plan.side is Side.BUY else glyphs.short_bar
    planned = group.plan.units(leg.plan.index) if leg.plan.index < len(group.plan.legs) else 0
    share = share_of(leg.entered_units, planned) if planned else 1.0
    if not leg.sent_at_ns:
        waiting = "waits for its cover" if tone == "short" and not group.is_over else "not sent"
        return ((f"{waiting}".ljust(width)[:width], "muted"),)
    start = span.column(leg.sent_at_ns, width)
    filled_ns = entry_filled_ns(group, leg)
    note = "" if share >= 1 else f" {share:.0%}".replace("%", " %")
    end = span.column(filled_ns or now_ns, width)
    last = min(width - 1 - len(note), span.column(now_ns, width))
    done = min(max(start, end if filled_ns else start + int((last - start) * share)), width - 1 - len(note))
    spans: list[Span] = [(glyphs.track * start, "line"), (bar * (done - start), tone)]
    spans.append((glyphs.dot, tone))
    used = done + 1
    if share < 1 and not group.is_over:
        dashes = max(0, last - done)
        spans.append((glyphs.pending * dashes, tone))
        used += dashes
        spans.append((note, f"bold {tone}"))
        used += len(note)
    spans.append((glyphs.track * (width - used), "line"))
    return tuple(each for each in spans if each[0])
