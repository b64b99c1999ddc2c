"""When the core cannot act: its commit is on its way to a slow disk, or its machine sleeps."""

from __future__ import annotations

from core.domain.timing import Clock


class Busy:
    """Adds up the time in which nothing could be asked of the core, however its reasons overlap."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reasons: set[str] = set()
        self._since_ns = 0
        self._before_ns = 0

    def begins(self, reason: str) -> None:
        """From now on it cannot act."""
        if not self._reasons:
            self._since_ns = self._clock.now_ns()
        self._reasons.add(reason)

    def ends(self, reason: str) -> None:
        """What kept it from acting is over; nothing else may."""
        if reason not in self._reasons:
            return
        self._reasons.discard(reason)
        if not self._reasons:
            self._before_ns += self._clock.now_ns() - self._since_ns

    def forget(self) -> None:
        """A new process: what kept its predecessor is gone."""
        for reason in list(self._reasons):
            self.ends(reason)

    @property
    def total_ns(self) -> int:
        """All of it up to now."""
        return self._before_ns + (self._clock.now_ns() - self._since_ns if self._reasons else 0)

    @property
    def free_ns(self) -> int:
        """A clock that stands still while the core cannot act: what it is given time for is timed by this."""
        return self._clock.now_ns() - self.total_ns
