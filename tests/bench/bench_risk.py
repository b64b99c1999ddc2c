"""How fast the risk desk is, beside QuantLib and vollib looped over the same work.

``python -m tests.bench.bench_risk`` prints one line a task: the best and the median of many runs, in
microseconds. vollib is compared where it is installed; the project does not depend on it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from math import sqrt
from statistics import median
from time import perf_counter_ns
from typing import Any

import numpy as np

from core.domain.groups import GroupPlan
from core.domain.instruments import Right, Side
from core.domain.orders import Funds
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from core.risk.exposure_math import leg_exposures
from core.risk.implied_vol import implied_vols
from core.risk.pricing import black76, deltas, years_until
from core.risk.smile import chain_vols
from core.risk.worst_case import WorstCaseMarginSimulator
from core.strategies.plan import LegRequest, build_plan
from tests.risk.chains import CALENDAR, NEAR, NOON_NS, option, synthetic_view

ql: Any = importlib.import_module("QuantLib")
FORWARD = 24_570.0
YEARS = 5 / 365
AMPLE = Funds(10**13, 10**13, 0)
EIGHT_LEGS = (
    (Side.BUY, 24_000, Right.PE),
    (Side.BUY, 24_050, Right.PE),
    (Side.BUY, 25_100, Right.CE),
    (Side.BUY, 25_150, Right.CE),
    (Side.SELL, 24_250, Right.PE),
    (Side.SELL, 24_300, Right.PE),
    (Side.SELL, 24_900, Right.CE),
    (Side.SELL, 24_950, Right.CE),
)


def time_us(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """Best and median of so many runs after three warm ones."""
    for _ in range(3):
        work()
    taken = []
    for _ in range(runs):
        began = perf_counter_ns()
        work()
        taken.append((perf_counter_ns() - began) / 1_000)
    return min(taken), median(taken)


def chain_of_legs(count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Strikes, volatilities and which are calls."""
    rng = np.random.default_rng(1)
    strikes = FORWARD * np.exp(rng.normal(0, 0.03, count))
    return strikes, 0.12 + 3 * (strikes / FORWARD - 1) ** 2, rng.random(count) < 0.5


def eight_leg_group() -> tuple[GroupPlan, MarketView]:
    """Two iron condors in one group, on a view that has its volatilities as the engine's has."""
    view = synthetic_view()
    near = [contract for contract in view.contracts.values() if contract.expiry == NEAR]
    years = years_until(CALENDAR.expiry_ns(NEAR), NOON_NS)
    vols = chain_vols(view, near, FORWARD * 100, years)
    known = MarketView(1, NOON_NS, view.quotes, view.forwards, vols, view.contracts)
    legs = [
        LegRequest(view.contracts[option(strike, right).symbol], side, 1)
        for side, strike, right in EIGHT_LEGS
    ]
    plan = build_plan(
        "custom",
        legs,
        known,
        lots=5,
        group_id="G-001",
        number=1,
        now_ns=NOON_NS,
        settings=ExecutionSettings(),
    )
    return plan, known


def vollib_functions() -> tuple[Callable[..., float], Callable[..., float]] | None:
    """Delta and implied volatility of vollib, or ``None`` where it is not installed."""
    try:
        greeks = importlib.import_module("vollib.black.greeks.analytical")
        implied = importlib.import_module("vollib.black.implied_volatility")
    except ImportError:
        return None
    return greeks.delta, implied.implied_volatility


def tasks() -> dict[str, tuple[Callable[[], object], int]]:
    """What is measured, by name, with the number of runs."""
    strikes, vols, calls = chain_of_legs(2_000)
    chain_strikes, chain_vol, _ = chain_of_legs(400)
    chain_calls = chain_strikes >= FORWARD
    prices = black76(FORWARD, chain_strikes, YEARS, chain_vol, chain_calls).price
    signs = np.where(calls, 1.0, -1.0)
    forwards, years, units = np.full(2_000, FORWARD), np.full(2_000, YEARS), signs * 65
    plan, view = eight_leg_group()
    simulator = WorstCaseMarginSimulator(calendar=CALENDAR)

    def quantlib_deltas() -> list[float]:
        return [
            ql.BlackCalculator(
                ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, float(strike)),
                FORWARD,
                float(vol) * sqrt(YEARS),
            ).deltaForward()
            for strike, vol, call in zip(strikes, vols, calls, strict=True)
        ]

    def quantlib_vols() -> list[float]:
        return [
            ql.blackFormulaImpliedStdDev(
                ql.Option.Call if call else ql.Option.Put,
                float(strike),
                FORWARD,
                float(price),
                1.0,
                0.0,
                0.01,
                1e-12,
            )
            for strike, call, price in zip(chain_strikes, chain_calls, prices, strict=True)
        ]

    measured: dict[str, tuple[Callable[[], object], int]] = {
        "price and greeks of 2,000 legs": (lambda: black76(FORWARD, strikes, YEARS, vols, calls), 300),
        "delta of 2,000 legs": (
            lambda: deltas(forwards, strikes, vols * np.sqrt(years), signs),
            300,
        ),
        "exposure (delta, value, +-3 %) of 2,000 legs": (
            lambda: leg_exposures(forwards, strikes, years, vols, signs, units),
            300,
        ),
        "exposure of 8 legs": (
            lambda: leg_exposures(forwards[:8], strikes[:8], years[:8], vols[:8], signs[:8], units[:8]),
            1_000,
        ),
        "delta of 2,000 legs, QuantLib looped": (quantlib_deltas, 10),
        "implied volatility of 400 strikes": (
            lambda: implied_vols(prices, FORWARD, chain_strikes, YEARS, chain_calls),
            100,
        ),
        "implied volatility of 400 strikes, QuantLib looped": (quantlib_vols, 20),
        "worst case of 8 legs, 8 prefixes x 27 shocks": (
            lambda: simulator.simulate(plan, view, AMPLE, now_ns=NOON_NS),
            500,
        ),
    }
    found = vollib_functions()
    if found is not None:
        delta, implied = found
        flags = ["c" if call else "p" for call in calls]
        chain_flags = ["c" if call else "p" for call in chain_calls]
        measured["delta of 2,000 legs, vollib looped"] = (
            lambda: [
                delta(g, FORWARD, k, YEARS, 0.0, v) for g, k, v in zip(flags, strikes, vols, strict=True)
            ],
            5,
        )
        measured["implied volatility of 400 strikes, vollib looped"] = (
            lambda: [
                implied(p, FORWARD, k, 0.0, YEARS, g)
                for p, k, g in zip(prices, chain_strikes, chain_flags, strict=True)
            ],
            5,
        )
    return measured


def main() -> None:
    """Print every task."""
    for name, (work, runs) in tasks().items():
        best, middle = time_us(work, runs)
        print(f"{name:<52} best {best:>9,.0f} us   median {middle:>9,.0f} us")


if __name__ == "__main__":
    main()
