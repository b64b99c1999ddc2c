"""The day after: what expired, what somebody closed while nobody looked, and what half a book means then."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

from core.domain.facts import HoldingClosedByOthers
from core.domain.groups import GroupPlan
from core.domain.inputs import (
    BooksRead,
    CoreStarted,
    HealthReading,
    MonitorPass,
    OperatorAction,
    OperatorCommand,
    SubmitGroup,
)
from core.domain.instruments import PositionKey, Product, Settlement, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import Purpose, Source
from core.domain.timing import NS_PER_S, from_ist
from core.policy.exposure import day_pnl_paise, group_pnl_paise
from tests.builders import (
    CONDOR,
    CONTRACTS,
    DAY,
    EXPIRY,
    LONG_CALL,
    LONG_PUT,
    LOT,
    SHORT_CALL,
    SHORT_PUT,
    VERTICAL,
    Desk,
    desk_with,
    fill_everything,
    market,
    open_condor,
    plan,
)

_S = ExecutionLifecycle


def restart_on(desk: Desk, day: date, *, listed: bool = True) -> None:
    """The process of another day: yesterday's orders and trades are in no book any more.

    What was traded is in the position book as before, and can be changed there; ``listed`` is whether the
    day's dump still has the contracts.
    """
    for trade in desk.trades:
        key = PositionKey(trade.exchange, trade.symbol, trade.product)
        desk.others[key] = desk.others.get(key, 0) + trade.side.sign * trade.units
    desk.trades.clear()
    desk.book.clear()
    desk.now_ns = from_ist(day, time(9, 20))
    view = market(CONTRACTS if listed else (), at_ns=desk.now_ns)
    desk.view = replace(view, opens_ns=from_ist(day, time(9, 15)), closes_ns=from_ist(day, time(15, 30)))
    desk.give(CoreStarted(restart=True))
    desk.later(100)
    desk.read_books(Source.RECOVERY)
    desk.later(2_000)


def poll_for(desk: Desk, seconds: int) -> None:
    for _ in range(seconds // 12):
        desk.later(12_000)
        desk.read_books()


def ask(desk: Desk, action: OperatorAction, target: str = "G-001") -> None:
    desk.give(OperatorCommand(action, target, "tester", 0))


def test_a_group_that_expired_while_the_core_was_off_ends_though_no_dump_lists_it_any_more() -> None:
    desk = open_condor()
    restart_on(desk, EXPIRY + timedelta(days=1), listed=False)
    desk.others.clear()
    poll_for(desk, 24)
    assert desk.is_in(_S.CLOSED)
    assert not desk.sends(purpose=Purpose.EXIT)
    assert not any(each.is_open for each in desk.account.divergences.values())


def test_what_somebody_closed_overnight_is_neither_traded_nor_kept() -> None:
    desk = open_condor()
    sent = len(desk.sent)
    restart_on(desk, DAY + timedelta(days=1))
    desk.others.clear()
    desk.give(CoreStarted(restart=True))
    desk.later(100)
    desk.read_books(Source.RECOVERY)
    ask(desk, OperatorAction.FLATTEN)
    desk.later(2_000)
    assert len(desk.sent) == sent, "an exit of what is gone would open it the other way round"
    poll_for(desk, 48)
    assert len(desk.sent) == sent
    assert not desk.is_in(_S.CLOSED), "a minute has not passed"
    poll_for(desk, 36)
    assert desk.is_in(_S.CLOSED)
    assert len(desk.sent) == sent
    assert len(desk.facts(HoldingClosedByOthers)) == 4


def stopped() -> GroupPlan:
    return replace(plan(), stop_premium_bps=20_000)


def test_no_stop_is_placed_for_a_short_that_the_broker_does_not_show() -> None:
    desk = Desk().start()
    desk.submit(stopped())
    fill_everything(desk)
    for order in list(desk.sends(purpose=Purpose.STOP)):
        desk.accept(order)
    stops = len(desk.sends(purpose=Purpose.STOP))
    assert stops
    restart_on(desk, DAY + timedelta(days=1))
    for symbol in (SHORT_CALL, SHORT_PUT):
        desk.others.pop(PositionKey("NFO", symbol, Product.NRML))
    desk.give(CoreStarted(restart=True))
    desk.later(100)
    desk.read_books(Source.RECOVERY)
    poll_for(desk, 24)
    assert len(desk.sends(purpose=Purpose.STOP)) == stops


def test_half_a_book_in_the_morning_is_waited_for_and_its_position_closed_as_always() -> None:
    desk = open_condor()
    restart_on(desk, DAY + timedelta(days=1))
    key = PositionKey("NFO", LONG_CALL, Product.NRML)
    units = desk.others.pop(key)
    poll_for(desk, 36)
    assert desk.is_in(_S.OPEN)
    assert not desk.account.alerts[f"no-row:{key}"].cleared
    desk.others[key] = units
    poll_for(desk, 12)
    assert desk.account.alerts[f"no-row:{key}"].cleared
    assert not desk.account.doubts
    poll_for(desk, 60)
    ask(desk, OperatorAction.FLATTEN)
    fill_everything(desk)
    assert desk.is_in(_S.CLOSED)


def test_a_book_without_the_row_of_what_was_traded_today_is_never_believed() -> None:
    desk = open_condor()
    key = PositionKey("NFO", LONG_CALL, Product.NRML)
    for _ in range(20):
        desk.later(12_000)
        book = desk.snapshot()
        rows = tuple(row for row in book.positions if row.key != key)
        desk.give(BooksRead(replace(book, positions=rows), Source.POLL))
    assert desk.is_in(_S.OPEN)
    assert not desk.facts(HoldingClosedByOthers)


def test_before_the_open_an_empty_book_proves_nothing() -> None:
    desk = open_condor()
    restart_on(desk, DAY + timedelta(days=1))
    desk.others.clear()
    desk.now_ns = from_ist(DAY + timedelta(days=2), time(8))
    opens_ns = from_ist(DAY + timedelta(days=2), time(9, 15))
    desk.view = replace(
        desk.view, opens_ns=opens_ns, closes_ns=from_ist(DAY + timedelta(days=2), time(15, 30))
    )
    poll_for(desk, (opens_ns - desk.now_ns) // NS_PER_S)
    assert desk.is_in(_S.OPEN)
    poll_for(desk, 24)
    assert desk.is_in(_S.OPEN)


def test_two_groups_lose_what_both_of_them_held_when_nothing_is_left() -> None:
    desk = open_condor()
    desk.submit(replace(plan(VERTICAL, number=2), good_until_ns=desk.now_ns + 600 * NS_PER_S))
    fill_everything(desk)
    assert desk.is_in(_S.OPEN, 2)
    restart_on(desk, DAY + timedelta(days=1))
    desk.others.clear()
    for _ in range(2):
        poll_for(desk, 96)
    assert desk.is_in(_S.CLOSED)
    assert desk.is_in(_S.CLOSED, 2)
    assert desk.net() == {}


def test_what_is_settled_in_shares_is_off_the_books_after_its_expiry() -> None:
    legs = tuple(
        replace(each, contract=replace(each.contract, settlement=Settlement.PHYSICAL)) for each in CONDOR
    )
    desk = Desk(view=market([each.contract for each in legs])).start()
    desk.submit(plan(legs))
    fill_everything(desk)
    restart_on(desk, EXPIRY + timedelta(days=1), listed=False)
    desk.others.clear()
    poll_for(desk, 24)
    assert desk.is_in(_S.CLOSED)


def worth(desk: Desk, short_call: int) -> None:
    """Every other contract is quoted as ever, the short call around this many rupees."""
    quotes = {symbol: replace(each, at_ns=desk.now_ns) for symbol, each in desk.view.quotes.items()}
    desk.view = replace(desk.view, quotes=quotes)
    desk.move_quote(SHORT_CALL, short_call * 100 - 50, short_call * 100 + 50)


def look(desk: Desk) -> None:
    desk.give(MonitorPass(HealthReading(funds_total_paise=5_00_000_00)))


def day_pnl(desk: Desk) -> int:
    group = desk.group()
    return day_pnl_paise(desk.account, {"G-001": group_pnl_paise(group, desk.view)}, desk.now_ns)


def carried_condor(*, ended: bool) -> Desk:
    """A condor that stood 13,000 up at yesterday's close; ``ended`` is whether the core saw that."""
    desk = open_condor()
    worth(desk, 50)
    close_ns = from_ist(DAY, time(15, 30))
    if ended:
        desk.now_ns = close_ns + NS_PER_S
        opens_ns = from_ist(DAY + timedelta(days=1), time(9, 15))
        desk.view = replace(desk.view, opens_ns=opens_ns, closes_ns=opens_ns + 6 * 3_600 * NS_PER_S)
        desk.read_books()
    restart_on(desk, DAY + timedelta(days=1))
    desk.view = replace(desk.view, closed_before_ns=close_ns)
    return desk


def test_the_loss_of_a_day_begins_where_the_day_before_has_ended() -> None:
    desk = carried_condor(ended=True)
    at_the_close = desk.group().carried_paise(DAY + timedelta(days=1))
    assert at_the_close > 0
    worth(desk, 50)
    look(desk)
    assert day_pnl(desk) == 0
    worth(desk, 68)  # from 13,000 up to about 1,000 up: a loss of some 11,700 today, on 5 lakh
    look(desk)
    assert day_pnl(desk) == -18_00 * 10 * LOT
    assert desk.account.kill.tripped
    assert desk.account.kill.flatten


def test_what_a_carried_group_had_lost_before_is_no_loss_of_today() -> None:
    desk = open_condor()
    worth(desk, 90)
    restart_on(desk, DAY + timedelta(days=1))
    desk.view = replace(desk.view, closed_before_ns=from_ist(DAY, time(15, 30)))
    worth(desk, 90)
    look(desk)
    assert group_pnl_paise(desk.group(), desk.view) < -10_000_00, "2 % of 5 lakh and more, all told"
    assert day_pnl(desk) == 0
    assert not desk.account.kill.tripped


def test_after_the_close_the_day_is_still_the_day() -> None:
    desk = carried_condor(ended=True)
    worth(desk, 55)
    before = day_pnl(desk)
    assert before == -5_00 * 10 * LOT
    desk.now_ns = from_ist(DAY + timedelta(days=1), time(15, 31))
    opens_ns = from_ist(DAY + timedelta(days=2), time(9, 15))
    desk.view = replace(desk.view, opens_ns=opens_ns, closes_ns=opens_ns + 6 * 3_600 * NS_PER_S)
    desk.read_books()
    assert len(desk.group().carried) == 2
    assert day_pnl(desk) == before


def test_a_group_that_is_not_whole_is_closed_at_its_time_as_well() -> None:
    desk = Desk().start()
    desk.submit(plan(exit_at_ns=desk.now_ns + 30 * NS_PER_S))
    desk.accept()
    desk.fill(desk.sent[0], 4 * LOT)
    assert desk.is_in(_S.PARTIALLY_EXPOSED)
    desk.later(31_000)
    assert desk.is_in(_S.UNWINDING)
    assert desk.group().copies == 0


def test_nothing_is_entered_before_what_was_carried_has_been_compared() -> None:
    desk = carried_condor(ended=True)
    assert desk.account.overnight_checked
    again = carried_condor(ended=True)
    again.account = replace(again.account, overnight_checked=False)
    for each in (desk, again):
        each.submit(replace(plan(number=2), good_until_ns=each.now_ns + 600 * NS_PER_S))
        each.later(100)
    assert any(order.group_id == "G-002" for order in desk.sent)
    assert not any(order.group_id == "G-002" for order in again.sent)
    again.read_books()
    again.later(1_000)
    again.give(SubmitGroup(again.group(2).plan))
    assert any(order.group_id == "G-002" for order in again.sent)


def half_entered_overnight() -> Desk:
    """Wings of four copies are filled and known, the rest of their orders works when the core dies."""
    desk = desk_with(plan())
    desk.accept()
    for order in desk.sends(side=Side.BUY):
        desk.fill(order, 4 * LOT)
    return desk


def test_what_an_order_filled_after_anybody_looked_is_taken_from_the_mornings_position() -> None:
    desk = half_entered_overnight()
    wing = next(order for order in desk.sends(side=Side.BUY) if order.symbol == LONG_CALL)
    desk.trade(wing, 3 * LOT)
    restart_on(desk, DAY + timedelta(days=1))
    assert desk.net()[LONG_CALL] == 7 * LOT
    assert desk.net()[LONG_PUT] == 4 * LOT
    assert not desk.account.foreign
    assert desk.order(wing.tag).is_terminal
    assert any(each.divergence_id == f"overnight:{wing.tag}" for each in desk.account.divergences.values())


def test_a_send_of_yesterday_that_was_never_answered_filled_what_is_there_and_is_absent_otherwise() -> None:
    for arrived, units in ((True, 10 * LOT), (False, 0)):
        desk = desk_with(plan())
        lost = next(order for order in desk.sent if order.symbol == LONG_CALL)
        desk.lose_reply(lost, arrived=arrived)
        if arrived:
            desk.trade(lost)
        restart_on(desk, DAY + timedelta(days=1))
        assert desk.net().get(LONG_CALL, 0) == units
        assert desk.order(lost.tag).is_terminal or not desk.group().live


def test_which_of_two_groups_has_filled_overnight_is_left_to_a_person() -> None:
    desk = desk_with(plan())
    desk.submit(plan(number=2))
    desk.accept()
    first = next(order for order in desk.sent if order.symbol == LONG_CALL)
    desk.trade(first, 2 * LOT)
    restart_on(desk, DAY + timedelta(days=1))
    assert desk.net()[LONG_CALL] == 2 * LOT
    for number in (1, 2):
        assert desk.group(number).cause is ManualCause.UNKNOWN_UNRESOLVED
