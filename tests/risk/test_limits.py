"""The account's own limits, one rule at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.settings import ExecutionSettings
from core.risk.limits import Request, RiskLimitError, RiskLimits, breaches, require_within
from core.strategies.plan import plan_from_strategy
from tests.risk.chains import NOON_NS, synthetic_view

REQUEST = Request(
    plan=plan_from_strategy(
        "iron_condor",
        synthetic_view(),
        lots=5,
        group_id="G-001",
        number=1,
        now_ns=NOON_NS,
        settings=ExecutionSettings(),
    ),
    max_loss_paise=50_000_00,
    orders=8,
    open_lots=3,
    day_pnl_paise=-20_000_00,
    orders_today=90,
    groups_today=4,
)


@pytest.mark.parametrize(
    ("within", "broken", "words"),
    [
        (RiskLimits(lots_per_trade=5), RiskLimits(lots_per_trade=4), "5 lots in one group; at most 4"),
        (RiskLimits(lots_per_underlying=8), RiskLimits(lots_per_underlying=7), "8 lots of NIFTY"),
        (
            RiskLimits(lots_per_underlying=1, lots_per_underlying_named={"NIFTY": 8}),
            RiskLimits(lots_per_underlying=99, lots_per_underlying_named={"NIFTY": 7}),
            "8 lots of NIFTY",
        ),
        (
            RiskLimits(loss_per_trade_paise=50_000_00),
            RiskLimits(loss_per_trade_paise=49_999_99),
            "it can lose ₹ 50,000",
        ),
        (
            RiskLimits(loss_per_day_paise=70_000_00),
            RiskLimits(loss_per_day_paise=69_999_99),
            "the day has lost ₹ 20,000 and this can lose ₹ 50,000",
        ),
        (RiskLimits(orders_per_trade=8), RiskLimits(orders_per_trade=7), "8 orders; at most 7"),
        (RiskLimits(orders_per_day=98), RiskLimits(orders_per_day=97), "98 orders today"),
        (RiskLimits(groups_per_day=5), RiskLimits(groups_per_day=4), "group 5 of the day"),
    ],
)
def test_a_limit_holds_at_its_figure_and_breaks_beyond_it(
    within: RiskLimits, broken: RiskLimits, words: str
) -> None:
    require_within(REQUEST, within)
    with pytest.raises(RiskLimitError, match=words):
        require_within(REQUEST, broken)


def test_no_limits_are_no_breaches() -> None:
    assert breaches(REQUEST, RiskLimits()) == ()


def test_an_unbounded_loss_breaks_every_limit_on_losses() -> None:
    naked = replace(REQUEST, max_loss_paise=None)
    limits = RiskLimits(loss_per_trade_paise=10**12, loss_per_day_paise=10**12)
    assert len(breaches(naked, limits)) == 2
    assert "unbounded" in breaches(naked, limits)[0]


def test_a_day_that_has_lost_enough_takes_no_more_groups_however_small() -> None:
    spent = replace(REQUEST, day_pnl_paise=-70_000_00, max_loss_paise=0)
    assert breaches(spent, RiskLimits(loss_per_day_paise=70_000_00)) == (
        "the day has lost ₹ 70,000; its limit is ₹ 70,000",
    )


def test_all_breaches_are_told_at_once() -> None:
    with pytest.raises(RiskLimitError) as caught:
        require_within(REQUEST, RiskLimits(lots_per_trade=1, orders_per_day=1))
    assert len(caught.value.breaches) == 2
    assert str(caught.value) == "; ".join(caught.value.breaches)
