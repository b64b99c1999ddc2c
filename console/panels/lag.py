"""Hedge lag: how fast a breach was answered today, and how long anything stood unhedged."""

from __future__ import annotations

from collections.abc import Sequence

from console.panels.header import LOOP_LATE_AFTER_MS
from console.scene import Scene
from console.widgets.bars import area, runs
from console.widgets.boxes import beside
from console.widgets.framed import FramedPanel
from console.widgets.line import Line, line, spread
from console.wording import figure, span, unhedged_now_ms

SEND_BUDGET_MS = 50
"""From the fill frame to the hedge at the broker's door; what is slower is shown warm."""


class LagPanel(FramedPanel):
    """Figures, a histogram of the sends, and the time outside the limits."""

    TITLE = "Hedge lag"

    def corner(self, scene: Scene) -> Line:
        """How many hedges there were."""
        count = scene.snapshot.account.emergency_hedges
        return line(
            (f"{count} hedge{'' if count == 1 else 's'} today" if count else "no hedge today", "muted")
        )

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """Unhedged time first where there is little room: it is the exposure, the lag only explains it."""
        snapshot = scene.snapshot
        send, filled = snapshot.hedge_send_ms, snapshot.hedge_fill_ms
        now = max(
            (unhedged_now_ms(each, snapshot.at_ns) for each in snapshot.account.groups.values()), default=0
        )
        exposed = spread(
            line(
                ("unhedged now ", "muted"),
                (
                    span(now) if now else "0",
                    "bold breach" if now > 1_000 else "bold warn" if now else "bold ok",
                ),
            ),
            line(
                ("longest ", "muted"),
                (span(snapshot.unhedged_longest_ms) if snapshot.unhedged_longest_ms else "0", "text"),
            ),
            width,
        )
        if send.count or filled.count:
            late = send.last is not None and send.last > SEND_BUDGET_MS
            first = spread(
                line(
                    ("sent in ", "muted"),
                    (
                        f"{scene.glyphs.warn if late else ''}{figure(send.last)}",
                        "bold warn" if late else "bold bright",
                    ),
                    ("  p99 ", "muted"),
                    (figure(send.p99), "text"),
                    ("  max " if width >= 42 else "", "muted"),
                    (figure(send.max) if width >= 42 else "", "text"),
                ),
                line(("filled ", "muted"), (figure(filled.last), "text"), (" ms", "muted")),
                width,
            )
        elif not snapshot.health.round_trip_ms.count:
            first = line(("No order has been sent yet.", "muted"))
        else:
            trip = snapshot.health.round_trip_ms
            first = line(
                ("order round trip ", "muted"),
                (f"{figure(trip.last)} ms", "text"),
                ("  p99 ", "muted"),
                (figure(trip.p99), "text"),
                ("  max ", "muted"),
                (figure(trip.max), "text"),
            )
        lines = [exposed, first]
        distribution = send if send.count else snapshot.health.round_trip_ms
        rows = height - 2
        trace = snapshot.health.loop_lag_ms.trace
        left = width * 11 // 20 if trace and rows >= 2 else width
        drawn = (
            histogram(distribution.buckets, distribution.bucket_ms, left, rows, scene)
            if rows >= 1 and distribution.buckets
            else []
        )
        if left < width:
            drawn = beside(drawn, loop_minute(trace, width - left - 2, rows, scene), left + 2)
        return [*lines, *drawn]


def loop_minute(trace: Sequence[float], width: int, height: int, scene: Scene) -> list[Line]:
    """The loop's lag over the last minute: the largest of each second, the newest at the right."""
    values: list[float | None] = list(trace[-width:])
    values = [*([None] * (width - len(values))), *values]
    tones = ["warn" if value is not None and value > LOOP_LATE_AFTER_MS else "info" for value in values]
    rows = area(values, max([*trace[-width:], 5.0]), height - 1, scene.glyphs)
    worst = f"worst {max(trace[-width:]):.0f} ms"
    return [
        *(runs(row, tones) for row in rows),
        spread(line(("loop, 60 s", "muted")), line((worst, "muted")), width),
    ]


def histogram(buckets: Sequence[int], bucket_ms: float, width: int, height: int, scene: Scene) -> list[Line]:
    """The counts as bars, neighbours taken together where there are many; the last holds everything
    beyond.
    """
    scale = f" 0{scene.glyphs.dash}{bucket_ms * len(buckets):.0f}+ ms"
    room = max(1, width - len(scale))
    together = -(-len(buckets) // room)
    sums = [sum(buckets[start : start + together]) for start in range(0, len(buckets), together)]
    bar = max(1, min(3, room // len(sums)))
    values: list[float | None] = [float(count) for count in sums for _ in range(bar)]
    rows = area(values, max([*sums, 1]), height, scene.glyphs)
    lines: list[Line] = [((row, "info"),) for row in rows]
    lines[-1] = spread(lines[-1], ((scale, "muted"),), width)
    return lines
