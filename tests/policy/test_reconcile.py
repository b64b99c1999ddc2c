"""The broker's books against ours: the broker wins, and every difference has a name."""

from __future__ import annotations

from dataclasses import replace

from core.domain.account import DivergenceKind, Severity
from core.domain.effects import ReadBooks
from core.domain.evolve import evolve
from core.domain.facts import DivergenceFound, HoldingClosedByOthers, PositionDoubted, Recorded, StateChanged
from core.domain.groups import IncompletePolicy
from core.domain.inputs import BooksRead, CoreStarted, OperatorAction, OperatorCommand, OrderNews, SubmitGroup
from core.domain.instruments import PositionKey, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import OrderReport, OrderStatus, OrderType, Purpose, Source
from core.domain.timing import NS_PER_S
from tests.builders import (
    LONG_CALL,
    LONG_PUT,
    LOT,
    SHORT_CALL,
    SHORT_PUT,
    VERTICAL,
    Desk,
    desk_with,
    fill_everything,
    open_condor,
    option,
    plan,
)

_S = ExecutionLifecycle
OTHER = option(24_400, Right.PE).symbol
"""A contract that no group of these tests holds."""


def key(symbol: str, product: Product = Product.NRML) -> PositionKey:
    return PositionKey("NFO", symbol, product)


def kinds(desk: Desk) -> list[DivergenceKind]:
    return [fact.divergence for fact in desk.facts(DivergenceFound)]  # type: ignore[union-attr]


def read_twice(desk: Desk) -> None:
    desk.later(6_000)
    desk.read_books()
    desk.later(6_000)
    desk.read_books()


def stranger(symbol: str = LONG_PUT, order_id: str = "F1") -> OrderReport:
    return OrderReport(
        order_id,
        ("somebody",),
        symbol,
        "NFO",
        Product.NRML,
        Side.SELL,
        OrderType.LIMIT,
        LOT,
        0,
        40_00,
        0,
        OrderStatus.OPEN,
        "OPEN",
    )


# Missed news


def test_a_fill_that_no_frame_told_of_is_taken_over_and_counted_as_missed() -> None:
    desk = desk_with(plan(VERTICAL))
    desk.accept()
    desk.trade(desk.sent[0], 3 * LOT)
    desk.later(5_000)
    desk.read_books()
    assert desk.net() == {LONG_PUT: 3 * LOT}
    assert kinds(desk) == [DivergenceKind.MISSED_FILL]
    assert not any(each.is_open for each in desk.account.divergences.values())


def test_a_fill_that_is_only_a_moment_old_is_no_divergence() -> None:
    desk = desk_with(plan(VERTICAL))
    desk.accept()
    desk.later(5_000)
    desk.trade(desk.sent[0], 3 * LOT)
    desk.read_books()
    assert desk.net() == {LONG_PUT: 3 * LOT}
    assert kinds(desk) == []


def test_a_cancel_and_a_rejection_that_no_frame_told_of_have_names() -> None:
    desk = desk_with(plan())
    desk.accept()
    put, call = desk.sent
    desk.change(put, status=OrderStatus.CANCELLED)
    desk.change(call, status=OrderStatus.REJECTED, message="RMS")
    desk.later(5_000)
    desk.read_books()
    assert sorted(kinds(desk)) == [DivergenceKind.MISSED_CANCEL, DivergenceKind.MISSED_REJECT]


def test_reading_the_same_books_again_records_nothing() -> None:
    desk = open_condor()
    desk.later(20_000)
    desk.read_books()
    rows = len(desk.rows)
    for _ in range(10):
        desk.later(12_000)
        desk.read_books()
    assert len(desk.rows) == rows


# Orders that are not ours


def test_an_order_that_is_not_ours_is_noted_once_and_never_touched() -> None:
    desk = open_condor()
    sent = len(desk.sent)
    for _ in range(3):
        desk.give(OrderNews(stranger("NIFTY26AUG23000PE")))
    assert kinds(desk) == [DivergenceKind.FOREIGN_ORDER]
    assert desk.account.foreign_orders == {"F1": f"SELL {LOT} NIFTY26AUG23000PE"}
    assert len(desk.sent) == sent
    assert not desk.account.alerts


def test_an_order_that_is_not_ours_in_a_symbol_we_hold_is_a_critical_alert() -> None:
    desk = open_condor()
    desk.give(OrderNews(stranger(LONG_PUT)))
    assert [alert.severity for alert in desk.account.alerts.values()] == [Severity.CRITICAL]


# Positions that are the trader's own


def test_a_position_of_the_traders_own_is_shown_and_never_traded() -> None:
    desk = open_condor()
    sent = len(desk.sent)
    desk.others[key("NIFTY26AUG23000PE")] = -3 * LOT
    read_twice(desk)
    assert desk.account.foreign == {key("NIFTY26AUG23000PE"): -3 * LOT}
    assert kinds(desk) == [DivergenceKind.FOREIGN_POSITION]
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
    fill_everything(desk)
    assert {order.symbol for order in desk.sent[sent:]} <= {each.symbol for each in desk.sent[:sent]}
    assert desk.account.foreign == {key("NIFTY26AUG23000PE"): -3 * LOT}


def test_the_traders_own_units_beside_ours_stay_his_when_we_leave() -> None:
    desk = open_condor()
    desk.others[key(LONG_PUT)] = 2 * LOT
    read_twice(desk)
    assert desk.account.foreign == {key(LONG_PUT): 2 * LOT}
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
    fill_everything(desk)
    sold = sum(order.units for order in desk.sends(LONG_PUT, Side.SELL))
    assert sold == 10 * LOT


def test_a_trader_who_leaves_a_position_beside_ours_leaves_his_own_and_ours_stays_covered() -> None:
    desk = open_condor()
    desk.others[key(SHORT_PUT)] = -5 * LOT
    read_twice(desk)
    sent = len(desk.sent)
    desk.others[key(SHORT_PUT)] = 0
    read_twice(desk)
    fill_everything(desk)
    assert not desk.account.foreign
    assert len(desk.sent) == sent, "nothing of ours was closed, so no cover is sold"
    assert desk.is_in(_S.OPEN)


def test_a_trader_who_closes_more_than_his_own_has_closed_the_rest_of_ours() -> None:
    desk = open_condor()
    desk.others[key(SHORT_PUT)] = -5 * LOT
    read_twice(desk)
    desk.others[key(SHORT_PUT)] = 4 * LOT
    read_twice(desk)
    assert not desk.account.foreign
    assert [fact.units for fact in desk.facts(HoldingClosedByOthers)] == [4 * LOT]  # type: ignore[union-attr]


def test_what_ended_a_holding_on_the_other_side_of_its_leg_brings_the_books_together() -> None:
    desk = open_condor()
    leg = next(leg.index for leg in desk.group().plan.legs if leg.contract.symbol == LONG_PUT)
    for fact in (
        StateChanged("G-001", _S.MANUAL, "a person has it", ManualCause.OPERATOR),
        HoldingClosedByOthers("G-001", leg, 12 * LOT, "two lots too many"),
    ):
        desk.account = evolve(desk.account, Recorded(desk.account.seq + 1, desk.now_ns, "G-001", fact))
    assert desk.account.net_units(key(LONG_PUT)) == -2 * LOT
    desk.others[key(LONG_PUT)] = -10 * LOT
    read_twice(desk)
    assert desk.account.net_units(key(LONG_PUT)) == 0
    read_twice(desk)
    assert [fact.units for fact in desk.facts(HoldingClosedByOthers)] == [-2 * LOT]  # type: ignore[union-attr]
    assert not desk.account.foreign


def test_a_position_book_that_lacks_a_row_is_half_a_book_and_closes_nothing() -> None:
    desk = open_condor()
    sent = len(desk.sent)
    for _ in range(4):
        desk.later(6_000)
        desk.give(BooksRead(replace(desk.snapshot(), positions=()), Source.POLL))
    assert desk.is_in(_S.OPEN)
    assert len(desk.sent) == sent
    assert not desk.facts(HoldingClosedByOthers)
    missing = [alert for alert in desk.account.alerts.values() if "has no row" in alert.text]
    assert len(missing) == 4
    desk.later(1_000)
    desk.read_books()
    assert all(desk.account.alerts[alert.alert_id].cleared for alert in missing)


def test_books_that_ask_for_an_absurd_hedge_are_given_to_a_person() -> None:
    desk = open_condor()
    leg = next(leg.index for leg in desk.group().plan.legs if leg.contract.symbol == SHORT_PUT)
    absurd = HoldingClosedByOthers("G-001", leg, -1_000 * LOT, "a position book that makes no sense")
    desk.account = evolve(desk.account, Recorded(desk.account.seq + 1, desk.now_ns, "G-001", absurd))
    sent = len(desk.sent)
    desk.monitor()
    desk.later(2_000)
    assert desk.is_in(_S.MANUAL)
    assert "the books cannot be right" in desk.account.alerts["manual:G-001"].text
    assert len(desk.sent) == sent


def test_the_first_books_of_a_start_already_tell_the_traders_own_from_ours() -> None:
    desk = Desk()
    desk.others[key(LONG_PUT)] = -5 * LOT
    desk.start()
    assert desk.account.foreign == {key(LONG_PUT): -5 * LOT}
    assert desk.submit(plan()).state is _S.REJECTED
    assert not desk.sent, "a bought wing would only have closed the trader's short"


def test_a_position_of_another_product_is_not_ours() -> None:
    desk = open_condor()
    desk.others[key(LONG_PUT, Product.MIS)] = -10 * LOT
    read_twice(desk)
    assert desk.is_in(_S.OPEN)
    assert desk.account.foreign == {key(LONG_PUT, Product.MIS): -10 * LOT}


def test_a_difference_seen_once_is_a_doubt_and_nothing_more() -> None:
    desk = open_condor()
    desk.later(6_000)
    desk.others[key(LONG_PUT)] = -10 * LOT
    desk.read_books()
    desk.others.clear()
    desk.later(6_000)
    desk.read_books()
    assert desk.is_in(_S.OPEN)
    assert [fact.units for fact in desk.facts(PositionDoubted)] == [-10 * LOT, 0]  # type: ignore[union-attr]
    assert kinds(desk) == []


def test_positions_that_lag_behind_a_fresh_fill_are_not_believed() -> None:
    desk = desk_with(plan(VERTICAL))
    desk.accept()
    desk.fill(desk.sent[0])
    desk.others[key(LONG_PUT)] = -10 * LOT
    for _ in range(3):
        desk.later(1_000)
        desk.read_books()
    assert not desk.facts(PositionDoubted)


def test_entries_wait_in_a_symbol_whose_position_is_in_doubt() -> None:
    desk = desk_with(plan(VERTICAL, good_for_s=60))
    desk.accept()
    desk.fill(desk.sent[0])
    short = desk.sends(SHORT_PUT)[0]
    desk.accept(short)
    desk.others[key(LONG_PUT)] = 5 * LOT
    desk.later(6_000)
    desk.read_books()
    assert key(LONG_PUT) in desk.account.doubts
    desk.cancelled(short)
    assert len(desk.sends(SHORT_PUT)) == 2, "its own symbol is not in doubt"
    desk.submit(plan((VERTICAL[0],), 1, number=2))
    desk.later(100)
    assert not [order for order in desk.sent if order.group_id == "G-002"]


# Units of ours that somebody else closed


def test_units_closed_by_someone_else_are_charged_to_the_group_that_held_them() -> None:
    desk = open_condor()
    desk.others[key(SHORT_PUT)] = 4 * LOT
    read_twice(desk)
    assert [fact.units for fact in desk.facts(HoldingClosedByOthers)] == [4 * LOT]  # type: ignore[union-attr]
    assert kinds(desk) == [DivergenceKind.CLOSED_BY_OTHERS]
    assert desk.account.alerts[f"closed:G-001:{SHORT_PUT}"].severity is Severity.CRITICAL


def test_a_group_that_lost_units_to_someone_else_is_scaled_down_to_whole_copies() -> None:
    desk = open_condor()
    desk.others[key(SHORT_PUT)] = 4 * LOT
    read_twice(desk)
    fill_everything(desk)
    assert desk.is_in(_S.OPEN)
    assert set(map(abs, desk.net().values())) == {6 * LOT}
    assert not desk.sends(SHORT_PUT, Side.SELL, Purpose.UNWIND), "what is gone is not sold again"


def test_an_exit_never_trades_more_than_the_broker_still_holds() -> None:
    desk = open_condor(on_incomplete=IncompletePolicy.UNWIND)
    desk.others[key(SHORT_PUT)] = 4 * LOT
    read_twice(desk)
    fill_everything(desk)
    assert desk.is_in(_S.CLOSED)
    assert sum(order.units for order in desk.sends(SHORT_PUT, Side.BUY)) == 6 * LOT


def test_units_closed_beyond_ours_leave_the_rest_as_the_traders_own() -> None:
    desk = open_condor()
    desk.others[key(LONG_CALL)] = -12 * LOT
    read_twice(desk)
    assert desk.account.foreign == {key(LONG_CALL): -2 * LOT}
    assert [fact.units for fact in desk.facts(HoldingClosedByOthers)] == [10 * LOT]  # type: ignore[union-attr]


def test_units_that_several_groups_hold_and_someone_else_closed_stop_all_of_them() -> None:
    desk = open_condor()
    desk.give(SubmitGroup(replace(plan(VERTICAL, number=2), good_until_ns=desk.now_ns + 600 * NS_PER_S)))
    fill_everything(desk)
    assert desk.is_in(_S.OPEN, 2), desk.group(2).reason
    sent = len(desk.sent)
    desk.others[key(SHORT_PUT)] = 4 * LOT
    read_twice(desk)
    for number in (1, 2):
        assert desk.is_in(_S.MANUAL, number)
        assert desk.group(number).cause is ManualCause.SHARED_SYMBOL_CLOSED
        assert f"manual:G-00{number}" in desk.account.alerts
    assert len(desk.sent) == sent


def test_while_several_groups_are_stopped_the_difference_stays_open() -> None:
    desk = open_condor()
    desk.give(SubmitGroup(replace(plan(VERTICAL, number=2), good_until_ns=desk.now_ns + 600 * NS_PER_S)))
    fill_everything(desk)
    desk.others[key(SHORT_PUT)] = 4 * LOT
    read_twice(desk)
    assert any(each.is_open for each in desk.account.divergences.values())
    rows = len(desk.rows)
    for _ in range(20):
        desk.later(6_000)
        desk.read_books()
    assert len(desk.rows) < rows + 10, "the same difference is not found again and again"


def test_figures_that_meet_while_our_own_orders_fill_settle_no_difference() -> None:
    desk = open_condor()
    desk.give(SubmitGroup(replace(plan(VERTICAL, number=2), good_until_ns=desk.now_ns + 600 * NS_PER_S)))
    fill_everything(desk)
    desk.others[key(SHORT_PUT)] = 4 * LOT
    read_twice(desk)
    name = f"position:{key(SHORT_PUT)}"
    assert desk.account.divergences[name].is_open
    desk.give(OperatorCommand(OperatorAction.FLATTEN, "G-001", "person", 0))
    back = desk.sends(symbol=SHORT_PUT, purpose=Purpose.EXIT)[-1]
    desk.accept(back)
    desk.fill(back, 4 * LOT)
    desk.others[key(SHORT_PUT)] = 0  # by chance: the book shows as many units fewer as it lags behind
    desk.read_books()
    assert desk.account.divergences[name].is_open
    desk.fill(back)
    desk.later(6_000)
    desk.read_books()
    assert not desk.account.divergences[name].is_open, "nothing moves any more, and the figures still meet"


def test_a_process_that_has_not_read_the_books_closes_nothing_that_an_earlier_one_may_have_closed() -> None:
    desk = open_condor()
    sent = len(desk.sent)
    desk.give(CoreStarted(restart=True))
    desk.give(OperatorCommand(OperatorAction.FLATTEN, "G-001", "tester", 0))
    desk.later(2_000)
    assert len(desk.sent) == sent
    desk.read_books(Source.RECOVERY)
    assert len(desk.sent) > sent


def restarted(desk: Desk) -> int:
    """Another process takes over and is asked to close the group. Returns how many orders had been sent."""
    sent = len(desk.sent)
    desk.later(60_000)
    desk.give(CoreStarted(restart=True))
    desk.give(OperatorCommand(OperatorAction.FLATTEN, "G-001", "tester", 0))
    desk.later(100)
    desk.read_books(Source.RECOVERY)
    return sent


def test_what_somebody_closed_while_no_core_lived_is_not_closed_a_second_time() -> None:
    desk = open_condor()
    desk.others[key(SHORT_PUT)] = 10 * LOT
    desk.others[key(LONG_PUT)] = -10 * LOT
    sent = restarted(desk)
    bought = {order.symbol for order in desk.sent[sent:]}
    assert SHORT_PUT not in bought
    assert bought, "what is there as it was left is closed at once"
    for _ in range(4):
        desk.later(2_000)
        desk.read_books()
    assert not {SHORT_PUT, LONG_PUT} & {order.symbol for order in desk.sent[sent:]}
    assert [fact.units for fact in desk.facts(HoldingClosedByOthers)] == [10 * LOT, 10 * LOT]  # type: ignore[union-attr]


def test_a_position_that_only_lagged_behind_at_the_start_is_closed_with_the_next_books() -> None:
    desk = open_condor()
    desk.others[key(SHORT_PUT)] = 2 * LOT
    sent = restarted(desk)
    assert SHORT_PUT not in {order.symbol for order in desk.sent[sent:]}
    desk.others.clear()
    desk.later(1_000)
    desk.read_books()
    desk.later(1_000)
    assert SHORT_PUT in {order.symbol for order in desk.sent[sent:]}


def test_more_than_was_left_of_what_was_traded_today_keeps_nothing_from_being_closed() -> None:
    desk = open_condor()
    desk.others[key(SHORT_PUT)] = -2 * LOT
    sent = restarted(desk)
    assert SHORT_PUT in {order.symbol for order in desk.sent[sent:]}


def test_what_somebody_else_trades_of_ours_is_looked_for_at_once_and_once_told_by_the_stream() -> None:
    desk = open_condor()
    for symbol, filled, looked in ((LONG_PUT, 0, False), (LONG_PUT, LOT, True), (OTHER, LOT, False)):
        frame = replace(stranger(symbol, f"F-{symbol}"), filled_units=filled)
        effects = desk.give(OrderNews(frame)).effects
        assert any(isinstance(effect, ReadBooks) for effect in effects) is looked
    row = replace(stranger(LONG_PUT, "F2"), filled_units=LOT)
    seen = BooksRead(replace(desk.snapshot(), orders=(*desk.snapshot().orders, row)), Source.POLL)
    assert not [effect for effect in desk.give(seen).effects if isinstance(effect, ReadBooks)]


def exiting_in_doubt(lots: int) -> tuple[Desk, int]:
    """A group that is exited when the broker has shown so many lots less of the short put, once.

    Also returns how many orders had been sent.
    """
    desk = open_condor()
    desk.others[key(SHORT_PUT)] = lots * LOT
    desk.later(6_000)
    desk.read_books()
    sent = len(desk.sent)
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "person", 0))
    return desk, sent


def test_an_exit_waits_for_a_moment_where_the_broker_holds_less_than_is_known() -> None:
    desk, sent = exiting_in_doubt(10)
    assert {order.symbol for order in desk.sent[sent:]} == {SHORT_CALL}
    for _ in range(3):
        desk.later(2_000)
        desk.read_books()
    assert SHORT_PUT not in {order.symbol for order in desk.sent[sent:]}
    assert [fact.units for fact in desk.facts(HoldingClosedByOthers)] == [10 * LOT]  # type: ignore[union-attr]


def test_where_no_books_can_be_read_an_exit_does_not_wait_for_ever() -> None:
    desk, sent = exiting_in_doubt(2)
    desk.later(14_000)
    assert SHORT_PUT not in {order.symbol for order in desk.sent[sent:]}
    desk.later(2_000)
    assert SHORT_PUT in {order.symbol for order in desk.sent[sent:]}
