"""How many orders may leave in a second, a minute and a day, and that entries leave some to others."""

from __future__ import annotations

from dataclasses import replace

from core.domain.orders import Lane
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S
from core.rehearsal.invariants.pace import Pace

SETTINGS = ExecutionSettings()
OPEN_NS = 1_756_439_100 * NS_PER_S  # 29 August 2025, 9:15 in India


def sends(count: int, every_ns: int, lane: Lane, settings: ExecutionSettings = SETTINGS) -> list[str]:
    pace = Pace()
    return [text for n in range(count) for text in pace.sent(OPEN_NS + n * every_ns, lane, settings)]


def test_ten_in_a_second_may_leave_and_no_eleventh() -> None:
    assert sends(10, 1, Lane.EXIT) == []
    assert sends(11, 1, Lane.EXIT) == ["11 sends in one second, 10 allowed"]


def test_entries_leave_two_of_a_second_and_never_take_its_last() -> None:
    assert sends(8, 1, Lane.ENTRY) == []
    assert len(sends(9, 1, Lane.ENTRY)) == 1
    pace = Pace()
    for n in range(9):
        assert list(pace.sent(OPEN_NS + n, Lane.EXIT, SETTINGS)) == []
    assert len(list(pace.sent(OPEN_NS + 9, Lane.ENTRY, SETTINGS))) == 1


def test_a_minute_and_a_day_have_their_own_limits() -> None:
    tenth = NS_PER_S // 10
    assert sends(400, tenth, Lane.EXIT) == []
    assert sends(401, tenth, Lane.EXIT) == ["401 sends in one minute, 400 allowed"]
    assert sends(5_000, 2 * NS_PER_S, Lane.EXIT) == []
    assert len(sends(5_200, 2 * NS_PER_S, Lane.EXIT)) == 200


def test_a_tenth_of_the_day_is_kept_from_entries() -> None:
    small = replace(SETTINGS, orders_per_day=50)
    assert sends(45, 2 * NS_PER_S, Lane.ENTRY, small) == []
    assert len(sends(46, 2 * NS_PER_S, Lane.ENTRY, small)) == 1
