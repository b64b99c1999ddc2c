"""From a fill's frame to the order that answers it, over loopback sockets with the console open.

``python -m tests.bench.bench_fill_to_hedge``. The exchange is its own process at the wall's pace, next to no
time away. Condors in a thin market fill in crumbs and are given up, orders fill after their cancels, so
shorts stand uncovered and are hedged. Orders that a fill's own frame led to are timed from its arrival to the
broker's door (journal commit and order budget included), and to the exchange's reply.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import msgspec
import numpy as np

from console.app import HedgerowApp
from console.host import GC_THRESHOLDS
from console.options import ConsoleOptions
from core.brokers.kite.broker import KiteBroker
from core.brokers.kite.rest import KiteRest
from core.brokers.kite.session import KiteSession
from core.brokers.port import OrderRequest, Reply, StreamFrame, StreamOrder
from core.domain.calendar import SessionCalendar
from core.domain.evolve import fold
from core.domain.facts import OrderIntended, OrderSeen, Recorded
from core.domain.inputs import SubmitGroup
from core.domain.orders import OrderStatus, Source
from core.domain.timing import NS_PER_S
from core.engine.engine import ExecutionEngine
from core.engine.kite_feed import feed_from
from core.engine.latch import FlattenLatch
from core.engine.live import LiveCore, begin
from core.engine.publishing import Publisher
from core.journal.aiosqlite_persistence import AiosqlitePersistence
from core.rehearsal.preparation import Asked, prepare
from core.rehearsal.shelf import find_scenario
from core.rehearsal.wire.market_header import clock_of
from core.rehearsal.wire.player import as_listed, listed
from core.rehearsal.wire.ready import Ready

HEAD = """
name = "answers"
about = "Condors that fill in crumbs and are given up."
length = "{length} s"
funds_rupees = 900000000
latency = {{ low = "1 ms", high = "2 ms" }}
fault = [{{ kind = "fill-after-cancelled", rate = 1.0 }}]
market = [{{ kind = "thin", multiplier = 0.05 }}]
"""
GROUP = """
[[group]]
strategy = "iron_condor"
lots = 4
at = "{at} s"
good_for = "5 s"
on_incomplete = "unwind"
"""


class TimedDoor(KiteRest):
    """The broker's door with a stop-watch for orders that a fill's own frame has led to."""

    def __init__(self, kite: KiteBroker) -> None:
        super().__init__(kite._transport)
        self._framed: dict[tuple[str, int, OrderStatus | None], float] = {}
        self._direct: dict[str, tuple[str, float]] = {}
        self.to_send: dict[str, list[float]] = defaultdict(list)
        self.to_reply: dict[str, list[float]] = defaultdict(list)

    def hear(self, frame: StreamFrame) -> None:
        """Note when so many filled units in a state were first told: a fill, or what is left of a cancel."""
        if isinstance(frame, StreamOrder) and frame.report.tags:
            report = frame.report
            said = (report.tags[0], report.filled_units, report.status)
            self._framed.setdefault(said, time.perf_counter())

    def watch(self, rows: tuple[Recorded, ...]) -> None:
        """Of the rows of one commit, find the orders of a group that one of its fills has just led to."""
        told: dict[str, float] = {}
        for row in rows:
            match row.fact:
                case OrderSeen(tag=tag, filled_units=filled, status=status, source=Source.STREAM) if filled:
                    told[row.group_id] = self._framed.get((tag, filled, status), 0.0)
                case OrderIntended(order) if told.get(row.group_id):
                    self._direct[order.tag] = (order.purpose.value, told[row.group_id])
                case _:
                    pass

    async def place(self, request: OrderRequest) -> Reply:
        """Stop the watch, and send."""
        purpose, began_s = self._direct.pop(request.tag, ("", 0.0))
        sent_s = time.perf_counter()
        reply = await super().place(request)
        if began_s:
            self.to_send[purpose].append((sent_s - began_s) * 1_000)
            self.to_reply[purpose].append((time.perf_counter() - began_s) * 1_000)
        return reply


async def measure(ready: Ready, folder: Path, scenario: str, *, console: bool) -> dict[str, object]:
    """Trade the scenario; the percentiles in milliseconds by the purpose of the answer."""
    prepared = prepare(Asked(find_scenario(scenario)))
    session = KiteSession(ready.api_key, ready.access_token, "wire", 1 << 62, ready.rest, ready.stream)
    contracts = await listed(session, prepared)
    clock = await asyncio.to_thread(clock_of, ready.rest, 1.0)
    kite = KiteBroker(session, clock, random.random)
    journal = await AiosqlitePersistence.open(folder / "journal", sole_writer=True)
    try:
        settings = prepared.settings.for_broker(kite.rest.capabilities)
        rows = await begin(
            journal, (), fold(()), settings, mode="LIVE", market="bench", at_ns=clock.now_ns(),
            draw=secrets.randbelow,
        )  # fmt: skip
        feed = feed_from(kite, clock, contracts, SessionCalendar(), ("NIFTY",))
        door = TimedDoor(kite)
        engine = ExecutionEngine(clock, journal, door, door, fold(rows), feed.quotes.view)
        engine.subscribe(door.watch)
        kite.stream.listen(door.hear)
        kite.stream.listen(engine.on_stream)
        core = LiveCore(
            clock, engine, feed.quotes, feed.keeper, feed.chains,
            Publisher(engine, mode="LIVE", title="bench", underlying="NIFTY"),
            latch=FlattenLatch(folder / "journal"),
        )  # fmt: skip
        for submission in prepared.submissions:
            plan = as_listed(submission.plan, contracts)
            core.chains.also(leg.contract for leg in plan.legs)
            clock.call_at(submission.at_ns, lambda plan=plan: engine.post(SubmitGroup(plan)))  # type: ignore[misc]
        running = asyncio.create_task(core.run(restart=False, beside=[kite.stream.run()]))
        seconds = (prepared.end_ns - clock.now_ns()) / NS_PER_S
        if console:
            app = HedgerowApp(core, ConsoleOptions(theme_folders=(), no_colour=False))
            async with app.run_test(size=(160, 50)):
                # As the program's own host does once the first picture is on the terminal.
                gc.collect()
                gc.freeze()
                gc.set_threshold(*GC_THRESHOLDS)
                await asyncio.sleep(seconds)
        else:
            await asyncio.sleep(seconds)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    finally:
        await journal.close()
        await kite.aclose()
    return {
        purpose: {
            "n": len(sent),
            "to_send": _spread(sent),
            "to_reply": _spread(door.to_reply[purpose]),
        }
        for purpose, sent in sorted(door.to_send.items())
    }


def _spread(samples: list[float]) -> dict[str, float]:
    p50, p99, most = np.percentile(np.array(samples), [50, 99, 100])
    return {"p50_ms": round(p50, 2), "p99_ms": round(p99, 2), "max_ms": round(most, 2)}


def main() -> None:
    """Start an exchange, measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=40)
    parser.add_argument("--no-console", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as name:
        folder = Path(name)
        text = HEAD.format(length=asked.groups * 3 + 20)
        text += "".join(GROUP.format(at=6 + 3 * n) for n in range(asked.groups))
        scenario = folder / "answers.toml"
        scenario.write_text(text)
        program = "import console.cli; console.cli.main()"
        exchange = subprocess.Popen(
            [sys.executable, "-c", program, "exchange", "--scenario", str(scenario)], stdout=subprocess.PIPE
        )
        try:
            assert exchange.stdout is not None
            ready = msgspec.json.decode(exchange.stdout.readline(), type=Ready)
            found = asyncio.run(measure(ready, folder, str(scenario), console=not asked.no_console))
        finally:
            exchange.terminate()
            exchange.communicate()
    print(json.dumps({"load": os.getloadavg()[0], **found}, indent=2))


if __name__ == "__main__":
    main()
