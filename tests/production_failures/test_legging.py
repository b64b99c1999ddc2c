"""One leg done and the other not: what legging costs where nobody waits for the hedge.

Held in tests/policy:

failure                                             | module     | test
----------------------------------------------------|------------|------------------------------------------
openalgo #1122: buy first is not hedge first        | entry      | the_wings_go_first_and_no_short_before...
vnpy #3046, #2504: a stop leaves legs unbalanced    | closing    | a_person_who_closes_a_half_filled_group...
vnpy #2364: units beyond the active leg's fill      | entry      | shorts_are_topped_up_as_the_wings_go_on...
alpaca-py #774: the broker closed one leg           | reconcile  | a_group_that_lost_units_to_someone_else...
openalgo: an unknown freeze quantity becomes 1      | admission  | an_unknown_freeze_quantity_is_never_guessed
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.groups import IncompletePolicy
from core.domain.inputs import OperatorAction, OperatorCommand
from core.domain.instruments import Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import OrderStatus, Purpose
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
    leg,
    open_condor,
    option,
    plan,
)

_S = ExecutionLifecycle


def refuse_all(desk: Desk, symbols: set[str], rounds: int = 20) -> None:
    """A broker that refuses these contracts and fills everything else."""
    for _ in range(rounds):
        for order in [each for each in desk.sent if each.tag not in desk.ids and each.outcome is None]:
            if desk.order(order.tag).outcome is not None:
                continue
            if order.symbol in symbols:
                desk.refuse(order, "RMS: blocked for this strike")
            else:
                desk.accept(order)
                desk.fill(order)
        desk.later(1_000)
        desk.answer_changes()
        desk.read_books()


def test_a_refused_hedge_means_that_its_short_is_never_sent() -> None:
    """openalgo #1122: sorted buy first, the short goes out although the buy was refused."""
    desk = desk_with(plan(VERTICAL))
    refuse_all(desk, {LONG_PUT})
    assert not desk.sends(SHORT_PUT)
    assert desk.is_in(_S.CLOSED), "the broker has confirmed that nothing is left"
    assert "refused 3 times" in desk.account.alerts["incomplete:G-001"].text


def test_a_basket_of_which_every_leg_failed_is_no_success() -> None:
    """openalgo #446: success at the top, and every leg failed."""
    desk = desk_with(plan())
    refuse_all(desk, {LONG_PUT, LONG_CALL, SHORT_PUT, SHORT_CALL})
    assert desk.is_in(_S.CLOSED)
    assert desk.net() == {}
    alert = desk.account.alerts["incomplete:G-001"]
    assert "refused 3 times" in alert.text


@pytest.mark.parametrize("policy", list(IncompletePolicy))
def test_a_group_with_one_failed_leg_is_never_called_open(policy: IncompletePolicy) -> None:
    """openalgo PR #1949, Algomirror PR #10: one child of a leg went through, so the basket did."""
    desk = desk_with(plan(on_incomplete=policy))
    refuse_all(desk, {SHORT_CALL})
    assert desk.state is not _S.OPEN
    assert desk.net() == {} or desk.is_in(_S.MANUAL)


def test_when_only_the_put_side_could_be_had_nothing_of_it_is_kept() -> None:
    """IgorGanapolsky/trading PR #2550: only the put legs of a condor were filled, and stayed."""
    desk = desk_with(plan())
    refuse_all(desk, {LONG_CALL, SHORT_CALL})
    assert desk.net() == {}
    assert desk.is_in(_S.CLOSED), desk.group().reason
    assert not desk.sends(SHORT_PUT, Side.SELL), "a copy is whole in every wing or releases nothing"


def test_an_exit_that_fails_leaves_the_position_managed_and_not_forgotten() -> None:
    """Algomirror PR #10: a failed exit was booked as closed."""
    desk = open_condor()
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
    refuse_all(desk, {SHORT_PUT})
    assert desk.net()[SHORT_PUT] == -10 * LOT
    assert desk.net()[LONG_PUT] == 10 * LOT, "its cover stays as long as it does"
    assert desk.is_in(_S.MANUAL)
    assert "manual:G-001" in desk.account.alerts
    desk.read_books()
    assert desk.is_in(_S.MANUAL), "the books do not end what is still held"


def test_outside_the_session_an_hour_of_passes_sends_nothing() -> None:
    """vnpy #1298: a chasing stop sent and cancelled more than 20,000 orders over a lunch break."""
    desk = desk_with(plan(on_incomplete=IncompletePolicy.COMPLETE))
    desk.accept()
    desk.fill(desk.sent[0])
    desk.fill(desk.sent[1], 4 * LOT)
    desk.accept()
    for order in desk.sends(side=Side.SELL):
        desk.fill(order)
    sent = len(desk.sent)
    rows = len(desk.rows)
    reopens_ns = desk.now_ns + 3_600 * NS_PER_S
    desk.view = replace(desk.view, opens_ns=reopens_ns, version=desk.view.version + 1)
    desk.effects.clear()
    for _ in range(3_500):
        desk.later(1_000)
        desk.monitor()
    assert len(desk.sent) == sent
    assert not desk.effects, "nothing is sent, changed or cancelled"
    assert len(desk.rows) - rows < 10, "nor is the journal filled with what cannot be done"


def test_a_broker_that_refuses_every_hedge_is_not_asked_without_end() -> None:
    """vnpy #1298: nothing counted how often the same order had failed."""
    desk = open_condor()
    sent = len(desk.sent)
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
    for _ in range(600):
        for order in [each for each in desk.sent[sent:] if desk.order(each.tag).outcome is None]:
            desk.refuse(order)
        desk.later(1_000)
    assert 6 <= len(desk.sent) - sent <= 2 * 6
    assert desk.is_in(_S.MANUAL)


def test_orders_of_a_large_group_are_counted_before_the_first_leg_goes_out() -> None:
    """Zerodha forum 51724: every slice counts to the day's orders, and the last leg finds none left."""
    desk = Desk().start()
    wanted = plan(copies=27 * 1_300)
    group = desk.submit(wanted)
    assert group.state is _S.REJECTED
    assert "order" in group.reason
    assert not desk.sent


def test_a_crowd_of_frames_does_not_send_a_leg_twice() -> None:
    """vnpy #177: the passive leg was sent again by each event while its first order was on its way."""
    desk = desk_with(plan(VERTICAL))
    desk.accept()
    wing = desk.sent[0]
    for lots in range(1, 11):
        desk.fill(wing, LOT)
        for _ in range(5):
            desk.monitor()
            desk.later(50)
        desk.accept()
        assert desk.group().working(1, Side.SELL) == lots * LOT
    assert sum(order.units for order in desk.sends(SHORT_PUT)) == 10 * LOT


def test_a_slice_that_is_cancelled_by_the_exchange_is_sent_again_once() -> None:
    """openalgo: a split leg is a success as soon as one of its slices is."""
    desk = desk_with(plan(VERTICAL, copies=40))
    desk.accept()
    first, second = desk.sends(LONG_PUT)
    desk.fill(first)
    desk.accept()
    desk.fill(desk.sends(SHORT_PUT)[0])
    desk.cancelled(second)
    assert desk.state is not _S.OPEN
    again = [order for order in desk.sends(LONG_PUT) if order not in (first, second)]
    assert [order.units for order in again] == [second.units]
    assert desk.order(second.tag).status is OrderStatus.CANCELLED
    fill_everything(desk)
    assert desk.is_in(_S.OPEN)
    assert desk.net() == {LONG_PUT: 40 * LOT, SHORT_PUT: -40 * LOT}


def test_a_hedge_is_not_counted_as_cover_before_it_has_filled() -> None:
    """openalgo options_multiorder: sends the sell while the buy is merely accepted."""
    desk = desk_with(plan((leg(0, option(24_000, Right.PE), Side.BUY), VERTICAL[1])))
    desk.accept()
    desk.later(60_000)
    assert not desk.sends(SHORT_PUT)
    assert not desk.sends(purpose=Purpose.HEDGE)


def test_slices_that_are_refused_one_after_the_other_are_one_attempt_and_are_waited_after() -> None:
    """vnpy #1298: each refusal was answered by the next order at once."""
    desk = open_condor(copies=40)
    sent = len(desk.sent)
    desk.give(OperatorCommand(OperatorAction.EXIT, "G-001", "tester", 0))
    for attempt in range(1, 6):
        first, second = [order for order in desk.sent[sent:] if order.symbol == SHORT_PUT]
        sent = len(desk.sent)
        desk.refuse(first)
        desk.later(35)
        assert len(desk.sent) == sent, "the other slice is still on its way: nothing says that it is well"
        desk.refuse(second)
        desk.later(250 * attempt - 1)
        assert not [order for order in desk.sent[sent:] if order.symbol == SHORT_PUT]
        desk.later(1)
    assert desk.is_in(_S.EXITING), "five attempts, not ten"
