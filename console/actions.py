"""Every action of the console, once: the keys, the footer, the help and the palette are made from this
table.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding

from console.glyphs import Glyphs


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do.

    ``name`` is the app's action of that name; ``help`` says what it does in a sentence. ``danger`` is
    ``danger`` where money moves, ``caution`` where trading changes, empty elsewhere. ``writes`` means that
    the core is told something: a read-only session refuses it, and a replay does not have it. ``shown`` puts
    it into the footer.
    """

    name: str
    key: str
    label: str
    help: str
    danger: str = ""
    writes: bool = False
    shown: bool = True
    also: tuple[str, ...] = ()
    replay: bool = False
    """Whether it is there only in a replay."""


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
    Action(
        "recover",
        "r",
        "Recover",
        "What is wrong with the selected group, the broker's word beside ours, and every way out.",
        danger="danger",
        writes=True,
    ),
    Action(
        "ticket",
        "n",
        "New",
        "Fill in an order ticket; shows legs, risk and margin before it can be sent.",
        writes=True,
    ),
    Action("group", "enter", "Group", "Everything about the selected group; the same key or Esc goes back."),
    Action(
        "positions",
        "p",
        "Positions",
        "Every position by the broker's word and ours, foreign ones too.",
        shown=False,
    ),
    Action(
        "alerts",
        "A",
        "Alerts",
        "Every alert of the session: what asks, what was seen, what is over.",
        shown=False,
    ),
    Action(
        "health", "H", "Health", "What must live, the order budget, and how fast everything is.", shown=False
    ),
    Action("play", "space", "Play", "Play, or pause.", replay=True),
    Action("step(1)", "full_stop", "Next row", "Go on by one row of the journal.", replay=True),
    Action("step(-1)", "comma", "Last row", "Go back by one row of the journal.", replay=True),
    Action("notable(1)", "greater_than_sign", "Next alert", "Go to the next alert.", replay=True),
    Action("notable(-1)", "less_than_sign", "Last alert", "Go to the last alert before.", replay=True),
    Action("speed(1)", "right_square_bracket", "Faster", "Play faster.", replay=True),
    Action("speed(-1)", "left_square_bracket", "Slower", "Play slower.", replay=True),
    Action("seek", "g", "Go to", "Go to a time, a row, a share of the journal.", replay=True),
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
    Action("filter", "slash", "Filter", "Show only groups and log lines with these words; !word leaves out."),
    Action("sort", "s", "Sort", "Another order of the groups.", shown=False),
    Action("zoom", "plus", "Zoom", "Let the panel that has the arrow keys fill the screen, or shrink again."),
    Action("preset(1)", "1", "All panels", "Arrangement 1: every panel.", shown=False),
    Action("preset(2)", "2", "Trading", "Arrangement 2: groups, legs and meters.", shown=False),
    Action("preset(3)", "3", "Incident", "Arrangement 3: groups, alerts and log.", shown=False),
    Action("preset(4)", "4", "Log", "Arrangement 4: groups above a tall log.", shown=False),
    Action("export", "e", "Export", "Write an incident bundle: picture, snapshot, journal, timeline."),
    Action("copy", "y", "Copy", "Copy the panel that has the arrow keys to the clipboard.", shown=False),
    Action("clear", "escape", "Back", "Close the page; then take filter and zoom away.", shown=False),
    Action("theme", "t", "Theme", "Change to the next theme. Waits while a group is legging.", shown=False),
    Action(
        "palette",
        "colon",
        "Palette",
        "Find everything that can be done by typing a part of its name. Waits while a group is legging.",
    ),
    Action("leave", "q", "Quit", "Leave; asks first while anything is not flat.", also=("ctrl+c",)),
    Action(
        "help", "h", "Keys", "Show every key and what it does. Waits while a group is legging.", also=("f1",)
    ),
    Action("runbook", "question_mark", "Runbook", "What to do about the selected group or alert."),
)

BY_NAME: Mapping[str, Action] = {action.name: action for action in ACTIONS}


def offered(*, replay: bool) -> tuple[Action, ...]:
    """What there is in a session; in a replay its own keys first, and nothing that would tell the core."""
    if not replay:
        return tuple(action for action in ACTIONS if not action.replay)
    there = (action for action in ACTIONS if not action.writes)
    return tuple(sorted(there, key=lambda action: not action.replay))


KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "colon": ":",
    "space": "Space",
    "full_stop": ".",
    "comma": ",",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
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
    return glyphs.enter if key == "enter" else KEY_NAMES.get(key, _plain_name(key))


def _plain_name(key: str) -> str:
    """A key that a person has chosen: ``f8`` is F8, ``ctrl+t`` is Ctrl-T, ``exclamation_mark`` is !."""
    if key.startswith("ctrl+"):
        return f"Ctrl-{key.removeprefix('ctrl+').upper()}"
    if key.startswith("f") and key[1:].isdigit():
        return key.upper()
    return _unicode_name(key)


def _unicode_name(key: str) -> str:
    try:
        return unicodedata.lookup(key.replace("_", " ").upper()) if "_" in key else key
    except KeyError:
        return key


def bindings() -> list[Binding]:
    """The key bindings, each with the action's name as its id: a person's own keys are laid over them."""
    return [
        Binding(",".join((action.key, *action.also)), action.name, action.label, show=False, id=action.name)
        for action in ACTIONS
    ]
