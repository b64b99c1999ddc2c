"""Alerts: what a person should know, the unacknowledged and the worst first."""

from __future__ import annotations

from collections.abc import Sequence

from console.scene import Scene
from console.widgets.framed import FramedPanel
from console.widgets.line import Line, cells, fill, line, spread, toned, width_of, wrap
from console.wording import SEVERITY_RANK, SEVERITY_SIGN, SEVERITY_TONE, sign
from core.domain.account import Alert, Severity
from core.domain.timing import clock_text
from core.engine.snapshot import Snapshot

INDENT = "  "


def open_alerts(snapshot: Snapshot) -> list[Alert]:
    """The alerts to show: standing before cleared, unacknowledged before acknowledged, worst, then newest."""
    return sorted(
        snapshot.account.alerts.values(),
        key=lambda alert: (alert.cleared, alert.acknowledged, SEVERITY_RANK[alert.severity], -alert.last_ns),
    )


def asking(snapshot: Snapshot) -> list[Alert]:
    """The alerts that still ask for an acknowledgement, the first to answer first."""
    return [alert for alert in open_alerts(snapshot) if not alert.acknowledged and not alert.cleared]


class AlertsPanel(FramedPanel):
    """Two lines for each that stands, one for each that is acknowledged or cleared."""

    TITLE = "Alerts"

    def corner(self, scene: Scene) -> Line:
        """How many ask for an acknowledgement."""
        count = len(asking(scene.snapshot))
        return (
            line((f"{count} unacknowledged", "bold breach"))
            if count
            else line(("none unacknowledged", "muted"))
        )

    def frame_tone(self, scene: Scene) -> str:
        """The frame is in the breach colour while a critical alert asks."""
        if any(alert.severity is Severity.CRITICAL for alert in asking(scene.snapshot)):
            return "breach"
        return super().frame_tone(scene)

    def key(self, scene: Scene) -> object:
        """Alerts change only with the account's alerts."""
        return (
            id(scene.snapshot.account.alerts),
            scene.snapshot.account.seq,
            scene.alert_selected,
            scene.focus,
        )

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """As many as fit; the rest is counted."""
        alerts = open_alerts(scene.snapshot)
        if not alerts:
            return [line((f"{scene.glyphs.ok} ", "ok"), ("Nothing to report.", "muted"))]
        chosen = next(
            (place for place, each in enumerate(alerts) if each.alert_id == scene.alert_selected), 0
        )
        lines: list[Line] = []
        first = max(0, chosen - max(1, height // 2) + 1)
        for position, alert in enumerate(alerts[first:], first):
            rows = alert_lines(alert, scene, width)
            if len(lines) + len(rows) > height:
                lines = lines[: height - 1]
                lines.append(line((f"{scene.glyphs.down} {len(alerts) - position} more", "muted")))
                break
            lines += rows
        return lines


def alert_lines(alert: Alert, scene: Scene, width: int) -> list[Line]:
    """One alert: sign, time, group, text; then what to do about it."""
    glyphs = scene.glyphs
    tone = SEVERITY_TONE[alert.severity]
    quiet = alert.acknowledged or alert.cleared
    note = "cleared" if alert.cleared else "ack" if alert.acknowledged else alert.severity.value
    times = f"{glyphs.times}{alert.count} " if alert.count > 1 else ""
    lead = line(
        (f"{sign(glyphs, SEVERITY_SIGN[alert.severity])} ", "muted" if quiet else tone),
        (f"{clock_text(alert.last_ns)} ", "muted"),
        (fill(alert.group_id or "-", 6), "muted" if quiet else "bold bright"),
    )
    end = line((times, "muted"), (note, "muted" if quiet else f"bold {tone}"))
    room = width - width_of(lead) - width_of(end) - 1
    if quiet or cells(alert.text) <= room:
        rows = [spread((*lead, (alert.text, "muted" if quiet else "text")), end, width)]
    else:
        rows = [
            spread(lead, end, width),
            *(((INDENT, "text"), *each) for each in wrap(line(alert.text), width - 2)[:2]),
        ]
    first = asking(scene.snapshot)[:1]
    if alert.alert_id == scene.alert_selected or (not scene.alert_selected and [alert] == first):
        hint = "a acknowledges" if not quiet else "seen"
        if alert.runbook:
            hint += f"   runbook: {alert.runbook}"
        rows.append(((INDENT, "text"), *toned(line(hint), "muted")))
    return rows
