"""What is counted of a session, also where its first rows were written by an earlier process."""

from __future__ import annotations

from dataclasses import replace

from core.domain.facts import FillRecorded, HedgeWanted, Recorded
from core.domain.groups import Unhedged
from core.domain.instruments import Side
from core.domain.orders import Purpose, Source
from core.domain.timing import NS_PER_S
from core.engine.metrics import Metrics
from tests.builders import NOW, desk_with, plan


def test_a_hedge_of_an_earlier_life_is_timed_though_a_later_breach_stands_now() -> None:
    desk = desk_with(plan())
    order, group = desk.sent[0], desk.group()
    orders = {order.tag: replace(group.orders[order.tag], purpose=Purpose.HEDGE)}
    late = replace(group, orders=orders, unhedged=Unhedged(since_ns=NOW + 90 * NS_PER_S))
    account = replace(desk.account, groups={group.group_id: late})
    wanted = HedgeWanted(group.group_id, "reverse", order.symbol, Side.BUY, order.units, "uncovered")
    filled = FillRecorded(
        "T1", order.symbol, order.units, Side.BUY, 1, group.group_id, order.tag, "O1", NOW, Source.POLL
    )
    metrics = Metrics()
    metrics.count(
        [
            Recorded(1, NOW, group.group_id, wanted),
            Recorded(2, NOW + NS_PER_S // 4, group.group_id, filled),
        ],
        account,
    )
    assert (metrics.hedge_fill.count, metrics.hedge_fill.max) == (1, 250.0)


def test_a_silence_of_the_stream_counts_as_down_while_it_lasts_and_after() -> None:
    metrics = Metrics()
    assert metrics.stream_uptime_pct(NOW) is None
    for second in range(11):
        metrics.heard(NOW + second * NS_PER_S, 5 * NS_PER_S)
    assert metrics.stream_uptime_pct(NOW + 12 * NS_PER_S) == 100.0
    assert metrics.stream_uptime_pct(NOW + 20 * NS_PER_S) == 50.0
    metrics.heard(NOW + 20 * NS_PER_S, 5 * NS_PER_S)
    assert metrics.stream_uptime_pct(NOW + 20 * NS_PER_S) == 50.0
