"""What must not stop a stop, a cover or a reduction: an order that hangs, half a quote, somebody else."""

from __future__ import annotations

from dataclasses import replace

from core.domain.facts import AlertRaised, OrderProvedAbsent
from core.domain.groups import Goal
from core.domain.inputs import (
    MarginAnswered,
    OperatorAction,
    OperatorCommand,
    OrderNews,
    SubmitGroup,
)
from core.domain.instruments import PositionKey, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import OrderStatus, Purpose
from core.domain.settings import ExecutionSettings
from core.domain.tags import tag_for
from core.policy.decide import decide
from tests.builders import (
    CONTRACTS,
    LONG_CALL,
    LONG_PUT,
    LOT,
    RICH,
    SHORT_CALL,
    SHORT_PUT,
    Desk,
    desk_with,
    fill_everything,
    leg,
    market,
    open_condor,
    opened,
    option,
    plan,
)
from tests.policy.stop_desk import StopDesk

_S = ExecutionLifecycle


def ask(desk: Desk, action: OperatorAction, target: str = "G-001", reason: str = "") -> None:
    desk.give(OperatorCommand(action, target, "tester", 0, reason))


def test_an_order_called_absent_that_works_after_its_group_has_ended_is_cancelled_and_told_of() -> None:
    desk = desk_with(plan())
    lost = desk.sent[0]
    desk.lose_reply(lost, arrived=False)
    for order in desk.sent[1:]:
        desk.refuse(order)
    ask(desk, OperatorAction.FLATTEN)
    for _ in range(40):
        desk.later(1_000)
        desk.read_books()
        if desk.group().is_over:
            break
    assert desk.group().is_over
    assert desk.facts(OrderProvedAbsent)
    order_id = desk._book(lost)
    desk.give(OrderNews(desk.book[order_id]))
    assert desk.stands(f"late:{lost.tag}")
    assert desk.order(lost.tag).cancel_pending
    desk.cancelled(lost)
    assert not desk.group().live
    assert desk.group().is_over


def half_entered_with_a_cancel_that_hangs() -> Desk:
    """Four copies of the wings and of one short are held, two of the other; its cancel is never confirmed."""
    desk = desk_with(plan())
    desk.accept()
    for order in desk.sends(side=Side.BUY):
        desk.fill(order, 4 * LOT)
    desk.accept()
    for order in desk.sends(side=Side.SELL):
        desk.fill(order, 4 * LOT if order.symbol == SHORT_PUT else 2 * LOT)
    ask(desk, OperatorAction.SCALE_DOWN)
    for order in desk.sends(purpose=Purpose.ENTRY):
        if order.symbol != SHORT_CALL and not desk.order(order.tag).is_terminal:
            desk.cancelled(order)
    return desk


def test_the_cancel_of_an_entry_that_nobody_confirms_is_told_of_and_does_not_hold_the_rest() -> None:
    desk = half_entered_with_a_cancel_that_hangs()
    assert not desk.stands("cancel:G-001")
    desk.later(1_500)
    assert desk.stands("cancel:G-001")
    assert not desk.sends(purpose=Purpose.UNWIND), "the order may still be cancelled, and its units be final"
    for _ in range(20):
        desk.later(500)
        for order in desk.sends(purpose=Purpose.UNWIND):
            if order.tag not in desk.ids:
                desk.accept(order)
                desk.fill(order)
    assert desk.net()[SHORT_PUT] == -2 * LOT, "two whole copies stay, the rest does not wait for ever"
    stuck = next(order for order in desk.group().live_orders if order.purpose is Purpose.ENTRY)
    short = -desk.net()[SHORT_CALL] + stuck.working_units
    assert desk.net()[LONG_CALL] >= short, "what it may still sell keeps its cover"


NEAR_CALL, NEXT_CALL = (option(strike, Right.CE) for strike in (24_850, 24_900))


def uncovered_call(*others: tuple[str, int]) -> Desk:
    """A condor whose long call is gone and whose short call nobody offers: only another strike covers."""
    desk = Desk(view=market([*CONTRACTS, NEAR_CALL, NEXT_CALL])).start()
    for symbol, units in others:
        desk.others[PositionKey("NFO", symbol, Product.NRML)] = units
    for _ in range(2):
        desk.later(6_000)
        desk.read_books()
    desk.submit(plan())
    fill_everything(desk)
    desk.move_quote(SHORT_CALL, 70_00, None)
    desk.move_quote(LONG_CALL, 30_00, None)
    desk.others[PositionKey("NFO", LONG_CALL, Product.NRML)] = -10 * LOT
    for _ in range(2):
        desk.later(6_000)
        desk.read_books()
    desk.monitor()
    return desk


def test_cover_is_not_bought_where_somebody_else_is_short() -> None:
    free = uncovered_call()
    assert [order.symbol for order in free.sends(purpose=Purpose.HEDGE)] == [NEAR_CALL.symbol]
    against = uncovered_call((NEAR_CALL.symbol, -10 * LOT))
    assert against.account.foreign == {PositionKey("NFO", NEAR_CALL.symbol, Product.NRML): -10 * LOT}
    assert [order.symbol for order in against.sends(purpose=Purpose.HEDGE)] == [NEXT_CALL.symbol]


def with_loss_stop() -> Desk:
    desk = Desk().start()
    desk.submit(replace(plan(), stop_loss_paise=10_000_00))
    fill_everything(desk)
    assert desk.is_in(_S.OPEN)
    return desk


def test_a_wing_that_nobody_bids_for_is_worth_nothing_and_stops_no_stop() -> None:
    desk = with_loss_stop()
    desk.move_quote(LONG_PUT, None, 5)
    desk.monitor()
    assert not desk.stands("unjudged:G-001")
    desk.move_quote(SHORT_CALL, 300_00, 301_00)
    desk.later(100)
    desk.give(SubmitGroup(desk.group().plan))
    assert desk.is_in(_S.EXITING)


def test_a_short_that_nobody_offers_leaves_the_loss_untold_and_a_person_is_told_that() -> None:
    desk = with_loss_stop()
    desk.move_quote(SHORT_CALL, 300_00, None)
    desk.give(SubmitGroup(desk.group().plan))
    assert desk.is_in(_S.OPEN)
    assert desk.stands("unjudged:G-001")
    desk.move_quote(SHORT_CALL, 69_00, 70_00)
    desk.give(SubmitGroup(desk.group().plan))
    assert not desk.stands("unjudged:G-001")


def test_what_is_kept_has_its_stops_while_the_rest_is_reduced() -> None:
    desk = Desk().start()
    desk.submit(replace(plan(), stop_below_paise=24_000_00))
    desk.accept()
    for order in desk.sends(side=Side.BUY):
        desk.fill(order)
    desk.accept()
    for order in desk.sends(side=Side.SELL):
        desk.fill(order, 5 * LOT)
    ask(desk, OperatorAction.SCALE_DOWN)
    for order in list(desk.group().live_orders):
        if order.purpose is Purpose.ENTRY:
            desk.cancelled(order)
    desk.later(300)
    assert desk.is_in(_S.UNWINDING)
    assert desk.group().copies == 5
    expiry = CONTRACTS[0].expiry
    mark = desk.view.forwards["NIFTY", expiry]
    moved = replace(mark, paise=23_900_00.0, at_ns=desk.now_ns)
    desk.view = replace(desk.view, forwards={("NIFTY", expiry): moved})
    desk.later(300)
    desk.give(SubmitGroup(desk.group().plan))
    assert (desk.group().goal, desk.group().copies) == (Goal.EXIT, 0)


def test_nothing_is_bought_while_a_leg_that_decides_the_price_is_not_quoted() -> None:
    view = market(CONTRACTS)
    bare = replace(view.quotes[SHORT_CALL], bid_paise=None)
    desk = Desk(view=replace(view, quotes={**view.quotes, SHORT_CALL: bare})).start()
    desk.submit(replace(plan(), limit_net_paise=5_00))
    desk.later(5_000)
    assert not desk.sent
    desk.move_quote(SHORT_CALL, 69_00, 70_00)
    desk.later(5_000)
    desk.give(SubmitGroup(desk.group().plan))
    assert desk.sent


def test_no_order_is_changed_outside_a_session() -> None:
    desk = open_condor()
    ask(desk, OperatorAction.EXIT)
    desk.accept()
    exits = [order for order in desk.group().live_orders if order.purpose is Purpose.EXIT]
    assert exits
    desk.view = replace(desk.view, closes_ns=desk.now_ns)
    for order in exits:
        desk.move_quote(order.symbol, 200_00, 201_00)
    desk.later(5_000)
    assert all(desk.order(order.tag).modifies == 0 for order in exits)


def test_an_unknown_order_of_ours_that_is_over_no_longer_trips_the_switch() -> None:
    desk = open_condor()
    mine = desk.sent[0]
    tag = tag_for("QX7K2M", 99, 0, 1, 1, desk.account.life)
    row = desk.book[desk.ids[mine.tag]]
    strange = replace(
        row, order_id="260817009999", tags=(tag,), status=OrderStatus.OPEN, filled_units=0, at_ns=desk.now_ns
    )
    desk.book[strange.order_id] = strange
    desk.read_books()
    assert desk.account.divergences[f"unknown:{tag}"].is_open
    assert desk.stands(f"unknown:{tag}")
    desk.book[strange.order_id] = replace(strange, status=OrderStatus.CANCELLED, filled_units=LOT)
    desk.read_books()
    assert not desk.account.divergences[f"unknown:{tag}"].is_open
    assert desk.stands(f"unknown:{tag}:filled"), "nobody here closes what it has filled"
    desk.later(61_000)
    desk.monitor()
    assert not desk.account.kill.tripped


def test_while_the_books_differ_in_a_symbol_nothing_is_entered_in_it() -> None:
    desk = Desk().start()
    row = open_condor()
    book = row.book[row.ids[row.sends(symbol=LONG_CALL)[0].tag]]
    tag = tag_for("QX7K2M", 99, 0, 1, 1, desk.account.life)
    desk.book["X"] = replace(book, order_id="X", tags=(tag,), status=OrderStatus.OPEN, filled_units=0)
    desk.read_books()
    desk.submit(plan())
    assert LONG_CALL not in {order.symbol for order in desk.sent}
    assert LONG_PUT in {order.symbol for order in desk.sent}


def test_a_day_without_orders_left_for_exits_is_told_of() -> None:
    desk = open_condor()
    spent = replace(desk.account.budget, day_count=desk.account.settings.orders_per_day)
    desk.account = replace(desk.account, budget=spent)
    ask(desk, OperatorAction.EXIT)
    assert desk.stands("budget")
    assert not desk.sends(purpose=Purpose.EXIT)
    desk.account = replace(desk.account, budget=replace(spent, day_count=100))
    desk.later(60_000)
    desk.give(SubmitGroup(desk.group().plan))
    assert desk.sends(purpose=Purpose.EXIT)
    assert not desk.stands("budget")


def test_a_broker_that_does_not_say_the_margin_is_told_of_while_the_group_waits() -> None:
    desk = Desk().start()
    decision = decide(desk.account, SubmitGroup(plan()), desk.view, desk.now_ns)
    waiting = decision.account
    unanswered = MarginAnswered("G-001", None, None, None, "HTTP 503 from the broker")
    told = decide(waiting, unanswered, desk.view, desk.now_ns).account
    assert "HTTP 503" in told.alerts["unpriced:G-001"].text
    answered = MarginAnswered("G-001", RICH, 1_00_000_00, 1_00_000_00)
    assert decide(told, answered, desk.view, desk.now_ns).account.alerts["unpriced:G-001"].cleared


def test_a_breach_of_delta_is_not_counted_as_time_without_cover() -> None:
    desk = desk_with(replace(plan(), delta_limit_units=1))
    desk.accept()
    desk.fill(desk.sends(symbol=LONG_CALL)[0], 4 * LOT)
    desk.monitor()
    assert desk.group().unhedged.since_ns
    assert not desk.group().unhedged.uncovered_since_ns


def test_several_cancels_that_hang_are_one_alert_and_are_told_once() -> None:
    desk = desk_with(plan())
    desk.accept()
    for order in desk.sends(side=Side.BUY):
        desk.fill(order, 4 * LOT)
    ask(desk, OperatorAction.SCALE_DOWN)
    for _ in range(20):
        desk.later(250)
    raised = [fact for fact in desk.facts(AlertRaised) if fact.alert_id == "cancel:G-001"]  # type: ignore[union-attr]
    assert len(raised) == 1
    assert LONG_CALL in desk.account.alerts["cancel:G-001"].text
    assert LONG_PUT in desk.account.alerts["cancel:G-001"].text


def test_cover_is_bought_for_what_is_stuck_and_not_for_what_the_plan_leaves_naked() -> None:
    shorts = [leg(0, option(24_800, Right.CE), Side.SELL)]
    extra = [option(strike, Right.CE) for strike in (24_900, 25_000)]
    settings = ExecutionSettings(allow_naked=True, modify_stop_to_limit=False)
    view = market([shorts[0].contract, *extra])
    desk = StopDesk(account=opened(settings), view=view).start()
    desk.submit(replace(plan(shorts, 30, allow_naked=True), stop_premium_bps=20_000))
    for _ in range(4):
        desk.accept()
        for order in desk.sends(purpose=Purpose.ENTRY):
            if not desk.order(order.tag).is_terminal:
                desk.fill(order)
        desk.later(1_100)
    stops = desk.sends(purpose=Purpose.STOP)
    assert sorted(order.units for order in stops) == [195, 1_755]
    ask(desk, OperatorAction.EXIT)
    desk.cancelled(max(stops, key=lambda order: order.units))
    for _ in range(30):
        desk.later(250)
        for order in desk.sends(purpose=Purpose.HEDGE):
            if order.tag not in desk.ids:
                desk.accept(order)
                desk.fill(order)
    assert desk.is_in(_S.MANUAL)
    assert [order.units for order in desk.sends(purpose=Purpose.HEDGE)] == [195]
