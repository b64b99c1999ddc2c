"""A process with a ticking core and a console over it, for the tests that take its terminal away.

``python -m tests.console.pty_child REPORT [WHERE]``: the core ticks every 10 ms whatever becomes of the
screen. SIGUSR1 breaks something, WHERE says what: ``timer``, ``render``, ``handler`` or ``panel``. SIGUSR2
ends the core a second's ticks later; then the report is written. A file beside the report says how many
screens have been painted, and how many have ended.
"""

from __future__ import annotations

import asyncio
import json
import signal
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
TICKS_AFTER_END = 100
LONGEST_S = 180.0
"""A core that nobody ends must not outlive its test."""


class Ticker:
    """A core that only keeps time: what it could not do while the loop was held is the gap."""

    def __init__(self, marker: Path) -> None:
        self.service = MovingService(10)
        self.painted = 0
        self.gone = 0
        self.ticks = 0
        self.max_gap_ms = 0.0
        """The longest time between two ticks since the first picture, in which the machine let this thread
        run: what it waited for a processor that others had is nobody's doing here.
        """
        self.max_wall_ms = 0.0
        self._marker = marker
        self._ticks_left: int | None = None
        self._last_s = self._waited_s = 0.0

    async def run(self) -> None:
        """Tick on absolute deadlines, until it was told to end and has ticked on for a while."""
        start = next_s = time.monotonic()
        while self._ticks_left != 0 and time.monotonic() - start < LONGEST_S:
            next_s = max(next_s + TICK_S, time.monotonic() - TICK_S)
            await asyncio.sleep(max(0.0, next_s - time.monotonic()))
            now, waited = time.monotonic(), waited_for_a_processor_s()
            if self.painted:
                wall = now - self._last_s
                self.max_wall_ms = max(self.max_wall_ms, wall * 1_000)
                self.max_gap_ms = max(self.max_gap_ms, (wall - (waited - self._waited_s)) * 1_000)
            self._last_s, self._waited_s = now, waited
            self.ticks += 1
            if self._ticks_left is not None:
                self._ticks_left -= 1
            if self.ticks % 10 == 0:
                self.service.step()

    def end(self) -> None:
        """Come to an end after so many ticks more: a core that is held never does."""
        self._ticks_left = TICKS_AFTER_END

    def on_painted(self) -> None:
        """A screen stands: what it took to start the first is not the terminal's doing."""
        if not self.painted:
            self._last_s, self._waited_s = time.monotonic(), waited_for_a_processor_s()
        self.painted += 1
        self._mark()

    def on_gone(self) -> None:
        """A screen has ended."""
        self.gone += 1
        self._mark()

    def _mark(self) -> None:
        """Let the test know, in one step, how many screens have stood and how many have ended."""
        fresh = self._marker.with_suffix(".new")
        fresh.write_text(f"{self.painted} {self.gone}", encoding="utf-8")
        fresh.replace(self._marker)


def waited_for_a_processor_s() -> float:
    """How long this thread has been ready to run and was not let, since its start; 0 where nobody counts it.

    Source: the second figure of Linux's /proc/thread-self/schedstat (Documentation/scheduler/sched-stats).
    """
    try:
        return int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


async def main(report: Path, where: str) -> dict[str, object]:
    """Run core and console; what to report when the core has come to its end."""
    ticker = Ticker(report.with_suffix(".screens"))
    core = asyncio.create_task(ticker.run())
    leave = asyncio.Event()
    core.add_done_callback(lambda _: leave.set())
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, BREAKING[where])
    loop.add_signal_handler(signal.SIGUSR2, ticker.end)
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
        "max_wall_ms": ticker.max_wall_ms,
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
    report_path = Path(sys.argv[1])
    told = asyncio.run(main(report_path, sys.argv[2] if len(sys.argv) > 2 else "timer"))
    report_path.write_text(json.dumps(told), encoding="utf-8")
