"""Tags: how an order of ours is recognised for ever, whatever the broker calls it.

A tag is the journal's nonce (6 characters), the group (3), the leg (1), the child (3), the attempt (2) and
the life of the process (4): 19 of ``[A-Z0-9]``, within the 20 that Kite keeps. The life is when the process
began, in tenths of a second of the day: what it sent while it could not write its journal dies with it, and
the next must not use those tags again.
"""

from __future__ import annotations

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALLOWED = frozenset(_DIGITS)
NONCE_LENGTH = 6
TAG_LENGTH = 19
_LIFE_NS = 100_000_000
_LIVES = 24 * 60 * 60 * 10


def base36(number: int, width: int) -> str:
    """``number`` in base 36, padded to ``width``. Raises ``OverflowError`` when it does not fit."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    if len(text) > width:
        raise OverflowError(f"{text} does not fit into {width} characters of a tag")
    return text.rjust(width, "0")


def tag_for(nonce: str, group_number: int, leg: int, child: int, attempt: int, life: int = 0) -> str:
    """The tag of one order; raises ``OverflowError`` when a number has outgrown its place."""
    order = f"{base36(group_number, 3)}{base36(leg, 1)}{base36(child, 3)}{base36(attempt, 2)}"
    return f"{nonce}{order}{base36(life, 4)}"


def life_of(started_at_ns: int) -> int:
    """The life of a process that started then."""
    return started_at_ns // _LIFE_NS % _LIVES


def group_id_for(number: int) -> str:
    """The public name of a group: ``G-014``."""
    return f"G-{number:03d}"


def group_id_of(tag: str) -> str:
    """The group that a tag of ours names; ``""`` for anything that is no tag of ours."""
    if len(tag) != TAG_LENGTH or not set(tag) <= _ALLOWED:
        return ""
    return group_id_for(int(tag[6:9], 36))


def leg_of(tag: str) -> int:
    """The leg that a tag of ours names. Raises ``ValueError`` for anything that is no tag."""
    return int(tag[9], 36)


def child_of(tag: str) -> tuple[int, int]:
    """The child number and the attempt that a tag of ours names. Raises ``ValueError`` for no tag."""
    return int(tag[10:13], 36), int(tag[13:15], 36)


def short_name(tag: str) -> str:
    """A tag as a person reads it: group, leg and child (``14-3-2``), and the attempt after the first."""
    child, attempt = child_of(tag)
    name = f"{int(tag[6:9], 36)}-{leg_of(tag) + 1}-{child}"
    return name if attempt <= 1 else f"{name}.{attempt}"
