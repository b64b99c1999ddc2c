"""A broken invariant."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.timing import NS_PER_MS


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold, when, and how. ``group_id`` is ``""`` where it was no group's."""

    invariant: int
    at_ns: int
    detail: str
    group_id: str = ""


def at_ms(violation: Violation, start_ns: int) -> int:
    """Market milliseconds from the start of the run."""
    return (violation.at_ns - start_ns) // NS_PER_MS
