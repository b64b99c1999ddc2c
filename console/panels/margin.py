"""Margin headroom: what is used, what the worst case would use, and the line that nobody may cross."""

from __future__ import annotations

from collections.abc import Sequence

from console.scene import Scene
from console.widgets.bars import meter, share_of
from console.widgets.framed import FramedPanel
from console.widgets.line import BLANK, Line, cells, cut, line, spread, wrap
from console.wording import percent, rupees, sign


class MarginPanel(FramedPanel):
    """A meter with the limit marked on it, the worst case in words, and the order budget."""

    TITLE = "Margin headroom"

    def corner(self, scene: Scene) -> Line:
        """Of how much."""
        total = scene.snapshot.margin.total_paise
        return line((f"of {rupees(total, scene.glyphs)}", "muted")) if total else ()

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """The meter first; words as there is room."""
        meter_ = scene.snapshot.margin
        glyphs, budget = scene.glyphs, scene.snapshot.budget
        limit = meter_.limit_bps / 100
        worst = meter_.worst_pct
        # The two are not one arithmetic: the broker may charge more now than our own estimate at worst.
        highest = max(worst or 0.0, meter_.used_pct)
        tone = "breach" if highest > limit else "warn" if highest > limit - 5 else "ok"
        bar_width = max(10, width - 8)
        shade = None if worst is None else worst / 100
        bar = meter(meter_.used_pct / 100, shade, bar_width, glyphs, (tone, tone))
        column = round(share_of(limit, 100) * bar_width)
        known = bool(meter_.total_paise)
        text = meter_.worst_words
        if not text.startswith("worst"):
            text = f"worst if {text}" if worst is not None else f"worst case {text}"
        words = [
            spread(bar, ((f"{highest:.0f} %" if known else "-", f"bold {tone}"),), width),
            _now_and_worst(scene, column, tone, known),
            *(
                wrap(line(text), width)[:2]
                if height >= 6
                else [cut(line(_short(text, width)), width, glyphs.ellipsis)]
            ),
        ]
        blocked = line(
            ("blocked ", "muted"),
            rupees(meter_.used_paise, glyphs) if known else "-",
            (f"  {meter_.basis}", "muted"),
        )
        baskets = basket_lines(scene, width)
        # Of two figures for which there is one line, the share that is blocked stands on the meter already.
        middle = [*baskets[:1], blocked, *baskets[1:]]
        spent = line(
            ("budget ", "muted"),
            (f"{budget.second:>2}/{budget.per_second}", "text"),
            (" s  " if width >= 40 else "s ", "muted"),
            (f"{budget.minute:>3}/{budget.per_minute}", "text"),
            (" min  " if width >= 40 else "m ", "muted"),
            (f"{budget.day}/{budget.per_day:,}", "text"),
            (" day" if width >= 40 else "d", "muted"),
        )
        words = words[: max(1, height - 1)]
        middle = middle[: max(0, height - len(words) - 1)]
        gap = [BLANK] * max(0, height - len(words) - len(middle) - 1)
        return [*words, *middle, *gap, spent]


def basket_lines(scene: Scene, width: int) -> list[Line]:
    """What the broker asks for the newest group as a basket, and how far our own estimates have been off."""
    baskets, glyphs = scene.snapshot.margin.baskets, scene.glyphs
    newest = baskets.latest
    if newest is None:
        return []
    asked = line(
        (f"broker's basket of {newest.group_id} " if width >= 48 else f"basket {newest.group_id} ", "muted"),
        rupees(newest.broker_paise, glyphs),
        ("  ours ", "muted"),
        percent(newest.difference, glyphs),
    )
    compared = line(
        ("compared ", "muted"),
        f"{len(baskets.comparisons)}",
        ("  median ", "muted"),
        percent(baskets.median, glyphs),
        ("  lowest ", "muted"),
        percent(baskets.lowest, glyphs),
    )
    lines = [asked, compared] if len(baskets.comparisons) > 1 else [asked]
    return [cut(each, width, glyphs.ellipsis) for each in lines]


SHORTER = (("worst if ", ""), (" filled", ""), (" %", "%"), ("spread ", "spr "))


def _short(text: str, width: int) -> str:
    """The breaking scenario where there is one line for it: words give way until it fits."""
    for long, short in SHORTER:
        if cells(text) <= width:
            break
        text = text.replace(long, short)
    return text


def _now_and_worst(scene: Scene, column: int, tone: str, known: bool) -> Line:
    """``now 48 %  worst 71 %  ...  ┊90``, the limit standing under its place on the meter."""
    margin, glyphs = scene.snapshot.margin, scene.glyphs
    if not known:
        recorded = scene.snapshot.recorded is not None
        words = "funds are not in the journal" if recorded else "the broker has not told the funds yet"
        return line((words, "muted"))
    left = [("now ", "muted"), (f"{margin.used_pct:2.0f} %", "text"), ("  worst ", "muted")]
    worst = margin.worst_pct
    mark = "" if tone == "ok" else f"{sign(glyphs, tone)} "
    left.append(
        (
            f"{mark}{worst:2.0f} %" if worst is not None else "-",
            f"bold {tone}" if worst is not None else "muted",
        )
    )
    left.append(("  peak ", "muted"))
    left.append((f"{margin.peak_pct:2.0f} %", "text"))
    used = sum(len(text) for text, _ in left)
    mark = f"{glyphs.limit}{margin.limit_bps / 100:.0f}"
    if column > used:
        left += [(" " * (column - used), "text"), (mark, "muted")]
    return tuple(left)
