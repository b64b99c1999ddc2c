"""Every action of the console, once: the keys, the footer, the help and the palette are made from this
table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding

from console.glyphs import Glyphs


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do.

    ``name`` is the app's action of that name; ``help`` says what it does in a sentence. ``danger`` is
    ``danger`` where money moves, ``caution`` where trading changes, empty elsewhere. ``writes`` means that
    the core is told something: a read-only session refuses it. ``shown`` puts it into the footer.
    """

    name: str
    key: str
    label: str
    help: str
    danger: str = ""
    writes: bool = False
    shown: bool = True
    also: tuple[str, ...] = ()


ACTIONS: tuple[Action, ...] = (
    Action(
        "flatten",
        "f9",
        "Flatten",
        "Close the selected group, or all, shorts first. Asks for the group's number or ALL, then Enter.",
        danger="danger",
        writes=True,
    ),
    Action(
        "kill_switch",
        "K",
        "Kill switch",
        "Stop all new risk until a person resets it. Asks for KILL; when it is on, for RESET and a reason.",
        danger="caution",
        writes=True,
    ),
    Action("move(-1)", "up", "Up", "Select the group, alert or log line above.", shown=False, also=("k",)),
    Action("move(1)", "down", "Down", "Select the group, alert or log line below.", shown=False, also=("j",)),
    Action("page(-1)", "pageup", "Page up", "Move a page up in the panel.", shown=False),
    Action("page(1)", "pagedown", "Page down", "Move a page down in the panel.", shown=False),
    Action(
        "home", "home", "First", "Go to the first line: the worst group, the newest log line.", shown=False
    ),
    Action("next_panel", "tab", "Panel", "Let the arrow keys move in the next panel: groups, alerts, log."),
    Action("acknowledge", "a", "Acknowledge", "Say that you have seen the selected alert.", writes=True),
    Action("mute", "m", "Mute", "Silence the bell for critical alerts, or let it ring again.", shown=False),
    Action("theme", "t", "Theme", "Change to the next theme that this kind of session may wear."),
    Action("leave", "q", "Quit", "Leave; asks first while anything is not flat.", also=("ctrl+c",)),
    Action("help", "question_mark", "Help", "Show every key and what it does."),
)

BY_NAME: Mapping[str, Action] = {action.name: action for action in ACTIONS}

KEY_NAMES = {
    "question_mark": "?",
    "f9": "F9",
    "up": "Up",
    "down": "Down",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "tab": "Tab",
    "escape": "Esc",
    "ctrl+c": "Ctrl-C",
}


def shown_key(key: str, glyphs: Glyphs) -> str:
    """The key as it stands on a keyboard."""
    return glyphs.enter if key == "enter" else KEY_NAMES.get(key, key)


def bindings(remapped: Mapping[str, str] | None = None) -> list[Binding]:
    """The key bindings; ``remapped`` gives another key to an action by its name."""
    keys = remapped or {}
    return [
        Binding(
            ",".join((keys.get(action.name, action.key), *action.also)),
            action.name,
            action.label,
            show=False,
            id=action.name,
        )
        for action in ACTIONS
    ]
