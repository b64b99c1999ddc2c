"""What expiry would make of everything held, if the market ended where it is now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from core.domain.account import Account
from core.domain.calendar import SessionCalendar
from core.domain.cover import Holding
from core.domain.holdings import account_holdings, unlisted_symbols
from core.domain.quotes import MarketView
from core.domain.timing import to_ist
from core.risk.exercise_handler import Outcome, at_expiry, delivery_warning, sessions_left

AHEAD: Final = timedelta(days=7)
"""How far ahead expiries are looked at: as far as what delivers is warned of."""


@dataclass(frozen=True, slots=True)
class ExpiryOutlook:
    """One underlying's holdings of one expiry, counted by what would become of them.

    ``level_paise`` is where the market would end: its forward now, ``None`` where there is none, and then all
    of them are ``unjudged``. ``cash_paise`` is what those that are settled in cash would receive (positive)
    or pay together; futures are settled every day and have nothing left to pay. ``warnings`` has a sentence
    for each that is settled in shares.
    """

    day: date
    underlying: str
    level_paise: int | None
    sessions_left: int
    cash_paise: int = 0
    in_cash: int = 0
    lapsing: int = 0
    delivered: int = 0
    unjudged: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expiries:
    """What expires within a week, the nearest first; ``unlisted`` are holdings of unknown contracts."""

    outlooks: tuple[ExpiryOutlook, ...] = ()
    unlisted: tuple[str, ...] = ()


def expiries_of(account: Account, view: MarketView, now_ns: int, calendar: SessionCalendar) -> Expiries:
    """What expiry would make of what our groups hold and of what is the trader's own."""
    today = to_ist(now_ns).date()
    near: dict[tuple[date, str], list[Holding]] = {}
    for contract, units in account_holdings(account, None, view.contracts):
        if today <= contract.expiry <= today + AHEAD and now_ns < calendar.expiry_ns(contract.expiry):
            near.setdefault((contract.expiry, contract.underlying), []).append((contract, units))
    outlooks = (_outlook(near[key], view, now_ns, calendar) for key in sorted(near))
    return Expiries(tuple(outlooks), tuple(unlisted_symbols(account, view.contracts)))


def _outlook(held: list[Holding], view: MarketView, now_ns: int, calendar: SessionCalendar) -> ExpiryOutlook:
    first, _ = held[0]
    left = sessions_left(first, now_ns, calendar)
    mark = view.forwards.get((first.underlying, first.expiry))
    if mark is None:
        told = (delivery_warning(contract, units, None, left, calendar) for contract, units in held)
        warnings = tuple(filter(None, told))
        return ExpiryOutlook(
            first.expiry, first.underlying, None, left, unjudged=len(held), warnings=warnings
        )
    level_paise = round(mark.paise)
    found = [at_expiry(*each, level_paise, now_ns, calendar, left=left) for each in held]
    counted = Counter(one.outcome for one in found)
    return ExpiryOutlook(
        first.expiry,
        first.underlying,
        level_paise,
        left,
        cash_paise=sum(one.cash_paise for one in found),
        in_cash=counted[Outcome.CASH],
        lapsing=counted[Outcome.LAPSES],
        delivered=counted[Outcome.DELIVERY],
        warnings=tuple(one.warning for one in found if one.warning),
    )
