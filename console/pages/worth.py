"""What a group is worth elsewhere: its payoff now and at expiry, and the grid of shocks."""

from __future__ import annotations

from collections.abc import Sequence

from console.glyphs import Glyphs
from console.widgets.line import BLANK, Line, Span, fill, line, spread, width_of
from console.widgets.plot import plot
from console.wording import signed_rupees
from core.engine.snapshot import GroupLook

LABEL = 9


def compact_rupees(paise: int, glyphs: Glyphs) -> str:
    """A signed amount in at most six cells: ``+940``, ``−9.2k``, ``−94k``, ``+1.2L``, ``−12Cr``."""
    whole = abs(paise) / 100
    sign = "" if round(whole) == 0 else ("+" if paise > 0 else glyphs.minus)
    for limit, step, unit in ((1_000, 1, ""), (1e5, 1e3, "k"), (1e7, 1e5, "L"), (float("inf"), 1e7, "Cr")):
        if whole < limit * 0.9995 or limit == float("inf"):
            value = whole / step
            text = f"{value:.0f}" if not unit or value >= 99.5 or value >= 9.95 else f"{value:.1f}"
            return f"{sign}{text}{unit}"
    raise AssertionError(paise)


def extreme(paise: int | None, glyphs: Glyphs) -> Span:
    """A most or a least; ``None`` is without bound."""
    if paise is None:
        return ("unbounded", "bold breach")
    return (signed_rupees(paise, glyphs), "ok" if paise > 0 else "breach" if paise < 0 else "muted")


def payoff_chart(look: GroupLook | None, glyphs: Glyphs, width: int, height: int) -> list[Line]:
    """The chart with its scale, the levels under it, and the figures."""
    if look is None or look.problem or not look.levels_paise:
        words = "It is being worked out." if look is None else look.problem or "There is nothing to draw."
        return [line((words, "muted"))]
    low = None if look.max_loss_paise is None else -look.max_loss_paise
    figures = line(
        ("most ", "muted"),
        ("unbounded", "ok") if look.max_profit_paise is None else extreme(look.max_profit_paise, glyphs),
        ("  least ", "muted"),
        extreme(low, glyphs),
    )
    even = " ".join(f"{level / 100:,.0f}" for level in look.breakevens_paise) or "none"
    breaks = line(("breakeven ", "muted"), even)
    legend: Line = line(
        ("at expiry ", "muted"), ("filled", "ok"), ("  now ", "muted"), ("line", "bold bright")
    )
    if look.basis == "planned":
        legend = (*legend, ("  as planned, nothing is held", "warn"))
    told = (
        [spread(figures, breaks, width)]
        if width_of(figures) + width_of(breaks) < width
        else [figures, breaks]
    )
    rows = height - 2 - len(told)
    if rows < 2:
        return told
    columns = max(10, width - LABEL - 1)
    chart = plot(look.at_expiry_paise, look.now_paise, columns, rows, glyphs)
    top = max(0, *look.at_expiry_paise, *look.now_paise)
    bottom = min(0, *look.at_expiry_paise, *look.now_paise)
    labels = [""] * rows
    labels[0], labels[-1] = compact_rupees(top, glyphs), compact_rupees(bottom, glyphs)
    zero = round(top / (top - bottom) * (rows - 1)) if top > bottom else 0
    labels[zero] = labels[zero] or "0"
    drawn: list[Line] = [
        ((fill(label, LABEL, right=True) + " ", "muted"), *each)
        for label, each in zip(labels, chart, strict=True)
    ]
    return [*drawn, _levels(look, columns, glyphs), *told, legend]


def _levels(look: GroupLook, columns: int, glyphs: Glyphs) -> Line:
    """The ends of the scale, and the forward under its place."""
    first, last = look.levels_paise[0], look.levels_paise[-1]
    ends = f"{first / 100:,.0f}", f"{last / 100:,.0f}"
    text = list(ends[0] + " " * max(1, columns - len(ends[0]) - len(ends[1])) + ends[1])
    tones = ["muted"] * len(text)
    if look.level_paise is not None and first < look.level_paise < last:
        words = f"{glyphs.up}{look.level_paise / 100:,.0f}"
        place = round((look.level_paise - first) / (last - first) * (columns - 1))
        place = min(max(place, len(ends[0]) + 1), len(text) - len(ends[1]) - len(words) - 1)
        for at, letter in enumerate(words):
            text[place + at], tones[place + at] = letter, "bold bright"
    spans: list[Span] = [(" " * (LABEL + 1), "muted")]
    spans += [(letter, tone) for letter, tone in zip(text, tones, strict=True)]
    return tuple(spans)


def shock_grid(look: GroupLook | None, glyphs: Glyphs, width: int) -> list[Line]:
    """The result at each move of price and volatility: signed, coloured, the worst marked."""
    if look is None or not look.grid_paise:
        return [BLANK]
    columns = _columns(look.price_steps, width)
    cell = max(6, (width - 6) // len(columns))
    heading = fill("IV", 6) + "".join(
        fill(_percent(look.price_steps[at], glyphs), cell, right=True) for at in columns
    )
    lines: list[Line] = [line((heading, "muted"))]
    worst = min(min(row) for row in look.grid_paise)
    for step, row in zip(look.vol_steps, look.grid_paise, strict=True):
        name = "now" if step == 0 else f"{step * 100:+.0f}%".replace("-", glyphs.minus)
        spans: list[Span] = [(fill(name, 6), "muted")]
        for at in columns:
            paise = row[at]
            text = compact_rupees(paise, glyphs)
            tone = "ok" if paise > 0 else "breach" if paise < 0 else "muted"
            tone = f"bold {tone}" if abs(paise) > abs(worst) / 2 else tone
            if paise == worst:
                tone = "bold bright on breach" if worst < 0 else f"{tone} underline"
            spans.append((" " * max(0, cell - len(text)), "text"))
            spans.append((text, tone))
        lines.append(tuple(spans))
    price, vol, _ = _worst(look)
    lines.append(
        line(
            ("worst ", "muted"),
            (signed_rupees(worst, glyphs), "bold breach" if worst < 0 else "ok"),
            (f"  at price {_percent(price, glyphs)}, IV {_percent(vol, glyphs)}", "muted"),
        )
    )
    return lines


def _percent(step: float, glyphs: Glyphs) -> str:
    return "now" if step == 0 else f"{step * 100:+.0f}%".replace("-", glyphs.minus)


def _worst(look: GroupLook) -> tuple[float, float, int]:
    found = min(
        (paise, row, column)
        for row, cells in enumerate(look.grid_paise)
        for column, paise in enumerate(cells)
    )
    return look.price_steps[found[2]], look.vol_steps[found[1]], found[0]


def _columns(steps: Sequence[float], width: int) -> list[int]:
    """The price moves that fit: all, or from the ends and the middle outwards."""
    every = list(range(len(steps)))
    return every if (width - 6) // max(1, len(every)) >= 6 else every[::2]
