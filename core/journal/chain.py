"""The hash chain: each row's hash covers its content and the hash of the row before it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

GENESIS: Final = "0" * 64
"""What the first row is chained to."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The last committed row: its number, and its hash; 0 and ``GENESIS`` in an empty journal."""

    seq: int = 0
    hash: str = GENESIS


def row_hash(before: str, seq: int, at_ns: int, group_id: str, kind: str, body: str) -> str:
    """SHA-256 (hex) over the previous hash and the row's columns, joined by the unit separator U+001F.

    Neither JSON nor a kind can contain that character, so no two rows read alike.
    """
    return sha256(f"{before}\x1f{seq}\x1f{at_ns}\x1f{group_id}\x1f{kind}\x1f{body}".encode()).hexdigest()
