"""What the console costs the loop that it paints in. Run: ``python -m tests.bench.bench_console``.

A real engine with its publisher holds ``--groups`` whole groups (200) and is given ``--events`` events a
second for each (10): every event is a mailbox item that is decided, and one in ten commits facts. It runs
twice, without a console and with the whole screen painting at 4 Hz, headless at 160x50: Textual composes
every frame and leaves out only the last step, writing it. A 10 ms ticker in the loop says how late it was,
by the wall; processor time says what the console cost, whatever else the machine does. Then keys are
pressed under the same load, and the time until each is answered is taken.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from textual import events

from console.app import HedgerowApp
from console.host import GC_THRESHOLDS
from console.options import ConsoleOptions
from core.brokers.port import BasketLeg, BasketMargin, BookUnavailable, OrderChange, OrderRequest, Reply
from core.domain.capabilities import Capabilities
from core.domain.groups import GroupPlan
from core.domain.inputs import OperatorAction, OperatorCommand, WakeUp
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Funds, OrderReport, Outcome, PositionReport, TradeReport
from core.engine.engine import ExecutionEngine
from core.engine.previews import TicketPreview, TicketRequest, WayOut
from core.engine.publishing import Publisher
from core.engine.snapshot import Snapshot
from core.engine.system_clock import SystemClock
from core.journal.persistence import InlinePersistence
from tests.console.moving import MovingService

TICK_S = 0.01
COMMITS_ONE_IN = 10
WARM_UP_S = 2.0
KEYS = (
    "down tab s plus plus 2 1 question_mark escape colon escape h escape slash escape enter escape f9 escape"
)
KEYS += " K escape A escape p escape H escape y"


class SilentBroker:
    """Its books cannot be read, and it refuses every order: nothing moves but what the bench posts."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities()

    async def place(self, request: OrderRequest) -> Reply:
        return Reply(Outcome.REJECTED, None, "silent")

    async def modify(self, order_id: str, change: OrderChange) -> Reply:
        return Reply(Outcome.REJECTED, None, "silent")

    async def cancel(self, order_id: str) -> Reply:
        return Reply(Outcome.REJECTED, None, "silent")

    async def orders(self) -> tuple[OrderReport, ...]:
        raise BookUnavailable("silent")

    async def trades(self) -> tuple[TradeReport, ...]:
        raise BookUnavailable("silent")

    async def positions(self) -> tuple[PositionReport, ...]:
        raise BookUnavailable("silent")

    async def funds(self) -> Funds:
        raise BookUnavailable("silent")

    async def basket_margin(self, legs: tuple[BasketLeg, ...]) -> BasketMargin:
        raise BookUnavailable("silent")


class Desk:
    """The engine under load; a ``CoreService``."""

    def __init__(self, groups: int) -> None:
        base = MovingService(groups).current
        whole = next(
            g for g in base.account.groups.values() if g.state is ExecutionLifecycle.OPEN and not g.live
        )
        made = {
            name: replace(whole, plan=replace(whole.plan, group_id=name, number=number))
            for number, name in enumerate(base.account.groups, 1)
        }
        account = replace(base.account, seq=0, groups=made, alerts={}, divergences={}, foreign={})
        self.clock = SystemClock(base.at_ns)
        broker = SilentBroker()
        journal = InlinePersistence()
        self.engine = ExecutionEngine(self.clock, journal, broker, broker, account, base.view)
        self.publisher = Publisher(self.engine, mode="PAPER", title="bench", underlying="NIFTY")
        self.names = tuple(made)
        self.posted = 0

    def load(self, events: int) -> None:
        """Post so many events."""
        for _ in range(events):
            self.posted += 1
            name = self.names[self.posted % len(self.names)]
            if self.posted % COMMITS_ONE_IN:
                self.engine.post(WakeUp((name,)))
            else:
                self.engine.post(OperatorCommand(OperatorAction.ACKNOWLEDGE, name, "bench", 0))

    def snapshot(self) -> Snapshot:
        return self.publisher.snapshot()

    def command(self, command: OperatorCommand) -> None:
        self.engine.post(command)

    def submit(self, plan: GroupPlan, by: str) -> None:
        """The bench asks for no group."""

    def look_at(self, group_id: str) -> None:
        self.publisher.look_at(group_id)

    def preview(self, request: TicketRequest) -> TicketPreview:
        return TicketPreview(request)

    def ways_out(self, group_id: str) -> tuple[WayOut, ...]:
        return ()


class Tick(NamedTuple):
    """How late a tick was by the wall, and the processor time of this process since the tick before it."""

    late_ms: float
    cpu_ms: float


async def tick(desk: Desk, events_a_second: float, seconds: float) -> list[Tick]:
    """Tick on absolute deadlines, posting each tick's share of the events.

    A late tick in which the process itself computed as long is its own; one in which it computed little is
    the machine's, which gave the core to somebody else.
    """
    late: list[Tick] = []
    start = due = time.perf_counter()
    owed, cpu = 0.0, time.process_time()
    while due - start < seconds:
        due += TICK_S
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        now, before, cpu = time.perf_counter(), cpu, time.process_time()
        late.append(Tick((now - due) * 1_000, (cpu - before) * 1_000))
        owed += events_a_second * TICK_S
        desk.load(int(owed))
        owed -= int(owed)
        due = max(due, now - TICK_S)
    return late


def summary(ticks: list[Tick], cpu_s: float, seconds: float) -> dict[str, object]:
    """p50, p99 and max in ms, the three latest ticks with what was computed in them, the share of a core."""
    ordered = sorted(ticks)
    return {
        "ticks": len(ordered),
        "p50_ms": round(ordered[len(ordered) // 2].late_ms, 2),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)].late_ms, 2),
        "max_ms": round(ordered[-1].late_ms, 2),
        "most_computed_ms": round(max(tick.cpu_ms for tick in ticks), 2),
        "latest": [{name: round(ms, 2) for name, ms in each._asdict().items()} for each in ordered[-3:]],
        "cpu_pct": round(100 * cpu_s / seconds, 1),
    }


async def run(groups: int, rate: float, seconds: float, *, console: bool) -> dict[str, object]:
    """One run, with the console or without."""
    desk = Desk(groups)
    core = asyncio.create_task(desk.engine.run(restart=False))
    try:
        if not console:
            await tick(desk, groups * rate, WARM_UP_S)
            return {"loop": await measured(desk, groups * rate, seconds)}
        app = HedgerowApp(desk, ConsoleOptions(theme_folders=(), keys_file=None, no_colour=False))
        async with app.run_test(size=(160, 50)):
            await tick(desk, groups * rate, WARM_UP_S)
            before = resident_mb()
            told: dict[str, object] = {"loop": await measured(desk, groups * rate, seconds)}
            told["memory_mb"] = {"before": before, "after": resident_mb()}
            loading = asyncio.create_task(tick(desk, groups * rate, 60.0))
            answers = []
            for key in KEYS.split():
                answers.append((await answered_ms(app, key), key))
                await asyncio.sleep(0.3)
            loading.cancel()
            told["slowest_answers_ms"] = sorted(answers, reverse=True)[:5]
            return told
    finally:
        core.cancel()
        await asyncio.gather(core, return_exceptions=True)


async def answered_ms(app: HedgerowApp, key: str) -> float:
    """From a key's arrival until everything that it changed has been painted."""
    painted = asyncio.Event()
    began = time.perf_counter()
    app.post_message(events.Key(key, key if len(key) == 1 else None))
    app.call_later(app.main.call_after_refresh, painted.set)
    await painted.wait()
    return round((time.perf_counter() - began) * 1_000, 1)


async def measured(desk: Desk, events_a_second: float, seconds: float) -> dict[str, object]:
    """The ticker over so many seconds, after what start-up made was put out of the collector's way."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    cpu = time.process_time()
    late = await tick(desk, events_a_second, seconds)
    return summary(late, time.process_time() - cpu, seconds)


def resident_mb() -> float:
    """Memory of this process that is in use now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576, 1)


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--events", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=120.0)
    chosen = parser.parse_args()
    asked = (chosen.groups, chosen.events, chosen.seconds)
    told = {
        "groups": chosen.groups,
        "events_a_second": chosen.groups * chosen.events,
        "load_1_min": round(os.getloadavg()[0], 2),
        "without_console": asyncio.run(run(*asked, console=False)),
        "with_console": asyncio.run(run(*asked, console=True)),
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
