"""What other engines lost, doubled or refused when they were started again.

Held in tests/policy:

failure                                             | module     | test
----------------------------------------------------|------------|------------------------------------------
hummingbot #366, #745: orders lost on a restart     | unanswered | an_order_with_our_nonce_that_the_journal...
hummingbot: intent is stored after the send         | (engine)   | every_intent_is_on_disk_before_its_order...
nautilus #3622: the same repair again and again     | reconcile  | while_several_groups_are_stopped_the_...
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.evolve import fold
from core.domain.facts import BooksReconciled, KillSwitchTripped
from core.domain.inputs import CoreStarted, SubmitGroup
from core.domain.instruments import PositionKey, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import OrderStatus, Purpose, Source
from core.domain.timing import NS_PER_S
from tests.builders import (
    CONDOR,
    EXPIRY,
    LONG_PUT,
    LOT,
    NOW,
    SHORT_PUT,
    VERTICAL,
    Desk,
    desk_with,
    fill_everything,
    leg,
    market,
    open_condor,
    opening,
    option,
    plan,
)

_S = ExecutionLifecycle


def started_again(desk: Desk) -> Desk:
    """Another process over the same journal and the same broker, its first books read, settled."""
    again = Desk(
        account=fold((*opening(), *desk.rows)),
        view=desk.view,
        now_ns=desk.now_ns,
        ids=desk.ids,
        book=desk.book,
        trades=desk.trades,
        others=desk.others,
    )
    return again.start(restart=True)


def test_it_starts_though_the_broker_holds_the_opposite_of_what_we_knew() -> None:
    """nautilus #3104: 75 here, -65 at the venue, and the node refused to start."""
    desk = open_condor()
    key = PositionKey("NFO", LONG_PUT, Product.NRML)
    desk.others[key] = -11 * LOT
    again = started_again(desk)
    assert again.facts(BooksReconciled)
    for _ in range(3):
        again.later(6_000)
        again.read_books()
    assert again.group().legs[0].net_units == 0, "ours were closed by whoever sold them"
    assert again.account.foreign == {key: -LOT}, "the rest is the trader's own"
    fill_everything(again)
    assert not any(each.is_open for each in again.account.divergences.values())
    assert not again.sends(LONG_PUT, Side.BUY), "the broker's word is not traded away"


def test_a_start_over_a_difference_in_one_symbol_lets_others_trade_on() -> None:
    """nautilus #3104: one position that does not reconcile stops the whole account."""
    desk = open_condor()
    desk.others[PositionKey("NFO", LONG_PUT, Product.NRML)] = -11 * LOT
    other = (leg(0, option(23_900, Right.PE), Side.BUY), leg(1, option(24_100, Right.PE), Side.SELL))
    desk.view = market([each.contract for each in (*CONDOR, *other)], at_ns=desk.now_ns)
    again = started_again(desk)
    again.give(SubmitGroup(replace(plan(other, 2, number=2), good_until_ns=again.now_ns + 600 * NS_PER_S)))
    fill_everything(again)
    assert again.is_in(_S.OPEN, 2), again.group(2).reason


def test_after_a_restart_no_tag_is_used_a_second_time() -> None:
    """nautilus #3046, #3878: identifiers made anew on a restart meet those of before."""
    desk = desk_with(plan(VERTICAL))
    desk.accept()
    desk.fill(desk.sent[0], 4 * LOT)
    desk.accept()
    before = set(desk.group().orders)
    again = started_again(desk)
    for order in (desk.sent[0], *desk.sends(SHORT_PUT)):
        again.cancelled(order)
    again.later(1_000)
    assert again.sent
    assert not before & {order.tag for order in again.sent}
    assert len({order.tag for order in again.sent}) == len(again.sent)


def test_an_order_that_was_working_at_the_restart_goes_on_working() -> None:
    """nautilus #5000: a restart drops a working order, whose fill then belongs to nobody."""
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    again = started_again(desk)
    again.later(30_000)
    again.read_books()
    assert [order.tag for order in again.group().live_orders] == [wing.tag]
    assert not again.sends(LONG_PUT)
    again.fill(wing)
    assert again.net() == {LONG_PUT: 10 * LOT}


def test_an_exit_that_was_under_way_at_the_restart_ends_as_an_exit() -> None:
    """hummingbot #366: what was working is forgotten, and so is what it was for."""
    desk = open_condor(exit_at_ns=NOW + 300 * NS_PER_S)
    desk.later(301_000)
    assert desk.is_in(_S.EXITING)
    desk.accept()
    again = started_again(desk)
    working = desk.sends(purpose=Purpose.EXIT)
    for order in working:
        again.fill(order)
    fill_everything(again)
    assert again.net() == {}
    assert again.is_in(_S.CLOSED)
    bought = sum(order.units for order in (*working, *again.sends(SHORT_PUT)) if order.symbol == SHORT_PUT)
    assert bought == 10 * LOT


def test_a_difference_that_nobody_resolves_is_not_called_reconciled() -> None:
    """nautilus #4619: a failed repair was reported as a success; after three tries it stopped looking."""
    desk = open_condor()
    desk.give(SubmitGroup(replace(plan(VERTICAL, number=2), good_until_ns=desk.now_ns + 600 * NS_PER_S)))
    fill_everything(desk)
    desk.others[PositionKey("NFO", SHORT_PUT, Product.NRML)] = 4 * LOT
    for _ in range(20):
        desk.later(6_000)
        desk.read_books()
        desk.monitor()
    assert any(each.is_open for each in desk.account.divergences.values())
    assert [fact.by for fact in desk.facts(KillSwitchTripped)] == ["divergence"]  # type: ignore[union-attr]


@pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.REJECTED])
def test_an_order_that_ended_while_the_process_was_down_is_replaced(status: OrderStatus) -> None:
    """freqtrade: an order it cannot read at the start is assumed cancelled, whatever became of it."""
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    desk.trade(wing, 4 * LOT)
    desk.change(wing, status=status)
    again = started_again(desk)
    again.later(1_000)
    assert again.net() == {LONG_PUT: 4 * LOT}
    assert [order.units for order in again.sends(LONG_PUT)] == [6 * LOT], "what is missing, and no more"


def test_nothing_is_sent_after_a_start_until_the_books_have_been_read() -> None:
    """nautilus: the node does not start before it is reconciled; others send first and look later."""
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    desk.accept(wing)
    desk.fill(wing)
    again = Desk(account=fold((*opening(), *desk.rows)), view=desk.view, now_ns=desk.now_ns)
    again.give(CoreStarted(restart=True))
    again.later(60_000)
    assert not again.sent
    assert again.asked_for_books()


def test_an_expiry_passed_while_the_process_was_down_is_settlement_and_no_difference() -> None:
    """Lean: a vanished short is an assignment only where no order of ours could have taken it."""
    desk = open_condor()
    after = desk.view.expiries_ns[EXPIRY] + 60 * NS_PER_S
    desk.now_ns = after
    desk.view = replace(desk.view, at_ns=after)
    for key in list(desk.account.groups["G-001"].plan.legs):
        desk.others[PositionKey("NFO", key.contract.symbol, Product.NRML)] = (
            -key.side.sign * 10 * LOT
        )  # the broker's positions of a settled contract are zero
    again = started_again(desk)
    again.later(12_000)
    again.read_books(Source.POLL)
    assert again.net() == {}
    assert again.is_in(_S.CLOSED), again.group().reason
    assert not again.sent
