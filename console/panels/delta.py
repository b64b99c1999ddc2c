"""The interim delta of the account: now, its limit, and the last minute with what happened marked on it."""

from __future__ import annotations

from collections.abc import Sequence

from console.exposures import both_shocks, per_cent_worth, worst_shock
from console.glyphs import Glyphs
from console.scene import Scene
from console.widgets.bars import runs, signed_area
from console.widgets.framed import FramedPanel
from console.widgets.line import Line, Span, fill, line, spread, width_of
from console.widgets.line import cells as cells_of
from console.wording import money_tone, signed, signed_rupees
from core.engine.snapshot import DeltaPoint, Exposure

STILL = 9
"""The cells of the delta, so that what follows it does not move."""
WINDOW_NS = 60 * 1_000_000_000
OWN_LINE_FROM = 4
"""From so many lines on, what a per cent is worth has one of its own; below, it shares the corner."""


class DeltaPanel(FramedPanel):
    """Columns are moments, heights are the size of the delta; what was outside its limit is marked and
    warm.
    """

    TITLE = "Interim delta"

    def corner(self, scene: Scene) -> Line:
        """The limit, or that nobody can see."""
        total = scene.snapshot.total
        if scene.snapshot.recorded is not None:
            return line(("recorded only outside its limits", "muted"))
        if total.blind:
            return line(("BLIND: quotes stale", "bold warn"))
        if not total.delta_limit_units:
            return ()
        limit = f"limit {scene.glyphs.plus_minus}{total.delta_limit_units:,}"
        outside_s = seconds_outside(scene.snapshot.delta_history, scene.snapshot.at_ns)
        if outside_s:
            return line((limit, "muted"), (f"  outside {outside_s} s", "warn"))
        width, height = self.extent
        worth = signed_rupees(round(total.delta_paise_per_pct), scene.glyphs)
        shared = line((worth, "text"), (f"/1 %  {limit}", "muted"))
        if height - 2 < OWN_LINE_FROM and width_of(shared) <= width - 10 - cells_of(self.TITLE):
            return shared
        return line((f"{limit} units", "muted"))

    def stale_ms(self, scene: Scene) -> int | None:
        """The core's silence, or quotes older than their source should give."""
        return scene.silent_ms if scene.core_is_silent else scene.quotes_old_ms

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """Figures, what a per cent is worth, chart, marks."""
        snapshot, glyphs = scene.snapshot, scene.glyphs
        total = snapshot.total
        lines = [_blind_figures(scene, width) if scene.is_blind else _figures(scene, width)]
        if height >= OWN_LINE_FROM and scene.is_blind:
            lines.append(line(("Quotes are too old: below is what they showed last.", "muted")))
        elif height >= OWN_LINE_FROM and snapshot.recorded is None:
            lines.append((("in rupees ", "muted"), *per_cent_worth(total, glyphs)))
        chart = height - len(lines) - 1
        if chart >= 1:
            lines += chart_lines(
                snapshot.delta_history, snapshot.at_ns, width, chart, total.delta_limit_units, glyphs
            )
        if height >= 2:
            lines.append(mark_line(snapshot.delta_history, snapshot.at_ns, width, glyphs))
        return lines


def _figures(scene: Scene, width: int) -> Line:
    """Delta, what stands uncovered, and the shocks."""
    snapshot, glyphs = scene.snapshot, scene.glyphs
    total = snapshot.total
    outside = bool(total.delta_limit_units) and abs(total.delta_units) > total.delta_limit_units
    unknown = snapshot.recorded is not None and not total.blind
    delta = "-" if unknown else signed(total.delta_units, glyphs)
    if outside and not unknown:
        delta = f"{glyphs.warn} {delta}"
    figures = line(
        (
            fill(delta, max(cells_of(delta), STILL if width >= 46 else 0), right=True),
            "bold warn" if outside else "bold bright",
        ),
        (" units  uncovered " if width >= 46 else " uncovered ", "muted"),
        _uncovered(total, glyphs),
    )
    shocks = () if unknown else _shocks(total, glyphs, width - width_of(figures) - 1)
    return spread(figures, shocks, width)


_BLIND_WORDS = (("worst of ", "uncovered"), ("worst ", "uncovered"), ("worst ", "bare"), ("", "bare"))
"""How the worst shock and what stands uncovered are called, the fewer words the less room there is."""


def _blind_figures(scene: Scene, width: int) -> Line:
    """The worst of the shocks leads; the last delta stands beside it, so called, or not at all."""
    total, glyphs = scene.snapshot.total, scene.glyphs
    leads = [
        (*worst_shock(total, glyphs, name), (f" {short} ", "muted"), _uncovered(total, glyphs))
        for name, short in _BLIND_WORDS
    ]
    lead = next((each for each in leads if width_of(each) <= width), leads[-1])
    last = line((f"last delta {signed(total.delta_units, glyphs)}", "muted"))
    return spread(lead, last if width_of(lead) + width_of(last) < width else (), width)


def _uncovered(total: Exposure, glyphs: Glyphs) -> Span:
    bare = f"{glyphs.breach} " if total.uncovered_units else ""
    return f"{bare}{total.uncovered_units:,}", "bold breach" if bare else "bold ok"


def _shocks(total: Exposure, glyphs: Glyphs, width: int) -> Line:
    """The change in value at -3 % and +3 %: both, or the worse where there is little room, or neither."""
    down, up = total.loss_down_paise, total.loss_up_paise
    worse = (f"{glyphs.minus}3% ", down) if down <= up else ("+3% ", up)
    one = line((worse[0], "muted"), (signed_rupees(worse[1], glyphs), money_tone(worse[1])))
    return next((each for each in (both_shocks(total, glyphs), one) if width_of(each) <= width), ())


def sampled(
    history: Sequence[DeltaPoint], now_ns: int, columns: int, window_ns: int = WINDOW_NS
) -> list[tuple[float, bool] | None]:
    """For each column the largest delta of its moment and whether any was outside; a gap keeps the last
    value.
    """
    start = now_ns - window_ns
    cells: list[tuple[float, bool] | None] = [None] * columns
    before: tuple[float, bool] | None = None
    for point in history:
        if point.at_ns < start:
            before = (point.delta_units, point.outside)
            continue
        column = min(columns - 1, (point.at_ns - start) * columns // window_ns)
        known = cells[column]
        size = point.delta_units if known is None or abs(point.delta_units) > abs(known[0]) else known[0]
        cells[column] = (size, point.outside or (known is not None and known[1]))
    for column in range(columns):
        if cells[column] is None:
            cells[column] = before
        else:
            before = cells[column]
    return cells


def seconds_outside(history: Sequence[DeltaPoint], now_ns: int) -> int:
    """How many of the last sixty seconds had some delta outside its limit."""
    return sum(cell is not None and cell[1] for cell in sampled(history, now_ns, 60))


def chart_lines(
    history: Sequence[DeltaPoint], now_ns: int, width: int, height: int, limit: int, glyphs: Glyphs
) -> list[Line]:
    """The last minute as an area from the zero line, long above and short below it, scaled to the largest
    delta or to half the limit.
    """
    cells = sampled(history, now_ns, width)
    values = [None if cell is None else cell[0] for cell in cells]
    reach = max([abs(value) for value in values if value is not None] + [limit / 2, 1.0])
    tones = ["warn" if cell is not None and cell[1] else "info" for cell in cells]
    return [runs(row, tones) for row in signed_area(values, reach, height, glyphs)]


def mark_line(history: Sequence[DeltaPoint], now_ns: int, width: int, glyphs: Glyphs) -> Line:
    """What happened, each mark under its moment; a mark that would cover an older one is left out."""
    start = now_ns - WINDOW_NS
    text: list[Span] = [("60 s", "muted")]
    used = 4
    end = width - 4
    marks: list[tuple[int, str]] = []
    free_until = end
    for point in reversed(history):
        if not point.mark or point.at_ns < start:
            continue
        words = f"{glyphs.mark} {point.mark}"
        place = max(used + 1, (point.at_ns - start) * width // WINDOW_NS)
        column = min(place, free_until - len(words) - 1)
        if column > used:
            marks.append((column, words))
            free_until = column
    for column, words in reversed(marks):
        text.append((" " * (column - used), "text"))
        text.append((words, "warn"))
        used = column + len(words)
    return spread(text, (("now", "muted"),), width)
