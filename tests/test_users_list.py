"""What the user listed, under the user's names.

The stop-loss price for buy and sell in all its cases is in ``policy/test_stop_prices.py``; every case of the
validator, the margin simulator and the expiry rules is in ``risk/``.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest

from core.brokers.port import OrderChange, OrderRequest, Reply
from core.domain.cover import confirmed_holdings, uncovered_beyond_plan
from core.domain.facts import CancelIntended, GateDecided
from core.domain.groups import IncompletePolicy, LegType
from core.domain.inputs import CoreStarted, WakeUp
from core.domain.instruments import Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Funds, Outcome, Purpose
from core.domain.settings import ExecutionSettings
from core.engine.coordinator import ExecutionCoordinator
from core.engine.recovery import recover_execution_from_crash
from core.journal.opening import IN_MEMORY
from core.journal.persistence import InlinePersistence
from core.journal.tables import ExecutionState
from core.journal.writing import Batch
from core.policy.child_orders import cancel_order_confirmed
from core.policy.collaborators import Collaborators
from core.policy.decide import decide
from core.policy.hedge_manager import EmergencyHedgeManager
from core.policy.leg_priority import LegPriorityCalculator
from core.policy.stop_loss import HybridStopLossManager
from core.policy.stop_prices import stop_price
from core.policy.turn import Turn
from core.risk.exercise_handler import intrinsic_paise, is_option, strike_paise
from core.risk.limits import Request, RiskLimitError, RiskLimits, require_within
from core.risk.position_validator import validate_position
from core.risk.worst_case import WorstCaseMarginSimulator
from tests.builders import (
    CONDOR,
    FUTURE,
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
    opening,
    option,
    plan,
)
from tests.policy.stop_desk import open_with_stops

_S = ExecutionLifecycle
PUBLIC_NAMES = {
    "ExecutionLifecycle": "core.domain.lifecycle",
    "MultiLegOrderGroup": "core.domain.groups",
    "LegType": "core.domain.groups",
    "LegPriorityCalculator": "core.policy.leg_priority",
    "ChildOrderManager": "core.policy.child_orders",
    "cancel_order_confirmed": "core.policy.child_orders",
    "InterimExposureHandler": "core.policy.exposure",
    "EmergencyHedgeManager": "core.policy.hedge_manager",
    "EmergencyHedgeExecutor": "core.policy.emergency_hedge",
    "HybridStopLossManager": "core.policy.stop_loss",
    "WorstCaseMarginSimulator": "core.risk.worst_case",
    "RiskLimitError": "core.risk.limits",
    "PersistenceLayer": "core.journal.persistence",
    "ExecutionState": "core.journal.tables",
    "ExecutionCoordinator": "core.engine.coordinator",
    "ExecutionEngine": "core.engine.engine",
    "recover_execution_from_crash": "core.engine.recovery",
}


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_every_name_the_user_gave_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(import_module(PUBLIC_NAMES[name]), name)
    assert found.__module__ == PUBLIC_NAMES[name], "defined there, not passed on"
    assert found.__doc__


# Groups


def test_add_legs() -> None:
    shuffled = plan(reversed(CONDOR))
    desk = desk_with(shuffled)
    legs = desk.group().plan.legs
    assert {leg.contract.symbol for leg in legs} == {LONG_PUT, LONG_CALL, SHORT_PUT, SHORT_CALL}
    assert [leg.leg_type for leg in legs] == [LegType.PROTECTIVE_LONG] * 2 + [LegType.COVERED_SHORT] * 2
    assert [leg.score for leg in legs] == [100, 100, -50, -50]
    assert [leg.index for leg in legs] == [0, 1, 2, 3]
    assert all(leg.net_units == 0 for leg in desk.group().legs)


def test_validate_fills_all() -> None:
    desk = open_condor()
    held = [leg.net_units for leg in desk.group().legs]
    result = validate_position(desk.group().plan, held)
    assert held == [10 * LOT, 10 * LOT, -10 * LOT, -10 * LOT]
    assert (result.balanced, result.whole_copies, result.uncovered_units) == (True, 10, 0)


def test_validate_fills_partial() -> None:
    desk = desk_with(plan())
    desk.accept()
    put, call = desk.sent
    desk.fill(put)
    desk.fill(call, 4 * LOT)
    result = validate_position(desk.group().plan, [leg.net_units for leg in desk.group().legs])
    assert not result.balanced
    assert result.whole_copies == 0
    filled = {row.symbol: row.filled_bps for row in result.legs}
    assert filled == {LONG_PUT: 10_000, LONG_CALL: 4_000, SHORT_PUT: 0, SHORT_CALL: 0}
    assert desk.is_in(_S.PARTIALLY_EXPOSED), "a group is as good as its worst leg"


def test_mismatch_summary() -> None:
    desk = open_condor()
    held = [10 * LOT, 7 * LOT, -10 * LOT, -10 * LOT]
    said = validate_position(desk.group().plan, held).sentence
    assert said == f"mismatch: {LONG_CALL} is 30 % off its ratio; {3 * LOT} short units stand uncovered"


# Execution


def test_execute_with_rollback_success() -> None:
    desk = desk_with(plan(on_incomplete=IncompletePolicy.UNWIND))
    fill_everything(desk)
    assert desk.is_in(_S.OPEN)
    assert not desk.sends(purpose=Purpose.UNWIND), "what is complete is not rolled back"


def test_execute_with_rollback_partial_fill_recovery() -> None:
    desk = desk_with(plan(on_incomplete=IncompletePolicy.UNWIND, good_for_s=20))
    desk.accept()
    put, call = desk.sent
    desk.fill(put)
    desk.fill(call, 4 * LOT)
    desk.accept()
    for order in desk.sends(side=Side.SELL):
        desk.fill(order)
    desk.later(21_000)
    desk.cancelled(call)
    while desk.net():
        before = desk.net()
        desk.accept()
        for order in desk.group().live_orders:
            desk.fill(order)
            assert not uncovered_beyond_plan(desk.group().plan, confirmed_holdings(desk.group()))
        assert desk.net() != before, "it goes on until nothing is left"
    desk.read_books()
    assert desk.is_in(_S.CLOSED)
    shorts_back = desk.sends(side=Side.BUY, purpose=Purpose.UNWIND)
    longs_sold = desk.sends(side=Side.SELL, purpose=Purpose.UNWIND)
    assert {order.symbol for order in shorts_back} == {SHORT_PUT, SHORT_CALL}
    assert sum(order.units for order in longs_sold) == 14 * LOT
    assert not [fact for fact in desk.facts(CancelIntended) if fact.tag == put.tag], (  # type: ignore[union-attr]
        "a filled order is final: it is taken back by a trade"
    )


def test_cancel_order_confirmed() -> None:
    desk = desk_with(plan())
    desk.accept()
    order = desk.order(desk.sent[0].tag)
    assert not cancel_order_confirmed(_turn(desk), order, "asked"), "asking is not having"
    desk.trade(order, 3 * LOT)
    desk.cancelled(order)
    over = desk.order(order.tag)
    turn = _turn(desk)
    assert cancel_order_confirmed(turn, over, "asked")
    assert over.filled_units == 3 * LOT, "the final filled quantity is known with the end"
    assert not turn.rows, "what is over is not asked for again"


def _turn(desk: Desk) -> Turn:
    return Turn(desk.account, desk.view, desk.now_ns, Collaborators())


# Stop-loss


def test_stop_loss_price_for_buy() -> None:
    desk = open_with_stops()
    (stop,) = desk.stops(SHORT_CALL)
    assert stop.side is Side.BUY
    assert (stop.trigger_paise, stop.limit_paise) == (138_00, 138_70), "sold at 69, twice that, and above it"


def test_stop_loss_price_for_sell() -> None:
    stop = stop_price(ExecutionSettings(), option(24_000, Right.PE), Side.SELL, 100_00, 5_000, None)
    assert (stop.trigger_paise, stop.limit_paise) == (50_00, 49_75), (
        "bought at 100, half of that, and below it"
    )


# The hedge ratio


@pytest.mark.parametrize("lots", [10, 9])
def test_hedge_balanced(lots: int) -> None:
    held = [10 * LOT, 10 * LOT, -10 * LOT, -lots * LOT]
    assert validate_position(plan(), held).balanced


@pytest.mark.parametrize("lots", [8, 0])
def test_hedge_mismatched_over_10_percent(lots: int) -> None:
    held = [10 * LOT, 10 * LOT, -10 * LOT, -lots * LOT]
    result = validate_position(plan(), held)
    assert not result.balanced
    assert result.legs[3].off_bps == (10 - lots) * 1_000


# Margin


def test_margin_sufficient() -> None:
    desk = desk_with(plan())
    (gate,) = desk.facts(GateDecided)
    assert isinstance(gate, GateDecided)
    assert gate.passed
    assert 0 < gate.required_paise * 10 <= gate.available_paise * 9, "a tenth stays as the safety buffer"
    assert desk.sent


def test_margin_insufficient() -> None:
    desk = Desk(view=market(), funds=Funds(5_00_000_00, 5_00_000_00, 0))
    desk.start()
    group = desk.submit(plan())
    assert group.state is _S.REJECTED
    assert not desk.sent
    assert group.gate is not None
    assert not group.gate.passed
    assert group.reason == group.gate.sentence
    assert "available ₹ 4,50,000 may be used (90 %), so it is ₹ " in group.reason


def test_risk_limit_error() -> None:
    limits = RiskLimits(lots_per_trade=9, orders_per_trade=3)
    with pytest.raises(RiskLimitError) as raised:
        require_within(Request(plan(), max_loss_paise=1_00, orders=4), limits)
    assert len(raised.value.breaches) == 2, "everything that is wrong, not the first of it"
    require_within(Request(plan(copies=9), max_loss_paise=1_00, orders=3), limits)


# Exercise


def test_parse_strike() -> None:
    assert strike_paise(None, "NIFTY26AUG24500CE") == 24_500_00
    assert strike_paise(None, "NIFTY2681824500PE") == 24_500_00
    assert strike_paise(None, "NIFTY26AUGFUT") is None
    assert strike_paise(option(24_800, Right.CE), "NIFTY26AUG24500CE") == 24_800_00, "the catalogue first"


def test_is_option() -> None:
    assert is_option(option(24_800, Right.CE))
    assert not is_option(FUTURE, "NIFTY26AUG24500CE"), "the catalogue first"
    assert is_option(None, "BANKNIFTY26AUG52000PE")
    assert not is_option(None, "NIFTY26AUGFUT")
    assert not is_option(None, "RELIANCE")


def test_in_the_money_call() -> None:
    call = option(24_500, Right.CE)
    assert intrinsic_paise(call, 24_650_00) == 150_00
    assert intrinsic_paise(call, 24_500_00) == 0, "at its strike it is not"
    assert intrinsic_paise(call, 24_350_00) == 0


def test_in_the_money_put() -> None:
    put = option(24_500, Right.PE)
    assert intrinsic_paise(put, 24_350_00) == 150_00
    assert intrinsic_paise(put, 24_500_00) == 0, "at its strike it is not"
    assert intrinsic_paise(put, 24_650_00) == 0


# Persistence and recovery


def test_execution_state(tmp_path: Path) -> None:
    desk = open_condor()
    path = tmp_path / "journal.db"
    journal_of(desk, path)
    with closing(sqlite3.connect(path)) as connection:
        (row,) = connection.execute("SELECT * FROM execution_states")
        names = [column[1] for column in connection.execute("PRAGMA table_info(execution_states)")]
    state = ExecutionState(*row[: len(names)])
    assert list(ExecutionState._fields) == names
    assert (state.group_id, state.state, state.copies, state.live_orders) == ("G-001", "OPEN", 10, 0)
    assert state.updated_seq == desk.rows[-1].seq


def test_recover_execution_from_crash() -> None:
    desk = desk_with(plan(VERTICAL))
    wing = desk.sent[0]
    recovered = recover_execution_from_crash(InlinePersistence(image=journal_of(desk).image()))
    assert recovered.account == desk.account
    again = Desk(account=recovered.account, view=desk.view, now_ns=desk.now_ns)
    again.give(CoreStarted(restart=True))
    assert again.order(wing.tag).outcome is Outcome.UNKNOWN, (
        "it was on its way: nobody knows what became of it"
    )
    again.later(3_000)
    assert not again.sent, "what may be at the broker is looked for, never sent again"
    assert again.asked_for_books()


def test_a_first_start_a_restart_and_a_crash_are_told_apart_by_the_journal_alone() -> None:
    desk = Desk(view=market())
    journal = InlinePersistence()
    assert recover_execution_from_crash(journal).is_new
    assert not recover_execution_from_crash(journal_of(desk)).is_restart
    desk.start()
    recovered = recover_execution_from_crash(journal_of(desk))
    assert recovered.is_restart
    assert not recovered.is_new


def journal_of(desk: Desk, path: str | Path = IN_MEMORY) -> InlinePersistence:
    """A journal that holds what this desk was opened with and everything it has decided."""
    journal = InlinePersistence(path)
    asyncio.run(journal.commit(Batch((*opening(), *desk.rows), tuple(desk.account.groups.values()))))
    return journal


# The coordinator and its parts


class _NoPort:
    async def place(self, request: OrderRequest) -> Reply:
        raise AssertionError(request)

    async def modify(self, order_id: str, change: OrderChange) -> Reply:
        raise AssertionError((order_id, change))

    async def cancel(self, order_id: str) -> Reply:
        raise AssertionError(order_id)


class _AlwaysFires(HybridStopLossManager):
    @staticmethod
    def watch(turn: Turn, group_id: str) -> str:
        return "the stop of this test"


def test_the_coordinator_takes_its_parts_and_decisions_are_made_with_them() -> None:
    calculator, hedges, simulator = (
        LegPriorityCalculator(),
        EmergencyHedgeManager(),
        WorstCaseMarginSimulator(),
    )
    stops = _AlwaysFires()
    coordinator = ExecutionCoordinator(
        _NoPort(),
        lambda _: None,
        priority_calculator=calculator,
        hedge_manager=hedges,
        sl_manager=stops,
        margin_simulator=simulator,
    )
    parts = coordinator.collaborators
    assert parts.priority_calculator is calculator
    assert parts.hedge_manager is hedges
    assert parts.sl_manager is stops
    assert parts.margin_simulator is simulator
    desk = open_condor()
    decision = decide(desk.account, WakeUp(("G-001",)), desk.view, desk.now_ns, collaborators=parts)
    assert decision.account.groups["G-001"].state is _S.EXITING
    assert decision.account.groups["G-001"].reason == "the stop of this test"
