"""What the publisher remembers of rows that were committed before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.domain.facts import GateDecided, KillSwitchReset, Recorded
from core.domain.instruments import Product, Right, Side
from core.domain.orders import TradeReport
from core.domain.quotes import ForwardMark
from core.engine.expiries import ExpiryOutlook
from core.engine.publishing import Publisher
from tests.builders import DAY, NOW, RICH, option
from tests.engine.rig import Rig


def gate(seq: int, basket_paise: int, estimate_paise: int) -> Recorded:
    fact = GateDecided("G-001", True, 0, 0, 0, "", "Passed", basket_paise, estimate_paise)
    return Recorded(seq, NOW + seq, "G-001", fact)


def test_every_comparison_of_margins_is_remembered_beyond_what_the_log_keeps() -> None:
    rig = Rig()
    publisher = Publisher(rig.engine, mode="LIVE", title="test", underlying="NIFTY")
    told = [Recorded(seq, NOW + seq, "", KillSwitchReset("the operator", "seen")) for seq in range(4, 1_004)]
    publisher.recall([gate(1, 100, 110), gate(2, 100, 0), gate(3, 0, 110), *told])
    publisher.take_rows((gate(1_004, 200, 198),))
    rig.engine.books.funds = RICH
    seen = publisher.snapshot()
    assert [(one.ours_paise, one.broker_paise) for one in seen.margin.baskets.comparisons] == [
        (110, 100),
        (198, 200),
    ]
    assert seen.margin.baskets.lowest == pytest.approx(-0.01)
    assert len(seen.log) == 500
    assert seen.log[-1].seq == 1_004


def test_what_expires_is_judged_once_a_second() -> None:
    rig = Rig()
    publisher = Publisher(rig.engine, mode="LIVE", title="test", underlying="NIFTY")
    call = option(24_500, Right.CE, expiry=DAY + timedelta(days=3))
    marks = {("NIFTY", call.expiry): ForwardMark("NIFTY", call.expiry, 24_600_00.0, NOW)}
    rig.engine.view = replace(rig.engine.view, contracts={call.symbol: call}, forwards=marks)
    rig.broker.traded.append(
        TradeReport("T1", "X1", call.symbol, "NFO", Product.NRML, Side.BUY, 65, 10_00, NOW)
    )
    seen: list[tuple[ExpiryOutlook, ...]] = []

    async def story(rig: Rig) -> None:
        for wait_ms in (0, 5_000, 900, 200):
            await rig.later(wait_ms)
            seen.append(publisher.snapshot().expiries)

    rig.play(story)
    nothing_yet, first, same, next_second = seen
    assert nothing_yet == ()
    assert [(each.underlying, each.in_cash) for each in first] == [("NIFTY", 1)]
    assert same is first
    assert next_second is not first
