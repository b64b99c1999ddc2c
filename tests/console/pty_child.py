"""A process with a ticking core and a console over it, for the tests that take its terminal away.

``python -m tests.console.pty_child REPORT SECONDS [CRASH_AT [WHERE]]``: the core ticks every 10 ms for so
many seconds whatever becomes of the screen; then the report is written. WHERE names what breaks: ``timer``,
``render`` or ``handler``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from console.app import HedgerowApp
from console.host import run_console
from console.options import ConsoleOptions
from console.panels.delta import DeltaPanel
from console.screens.main import MainScreen
from console.widgets.framed import LinePainter
from tests.console.moving import MovingService

TICK_S = 0.01


class Ticker:
    """A core that only keeps time: what it could not do while the loop was held is the gap."""

    def __init__(self) -> None:
        self.service = MovingService(10)
        self.painted = 0
        self.gone = 0
        self.ticks = 0
        self.max_gap_ms = 0.0
        self.max_gap_at_s = 0.0
        self.max_busy_ms = 0.0
        """The most processor time between two ticks: a gap that other programs on the machine do not make."""
        self._last_s = 0.0
        self._busy_s = 0.0

    async def run(self, seconds: float) -> None:
        """Tick on absolute deadlines."""
        start = self._last_s = time.monotonic()
        next_s = start
        while time.monotonic() - start < seconds:
            next_s += TICK_S
            await asyncio.sleep(max(0.0, next_s - time.monotonic()))
            now = time.monotonic()
            if self.painted and now - self._last_s > self.max_gap_ms / 1_000:
                self.max_gap_ms, self.max_gap_at_s = (now - self._last_s) * 1_000, now - start
            self._last_s = now
            busy = time.thread_time()
            if self.painted:
                self.max_busy_ms = max(self.max_busy_ms, (busy - self._busy_s) * 1_000)
            self._busy_s = busy
            self.ticks += 1
            if self.ticks % 10 == 0:
                self.service.step()

    def on_painted(self) -> None:
        """A screen stands: what it took to start is not the terminal's doing."""
        self._last_s, self._busy_s = time.monotonic(), time.thread_time()
        self.painted += 1

    def on_gone(self) -> None:
        """A screen has ended."""
        self.gone += 1


async def main(seconds: float, crash_at_s: float, where: str) -> dict[str, object]:
    """Run core and console; what to report when the core has come to its end."""
    ticker = Ticker()
    core = asyncio.create_task(ticker.run(seconds))
    leave = asyncio.Event()
    core.add_done_callback(lambda _: leave.set())
    if crash_at_s:
        asyncio.get_running_loop().call_later(crash_at_s, BREAKING[where])
    options = ConsoleOptions(theme_folders=(), keys_file=None)
    end = await run_console(
        ticker.service, core, options, leave=leave, on_painted=ticker.on_painted, on_gone=ticker.on_gone
    )
    left_after_ticks = ticker.ticks
    await core
    return {
        "end": end.value,
        "painted": ticker.painted,
        "gone": ticker.gone,
        "ticks": ticker.ticks,
        "ticks_when_screen_ended": left_after_ticks,
        "max_gap_ms": ticker.max_gap_ms,
        "max_gap_at_s": ticker.max_gap_at_s,
        "max_busy_ms": ticker.max_busy_ms,
    }


def break_once(owner: type, name: str) -> None:
    """The next time somebody calls this method it raises; after that it is as it was."""
    whole = getattr(owner, name)

    def broken(*arguments: object) -> object:
        setattr(owner, name, whole)
        raise RuntimeError("a widget is broken")

    setattr(owner, name, broken)


BREAKING = {
    "timer": lambda: break_once(HedgerowApp, "_take_snapshot"),
    "render": lambda: break_once(LinePainter, "render_line"),
    "handler": lambda: break_once(MainScreen, "on_key"),
    "panel": lambda: break_once(DeltaPanel, "content"),
}
"""What can break, by the names that the command line has for it."""


if __name__ == "__main__":
    at_s = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    told = asyncio.run(main(float(sys.argv[2]), at_s, sys.argv[4] if len(sys.argv) > 4 else "timer"))
    Path(sys.argv[1]).write_text(json.dumps(told), encoding="utf-8")
