"""Flattening an account straight from the broker's books, with no core running and no journal to trust."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from core.brokers.port import BookPort, BookUnavailable, OrderPort
from core.domain.account import Account
from core.domain.effects import CancelOrder
from core.domain.facts import Fact, JournalOpened, Recorded, SettingsAdopted
from core.domain.instruments import Contract
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_MS, NS_PER_S, Clock
from core.engine.coordinator import ExecutionCoordinator
from core.engine.engine import ExecutionEngine
from core.engine.flatten_scope import Held, Scope, agreed_books, look
from core.engine.recovery import recover_execution_from_crash
from core.journal.persistence import InlinePersistence
from core.journal.writing import Batch
from core.policy.flatten import flattening

CANCEL_WAIT_NS = 5 * NS_PER_S
EVERYTHING = Scope()
SETTLE_NS = 15 * NS_PER_S
"""How long positions may lag before what they show counts as what is left."""


@dataclass(frozen=True, slots=True)
class FlattenResult:
    """What was left at the end. ``flat`` only when the broker itself says zero of positions and of orders."""

    flat: bool
    left: Held
    problems: tuple[str, ...]


async def flatten(
    clock: Clock,
    orders: OrderPort,
    books: BookPort,
    contracts: Mapping[str, Contract],
    view: Callable[[], MarketView],
    nonce: str,
    *,
    scope: Scope = EVERYTHING,
    who: str = "operator",
    within_ns: int = 300 * NS_PER_S,
    hold: Callable[[], None] = lambda: None,
    release: Callable[[], None] = lambda: None,
) -> FlattenResult:
    """Cancel what is working, close what is held, and say FLAT only when the broker does.

    What is not in ``scope`` is left alone; ``view`` is asked for the newest quotes. ``nonce`` must be
    fresh: it begins the tags of these orders. Raises ``BookUnavailable`` when no book can be read.
    """
    problems = list(await _cancel_working(clock, orders, books, scope))
    held = scope.of((await agreed_books(clock, books)).held)
    plan = flattening(held.positions, contracts, who)
    problems += plan.problems
    journal = InlinePersistence()
    await journal.commit(Batch(_rows(plan.facts, nonce, clock.now_ns())))
    account = recover_execution_from_crash(journal).account
    engine = ExecutionEngine(clock, journal, orders, books, account, view(), hold=hold, release=release)
    running = asyncio.create_task(engine.run(restart=True))
    deadline_ns = clock.now_ns() + within_ns
    try:
        while clock.now_ns() < deadline_ns and not running.done():
            groups = engine.account.groups.values()
            if all(group.state in _DONE for group in groups):
                break
            newest = view()
            if newest is not engine.view:
                engine.on_quotes(newest, frozenset(newest.quotes))
            await clock.sleep_until(clock.now_ns() + 50 * NS_PER_MS)
        for group in engine.account.groups.values():
            if group.state is not ExecutionLifecycle.CLOSED:
                problems.append(f"{group.group_id}: {group.reason}")
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await journal.close()
    left = await _settled(clock, books, scope)
    return FlattenResult(left.is_flat, left, tuple(problems))


_DONE = frozenset({ExecutionLifecycle.CLOSED, ExecutionLifecycle.MANUAL})


async def _cancel_working(clock: Clock, orders: OrderPort, books: BookPort, scope: Scope) -> list[str]:
    """Cancel every working order and wait for the broker's word; one that nobody confirms is a problem."""
    deadline_ns = clock.now_ns() + CANCEL_WAIT_NS
    coordinator = ExecutionCoordinator(orders, lambda _: None)
    while True:
        working = scope.of(await look(books)).working
        if not working:
            return []
        if clock.now_ns() >= deadline_ns:
            return [
                f"{order.side.value} {order.units - order.filled_units} {order.symbol}: its cancel is not "
                "confirmed, so it may still fill"
                for order in working
            ]
        for order in working:
            coordinator.perform(CancelOrder("", order.order_id), Account())
        await clock.sleep_until(clock.now_ns() + 250 * NS_PER_MS)


def _rows(facts: Iterable[tuple[str, Fact]], nonce: str, now_ns: int) -> tuple[Recorded, ...]:
    opening: list[tuple[str, Fact]] = [
        ("", JournalOpened(nonce, 0, "", "LIVE", "", "flatten", 0)),
        ("", SettingsAdopted(ExecutionSettings(allow_naked=True))),
        *facts,
    ]
    return tuple(Recorded(seq, now_ns, group_id, fact) for seq, (group_id, fact) in enumerate(opening, 1))


async def _settled(clock: Clock, books: BookPort, scope: Scope) -> Held:
    """The broker's last word, given time to catch up."""
    deadline_ns = clock.now_ns() + SETTLE_NS
    left = scope.of(await look(books))
    while not left.is_flat and clock.now_ns() < deadline_ns:
        await clock.sleep_until(clock.now_ns() + NS_PER_S)
        with suppress(BookUnavailable):
            left = scope.of(await look(books))
    return left
