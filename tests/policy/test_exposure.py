"""What a group is worth while the market around it is odd."""

from __future__ import annotations

from dataclasses import replace

from core.domain.quotes import MarketView
from core.policy.exposure import group_pnl_paise
from tests.builders import LONG_CALL, open_condor, quote


def test_a_crossed_quote_is_worth_its_last_price_and_not_its_middle() -> None:
    desk = open_condor()
    group = desk.group()
    held = next(leg.net_units for leg in group.legs if leg.plan.contract.symbol == LONG_CALL)
    calm = group_pnl_paise(group, desk.view)
    crossed = replace(quote(LONG_CALL, 900_00, 100_00), last_paise=29_50)

    assert group_pnl_paise(group, _with(desk.view, LONG_CALL, crossed)) == calm
    higher = replace(crossed, last_paise=30_50)
    assert group_pnl_paise(group, _with(desk.view, LONG_CALL, higher)) == calm + held * 1_00


def _with(view: MarketView, symbol: str, seen: object) -> MarketView:
    return replace(view, quotes={**view.quotes, symbol: seen})  # type: ignore[dict-item]
