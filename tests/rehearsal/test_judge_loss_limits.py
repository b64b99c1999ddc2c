"""A loss beyond its limit is answered within a second, and long options alone within two more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.account import Account
from core.domain.evolve import fold
from core.domain.facts import BooksReconciled, Recorded
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import OrderStatus
from core.domain.timing import NS_PER_S
from core.rehearsal.invariants import loss_limits
from core.rehearsal.invariants.busy import Busy
from core.rehearsal.invariants.loss_limits import LossLimits
from core.rehearsal.invariants.told import Told
from tests.builders import market
from tests.rehearsal.test_judge_answers import Clock, request
from tests.rehearsal.test_judge_hearing import described
from tests.rehearsal.wire.test_judging import CONTRACTS, LONG, PLAN, SHORT, order, rows

BOUGHT = order(LONG.index, 1, Side.BUY, LONG.contract.lot_units)
SOLD = order(SHORT.index, 2, Side.SELL, SHORT.contract.lot_units)


class Bench:
    """A group that has bought its protection, whose loss is over its limit from the first look on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.late: list[str] = []
        told = rows(BOUGHT)
        told.append(Recorded(len(told) + 1, NS_PER_S, "", BooksReconciled(0)))
        self.account: Account = fold(told)
        group = self.account.groups[PLAN.group_id]
        limited = replace(group.plan, loss_limit_paise=1)
        waiting = replace(group, plan=limited, state=ExecutionLifecycle.PARTIALLY_EXPOSED)
        self.account = self.account.with_group(waiting)
        self.told = Told(CONTRACTS)
        self.told.restart(self.account)
        self.told.described(
            described("O1", BOUGHT, OrderStatus.COMPLETE, filled_units=BOUGHT.units), NS_PER_S
        )
        monkeypatch.setattr(loss_limits, "worst_loss_paise", lambda *_: 2)
        view = replace(market(CONTRACTS.values()), opens_ns=0, closes_ns=1 << 62)
        LossLimits(
            self.clock,
            lambda: self.account,
            lambda: view,
            self.told,
            Busy(self.clock),
            lambda _, detail: self.late.append(detail),
        ).start()

    def sell(self) -> None:
        """The missing leg goes out."""
        self.told.sent(request(SOLD), self.clock.now_ns())


def test_long_options_alone_have_three_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.clock.go(3.5)
    assert not bench.late
    bench.clock.go(0.5)
    assert bench.late


def test_once_the_missing_leg_is_out_there_is_a_second_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.clock.go(2.4)
    bench.sell()
    bench.clock.go(1.1)
    assert not bench.late
    bench.clock.go(0.5)
    assert bench.late
