"""What expiry would make of what is held: counted, summed and warned of, and only what is near."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.domain.account import Account
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, PositionKey, Product, Right, Settlement
from core.domain.quotes import ForwardMark, MarketView
from core.domain.timing import NS_PER_S, to_ist
from core.engine.expiries import AHEAD, expiry_outlooks
from tests.builders import EXPIRY, NOW, open_condor, option

CALENDAR = SessionCalendar()
CALL, PUT = option(24_500, Right.CE), option(24_500, Right.PE)
STOCK = replace(
    option(1_400, Right.CE),
    symbol="RELIANCE26AUG1400CE",
    underlying="RELIANCE",
    lot_units=500,
    settlement=Settlement.PHYSICAL,
)
EVE = CALENDAR.expiry_ns(EXPIRY) - 25 * 3_600 * NS_PER_S


def view_of(*contracts: Contract, level: int = 24_600_00) -> MarketView:
    marks = {
        (each.underlying, each.expiry): ForwardMark(each.underlying, each.expiry, float(level), NOW)
        for each in contracts
    }
    return MarketView(contracts={each.symbol: each for each in contracts}, forwards=marks)


def held(*rows: tuple[Contract, int]) -> Account:
    return Account(foreign={PositionKey("NFO", each.symbol, Product.NRML): units for each, units in rows})


def test_what_is_in_the_money_pays_and_what_is_not_lapses() -> None:
    [outlook] = expiry_outlooks(held((CALL, -65), (PUT, 130)), view_of(CALL, PUT), EVE, CALENDAR)
    assert (outlook.day, outlook.underlying, outlook.level_paise) == (EXPIRY, "NIFTY", 24_600_00)
    assert outlook.cash_paise == -65 * 100_00
    assert (outlook.in_cash, outlook.lapsing, outlook.delivered, outlook.warnings) == (1, 1, 0, ())
    assert outlook.sessions_left == 2


def test_what_delivers_shares_is_warned_of() -> None:
    [outlook] = expiry_outlooks(held((STOCK, -500)), view_of(STOCK, level=1_450_00), EVE, CALENDAR)
    assert (outlook.delivered, outlook.cash_paise) == (1, 0)
    [warning] = outlook.warnings
    assert "short 500 of a stock option" in warning
    assert "delivered" in warning


def test_groups_and_the_traders_own_of_one_contract_are_one_holding() -> None:
    account = open_condor().account
    [group] = account.groups.values()
    contracts = [leg.plan.contract for leg in group.legs]
    short = next(leg for leg in group.legs if leg.net_units < 0)
    key = PositionKey("NFO", short.plan.contract.symbol, Product.NRML)
    both = replace(account, foreign={key: -short.net_units})

    [alone] = expiry_outlooks(account, view_of(*contracts), EVE, CALENDAR)
    [closed] = expiry_outlooks(both, view_of(*contracts), EVE, CALENDAR)
    assert alone.in_cash + alone.lapsing == 4
    assert closed.in_cash + closed.lapsing == 3


def test_what_is_far_away_or_has_no_forward_is_left_out() -> None:
    account = held((CALL, 65))
    assert expiry_outlooks(account, MarketView(contracts={CALL.symbol: CALL}), EVE, CALENDAR) == ()
    early = CALENDAR.expiry_ns(EXPIRY - AHEAD - timedelta(days=1))
    assert to_ist(early).date() < EXPIRY - AHEAD
    assert expiry_outlooks(account, view_of(CALL), early, CALENDAR) == ()
    stops_ns = CALENDAR.expiry_ns(EXPIRY)
    assert [one.sessions_left for one in expiry_outlooks(account, view_of(CALL), stops_ns - 1, CALENDAR)] == [
        1
    ]
    assert expiry_outlooks(account, view_of(CALL), stops_ns, CALENDAR) == ()
