"""The guards that a campaign can switch off, to show that the invariants notice when one is missing."""

from __future__ import annotations

from collections.abc import Iterable

GUARDS: dict[str, str] = {
    "intent-first": "an order is committed before it is sent",
    "cancel-confirmation": "an order being cancelled counts as working until the broker calls it over",
    "trailing-edge": "what is gathered in a debounce window is decided when it closes",
    "cover-before-release": "a short goes out only against confirmed cover",
    "max-not-sum": "a filled quantity is the largest that any source has told",
    "tag-lookup": "an unanswered send is looked for by its tag before anything follows from it",
    "working-in-hedge": "a hedge counts what is on its way already",
    "margin-reservation": "margin that other groups are about to use is not used twice",
    "positions-lag": "a difference in positions counts only when it is old and seen twice",
    "stops-survive-kill": "the kill switch leaves resting stops alone",
}


def guards_named(names: Iterable[str]) -> frozenset[str]:
    """The guards of these names. Raises ``ValueError`` for one that does not exist, with those that do."""
    unknown = sorted(set(names) - GUARDS.keys())
    if unknown:
        known = ", ".join(sorted(GUARDS))
        raise ValueError(f"--without {unknown[0]}: there is no such guard; there are {known}")
    return frozenset(names)
