"""Ruined quotes: planning says what is wrong, the gate refuses, and nothing ever raises anything else."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from core.domain.orders import Funds
from core.domain.quotes import MarketView, Quote
from core.domain.settings import ExecutionSettings
from core.risk.worst_case import WorstCaseMarginSimulator
from core.strategies.catalogue import STRATEGIES
from core.strategies.errors import StrategyError
from core.strategies.plan import plan_from_strategy
from tests.risk.chains import CALENDAR, NOON_NS, synthetic_view

VIEW = synthetic_view(low=24_000, high=25_200)
AMPLE = Funds(10**13, 10**13, 0)


def ruined(quote: Quote, rng: random.Random) -> Quote | None:
    """One of the ways in which feeds lie."""
    match rng.randrange(9):
        case 0:
            return None
        case 1:
            return replace(quote, bid_paise=None, bid_units=0)
        case 2:
            return replace(quote, ask_paise=None, ask_units=0)
        case 3:
            return replace(quote, bid_paise=quote.ask_paise, ask_paise=quote.bid_paise)
        case 4:
            return replace(quote, bid_paise=-(quote.bid_paise or 0))
        case 5:
            return replace(quote, bid_paise=0, ask_paise=0)
        case 6:
            return replace(quote, bid_paise=10**15, ask_paise=10**15 + 5)
        case 7:
            return replace(quote, at_ns=0)
        case _:
            return replace(quote, bid_paise=None, ask_paise=None, last_paise=None)


def ruined_view(share: float, seed: int) -> MarketView:
    rng = random.Random(seed)
    quotes = {}
    for symbol, quote in VIEW.quotes.items():
        kept = ruined(quote, rng) if rng.random() < share else quote
        if kept is not None:
            quotes[symbol] = kept
    forwards = {} if rng.random() < 0.5 else VIEW.forwards
    return replace(VIEW, quotes=quotes, forwards=forwards)


@pytest.mark.parametrize("share", [0.05, 0.4, 1.0])
def test_planning_and_the_gate_survive_any_feed(share: float) -> None:
    planned = refused = 0
    for seed in range(40):
        view = ruined_view(share, seed)
        name = sorted(STRATEGIES)[seed % len(STRATEGIES)]
        settings = ExecutionSettings()
        try:
            plan = plan_from_strategy(
                name, view, lots=2, group_id="G-001", number=1, now_ns=NOON_NS, settings=settings
            )
        except StrategyError:
            plan = plan_from_strategy(
                name, VIEW, lots=2, group_id="G-001", number=1, now_ns=NOON_NS, settings=settings
            )
        else:
            planned += 1
            assert plan.delta_limit_units >= 50
        verdict = WorstCaseMarginSimulator(calendar=CALENDAR).simulate(plan, view, AMPLE, now_ns=NOON_NS)
        if verdict.grid is None:
            refused += 1
            assert not verdict.passed
            assert verdict.sentence.startswith("Refused: its margin cannot be told, because ")
        else:
            assert np.isfinite(verdict.grid).all()
            assert (verdict.grid >= 0).all()
    assert refused > 0
    assert planned > 0 or share == 1.0
