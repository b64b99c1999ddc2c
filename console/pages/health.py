"""H: whether everything that must live does, how fast it is, and what of the order budget is used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

from console.glyphs import Glyphs
from console.pages.page import Page
from console.panels.header import COMMIT_SLOW_AFTER_MS, LOOP_LATE_AFTER_MS
from console.panels.lag import SEND_BUDGET_MS, histogram
from console.scene import Scene
from console.widgets.bars import area, meter, runs, share_of
from console.widgets.boxes import beside, stacked
from console.widgets.line import BLANK, Line, fill, line, spread
from console.wording import figure, percent, sign, span
from core.domain.timing import from_ist, to_ist
from core.engine.snapshot import Distribution

DECISION_BUDGET_MS = 1.0
ROUND_TRIP_SLOW_MS = 1_000.0


class HealthPage(Page):
    """What lives and the budget at the left; six distributions at the right."""

    TITLE = "Health"
    ARROWS_SCROLL = True

    def key(self, scene: Scene) -> object:
        """A new picture with every version."""
        return (scene.snapshot.version, scene.silent_ms // 500 if scene.core_is_silent else 0)

    def body(self, scene: Scene, width: int, height: int) -> list[Line]:
        """The parts, each in its frame."""
        snapshot = scene.snapshot
        health = snapshot.health
        left = max(44, width * 36 // 100)
        alive = _alive(scene, left - 4)
        budget = _budget(scene, left - 4)
        today = _today(scene)
        rest = height - len(alive) - len(budget) - 4
        today_height = len(today) + 2 if rest >= len(today) + 8 else 0
        lag_height = max(4, rest - today_height)
        column = stacked(
            self.framed("What must live", (), alive, left, len(alive) + 2, "accent"),
            self.framed(
                "Order budget", line(("counted from the journal", "muted")), budget, left, len(budget) + 2
            ),
            self.framed("Today", (), today, left, today_height) if today_height else [],
            self.framed(
                "Loop lag, the last minute",
                line(("worst of each second", "muted")),
                _trace(health.loop_lag_ms, left - 4, lag_height - 2, scene.glyphs),
                left,
                lag_height,
            ),
        )
        series = (
            ("Loop lag", health.loop_lag_ms, LOOP_LATE_AFTER_MS),
            ("Commit", health.commit_ms, COMMIT_SLOW_AFTER_MS),
            ("Decision", health.decision_ms, DECISION_BUDGET_MS),
            ("Order round trip", health.round_trip_ms, ROUND_TRIP_SLOW_MS),
            ("Breach to hedge sent", snapshot.hedge_send_ms, float(SEND_BUDGET_MS)),
            (
                "Breach to hedge filled",
                snapshot.hedge_fill_ms,
                float(snapshot.account.settings.alert_hedge_lag_ms),
            ),
        )
        right = width - left
        halves = right // 2, right - right // 2
        rows: list[Line] = []
        heights = [height // 3, height // 3, height - 2 * (height // 3)]
        for place, tall in enumerate(heights):
            pair = [self._distribution(*series[2 * place + at], scene, halves[at], tall) for at in (0, 1)]
            rows += beside(pair[0], pair[1], halves[0])
        return beside(column[:height], rows, left)

    def _distribution(
        self, name: str, told: Distribution, budget_ms: float, scene: Scene, width: int, height: int
    ) -> list[Line]:
        """One series: its figures, its histogram, and the budget it is held to."""
        late = told.p99 is not None and told.p99 > budget_ms
        tone = "muted" if told.p99 is None else "warn" if late else "ok"
        mark = sign(scene.glyphs, "clock" if told.p99 is None else "warn" if late else "ok")
        roomy = width >= 40
        corner = line((f"{mark} p99 of {budget_ms:g} ms" if roomy else f"{mark} {budget_ms:g} ms", tone))
        if not told.count:
            content: Sequence[Line] = [line((_unmeasured(scene), "muted"))]
        else:
            figures = line(
                ("last ", "muted"),
                (fill(figure(told.last), 5, right=True), "bold bright"),
                ("  p99 ", "muted"),
                (fill(figure(told.p99), 5, right=True), f"bold {tone}"),
            )
            if roomy:
                figures += line(
                    ("  p50 ", "muted"),
                    (fill(figure(told.p50), 5, right=True), "text"),
                    ("  max ", "muted"),
                    figure(told.max),
                )
            rows = height - 4
            drawn = (
                histogram(told.buckets, told.bucket_ms, width - 4, rows, scene)
                if told.buckets and rows >= 1
                else []
            )
            content = [figures, *drawn, line((f"{told.count:,} measured", "muted"))]
        return self.framed(name, corner, content, width, height)


def _unmeasured(scene: Scene) -> str:
    """Why there is no figure."""
    return "Nothing measured yet." if scene.snapshot.recorded is None else "Not in the journal so far."


def _alive(scene: Scene, width: int) -> list[Line]:
    """What must live, a line each: sign, name, figure, and what that means."""
    lines = []
    for name, state, value, meaning in _checks(scene):
        tone = "muted" if state == "clock" else state
        lines.append(
            line(
                (f"{sign(scene.glyphs, state)} ", tone),
                (fill(name, 12), "text"),
                (
                    fill(value, 9, right=True),
                    f"bold {tone}" if state in ("warn", "breach") else "bold bright",
                ),
                (f"  {meaning}", "muted"),
            )
        )
    return lines


def _checks(scene: Scene) -> list[tuple[str, str, str, str]]:
    """Each thing's name, ``ok``, ``warn``, ``breach`` or ``clock`` (not known yet), figure and meaning."""
    snapshot, health, account = scene.snapshot, scene.snapshot.health, scene.snapshot.account
    quotes_late = snapshot.view.stale_after_ns // 1_000_000
    silent = bool(scene.core_stopped) or scene.core_is_silent
    said = "stopped" if scene.core_stopped else span(scene.silent_ms)
    poll = _age(health.poll_age_ms, 2 * account.settings.poll_every_ms)
    if snapshot.recorded is not None:
        past = [(name, "clock", "-", "not in a journal") for name in ("core", "stream", "poll", "quotes")]
        return [*past, *_books_and_latch(scene)]
    checks = [("core", "breach" if silent else "ok", said, "since it last said something")]
    if health.stream_up:
        checks.append(("stream", "ok", _told(health.stream_age_ms), "since the last frame"))
    else:
        checks.append(("stream", "breach", "down", "the poll goes on alone"))
    if health.poll_failing:
        checks.append(("poll", "breach", "failing", "the books cannot be read"))
    else:
        checks.append(("poll", poll, _told(health.poll_age_ms), f"next in {_told(health.next_poll_ms)}"))
    stale = f"stale after {span(quotes_late)}"
    checks.append(("quotes", _age(health.quotes_age_ms, quotes_late), _told(health.quotes_age_ms), stale))
    return [*checks, *_books_and_latch(scene)]


def _books_and_latch(scene: Scene) -> list[tuple[str, str, str, str]]:
    """What a journal knows of as well: whether it can be written, the differences, the kill switch."""
    snapshot, health, account = scene.snapshot, scene.snapshot.health, scene.snapshot.account
    open_ones = sum(each.is_open for each in account.divergences.values())
    healed = f"{snapshot.divergences_found} found, {snapshot.divergences_healed} healed"
    checks = []
    if health.journal_ok:
        checks.append(("journal", "ok", "writes", f"{account.seq:,} facts"))
    else:
        checks.append(("journal", "breach", "FAILING", "no new risk until it returns"))
    checks.append(("books", "breach" if open_ones else "ok", f"{open_ones} open", healed))
    if account.kill.tripped:
        checks.append(("kill switch", "breach", "ON", account.kill.cause))
    else:
        checks.append(("kill switch", "ok", "off", "new risk is allowed"))
    return checks


def _age(value: int | None, late: float) -> str:
    return "clock" if value is None else "warn" if value > late else "ok"


def _told(value: int | None) -> str:
    return span(value) if value is not None else "-"


def _budget(scene: Scene, width: int) -> list[Line]:
    """A meter each for second, minute and day; the reserve of exits and hedges is shaded."""
    budget, settings, glyphs = scene.snapshot.budget, scene.snapshot.account.settings, scene.glyphs
    reserve = settings.reserve_per_day_bps / 10_000
    lines: list[Line] = []
    rows = (
        ("second", budget.second, budget.per_second, settings.reserve_per_second / max(1, budget.per_second)),
        ("minute", budget.minute, budget.per_minute, 0.0),
        ("day", budget.day, budget.per_day, reserve),
    )
    for name, used, limit, kept in rows:
        share = share_of(used, limit)
        tone = "breach" if share >= 1 else "warn" if share > 1 - max(kept, 0.1) else "ok"
        words = line((fill(f"{used:,}/{limit:,}", 12, right=True), "bold bright"))
        bar = meter(share, None, max(8, width - 8 - 13), glyphs, (tone, tone))
        lines.append(spread(line((fill(name, 8), "muted"), *bar), words, width))
    held_back = f"{settings.reserve_per_second} a second, {reserve * 100:.0f} % of the day"
    lines.append(line(("kept for exits: ", "muted"), (held_back, "muted")))
    return lines


def _today(scene: Scene) -> list[Line]:
    """What the day came to: hedges, time outside, margin, and how long the stream was up.

    Our margin is compared with the broker's for each group as a basket: the median, and where it was lowest.
    """
    snapshot, glyphs = scene.snapshot, scene.glyphs
    baskets = snapshot.margin.baskets.since(from_ist(to_ist(snapshot.at_ns).date(), time()))
    off = f"{percent(baskets.median, glyphs)}, low {percent(baskets.lowest, glyphs)}"
    hedges = snapshot.account.emergency_hedges
    uptime = snapshot.health.stream_uptime_pct
    rows: list[tuple[str, str, str]] = [
        ("emergency hedges", f"{hedges}", "warn" if hedges else "ok"),
        ("unhedged, longest", span(snapshot.unhedged_longest_ms), "text"),
        ("unhedged, in all", span(snapshot.unhedged_total_ms), "text"),
        ("margin, at its peak", f"{snapshot.margin.peak_pct:.0f} %", "text"),
        ("our margin, off by", off if baskets.latest else "-", "text"),
        ("groups", f"{len(snapshot.account.groups)}", "text"),
        ("stream, of the time", "-" if uptime is None else f"{uptime:.1f} %", "text"),
    ]
    return [line((fill(name, 22), "muted"), (value, f"bold {tone}")) for name, value, tone in rows]


def _trace(told: Distribution, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """One column a second; what was later than the loop may be stands out."""
    if not told.trace or height < 2:
        return [line(("Not measured yet.", "muted"))]
    values = [*([None] * max(0, 60 - len(told.trace))), *told.trace[-60:]]
    wide = max(1, min(3, width // 60))
    shown = values[-(width // wide) :]
    columns = [value for value in shown for _ in range(wide)]
    top = max([value for value in columns if value is not None] + [5.0])
    tones = ["warn" if value is not None and value > LOOP_LATE_AFTER_MS else "info" for value in columns]
    rows = [runs(row, tones) for row in area(columns, top, height - 1, glyphs)]
    worst = max(told.trace)
    return [
        *rows,
        spread(
            line((f"{len(shown)} s", "muted")),
            line(("worst ", "muted"), f"{worst:.1f} ms", ("  now", "muted")),
            len(columns),
        ),
        BLANK,
    ]
