"""A journal's last rows as tables, for an incident bundle: read beside the writer, without taking part."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path


def journal_tail(journal: Path) -> Callable[[int], Sequence[Mapping[str, object]]]:
    """A function that gives so many of the newest rows, oldest first; it raises ``sqlite3.Error``."""

    def tail(count: int) -> Sequence[Mapping[str, object]]:
        with closing(sqlite3.connect(f"{journal.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            newest = connection.execute(
                "SELECT seq, at_ns, group_id, kind, body FROM events ORDER BY seq DESC LIMIT ?", (count,)
            ).fetchall()
        return [
            {"seq": seq, "at_ns": at_ns, "group_id": group_id, "kind": kind, "body": json.loads(body)}
            for seq, at_ns, group_id, kind, body in reversed(newest)
        ]

    return tail
