"""Short units without cover are answered at once, never twice, and never forgotten; delta by a future."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.cover import confirmed_holdings, uncovered_beyond_plan
from core.domain.effects import ModifyOrder, SendOrder
from core.domain.facts import GoalChanged, HedgeWanted, HedgeWindowOpened, HoldingClosedByOthers, LegAdded
from core.domain.groups import Goal, IncompletePolicy
from core.domain.instruments import PositionKey, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import OrderStatus, Purpose
from core.domain.timing import NS_PER_MS
from core.policy.closing import close_leg
from core.policy.collaborators import Collaborators
from core.policy.emergency_hedge import held_back_units
from core.policy.hedge_manager import EmergencyHedgeManager
from core.policy.turn import Turn
from tests.builders import (
    CONTRACTS,
    FUTURE,
    LONG_CALL,
    LONG_PUT,
    LOT,
    SHORT_CALL,
    SHORT_PUT,
    Desk,
    desk_with,
    market,
    open_condor,
    option,
    plan,
    quote,
)
from tests.policy.stop_desk import open_with_stops

_S = ExecutionLifecycle


def someone_sells(desk: Desk, symbol: str, units: int) -> None:
    """The trader sells units of ours from another terminal, and two whole books agree on it."""
    key = PositionKey("NFO", symbol, Product.NRML)
    desk.others[key] = desk.others.get(key, 0) - units
    desk.later(6_000)
    desk.read_books()
    desk.later(6_000)
    desk.read_books()


def someone_sells_as_sends_are_spent(desk: Desk, sends: int) -> None:
    """The trader sells three lots of the long put; the books settle it when so many sends have just left."""
    key = PositionKey("NFO", LONG_PUT, Product.NRML)
    desk.others[key] = -3 * LOT
    desk.later(6_000)
    desk.read_books()
    desk.later(6_000)
    desk.effects.clear()
    recent_ns = tuple(desk.now_ns - age * NS_PER_MS for age in range(sends, 0, -1))
    desk.account = replace(desk.account, budget=replace(desk.account.budget, recent_ns=recent_ns))
    desk.read_books()


def uncovered(desk: Desk) -> int:
    group = desk.group()
    return uncovered_beyond_plan(group.plan, confirmed_holdings(group))


def hedges(desk: Desk) -> list[tuple[str, Side, int]]:
    return [(order.symbol, order.side, order.units) for order in desk.sends(purpose=Purpose.HEDGE)]


def test_shorts_whose_wing_somebody_sold_are_hedged_in_the_same_decision() -> None:
    desk = open_condor()
    someone_sells(desk, LONG_PUT, 3 * LOT)
    assert uncovered(desk) == 3 * LOT
    assert hedges(desk) == [(SHORT_PUT, Side.BUY, 3 * LOT)]
    assert desk.is_in(_S.HEDGING)
    assert desk.account.emergency_hedges == 1


def test_after_the_hedge_the_rest_is_brought_down_to_whole_copies() -> None:
    desk = open_condor()
    someone_sells(desk, LONG_PUT, 3 * LOT)
    for _ in range(12):
        for order in [each for each in desk.sent if each.tag not in desk.ids]:
            desk.accept(order)
            desk.fill(order)
        desk.later(600)
    assert uncovered(desk) == 0
    assert desk.is_in(_S.OPEN)
    held = {leg.plan.contract.symbol: leg.net_units for leg in desk.group().legs}
    assert held == {LONG_PUT: 455, LONG_CALL: 455, SHORT_PUT: -455, SHORT_CALL: -455}


def test_what_one_trade_does_not_answer_another_does_in_the_same_decision_and_both_are_one_try() -> None:
    desk = open_condor()
    _lose_long(desk, LONG_PUT, 13 * LOT)
    assert uncovered(desk) == 13 * LOT, "a late sale has made a short of the long"
    assert sorted(hedges(desk)) == [(LONG_PUT, Side.BUY, 3 * LOT), (SHORT_PUT, Side.BUY, 10 * LOT)]
    assert len(desk.facts(HedgeWindowOpened)) == 1
    assert (desk.group().hedge.tries, desk.group().hedge.hedges) == (1, 2)
    assert desk.account.emergency_hedges == 2


def test_cover_that_reaches_only_what_is_being_bought_back_is_never_bought() -> None:
    desk = open_condor()
    below = option(23_900, Right.PE)
    desk.view = replace(
        desk.view,
        contracts={**desk.view.contracts, below.symbol: below},
        quotes={**desk.view.quotes, below.symbol: quote(below.symbol, 29_95, 30_00, at_ns=desk.now_ns)},
    )
    desk.move_quote(SHORT_PUT, None, None)
    _lose_long(desk, LONG_PUT, 13 * LOT)
    for _ in range(4):
        desk.later(600)
    bought = {symbol for symbol, _, _ in hedges(desk)}
    assert LONG_PUT in bought
    assert below.symbol not in bought, "it is too far from the short that stands uncovered"


def test_a_window_for_puts_holds_no_call_back() -> None:
    desk = open_condor()
    _lose_long(desk, LONG_PUT, 2 * LOT)
    desk.later(100)
    _lose_long(desk, LONG_PUT, 3 * LOT)
    group = desk.group()
    turn = Turn(desk.account, desk.view, desk.now_ns, Collaborators())
    held_back = {
        leg.plan.contract.symbol: held_back_units(turn, group, leg.plan.contract) for leg in group.legs
    }
    assert (held_back[SHORT_PUT], held_back[SHORT_CALL]) == (3 * LOT, 0)


def test_calls_inside_the_window_are_gathered_and_answered_once_when_it_closes() -> None:
    desk = open_condor()
    someone_sells(desk, LONG_PUT, 2 * LOT)
    assert hedges(desk) == [(SHORT_PUT, Side.BUY, 2 * LOT)]
    window = desk.facts(HedgeWindowOpened)[-1]
    assert isinstance(window, HedgeWindowOpened)
    assert window.closes_ns - desk.now_ns == 500 * NS_PER_MS
    desk.later(100)
    _lose_long(desk, LONG_PUT, 3 * LOT)
    desk.later(100)
    _lose_long(desk, LONG_PUT, 1 * LOT)
    desk.later(250)
    assert len(hedges(desk)) == 1
    desk.later(60)
    assert hedges(desk)[1:] == [(SHORT_PUT, Side.BUY, 4 * LOT)]


def _lose_long(desk: Desk, symbol: str, units: int) -> None:
    """Units of a long are gone, by a fact, as a reconciliation would record it."""
    from core.policy.group import advance

    turn = Turn(desk.account, desk.view, desk.now_ns, Collaborators())
    index = next(i for i, leg in enumerate(desk.group().legs) if leg.plan.contract.symbol == symbol)
    turn.record(HoldingClosedByOthers("G-001", index, units, "a test"), "G-001")
    advance(turn, "G-001")
    decision = turn.done()
    desk.account = decision.account
    desk.rows.extend(decision.rows)
    desk.wakes.update({name: at_ns for name, at_ns in decision.wakes.items() if at_ns})
    desk.sent.extend(effect.order for effect in decision.effects if isinstance(effect, SendOrder))


def test_what_is_on_its_way_is_never_hedged_again() -> None:
    desk = open_condor()
    someone_sells(desk, LONG_PUT, 3 * LOT)
    desk.accept()
    for _ in range(20):
        desk.monitor()
        desk.later(100)
    assert hedges(desk) == [(SHORT_PUT, Side.BUY, 3 * LOT)]
    assert EmergencyHedgeManager.unanswered_units(desk.group()) == 0
    assert EmergencyHedgeManager.unanswered_units(desk.group(), count_working=False) == 3 * LOT


def test_a_refused_reversal_gives_way_to_another_kind_of_cover() -> None:
    desk = open_condor()
    someone_sells(desk, LONG_PUT, 3 * LOT)
    desk.refuse(desk.sends(purpose=Purpose.HEDGE)[0], "price outside the range")
    desk.later(600)
    second = desk.sends(purpose=Purpose.HEDGE)[1]
    assert (second.symbol, second.side, second.units) == (LONG_PUT, Side.BUY, 3 * LOT)
    assert desk.is_in(_S.HEDGING)


def test_cover_at_another_strike_is_a_leg_of_the_group_that_is_sold_again_later() -> None:
    near = option(24_100, Right.PE)
    desk = open_condor()
    desk.view = replace(
        desk.view,
        contracts={**desk.view.contracts, near.symbol: near},
        quotes={**desk.view.quotes, near.symbol: quote(near.symbol, 59_90, 60_00, at_ns=desk.now_ns)},
    )
    for symbol in (SHORT_PUT, LONG_PUT):
        desk.move_quote(symbol, None, None)
    someone_sells(desk, LONG_PUT, 3 * LOT)
    assert hedges(desk) == [(near.symbol, Side.BUY, 3 * LOT)]
    assert [fact.leg.contract.symbol for fact in desk.facts(LegAdded) if isinstance(fact, LegAdded)] == [
        near.symbol
    ]


def test_hedges_that_are_all_refused_end_in_a_persons_hands() -> None:
    desk = open_condor()
    someone_sells(desk, LONG_PUT, 3 * LOT)
    for _ in range(40):
        for order in [each for each in desk.sent if each.tag not in desk.ids]:
            if desk.order(order.tag).outcome is None:
                desk.refuse(order)
        desk.later(700)
        if desk.is_in(_S.MANUAL):
            break
    assert desk.group().cause in (ManualCause.HEDGE_EXHAUSTED, ManualCause.CANNOT_SEND)
    assert any(alert.severity.value == "CRITICAL" for alert in desk.account.alerts.values())


def test_a_hedge_that_is_no_longer_needed_is_cancelled() -> None:
    desk = open_condor()
    someone_sells(desk, LONG_PUT, 3 * LOT)
    hedge = desk.sends(purpose=Purpose.HEDGE)[0]
    desk.accept(hedge)
    desk.fill(hedge, 1 * LOT)
    _return_long(desk, 2 * LOT)
    assert uncovered(desk) == 0
    assert desk.order(hedge.tag).cancel_pending


def _return_long(desk: Desk, units: int) -> None:
    """Units come back to the long put: a person adopts them into the group."""
    from core.domain.facts import HoldingAdopted
    from core.policy.group import advance

    turn = Turn(desk.account, desk.view, desk.now_ns, Collaborators())
    index = next(i for i, leg in enumerate(desk.group().legs) if leg.plan.contract.symbol == LONG_PUT)
    turn.record(HoldingAdopted("G-001", index, units, "a test"), "G-001")
    advance(turn, "G-001")
    desk.account = turn.done().account


def limited(desk_limit: int) -> Desk:
    """A condor with a delta limit, whose long put alone is filled; the future is quoted."""
    wanted = replace(plan(on_incomplete=IncompletePolicy.SCALE_DOWN), delta_limit_units=desk_limit)
    desk = desk_with(wanted, view=market((*CONTRACTS, FUTURE)))
    desk.accept()
    desk.fill(next(order for order in desk.sent if order.symbol == LONG_PUT))
    return desk


def test_delta_of_longs_alone_is_alerted_first_and_hedged_after_two_seconds() -> None:
    desk = limited(20)
    desk.monitor()
    assert hedges(desk) == []
    assert "exposed:G-001" in desk.account.alerts
    desk.later(2_100)
    desk.monitor()
    [(symbol, side, units)] = hedges(desk)
    assert (symbol, side) == (FUTURE.symbol, Side.BUY)
    assert units % FUTURE.lot_units == 0
    wanted = next(fact for fact in desk.facts(HedgeWanted) if isinstance(fact, HedgeWanted))
    assert wanted.hedge == "neutralise"


def test_a_future_is_rounded_toward_zero_and_removed_before_the_group_is_open() -> None:
    desk = limited(20)
    desk.monitor()
    desk.later(2_100)
    exposure = desk.monitor().measured
    assert exposure is not None
    assert hedges(desk)[0][2] <= abs(exposure["G-001"].delta_units)
    for _ in range(20):
        for order in [each for each in desk.sent if each.tag not in desk.ids]:
            desk.accept(order)
        for order in list(desk.sent):
            if order.tag in desk.ids and not desk.order(order.tag).is_terminal:
                desk.fill(order)
        desk.later(600)
        desk.answer_changes()
    assert desk.is_in(_S.OPEN)
    assert desk.net() == {LONG_PUT: 650, LONG_CALL: 650, SHORT_PUT: -650, SHORT_CALL: -650}


def test_a_stuck_hedge_is_taken_back_only_with_the_brokers_word() -> None:
    desk = open_condor()
    someone_sells(desk, LONG_PUT, 3 * LOT)
    hedge = desk.sends(purpose=Purpose.HEDGE)[0]
    desk.accept(hedge)
    desk.move_quote(SHORT_PUT, 90_00, None)
    desk.later(4_000)
    assert desk.order(hedge.tag).cancel_pending
    assert len(hedges(desk)) == 1
    desk.cancelled(hedge)
    desk.later(600)
    assert hedges(desk)[1] == (LONG_PUT, Side.BUY, 3 * LOT)
    assert desk.order(hedge.tag).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("lots", [3, 10])
def test_a_short_that_has_a_stop_is_bought_back_by_that_stop_and_by_nothing_else(lots: int) -> None:
    desk = open_with_stops()
    sent = len(desk.sent)
    someone_sells(desk, LONG_PUT, lots * LOT)
    told = [change for change in desk.changes() if change.tag == desk.stop(SHORT_PUT).tag]
    assert [(change.to_limit, change.units) for change in told] == [(True, lots * LOT)]
    assert not desk.sent[sent:]
    desk.carry_out()
    desk.fill(desk.order(told[0].tag))
    assert uncovered(desk) == 0
    desk.later(1_000)
    bought = [order.purpose for order in desk.sent[sent:] if order.side is Side.BUY]
    assert Purpose.HEDGE not in bought
    assert desk.net().get(SHORT_PUT, 0) == -(10 - lots) * LOT
    assert desk.stop_units(SHORT_PUT) == (10 - lots) * LOT


def test_a_stop_told_to_buy_draws_on_the_reserve_of_hedges() -> None:
    desk = open_with_stops()
    someone_sells_as_sends_are_spent(desk, 9)
    told = [change for change in desk.changes() if change.tag == desk.stop(SHORT_PUT).tag]
    assert [(change.to_limit, change.units) for change in told] == [(True, 3 * LOT)]


def test_a_stop_keeps_its_units_while_a_window_holds_their_exit_back() -> None:
    desk = open_with_stops()
    turn = Turn(desk.account, desk.view, desk.now_ns, Collaborators())
    legs = {leg.plan.contract.symbol: index for index, leg in enumerate(desk.group().legs)}
    turn.record(HoldingClosedByOthers("G-001", legs[LONG_PUT], LOT, "a test"), "G-001")
    turn.record(GoalChanged("G-001", Goal.REDUCE, 9, "a test"), "G-001")
    turn.record(HedgeWindowOpened("G-001", desk.now_ns + 1), "G-001")
    close_leg(turn, "G-001", legs[SHORT_PUT], Side.BUY)
    assert not turn.done().effects


def test_a_stop_gives_up_what_an_exit_needs_once() -> None:
    desk = open_with_stops()
    turn = Turn(desk.account, desk.view, desk.now_ns, Collaborators())
    turn.record(GoalChanged("G-001", Goal.REDUCE, 9, "a test"), "G-001")
    index = next(i for i, leg in enumerate(desk.group().legs) if leg.plan.contract.symbol == SHORT_PUT)
    close_leg(turn, "G-001", index, Side.BUY)
    [change] = [effect for effect in turn.done().effects if isinstance(effect, ModifyOrder)]
    assert change.units == 9 * LOT
    resized = replace(desk.order(change.tag), units=change.units, modifies=1)
    group = desk.group()
    desk.account = desk.account.with_group(replace(group, orders={**group.orders, change.tag: resized}))
    desk.move_quote(SHORT_PUT, None, None)
    turn = Turn(desk.account, desk.view, desk.now_ns, Collaborators())
    turn.record(GoalChanged("G-001", Goal.REDUCE, 9, "a test"), "G-001")
    close_leg(turn, "G-001", index, Side.BUY)
    assert not turn.done().effects, "there is room already; that nobody sells just now takes no more from it"


@pytest.mark.parametrize(("off", "sent"), [(frozenset(), 1), (frozenset({"working-in-hedge"}), 2)])
def test_a_hedge_on_its_way_is_sent_again_only_without_its_guard(off: frozenset[str], sent: int) -> None:
    desk = open_condor()
    someone_sells(desk, LONG_PUT, 3 * LOT)
    desk.accept()
    desk.guards_off = off
    desk.later(1_100)
    assert len(hedges(desk)) == sent


def test_a_hedge_that_the_budget_holds_back_is_no_try_and_leaves_at_the_first_chance() -> None:
    desk = open_condor()
    someone_sells_as_sends_are_spent(desk, 10)
    assert uncovered(desk) == 3 * LOT
    assert not hedges(desk)
    assert (desk.group().hedge.tries, desk.group().hedge.window_closes_ns) == (0, 0)
    desk.later(1_200)
    assert hedges(desk) == [(SHORT_PUT, Side.BUY, 3 * LOT)]
    assert desk.group().hedge.tries == 1
