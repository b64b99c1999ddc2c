"""What the simulated market costs: ``python -m tests.bench.paper_market``. CPU time, medians of five runs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import process_time

from core.brokers.paper.books import ExchangeIdentity, FileBooks
from core.brokers.paper.config import ExchangeConfig
from core.domain.instruments import Side
from core.market.synthetic import SyntheticMarket, SyntheticSpec
from tests.brokers.paper.builders import CONTRACTS, FORWARD, SECOND, SHORT_CALL, TEN, exchange, order, quote

RICH = ExchangeConfig(funds_paise=10**15, cash_paise=10**15, orders_per_day=10**9)


def microseconds(work: Callable[[], int]) -> float:
    """CPU microseconds of one unit of the work, which says how many it did."""
    costs = []
    for _ in range(5):
        begun = process_time()
        done = work()
        costs.append((process_time() - begun) / done * 1e6)
    return median(costs)


def placing() -> int:
    """Marketable orders with four positions held."""
    market, now = exchange(RICH), TEN
    for symbol in list(CONTRACTS)[:4]:
        market.place(now, order(Side.SELL, 65, 89_00, symbol=symbol))
    for n in range(500):
        now += SECOND // 3
        market.quotes[SHORT_CALL] = quote(at_ns=now)
        side, limit = (Side.BUY, 90_00) if n % 2 else (Side.SELL, 89_00)
        market.place(now, order(side, 65, limit))
    return 500


def quoting() -> int:
    """Quotes of five contracts with one order resting behind the touch."""
    market = exchange(RICH)
    market.place(TEN, order(limit=80_00))
    quotes = {symbol: quote(symbol) for symbol in CONTRACTS}
    for n in range(2_000):
        market.on_quotes(TEN + n, quotes, FORWARD)
    return 2_000


def stepping(symbols: int | None, step_ms: int) -> Callable[[], int]:
    """Steps of the synthetic market."""

    def work() -> int:
        source = SyntheticMarket(replace(SyntheticSpec(), step_ms=step_ms))
        source.restrict(None if symbols is None else list(source.contracts)[:symbols])
        now: int | None = source.start_ns
        for _ in range(1_000):
            assert now is not None
            source.quotes_at(now)
            now = source.step_times(now)
        return 1_000

    return work


def committing() -> int:
    """Transactions of one order's records into a real file."""
    with tempfile.TemporaryDirectory() as folder:
        books = FileBooks.create(Path(folder) / "x.exchange", ExchangeIdentity(1, "bench"))
        records = exchange().place(TEN, order()).records
        for _ in range(500):
            books.append(records)
        books.close()
    return 500


if __name__ == "__main__":
    for name, work in {
        "place, four positions": placing,
        "on_quotes, one resting order": quoting,
        "synthetic step, 117 contracts, 250 ms": stepping(None, 250),
        "synthetic step, 60 contracts, 250 ms": stepping(60, 250),
        "synthetic step, 10 contracts, 1 s": stepping(10, 1_000),
        "commit of three records to the file": committing,
    }.items():
        print(f"{name:40s} {microseconds(work):8.1f} us")
