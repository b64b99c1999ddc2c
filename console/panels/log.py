"""The log: every order, every decision, every key, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from console.arranging import line_words, matches
from console.glyphs import UNICODE, Glyphs
from console.scene import Scene
from console.theming import Palette
from console.widgets.framed import FramedPanel
from console.widgets.line import Line, Span, fill, line
from core.domain.timing import clock_text
from core.engine.snapshot import LogLine

TONES = {"plain": "text", "muted": "muted", "ok": "ok", "warn": "warn", "breach": "breach", "info": "info"}


class LogPanel(FramedPanel):
    """Lines are built once and kept by their object: the core's log only grows at its end."""

    TITLE = "Log"

    def __init__(self, palette: Palette, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(palette, glyphs, id=id)
        self._built: dict[tuple[int, int, str], Line] = {}

    def corner(self, scene: Scene) -> Line:
        """Where in the log this is."""
        if scene.log_offset:
            return line((f"{scene.log_offset} newer above {scene.glyphs.middle} Home returns", "warn"))
        if scene.filter:
            return line((f"/ {scene.filter}", "bold accent"))
        return line(("every order, every decision, every key", "muted"))

    def key(self, scene: Scene) -> object:
        """Its newest line, and the place in it: the log only grows at its end."""
        log, notices = scene.snapshot.log, scene.notices
        newest_of = (log[-1].seq if log else None, notices[-1].seq if notices else None)
        return (*newest_of, len(log), scene.log_offset, scene.focus, scene.filter)

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """The newest lines from the offset on."""
        lines = self._chosen(scene, scene.log_offset + height)[scene.log_offset :]
        if len(self._built) > 4 * max(1, height):
            self._built.clear()
        shown: list[Line] = []
        for each in lines:
            key = (each.seq, width, each.channel)
            built = self._built.get(key)
            if built is None:
                built = self._built[key] = log_line(each, width)
            shown.append(built)
        if not shown:
            words = "No line has these words." if scene.filter else "Nothing has happened yet."
            shown.append(line((words, "muted")))
        return shown

    def _chosen(self, scene: Scene, count: int) -> list[LogLine]:
        """The newest lines that the filter lets through."""
        log, notices = scene.snapshot.log, scene.notices
        if scene.filter:
            log = tuple(each for each in log if matches(line_words(each), scene.filter))
            notices = tuple(each for each in notices if matches(line_words(each), scene.filter))
        return newest(log, notices, count)


def newest(core: Sequence[LogLine], own: Sequence[LogLine], count: int) -> list[LogLine]:
    """The newest lines of the core's log and the console's notices together, newest first."""
    tail = [*core[-count:], *own[-count:]] if own else list(core[-count:])
    return sorted(tail, key=lambda each: (each.at_ns, each.seq), reverse=True)[:count]


def log_line(each: LogLine, width: int) -> Line:
    """``14:32:06.912  policy  G-014  re-price ...``."""
    tone = TONES.get(each.tone, "text")
    stamp = clock_text(each.at_ns, millis=width >= 70) if each.at_ns else "--:--:--"
    text = " ".join(each.text.removeprefix(each.group_id).split())
    channel = "bold accent" if each.channel in ("you", "screen") else "muted"
    spans: list[Span] = [(f"{stamp}  ", "muted"), (fill(each.channel, 9), channel)]
    if each.group_id:
        spans.append((f"{each.group_id}  ", f"bold {tone}" if tone != "muted" else "muted"))
    return (*spans, (text, tone))
