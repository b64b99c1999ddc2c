"""How long the wire takes: order round trips, and fill frames, over loopback sockets.

``python -m tests.bench.bench_wire --orders 500``. The simulated travel is set to next to nothing, so what is
left is the adapter, two sockets, the server and the exchange, all in one process on one loop.
"""

from __future__ import annotations

import argparse
import asyncio
import time

import numpy as np

from core.brokers.paper.config import Latencies
from core.brokers.paper.draws import Span
from core.brokers.port import OrderRequest, StreamFrame, StreamOrder
from core.domain.instruments import Product, Side
from core.domain.orders import OrderType, Outcome
from tests.brokers.conformance import ASK, BID, MANY
from tests.brokers.simulated import mover, strikes
from tests.rehearsal.wire.serving import served

NEXT_TO_NOTHING = Span(1, 2)


async def measure(orders: int) -> None:
    """Place marketable orders one after the other; print the percentiles in milliseconds."""
    near, _ = strikes()
    trips: list[float] = []
    fills: list[float] = []
    latencies = Latencies(NEXT_TO_NOTHING, NEXT_TO_NOTHING, NEXT_TO_NOTHING)
    async with served(latencies=latencies, speed=1.0, limit_s=600) as at:
        filled = asyncio.Event()

        def hear(frame: StreamFrame) -> None:
            if isinstance(frame, StreamOrder) and frame.report.filled_units:
                filled.set()

        at.kite.stream.listen(hear)
        move = mover(at.world.broker, at.market)
        for number in range(orders):
            move(near, BID, ASK, MANY)
            side, limit = (Side.BUY, 105_00) if number % 2 == 0 else (Side.SELL, 95_00)
            request = OrderRequest(
                f"bench{number}", near.symbol, "NFO", Product.NRML, side, 65, OrderType.LIMIT, limit
            )
            filled.clear()
            started = time.perf_counter()
            reply = await at.kite.rest.place(request)
            trips.append(time.perf_counter() - started)
            if reply.outcome is not Outcome.CONFIRMED:
                raise SystemExit(f"order {number}: {reply.outcome} {reply.message}")
            await filled.wait()
            fills.append(time.perf_counter() - started)
            await asyncio.sleep(0.16)
    for name, series in (("order round trip", trips), ("send to fill frame", fills)):
        p50, p99, most = np.percentile(np.array(series) * 1_000, [50, 99, 100])
        print(f"{name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {most:.1f} ms over {len(series)}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=200)
    asyncio.run(measure(parser.parse_args().orders))


if __name__ == "__main__":
    main()
