"""What the publisher remembers of rows that were committed before it."""

from __future__ import annotations

import pytest

from core.domain.facts import GateDecided, KillSwitchReset, Recorded
from core.engine.publishing import Publisher
from tests.builders import NOW, RICH
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
