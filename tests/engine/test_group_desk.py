"""Group files that wait for a market are planned with what the account holds in mind."""

from __future__ import annotations

import asyncio
from pathlib import Path

from core.domain.calendar import SessionCalendar
from core.domain.groups import GroupPlan
from core.engine.group_desk import GroupDesk, read_request
from core.rehearsal.market_time import MarketTime
from tests.builders import CONTRACTS, Desk, market, open_condor

LONG_PUT = """\
strategy = "custom"
lots = 1

[[leg]]
side = "BUY"
right = "PE"
strike = 24000
"""


def planned(desk: Desk, path: Path) -> GroupPlan:
    """What the desk hands over for a group file."""
    path.write_text(LONG_PUT)
    handed: list[GroupPlan] = []
    groups = GroupDesk(
        MarketTime(desk.now_ns),
        SessionCalendar(),
        lambda: desk.account,
        lambda: market(CONTRACTS, at_ns=desk.now_ns),
        lambda plan, by: handed.append(plan),
        lambda words: None,
    )

    async def main() -> None:
        task = asyncio.ensure_future(groups.run([read_request(path)]))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    (plan,) = handed
    return plan


def test_a_long_of_a_group_file_is_a_hedge_where_the_account_is_short(tmp_path: Path) -> None:
    path = tmp_path / "put.toml"
    assert [leg.score for leg in planned(Desk().start(), path).legs] == [0]
    (leg,) = planned(open_condor(), path).legs
    assert (leg.score, leg.reason) == (50, "offsets the short 24200 PE already held")
