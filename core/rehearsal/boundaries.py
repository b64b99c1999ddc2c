"""Effect boundaries: the numbered points between two effects, at each of which a process can die."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class Boundaries:
    """Counts the boundaries of a run, over all lives, and says at which the core is to die.

    The names are ``before commit``, ``after commit``, ``before send``, ``before reply``, ``before frame`` and
    ``before books``: what has happened by then is everything up to that point, and nothing after it.
    """

    def __init__(self, deadly: Iterable[int] = ()) -> None:
        """``deadly`` are numbers of boundaries, from 1."""
        self._deadly = frozenset(deadly)
        self._doomed = False
        self.count = 0
        self.names: Counter[str] = Counter()
        self.deaths: list[tuple[int, str]] = []

    def doom(self) -> None:
        """Let the next boundary be deadly, whichever it is."""
        self._doomed = True

    def reach(self, name: str) -> bool:
        """Pass a boundary. Returns whether the core dies there."""
        self.count += 1
        self.names[name] += 1
        if not self._doomed and self.count not in self._deadly:
            return False
        self._doomed = False
        self.deaths.append((self.count, name))
        return True
