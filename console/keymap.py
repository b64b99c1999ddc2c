"""The keys a person has chosen: ``keys.toml`` in the configuration folder, checked against the actions.

::

    [keys]
    theme = "T"
    flatten = "f8"

The left side is an action's name as the help's ``hedgerow`` table lists it, the right side a key. A line that
cannot be used is skipped and reported in a sentence; the action keeps its own key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from textual.keys import Keys, _character_to_key

from console.actions import Action

NAMED = frozenset(key.value for key in Keys)
RESERVED = frozenset({"escape", "enter", "tab", "backspace"})
"""Keys that every overlay gives its own meaning to."""
MODIFIERS = ("ctrl+", "alt+")


@dataclass(frozen=True, slots=True)
class Keymap:
    """Keys by action name, and a sentence for each line that could not be used."""

    keys: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def action_id(action: Action) -> str:
    """The name that a settings file has for an action: ``move(-1)`` is ``move-1``, ``move(1)`` ``move+1``."""
    name, _, argument = action.name.partition("(")
    argument = argument.rstrip(")").strip("'\"")
    sign = "" if not argument or argument.startswith("-") else "+"
    return f"{name}{sign}{argument}"


def read_keymap(path: Path | None, actions: Sequence[Action]) -> Keymap:
    """The keys of a file; none where there is no file."""
    if path is None or not path.is_file():
        return Keymap()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return Keymap(problems=(f"{path.name} cannot be read ({error}); every action keeps its own key.",))
    wishes = table.get("keys", {})
    if not isinstance(wishes, dict) or set(table) - {"keys"}:
        return Keymap(problems=(f"{path.name} must have one table, [keys], and no other; it was skipped.",))
    return _checked(wishes, {action_id(action): action for action in actions}, path.name)


def _checked(wishes: Mapping[str, object], actions: Mapping[str, Action], name: str) -> Keymap:
    chosen: dict[str, str] = {}
    problems: list[str] = []
    for wish, value in wishes.items():
        problem = _problem(wish, value, actions)
        if problem:
            problems.append(f"{name}: {problem}; it was skipped.")
        else:
            chosen[actions[wish].name] = textual_key(str(value))
    while clash := _clash(chosen, actions):
        first, second = clash
        given_up = second if second in chosen else first
        problems.append(
            f"{name}: {chosen[given_up]!r} would be the key of {first} and of {second}; "
            f"{given_up} keeps its own."
        )
        del chosen[given_up]
    return Keymap(MappingProxyType(chosen), tuple(problems))


def _problem(wish: str, value: object, actions: Mapping[str, Action]) -> str:
    """What is wrong with one line; empty where nothing is."""
    action = actions.get(wish)
    if action is None:
        return f"there is no action {wish!r}; the known ones are {', '.join(actions)}"
    if not isinstance(value, str) or not is_key(value):
        return f"{wish} = {value!r} is no key; write a character, or a name such as f8 or ctrl+t"
    if textual_key(value) in RESERVED:
        return f"{wish} = {value!r} has a meaning of its own in every overlay"
    if action.danger and len(value) == 1 and not value.isupper():
        return f"{wish} moves money: give it a function key, a capital or a combination, not {value!r}"
    return ""


def _clash(chosen: Mapping[str, str], actions: Mapping[str, Action]) -> tuple[str, str] | None:
    """Two actions that would have the same key."""
    taken: dict[str, str] = {}
    for action in actions.values():
        for key in (chosen.get(action.name, action.key), *action.also):
            if key in taken:
                return taken[key], action.name
            taken[key] = action.name
    return None


def is_key(text: str) -> bool:
    """Whether a terminal can send this: one printable character, or a key's name with its modifiers."""
    if len(text) == 1:
        return text.isprintable() and not text.isspace()
    base = text
    for modifier in MODIFIERS:
        base = base.removeprefix(modifier)
    return text in NAMED or base in NAMED or (base != text and len(base) == 1 and base.isalnum())


def textual_key(text: str) -> str:
    """The key as Textual names it: ``/`` is ``slash``."""
    return _character_to_key(text) if len(text) == 1 else text


def remapped(actions: Sequence[Action], keymap: Keymap) -> tuple[Action, ...]:
    """The actions with the keys that a person has chosen."""
    return tuple(
        replace(action, key=keymap.keys[action.name]) if action.name in keymap.keys else action
        for action in actions
    )


def textual_keymap(actions: Sequence[Action], keymap: Keymap) -> dict[str, str]:
    """The changed bindings as Textual's ``set_keymap`` takes them."""
    return {
        action.name: ",".join((action.key, *action.also))
        for action in remapped(actions, keymap)
        if action.name in keymap.keys
    }
