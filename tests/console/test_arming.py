"""The two steps of a dangerous key, without a screen."""

from __future__ import annotations

import pytest

from console.arming import Arming, Press

MS = 1_000_000
START = 10_000 * MS


def armed(word: str = "14") -> Arming:
    machine = Arming(lambda typed: typed == word, START)
    machine.painted(START)
    return machine


def type_in(machine: Arming, text: str, at_ns: int = START) -> int:
    for letter in text:
        at_ns += 100 * MS
        machine.press(letter, letter, at_ns, at_ns)
    return at_ns


def test_the_word_and_enter_confirm_once() -> None:
    machine = armed()
    at = type_in(machine, "14") + 100 * MS
    assert machine.press("enter", "\r", at, at) is Press.CONFIRMED
    assert machine.press("enter", "\r", at + 500 * MS, at + 500 * MS) is Press.IGNORED


def test_enter_on_nothing_cancels() -> None:
    machine = armed()
    assert machine.press("enter", "\r", START + MS, START + MS) is Press.CANCELLED


def test_escape_cancels_even_a_right_word() -> None:
    machine = armed()
    at = type_in(machine, "14") + 100 * MS
    assert machine.press("escape", None, at, at) is Press.CANCELLED
    assert machine.press("enter", "\r", at + 100 * MS, at + 100 * MS) is Press.IGNORED


def test_a_wrong_word_sends_nothing_and_may_be_typed_again() -> None:
    machine = armed()
    at = type_in(machine, "15") + 100 * MS
    assert machine.press("enter", "\r", at, at) is Press.WRONG
    assert machine.typed == ""
    assert "15" in machine.complaint
    at = type_in(machine, "14", at) + 100 * MS
    assert machine.press("enter", "\r", at, at) is Press.CONFIRMED


def test_keys_pressed_before_it_was_painted_are_dropped() -> None:
    machine = Arming(lambda typed: True, START)
    assert machine.press("1", "1", START + 10 * MS, START + 10 * MS) is Press.IGNORED
    machine.painted(START + 50 * MS)
    assert machine.press("1", "1", START + 40 * MS, START + 60 * MS) is Press.IGNORED
    assert machine.press("4", "4", START + 60 * MS, START + 60 * MS) is Press.TYPED
    assert machine.typed == "4"


def test_a_key_that_is_held_down_counts_once() -> None:
    machine = armed("1111")
    at = START
    for _ in range(4):
        at += 33 * MS
        machine.press("1", "1", at, at)
    assert machine.typed == "1"


def test_a_key_struck_twice_by_a_person_counts_twice() -> None:
    machine = armed("11")
    type_in(machine, "11")
    assert machine.typed == "11"


@pytest.mark.parametrize(("typed", "limit_ms"), [("", 5_000), ("1", 15_000)])
def test_it_disarms_when_the_time_is_over(typed: str, limit_ms: int) -> None:
    machine = armed()
    type_in(machine, typed)
    assert not machine.expire(START + (limit_ms - 1) * MS)
    late = START + limit_ms * MS
    assert machine.press("enter", "\r", late, late) is Press.EXPIRED
    assert machine.press("1", "1", late + MS, late + MS) is Press.IGNORED


def test_a_word_typed_too_long_ago_cannot_be_confirmed() -> None:
    machine = armed()
    type_in(machine, "14")
    late = START + 15_001 * MS
    assert machine.press("enter", "\r", late, late) is Press.EXPIRED


def test_time_counts_from_when_a_person_could_see_it() -> None:
    machine = Arming(lambda typed: True, START)
    machine.painted(START + 3_000 * MS)
    assert machine.left_ns(START + 3_000 * MS) == 5_000 * MS
    machine.painted(START + 4_000 * MS)
    assert machine.left_ns(START + 4_000 * MS) == 4_000 * MS


def test_it_disarms_even_if_it_was_never_painted() -> None:
    machine = Arming(lambda typed: True, START)
    assert machine.expire(START + 5_000 * MS)
    machine.painted(START + 5_001 * MS)
    assert machine.press("1", "1", START + 6_000 * MS, START + 6_000 * MS) is Press.IGNORED


def test_backspace_takes_one_back_and_control_characters_are_not_typed() -> None:
    machine = armed()
    at = type_in(machine, "19")
    machine.press("backspace", "\x7f", at + 100 * MS, at + 100 * MS)
    machine.press("ctrl+a", "\x01", at + 200 * MS, at + 200 * MS)
    assert machine.typed == "1"
