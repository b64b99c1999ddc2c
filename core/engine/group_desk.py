"""Group files that wait for a market: each is planned once quotes allow it, and taken up once a day."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from core.domain.account import Account
from core.domain.calendar import SessionCalendar
from core.domain.groups import GroupPlan
from core.domain.holdings import account_holdings
from core.domain.quotes import MarketView
from core.domain.tags import group_id_for
from core.domain.timing import NS_PER_S, Clock, to_ist
from core.strategies.errors import StrategyError
from core.strategies.group_file import GroupFileError, plan_from_group, read_group_file
from core.strategies.group_tables import GroupFile

PATIENCE_NS = 60 * NS_PER_S
"""How long a group that cannot be planned in an open market is tried: its chain may not be quoted yet."""


@dataclass(frozen=True, slots=True)
class GroupRequest:
    """A group file as it was read; ``origin`` names file and text, so that it is not asked for twice."""

    path: Path
    group: GroupFile
    origin: str


def read_request(path: Path) -> GroupRequest:
    """Read and check a group file. Raises ``GroupFileError``."""
    group = read_group_file(path)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise GroupFileError(f"{path.name}: cannot be read: {error.strerror}") from None
    return GroupRequest(path, group, f"{path.name}:{digest[:16]}")


class GroupDesk:
    """Plans what waits as soon as it can be planned, and hands it over.

    ``account`` and ``view`` are asked for the newest; ``say`` is told what a person should read.
    """

    def __init__(
        self,
        clock: Clock,
        calendar: SessionCalendar,
        account: Callable[[], Account],
        view: Callable[[], MarketView],
        submit: Callable[[GroupPlan, str], None],
        say: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._calendar = calendar
        self._account = account
        self._view = view
        self._submit = submit
        self._say = say
        self._numbered = 0

    async def run(self, requests: Iterable[GroupRequest]) -> None:
        """Return once every request is handed over or given up."""
        waiting = list(requests)
        since_ns = 0
        while waiting:
            now_ns = self._clock.now_ns()
            if self._account().reconciled_at_ns and self._calendar.is_open(now_ns):
                since_ns = since_ns or now_ns
                last = now_ns - since_ns > PATIENCE_NS
                waiting = [request for request in waiting if not self._settled(request, last=last)]
            await self._clock.sleep_until(now_ns + NS_PER_S)

    def _settled(self, request: GroupRequest, *, last: bool) -> bool:
        known = self._taken_up(request)
        if known:
            self._say(f"{request.path.name} was taken up today already, as {known}")
            return True
        self._numbered = max([self._numbered, *(g.plan.number for g in self._account().groups.values())]) + 1
        try:
            plan = self._planned(request, self._numbered)
        except StrategyError as error:
            self._numbered -= 1
            if last:
                self._say(f"{request.path.name} is given up: {error}")
            return last
        self._submit(plan, request.path.name)
        self._say(f"{request.path.name} is asked for as {plan.group_id}")
        return True

    def _planned(self, request: GroupRequest, number: int) -> GroupPlan:
        account, view = self._account(), self._view()
        plan = plan_from_group(
            request.group,
            view,
            group_id=group_id_for(number),
            number=number,
            now_ns=self._clock.now_ns(),
            settings=account.settings,
            calendar=self._calendar,
            held=account_holdings(account, request.group.product, view.contracts),
        )
        return replace(plan, origin=request.origin)

    def _taken_up(self, request: GroupRequest) -> str:
        today = to_ist(self._clock.now_ns()).date()
        for group in self._account().groups.values():
            if group.plan.origin == request.origin and to_ist(group.planned_at_ns).date() == today:
                return group.group_id
        return ""
