"""Which program a campaign is run with: what two versions found does not belong in one tally."""

from __future__ import annotations

import hashlib
from pathlib import Path

import core

_KINDS = frozenset({".py", ".toml", ".json", ".csv"})


def program_digest() -> str:
    """A digest of every source and every table of the core: equal only for the same program."""
    root = Path(core.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in _KINDS and path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:32]


def scenario_digest(name: str) -> str:
    """A digest of a scenario's own file; ``""`` where it comes with the program. Raises ``OSError``."""
    if not name.endswith(".toml"):
        return ""
    return hashlib.sha256(Path(name).read_bytes()).hexdigest()[:32]
