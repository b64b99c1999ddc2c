"""Bars, area charts and histograms made of characters. Pure: numbers in, text out."""

from __future__ import annotations

from collections.abc import Sequence

from console.glyphs import Glyphs
from console.widgets.line import Line, Span


def share_of(part: float, whole: float) -> float:
    """``part`` of ``whole`` between 0 and 1; 0 where there is no whole."""
    return 0.0 if whole <= 0 else min(1.0, max(0.0, part / whole))


def leg_bar(share: float, width: int, filled: str, glyphs: Glyphs, tone: str) -> Line:
    """A leg's bar of ``width`` cells: any fill shows at least one cell, and only a whole one is full."""
    solid = round(share * width)
    if 0 < share < 1:
        solid = min(max(solid, 1), width - 1) if width > 1 else solid
    spans: list[Span] = []
    if solid:
        spans.append((filled * solid, tone))
    if width > solid:
        spans.append((glyphs.empty_bar * (width - solid), "line"))
    return tuple(spans)


def leg_mark(share: float, filled: str, glyphs: Glyphs, tone: str) -> Line:
    """A leg in one cell: whole, begun, or empty."""
    if share >= 1:
        return ((filled, tone),)
    return ((glyphs.empty_bar, f"bold {tone}"),) if share > 0 else ((glyphs.track, "line"),)


def meter(now: float, worst: float | None, width: int, glyphs: Glyphs, tones: tuple[str, str]) -> Line:
    """A meter from 0 to 1: what is used now in full, up to the worst case in shade, the rest a trough."""
    solid = round(share_of(now, 1) * width)
    reach = max(solid, round(share_of(worst if worst is not None else now, 1) * width))
    return tuple(
        span
        for span in (
            (glyphs.full * solid, tones[0]),
            (glyphs.shade * (reach - solid), tones[1]),
            (glyphs.trough * (width - reach), "line"),
        )
        if span[0]
    )


def area(values: Sequence[float | None], top: float, height: int, glyphs: Glyphs) -> list[str]:
    """``height`` rows of text, highest first: one column a value, filled from the bottom up to ``value /
    top``.

    ``None`` leaves its column empty; a value above zero shows at least the lowest mark.
    """
    steps = len(glyphs.ramp) - 1
    rows: list[str] = []
    levels = [
        None if value is None else max(1 if value > 0 else 0, round(share_of(value, top) * height * steps))
        for value in values
    ]
    for row in range(height - 1, -1, -1):
        floor = row * steps
        rows.append(
            "".join(
                " " if level is None else glyphs.ramp[min(steps, max(0, level - floor))] for level in levels
            )
        )
    return rows


def signed_area(values: Sequence[float | None], reach: float, height: int, glyphs: Glyphs) -> list[str]:
    """``height`` rows of text: what is above zero grows up from the zero line, what is below hangs from it.

    Both sides share one scale, on which ``reach`` fills the rows of the larger side; a side that no value is
    on has no row.
    """
    known = [value for value in values if value is not None]
    up, down = max([0.0, *known]), -min([0.0, *known])
    below = (
        0 if down == 0 else height if up == 0 else min(max(1, round(height * down / (up + down))), height - 1)
    )
    above = height - below
    if height == 1 and up and down:
        return area([None if value is None else abs(value) for value in values], reach, 1, glyphs)
    scale = max(up / above if above else 0.0, down / below if below else 0.0, reach / max(above, below))
    upper = [None if value is None else max(0.0, value) for value in values]
    lower = [None if value is None else max(0.0, -value) for value in values]
    rows = area(upper, scale * above, above, glyphs) if above else []
    return rows + _hanging(lower, scale * below, below, glyphs)


def _hanging(values: Sequence[float | None], bottom: float, height: int, glyphs: Glyphs) -> list[str]:
    """The same from the top down."""
    steps = len(glyphs.hanging) - 1
    levels = [
        None if value is None else max(1 if value > 0 else 0, round(share_of(value, bottom) * height * steps))
        for value in values
    ]
    return [
        "".join(
            " " if level is None else glyphs.hanging[min(steps, max(0, level - row * steps))]
            for level in levels
        )
        for row in range(height)
    ]


def runs(text: str, tones: Sequence[str]) -> Line:
    """The text in spans, one for each run of equal tones; ``tones`` has one for every character."""
    spans: list[Span] = []
    start = 0
    for position in range(1, len(text) + 1):
        if position == len(text) or tones[position] != tones[start]:
            spans.append((text[start:position], tones[start]))
            start = position
    return tuple(spans)
