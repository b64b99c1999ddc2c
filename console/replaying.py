"""The half of the app's actions that only a replay has: play, step, speed, seek."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.options import ConsoleOptions
from console.overlays.overlay import Overlay
from console.screens.main import MainScreen


class Replaying:
    """Mixed into the app, which has the rest. Without a transport in the options nothing here is offered."""

    options: ConsoleOptions
    main: MainScreen

    if TYPE_CHECKING:

        @property
        def now_ns(self) -> int: ...

        def notice(self, text: str, tone: str = "info") -> None: ...

        def repaint_all(self) -> None: ...

        def open_overlay(self, overlay: Overlay) -> None: ...

        def close_overlay(self) -> None: ...

    def wire_replay(self) -> None:
        """Show the transport bar, and let the overlay that asks for a place answer here."""
        transport = self.options.transport
        self.main.seek.closed = self.close_overlay
        if transport is not None:
            self.main.seek.go = transport.seek
            self.main.add_class("replay")
            for page in self.main.pages:
                page.below = 1

    def tick_replay(self) -> None:
        """Let market time pass."""
        transport = self.options.transport
        if transport is not None:
            transport.tick(self.now_ns)
            self.main.transport.paint(transport)

    def action_play(self) -> None:
        """Play or pause."""
        if self.options.transport is not None:
            self.options.transport.play_or_pause(self.now_ns)
            self._moved()

    def action_step(self, rows: int) -> None:
        """A row on or back."""
        if self.options.transport is not None:
            self.options.transport.step(rows)
            self._moved()

    def action_notable(self, step: int) -> None:
        """The next or the last row that somebody had to know of."""
        if self.options.transport is not None:
            problem = self.options.transport.notable(step)
            if problem:
                self.notice(problem)
            self._moved()

    def action_speed(self, steps: int) -> None:
        """Faster or slower."""
        if self.options.transport is not None:
            self.options.transport.faster(steps)
            self._moved()

    def action_seek(self) -> None:
        """Ask for a place."""
        if self.options.transport is not None:
            self.open_overlay(self.main.seek)

    def _moved(self) -> None:
        if self.options.transport is not None:
            self.main.transport.paint(self.options.transport)
        self.repaint_all()
