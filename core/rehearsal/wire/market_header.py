"""What time it is at a simulated exchange, for a client that keeps the same time on a clock of its own."""

from __future__ import annotations

import math
import time

import httpx

from core.engine.system_clock import SystemClock

HEADER = "X-Hedgerow-Market-Ns"
"""Market time of the answer, in nanoseconds since the epoch. No real broker sends it."""
SPEED_HEADER = "X-Hedgerow-Market-Speed"
"""How many market seconds pass a wall second there."""
_TRIES = 5
_TIMEOUT_S = 5.0


class OtherSpeed(ValueError):
    """The exchange moves at another speed than was asked for; the message has both figures."""

    def __init__(self, rest_root: str, runs: float, believed: float) -> None:
        super().__init__(f"{rest_root} moves {runs:g} market seconds a second, not {believed:g}")
        self.runs = runs


def clock_of(rest_root: str, speed: float) -> SystemClock:
    """A clock that shows the exchange's time; the machine's own where the answers are not dated.

    Raises ``OSError`` where nobody answers, ``OtherSpeed`` where it moves at another.
    """
    return simulated_clock(rest_root, speed) or SystemClock(speed=speed)


def simulated_clock(rest_root: str, speed: float | None = None) -> SystemClock | None:
    """The time at a simulated exchange, ``None`` where the answers are not dated: that is a real one.

    It runs as the exchange says it does; ``speed`` is what the caller believes, if anything. The quickest of
    a few answers counts, as of half-way between question and answer. Raises ``OSError`` where nobody
    answers, ``OtherSpeed`` where the exchange moves at another.
    """
    found: tuple[float, SystemClock] | None = None
    try:
        with httpx.Client(timeout=_TIMEOUT_S) as http:
            for _ in range(_TRIES):
                asked_s = time.monotonic()
                headers = http.get(f"{rest_root}/").headers
                took_s = time.monotonic() - asked_s
                dated = headers.get(HEADER, "")
                if not dated.isdigit():
                    return None
                runs = _speed(headers.get(SPEED_HEADER, ""), rest_root, speed)
                if found is None or took_s < found[0]:
                    found = took_s, SystemClock(int(dated) + int(took_s / 2 * runs * 1e9), runs)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(f"{rest_root} does not answer ({type(error).__name__})") from error
    return found[1] if found is not None else None


def _speed(told: str, rest_root: str, believed: float | None) -> float:
    """What the exchange says of its speed; one that says nothing is taken to run as is believed."""
    try:
        runs = float(told) if told else believed or 1.0
    except ValueError:
        runs = 0.0
    if not 0 < runs < math.inf:
        raise OSError(f"{rest_root} says its speed is {told!r}, which is none")
    if believed is not None and believed != runs:
        raise OtherSpeed(rest_root, runs, believed)
    return runs
