"""Preparing a rehearsal: what is wrong with it is found before a file is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from core.domain.calendar import SessionCalendar
from core.domain.groups import GroupPlan, IncompletePolicy
from core.domain.instruments import Product, Right
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from core.domain.tags import group_id_for
from core.domain.timing import NS_PER_MS, NS_PER_S, to_ist
from core.engine.view_keeper import ViewKeeper
from core.market.margin_parameters import built_in_parameters, too_new
from core.market.recorded import RecordedMarket
from core.market.scripted import (
    CircuitLock,
    FeedSilence,
    MarketEvent,
    NoLiquidity,
    PriceGap,
    SizeShock,
    SpreadShock,
    VolShock,
)
from core.market.source import MarketSource
from core.market.synthetic import SyntheticMarket, SyntheticSpec
from core.rehearsal.faults.engine import FaultRule
from core.rehearsal.scenario import GroupTable, MarketTable, Scenario, ScenarioError
from core.risk.limits import RiskLimits
from core.strategies.catalogue import strategy_named
from core.strategies.errors import StrategyError
from core.strategies.group_file import plan_from_file
from core.strategies.plan import Choices, Terms, plan_from_strategy
from core.strategies.selection import FromMoney

EXIT_BEFORE_END_NS = 15 * 60 * NS_PER_S
"""Where a recorded day is played and nothing else is said, groups are closed this long before its end."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for on the command line, beside the scenario."""

    scenario: Scenario
    chain: Path | None = None
    underlying: str = "NIFTY"
    strategy: str | None = None
    group_file: Path | None = None
    lots: int | None = None
    seed: int = 1
    funds_rupees: int | None = None
    hold: bool = False
    limits: RiskLimits = field(default_factory=RiskLimits)
    settings: ExecutionSettings = field(default_factory=ExecutionSettings)
    """What is decided with; the scenario says whether naked units are allowed."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A group and the market time at which it is asked for."""

    at_ns: int
    plan: GroupPlan


@dataclass(frozen=True, slots=True)
class Prepared:
    """A rehearsal that can be played: its market, its groups, and when it ends."""

    asked: Asked
    source: MarketSource
    calendar: SessionCalendar
    settings: ExecutionSettings
    submissions: tuple[Submission, ...]
    start_ns: int
    end_ns: int
    faults: tuple[FaultRule, ...] = ()
    warnings: tuple[str, ...] = ()
    """What a reader of the report must know about its input."""

    @property
    def funds_paise(self) -> int:
        """What the account starts with."""
        rupees = self.asked.funds_rupees or self.asked.scenario.funds_rupees
        return rupees * 100

    @property
    def market(self) -> str:
        """The market's name, as journal and report give it."""
        return self.source.name


def prepare(asked: Asked, calendar: SessionCalendar | None = None) -> Prepared:
    """Find everything that is wrong, and plan the groups.

    Raises ``ScenarioError``, ``StrategyError`` or ``MarketDataError``; nothing has been written then.
    """
    calendar = SessionCalendar() if calendar is None else calendar
    scenario = asked.scenario
    if scenario.night_at is not None:
        calendar = _with_short_night(calendar, _day(scenario))
    settings = replace(asked.settings, allow_naked=scenario.allow_naked)
    source: MarketSource
    warnings: tuple[str, ...] = ()
    if asked.chain is not None:
        source = recorded = RecordedMarket(asked.chain, asked.underlying)
        length_ns = source.end_ns - source.start_ns
        newer = too_new(built_in_parameters(), to_ist(source.start_ns).date())
        warnings = (*recorded.remarks, newer) if newer else recorded.remarks
    else:
        source = SyntheticMarket(_spec(asked), calendar)
        length_ns = scenario.length * NS_PER_MS
    end_ns = source.start_ns + length_ns
    submissions = _submissions(asked, source, calendar, settings, end_ns)
    if asked.chain is None and scenario.market:
        events = _events(scenario, submissions[0].plan if submissions else None)
        source = SyntheticMarket(replace(_spec(asked), events=events), calendar)
    faults = _faults(scenario, source.start_ns, end_ns)
    return Prepared(asked, source, calendar, settings, submissions, source.start_ns, end_ns, faults, warnings)


def _faults(scenario: Scenario, start_ns: int, end_ns: int) -> tuple[FaultRule, ...]:
    """A scenario's faults with their windows as instants; what has no end of its own lasts to the end."""
    rules = []
    for table in scenario.fault:
        from_ns = start_ns + table.at * NS_PER_MS
        until_ns = end_ns if table.lasts is None else from_ns + table.lasts * NS_PER_MS
        lasting_ns = (table.each or 0) * NS_PER_MS
        rules.append(FaultRule(table.kind, table.rate, from_ns, until_ns, table.most, lasting_ns))
    return tuple(rules)


_DAY = date(2026, 8, 17)
_EXPIRIES = (date(2026, 8, 25), date(2026, 9, 1))
_EVENING, _MIDNIGHT = time(22, 0), time(23, 59)
_MORNING, _NOON = time(0, 1), time(12, 0)


def _day(scenario: Scenario) -> date:
    return _EXPIRIES[0] if scenario.expiry_day else _DAY


def _with_short_night(calendar: SessionCalendar, day: date) -> SessionCalendar:
    """Two sessions around midnight: a night that nobody has to wait for, over which the date changes."""
    hours = {day: (_EVENING, _MIDNIGHT), day + timedelta(days=1): (_MORNING, _NOON)}
    return replace(calendar, special={**calendar.special, **hours})


def _starts(scenario: Scenario) -> time:
    if scenario.night_at is None:
        return time.fromisoformat(scenario.starts)
    ends = datetime.combine(_DAY, _MIDNIGHT)
    return (ends - timedelta(milliseconds=scenario.night_at)).time()


def _spec(asked: Asked) -> SyntheticSpec:
    scenario = asked.scenario
    return SyntheticSpec(
        day=_day(scenario),
        start=_starts(scenario),
        expiries=_EXPIRIES,
        sessions=1 if scenario.night_at is None else 2,
        seed=asked.seed,
        underlying=asked.underlying,
        step_ms=scenario.step,
        strikes_each_side=scenario.strikes_each_side,
    )


def _submissions(
    asked: Asked,
    source: MarketSource,
    calendar: SessionCalendar,
    settings: ExecutionSettings,
    end_ns: int,
) -> tuple[Submission, ...]:
    tables: tuple[GroupTable, ...] = asked.scenario.group
    if asked.strategy is not None or asked.group_file is not None:
        tables = tables[:1] or (GroupTable(),)
    chosen = []
    for number, table in enumerate(tables, 1):
        at_ns = source.start_ns + table.at * NS_PER_MS
        view = _view_at(source, calendar, at_ns)
        try:
            plan = _plan(asked, table, number, view, at_ns, settings, calendar)
        except StrategyError as error:
            if asked.strategy is not None or asked.group_file is not None:
                raise
            raise StrategyError(f"{asked.scenario.place('group', number - 1)}{error}") from error
        plan = _ending(asked, table, plan, source.start_ns, end_ns)
        chosen.append(Submission(at_ns, plan))
    return tuple(chosen)


def _view_at(source: MarketSource, calendar: SessionCalendar, at_ns: int) -> MarketView:
    keeper = ViewKeeper(source.contracts, calendar, source.stale_after_ns)
    return keeper.update(at_ns, source.book_at(at_ns), source.forwards_at(at_ns))


def _plan(
    asked: Asked,
    table: GroupTable,
    number: int,
    view: MarketView,
    at_ns: int,
    settings: ExecutionSettings,
    calendar: SessionCalendar,
) -> GroupPlan:
    group_id = group_id_for(number)
    if asked.group_file is not None:
        plan = plan_from_file(
            asked.group_file,
            view,
            group_id=group_id,
            number=number,
            now_ns=at_ns,
            settings=settings,
            calendar=calendar,
        )
        if asked.lots is not None:
            raise ScenarioError("--lots does not go with --group: the group's file says how many")
        return plan
    terms = Terms(
        product=Product(table.product),
        on_incomplete=IncompletePolicy(table.on_incomplete),
        max_slippage_bps=table.max_slippage_bps,
        good_for_ns=table.good_for * NS_PER_MS,
        allow_naked=table.allow_naked,
        stop_premium_bps=table.stop_premium_pct * 100,
        stop_loss_paise=table.stop_loss_rupees * 100,
    )
    return plan_from_strategy(
        asked.strategy or table.strategy,
        view,
        lots=asked.lots or table.lots,
        group_id=group_id,
        number=number,
        now_ns=at_ns,
        settings=settings,
        choices=_choices(asked.strategy or table.strategy, table),
        terms=terms,
        calendar=calendar,
    )


def _choices(name: str, table: GroupTable) -> Choices:
    """What a table says about strikes, for the rights that its strategy has."""
    strategy = strategy_named(name)
    body = FromMoney(table.points_out * 100) if table.points_out else None
    rights = {leg.right for leg in strategy.legs}
    return Choices(
        expiry=_EXPIRIES[0] if table.expiring else None,
        call=body if Right.CE in rights else None,
        put=body if Right.PE in rights and not strategy.one_body else None,
        width_paise=table.width_points * 100 or None,
    )


def _ending(asked: Asked, table: GroupTable, plan: GroupPlan, start_ns: int, end_ns: int) -> GroupPlan:
    """When the group is closed: as its file says, else as the scenario does, else in time for the end."""
    if asked.hold:
        return replace(plan, exit_at_ns=None)
    if plan.exit_at_ns is not None:
        return plan
    if asked.chain is not None:
        return replace(plan, exit_at_ns=end_ns - EXIT_BEFORE_END_NS)
    if table.exit_at is None:
        return plan
    return replace(plan, exit_at_ns=start_ns + table.exit_at * NS_PER_MS)


def _events(scenario: Scenario, plan: GroupPlan | None) -> tuple[MarketEvent, ...]:
    symbols: Mapping[int, str] = (
        {number: leg.contract.symbol for number, leg in enumerate(plan.legs, 1)} if plan else {}
    )
    return tuple(event for table in scenario.market for event in _event(table, symbols))


def _event(table: MarketTable, symbols: Mapping[int, str]) -> tuple[MarketEvent, ...]:
    """A scenario's line as what the market understands; legs that the group does not have are passed over."""
    at_s = table.at / 1_000
    for_s = None if table.lasts is None else table.lasts / 1_000
    chosen = frozenset(symbols[leg] for leg in table.legs if leg in symbols)
    match table.kind:
        case "gap":
            return (PriceGap(at_s, table.percent),)
        case "vol":
            return (VolShock(at_s, table.relative, for_s),)
        case "spread":
            return (SpreadShock(at_s, table.multiplier, for_s),)
        case "thin":
            return (SizeShock(at_s, table.multiplier, for_s, chosen),) if chosen or not table.legs else ()
        case "no-liquidity":
            until_s = at_s + (for_s if for_s is not None else scenario_end_s())
            return (NoLiquidity(chosen, until_s, at_s),) if chosen else ()
        case "circuit-lock":
            lasting = for_s if for_s is not None else scenario_end_s()
            return tuple(CircuitLock(symbol, at_s, lasting, table.side) for symbol in sorted(chosen))
        case "silence":
            return (FeedSilence(at_s, for_s if for_s is not None else scenario_end_s()),)


def scenario_end_s() -> float:
    """Longer than any session: what has no end of its own lasts to the end."""
    return 24 * 3600.0
