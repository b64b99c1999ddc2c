"""Whether the broker's stream is heard: it is up, and has said something lately.

A stream that is deaf without being down is the dangerous kind: nothing ends, and no fill is told.
"""

from __future__ import annotations

from core.domain.timing import NS_PER_MS


class StreamHearing:
    """What was last heard of the stream, on the market's clock."""

    def __init__(self, now_ns: int) -> None:
        self.is_up = False
        self._said_down = False
        self.heard_ns: int | None = None
        """When it last said anything; ``None`` until its first word."""
        self._began_ns = now_ns
        self._was_lost = False

    def hear(self, now_ns: int, *, up: bool) -> None:
        """Note a frame: any but the word that the stream is down shows it up.

        That word comes from our side of the line, again with every attempt to connect: nobody was heard.
        """
        self.is_up, self._said_down = up, not up
        if up:
            self.heard_ns = now_ns

    def is_down(self) -> bool:
        """Whether it is known to be down; one that was never heard is only silent."""
        return self._said_down

    def silent_ms(self, now_ns: int) -> int:
        """How long it has said nothing."""
        heard_ns = self._began_ns if self.heard_ns is None else self.heard_ns
        return (now_ns - heard_ns) // NS_PER_MS

    def is_lost(self, now_ns: int, silent_after_ms: int) -> bool:
        """Whether it is down, or has been silent for longer than this."""
        return self.is_down() or self.silent_ms(now_ns) > silent_after_ms

    def turns_lost(self, now_ns: int, silent_after_ms: int) -> bool:
        """Whether it is lost now and was not when this was last asked."""
        before, self._was_lost = self._was_lost, self.is_lost(now_ns, silent_after_ms)
        return self._was_lost and not before
