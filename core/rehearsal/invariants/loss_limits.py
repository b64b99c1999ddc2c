"""Invariant 8 for money: a group that could lose more than its limit while it is incomplete is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.domain.account import Account
from core.domain.groups import Goal, MultiLegOrderGroup
from core.domain.instruments import Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.quotes import MarketView
from core.domain.timing import NS_PER_MS, NS_PER_S, Clock
from core.rehearsal.invariants.busy import Busy
from core.rehearsal.invariants.told import Told, ToldGroup
from core.risk.exposure_math import leg_exposures
from core.risk.pricing import years_until

LOOK_NS = NS_PER_S // 2
ANSWER_NS = NS_PER_S
_SIGN = {Right.CE: 1, Right.PE: -1, None: 0}


@dataclass(slots=True)
class _Breach:
    """Since when a group's loss has stood over its limit, and since when with something that sells out.

    By ``Busy.free_ns``: no time goes by while the core cannot act.
    """

    since_ns: int
    selling_since_ns: int | None = None


class LossLimits:
    """Looks twice a second at every incomplete group, by what the broker has told of its fills.

    Long options alone have two seconds more: the missing legs come first. Once one that sells is out, the
    group is answered as any other, within a second from then on.
    """

    def __init__(
        self,
        clock: Clock,
        account: Callable[[], Account],
        view: Callable[[], MarketView],
        told: Told,
        busy: Busy,
        late: Callable[[str, str], None],
    ) -> None:
        self.is_alive: Callable[[], bool] = lambda: True
        """Whether anything can be asked of the core now."""
        self._clock = clock
        self._account = account
        self._view = view
        self._told = told
        self._busy = busy
        self._late = late
        self._breaches: dict[str, _Breach] = {}

    def start(self) -> None:
        """Begin to look."""
        self._clock.call_at(self._clock.now_ns() + LOOK_NS, self._look)

    def _look(self) -> None:
        self._clock.call_at(self._clock.now_ns() + LOOK_NS, self._look)
        if not self.is_alive() or not self._view().is_open(self._clock.now_ns()):
            self._breaches.clear()
            return
        account = self._account()
        for group_id, group in account.groups.items():
            told = self._told.groups.get(group_id)
            if told is None or not account.reconciled_at_ns or not self._is_over(group, told):
                self._breaches.pop(group_id, None)
            else:
                self._require(account, group_id, told)

    def _is_over(self, group: MultiLegOrderGroup, told: ToldGroup) -> bool:
        """Whether it could lose more than its limit, and nothing is done about that."""
        limit = group.plan.loss_limit_paise
        waits = group.state is ExecutionLifecycle.PARTIALLY_EXPOSED and group.goal is Goal.ENTER
        if not limit or not waits or told.uncovered():
            return False
        loss = worst_loss_paise(told, self._view(), self._clock.now_ns(), self._account().settings.shock_bps)
        return loss is not None and loss > limit

    def _require(self, account: Account, group_id: str, told: ToldGroup) -> None:
        now_ns = self._busy.free_ns
        breach = self._breaches.setdefault(group_id, _Breach(now_ns))
        if _is_long_only(told):
            since_ns, breach.selling_since_ns = breach.since_ns, None
            within_ns = ANSWER_NS + account.settings.hedge_long_only_after_ms * NS_PER_MS
        else:
            if breach.selling_since_ns is None:
                breach.selling_since_ns = now_ns
            since_ns, within_ns = breach.selling_since_ns, ANSWER_NS
        if now_ns - since_ns > within_ns:
            self._late(group_id, f"{group_id}: its loss limit is breached and nothing is done")


def worst_loss_paise(told: ToldGroup, view: MarketView, now_ns: int, shock_bps: int) -> int | None:
    """What a group loses if its underlying jumps by the shock either way; ``None`` where nobody can say."""
    held = [(contract, units) for contract, units in told.held() if units]
    forwards = [view.forwards.get((contract.underlying, contract.expiry)) for contract, _ in held]
    vols = [view.vols.get(contract.symbol, 0.0) for contract, _ in held]
    years = [view.expiries_ns.get(contract.expiry) for contract, _ in held]
    if not held or any(mark is None for mark in forwards):
        return None
    if any(contract.right is not None and not vol for (contract, _), vol in zip(held, vols, strict=True)):
        return None
    valued = leg_exposures(
        [float(mark.paise) for mark in forwards if mark is not None],
        [float(contract.strike_paise) for contract, _ in held],
        [0.0 if expiry is None else years_until(expiry, now_ns) for expiry in years],
        vols,
        [_SIGN[contract.right] for contract, _ in held],
        [units for _, units in held],
        shock=shock_bps / 10_000,
    )
    _, _, down, up = valued.totals(0, len(held))
    return round(-min(down, up))


def _is_long_only(told: ToldGroup) -> bool:
    """Nothing is short and nothing that sells is out."""
    return all(units >= 0 for units in told.net.values()) and not any(
        order.working for order in told.orders if order.side is Side.SELL
    )
