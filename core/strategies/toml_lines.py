"""Where in a TOML text a key stands, so that an error can point at its line."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-]+)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-]+)\s*(?:\.\s*[A-Za-z0-9_\-]+\s*)*=")


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The 1-based line of a key such as ``("leg", 1, "strike")``, or of its nearest enclosing table.

    Understands headers and one key a line, which is how people write group files; ``None`` where nothing of
    the path is found.
    """
    wanted = [str(part) for part in path]
    best: tuple[int, int] | None = None
    table: list[str] = []
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            name = header.group(2)
            table = name.split(".")
            if header.group(1) == "[[":
                counts[name] = counts.get(name, -1) + 1
                table = [*table, str(counts[name])]
            here = table
        else:
            key = _KEY.match(line)
            if not key:
                continue
            here = [*table, key.group(1)]
        depth = len(here)
        if here == wanted[:depth] and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None
