"""Holidays and special sessions, from the file that ships or one of the user's."""

from __future__ import annotations

import tomllib
from datetime import date, time
from importlib.resources import files
from pathlib import Path

from core.domain.calendar import SessionCalendar
from core.market.errors import MarketDataError


def load_calendar(path: Path | None = None) -> SessionCalendar:
    """The session calendar; ``None`` is the file that ships. Raises ``MarketDataError``.

    Beyond ``known_to`` the calendar only knows weekends: ``SessionCalendar.covers`` tells.
    """
    name = "the session calendar" if path is None else str(path)
    try:
        if path is None:
            text = files("core.market").joinpath("sessions.toml").read_text(encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MarketDataError(f"{name}: there is no such file; check the path") from None
    except OSError as error:
        raise MarketDataError(f"{name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise MarketDataError(f"{name}: not a text file ({error.reason})") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MarketDataError(f"{name}: not valid TOML ({error})") from error
    holidays = {
        _day(name, "holidays", key): str(what) for key, what in _table(name, table, "holidays").items()
    }
    special = {
        _day(name, "special", key): _hours(name, key, row)
        for key, row in _table(name, table, "special").items()
    }
    known_from, known_to = _bound(name, table, "known_from"), _bound(name, table, "known_to")
    if known_to < known_from:
        raise MarketDataError(f"{name}: known_to ({known_to}) is before known_from ({known_from})")
    return SessionCalendar(holidays, special, known_from, known_to)


def _table(name: str, table: dict[str, object], key: str) -> dict[str, object]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise MarketDataError(f"{name}: [{key}] must be a table of days, not {found!r}")
    return found


def _bound(name: str, table: dict[str, object], key: str) -> date:
    found = table.get(key)
    if not isinstance(found, date):
        raise MarketDataError(f"{name}: {key} must be a day such as 2026-12-31, not {found!r}")
    return found


def _day(name: str, section: str, key: str) -> date:
    try:
        return date.fromisoformat(key)
    except ValueError:
        raise MarketDataError(
            f"{name}: [{section}] names {key!r}, which is no day; write 2026-01-26"
        ) from None


def _hours(name: str, key: str, row: object) -> tuple[time, time]:
    opens = row.get("opens") if isinstance(row, dict) else None
    closes = row.get("closes") if isinstance(row, dict) else None
    if not isinstance(opens, time) or not isinstance(closes, time) or closes <= opens:
        raise MarketDataError(
            f"{name}: special session {key} needs opens and closes, as times such as 09:15:00, the later last"
        )
    return opens, closes
