from __future__ import annotations

import asyncio

from core.brokers.kite.limits import RequestClass, Turnstile
from core.domain.timing import NS_PER_S
from tests.brokers.kite.support import StepClock


def starts(kind: RequestClass, requests: int) -> list[float]:
    """When so many requests, all wanted at once, were let through, in seconds from the first."""

    async def story() -> list[int]:
        clock = StepClock()
        turnstile = Turnstile(clock, kind)
        times: list[int] = []

        async def one() -> None:
            await turnstile.pass_through()
            times.append(clock.now_ns())

        await asyncio.gather(*(one() for _ in range(requests)))
        return times

    times = asyncio.run(story())
    return [(at - times[0]) / NS_PER_S for at in times]


def test_quotes_go_one_a_second() -> None:
    assert starts(RequestClass.QUOTE, 3) == [0, 1, 2]


def test_other_reads_go_ten_in_any_second_and_the_first_ten_at_once() -> None:
    assert starts(RequestClass.OTHER, 21) == [0] * 10 + [1] * 10 + [2]


def test_orders_are_counted_by_nobody_here() -> None:
    assert starts(RequestClass.ORDER, 50) == [0] * 50


def refusals(kind: RequestClass, count: int) -> list[float]:
    """The waits after so many refusals in a row."""

    async def story() -> list[float]:
        clock = StepClock()
        turnstile = Turnstile(clock, kind)
        waits = []
        for _ in range(count):
            await turnstile.pass_through()
            refused_ns = clock.now_ns()
            turnstile.refused()
            await turnstile.pass_through()
            waits.append((clock.now_ns() - refused_ns) / NS_PER_S)
            clock.at_ns += NS_PER_S
        return waits

    return asyncio.run(story())


def test_reads_back_off_longer_with_every_refusal_up_to_eight_seconds() -> None:
    assert refusals(RequestClass.OTHER, 6) == [1, 2, 4, 8, 8, 8]


def test_an_exit_never_waits_more_than_a_second_for_a_refusal() -> None:
    assert refusals(RequestClass.ORDER, 6) == [1] * 6


def test_an_answer_ends_the_row_of_refusals() -> None:
    clock = StepClock()
    turnstile = Turnstile(clock, RequestClass.OTHER)
    for _ in range(4):
        turnstile.refused()
    turnstile.answered()
    clock.at_ns += 60 * NS_PER_S
    turnstile.refused()
    started_ns = clock.now_ns()
    asyncio.run(turnstile.pass_through())
    assert clock.now_ns() - started_ns == NS_PER_S
