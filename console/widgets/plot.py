"""A filled curve and a line over a zero line, in quarters of a cell. Pure: numbers in, lines out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.glyphs import ASCII, Glyphs
from console.widgets.bars import runs
from console.widgets.line import Line

QUARTERS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
"""The cell with these quarters filled: upper left 1, upper right 2, lower left 4, lower right 8."""


def stretched(values: Sequence[float], count: int) -> list[float]:
    """The values on ``count`` even places, straight between their neighbours; ``values`` not empty."""
    if count == 1 or len(values) == 1:
        return [values[0]] * count
    step = (len(values) - 1) / (count - 1)
    found = []
    for place in range(count):
        left = min(int(place * step), len(values) - 2)
        share = place * step - left
        found.append(values[left] * (1 - share) + values[left + 1] * share)
    return found


def plot(area: Sequence[float], over: Sequence[float], width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """``area`` filled to the zero line, gains and losses in their own tones; ``over`` as a bright line on it.

    Both are spread over ``width`` cells and share one scale, which always holds zero.
    """
    if width < 2 or height < 2 or not area or not over:
        return []
    fine = 1 if glyphs is ASCII else 2
    across = 1 if glyphs is ASCII else 2
    filled, drawn = stretched(area, width * across), stretched(over, width * across)
    top = max(0.0, *filled, *drawn)
    low = min(0.0, *filled, *drawn)
    steps = height * fine - 1
    scale = steps / (top - low) if top > low else 0.0

    def row_of(value: float) -> int:
        return round((top - value) * scale)

    zero = row_of(0.0)
    lines: list[Line] = []
    for row in range(height):
        text, tones = "", []
        for column in range(width):
            sign, tone = _cell(
                filled[column * across : (column + 1) * across],
                drawn[column * across : (column + 1) * across],
                row * fine,
                fine,
                zero,
                row_of,
                glyphs,
            )
            text += sign
            tones.append(tone)
        lines.append(runs(text, tones))
    return lines


def _cell(
    filled: Sequence[float],
    drawn: Sequence[float],
    first: int,
    fine: int,
    zero: int,
    row_of: Callable[[float], int],
    glyphs: Glyphs,
) -> tuple[str, str]:
    """One cell: the line where it passes, else the area, else the zero line."""
    rows = range(first, first + fine)
    line = [row_of(value) in rows for value in drawn]
    if any(line):
        if glyphs is ASCII:
            return "o", "bold bright"
        bits = sum(1 << at + 2 * (row_of(value) - first) for at, value in enumerate(drawn) if line[at])
        return QUARTERS[bits], "bold bright"
    bits = 0
    for at, value in enumerate(filled):
        end = row_of(value)
        low, high = min(end, zero), max(end, zero)
        for row in rows:
            if low <= row <= high and end != zero:
                bits |= 1 << at + 2 * (row - first)
    if bits:
        gain = sum(filled) > 0
        if glyphs is ASCII:
            return ("#" if gain else "-"), "ok" if gain else "breach"
        return QUARTERS[bits], "ok" if gain else "breach"
    if zero in rows:
        return (glyphs.dash if glyphs is not ASCII else "."), "line"
    return " ", "text"
