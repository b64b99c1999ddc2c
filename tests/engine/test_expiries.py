"""What expiry would make of what is held: counted, summed and warned of, and only what is near."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.domain.account import Account
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, InstrumentKind, PositionKey, Product, Right, Settlement
from core.domain.quotes import ForwardMark, MarketView
from core.domain.timing import NS_PER_S, to_ist
from core.engine.expiries import AHEAD, Expiries, expiries_of
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
    [outlook] = expiries_of(held((CALL, -65), (PUT, 130)), view_of(CALL, PUT), EVE, CALENDAR).outlooks
    assert (outlook.day, outlook.underlying, outlook.level_paise) == (EXPIRY, "NIFTY", 24_600_00)
    assert outlook.cash_paise == -65 * 100_00
    assert (outlook.in_cash, outlook.lapsing, outlook.delivered, outlook.warnings) == (1, 1, 0, ())
    assert outlook.sessions_left == 2


def test_what_delivers_shares_is_warned_of() -> None:
    [outlook] = expiries_of(held((STOCK, -500)), view_of(STOCK, level=1_450_00), EVE, CALENDAR).outlooks
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

    [alone] = expiries_of(account, view_of(*contracts), EVE, CALENDAR).outlooks
    [closed] = expiries_of(both, view_of(*contracts), EVE, CALENDAR).outlooks
    assert alone.in_cash + alone.lapsing == 4
    assert closed.in_cash + closed.lapsing == 3


def test_a_future_has_been_settled_day_by_day_and_pays_nothing_more() -> None:
    future = replace(CALL, symbol="NIFTY26AUGFUT", kind=InstrumentKind.FUTURE, right=None, strike_paise=0)
    seen = expiries_of(held((future, -65), (CALL, 65)), view_of(future, CALL), EVE, CALENDAR)
    [outlook] = seen.outlooks
    assert (outlook.in_cash, outlook.cash_paise) == (2, 65 * 100_00)
    shares = replace(future, symbol="RELIANCE26AUGFUT", underlying="RELIANCE", settlement=Settlement.PHYSICAL)
    [outlook] = expiries_of(held((shares, 500)), view_of(shares), EVE, CALENDAR).outlooks
    assert "long 500 of a stock future with 2 sessions left, so it will be delivered" in outlook.warnings[0]


def test_what_cannot_be_judged_is_counted_and_what_delivers_is_warned_of_all_the_same() -> None:
    blind = MarketView(contracts={CALL.symbol: CALL, STOCK.symbol: STOCK})
    elsewhere = PositionKey("NFO", "BANKNIFTY26AUG55000CE", Product.NRML)
    account = held((CALL, 65), (STOCK, -500))
    account = replace(account, foreign={**account.foreign, elsewhere: -35})
    seen = expiries_of(account, blind, EVE, CALENDAR)
    assert [(each.underlying, each.level_paise, each.unjudged) for each in seen.outlooks] == [
        ("NIFTY", None, 1),
        ("RELIANCE", None, 1),
    ]
    assert "no price says whether it would be delivered" in seen.outlooks[1].warnings[0]
    assert seen.unlisted == ("BANKNIFTY26AUG55000CE",)


def test_what_is_far_away_or_over_is_left_out() -> None:
    account = held((CALL, 65))
    early = CALENDAR.expiry_ns(EXPIRY - AHEAD - timedelta(days=1))
    assert to_ist(early).date() < EXPIRY - AHEAD
    assert expiries_of(account, view_of(CALL), early, CALENDAR) == Expiries()
    stops_ns = CALENDAR.expiry_ns(EXPIRY)
    [last] = expiries_of(account, view_of(CALL), stops_ns - 1, CALENDAR).outlooks
    assert last.sessions_left == 1
    assert expiries_of(account, view_of(CALL), stops_ns, CALENDAR) == Expiries()
