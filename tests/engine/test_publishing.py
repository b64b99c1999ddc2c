"""What the publisher works out for whoever looks, and how often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.domain.instruments import Product, Right, Side
from core.domain.orders import TradeReport
from core.domain.quotes import ForwardMark
from core.engine.expiries import Expiries
from core.engine.publishing import Publisher
from tests.builders import DAY, NOW, option
from tests.engine.rig import Rig


def test_what_expires_is_judged_once_a_second() -> None:
    rig = Rig()
    publisher = Publisher(rig.engine, mode="LIVE", title="test", underlying="NIFTY")
    call = option(24_500, Right.CE, expiry=DAY + timedelta(days=3))
    marks = {("NIFTY", call.expiry): ForwardMark("NIFTY", call.expiry, 24_600_00.0, NOW)}
    rig.engine.view = replace(rig.engine.view, contracts={call.symbol: call}, forwards=marks)
    rig.broker.traded.append(
        TradeReport("T1", "X1", call.symbol, "NFO", Product.NRML, Side.BUY, 65, 10_00, NOW)
    )
    seen: list[Expiries] = []

    async def story(rig: Rig) -> None:
        for wait_ms in (0, 5_000, 900, 200):
            await rig.later(wait_ms)
            seen.append(publisher.snapshot().expiries)

    rig.play(story)
    nothing_yet, first, same, next_second = seen
    assert nothing_yet == Expiries()
    assert [(each.underlying, each.in_cash) for each in first.outlooks] == [("NIFTY", 1)]
    assert same is first
    assert next_second is not first
