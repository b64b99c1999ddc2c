"""Dated contract facts: lot, tick, freeze quantity, exchange and expiry weekday of each underlying.

They serve where there is no instrument dump: the recorded and the synthetic market. A lot belongs to a
contract's expiry, a freeze quantity to a trading day; where the file does not reach, a lot is an error and a
freeze quantity is ``None``, never a guess.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from core.domain.instruments import Contract, InstrumentKind, Right, Settlement
from core.market.errors import MarketDataError
from core.market.symbols import kite_symbol

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Dated = tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True)
class UnderlyingFacts:
    """The facts of one underlying. Dated values are sorted by the day from which they hold."""

    underlying: str
    exchange: str
    settlement: Settlement
    strike_step_paise: int
    option_tick_paise: int
    future_tick_paise: int
    has_weekly: bool
    lots: Dated
    weekdays: Dated
    freezes: Dated
    freeze_known_to: date

    def lot_units(self, expiry: date) -> int:
        """The lot of contracts of this expiry; raises ``MarketDataError`` where it is not known."""
        units = _at(self.lots, expiry)
        if units is None:
            first = self.lots[0][0]
            raise MarketDataError(
                f"the lot of {self.underlying} contracts expiring on {expiry} is not known: the contract "
                f"facts begin with expiry {first}. Give an instrument dump of that day instead"
            )
        return units

    def freeze_units(self, day: date) -> int | None:
        """The largest order on a trading day, or ``None`` where it is not known."""
        return None if day > self.freeze_known_to else _at(self.freezes, day)

    def expiry_weekday(self, around: date) -> int:
        """The weekday (Monday is 0) on which contracts expire around this day."""
        return _at(self.weekdays, around) or 0

    def is_monthly(self, expiry: date) -> bool:
        """Whether an expiry is its month's last, also where a holiday moved it forward."""
        first_of_next = (expiry.replace(day=1) + timedelta(days=32)).replace(day=1)
        last_day = first_of_next - timedelta(days=1)
        back = (last_day.weekday() - self.expiry_weekday(expiry)) % 7
        last = last_day - timedelta(days=back)
        return last - timedelta(days=7) < expiry <= last

    def option(self, expiry: date, strike_paise: int, right: Right, day: date) -> Contract:
        """An option as it stood on a trading day, under Kite's symbol."""
        return self._contract(InstrumentKind.OPTION, expiry, strike_paise, right, day)

    def future(self, expiry: date, day: date) -> Contract:
        """A future as it stood on a trading day, under Kite's symbol."""
        return self._contract(InstrumentKind.FUTURE, expiry, 0, None, day)

    def _contract(
        self, kind: InstrumentKind, expiry: date, strike_paise: int, right: Right | None, day: date
    ) -> Contract:
        is_future = kind is InstrumentKind.FUTURE
        return Contract(
            symbol=kite_symbol(
                self.underlying, expiry, strike_paise, right, monthly=is_future or self.is_monthly(expiry)
            ),
            exchange=self.exchange,
            underlying=self.underlying,
            kind=kind,
            expiry=expiry,
            strike_paise=strike_paise,
            right=right,
            lot_units=self.lot_units(expiry),
            tick_paise=self.future_tick_paise if is_future else self.option_tick_paise,
            freeze_units=self.freeze_units(day),
            settlement=self.settlement,
        )


def facts_of(underlying: str, path: Path | None = None) -> UnderlyingFacts:
    """The facts of an underlying, from our own file or another; raises ``MarketDataError``."""
    known = load_facts(path)
    if underlying not in known:
        raise MarketDataError(
            f"no contract facts for {underlying!r}; known are {', '.join(sorted(known))}. "
            "Give an instrument dump for anything else"
        )
    return known[underlying]


@lru_cache(maxsize=4)
def load_facts(path: Path | None = None) -> Mapping[str, UnderlyingFacts]:
    """All facts of a file by underlying; ``None`` is the file that ships. Raises ``MarketDataError``."""
    name = "the contract facts" if path is None else str(path)
    try:
        if path is None:
            text = files("core.market").joinpath("contract_facts.toml").read_text(encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
        known_to = table["freeze_known_to"]
        return {
            underlying: _facts(underlying, row, known_to) for underlying, row in table["underlying"].items()
        }
    except OSError as error:
        raise MarketDataError(f"{name}: cannot be read ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise MarketDataError(f"{name}: not valid TOML ({error})") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MarketDataError(f"{name}: a key is missing or of the wrong kind: {error}") from error


def _facts(underlying: str, row: Mapping[str, Any], freeze_known_to: date) -> UnderlyingFacts:
    return UnderlyingFacts(
        underlying=underlying,
        exchange=row["exchange"],
        settlement=Settlement(row["settlement"]),
        strike_step_paise=row["strike_step_paise"],
        option_tick_paise=row["option_tick_paise"],
        future_tick_paise=row["future_tick_paise"],
        has_weekly=row["weekly"],
        lots=_dated(row["lot"], "units"),
        weekdays=tuple(
            sorted((entry["from"], _WEEKDAYS.index(entry["day"])) for entry in row["expiry_weekday"])
        ),
        freezes=_dated(row["freeze"], "units"),
        freeze_known_to=freeze_known_to,
    )


def _dated(entries: list[Mapping[str, Any]], key: str) -> Dated:
    return tuple(sorted((entry["from"], int(entry[key])) for entry in entries))


def _at(dated: Dated, day: date) -> int | None:
    found = None
    for since, value in dated:
        if since <= day:
            found = value
    return found
