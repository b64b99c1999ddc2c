"""Holidays and special sessions."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest

from core.domain.timing import to_ist
from core.market.errors import MarketDataError
from core.market.sessions import load_calendar

BOUNDS = "known_from = 2026-01-01\nknown_to = 2026-12-31\n"


def hours(day: date) -> tuple[time, time] | None:
    session = load_calendar().session(day)
    return None if session is None else (to_ist(session.opens_ns).time(), to_ist(session.closes_ns).time())


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2025, 2, 1), (time(9, 15), time(15, 30))),
        (date(2025, 10, 21), (time(13, 45), time(14, 45))),
        (date(2026, 2, 1), (time(9, 15), time(15, 30))),
        (date(2026, 7, 31), (time(9, 15), time(15, 30))),
        (date(2026, 8, 3), (time(9, 15), time(15, 40))),
        (date(2026, 1, 26), None),
        (date(2025, 8, 27), None),
        (date(2026, 8, 15), None),
    ],
)
def test_the_days_of_2025_and_2026_have_their_hours(day: date, expected: tuple[time, time] | None) -> None:
    assert hours(day) == expected


def test_the_calendar_says_how_far_it_reaches() -> None:
    calendar = load_calendar()
    assert calendar.covers(date(2026, 12, 31))
    assert not calendar.covers(date(2027, 1, 1))


def test_holidays_of_the_file_are_weekdays() -> None:
    assert all(day.weekday() < 5 for day in load_calendar().holidays)


def test_a_users_own_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sessions.toml"
    path.write_text(
        BOUNDS
        + '[holidays]\n2026-08-17 = "A day off"\n'
        + '[special.2026-11-08]\nname = "Muhurat"\nopens = 18:00:00\ncloses = 19:00:00\n'
    )
    calendar = load_calendar(path)
    assert calendar.session(date(2026, 8, 17)) is None
    assert calendar.session(date(2026, 11, 8)) is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[holidays", "not valid TOML"),
        ("[holidays]\n", "known_from must be a day"),
        ('known_from = 2026-01-01\nknown_to = "soon"\n', "known_to must be a day"),
        ("known_from = 2026-01-02\nknown_to = 2026-01-01\n", "is before known_from"),
        (BOUNDS + 'holidays = "none"\n', r"\[holidays\] must be a table"),
        (BOUNDS + '[holidays]\n"26 January" = "x"\n', "which is no day"),
        (BOUNDS + "[special.2026-11-08]\nopens = 18:00:00\n", "2026-11-08 needs opens and closes"),
        (BOUNDS + "[special.2026-11-08]\nopens = 18:00:00\ncloses = 17:00:00\n", "the later last"),
    ],
)
def test_a_bad_file_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "sessions.toml"
    path.write_text(text)
    with pytest.raises(MarketDataError, match=words) as error:
        load_calendar(path)
    assert str(path) in str(error.value)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(MarketDataError, match="there is no such file"):
        load_calendar(tmp_path / "absent.toml")
