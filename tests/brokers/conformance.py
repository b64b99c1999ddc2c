"""What every broker behind the port must do, whoever it is.

A subclass says how to reach a broker and how to move its market; the tests are the port's contract. Nothing
here knows of latencies: ``settle`` returns once replies, frames and lagging positions have had their time.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from core.brokers.port import (
    BasketLeg,
    BookPort,
    OrderChange,
    OrderPort,
    OrderRequest,
    StreamBeat,
    StreamFrame,
    StreamOrder,
    StreamUp,
)
from core.domain.instruments import Contract, Product, Side
from core.domain.orders import TERMINAL, OrderReport, OrderStatus, OrderType, Outcome

QuoteMover = Callable[[Contract, int, int, int], None]
"""Contract, bid, ask in paise, and the units displayed on each side."""


@dataclass
class Rig:
    """A broker, its market, and everything its stream has said. The account is flat and has funds.

    ``near`` and ``far`` are two strikes of one expiry and right, ``far`` farther from the money.
    """

    orders: OrderPort
    books: BookPort
    near: Contract
    far: Contract
    quote: QuoteMover
    settle: Callable[[], Awaitable[None]]
    frames: list[StreamFrame] = field(default_factory=list)
    _tags: int = 0

    def request(self, side: Side, limit_paise: int, **changes: object) -> OrderRequest:
        """One lot of the near strike, with a tag of its own."""
        self._tags += 1
        plain = OrderRequest(
            f"conform{self._tags}",
            self.near.symbol,
            self.near.exchange,
            Product.NRML,
            side,
            self.near.lot_units,
            OrderType.LIMIT,
            limit_paise,
        )
        return replace(plain, **changes)  # type: ignore[arg-type]

    async def placed(self, request: OrderRequest) -> str:
        """Place what must be taken; its id, when its news has settled."""
        reply = await self.orders.place(request)
        assert reply.outcome is Outcome.CONFIRMED, reply
        assert isinstance(reply.order_id, str)
        assert reply.order_id
        await self.settle()
        return reply.order_id

    async def row(self, order_id: str) -> OrderReport:
        """The order's row of the book."""
        (row,) = [row for row in await self.books.orders() if row.order_id == order_id]
        return row


Story = Callable[[Rig], Awaitable[None]]
BID, ASK, MANY = 100_00, 101_00, 10_000
FAR_BID, FAR_ASK = 50_00, 51_00


class BrokerConformance(ABC):
    """The contract. Both strikes are quoted, 100.00 to 101.00 and 50.00 to 51.00, when a story begins."""

    @abstractmethod
    def run(self, story: Story) -> None:
        """Play a story against a fresh broker that is listened to, its market open and quoted as above."""

    def test_a_resting_order_stands_in_the_book_as_it_was_sent(self) -> None:
        async def story(rig: Rig) -> None:
            request = rig.request(Side.BUY, 99_95)
            row = await rig.row(await rig.placed(request))
            assert request.tag in row.tags
            assert (row.symbol, row.exchange, row.product) == (
                request.symbol,
                request.exchange,
                request.product,
            )
            assert (row.side, row.order_type, row.units) == (Side.BUY, OrderType.LIMIT, request.units)
            assert (row.limit_paise, row.filled_units, row.status) == (99_95, 0, OrderStatus.OPEN)

        self.run(story)

    def test_a_marketable_order_fills_at_the_touch_in_every_book(self) -> None:
        async def story(rig: Rig) -> None:
            lot = rig.near.lot_units
            order_id = await rig.placed(rig.request(Side.BUY, 105_00))
            row = await rig.row(order_id)
            assert (row.status, row.filled_units) == (OrderStatus.COMPLETE, lot)
            trades = [t for t in await rig.books.trades() if t.order_id == order_id]
            assert sum(t.units for t in trades) == lot
            assert {t.price_paise for t in trades} == {ASK}
            assert {(t.symbol, t.side) for t in trades} == {(rig.near.symbol, Side.BUY)}
            (position,) = [p for p in await rig.books.positions() if p.units]
            assert (position.key.symbol, position.units) == (rig.near.symbol, lot)

        self.run(story)

    def test_a_short_position_is_negative(self) -> None:
        async def story(rig: Rig) -> None:
            await rig.placed(rig.request(Side.SELL, 99_00))
            (position,) = [p for p in await rig.books.positions() if p.units]
            assert position.units == -rig.near.lot_units

        self.run(story)

    def test_what_is_displayed_fills_and_the_rest_stays_open(self) -> None:
        async def story(rig: Rig) -> None:
            lot = rig.near.lot_units
            rig.quote(rig.near, BID, ASK, lot)
            row = await rig.row(await rig.placed(rig.request(Side.BUY, 102_00, units=3 * lot)))
            assert (row.status, row.filled_units) == (OrderStatus.OPEN, lot)

        self.run(story)

    def test_a_resting_order_fills_when_the_market_comes_to_it(self) -> None:
        async def story(rig: Rig) -> None:
            order_id = await rig.placed(rig.request(Side.BUY, 99_00))
            rig.quote(rig.near, 97_00, 98_00, MANY)
            await rig.settle()
            row = await rig.row(order_id)
            assert (row.status, row.filled_units) == (OrderStatus.COMPLETE, rig.near.lot_units)

        self.run(story)

    def test_a_cancelled_order_is_terminal_and_unfilled(self) -> None:
        async def story(rig: Rig) -> None:
            order_id = await rig.placed(rig.request(Side.BUY, 99_00))
            assert (await rig.orders.cancel(order_id)).outcome is Outcome.CONFIRMED
            await rig.settle()
            row = await rig.row(order_id)
            assert (row.status, row.filled_units) == (OrderStatus.CANCELLED, 0)

        self.run(story)

    def test_a_filled_order_cannot_be_cancelled_or_changed(self) -> None:
        async def story(rig: Rig) -> None:
            order_id = await rig.placed(rig.request(Side.BUY, 105_00))
            change = OrderChange(OrderType.LIMIT, rig.near.lot_units, 106_00)
            assert (await rig.orders.cancel(order_id)).outcome is Outcome.REJECTED
            assert (await rig.orders.modify(order_id, change)).outcome is Outcome.REJECTED
            await rig.settle()
            assert (await rig.row(order_id)).status is OrderStatus.COMPLETE

        self.run(story)

    def test_an_order_nobody_placed_cannot_be_cancelled(self) -> None:
        async def story(rig: Rig) -> None:
            assert (await rig.orders.cancel("1111111111111111111")).outcome is Outcome.REJECTED

        self.run(story)

    def test_a_modification_takes_effect_and_can_make_an_order_marketable(self) -> None:
        async def story(rig: Rig) -> None:
            lot = rig.near.lot_units
            order_id = await rig.placed(rig.request(Side.BUY, 99_00))
            change = OrderChange(OrderType.LIMIT, 2 * lot, 99_50)
            assert (await rig.orders.modify(order_id, change)).outcome is Outcome.CONFIRMED
            await rig.settle()
            row = await rig.row(order_id)
            assert (row.units, row.limit_paise, row.filled_units) == (2 * lot, 99_50, 0)
            change = OrderChange(OrderType.LIMIT, 2 * lot, 102_00)
            assert (await rig.orders.modify(order_id, change)).outcome is Outcome.CONFIRMED
            await rig.settle()
            assert (await rig.row(order_id)).filled_units == 2 * lot

        self.run(story)

    def test_a_stop_waits_for_its_trigger_and_then_fills(self) -> None:
        async def story(rig: Rig) -> None:
            await rig.placed(rig.request(Side.SELL, 99_00))
            stop = rig.request(Side.BUY, 125_00, order_type=OrderType.SL, trigger_paise=120_00)
            order_id = await rig.placed(stop)
            row = await rig.row(order_id)
            assert (row.status, row.order_type) == (OrderStatus.TRIGGER_PENDING, OrderType.SL)
            assert (row.trigger_paise, row.limit_paise, row.filled_units) == (120_00, 125_00, 0)
            rig.quote(rig.near, 121_00, 122_00, MANY)
            await rig.settle()
            assert (await rig.row(order_id)).status is OrderStatus.COMPLETE
            assert not [p for p in await rig.books.positions() if p.units]

        self.run(story)

    def test_a_resting_stop_can_become_a_limit_where_the_broker_says_so(self) -> None:
        async def story(rig: Rig) -> None:
            if not rig.books.capabilities.modify_stop_to_limit:
                pytest.skip("this broker says that it cannot")
            lot = rig.near.lot_units
            await rig.placed(rig.request(Side.SELL, 99_00))
            stop = rig.request(Side.BUY, 125_00, order_type=OrderType.SL, trigger_paise=120_00)
            order_id = await rig.placed(stop)
            reply = await rig.orders.modify(order_id, OrderChange(OrderType.LIMIT, lot, 103_00))
            assert reply.outcome is Outcome.CONFIRMED
            await rig.settle()
            row = await rig.row(order_id)
            assert (row.status, row.filled_units) == (OrderStatus.COMPLETE, lot)

        self.run(story)

    def test_a_stop_that_is_changed_while_it_rests_never_looks_triggered(self) -> None:
        async def story(rig: Rig) -> None:
            lot = rig.near.lot_units
            await rig.placed(rig.request(Side.SELL, 99_00))
            stop = rig.request(Side.BUY, 125_00, order_type=OrderType.SL, trigger_paise=120_00)
            order_id = await rig.placed(stop)
            before = len(rig.frames)
            reply = await rig.orders.modify(order_id, OrderChange(OrderType.SL, lot, 130_00, 126_00))
            assert reply.outcome is Outcome.CONFIRMED
            await rig.settle()
            row = await rig.row(order_id)
            assert (row.status, row.trigger_paise) == (OrderStatus.TRIGGER_PENDING, 126_00)
            told = [f.report for f in rig.frames[before:] if isinstance(f, StreamOrder)]
            news = [report for report in told if report.order_id == order_id]
            assert news
            assert {report.status for report in news} == {OrderStatus.TRIGGER_PENDING}

        self.run(story)

    def test_what_the_exchange_cannot_take_is_proved_not_to_exist(self) -> None:
        async def story(rig: Rig) -> None:
            lot, freeze = rig.near.lot_units, rig.near.freeze_units
            assert freeze is not None
            broken = [
                rig.request(Side.BUY, 99_00, units=lot + 1),
                rig.request(Side.BUY, 99_00, units=(freeze // lot + 1) * lot),
                rig.request(Side.BUY, 99_01),
                rig.request(Side.BUY, 99_00, symbol="NOSUCHCONTRACT"),
                rig.request(Side.BUY, 99_00, tag="t" * 21),
            ]
            for request in broken:
                reply = await rig.orders.place(request)
                assert reply.outcome in (Outcome.REJECTED, Outcome.DENIED), request
                assert reply.message
            await rig.settle()
            assert await rig.books.orders() == ()

        self.run(story)

    def test_a_burst_beyond_the_rate_limit_is_refused_and_never_unclear(self) -> None:
        async def story(rig: Rig) -> None:
            burst = 3 * rig.books.capabilities.orders_per_second
            requests = [rig.request(Side.BUY, 97_00) for _ in range(burst)]
            replies = await asyncio.gather(*(rig.orders.place(request) for request in requests))
            await rig.settle()
            taken = {reply.order_id for reply in replies if reply.outcome is Outcome.CONFIRMED}
            assert {reply.outcome for reply in replies} <= {Outcome.CONFIRMED, Outcome.REJECTED}
            assert {row.order_id for row in await rig.books.orders()} == taken

        self.run(story)

    def test_the_stream_says_that_it_is_up_and_then_tells_of_a_fill(self) -> None:
        async def story(rig: Rig) -> None:
            request = rig.request(Side.BUY, 105_00)
            order_id = await rig.placed(request)
            told = [f for f in rig.frames if not isinstance(f, StreamBeat)]
            assert isinstance(told[0], StreamUp)
            news = [f.report for f in told if isinstance(f, StreamOrder) and f.report.order_id == order_id]
            assert request.tag in news[-1].tags
            assert max(report.filled_units for report in news) == request.units
            assert any(report.status in TERMINAL for report in news)

        self.run(story)

    def test_the_stream_beats_while_nothing_happens(self) -> None:
        async def story(rig: Rig) -> None:
            await rig.settle()
            before = len(rig.frames)
            await rig.settle()
            assert any(isinstance(frame, StreamBeat) for frame in rig.frames[before:])

        self.run(story)

    def test_a_short_uses_margin_and_a_bought_option_uses_cash(self) -> None:
        async def story(rig: Rig) -> None:
            flat = await rig.books.funds()
            await rig.placed(rig.request(Side.BUY, 105_00))
            bought = await rig.books.funds()
            assert flat.cash_paise - bought.cash_paise == rig.near.lot_units * ASK
            short = rig.request(Side.SELL, 49_00, symbol=rig.far.symbol)
            await rig.placed(short)
            assert (await rig.books.funds()).used_paise > bought.used_paise

        self.run(story)

    def test_a_basket_with_its_cover_blocks_less_than_it_needs_to_be_sent(self) -> None:
        async def story(rig: Rig) -> None:
            lot = rig.near.lot_units
            short = BasketLeg(rig.near.symbol, rig.near.exchange, Product.NRML, Side.SELL, lot, BID)
            long = BasketLeg(rig.far.symbol, rig.far.exchange, Product.NRML, Side.BUY, lot, FAR_ASK)
            naked = await rig.books.basket_margin((short,))
            spread = await rig.books.basket_margin((short, long))
            assert 0 <= spread.final_paise < spread.initial_paise
            assert spread.final_paise < naked.final_paise

        self.run(story)

    def test_the_same_book_read_twice_is_the_same(self) -> None:
        async def story(rig: Rig) -> None:
            await rig.placed(rig.request(Side.BUY, 105_00))
            await rig.placed(rig.request(Side.BUY, 99_00))
            assert await rig.books.orders() == await rig.books.orders()
            assert await rig.books.trades() == await rig.books.trades()
            assert await rig.books.positions() == await rig.books.positions()

        self.run(story)
