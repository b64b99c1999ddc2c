"""What expiry will do to a position, and when to be out before it does.

Index options are European and settle in cash: in the money they are exercised by the exchange, out of the
money they lapse, and nobody has to act. Stock options in the money become shares: margins step up over the
last four days before expiry, and the whole contract value is due (NSE Clearing; see the broker's page for
its own edition of the ramp).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from core.domain.calendar import SessionCalendar
from core.domain.cover import uncovered_units
from core.domain.groups import LegPlan
from core.domain.instruments import Contract, Right, Settlement
from core.domain.timing import NS_PER_S, clock_text, to_ist

LONG_DELIVERY_RAMP: Final[dict[int, float]] = {4: 0.20, 3: 0.40, 2: 0.60, 1: 0.80}
"""Part of VaR and extreme loss margin asked of a long in-the-money stock option, by sessions to expiry."""
SHORT_DELIVERY_SHARE: Final = 0.50
"""Part of the contract's value asked of a short stock option on its last day; brokers ask 40 to 50 %."""
CLOSE_BEFORE_NS: Final = 30 * 60 * NS_PER_S
"""How long before the last session's close a position that must not be delivered is closed."""
QUIET_BEFORE_SETTLED_NS: Final = 10 * NS_PER_S
"""How long no order of ours may have touched a short before its vanishing is called settlement."""

_SYMBOL = re.compile(
    r"^(?P<name>[A-Z0-9&\-]+?)"
    r"(?P<expiry>\d{2}(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|[1-9OND](?:0[1-9]|[12]\d|3[01])))"
    r"(?P<strike>\d+(?:\.\d+)?)(?P<right>CE|PE)$"
)


class Outcome(StrEnum):
    """What happens at expiry."""

    LAPSES = "LAPSES"
    CASH = "CASH"
    DELIVERY = "DELIVERY"


@dataclass(frozen=True, slots=True)
class Expiry:
    """What becomes of one holding. ``cash_paise`` is received (positive) or paid in cash settlement.

    ``deliver_units`` are shares received (positive) or given; ``warning`` is empty where nobody has to act.
    """

    symbol: str
    outcome: Outcome
    intrinsic_paise: int
    cash_paise: int
    deliver_units: int
    sessions_left: int
    delivery_margin_share: float
    close_by_ns: int | None
    warning: str


def is_option(contract: Contract | None, symbol: str = "") -> bool:
    """Whether a position is an option: by the catalogue, and by its symbol only where it is not listed."""
    return contract.right is not None if contract is not None else _SYMBOL.match(symbol) is not None


def strike_paise(contract: Contract | None, symbol: str = "") -> int | None:
    """The strike from the catalogue, or parsed from ``NIFTY2581424500CE`` where the catalogue is silent."""
    if contract is not None:
        return contract.strike_paise if contract.right is not None else None
    match = _SYMBOL.match(symbol)
    return round(float(match["strike"]) * 100) if match else None


def intrinsic_paise(contract: Contract, level_paise: int) -> int:
    """What one unit is worth if the underlying ends here; a call above its strike, a put below."""
    if contract.right is None:
        return level_paise
    gap = level_paise - contract.strike_paise
    return max(0, gap if contract.right is Right.CE else -gap)


def sessions_left(contract: Contract, now_ns: int, calendar: SessionCalendar) -> int:
    """Sessions that close after now, up to and including the expiry's own; 0 once it has expired."""
    count, at = 0, now_ns
    end = calendar.expiry_ns(contract.expiry)
    while at < end and count < 400:
        session = calendar.next_session(at)
        if session.day > contract.expiry:
            break
        count, at = count + 1, session.closes_ns
    return count


def at_expiry(
    contract: Contract,
    units: int,
    level_paise: int,
    now_ns: int,
    calendar: SessionCalendar,
    *,
    left: int | None = None,
) -> Expiry:
    """What expiry does to signed units if the underlying ends at this level.

    ``left`` spares counting the sessions again. A future is settled every day: nothing is left to pay.
    """
    worth = intrinsic_paise(contract, level_paise)
    left = sessions_left(contract, now_ns, calendar) if left is None else left
    physical = contract.settlement is Settlement.PHYSICAL
    if contract.right is not None and worth == 0:
        outcome = Outcome.LAPSES
    else:
        outcome = Outcome.DELIVERY if physical else Outcome.CASH
    deliver = units * (-1 if contract.right is Right.PE else 1) if outcome is Outcome.DELIVERY else 0
    share = _delivery_share(units, left) if physical and outcome is Outcome.DELIVERY else 0.0
    return Expiry(
        contract.symbol,
        outcome,
        worth,
        units * worth if outcome is Outcome.CASH and contract.right is not None else 0,
        deliver,
        left,
        share,
        _close_by_ns(contract, calendar) if physical and units else None,
        delivery_warning(contract, units, worth, left, calendar),
    )


def delivery_warning(
    contract: Contract, units: int, worth_paise: int | None, left: int, calendar: SessionCalendar
) -> str:
    """A sentence for a holding that is settled in shares, else ``""``.

    ``worth_paise`` is what a unit would be worth, ``None`` where no price says.
    """
    if contract.settlement is not Settlement.PHYSICAL or not units:
        return ""
    by_ns = _close_by_ns(contract, calendar)
    if contract.right is None:
        money = "so it will be delivered"
    elif worth_paise is None:
        money = "and no price says whether it would be delivered"
    elif worth_paise:
        money = "in the money, so it would be delivered"
    else:
        money = "out of the money now, but it could be delivered"
    side = "short" if units < 0 else "long"
    kind = "future" if contract.right is None else "option"
    time_left = "1 session" if left == 1 else f"{left} sessions"
    return (
        f"{contract.symbol}: {side} {abs(units)} of a stock {kind} with {time_left} left, {money}; "
        f"close it by {to_ist(by_ns):%d %b} {clock_text(by_ns)[:5]}"
    )


def _close_by_ns(contract: Contract, calendar: SessionCalendar) -> int:
    return calendar.expiry_ns(contract.expiry) - CLOSE_BEFORE_NS


def out_by_ns(legs: Sequence[LegPlan], expiries_ns: Mapping[date, int]) -> int | None:
    """When a group of these legs must be out because of an expiry; ``None`` where none asks for it.

    Half an hour before the first of its contracts that deliver would, and half an hour before its first
    expiry where what is left after that would be uncovered. ``expiries_ns`` says when each expiry stops.
    """
    first = min(leg.contract.expiry for leg in legs)
    remainder = [
        (leg.contract, leg.side.sign * leg.units_per_copy) for leg in legs if leg.contract.expiry > first
    ]
    days = (delivers_on(legs), first if uncovered_units(remainder, None) else None)
    stops = [expiries_ns[day] for day in days if day is not None and day in expiries_ns]
    return min(stops) - CLOSE_BEFORE_NS if stops else None


def delivers_on(legs: Sequence[LegPlan]) -> date | None:
    """The first day on which one of these contracts is settled in shares; ``None`` if all settle in cash."""
    days = (leg.contract.expiry for leg in legs if leg.contract.settlement is Settlement.PHYSICAL)
    return min(days, default=None)


def settles_from_ns(expires_ns: int, last_order_ns: int) -> int:
    """From when a position that has vanished may be put down to settlement or assignment.

    Only once the contract has expired (Indian options are European), and only if no order of ours touched it
    in the last ten seconds: until then a late fill is the likelier story.
    """
    return max(expires_ns, last_order_ns + QUIET_BEFORE_SETTLED_NS)


def _delivery_share(units: int, left: int) -> float:
    if units < 0:
        return SHORT_DELIVERY_SHARE if left <= 1 else 0.0
    return LONG_DELIVERY_RAMP.get(left - 1, 0.0) if left > 1 else LONG_DELIVERY_RAMP[1]
