"""What the what-if commands look at: a market at one instant, and a group planned on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

from console.cli.failing import refuse
from core.domain.calendar import SessionCalendar
from core.domain.groups import GroupPlan
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from core.domain.timing import from_ist, to_ist
from core.engine.view_keeper import ViewKeeper
from core.market.errors import MarketDataError
from core.market.recorded import RecordedMarket
from core.market.sessions import load_calendar
from core.market.source import MarketSource
from core.market.synthetic import SyntheticMarket, SyntheticSpec
from core.risk.payoff import PayoffLeg
from core.risk.priced import price_contracts
from core.strategies.errors import StrategyError
from core.strategies.group_file import plan_from_file


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A plan, and the market and time it was planned on."""

    plan: GroupPlan
    view: MarketView
    calendar: SessionCalendar
    market: str
    recorded_on: date | None = None
    """The day of a recorded market; ``None`` for one that is made up."""
    remarks: tuple[str, ...] = ()
    """What is odd about a recorded market's file."""

    @property
    def now_ns(self) -> int:
        """The instant looked at."""
        return self.view.at_ns

    @property
    def where(self) -> str:
        """Market and time for a heading."""
        return f"{self.market}, {to_ist(self.now_ns):%d %b %Y %H:%M:%S}"

    def payoff_legs(self) -> list[PayoffLeg]:
        """The legs entered at their mid, whole plan. Ends the command where one cannot be priced."""
        contracts = [leg.contract for leg in self.plan.legs]
        priced, problems = price_contracts(self.view, contracts, self.now_ns, self.calendar)
        if problems:
            refuse("; ".join(str(problem) for problem in problems))
        return [
            PayoffLeg(one, leg.side.sign * self.plan.units(leg.index), one.value_paise)
            for leg, one in zip(self.plan.legs, priced, strict=True)
        ]


def look(group: Path, chain: Path | None, at: str | None, underlying: str) -> WhatIf:
    """Plan a group file on a recorded chain, or on the synthetic market. Ends the command on bad input."""
    try:
        calendar = load_calendar()
        source: MarketSource = (
            RecordedMarket(chain, underlying)
            if chain is not None
            else SyntheticMarket(SyntheticSpec(underlying=underlying), calendar)
        )
        now_ns = _instant(source, at)
        view = ViewKeeper(source.contracts, calendar, source.stale_after_ns).update(
            now_ns, source.book_at(now_ns), source.forwards_at(now_ns)
        )
        plan = plan_from_file(
            group,
            view,
            group_id="G-001",
            number=1,
            now_ns=now_ns,
            settings=ExecutionSettings(),
            calendar=calendar,
        )
    except (StrategyError, MarketDataError) as error:
        refuse(error)
    except OSError as error:
        refuse(f"{chain or group}: cannot be read: {error}")
    if isinstance(source, RecordedMarket):
        return WhatIf(plan, view, calendar, source.name, to_ist(source.start_ns).date(), source.remarks)
    return WhatIf(plan, view, calendar, source.name)


def _instant(source: MarketSource, at: str | None) -> int:
    """A time of the market's first day; its start where none is given."""
    if at is None:
        return source.start_ns
    try:
        clock = time.fromisoformat(at)
    except ValueError:
        raise MarketDataError(f"--at {at}: give a time of day such as 11:00 or 14:05:30") from None
    instant = from_ist(to_ist(source.start_ns).date(), clock)
    if not source.start_ns <= instant <= source.end_ns:
        first, last = to_ist(source.start_ns), to_ist(source.end_ns)
        raise MarketDataError(f"--at {at}: this market runs from {first:%H:%M:%S} to {last:%H:%M:%S}")
    return instant
