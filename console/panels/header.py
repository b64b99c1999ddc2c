"""The header: what kind of session this is, the day so far, and the health of everything that must live."""

from __future__ import annotations

from console.scene import Scene
from console.widgets.framed import LinePainter
from console.widgets.line import Line, Span, cut, line, spread, width_of
from console.wording import money_tone, sign, signed_rupees, span
from core.domain.money import grouped
from core.domain.timing import clock_text
from core.engine.snapshot import Health

LOOP_LATE_AFTER_MS = 50.0
COMMIT_SLOW_AFTER_MS = 5.0


class Header(LinePainter):
    """One line; what does not fit is left out from the least important on."""

    GROUND = "raised"

    def paint(self, scene: Scene) -> int:
        """Bring the header up to the scene; returns 1 if it changed."""
        return self.show([header_line(scene, self.size.width)])


def header_line(scene: Scene, width: int) -> Line:
    """The header in ``width`` cells: full, or with what is healthy in one word, or in one sign."""
    left = _left(scene)
    for detail in (2, 1, 0):
        right = _right(scene, detail)
        if sum(map(width_of, left)) + width_of(right) < width or detail == 0:
            break
    right = cut(right, max(0, width - width_of(left[0]) - 1))
    room = width - width_of(right) - 1
    while len(left) > 1 and sum(map(width_of, left)) > room:
        left.pop()
    return spread(tuple(part for piece in left for part in piece), right, width)


def _left(scene: Scene) -> list[Line]:
    """The pieces at the left, the most important first."""
    snapshot, glyphs = scene.snapshot, scene.glyphs
    live = snapshot.mode == "LIVE"
    badge = "bold bright on breach" if live else "bold ground on muted"
    words = f" {glyphs.dot} LIVE {glyphs.dot} " if live else f" {snapshot.mode} "
    pieces: list[Line] = [line((" HEDGEROW ", "bold ground on accent"), (words, badge))]
    if snapshot.recorded is not None:
        pieces[0] += ((" REPLAY ", "bold ground on info"),)
    elif scene.observe:
        pieces[0] += ((" READ-ONLY ", "bold ground on warn"),)
    label = "  day P&L " if snapshot.recorded is None else "  P&L of what has ended "
    pieces.append(line((label, "muted"), _money(snapshot.day_pnl_paise, scene)))
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


def _right(scene: Scene, detail: int) -> Line:
    """Health, kill switch, what became of the core, heartbeat and time."""
    snapshot, glyphs = scene.snapshot, scene.glyphs
    kill = snapshot.account.kill
    spans = _health(snapshot.health, scene, detail) if snapshot.recorded is None else []
    if kill.tripped:
        spans += [("  ", "text"), (f" {glyphs.breach} KILL ON ", "bold bright on breach")]
    else:
        spans += [("  kill ", "muted"), ("off", "text")]
    if scene.core_stopped:
        spans += [("  ", "text"), (f" {glyphs.breach} CORE STOPPED ", "bold bright on breach")]
    elif scene.core_is_silent:
        silence = f" {glyphs.breach} core silent {scene.silent_ms / 1_000:.0f} s "
        spans += [("  ", "text"), (silence, "bold bright on breach")]
    elif snapshot.finished:
        tone = "bold ground on ok" if snapshot.verdict == "PASS" else "bold bright on breach"
        spans += [("  ", "text"), (f" {snapshot.verdict or 'finished'} ", tone)]
    beat = glyphs.beat[snapshot.version % len(glyphs.beat)]
    at = clock_text(snapshot.at_ns) if snapshot.at_ns else "--:--:--"
    return (*spans, (f"  {beat} ", "accent"), (f"{at} ", "bold bright"))


def _money(paise: int, scene: Scene) -> Span:
    return signed_rupees(paise, scene.glyphs, symbol=True), f"bold {money_tone(paise)}"


def _health(health: Health, scene: Scene, detail: int) -> list[Span]:
    """Stream, poll, journal and loop. What is not as it should be is always named, with its figure."""
    checks = _checks(health, scene)
    glyphs = scene.glyphs
    spans: list[Span] = []
    well = [name for name, state, _ in checks if state == "ok"]
    for name, state, value in checks:
        if state in ("ok", "clock") and detail < 2:
            continue
        if state in ("ok", "clock"):
            tone, figure = "muted", (f" {value:>6}", "text")
        else:
            tone, figure = state, (f" {value}", f"bold {state}")
        spans += [(f"  {sign(glyphs, state)} ", state if state != "clock" else "muted"), (name, tone), figure]
    if well and detail < 2:
        words = " ".join(well) if detail == 1 else "all live" if len(well) == len(checks) else "rest live"
        spans += [(f"  {glyphs.ok} ", "ok"), (words, "muted")]
    return spans


def _checks(health: Health, scene: Scene) -> list[tuple[str, str, str]]:
    """Each thing that must live: its name, ``ok``, ``warn``, ``breach`` or ``clock`` (not known yet), its
    figure.
    """
    poll_late_ms = 2 * scene.snapshot.account.settings.poll_every_ms
    stream, poll = health.stream_age_ms, health.poll_age_ms
    commit, lag = health.commit_ms.last, health.loop_lag_ms.p99
    return [
        (
            "stream",
            "ok" if health.stream_up else "breach",
            (span(stream) if stream is not None else "up") if health.stream_up else "down",
        ),
        (
            "poll",
            "breach" if health.poll_failing else _age_state(poll, poll_late_ms),
            "failing" if health.poll_failing else span(poll) if poll is not None else "-",
        ),
        (
            "journal",
            "breach" if not health.journal_ok else _age_state(commit, COMMIT_SLOW_AFTER_MS),
            "FAILING" if not health.journal_ok else f"{commit:.1f} ms" if commit is not None else "-",
        ),
        (
            "loop",
            _age_state(lag, LOOP_LATE_AFTER_MS),
            f"{lag:.0f} ms" if lag is not None else "-",
        ),
    ]


def _age_state(figure: float | None, late: float) -> str:
    """``clock`` before the first figure, ``warn`` beyond what is usual."""
    return "clock" if figure is None else "warn" if figure > late else "ok"
