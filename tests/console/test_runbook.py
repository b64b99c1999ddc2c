"""Every alert, state and cause has a page that says what to do, opened at what is selected."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.demo import busy_snapshot
from console.overlays.runbook import markdown_lines
from console.runbook import HEADINGS, pages, pages_for
from console.widgets.line import plain, width_of
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from tests.console.hands import hands_on

CORE = Path(__file__).parents[2] / "core"


def runbook_names() -> Iterator[str]:
    """The runbook of every alert that the core can raise: the fourth argument of the call."""
    for path in sorted(CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in ("alert", "AlertRaised") or len(node.args) < 4:
                continue
            name = node.args[3]
            if isinstance(name, ast.Constant):
                yield str(name.value)
            else:
                assert isinstance(name, ast.Name), f"{path.name}:{node.lineno} has a runbook nobody can check"
                assert name.id == "runbook", f"{path.name}:{node.lineno}"


def wanted() -> set[str]:
    return (
        {f"alert-{name}" for name in runbook_names()}
        | {f"state-{state.value}" for state in ExecutionLifecycle}
        | {f"cause-{cause.value}" for cause in ManualCause}
    )


def test_every_alert_state_and_cause_has_a_page_and_no_page_is_left_over() -> None:
    assert len(set(runbook_names())) > 10
    assert set(pages()) == wanted()


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_page_answers_the_five_questions_in_order(name: str) -> None:
    page = pages()[name]
    assert page.title
    assert tuple(re.findall(r"^## (.+)$", page.text, re.M)) == HEADINGS
    for answer in re.split(r"^## .+$", page.text, flags=re.M)[1:]:
        assert len(answer.split()) >= 1, name


def test_the_pages_about_a_group_in_manual_begin_with_its_cause() -> None:
    busy = busy_snapshot()
    assert pages_for(busy, "G-011")[:2] == ["cause-cancel-unconfirmed", "state-MANUAL"]
    assert pages_for(busy, "G-011", "uncovered:G-011")[0] == "alert-uncovered"
    assert pages_for(busy, "G-013")[0] == "state-OPEN"


def test_no_line_of_a_page_is_wider_than_its_place() -> None:
    for page in pages().values():
        for each in markdown_lines(page.text, 60):
            assert width_of(each) <= 60
            assert "`" not in plain(each)


def test_question_mark_opens_the_page_of_what_is_selected_and_turns_to_the_next() -> None:
    async def story() -> None:
        async with hands_on() as hands:
            await hands.press("question_mark")
            assert "MANUAL because a cancel was never confirmed" in hands.text("runbook")
            await hands.press("right")
            assert "MANUAL: automation has stopped" in hands.text("runbook")
            await hands.press("left", "left")
            assert "further" in hands.text("runbook")
            await hands.press("escape")
            assert hands.app.main.open is None
            await hands.press("tab", "question_mark")
            assert "The broker does not confirm a cancel" in hands.text("runbook")
            await hands.press("escape", "down", "down", "question_mark")
            assert "Short units stand without cover" in hands.text("runbook")

    asyncio.run(story())


def test_a_long_page_scrolls_to_its_end_and_no_further() -> None:
    async def story() -> None:
        async with hands_on(size=(60, 20)) as hands:
            await hands.press("question_mark")
            before = hands.text("runbook")
            await hands.press(*["pagedown"] * 9)
            after = hands.text("runbook")
            assert before != after
            assert "What to press" in after
            assert "below" not in after
            await hands.press("pageup", "pageup", "pageup", "pageup")
            assert hands.text("runbook") == before

    asyncio.run(story())
