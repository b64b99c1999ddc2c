"""An incident bundle: what stood on the screen, what the core had published, and what led to it.

A folder that only its owner can enter, with four files that only its owner can read. Nothing in it is a
secret: the snapshot holds none, and neither does the journal.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from pathlib import Path

from console.options import JournalTail
from console.scene import Scene
from console.widgets.line import Line, plain
from console.wording import LOOK, move_of
from core.domain.instruments import PositionKey
from core.domain.timing import clock_text, to_ist
from core.engine.snapshot import LogLine, Snapshot

JOURNAL_ROWS = 500


def bundle_name(snapshot: Snapshot, group_id: str) -> str:
    """``20251124-143207-G-011``: market time, and the group that was selected."""
    moment = f"{to_ist(snapshot.at_ns):%Y%m%d-%H%M%S}" if snapshot.at_ns else "before-start"
    return f"{moment}-{group_id}" if group_id else moment


def write_bundle(folder: Path, scene: Scene, picture: str, journal_tail: JournalTail | None) -> Path:
    """Write the bundle and return its folder, another one where this name is taken. Raises ``OSError``."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = _made(folder)
    tail = _journal(scene.snapshot, journal_tail)
    _write(made / "screen.svg", picture)
    _write(made / "snapshot.json", json.dumps(as_json(_shown(scene.snapshot)), indent=1, ensure_ascii=False))
    _write(made / "journal.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in tail))
    _write(made / "timeline.md", timeline(scene))
    return made


def _made(folder: Path) -> Path:
    """The folder, made now: two bundles of one second do not overwrite one another."""
    for number in range(1, 1_000):
        name = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        try:
            name.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return name
    raise FileExistsError(f"{folder} and 998 others exist already")


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _journal(snapshot: Snapshot, journal_tail: JournalTail | None) -> Sequence[object]:
    """The journal's own rows; where they cannot be had, the log's lines made from them, with the reason."""
    lines = [as_json(each) for each in snapshot.log[-JOURNAL_ROWS:]]
    if journal_tail is None:
        return lines
    try:
        return journal_tail(JOURNAL_ROWS)
    except Exception as error:
        return [{"journal": f"could not be read: {error}; what follows is the console's log"}, *lines]


def _shown(snapshot: Snapshot) -> object:
    """The snapshot without the catalogue of everything that can be traded, and only the quotes of what is
    held.
    """
    held = {leg.plan.contract.symbol for group in snapshot.account.groups.values() for leg in group.legs}
    table = {each.name: getattr(snapshot, each.name) for each in fields(snapshot)}
    view = {each.name: getattr(snapshot.view, each.name) for each in fields(snapshot.view)}
    view.pop("contracts")
    view["quotes"] = {name: quote for name, quote in snapshot.view.quotes.items() if name in held}
    view["vols"] = {name: vol for name, vol in snapshot.view.vols.items() if name in held}
    return {**table, "view": view}


def as_json(value: object) -> object:
    """The value in JSON's own types: dataclasses as tables, keys as texts."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): as_json(each) for key, each in value.items()}
    if isinstance(value, Iterable):
        return [as_json(each) for each in value]
    return str(value)


def _key(key: object) -> str:
    if isinstance(key, PositionKey):
        return f"{key.exchange}:{key.symbol}:{key.product.value}"
    if isinstance(key, tuple):
        return " ".join(str(as_json(part)) for part in key)
    return str(as_json(key))


def timeline(scene: Scene) -> str:
    """The story as Markdown: how things stood, who needed a person, and what had happened, oldest first."""
    snapshot = scene.snapshot
    account = snapshot.account
    standing = [alert for alert in account.alerts.values() if not alert.cleared]
    lines = [
        f"# Incident at {clock_text(snapshot.at_ns) if snapshot.at_ns else 'start'}",
        "",
        f"{snapshot.mode}, {snapshot.title or snapshot.underlying}, snapshot {snapshot.version:,}, "
        f"journal row {account.seq:,}.",
        "",
        "## Groups",
        "",
        "| group | state | what it does or needs |",
        "| --- | --- | --- |",
    ]
    for name in scene.order:
        group = account.groups[name]
        move = move_of(snapshot, group)
        need = "**needs you** " if move.needs_you and not group.is_over else ""
        lines.append(f"| {name} | {LOOK[group.state].word} | {need}{_cell(move.sentence)} |")
    lines += ["", "## Alerts standing", ""]
    lines += [
        f"- {clock_text(alert.last_ns)} {alert.severity.value} {_cell(alert.text)}"
        f"{' (acknowledged)' if alert.acknowledged else ''}"
        for alert in standing
    ] or ["None."]
    lines += ["", "## What happened", "", "| time | who | group | what |", "| --- | --- | --- | --- |"]
    story: list[LogLine] = sorted((*snapshot.log, *scene.notices), key=lambda each: (each.at_ns, each.seq))
    for each in story:
        stamp = clock_text(each.at_ns, millis=True) if each.at_ns else ""
        lines.append(f"| {stamp} | {each.channel} | {each.group_id} | {_cell(each.text)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def text_of(lines: Sequence[Line]) -> str:
    """A panel's text without its frame, for the clipboard."""
    inside = [plain(each)[2:-2].rstrip() for each in lines[1:-1]]
    return "\n".join(inside).strip("\n") + "\n"
