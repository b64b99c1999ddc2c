"""A clock that stands until the market starts: client and exchange make ready at the same instant."""

from __future__ import annotations

import time

from core.engine.system_clock import SystemClock


class HeldClock(SystemClock):
    """Shows one instant until ``begin``; whatever is asked for later waits."""

    def __init__(self, at_ns: int, speed: float) -> None:
        super().__init__(at_ns, speed)
        self._held_ns: int | None = at_ns

    def now_ns(self) -> int:
        """See ``Clock``."""
        return super().now_ns() if self._held_ns is None else self._held_ns

    def begin(self, at_ns: int) -> None:
        """Run from this instant."""
        self._mono_ns = time.monotonic_ns()
        self._anchor_ns = max(at_ns, self._held_ns or 0)
        self._held_ns = None
        self._set_timer()

    def _set_timer(self) -> None:
        if self._held_ns is None:
            super()._set_timer()
