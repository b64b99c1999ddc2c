"""What the import contracts cannot say: who may send an order, and what a decision may call."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]
SENDING = {"place", "modify"}
IMPURE = {"open", "print", "input", "exec", "eval", "__import__"}


def modules(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    for room in rooms:
        for path in sorted((PROJECT / room).rglob("*.py")):
            yield path.relative_to(PROJECT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[ast.expr]:
    return (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_only_the_coordinator_calls_the_port_that_sends_orders() -> None:
    senders = {
        name
        for name, tree in modules(
            "core/engine", "core/policy", "core/risk", "core/journal", "core/strategies"
        )
        for called in calls(tree)
        if isinstance(called, ast.Attribute) and called.attr in SENDING
    }
    assert senders == {"core/engine/coordinator.py"}


def test_of_the_core_only_the_coordinator_and_who_hands_it_over_name_the_sending_port() -> None:
    naming = {
        name
        for name, tree in modules("core/engine", "core/policy", "core/domain", "core/risk", "core/journal")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and any(alias.name == "OrderPort" for alias in node.names)
    }
    assert naming == {
        "core/engine/coordinator.py",
        "core/engine/engine.py",
        "core/engine/flatten.py",
    }


def test_no_decision_opens_prints_or_asks() -> None:
    impure = [
        f"{name}:{called.lineno} {called.id}"
        for name, tree in modules("core/domain", "core/policy", "core/risk")
        for called in calls(tree)
        if isinstance(called, ast.Name) and called.id in IMPURE
    ]
    assert impure == []


def test_the_command_line_starts_without_loading_the_screen() -> None:
    program = (
        "import sys, console.cli; sys.exit(any(name.split('.')[0] == 'textual' for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True, timeout=60)
