"""A: every alert of the session, those that ask first, with what is known of the selected one."""

from __future__ import annotations

from console.glyphs import Glyphs
from console.pages.page import Page
from console.panels.alerts import asking, open_alerts
from console.scene import Scene
from console.widgets.boxes import stacked
from console.widgets.line import BLANK, Line, Span, cut, fill, line, width_of, wrap
from console.wording import SEVERITY_SIGN, SEVERITY_TONE, listed, sign, span
from core.domain.account import Alert, Severity
from core.domain.timing import clock_text

DETAIL_HEIGHT = 11


def state_of(alert: Alert) -> str:
    """``asks``, ``seen`` or ``over``."""
    return "over" if alert.cleared else "seen" if alert.acknowledged else "asks"


class AlertsPage(Page):
    """A row each: what asks, what was seen, what is over; the details of the selected one below."""

    TITLE = "Alerts"
    PANEL = "alerts"

    muted: bool = False
    """Whether the bell is silenced."""

    def key(self, scene: Scene) -> object:
        """Alerts change with the account only; their ages with time."""
        return (scene.snapshot.version, scene.alert_selected, self.muted, scene.flash)

    def body(self, scene: Scene, width: int, height: int) -> list[Line]:
        """The list, and the selected one."""
        alerts, glyphs = open_alerts(scene.snapshot), scene.glyphs
        chosen = next((at for at, each in enumerate(alerts) if each.alert_id == scene.alert_selected), 0)
        upper = height - min(DETAIL_HEIGHT, height // 2)
        room = max(1, upper - 3)
        self.top = min(max(self.top, chosen - room + 1), chosen)
        rows = [_heading(width - 4)]
        rows += [_row(alert, scene, width - 4, chosen=at == chosen) for at, alert in enumerate(alerts)][
            self.top : self.top + room
        ]
        rows[1:] = rows[1:] or []
        if not alerts:
            rows.append(
                line((f"{glyphs.ok} ", "ok"), ("Nothing has been reported in this session.", "muted"))
            )
        waiting = asking(scene.snapshot)
        bell = (f"bell muted, {scene.key_of('m')} rings it   ", "warn") if self.muted else ("", "muted")
        corner = line(
            bell,
            (f"{len(waiting)} ask", "bold breach") if waiting else ("none asks", "muted"),
            (f", {sum(alert.cleared for alert in alerts)} over, {len(alerts)} in all", "muted"),
        )
        critical = any(alert.severity is Severity.CRITICAL for alert in waiting)
        details = _details(alerts[chosen], scene, width - 4) if alerts else []
        return stacked(
            self.framed(self.TITLE, corner, rows, width, upper, "breach" if critical else "accent"),
            self.framed("The selected one", (), details, width, height - upper),
        )


def _heading(width: int) -> Line:
    text = "  " + fill("", 2) + fill("last", 10) + fill("severity", 10) + fill("state", 7) + fill("group", 7)
    return line((text + fill("times", 6, right=True) + "  what", "muted"))


def _row(alert: Alert, scene: Scene, width: int, *, chosen: bool) -> Line:
    glyphs: Glyphs = scene.glyphs
    tone, state = SEVERITY_TONE[alert.severity], state_of(alert)
    quiet = state != "asks"
    words = {
        "asks": (f"{glyphs.warn} asks", "bold warn"),
        "seen": ("seen", "muted"),
        "over": (f"{glyphs.ok} over", "muted"),
    }
    spans: list[Span] = [
        (f"{glyphs.cursor if chosen else ' '} ", "accent"),
        (f"{sign(glyphs, SEVERITY_SIGN[alert.severity])} ", "muted" if quiet else tone),
        (fill(clock_text(alert.last_ns), 10), "muted"),
        (fill(alert.severity.value, 10), "muted" if quiet else f"bold {tone}"),
        (fill(words[state][0], 7), words[state][1]),
        (fill(alert.group_id or "-", 7), "muted" if quiet else "bold bright"),
        (fill(f"{alert.count}", 6, right=True), "muted"),
        (f"  {alert.text}", "muted" if quiet else "text"),
    ]
    row = cut(spans, width, glyphs.ellipsis)
    if not chosen:
        return row
    row = tuple((text, f"{each} on selected") for text, each in row)
    return (*row, (" " * max(0, width - width_of(row)), "text on selected"))


def _details(alert: Alert, scene: Scene, width: int) -> list[Line]:
    """The whole text, when and how often, what acknowledging does, and where to read on."""
    now_ns = scene.snapshot.at_ns
    since = span(max(0, now_ns - alert.first_ns) // 1_000_000)
    lines = wrap(line((alert.text, "bold bright")), width)
    lines.append(
        line(
            ("first ", "muted"),
            clock_text(alert.first_ns),
            (f"  {since} ago   last ", "muted"),
            clock_text(alert.last_ns),
            (f"   {alert.count} time{'' if alert.count == 1 else 's'}   ", "muted"),
            (alert.alert_id, "muted"),
        )
    )
    lines.append(BLANK)
    key = scene.key_of
    state = state_of(alert)
    if state == "asks":
        refused = "  (refused: this session is read-only)" if scene.observe else ""
        said = f" says that you have seen it; it asks again if it worsens.{refused}"
        lines.append(line((key("a"), "bold accent"), said))
    elif state == "seen":
        lines.append(line(("You have seen it. It asks again if it worsens.", "muted")))
    else:
        lines.append(line(("It is over. It stays here for the record.", "muted")))
    about = [(key("?"), " opens the runbook page"), (key("m"), " mutes the bell or lets it ring")]
    if alert.group_id in scene.snapshot.account.groups:
        about.insert(1, (scene.glyphs.enter, f" shows {listed([alert.group_id])}"))
    lines += [line((name, "bold accent"), words) for name, words in about]
    return lines
