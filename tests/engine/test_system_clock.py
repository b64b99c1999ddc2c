from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, time

import pytest

from core.domain.timing import NS_PER_S, from_ist
from core.engine.system_clock import SystemClock
from core.rehearsal.market_time import MarketTime
from core.rehearsal.sim_loop import run_virtual

MONDAY = from_ist(date(2026, 8, 17), time(10, 0))
Story = Callable[[MarketTime], Awaitable[None]]


def tell(monkeypatch: pytest.MonkeyPatch, story: Story) -> None:
    """Tell a story on a machine whose monotonic clock is moved by hand: it starts at one second."""
    machine = MarketTime(NS_PER_S)
    monkeypatch.setattr("core.engine.system_clock.time.monotonic_ns", machine.now_ns)

    async def play() -> None:
        await story(machine)

    run_virtual(play, machine)


def test_the_clock_shows_exchange_time_and_runs_as_fast_as_the_market(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(machine: MarketTime) -> None:
        clock = SystemClock(MONDAY, speed=10.0)
        await machine.sleep_until(machine.now_ns() + 2 * NS_PER_S)
        assert clock.now_ns() == MONDAY + 20 * NS_PER_S

    tell(monkeypatch, story)


def test_a_change_of_the_machines_wall_clock_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(machine: MarketTime) -> None:
        monkeypatch.setattr("core.engine.system_clock.time.time_ns", lambda: MONDAY)
        clock = SystemClock()
        monkeypatch.setattr("core.engine.system_clock.time.time_ns", lambda: 0)
        await machine.sleep_until(machine.now_ns() + NS_PER_S)
        assert clock.now_ns() == MONDAY + NS_PER_S

    tell(monkeypatch, story)


@pytest.mark.parametrize("speed", [1.0, 7.3])
def test_calls_come_in_the_order_of_their_times_and_never_early(
    monkeypatch: pytest.MonkeyPatch, speed: float
) -> None:
    async def story(machine: MarketTime) -> None:
        clock = SystemClock(MONDAY, speed)
        rung: list[tuple[int, int]] = []
        for n in (5, 1, 3, 3, 2, 4):
            clock.call_at(MONDAY + n, lambda n=n: rung.append((n, clock.now_ns() - MONDAY)))  # type: ignore[misc]
        clock.call_at(MONDAY - NS_PER_S, lambda: rung.append((0, clock.now_ns() - MONDAY)))
        assert rung == [], "nothing is called at once"
        await clock.sleep_until(MONDAY + NS_PER_S)
        assert [n for n, _ in rung] == [0, 1, 2, 3, 3, 4, 5]
        assert all(late >= n for n, late in rung)

    tell(monkeypatch, story)


def test_a_call_that_fails_does_not_take_the_next_ones_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(machine: MarketTime) -> None:
        clock = SystemClock(MONDAY)
        rung: list[str] = []

        def fail() -> None:
            raise RuntimeError("a defect")

        clock.call_at(MONDAY + 1, fail)
        clock.call_at(MONDAY + 2, lambda: rung.append("next"))
        await clock.sleep_until(MONDAY + NS_PER_S)
        assert rung == ["next"]

    with pytest.raises(RuntimeError, match="a defect"):
        tell(monkeypatch, story)


def test_a_clock_that_would_stand_or_run_back_is_refused() -> None:
    for speed in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="above zero"):
            SystemClock(MONDAY, speed)
