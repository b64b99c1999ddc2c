"""What time it is at a simulated exchange, for a client that keeps the same time on a clock of its own."""

from __future__ import annotations

import time

import httpx

from core.engine.system_clock import SystemClock

HEADER = "X-Hedgerow-Market-Ns"
"""Market time of the answer, in nanoseconds since the epoch. No real broker sends it."""
_TRIES = 5
_TIMEOUT_S = 5.0


def clock_of(rest_root: str, speed: float) -> SystemClock:
    """A clock that shows the exchange's time; the machine's own where the answers are not dated.

    Raises ``OSError`` where nobody answers.
    """
    return simulated_clock(rest_root, speed) or SystemClock(speed=speed)


def simulated_clock(rest_root: str, speed: float) -> SystemClock | None:
    """The time at a simulated exchange, ``None`` where the answers are not dated: that is a real one.

    The quickest of a few answers counts, as of half-way between question and answer. Raises ``OSError``
    where nobody answers.
    """
    found: tuple[float, SystemClock] | None = None
    try:
        with httpx.Client(timeout=_TIMEOUT_S) as http:
            for _ in range(_TRIES):
                asked_s = time.monotonic()
                dated = http.get(f"{rest_root}/").headers.get(HEADER, "")
                took_s = time.monotonic() - asked_s
                if not dated.isdigit():
                    return None
                if found is None or took_s < found[0]:
                    found = took_s, SystemClock(int(dated) + int(took_s / 2 * speed * 1e9), speed)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(f"{rest_root} does not answer ({type(error).__name__})") from error
    return found[1] if found is not None else None
