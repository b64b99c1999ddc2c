"""A new group's legs are scored against everything that the account holds already."""

from __future__ import annotations

import pytest

from core.domain.groups import LegType
from core.domain.holdings import account_holdings
from core.domain.instruments import Contract, PositionKey, Product, Right, Side
from tests.builders import (
    CONTRACTS,
    LOT,
    SHORT_CALL,
    SHORT_PUT,
    VERTICAL,
    Desk,
    desk_with,
    fill_everything,
    leg,
    market,
    open_condor,
    option,
    plan,
)

CALL, PUT = option(24_900, Right.CE), option(24_100, Right.PE)
LISTED = (*CONTRACTS, CALL, PUT)


def asked(desk: Desk, contract: Contract, product: Product = Product.NRML) -> tuple[LegType, int, str]:
    """How one long leg of a second group is scored."""
    wanted = plan([leg(0, contract, Side.BUY)], copies=1, number=2, product=product)
    (scored,) = desk.submit(wanted).plan.legs
    return scored.leg_type, scored.score, scored.reason


def bull_put() -> Desk:
    desk = desk_with(plan(VERTICAL), view=market(LISTED))
    fill_everything(desk)
    return desk


def test_a_long_that_offsets_a_short_of_another_group_scores_fifty() -> None:
    assert asked(bull_put(), PUT) == (LegType.HEDGE, 50, "offsets the short 24200 PE already held")


def test_a_long_that_offsets_nothing_held_scores_nothing() -> None:
    assert asked(bull_put(), CALL)[:2] == (LegType.LONG, 0)


def test_what_is_held_in_another_product_offsets_nothing() -> None:
    assert asked(bull_put(), PUT, Product.MIS)[:2] == (LegType.LONG, 0)


@pytest.mark.parametrize(
    ("symbol", "units", "score"),
    [(SHORT_CALL, -LOT, 50), (SHORT_CALL, LOT, 0), ("NIFTY26AUG99999CE", -LOT, 0)],
)
def test_a_short_of_the_trader_counts_where_its_contract_is_known(
    symbol: str, units: int, score: int
) -> None:
    desk = bull_put()
    desk.others[PositionKey("NFO", symbol, Product.NRML)] = units
    for _ in range(3):
        desk.later(6_000)
        desk.read_books()
    assert asked(desk, CALL)[1] == score


def test_holdings_of_one_contract_are_one_holding() -> None:
    desk = open_condor()
    contracts = {contract.symbol: contract for contract in CONTRACTS}
    held = {
        contract.symbol: units for contract, units in account_holdings(desk.account, Product.NRML, contracts)
    }
    assert held == desk.net()
    desk.others[PositionKey("NFO", SHORT_PUT, Product.NRML)] = -3 * LOT
    for _ in range(3):
        desk.later(6_000)
        desk.read_books()
    held = {
        contract.symbol: units for contract, units in account_holdings(desk.account, Product.NRML, contracts)
    }
    assert held[SHORT_PUT] == -13 * LOT
    assert account_holdings(desk.account, Product.MIS, contracts) == []
