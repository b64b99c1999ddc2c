"""The fault engine: seeded draws, time windows, and a count of what really happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from core.brokers.paper.draws import Draws
from core.rehearsal.faults.kinds import FaultKind

_FIRST_PURPOSE = 1_000
_NUMBER = {kind: number for number, kind in enumerate(FaultKind)}


@dataclass(frozen=True, slots=True)
class FaultRule:
    """How often a kind happens (0 to 1 a chance), from when until when, and how often at most."""

    kind: FaultKind
    rate: float
    from_ns: int
    until_ns: int
    most: int | None = None
    lasting_ns: int = 0
    """How long one of them lasts, for kinds that last; 0 draws it."""


class FaultEngine:
    """Decides by counter which chance of which kind becomes a fault, and keeps the tally.

    The n-th chance of a kind depends on the seed, the kind and n alone: one fault more moves no other.
    """

    def __init__(self, seed: int, rules: Iterable[FaultRule] = ()) -> None:
        self._draws = Draws(seed)
        self._rules: dict[FaultKind, list[FaultRule]] = {}
        for rule in rules:
            self._rules.setdefault(rule.kind, []).append(rule)
        self._drawn: Counter[FaultRule] = Counter()
        self.fired: Counter[FaultKind] = Counter()
        """How often each kind had an effect."""

    @property
    def kinds(self) -> frozenset[FaultKind]:
        """The kinds that can happen at all."""
        return frozenset(self._rules)

    @property
    def until_ns(self) -> int:
        """When the last window closes; 0 where there is none."""
        return max((rule.until_ns for rules in self._rules.values() for rule in rules), default=0)

    def windows(self, kind: FaultKind) -> tuple[FaultRule, ...]:
        """The rules of a kind."""
        return tuple(self._rules.get(kind, ()))

    def strikes(self, kind: FaultKind, n: int, now_ns: int) -> FaultRule | None:
        """Whether the n-th chance of a kind is taken, and by which rule."""
        for rule in self._rules.get(kind, ()):
            if not rule.from_ns <= now_ns < rule.until_ns:
                continue
            if rule.most is not None and self._drawn[rule] >= rule.most:
                continue
            if self.share(kind, n) < rule.rate:
                self._drawn[rule] += 1
                return rule
        return None

    def count(self, kind: FaultKind) -> None:
        """A fault had an effect."""
        self.fired[kind] += 1

    def share(self, kind: FaultKind, n: int, salt: int = 0) -> float:
        """A number in [0, 1) for the n-th chance of a kind; ``salt`` gives further ones."""
        return self._draws.unit(_FIRST_PURPOSE + 64 * salt + _NUMBER[kind], n)

    def between(self, kind: FaultKind, n: int, low_ns: int, high_ns: int, salt: int = 1) -> int:
        """A duration for the n-th chance of a kind."""
        return low_ns + int(self.share(kind, n, salt) * (high_ns - low_ns))
