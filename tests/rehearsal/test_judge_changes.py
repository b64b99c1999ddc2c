"""A change of an order is judged like a send; what is taken away after a trip is judged too."""

from __future__ import annotations

from dataclasses import replace

from core.brokers.paper.books import MemoryBooks
from core.brokers.port import OrderChange, OrderRequest
from core.domain.evolve import fold
from core.domain.facts import (
    Fact,
    GateDecided,
    GroupPlanned,
    JournalFailed,
    KillSwitchTripped,
    ModifyIntended,
    OrderIntended,
    Recorded,
)
from core.domain.instruments import Side
from core.domain.orders import ChildOrder, OrderStatus, OrderType, Purpose
from core.domain.tags import tag_for
from core.domain.timing import NS_PER_S
from core.rehearsal.invariants.judge import Judge
from core.rehearsal.invariants.truth import Truth
from tests.rehearsal.test_judge_hearing import Clock, described
from tests.rehearsal.wire.test_judging import (
    CONTRACTS,
    LONG,
    NONCE,
    PLAN,
    SHORT,
    accepted,
    order,
    rows,
    traded,
)

RIGHT = SHORT.contract.right
LOT = SHORT.contract.lot_units
UNITS = PLAN.units(SHORT.index)
GATED = GateDecided(PLAN.group_id, True, 0, 0, 0, "", "")
TRIPPED = KillSwitchTripped("by hand", "somebody", False)
STOP = replace(
    order(SHORT.index, 2, Side.BUY, UNITS, Purpose.STOP),
    order_type=OrderType.SL,
    trigger_paise=160_00,
    limit_paise=165_00,
)


class Bench:
    """A judge of a core that holds the whole group and has told of every fill."""

    def __init__(self, *also: ChildOrder, stop_premium_bps: int = 16_000) -> None:
        self.plan = replace(PLAN, stop_premium_bps=stop_premium_bps)
        entries = [order(leg.index, 1, leg.side, PLAN.units(leg.index)) for leg in PLAN.legs]
        told = [
            replace(row, fact=GroupPlanned(self.plan)) if isinstance(row.fact, GroupPlanned) else row
            for row in rows(*entries, *also)
        ]
        self.account = fold(told)
        self.truth = Truth(MemoryBooks(), CONTRACTS, NONCE)
        self.judge = Judge(Clock(), CONTRACTS, self.truth, lambda: self.account)
        self.judge.born(told)
        self.seq = told[-1].seq
        self.truth.plans[PLAN.group_id] = self.plan
        for each in entries:
            self.truth.append([accepted(each), traded(each, each.units, each.tag)])
            self._hear(each, OrderStatus.COMPLETE, each.units)
        for each in also:
            self._hear(each, OrderStatus.TRIGGER_PENDING)

    def _hear(self, each: ChildOrder, status: OrderStatus, filled: int = 0) -> None:
        self.judge.framed(described(f"id-{each.tag}", each, status, filled_units=filled))

    def decide(self, *facts: Fact) -> None:
        for fact in facts:
            self.seq += 1
            self.judge.decided([Recorded(self.seq, 2 * NS_PER_S, PLAN.group_id, fact)])

    def change(self, each: ChildOrder, units: int, *, trigger_paise: int = 160_00) -> None:
        self.decide(ModifyIntended(each.tag, 165_00, trigger_paise, units, False, ""))

    @property
    def found(self) -> list[int]:
        return [violation.invariant for violation in self.judge.violations]


def test_a_stop_raised_beyond_what_is_held_is_a_double_exit() -> None:
    bench = Bench(STOP)
    bench.change(STOP, UNITS)
    assert bench.found == []
    bench.change(STOP, 2 * UNITS)
    assert bench.found == [4]


def test_a_sale_that_is_enlarged_beyond_its_cover_is_found() -> None:
    more = order(SHORT.index, 2, Side.SELL, LOT)
    bench = Bench(more)
    before = len(bench.found)
    bench.change(more, 3 * LOT)
    assert {1, 5} <= set(bench.found[before:])


def test_a_change_to_no_whole_lots_is_found() -> None:
    bench = Bench(STOP)
    bench.change(STOP, UNITS - 1)
    assert bench.found == [13]


def test_after_a_trip_a_stop_neither_shrinks_nor_moves_away() -> None:
    for units, trigger_paise in ((LOT, 160_00), (UNITS, 890_00)):
        bench = Bench(STOP)
        bench.change(STOP, units, trigger_paise=trigger_paise)
        assert bench.found == [], "before a trip it may"
        bench = Bench(STOP)
        bench.decide(TRIPPED)
        bench.change(STOP, units, trigger_paise=trigger_paise)
        assert bench.found == [11]


def test_after_a_trip_a_stop_may_follow_the_price_that_was_really_sold_at() -> None:
    bench = Bench(replace(STOP, trigger_paise=150_00))
    bench.decide(TRIPPED)
    bench.change(STOP, UNITS, trigger_paise=160_00)  # sold at 100.00, and the plan says 160 %
    assert bench.found == []


def test_after_a_trip_a_stop_gives_way_to_what_buys_the_short_back() -> None:
    bench = Bench(STOP)
    bench.decide(TRIPPED)
    leaving = replace(order(SHORT.index, 3, Side.BUY, LOT, Purpose.EXIT), limit_paise=100_00)
    bench.change(STOP, UNITS - LOT)
    assert bench.found == [11]
    bench = Bench(STOP)
    bench.decide(TRIPPED)
    bench.judge.told.sent(request(leaving), NS_PER_S)
    bench.change(STOP, UNITS - LOT)
    assert bench.found == []


def test_after_a_trip_a_working_hedge_of_an_uncovered_short_stays() -> None:
    hedge = order(LONG.index, 2, Side.BUY, PLAN.units(LONG.index), Purpose.HEDGE)
    for tripped in (False, True):
        bench = Bench(hedge)
        told = bench.judge.told
        told.groups[PLAN.group_id].net[LONG.index] = 0
        told.orders[hedge.tag].sent_ns = 2 * NS_PER_S
        if tripped:
            bench.decide(TRIPPED)
        bench.judge.cancel(f"id-{hedge.tag}")
        assert bench.found == ([11] if tripped else [])


def test_a_change_that_nobody_decided_is_found() -> None:
    bench = Bench(STOP)
    bench.judge.modify(f"id-{STOP.tag}", OrderChange(OrderType.SL, UNITS, 165_00, 160_00))
    assert bench.found == [2]


def request(each: ChildOrder) -> OrderRequest:
    return OrderRequest(
        each.tag, each.symbol, each.exchange, each.product, each.side, each.units, each.order_type, 1, 0
    )


def test_an_entry_from_memory_while_the_journal_fails_is_found_and_an_exit_is_not() -> None:
    bench = Bench()
    failed: list[Fact] = [GATED, JournalFailed("disk full")]
    bench.decide(*failed)
    bench.account = replace(bench.account, journal_failed=True)
    bench.judge.told.groups[PLAN.group_id].net[LONG.index] = 0
    bench.judge.told.groups[PLAN.group_id].net[SHORT.index] = 0
    entry = order(LONG.index, 2, Side.BUY, LOT)
    bench.decide(OrderIntended(entry, 0, 0))
    bench.judge.place(request(entry))
    assert bench.found == [2]
    bench = Bench()
    bench.decide(*failed)
    exit_ = order(SHORT.index, 2, Side.BUY, UNITS, Purpose.EXIT)
    bench.account = replace(bench.account, journal_failed=True)
    group = bench.account.groups[PLAN.group_id]
    bench.account = bench.account.with_group(replace(group, orders={**group.orders, exit_.tag: exit_}))
    bench.decide(OrderIntended(exit_, 0, 0))
    bench.judge.place(request(exit_))
    assert bench.found == []


def test_risk_is_what_an_order_does_and_not_what_it_is_called() -> None:
    bench = Bench()
    bench.decide(GATED, TRIPPED)
    bench.judge.told.groups[PLAN.group_id].net[LONG.index] = 0
    bench.judge.told.groups[PLAN.group_id].net[SHORT.index] = 0
    disguised = order(LONG.index, 2, Side.BUY, LOT, Purpose.EXIT)
    bench.decide(OrderIntended(disguised, 0, 0))
    assert bench.found == [11]


def naked(*also: ChildOrder) -> Bench:
    """The shorts are held, and none of the longs."""
    bench = Bench(*also)
    net = bench.judge.told.groups[PLAN.group_id].net
    for leg in PLAN.legs:
        if leg.side is Side.BUY:
            net[leg.index] = 0
    return bench


def hedging(bench: Bench, child: int, units: int, leg: int = SHORT.index) -> None:
    hedge = OrderIntended(order(leg, child, Side.BUY, units, Purpose.HEDGE), 0, 0)
    bench.seq += 1
    bench.judge.committed([Recorded(bench.seq, 2 * NS_PER_S, PLAN.group_id, hedge)])


def test_slices_of_a_hedge_count_together() -> None:
    bench = naked()
    hedging(bench, 2, UNITS)
    assert 5 not in bench.found
    net = bench.judge.told.groups[PLAN.group_id].net
    uncovered = sum(-net[leg.index] for leg in PLAN.legs if leg.side is Side.SELL)
    for child in range(3, 3 + uncovered // UNITS):
        hedging(bench, child, UNITS)
    assert 5 in bench.found


def test_an_old_purchase_that_still_works_counts_against_the_next_hedge() -> None:
    old = replace(order(SHORT.index, 2, Side.BUY, UNITS, Purpose.HEDGE), intended_at_ns=1)
    bench = naked(old)
    net = bench.judge.told.groups[PLAN.group_id].net
    for leg in PLAN.legs:
        if leg.index != SHORT.index:
            net[leg.index] = 0
    hedging(bench, 3, LOT)
    assert 5 in bench.found


def test_a_cancel_in_another_leg_is_no_reason_to_hedge_twice() -> None:
    other = next(leg for leg in PLAN.legs if leg.side is Side.SELL and leg.index != SHORT.index)
    going = order(other.index, 2, Side.BUY, LOT, Purpose.EXIT)
    old = order(SHORT.index, 2, Side.BUY, UNITS, Purpose.HEDGE)
    bench = naked(going, old)
    net = bench.judge.told.groups[PLAN.group_id].net
    net[other.index] = 0
    bench.judge.told.orders[going.tag].cancel_asked = True
    hedging(bench, 3, LOT)
    assert 5 in bench.found


def test_cover_may_be_bought_for_what_a_cancel_has_not_settled() -> None:
    going = order(SHORT.index, 2, Side.BUY, UNITS, Purpose.HEDGE)
    bench = naked(going)
    net = bench.judge.told.groups[PLAN.group_id].net
    for leg in PLAN.legs:
        if leg.index != SHORT.index:
            net[leg.index] = 0
    bench.judge.told.orders[going.tag].cancel_asked = True
    cover = next(leg for leg in PLAN.legs if leg.side is Side.BUY and leg.contract.right is RIGHT)
    hedging(bench, 2, LOT, cover.index)
    assert 5 not in bench.found


def test_cover_for_a_purchase_that_is_being_cancelled_is_for_its_units_and_no_more() -> None:
    going = order(SHORT.index, 2, Side.BUY, 2 * LOT, Purpose.STOP)
    for units, found in ((2 * LOT, False), (3 * LOT, True)):
        bench = Bench(going)
        bench.judge.told.orders[going.tag].cancel_asked = True
        cover = next(leg for leg in PLAN.legs if leg.side is Side.BUY and leg.contract.right is RIGHT)
        group = bench.judge.told.groups[PLAN.group_id]
        beside = len(PLAN.legs)
        group.net[beside], group.contracts[beside], group.sides[beside] = 0, cover.contract, Side.BUY
        hedge = replace(
            order(cover.index, 9, Side.BUY, units, Purpose.HEDGE),
            leg=beside,
            tag=tag_for(NONCE, PLAN.number, beside, 1, 1),
        )
        bench.seq += 1
        bench.judge.committed([Recorded(bench.seq, 2 * NS_PER_S, PLAN.group_id, OrderIntended(hedge, 0, 0))])
        assert (5 in bench.found) is found
