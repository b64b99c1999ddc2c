"""The fault engine: by counter, within its window, and counted where it had an effect."""

from __future__ import annotations

import pytest

from core.brokers.paper.faults import IN_ORDER
from core.brokers.port import Reply, StreamBeat, StreamOrder
from core.domain.instruments import Product, Side
from core.domain.orders import AccessRefusal, OrderReport, OrderStatus, OrderType, Outcome
from core.domain.timing import NS_PER_S
from core.rehearsal.faults.at_the_broker import BrokerFaults
from core.rehearsal.faults.at_the_journal import JournalFaults
from core.rehearsal.faults.engine import FaultEngine, FaultRule
from core.rehearsal.faults.kinds import MEANING, OF_THE_MARKET, PER_SECOND, FaultKind
from core.rehearsal.market_time import MarketTime


def rule(kind: FaultKind, rate: float = 1.0, most: int | None = None) -> FaultRule:
    return FaultRule(kind, rate, 10, 20 * NS_PER_S, most)


def frame() -> StreamOrder:
    return StreamOrder(
        OrderReport(
            "1",
            ("T",),
            "S",
            "NFO",
            Product.NRML,
            Side.BUY,
            OrderType.LIMIT,
            65,
            0,
            100,
            0,
            OrderStatus.OPEN,
            "OPEN",
        )
    )


def test_a_chance_is_taken_by_seed_kind_and_number_alone() -> None:
    alone = FaultEngine(7, [rule(FaultKind.REJECT, 0.3)])
    crowded = FaultEngine(7, [rule(FaultKind.HTML, 0.9), rule(FaultKind.REJECT, 0.3)])
    for n in range(50):
        crowded.strikes(FaultKind.HTML, n, 50)
    taken = [n for n in range(200) if alone.strikes(FaultKind.REJECT, n, 50)]
    assert taken == [n for n in range(200) if crowded.strikes(FaultKind.REJECT, n, 50)]
    assert 30 < len(taken) < 90


def test_nothing_happens_outside_the_window() -> None:
    engine = FaultEngine(1, [rule(FaultKind.REJECT)])
    assert engine.strikes(FaultKind.REJECT, 0, 9) is None
    assert engine.strikes(FaultKind.REJECT, 0, 10) is not None
    assert engine.strikes(FaultKind.REJECT, 0, 20 * NS_PER_S) is None
    assert engine.until_ns == 20 * NS_PER_S


def test_no_more_than_the_most_are_made() -> None:
    engine = FaultEngine(1, [rule(FaultKind.REJECT, most=2)])
    assert sum(engine.strikes(FaultKind.REJECT, n, 50) is not None for n in range(10)) == 2


def test_a_rate_of_nothing_never_strikes() -> None:
    engine = FaultEngine(1, [rule(FaultKind.REJECT, 0.0)])
    assert not any(engine.strikes(FaultKind.REJECT, n, 50) for n in range(500))


@pytest.mark.parametrize(
    ("kind", "deliveries"),
    [(FaultKind.FRAME_LOST, 0), (FaultKind.FRAME_REPEATED, 2), (FaultKind.FRAME_LATE, 1)],
)
def test_frames_are_lost_repeated_or_late_and_counted(kind: FaultKind, deliveries: int) -> None:
    engine = FaultEngine(1, [rule(kind)])
    faults = BrokerFaults(engine, MarketTime(50))
    assert len(faults.on_frame(0, frame(), 50)) == deliveries
    assert faults.on_frame(1, StreamBeat(), 50) == IN_ORDER
    assert engine.fired[kind] == 1


def test_a_silence_swallows_beats_as_well() -> None:
    engine = FaultEngine(1, [rule(FaultKind.SILENT_STREAM)])
    faults = BrokerFaults(engine, MarketTime(50))
    faults.quiet_until_ns = 100
    assert faults.on_frame(0, StreamBeat(), 50) == ()
    assert faults.on_frame(1, StreamBeat(), 100) == IN_ORDER
    assert engine.fired[FaultKind.SILENT_STREAM] == 1


def test_a_time_out_arrives_and_is_told_as_unknown() -> None:
    engine = FaultEngine(1, [rule(FaultKind.TIMEOUT_PLACED)])
    fault = BrokerFaults(engine, MarketTime(50)).on_request("place", 0, 50)
    assert fault is not None
    assert fault.arrives
    assert fault.answer is not None
    assert fault.answer.outcome is Outcome.UNKNOWN


def test_a_refused_login_refuses_orders_and_books_alike() -> None:
    engine = FaultEngine(1, [rule(FaultKind.TOKEN_EXPIRED)])
    faults = BrokerFaults(engine, MarketTime(50))
    faults.refused_until_ns = 100
    request, book = faults.on_request("cancel", 0, 50), faults.on_book("orders", 0, 50)
    assert request is not None
    assert not request.arrives
    assert request.answer is not None
    assert request.answer.access_refused is AccessRefusal.LOGIN
    assert book is not None
    assert book.error is not None
    assert book.error.needs_login


def test_without_rules_nothing_goes_wrong() -> None:
    faults = BrokerFaults(FaultEngine(1), MarketTime(50))
    assert faults.on_request("place", 0, 50) is None
    assert faults.on_reply("place", 0, Reply(Outcome.CONFIRMED, "1"), 50) is None
    assert faults.on_book("positions", 0, 50) is None
    assert faults.on_frame(0, frame(), 50) == IN_ORDER


def test_a_full_disk_fails_every_commit_until_there_is_space() -> None:
    engine = FaultEngine(1, [rule(FaultKind.DISK_FULL)])
    clock = MarketTime(50)
    disk = JournalFaults(engine, clock)
    disk.full_until_ns = 100
    with pytest.raises(Exception, match="disk is full"):
        disk()
    clock.call_at(100, lambda: None)
    clock.fire()
    disk()
    assert engine.fired[FaultKind.DISK_FULL] == 1


def test_every_kind_says_what_it_is_and_what_its_rate_counts() -> None:
    assert set(MEANING) == set(FaultKind)
    assert not OF_THE_MARKET & PER_SECOND
