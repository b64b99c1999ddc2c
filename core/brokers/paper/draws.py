"""Counter-based draws: the n-th draw for a purpose depends on the seed, the purpose and n alone.

A stream of random numbers shifts when anything draws once more or less; these do not, so a restart or an
injected fault leaves every other draw as it was. The mixing function is splitmix64 (Steele, Lea and Flood,
"Fast splittable pseudorandom number generators", 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def splitmix64(state: int) -> int:
    """64 well-mixed bits from a 64-bit state."""
    z = (state + _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class Purpose(IntEnum):
    """What a draw is for; each purpose has its own sequence."""

    REQUEST_LATENCY = 1
    REPLY_LATENCY = 2
    FRAME_LATENCY = 3
    BOOK_LATENCY = 4
    POSITION_LAG = 5
    CANCEL_DELAY = 6
    LATE_REJECTION = 7
    ORDER_ID = 8
    TRADE_ID = 9


@dataclass(frozen=True, slots=True)
class Span:
    """A range of durations in nanoseconds, both ends included."""

    low_ns: int
    high_ns: int

    def __post_init__(self) -> None:
        if not 0 <= self.low_ns <= self.high_ns:
            raise ValueError(
                f"a span runs from a duration to one at least as long, not {self.low_ns} to {self.high_ns} ns"
            )


@dataclass(frozen=True, slots=True)
class Draws:
    """All draws of one seed."""

    seed: int

    def bits(self, purpose: int, n: int) -> int:
        """The n-th 64 bits for a purpose."""
        return splitmix64(splitmix64((self.seed & _MASK) ^ (purpose * _GOLDEN & _MASK)) ^ (n & _MASK))

    def unit(self, purpose: int, n: int) -> float:
        """The n-th number in [0, 1) for a purpose."""
        return (self.bits(purpose, n) >> 11) * 2.0**-53

    def within(self, purpose: int, n: int, span: Span) -> int:
        """The n-th duration of a span for a purpose, in nanoseconds."""
        width = span.high_ns - span.low_ns + 1
        return span.low_ns + self.bits(purpose, n) % width
