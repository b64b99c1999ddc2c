"""Policies against a broker, a trader and a clock that do whatever they like, one step at a time.

Every send is judged by what had been told by then, with the checks that rehearsals use. At the end the world
becomes honest again, and the group has to come to rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.domain.cover import confirmed_holdings, uncovered_beyond_plan
from core.domain.groups import IncompletePolicy, LegPlan
from core.domain.inputs import BooksRead, OperatorAction, OperatorCommand, QuotesMoved
from core.domain.instruments import PositionKey, Product
from core.domain.lifecycle import RESTING, ExecutionLifecycle
from core.domain.orders import BookSnapshot, OrderStatus, Outcome, Source
from tests.builders import CONDOR, CONTRACTS, LOT, PRICES, VERTICAL, market, plan
from tests.policy.judged_desk import JudgedDesk
from tests.policy.stop_desk import fill_entries

_A = OperatorAction
PICK = st.integers(0, 7)
"""Which of the orders at hand, from the oldest, round and round."""
SYMBOLS = tuple(contract.symbol for contract in CONTRACTS)


class PolicyMachine(RuleBasedStateMachine):
    """One group, and everything that can happen to it."""

    guards_off: frozenset[str] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self.desk = JudgedDesk(view=market(CONTRACTS), guards_off=self.guards_off)
        self.kept: BookSnapshot | None = None

    @initialize(
        legs=st.sampled_from((CONDOR, VERTICAL)),
        copies=st.sampled_from((1, 3, 30)),
        on_incomplete=st.sampled_from(tuple(IncompletePolicy)),
        stops=st.booleans(),
        whole=st.booleans(),
    )
    def ask_for_a_group(
        self,
        legs: tuple[LegPlan, ...],
        copies: int,
        on_incomplete: IncompletePolicy,
        stops: bool,
        whole: bool,
    ) -> None:
        desk = self.desk
        desk.start()
        wanted = plan(legs, copies, on_incomplete=on_incomplete, good_for_s=60)
        desk.submit(replace(wanted, stop_premium_bps=20_000 if stops else 0))
        if whole:
            fill_entries(desk)
            assert desk.is_in(ExecutionLifecycle.OPEN)

    # The broker

    @precondition(lambda self: self.desk.in_flight())
    @rule(pick=PICK)
    def the_broker_takes_an_order(self, pick: int) -> None:
        self.desk.accept(_picked(self.desk.in_flight(), pick))

    @precondition(lambda self: self.desk.in_flight())
    @rule(pick=PICK)
    def the_broker_refuses_an_order(self, pick: int) -> None:
        order = _picked(self.desk.in_flight(), pick)
        self.desk.gone.add(order.tag)
        self.desk.refuse(order)

    @precondition(lambda self: self.desk.in_flight())
    @rule(pick=PICK, arrived=st.booleans())
    def an_answer_is_lost(self, pick: int, arrived: bool) -> None:
        self.desk.lose_send(_picked(self.desk.in_flight(), pick), arrived=arrived)

    @precondition(lambda self: self.desk.working())
    @rule(pick=PICK, lots=st.integers(1, 30), told=st.booleans())
    def an_order_fills(self, pick: int, lots: int, told: bool) -> None:
        order = _picked(self.desk.working(), pick)
        row = self.desk.book[self.desk.ids[order.tag]]
        if row.status is OrderStatus.TRIGGER_PENDING:
            self.desk.trigger(order)
        units = min(lots * LOT, row.units - row.filled_units)
        if told:
            self.desk.fill(order, units)
        else:
            self.desk.trade(order, units)

    @precondition(lambda self: self.desk.working())
    @rule(pick=PICK)
    def the_exchange_turns_an_order_away(self, pick: int) -> None:
        self.desk.reject(_picked(self.desk.working(), pick))

    @precondition(lambda self: self.desk.cancels_asked)
    @rule(pick=PICK)
    def a_cancel_wins(self, pick: int) -> None:
        self.desk.cancel_wins(_picked(list(self.desk.cancels_asked.values()), pick))

    @precondition(lambda self: self.desk.cancels_asked)
    @rule(pick=PICK)
    def a_fill_wins(self, pick: int) -> None:
        self.desk.fill_wins(_picked(list(self.desk.cancels_asked.values()), pick))

    @precondition(lambda self: self.desk.changes_asked)
    @rule(pick=PICK, outcome=st.sampled_from((Outcome.CONFIRMED, Outcome.REJECTED, Outcome.UNKNOWN)))
    def a_change_is_answered(self, pick: int, outcome: Outcome) -> None:
        asked = _picked(list(self.desk.changes_asked.values()), pick)
        self.desk.answer_change(asked, outcome, carry_out=outcome is not Outcome.REJECTED)

    @rule()
    def the_books_are_read(self) -> None:
        self.desk.read_books()

    @rule()
    def the_books_are_copied(self) -> None:
        self.kept = self.desk.snapshot()

    @precondition(lambda self: self.kept)
    @rule()
    def a_stale_book_arrives(self) -> None:
        assert self.kept is not None
        self.desk.give(BooksRead(self.kept, Source.POLL))

    # The trader and the operator

    @rule(symbol=st.sampled_from(SYMBOLS), lots=st.sampled_from((-30, -3, -1, 1, 3)))
    def the_trader_trades_by_hand(self, symbol: str, lots: int) -> None:
        key = PositionKey("NFO", symbol, Product.NRML)
        self.desk.others[key] = self.desk.others.get(key, 0) + lots * LOT

    @rule(
        action=st.sampled_from(
            (_A.EXIT, _A.FLATTEN_ALL, _A.KILL, _A.RESET_KILL, _A.SCALE_DOWN, _A.UNWIND, _A.HEDGE, _A.COMPLETE)
        )
    )
    def a_person_steps_in(self, action: OperatorAction) -> None:
        self.desk.give(OperatorCommand(action, "G-001", "test", 0, "because"))

    # Time and the market

    @rule(milliseconds=st.sampled_from((60, 600, 1_100, 6_000)))
    def time_passes(self, milliseconds: int) -> None:
        self.desk.later(milliseconds)

    @rule()
    def the_monitor_passes(self) -> None:
        self.desk.monitor()

    @rule(symbol=st.sampled_from(SYMBOLS))
    def a_quote_goes_away(self, symbol: str) -> None:
        self._quote(symbol, None, None)

    @rule(symbol=st.sampled_from(SYMBOLS), times=st.sampled_from((1, 3)))
    def a_quote_comes_back(self, symbol: str, times: int) -> None:
        bid, ask = PRICES[symbol]
        self._quote(symbol, bid * times, ask * times)

    def _quote(self, symbol: str, bid: int | None, ask: int | None) -> None:
        self.desk.move_quote(symbol, bid, ask)
        self.desk.give(QuotesMoved(frozenset({symbol})))

    @rule(arrived=st.booleans())
    def the_core_restarts(self, arrived: bool) -> None:
        self.desk.restart(arrived=arrived)
        self.desk.later(100)
        self.desk.read_books(Source.RECOVERY)

    # What must hold

    @invariant()
    def every_send_keeps_the_rules(self) -> None:
        assert self.desk.found == []

    @invariant()
    def the_rows_give_the_account(self) -> None:
        assert self.desk.folded == self.desk.account

    @invariant()
    def nobody_is_told_of_more_than_was_traded(self) -> None:
        for order in self.desk.sent:
            traded = sum(t.units for t in self.desk.trades if t.order_id == self.desk.ids.get(order.tag))
            assert self.desk.order(order.tag).filled_units <= traded

    def teardown(self) -> None:
        """The world becomes honest: every order is taken, filled or cancelled, and the books are read."""
        desk = self.desk
        if not desk.account.groups:
            return
        for symbol in SYMBOLS:
            self._quote(symbol, *PRICES[symbol])
        for _ in range(60):
            for order in desk.in_flight():
                desk.accept(order)
            for asked in list(desk.cancels_asked.values()):
                desk.cancel_wins(asked)
            for change in list(desk.changes_asked.values()):
                desk.answer_change(change, Outcome.CONFIRMED, carry_out=True)
            for order in desk.working():
                if desk.book[desk.ids[order.tag]].status is not OrderStatus.TRIGGER_PENDING:
                    desk.fill(order)
            desk.later(2_000)
            desk.read_books()
            desk.monitor()
        assert desk.found == []
        assert desk.folded_afresh() == desk.account
        group = desk.group()
        assert group.state in RESTING, group.reason
        if group.state is not ExecutionLifecycle.MANUAL:
            assert uncovered_beyond_plan(group.plan, confirmed_holdings(group)) == 0


def _picked(found: list[Any], pick: int) -> Any:
    return found[pick % len(found)]


BOUNDED = settings(
    max_examples=100,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
PolicyMachine.TestCase.settings = BOUNDED
TestPolicies = PolicyMachine.TestCase


@pytest.mark.parametrize("guard", ["cover-before-release", "max-not-sum", "tag-lookup"])
def test_without_a_guard_the_machine_breaks_a_rule(guard: str) -> None:
    class Unguarded(PolicyMachine):
        guards_off = frozenset({guard})

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Unguarded, settings=settings(BOUNDED, max_examples=500, phases=[Phase.generate])
        )
