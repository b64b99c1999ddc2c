"""Lives that end without a ``finally``, and machines that sleep."""

from __future__ import annotations

import asyncio
import contextvars

from core.rehearsal.market_time import MarketTime
from core.rehearsal.sim_loop import LIFE, SimLoop, run_virtual


def test_a_frozen_life_runs_no_step_and_no_finally_until_the_end() -> None:
    market, said = MarketTime(0), list[str]()

    async def core() -> None:
        try:
            while True:
                await market.sleep_until(market.now_ns() + 10)
                said.append(f"core {market.now_ns()}")
        finally:
            said.append("finally")

    async def main() -> None:
        life = object()
        context = contextvars.copy_context()
        context.run(LIFE.set, life)
        context.run(asyncio.create_task, core())
        await market.sleep_until(25)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        loop.freeze(life)
        await market.sleep_until(200)
        said.append("world")

    run_virtual(main, market)
    assert said == ["core 10", "core 20", "world", "finally"]


def test_a_thawed_life_goes_on_where_it_stopped() -> None:
    market, said = MarketTime(0), list[int]()

    async def core() -> None:
        for _ in range(3):
            await market.sleep_until(market.now_ns() + 10)
            said.append(market.now_ns())

    async def main() -> None:
        life = object()
        context = contextvars.copy_context()
        context.run(LIFE.set, life)
        context.run(asyncio.create_task, core())
        await market.sleep_until(15)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        loop.freeze(life)
        await market.sleep_until(100)
        loop.thaw(life)
        await market.sleep_until(200)

    run_virtual(main, market)
    assert said == [10, 100, 110]
