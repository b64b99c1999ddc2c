"""The header: what kind of session this is, the day so far, and the health of everything that must live."""

from __future__ import annotations

from console.scene import Scene
from console.widgets.framed import LinePainter
from console.widgets.line import Line, Span, line, spread, width_of
from console.wording import money_tone, sign, signed_rupees, span
from core.domain.money import grouped
from core.domain.timing import clock_text
from core.engine.snapshot import Health

STREAM_SILENT_AFTER_MS = 10_000
LOOP_LATE_AFTER_MS = 50.0
COMMIT_SLOW_AFTER_MS = 5.0


class Header(LinePainter):
    """One line; what does not fit is left out from the least important on."""

    GROUND = "raised"

    def paint(self, scene: Scene) -> int:
        """Bring the header up to the scene; returns 1 if it changed."""
        return self.show([header_line(scene, self.size.width)])


def header_line(scene: Scene, width: int) -> Line:
    """The header in ``width`` cells."""
    left, right = _left(scene), _right(scene, long=width >= 150)
    while len(right) > 2 and sum(map(width_of, right)) + sum(map(width_of, left[:2])) + 1 > width:
        right.pop(0)
    room = width - sum(map(width_of, right)) - 1
    while len(left) > 1 and sum(map(width_of, left)) > room:
        left.pop()
    return spread(
        tuple(part for piece in left for part in piece),
        tuple(part for piece in right for part in piece),
        width,
    )


def _left(scene: Scene) -> list[Line]:
    """The pieces at the left, the most important first."""
    snapshot, glyphs = scene.snapshot, scene.glyphs
    live = snapshot.mode == "LIVE"
    badge = "bold bright on breach" if live else "bold ground on muted"
    words = f" {glyphs.breach} LIVE " if live else f" {snapshot.mode} "
    pieces: list[Line] = [line((" HEDGEROW ", "bold ground on accent"), (words, badge))]
    if scene.observe:
        pieces[0] += ((" READ-ONLY ", "bold ground on warn"),)
    pieces.append(line(("  day P&L ", "muted"), _money(snapshot.day_pnl_paise, scene)))
    if snapshot.underlying_paise is not None:
        rupees, paise = divmod(snapshot.underlying_paise, 100)
        market = [(f"  {snapshot.underlying} ", "muted"), (f"{grouped(rupees)}.{paise:02d}", "bold bright")]
        if snapshot.underlying_open_paise:
            change = 100 * (snapshot.underlying_paise / snapshot.underlying_open_paise - 1)
            way = glyphs.up if change >= 0 else glyphs.down
            market.append((f" {way} {abs(change):.2f} %", "ok" if change >= 0 else "breach"))
        pieces.insert(1, tuple(market))
    if snapshot.title:
        pieces.append(line((f"  {snapshot.title}", "muted")))
    return pieces


def _right(scene: Scene, *, long: bool) -> list[Line]:
    """The pieces at the right, the most important last."""
    snapshot, glyphs = scene.snapshot, scene.glyphs
    health = snapshot.health
    kill = snapshot.account.kill
    pieces = [*_health(health, scene, long=long)]
    if kill.tripped:
        pieces.append(line((f" {glyphs.breach} KILL ON ", "bold bright on breach")))
    else:
        pieces.append(line(("  kill ", "muted"), ("off", "text")))
    if scene.core_stopped:
        pieces.append(line((f" {glyphs.breach} CORE STOPPED ", "bold bright on breach")))
    elif scene.core_is_silent:
        pieces.append(
            line((f" {glyphs.breach} core silent {scene.silent_ms / 1_000:.0f} s ", "bold bright on breach"))
        )
    elif snapshot.finished:
        tone = "bold ground on ok" if snapshot.verdict == "PASS" else "bold bright on breach"
        pieces.append(line(("  ", "text"), (f" {snapshot.verdict or 'finished'} ", tone)))
    beat = glyphs.beat[snapshot.version % len(glyphs.beat)]
    pieces.append(
        line(
            (f"  {beat} ", "accent"),
            (f"{clock_text(snapshot.at_ns) if snapshot.at_ns else '--:--:--'} ", "bold bright"),
        )
    )
    return pieces


def _money(paise: int, scene: Scene) -> Span:
    return signed_rupees(paise, scene.glyphs, symbol=True), f"bold {money_tone(paise)}"


def _health(health: Health, scene: Scene, *, long: bool) -> list[Line]:
    """Stream, poll, journal and loop: each with its sign, its name and its figure."""
    settings = scene.snapshot.account.settings
    stream_age = health.stream_age_ms
    poll_late = health.poll_age_ms is not None and health.poll_age_ms > 2 * settings.poll_every_ms
    commit = health.commit_ms.last
    lag = health.loop_lag_ms.p99
    checks = [
        (
            "stream",
            "breach" if not health.stream_up else "ok",
            "down" if not health.stream_up else span(stream_age) if stream_age is not None else "up",
        ),
        (
            "poll",
            "breach" if health.poll_failing else "warn" if poll_late else "ok",
            "failing"
            if health.poll_failing
            else span(health.poll_age_ms)
            if health.poll_age_ms is not None
            else "-",
        ),
        (
            "journal",
            "breach" if not health.journal_ok else "warn" if (commit or 0) > COMMIT_SLOW_AFTER_MS else "ok",
            "FAILING" if not health.journal_ok else f"{commit:.1f} ms" if commit is not None else "-",
        ),
        (
            "loop",
            "warn" if (lag or 0) > LOOP_LATE_AFTER_MS else "ok",
            f"{lag:.0f} ms" if lag is not None else "-",
        ),
    ]
    pieces: list[Line] = []
    for name, state, value in checks:
        tone = state if state != "ok" else "muted"
        shown = f"{value:>6}" if long else value
        pieces.append(
            line(
                (f" {sign(scene.glyphs, state)} ", state),
                (f"{name} ", tone),
                (shown, tone if state != "ok" else "text"),
            )
        )
    return pieces
