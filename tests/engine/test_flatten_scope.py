"""Whose units a flatten closes, by the broker's books alone."""

from __future__ import annotations

from core.domain.instruments import PositionKey, Product, Side
from core.domain.orders import OrderReport, OrderStatus, OrderType, PositionReport, TradeReport
from core.domain.tags import tag_for
from core.engine.flatten_scope import Books, Held, Scope, our_scope

CALL = "NIFTY26AUG24500CE"
KEY = PositionKey("NFO", CALL, Product.NRML)


def order(order_id: str, tags: tuple[str, ...], status: OrderStatus = OrderStatus.COMPLETE) -> OrderReport:
    return OrderReport(
        order_id,
        tags,
        CALL,
        "NFO",
        Product.NRML,
        Side.BUY,
        OrderType.LIMIT,
        65,
        65,
        100_00,
        0,
        status,
        status.value,
    )


def ours(order_id: str = "1", status: OrderStatus = OrderStatus.COMPLETE) -> OrderReport:
    return order(order_id, (tag_for("FLAT01", 1, 1, 1, 1),), status)


def traders(order_id: str = "2", status: OrderStatus = OrderStatus.COMPLETE) -> OrderReport:
    return order(order_id, (), status)


def trade(order_id: str, units: int) -> TradeReport:
    side = Side.BUY if units > 0 else Side.SELL
    return TradeReport(f"t{order_id}", order_id, CALL, "NFO", Product.NRML, side, abs(units), 100_00, 1)


def books(
    our_units: int,
    trader_units: int,
    carried: int = 0,
    *,
    shown: int | None = None,
    more: tuple[OrderReport, ...] = (),
) -> Books:
    net = carried + our_units + trader_units
    trades = [trade("1", our_units)] if our_units else []
    trades += [trade("2", trader_units)] if trader_units else []
    position = PositionReport(KEY, net if shown is None else shown, carried)
    return Books((ours(), traders(), *more), tuple(trades), (position,))


def closing(read: Books, journal_net: dict[PositionKey, int] | None = None) -> dict[PositionKey, int]:
    chosen = our_scope(read, journal_net or {}).of(read.held)
    return {position.key: position.units for position in chosen.positions}


def test_only_our_own_net_goes_where_the_trader_holds_the_same_symbol() -> None:
    assert closing(books(65, 130)) == {KEY: 65}
    assert closing(books(-65, -130)) == {KEY: -65}


def test_a_symbol_in_which_ours_has_been_closed_is_the_traders_alone() -> None:
    assert closing(books(0, 130)) == {}


def test_no_close_goes_beyond_the_accounts_net() -> None:
    assert closing(books(130, -65)) == {KEY: 65}
    assert closing(books(65, -130)) == {}
    assert closing(books(-65, 130)) == {}


def test_a_carried_position_that_no_journal_vouches_for_goes_whole_and_is_marked() -> None:
    read = books(65, 0, carried=130)
    scope = our_scope(read, {})
    assert closing(read) == {KEY: 195}
    assert "130 were carried" in scope.mixed[KEY]


def test_a_carried_position_that_the_journal_holds_exactly_is_ours_and_not_marked() -> None:
    read = books(65, 0, carried=130)
    scope = our_scope(read, {KEY: 195})
    assert closing(read, {KEY: 195}) == {KEY: 195}
    assert not scope.mixed


def test_a_position_that_the_trades_do_not_explain_is_marked() -> None:
    read = books(65, 0, shown=130)
    assert "do not explain" in our_scope(read, {}).mixed[KEY]


def test_the_traders_working_order_stays_with_his_units_and_goes_with_a_position_that_goes_whole() -> None:
    working = (ours("8", OrderStatus.OPEN), traders("9", OrderStatus.OPEN))
    shared, alone = books(65, 130, more=working), books(65, 0, more=working)
    assert [each.order_id for each in our_scope(shared, {}).of(shared.held).working] == ["8"]
    assert [each.order_id for each in our_scope(alone, {}).of(alone.held).working] == ["8", "9"]


def test_an_order_of_ours_goes_where_nothing_is_held() -> None:
    read = Books((ours("8", OrderStatus.OPEN), traders("9", OrderStatus.OPEN)), (), ())
    assert [each.order_id for each in our_scope(read, {}).of(read.held).working] == ["8"]


def test_the_whole_account_is_everything() -> None:
    read = books(65, 130)
    assert Scope().of(read.held) == read.held == Held(read.positions, ())
