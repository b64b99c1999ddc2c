"""The paper broker on a virtual clock: latencies, frames, faults, a core that dies."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import pytest

from core.brokers.paper.books import ExchangeFileError, MemoryBooks
from core.brokers.paper.broker import PaperBroker
from core.brokers.paper.config import ExchangeConfig
from core.brokers.paper.faults import (
    IN_ORDER,
    BookFault,
    BookKind,
    NoFaults,
    ReplyFault,
    RequestFault,
    RequestKind,
)
from core.brokers.paper.ledger import NEVER_NS, Ledger
from core.brokers.paper.records import ExchangeRecord
from core.brokers.port import BookUnavailable, Reply, StreamDown, StreamFrame, StreamOrder, StreamUp
from core.domain.instruments import Side
from core.domain.orders import OrderStatus, Outcome
from core.rehearsal.market_time import MarketTime
from core.rehearsal.sim_loop import run_virtual
from tests.brokers.paper.builders import MS, SECOND, SHORT_CALL, TEN, exchange, order, quote

Result = TypeVar("Result")


class Faulty(NoFaults):
    """Answers every question with what it was given."""

    def __init__(
        self,
        request: RequestFault | None = None,
        reply: ReplyFault | None = None,
        frames: Sequence[tuple[int, ...]] = (),
        book: BookFault | None = None,
    ) -> None:
        self.request, self.reply, self.book = request, reply, book
        self.frames = list(frames)

    def on_request(self, kind: RequestKind, n: int, now_ns: int) -> RequestFault | None:
        return self.request

    def on_reply(self, kind: RequestKind, n: int, reply: Reply, now_ns: int) -> ReplyFault | None:
        return self.reply

    def on_frame(self, n: int, frame: StreamFrame, now_ns: int) -> tuple[int, ...]:
        return self.frames.pop(0) if self.frames and isinstance(frame, StreamOrder) else IN_ORDER

    def on_book(self, kind: BookKind, n: int, now_ns: int) -> BookFault | None:
        return self.book


class World:
    """A broker, its clock, and what a listener heard, with the time it heard it."""

    def __init__(self, faults: NoFaults | None = None, config: ExchangeConfig | None = None) -> None:
        self.time = MarketTime(TEN)
        self.books = MemoryBooks()
        self.broker = PaperBroker(exchange(config), self.time, self.books, faults=faults)
        self.heard: list[tuple[int, StreamFrame]] = []
        self.broker.listen(lambda frame: self.heard.append((self.time.now_ns(), frame)))

    def run(self, story: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        return run_virtual(story, self.time)

    def order_frames(self) -> list[str]:
        return [frame.report.raw_status for _, frame in self.heard if isinstance(frame, StreamOrder)]


def test_a_place_takes_its_latencies_and_comes_back_with_an_id() -> None:
    world = World()
    reply = world.run(lambda: world.broker.place(order()))
    assert reply.outcome is Outcome.CONFIRMED
    assert 10 * MS <= world.time.now_ns() - TEN <= 80 * MS


def test_a_refusal_is_rejected_with_kites_words() -> None:
    world = World()
    reply = world.run(lambda: world.broker.place(order(units=64)))
    assert (reply.outcome, reply.order_id) == (Outcome.REJECTED, None)
    assert "multiples of 65" in reply.message


def test_the_stream_says_up_first_and_then_tells_of_the_order_in_turn() -> None:
    world = World()

    async def story() -> None:
        await world.broker.place(order())
        await world.time.sleep_until(TEN + SECOND)

    world.run(story)
    assert isinstance(world.heard[0][1], StreamUp)
    assert world.order_frames() == ["OPEN", "COMPLETE"]


def test_records_are_kept_before_the_reply_and_before_any_frame() -> None:
    kept: list[int] = []

    class Watching(MemoryBooks):
        def append(self, records: Sequence[ExchangeRecord]) -> None:
            kept.append(len(world.order_frames()))
            super().append(records)

    world = World()
    world.broker.books = Watching()
    world.run(lambda: world.broker.place(order()))
    assert kept == [0]


def test_the_same_seed_gives_the_same_story_to_the_nanosecond() -> None:
    def told() -> list[tuple[int, StreamFrame]]:
        world = World()

        async def story() -> None:
            for n in range(5):
                await world.broker.place(order(tag=f"T{n}"))
            cancelled = await world.broker.place(order(limit=80_00))
            await world.broker.cancel(cancelled.order_id or "")
            await world.time.sleep_until(TEN + 5 * SECOND)

        world.run(story)
        return world.heard

    assert told() == told()


def test_a_cancel_is_confirmed_as_a_request_and_takes_effect_by_itself() -> None:
    world = World()

    async def story() -> tuple[Outcome, OrderStatus | None]:
        placed = await world.broker.place(order(limit=80_00))
        reply = await world.broker.cancel(placed.order_id or "")
        await world.time.sleep_until(TEN + SECOND)
        (row,) = await world.broker.orders()
        return reply.outcome, row.status

    assert world.run(story) == (Outcome.CONFIRMED, OrderStatus.CANCELLED)


def test_two_cancels_with_different_delays_both_take_effect() -> None:
    world = World()

    async def story() -> list[OrderStatus | None]:
        ids = [(await world.broker.place(order(limit=80_00))).order_id or "" for _ in range(3)]
        for order_id in ids:
            await world.broker.cancel(order_id)
        await world.time.sleep_until(TEN + 2 * SECOND)
        return [row.status for row in await world.broker.orders()]

    assert world.run(story) == [OrderStatus.CANCELLED] * 3


def test_books_are_read_whole_and_positions_lag() -> None:
    world = World()

    async def story() -> tuple[int, int, int]:
        await world.broker.place(order())
        trades = await world.broker.trades()
        early = await world.broker.positions()
        await world.time.sleep_until(TEN + 3 * SECOND)
        return len(trades), len(early), len(await world.broker.positions())

    assert world.run(story) == (1, 0, 1)


def test_a_timed_out_request_can_have_been_placed_all_the_same() -> None:
    answer = Reply(Outcome.UNKNOWN, message="timed out")
    world = World(Faulty(RequestFault(answer=answer, answer_after_ns=7 * SECOND)))

    async def story() -> tuple[Outcome, int]:
        reply = await world.broker.place(order())
        return reply.outcome, len(await world.broker.orders())

    assert world.run(story) == (Outcome.UNKNOWN, 1)


def test_a_request_can_arrive_long_after_its_caller_gave_up() -> None:
    answer = Reply(Outcome.UNKNOWN, message="timed out")
    fault = RequestFault(answer=answer, answer_after_ns=SECOND, late_ns=3 * SECOND)
    world = World(Faulty(fault))

    async def story() -> tuple[int, int]:
        await world.broker.place(order())
        before = len(await world.broker.orders())
        await world.time.sleep_until(TEN + 4 * SECOND)
        return before, len(await world.broker.orders())

    assert world.run(story) == (0, 1)


def test_a_request_that_never_arrives_is_unknown_after_the_clients_patience() -> None:
    world = World(Faulty(RequestFault(arrives=False)))

    async def story() -> tuple[Outcome, int]:
        reply = await world.broker.place(order())
        return reply.outcome, world.time.now_ns() - TEN

    assert world.run(story) == (Outcome.UNKNOWN, 7 * SECOND)
    assert world.broker.exchange.ledger.orders == {}


def test_a_lost_reply_leaves_the_order_at_the_exchange() -> None:
    lost = ReplyFault(Reply(Outcome.UNKNOWN, message="connection reset"), late_ns=2 * SECOND)
    world = World(Faulty(reply=lost))

    async def story() -> Reply:
        return await world.broker.place(order())

    assert world.run(story).outcome is Outcome.UNKNOWN
    assert len(world.broker.exchange.ledger.orders) == 1
    assert world.time.now_ns() - TEN > 2 * SECOND


def test_frames_can_be_lost_repeated_and_late() -> None:
    world = World(Faulty(frames=[(), (0, 300 * MS)]))

    async def story() -> None:
        await world.broker.place(order())
        await world.time.sleep_until(TEN + SECOND)

    world.run(story)
    assert world.order_frames() == ["COMPLETE", "COMPLETE"]


def test_a_late_frame_comes_after_a_newer_one() -> None:
    world = World(Faulty(frames=[(300 * MS,), (0,)]))

    async def story() -> None:
        await world.broker.place(order())
        await world.time.sleep_until(TEN + SECOND)

    world.run(story)
    assert world.order_frames() == ["COMPLETE", "OPEN"]


def test_a_book_can_be_refused_stale_or_cut_short() -> None:
    faults = Faulty()
    world = World(faults)

    async def story() -> tuple[int, int]:
        await world.broker.place(order())
        await world.broker.place(order(tag="T2"))
        faults.book = BookFault(keep=1)
        kept = len(await world.broker.orders())
        faults.book = BookFault(stale_ns=10 * SECOND)
        stale = len(await world.broker.orders())
        faults.book = BookFault(error=BookUnavailable("502 Bad Gateway"))
        with pytest.raises(BookUnavailable, match="502"):
            await world.broker.positions()
        return kept, stale

    assert world.run(story) == (1, 0)


def test_a_dropped_stream_says_so_and_replays_nothing_when_it_returns() -> None:
    world = World()

    async def story() -> None:
        await world.time.sleep_until(TEN + SECOND)
        world.broker.stream.drop("connection reset")
        await world.broker.place(order())
        world.broker.stream.restore()
        await world.time.sleep_until(TEN + 3 * SECOND)

    world.run(story)
    kinds = [type(frame) for _, frame in world.heard]
    assert kinds.count(StreamDown) == 1
    assert kinds.count(StreamUp) == 2
    assert world.order_frames() == []


def test_a_new_core_hears_nothing_meant_for_the_one_that_died() -> None:
    world = World()
    mine: list[StreamFrame] = []

    async def story() -> None:
        await world.broker.place(order())
        world.broker.stream.disconnect()
        world.broker.listen(mine.append)
        await world.time.sleep_until(TEN + 500 * MS)

    world.run(story)
    assert [type(frame) for frame in mine] == [StreamUp]


def test_the_traders_own_orders_reach_book_and_stream_without_a_tag() -> None:
    world = World()

    async def story() -> tuple[tuple[str, ...], str | None]:
        order_id = world.broker.trade_by_hand(order(tag=""))
        await world.time.sleep_until(TEN + SECOND)
        (row,) = await world.broker.orders()
        return row.tags, order_id

    tags, order_id = world.run(story)
    assert tags == ()
    assert order_id is not None
    assert world.order_frames() == ["OPEN", "COMPLETE"]


def test_an_exchange_that_cannot_write_acknowledges_nothing() -> None:
    class Full(MemoryBooks):
        def append(self, records: Sequence[ExchangeRecord]) -> None:
            raise ExchangeFileError("the exchange cannot write its books (disk full)")

    world = World()
    world.broker.books = Full()

    async def story() -> Outcome:
        reply = await world.broker.place(order())
        with pytest.raises(BookUnavailable, match="cannot write"):
            await world.broker.orders()
        return reply.outcome

    assert world.run(story) is Outcome.UNKNOWN
    assert world.order_frames() == []


def test_refolding_what_was_kept_gives_the_brokers_books() -> None:
    world = World()

    async def story() -> None:
        await world.broker.place(order(Side.BUY, 1755))
        world.broker.on_quotes(world.time.now_ns(), {SHORT_CALL: quote(at_ns=world.time.now_ns())})

    world.run(story)
    ledger = Ledger()
    for record in world.books.records():
        ledger.apply(record)
    assert ledger == world.broker.exchange.ledger
    assert ledger.order_rows(NEVER_NS)[0].filled_units == 1300
