"""A stop of one side, while the side that is kept loses units to somebody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.evolve import evolve
from core.domain.facts import HoldingClosedByOthers, Recorded
from core.domain.groups import Goal, IncompletePolicy
from core.domain.inputs import WakeUp
from core.domain.instruments import PositionKey, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import OrderStatus
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S
from tests.builders import LONG_CALL, LONG_PUT, LOT, SHORT_CALL, SHORT_PUT, leg, market, option
from tests.policy.stop_desk import StopDesk, entering, fill_entries, open_with_stops, stopped_plan

_S = ExecutionLifecycle
NAKED_CALL = option(24_800, Right.CE)
NAKED_PUT = option(24_200, Right.PE)
STRANGLE = (leg(0, NAKED_CALL, Side.SELL), leg(1, NAKED_PUT, Side.SELL))


def strangle() -> StopDesk:
    """Two naked shorts of ten lots that are whole, with their stops at the broker."""
    wanted = stopped_plan(STRANGLE, allow_naked=True)
    view = market(each.contract for each in STRANGLE)
    desk = entering(wanted, ExecutionSettings(allow_naked=True), view)
    fill_entries(desk)
    assert desk.is_in(_S.OPEN), desk.group().reason
    desk.effects.clear()
    return desk


def closed_by_hand(desk: StopDesk, symbol: str, units: int) -> None:
    """Somebody else has closed units of a leg, and the books have proved it."""
    plan = next(leg for leg in desk.group().plan.legs if leg.contract.symbol == symbol)
    desk.others[PositionKey("NFO", symbol, Product.NRML)] = -plan.side.sign * units
    gone = HoldingClosedByOthers("G-001", plan.index, units, "by hand")
    desk.account = evolve(desk.account, Recorded(desk.account.seq + 1, desk.now_ns, "G-001", gone))
    desk.give(WakeUp(("G-001",)))


def stopped_out(desk: StopDesk, symbol: str) -> None:
    """The stop of a short is released at its limit and fills there."""
    stop = desk.stop(symbol)
    desk.trigger(stop)
    desk.fill(stop)


def settle(desk: StopDesk, rounds: int = 8) -> None:
    """Changes and cancels are carried out, and whatever is sent beside resting stops fills at once."""
    for _ in range(rounds):
        for order in [each for each in desk.sent if each.tag not in desk.ids]:
            desk.accept(order)
        for order in desk.group().live_orders:
            if order.tag in desk.ids and desk.book[desk.ids[order.tag]].status is OrderStatus.OPEN:
                desk.fill(order)
        going = [order for order in desk.group().live_orders if order.cancel_pending]
        desk.carry_out()
        for order in going:
            desk.cancelled(order)
        desk.later(1_000)
        desk.read_books()


def test_units_lost_while_one_side_is_stopped_out_leave_the_other_whole_in_fewer_copies() -> None:
    desk = strangle()
    desk.trigger(desk.stop(NAKED_CALL.symbol))
    closed_by_hand(desk, NAKED_PUT.symbol, LOT)
    assert desk.group().copies == 9
    desk.fill(desk.stop(NAKED_CALL.symbol))
    settle(desk)
    assert (desk.group().state, desk.group().copies) == (_S.OPEN, 9), desk.group().reason
    assert desk.net() == {NAKED_PUT.symbol: -9 * LOT}
    assert desk.stop_units(NAKED_PUT.symbol) == 9 * LOT


def test_units_lost_there_are_followed_by_the_long_that_covered_them() -> None:
    desk = open_with_stops()
    desk.trigger(desk.stop())
    closed_by_hand(desk, SHORT_PUT, 4 * LOT)
    settle(desk)
    assert (desk.group().state, desk.group().copies) == (_S.OPEN, 6), desk.group().reason
    assert desk.net() == {LONG_PUT: 6 * LOT, SHORT_PUT: -6 * LOT}
    assert desk.stop_units(SHORT_PUT) == 6 * LOT


def test_units_of_the_long_lost_there_take_their_short_with_them() -> None:
    desk = open_with_stops()
    desk.trigger(desk.stop())
    closed_by_hand(desk, LONG_PUT, 4 * LOT)
    settle(desk, 20)
    assert desk.group().state is _S.OPEN, desk.group().reason
    assert {abs(units) for units in desk.net().values()} == {6 * LOT}
    assert desk.net()[SHORT_PUT] == -desk.stop_units(SHORT_PUT)


@pytest.mark.parametrize(
    ("policy", "lost"),
    [(IncompletePolicy.UNWIND, LOT), (IncompletePolicy.SCALE_DOWN, 10 * LOT)],
    ids=["all or nothing was agreed", "nothing is left of it"],
)
def test_where_no_copy_is_to_be_kept_the_group_ends(policy: IncompletePolicy, lost: int) -> None:
    desk = open_with_stops(replace(stopped_plan(), on_incomplete=policy))
    stopped_out(desk, SHORT_CALL)
    closed_by_hand(desk, SHORT_PUT, lost)
    assert (desk.group().goal, desk.group().copies) == (Goal.EXIT, 0)
    settle(desk)
    assert (desk.group().state, desk.net()) == (_S.CLOSED, {}), desk.group().reason


def test_the_stop_keeps_its_two_seconds_while_the_rest_is_scaled_down() -> None:
    desk = open_with_stops()
    desk.quote(SHORT_CALL, 137_50, 138_50)
    call = desk.stop()
    desk.trigger(call)
    desk.later(500)
    closed_by_hand(desk, SHORT_PUT, 4 * LOT)
    assert desk.group().copies == 6
    desk.later(1_000)
    assert [change.tag for change in desk.changes() if change.tag == call.tag] == []
    desk.later(600)
    assert [change.to_limit for change in desk.changes() if change.tag == call.tag] == [True]
    assert desk.sends(LONG_CALL, Side.SELL) == []


def test_the_side_that_is_kept_closes_at_its_time_while_the_other_is_still_on_its_way_out() -> None:
    desk = strangle()
    group = desk.group()
    due_ns = desk.now_ns + 4 * NS_PER_S
    kept = replace(group, plan=replace(group.plan, exit_at_ns=due_ns))
    desk.account = replace(desk.account, groups={group.group_id: kept})
    desk.trigger(desk.stop(NAKED_CALL.symbol))  # and the market is locked: it does not fill
    desk.later(2_000)
    assert (desk.group().state, desk.group().copies) == (_S.EXITING, 10)
    desk.later(2_000)
    assert desk.group().copies == 0
    settle(desk)
    assert desk.net() == {}
