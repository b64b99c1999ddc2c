"""The person into whose hands groups were given: closes them when the trouble is over, and gets that done."""

from __future__ import annotations

from collections.abc import Callable

from core.brokers.paper.account_margin import AccountMargin
from core.domain.groups import MultiLegOrderGroup
from core.domain.inputs import OperatorAction, OperatorCommand
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.timing import NS_PER_S, Clock
from core.engine.engine import ExecutionEngine
from core.rehearsal.invariants.judge import Judge

_PATIENCE_NS = 60 * NS_PER_S
_PRESSES_EVERY_NS = 5 * NS_PER_S


def manual_cause(group: MultiLegOrderGroup) -> str:
    """Why automation has stopped for a group; ``""`` where it has not."""
    if group.state is not ExecutionLifecycle.MANUAL:
        return ""
    return group.cause.value if group.cause else "unnamed"


class Person:
    """Flattens every group in ``MANUAL`` at the end of a run, and tells the judge of any that does not end.

    In a person's hands means that the person's word is carried out. Two things may stand in its way: a cancel
    that the broker still has not confirmed, because what it could yet fill must not be closed twice, and an
    account without the margin to stand there without a long that other positions lean on.
    """

    def __init__(
        self,
        engine: Callable[[], ExecutionEngine],
        clock: Clock,
        judge: Judge,
        margin: AccountMargin,
    ) -> None:
        self.handed_over: dict[str, str] = {}
        """The groups, each with the cause for which automation had stopped."""
        self._engine = engine
        self._clock = clock
        self._judge = judge
        self._margin = margin
        self._began_ns = 0
        self._pressed_ns = 0

    def is_done(self, is_open: bool) -> bool:
        """Go on closing; whether all has ended, or has had its time. Nobody can close in a closed market."""
        now_ns = self._clock.now_ns()
        groups = self._engine().account.groups
        if not self._began_ns:
            self._began_ns = now_ns
            causes = {group_id: manual_cause(group) for group_id, group in sorted(groups.items())}
            self.handed_over = {group_id: cause for group_id, cause in causes.items() if cause}
        left = [groups[name] for name in self.handed_over if not groups[name].is_over]
        if not left or not is_open:
            return True
        if now_ns - self._began_ns >= _PATIENCE_NS:
            for group in left:
                if not any(order.cancel_pending for order in group.live_orders) and self._affords(group):
                    told = f"{group.group_id} was flattened by a person and is {group.state.value}"
                    self._judge.findings.add(14, f"{told}: {group.reason}", group.group_id)
            return True
        if now_ns - self._pressed_ns >= _PRESSES_EVERY_NS:
            self._pressed_ns = now_ns
            for group in left:
                if group.state is ExecutionLifecycle.MANUAL:
                    command = OperatorCommand(OperatorAction.FLATTEN, group.group_id, "person", 0, "")
                    self._engine().post(command)
        return False

    def _affords(self, group: MultiLegOrderGroup) -> bool:
        """Whether the exchange would let the account close each of the legs that are left, by its money."""
        for index, leg in enumerate(group.legs):
            key, units = group.position_key(index), leg.net_units
            tick_paise = leg.plan.contract.tick_paise
            side = Side.SELL if units > 0 else Side.BUY
            if units and self._margin.shortfall(key, side, abs(units), tick_paise) is not None:
                return False
        return True
