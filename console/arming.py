"""The two steps of a dangerous key, as a small machine without a screen: arm, type a word, Enter.

Times are monotonic nanoseconds of the machine. A key counts only if it was pressed after the overlay had
been painted; the repetitions of a key that is held down never count.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

NS_PER_MS = 1_000_000
BEGIN_WITHIN_NS = 5_000 * NS_PER_MS
FINISH_WITHIN_NS = 15_000 * NS_PER_MS
REPEAT_WITHIN_NS = 45 * NS_PER_MS
"""Keyboards repeat 20 to 40 times a second; nobody strikes one key twice that fast."""
LONGEST = 60


class Press(StrEnum):
    """What became of a key."""

    IGNORED = "ignored"
    TYPED = "typed"
    WRONG = "wrong"
    CANCELLED = "cancelled"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"


class Arming:
    """Armed once, it ends once: confirmed, cancelled or expired; then every further key is ignored.

    ``accepts`` says whether a word is one that confirms.
    """

    def __init__(self, accepts: Callable[[str], bool], at_ns: int) -> None:
        self._accepts = accepts
        self._armed_ns = at_ns
        self._painted_ns: int | None = None
        self._last_key = ""
        self._last_ns = 0
        self.typed = ""
        self.complaint = ""
        self.ended: Press | None = None

    def painted(self, at_ns: int) -> None:
        """The overlay stands on the screen from now on: time counts, and so do keys pressed later."""
        if self._painted_ns is None:
            self._painted_ns = self._armed_ns = at_ns

    def left_ns(self, now_ns: int) -> int:
        """Nanoseconds until it disarms by itself: to begin typing, or to finish."""
        span = FINISH_WITHIN_NS if self.typed else BEGIN_WITHIN_NS
        return max(0, self._armed_ns + span - now_ns)

    def expire(self, now_ns: int) -> bool:
        """Disarm if the time is over; whether it did just now."""
        if self.ended is None and self.left_ns(now_ns) == 0:
            self.ended = Press.EXPIRED
            return True
        return False

    def press(self, key: str, character: str | None, at_ns: int, now_ns: int) -> Press:
        """A key that was pressed at ``at_ns`` and is handled now."""
        if self.ended is not None:
            return Press.IGNORED
        if self.expire(now_ns):
            return Press.EXPIRED
        held = key == self._last_key and at_ns - self._last_ns < REPEAT_WITHIN_NS
        self._last_key, self._last_ns = key, at_ns
        if held or self._painted_ns is None or at_ns <= self._painted_ns:
            return Press.IGNORED
        if key == "escape":
            return self._end(Press.CANCELLED)
        if key == "enter":
            return self._enter()
        if key == "backspace":
            self.typed = self.typed[:-1]
        elif character and character.isprintable() and len(self.typed) < LONGEST:
            self.typed += character
        else:
            return Press.IGNORED
        self.complaint = ""
        return Press.TYPED

    def _enter(self) -> Press:
        word = self.typed.strip()
        if not word:
            return self._end(Press.CANCELLED)
        if self._accepts(word):
            return self._end(Press.CONFIRMED)
        self.complaint = f"{word!r} is not what was asked for; nothing was sent."
        self.typed = ""
        return Press.WRONG

    def _end(self, how: Press) -> Press:
        self.ended = how
        return how
