"""The values that a scenario's keys may have: times with their units, and numbers within their bounds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator

_UNITS_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
_SPAN = re.compile(r"^\s*(\d{1,12}(?:\.\d{1,12})?)\s*(ms|s|min|h)\s*$", re.ASCII)
_DAY_MS = 24 * 3_600_000


def _milliseconds(least_ms: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        match = _SPAN.match(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError("a time with its unit is wanted, such as '500 ms', '8 s' or '2 min'")
        found = round(float(match[1]) * _UNITS_MS[match[2]])
        if not least_ms <= found <= _DAY_MS:
            raise ValueError(f"a time from {least_ms} ms to 24 h is wanted, not {value!r}")
        return found

    return read


Span = Annotated[int, BeforeValidator(_milliseconds(0))]
"""A time in milliseconds, written with its unit; at most a day."""

LastingSpan = Annotated[int, BeforeValidator(_milliseconds(1))]
"""A time that cannot be none."""

StepSpan = Annotated[int, BeforeValidator(_milliseconds(50))]
"""How far apart the market's steps may be: below this nothing is gained, and a run takes for ever."""


def _text(bound: float) -> str:
    return f"{bound:,}" if abs(bound) >= 10_000 else f"{bound:g}"


def _within(least: float, most: float, *, whole: bool) -> Callable[[Any], Any]:
    kind = "a whole number" if whole else "a number"
    types: tuple[type, ...] = (int,) if whole else (int, float)

    def read(value: Any) -> Any:
        is_number = isinstance(value, types) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not least <= value <= most:
            shown = repr(value) if len(repr(value)) <= 40 else "what is written there"
            raise ValueError(f"{kind} from {_text(least)} to {_text(most)} is wanted, not {shown}")
        return value

    return read


def number(least: float, most: float) -> BeforeValidator:
    """A finite number from ``least`` to ``most``, never one written as a text."""
    return BeforeValidator(_within(least, most, whole=False))


def whole(least: int, most: int) -> BeforeValidator:
    """A whole number from ``least`` to ``most``, never one written as a text."""
    return BeforeValidator(_within(least, most, whole=True))
