"""Kite's request limits that are the adapter's to keep.

Orders are counted by the core's own budget; here they only wait out a refusal for being too many. Quotes have
one request a second, everything else ten (kite.trade/docs/connect/v3/exceptions).
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum

from core.domain.timing import NS_PER_S, Clock


class RequestClass(Enum):
    """A family of requests with a limit of its own."""

    ORDER = "orders"
    QUOTE = "quotes"
    OTHER = "other"


PER_SECOND: dict[RequestClass, int | None] = {
    RequestClass.ORDER: None,
    RequestClass.QUOTE: 1,
    RequestClass.OTHER: 10,
}
"""How many may start in any one second; ``None`` where somebody else counts."""


BACK_OFF_NS = (1 * NS_PER_S, 2 * NS_PER_S, 4 * NS_PER_S, 8 * NS_PER_S)
"""The pause after the first, second... refusal in a row; the last one from then on."""


class Turnstile:
    """Lets the requests of one class through no faster than its limit, and not at all during a back-off."""

    def __init__(self, clock: Clock, request_class: RequestClass) -> None:
        self._clock = clock
        self._limit = PER_SECOND[request_class]
        self._backs_off = request_class is not RequestClass.ORDER
        self._recent: deque[int] = deque()
        self._closed_until_ns = 0
        self._refusals = 0
        self._queue = asyncio.Lock()

    async def pass_through(self) -> None:
        """Return when the next request may start; first come, first served."""
        async with self._queue:
            while (opens_ns := self._opens_ns()) > self._clock.now_ns():
                await self._clock.sleep_until(opens_ns)
            if self._limit is not None:
                self._recent.append(self._clock.now_ns())

    def refused(self) -> None:
        """The broker said "too many requests". Orders wait a second and no longer: an exit must go out."""
        step = min(self._refusals, len(BACK_OFF_NS) - 1) if self._backs_off else 0
        self._refusals += 1
        self._closed_until_ns = self._clock.now_ns() + BACK_OFF_NS[step]

    def answered(self) -> None:
        """The broker answered otherwise: refusals are no longer in a row."""
        self._refusals = 0

    def _opens_ns(self) -> int:
        if self._limit is None:
            return self._closed_until_ns
        horizon = self._clock.now_ns() - NS_PER_S
        while self._recent and self._recent[0] <= horizon:
            self._recent.popleft()
        full = len(self._recent) >= self._limit
        return max(self._closed_until_ns, self._recent[0] + NS_PER_S if full else 0)
