"""Play, pause, step, speed and seek over a journal: what a replay's keys do.

Market time runs with wall time, as many times faster as is asked for; a span in which nothing was journalled
is played like any other, and can be stepped over.
"""

from __future__ import annotations

import re
from datetime import time
from typing import Protocol

from core.domain.timing import NS_PER_S, from_ist, to_ist
from core.engine.service import CoreService

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?")


class Replayable(CoreService, Protocol):
    """A past that can be moved through; see ``core.engine.replay.JournalReplay``."""

    row: int
    at_ns: int

    @property
    def rows(self) -> int: ...

    @property
    def first_ns(self) -> int: ...

    @property
    def last_ns(self) -> int: ...

    @property
    def is_at_end(self) -> bool: ...

    def seek_row(self, row: int) -> None: ...

    def seek_ns(self, at_ns: int) -> None: ...

    def seek_notable(self, step: int) -> bool: ...


class Transport:
    """Moves a replay. ``tick`` is called with the machine's monotonic nanoseconds."""

    def __init__(self, replay: Replayable) -> None:
        self.replay = replay
        self.playing = False
        self.speed = 1.0
        self._ticked_ns = 0

    def tick(self, now_ns: int) -> None:
        """Let market time pass; stop at the end."""
        passed, self._ticked_ns = now_ns - self._ticked_ns, now_ns
        if not self.playing:
            return
        self.replay.seek_ns(self.replay.at_ns + round(min(max(0, passed), NS_PER_S) * self.speed))
        if self.replay.is_at_end:
            self.playing = False

    def play_or_pause(self, now_ns: int) -> None:
        """Start, from the beginning where it stands at the end, or stop."""
        self.playing = not self.playing
        self._ticked_ns = now_ns
        if self.playing and self.replay.is_at_end:
            self.replay.seek_row(1)

    def step(self, rows: int) -> None:
        """Go so many rows on or back; it stops playing."""
        self.playing = False
        self.replay.seek_row(self.replay.row + rows)

    def notable(self, step: int) -> str:
        """Go to the next or the last row that somebody had to know of; what to say where there is none."""
        self.playing = False
        if self.replay.seek_notable(step):
            return ""
        return "No further alert in the journal." if step > 0 else "No earlier alert in the journal."

    def faster(self, steps: int) -> None:
        """Change the speed along ``SPEEDS``."""
        place = SPEEDS.index(self.speed) + steps
        self.speed = SPEEDS[min(max(0, place), len(SPEEDS) - 1)]

    def seek(self, words: str) -> str:
        """Go to ``14:32``, ``14:32:07.5``, row ``812``, ``50%``, ``+30`` or ``-30`` seconds.

        Returns what was wrong with it; empty where it went there.
        """
        text = words.strip().lower().removeprefix("row ").replace(",", "")
        replay = self.replay
        try:
            if text.endswith("%"):
                thousandths = min(max(0, round(float(text[:-1]) * 1_000)), 100_000)
                replay.seek_ns(replay.first_ns + (replay.last_ns - replay.first_ns) * thousandths // 100_000)
            elif text[:1] in ("+", "-"):
                replay.seek_ns(replay.at_ns + round(float(text) * NS_PER_S))
            elif found := CLOCK.fullmatch(text):
                replay.seek_ns(self._instant(found))
            else:
                replay.seek_row(int(text))
        except (ValueError, OverflowError):
            return f"{words.strip()!r} is no place: write 14:32:07, a row's number, 50%, +30 or -30 seconds."
        self.playing = False
        return ""

    def _instant(self, found: re.Match[str]) -> int:
        """The clock time on the day that the replay stands in."""
        hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
        moment = time(hour, minute, second, int((found[4] or "0").ljust(3, "0")) * 1_000)
        return from_ist(to_ist(self.replay.at_ns).date(), moment)
