"""What expiry would make of everything held, if the market ended where it is now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from core.domain.account import Account
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract
from core.domain.quotes import MarketView
from core.domain.timing import to_ist
from core.risk.exercise_handler import Expiry, Outcome, at_expiry

AHEAD: Final = timedelta(days=7)
"""How far ahead expiries are looked at: as far as what delivers is warned of."""


@dataclass(frozen=True, slots=True)
class ExpiryOutlook:
    """One underlying's contracts of one expiry, counted by what would become of them.

    ``level_paise`` is where the market would end: its forward now. ``cash_paise`` is what those that are
    settled in cash would receive (positive) or pay together. ``warnings`` has a sentence for each that is
    settled in shares.
    """

    day: date
    underlying: str
    level_paise: int
    sessions_left: int
    cash_paise: int
    in_cash: int
    lapsing: int
    delivered: int
    warnings: tuple[str, ...] = ()


def expiry_outlooks(
    account: Account, view: MarketView, now_ns: int, calendar: SessionCalendar
) -> tuple[ExpiryOutlook, ...]:
    """What expires within a week, the nearest first: ours and the trader's own, where a forward is known."""
    held: dict[str, tuple[Contract, int]] = {}
    today = to_ist(now_ns).date()
    for contract, units in _holdings(account, view):
        if today <= contract.expiry <= today + AHEAD and now_ns < calendar.expiry_ns(contract.expiry):
            held[contract.symbol] = (contract, units + held.get(contract.symbol, (contract, 0))[1])
    found: dict[tuple[date, str], list[Expiry]] = {}
    for contract, units in held.values():
        mark = view.forwards.get((contract.underlying, contract.expiry))
        if units and mark is not None:
            one = at_expiry(contract, units, round(mark.paise), now_ns, calendar)
            found.setdefault((contract.expiry, contract.underlying), []).append(one)
    outlooks = []
    for (day, underlying), outcomes in sorted(found.items()):
        counted = Counter(one.outcome for one in outcomes)
        outlooks.append(
            ExpiryOutlook(
                day,
                underlying,
                level_paise=round(view.forwards[underlying, day].paise),
                sessions_left=outcomes[0].sessions_left,
                cash_paise=sum(one.cash_paise for one in outcomes),
                in_cash=counted[Outcome.CASH],
                lapsing=counted[Outcome.LAPSES],
                delivered=counted[Outcome.DELIVERY],
                warnings=tuple(one.warning for one in outcomes if one.warning),
            )
        )
    return tuple(outlooks)


def _holdings(account: Account, view: MarketView) -> Iterator[tuple[Contract, int]]:
    for group in account.groups.values():
        for leg in group.legs:
            yield leg.plan.contract, leg.net_units
    for key, units in account.foreign.items():
        contract = view.contracts.get(key.symbol)
        if contract is not None:
            yield contract, units
