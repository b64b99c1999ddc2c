"""The machine's own clock, for commands that talk to a broker once and end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from core.domain.timing import NS_PER_S


class WallClock:
    """UTC as the machine has it, made monotonic at its creation."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Nanoseconds since the epoch; never goes back."""
        return time.monotonic_ns() + self._offset_ns

    async def sleep_until(self, deadline_ns: int) -> None:
        """Return once ``now_ns()`` has reached ``deadline_ns``."""
        if (left_ns := deadline_ns - self.now_ns()) > 0:
            # A timer may fire a little early on coarse clocks; a microsecond more costs nothing.
            await asyncio.sleep(left_ns / NS_PER_S + 1e-6)

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> None:
        """Call ``callback`` on the running loop once ``now_ns()`` has reached ``at_ns``."""
        delay_s = max(0, at_ns - self.now_ns()) / NS_PER_S
        asyncio.get_running_loop().call_later(delay_s, callback)
