"""Framed boxes as lines, and lines side by side: what a page that has several parts is composed of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from console.glyphs import Glyphs
from console.widgets.framed import frame_top
from console.widgets.line import BLANK, Line, cut, pad, width_of


def box(
    title: str,
    corner: Line,
    content: Sequence[Line],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    border: str = "round",
    tone: str = "line",
) -> list[Line]:
    """A frame of exactly ``width`` by ``height`` cells around as much of the content as fits."""
    if height < 2 or width < 8:
        return [BLANK] * max(0, height)
    pieces = glyphs.frame(border)
    lines = [frame_top(pieces, title, corner, width, tone, glyphs)]
    for row in range(height - 2):
        inside = cut(content[row], width - 4, glyphs.ellipsis) if row < len(content) else BLANK
        gap = width - 4 - width_of(inside)
        lines.append(((pieces[3] + " ", tone), *inside, (" " * gap + " " + pieces[4], tone)))
    lines.append(((pieces[5] + pieces[6] * (width - 2) + pieces[7], tone),))
    return lines


def beside(left: Sequence[Line], right: Sequence[Line], left_width: int) -> list[Line]:
    """Two columns of lines, the left one ``left_width`` cells wide."""
    rows = max(len(left), len(right))
    return [
        (
            *pad(left[row] if row < len(left) else BLANK, left_width),
            *(right[row] if row < len(right) else BLANK),
        )
        for row in range(rows)
    ]


def stacked(*parts: Sequence[Line]) -> list[Line]:
    """Parts above one another."""
    return list(chain(*parts))
