"""Whether the broker's stream is heard: it is up, and has said something lately.

A stream that is deaf without being down is the dangerous kind: nothing ends, and no fill is told.
"""

from __future__ import annotations

from core.domain.timing import NS_PER_MS


class StreamHearing:
    """What was last heard of the stream, and for how much of the time, on the market's clock."""

    def __init__(self, now_ns: int, silent_after_ms: int = 5_000) -> None:
        """``silent_after_ms`` is how long a stream that is up may say nothing."""
        self.is_up = False
        self.heard_ns: int | None = None
        """When it last said anything; ``None`` until its first word."""
        self._silent_after_ns = silent_after_ms * NS_PER_MS
        self._said_down = False
        self._began_ns = now_ns
        self._first_ns = 0
        self._up_ns = 0
        self._was_lost = False

    def hear(self, now_ns: int, *, up: bool) -> None:
        """Note a frame: any but the word that the stream is down shows it up.

        That word comes from our side of the line, again with every attempt to connect: nobody was heard.
        """
        self._up_ns += self._heard_since(now_ns)
        self.is_up, self._said_down = up, not up
        if not up:
            return
        if self.heard_ns is None:
            self._first_ns = now_ns
        self.heard_ns = now_ns

    def is_down(self) -> bool:
        """Whether it is known to be down; one that was never heard is only silent."""
        return self._said_down

    def silent_ms(self, now_ns: int) -> int:
        """How long it has said nothing."""
        heard_ns = self._began_ns if self.heard_ns is None else self.heard_ns
        return (now_ns - heard_ns) // NS_PER_MS

    def is_lost(self, now_ns: int) -> bool:
        """Whether it is down, or has been silent for too long."""
        return self.is_down() or self.silent_ms(now_ns) * NS_PER_MS > self._silent_after_ns

    def turns_lost(self, now_ns: int) -> bool:
        """Whether it is lost now and was not when this was last asked."""
        before, self._was_lost = self._was_lost, self.is_lost(now_ns)
        return self._was_lost and not before

    def uptime_pct(self, now_ns: int) -> float | None:
        """The part of the time since its first frame in which it was heard; ``None`` before that.

        What passes from one frame to the next counts, unless it was a silence or it is known to be down.
        """
        if self.heard_ns is None or now_ns <= self._first_ns:
            return None
        return round(100 * (self._up_ns + self._heard_since(now_ns)) / (now_ns - self._first_ns), 1)

    def _heard_since(self, now_ns: int) -> int:
        """The time since the last frame, as far as it counts as heard."""
        if self.heard_ns is None or self._said_down:
            return 0
        since_ns = now_ns - self.heard_ns
        return since_ns if since_ns <= self._silent_after_ns else 0
