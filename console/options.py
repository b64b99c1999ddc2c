"""How a console is to behave: chosen on the command line, or by a test that wants its own clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from textual import events


def pressed_at_ns(event: events.Key) -> int:
    """When a key was read from the terminal, in monotonic nanoseconds."""
    return int(event.time * 1e9)


def wants_no_colour() -> bool:
    """Whether the terminal's owner asked for no colour (https://no-color.org): ``NO_COLOR`` set and not
    empty.
    """
    return bool(os.environ.get("NO_COLOR"))


@dataclass(frozen=True)
class ConsoleOptions:
    """``by`` names the operator in every command. ``observe`` is a read-only session.

    ``theme`` is a theme's name, the mode's own if ``None``; ``theme_folders`` are searched besides the
    built-in one, the user's if ``None``. ``clock_ns`` and ``key_ns`` tell monotonic time, and when a key was
    pressed.
    """

    by: str = "operator"
    observe: bool = False
    theme: str | None = None
    theme_folders: tuple[Path, ...] | None = None
    plain: bool = False
    """Only ASCII signs."""
    no_colour: bool = field(default_factory=wants_no_colour)
    clock_ns: Callable[[], int] = time.monotonic_ns
    key_ns: Callable[[events.Key], int] = pressed_at_ns
    live_updates: bool = True
    """Whether the console polls by itself; a test that paints by hand switches it off."""
