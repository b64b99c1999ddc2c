"""How a console is to behave: chosen on the command line, or by a test that wants its own clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs
from textual import events

from console.transport import Transport


def pressed_at_ns(event: events.Key) -> int:
    """When a key was read from the terminal, in monotonic nanoseconds."""
    return int(event.time * 1e9)


JournalTail = Callable[[int], Sequence[Mapping[str, object]]]
"""Gives so many of the journal's last rows, oldest first; called in a thread."""


def user_keys_file() -> Path:
    """Where a person's own keys are looked for."""
    return platformdirs.user_config_path("hedgerow") / "keys.toml"


def user_incidents_folder() -> Path:
    """Where incident bundles go unless somebody says otherwise."""
    return platformdirs.user_data_path("hedgerow") / "incidents"


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
    keys_file: Path | None = field(default_factory=user_keys_file)
    """Where a person's own keys are; ``None`` for none."""
    incidents_folder: Path = field(default_factory=user_incidents_folder)
    """Where incident bundles are written."""
    journal_tail: JournalTail | None = None
    """Gives the journal's last rows, for a bundle."""
    transport: Transport | None = None
    """Moves the replay that is watched; ``None`` in a session."""
    live_updates: bool = True
    """Whether the console polls by itself; a test that paints by hand switches it off."""
