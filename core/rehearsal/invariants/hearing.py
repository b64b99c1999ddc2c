"""When news counts: what comes while the core waits for its disk cannot change what it has decided."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.timing import Clock


class Hearing:
    """Keeps what the broker says from the judge for as long as the core cannot have acted on it."""

    def __init__(self, clock: Clock) -> None:
        self.tried_seq = 0
        """The last row of the commit that was begun last."""
        self._clock = clock
        self._deaf = False
        self._commits = 0
        self._unheard: list[tuple[int, Callable[[], None]]] = []
        """What waits to be heard: single news first, then books, as the core takes them over."""

    def forget(self) -> None:
        """A new process: what its predecessor had not heard is gone."""
        self._unheard.clear()
        self._deaf, self.tried_seq = False, 0

    def begins(self, last_seq: int) -> None:
        """A commit begins: it was decided on all that had come, and what comes now waits."""
        self.catch_up()
        self._deaf, self.tried_seq = True, last_seq
        self._commits += 1

    def ends(self) -> None:
        """The sends of a commit go out at this very instant; what came meanwhile counts right after it."""
        commits = self._commits

        def hear() -> None:
            if commits == self._commits:
                self.catch_up()

        self._clock.call_at(self._clock.now_ns() + 1, hear)

    def catch_up(self) -> None:
        """Hear, now, all that has waited."""
        self._deaf = False
        waiting, self._unheard = self._unheard, []
        for _, note in sorted(waiting, key=lambda each: each[0]):
            note()

    def take(self, note: Callable[[], None], rank: int = 0) -> None:
        """Hear this at once, or when the commit under way has ended, lower ranks first."""
        if self._deaf:
            self._unheard.append((rank, note))
        else:
            note()
