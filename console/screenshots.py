"""The pictures that the README shows, made from the demo's snapshots: the same on every machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textual import events

from console.app import HedgerowApp
from console.demo import DemoService, busy_snapshot, calm_snapshot
from console.options import ConsoleOptions
from core.engine.snapshot import Snapshot

WIDE, MIDDLE, SMALLEST = (160, 50), (120, 40), (100, 30)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its file's name, what is on the screen, and the keys pressed before it is taken."""

    name: str
    snapshot: Callable[[], Snapshot]
    size: tuple[int, int] = WIDE
    theme: str | None = None
    keys: tuple[str, ...] = ()


PICTURES = (
    Picture("main-paper", busy_snapshot, keys=("down",)),
    Picture("main-live", lambda: busy_snapshot("LIVE"), keys=("down",)),
    Picture("main-calm", calm_snapshot),
    Picture("main-light", busy_snapshot, theme="light", keys=("down",)),
    Picture("main-contrast", busy_snapshot, theme="contrast", keys=("down",)),
    Picture("main-colourblind", busy_snapshot, theme="colourblind", keys=("down",)),
    Picture("main-sixteen", busy_snapshot, theme="sixteen", keys=("down",)),
    Picture("main-120x40", busy_snapshot, MIDDLE, keys=("down",)),
    Picture("main-100x30", busy_snapshot, SMALLEST),
    Picture("runbook", busy_snapshot, MIDDLE, keys=("tab", "question_mark")),
    Picture("palette", calm_snapshot, MIDDLE, keys=("colon", "f", "l")),
    Picture("help", calm_snapshot, keys=("h",)),
    Picture("group", busy_snapshot, keys=("down", "enter")),
    Picture("ticket", busy_snapshot, keys=("n", "enter", "S", "E")),
    Picture("recover", busy_snapshot, keys=("r", "u", "enter", "0")),
    Picture("positions", busy_snapshot, keys=("p",)),
    Picture("alerts", busy_snapshot, keys=("A", "down")),
    Picture("health", busy_snapshot, keys=("H",)),
    Picture("flatten", busy_snapshot, keys=("down", "f9", "0", "1")),
    Picture("kill-switch", busy_snapshot, MIDDLE, keys=("K", "K", "I")),
    Picture("flatten-all", lambda: busy_snapshot("LIVE"), keys=("f9", "A", "L")),
)


class _Clock:
    """A clock that only keys move, so that a countdown looks the same each time."""

    def __init__(self) -> None:
        self._at_ns = 1_000_000_000_000

    def now_ns(self) -> int:
        return self._at_ns

    def key_ns(self, event: events.Key) -> int:
        self._at_ns += 150_000_000
        return self._at_ns


def make(folder: Path) -> list[Path]:
    """Write every picture into ``folder`` as SVG and return the files; raises ``OSError`` where it cannot."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    for picture in PICTURES:
        path = folder / f"{picture.name}.svg"
        path.write_text(asyncio.run(_taken(picture)), encoding="utf-8")
        made.append(path)
    return made


async def _taken(picture: Picture) -> str:
    """One picture, as SVG."""
    clock = _Clock()
    options = ConsoleOptions(
        by="screenshots",
        theme=picture.theme,
        theme_folders=(),
        keys_file=None,
        no_colour=False,
        clock_ns=clock.now_ns,
        key_ns=clock.key_ns,
        live_updates=False,
    )
    app = HedgerowApp(DemoService(picture.snapshot()), options)
    async with app.run_test(size=picture.size) as pilot:
        await pilot.pause()
        for key in picture.keys:
            await pilot.press(key)
            await pilot.pause()
        return app.export_screenshot(title="hedgerow")
