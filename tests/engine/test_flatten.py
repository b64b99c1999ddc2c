"""Flattening straight from the broker's books: no core, no journal."""

from __future__ import annotations

from core.brokers.paper.books import MemoryBooks
from core.brokers.paper.config import ExchangeConfig, Latencies
from core.brokers.port import OrderRequest
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, PositionKey, Product, Right, Side
from core.domain.orders import OrderType
from core.domain.timing import NS_PER_S
from core.engine.flatten import EVERYTHING, FlattenResult, flatten
from core.engine.flatten_scope import Scope
from core.engine.view_keeper import ViewKeeper
from core.market.synthetic import SyntheticMarket, SyntheticSpec
from core.rehearsal.market_time import MarketTime
from core.rehearsal.sim_loop import run_virtual
from core.rehearsal.world import World

SOURCE = SyntheticMarket(SyntheticSpec(step_ms=1_000), SessionCalendar())


class Desk:
    """An account that somebody traded by hand, with a market around it and nothing of ours running."""

    def __init__(self) -> None:
        self.clock = MarketTime(SOURCE.start_ns)
        self.world = World(
            self.clock, SOURCE, SessionCalendar(), ExchangeConfig(), Latencies(), MemoryBooks()
        )
        self.keeper = ViewKeeper(SOURCE.contracts, SessionCalendar(), SOURCE.stale_after_ns)
        self.world.start()
        self.world.listen(
            lambda quotes, forwards: void(self.keeper.update(self.clock.now_ns(), quotes, forwards))
        )

    def option(self, strike: int, right: Right) -> Contract:
        return next(
            contract
            for contract in SOURCE.contracts.values()
            if contract.strike_paise == strike * 100
            and contract.right is right
            and contract.expiry == min(c.expiry for c in SOURCE.contracts.values())
        )

    def trade(self, contract: Contract, side: Side, lots: int, limit_paise: int | None = None) -> str | None:
        quote = SOURCE.book_at(self.clock.now_ns())[contract.symbol]
        touch = quote.touch_paise(side)
        assert touch is not None
        return self.world.broker.trade_by_hand(
            OrderRequest(
                "",
                contract.symbol,
                contract.exchange,
                Product.NRML,
                side,
                lots * contract.lot_units,
                OrderType.LIMIT,
                limit_paise or touch,
            )
        )

    def flatten(self, scope: Scope = EVERYTHING) -> FlattenResult:
        async def act() -> FlattenResult:
            await self.clock.sleep_until(self.clock.now_ns() + 5 * NS_PER_S)
            return await flatten(
                self.clock,
                self.world.broker,
                self.world.broker,
                SOURCE.contracts,
                lambda: self.keeper.view,
                "FLAT01",
                scope=scope,
                hold=self.clock.hold,
                release=self.clock.release,
            )

        return run_virtual(act, self.clock)

    def units(self) -> dict[str, int]:
        return {
            key.symbol: holding.units
            for key, holding in self.world.exchange.ledger.holdings.items()
            if holding.units
        }


def void(_: object) -> None:
    """A listener has nothing to return."""


def test_an_account_with_a_naked_strangle_and_a_working_order_ends_flat() -> None:
    desk = Desk()
    put, call = desk.option(24_300, Right.PE), desk.option(24_700, Right.CE)
    desk.trade(put, Side.SELL, 1)
    desk.trade(call, Side.SELL, 1)
    resting = desk.trade(put, Side.BUY, 1, limit_paise=80_00)
    assert resting is not None
    assert desk.units() == {put.symbol: -65, call.symbol: -65}
    result = desk.flatten()
    assert result.flat
    assert result.problems == ()
    assert desk.units() == {}
    assert not desk.world.exchange.ledger.orders[resting].is_working


def test_a_short_is_bought_back_before_the_long_that_covers_it_is_sold() -> None:
    desk = Desk()
    short, wing = desk.option(24_300, Right.PE), desk.option(24_100, Right.PE)
    desk.trade(wing, Side.BUY, 2)
    desk.trade(short, Side.SELL, 2)
    assert desk.flatten().flat
    ours = [booked.report for booked in desk.world.exchange.ledger.trades if booked.report.at_ns]
    closing = [trade.symbol for trade in ours[2:]]
    assert closing.index(short.symbol) < closing.index(wing.symbol)


def test_positions_that_were_not_chosen_are_left_alone() -> None:
    desk = Desk()
    ours, traders = desk.option(24_300, Right.PE), desk.option(24_700, Right.CE)
    desk.trade(ours, Side.BUY, 1)
    desk.trade(traders, Side.BUY, 1)
    result = desk.flatten(Scope(frozenset({PositionKey("NFO", ours.symbol, Product.NRML)})))
    assert result.flat
    assert desk.units() == {traders.symbol: 65}


def test_an_account_that_holds_nothing_is_flat_at_once() -> None:
    desk = Desk()
    result = desk.flatten()
    assert result.flat
    assert desk.world.exchange.ledger.order_count == 0
