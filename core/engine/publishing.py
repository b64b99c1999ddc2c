"""Publishing: the engine's state as one immutable snapshot, built when somebody looks."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace

from core.domain.account import Account
from core.domain.calendar import SessionCalendar
from core.domain.exposure import Exposure
from core.domain.facts import Recorded
from core.domain.timing import NS_PER_MS, NS_PER_S, to_ist
from core.engine.engine import ExecutionEngine
from core.engine.expiries import Expiries, expiries_of
from core.engine.group_look import look_closely
from core.engine.log_lines import log_line
from core.engine.sentences import next_move
from core.engine.snapshot import (
    BudgetMeter,
    GroupLook,
    Health,
    LogLine,
    MarginMeter,
    NextMove,
    Snapshot,
)
from core.policy.exposure import InterimExposureHandler, day_pnl_paise

_LOG_LINES = 500
_HISTORY_NS = 60 * NS_PER_S
_GROUP_LINES = 200
_LOOK_EVERY_NS = NS_PER_S
"""A close look prices a whole group, an outlook every position: a second old is young enough for a person."""


class Publisher:
    """Answers ``snapshot()`` from the newest state; the same object until something has moved."""

    def __init__(self, engine: ExecutionEngine, *, mode: str, title: str, underlying: str) -> None:
        self._engine = engine
        self._mode = mode
        self._title = title
        self._underlying = underlying
        self._log: deque[LogLine] = deque(maxlen=_LOG_LINES)
        self._version = 0
        self._seen: tuple[int, int, bool] | None = None
        self._last = Snapshot(mode=mode, title=title, underlying=underlying)
        self._open_paise: int | None = None
        self._moves: dict[str, tuple[object, NextMove]] = {}
        self._group_logs: defaultdict[str, deque[LogLine]] = defaultdict(lambda: deque(maxlen=_GROUP_LINES))
        self._looked_at = ""
        self._turned = False
        """Somebody looks elsewhere: a new picture of the same state."""
        self._look: tuple[object, GroupLook] | None = None
        self._expiring: tuple[int, Expiries] | None = None
        self.calendar = SessionCalendar()
        self.finished = False
        self.verdict = ""
        engine.subscribe(self.take_rows)

    def follow(self, engine: ExecutionEngine) -> None:
        """Publish another engine from now on: the core has been started again."""
        self._engine = engine
        self._seen = None
        self._moves.clear()
        engine.subscribe(self.take_rows)

    def take_rows(self, rows: tuple[Recorded, ...]) -> None:
        """Add committed rows to the log."""
        for row in rows:
            line = log_line(row)
            if line is not None:
                self._log.append(line)
                if line.group_id:
                    self._group_logs[line.group_id].append(line)

    def look_at(self, group_id: str) -> None:
        """See ``CoreService``."""
        if group_id != self._looked_at:
            self._looked_at, self._look, self._turned = group_id, None, True

    def snapshot(self) -> Snapshot:
        """See ``CoreService``."""
        engine = self._engine
        now_ns = engine.clock.now_ns()
        seen = (now_ns, engine.turns, self.finished)
        if seen == self._seen and not self._turned:
            return self._last
        self._turned = False
        if self._seen is None or seen[1:] != self._seen[1:]:
            self._version += 1
        self._seen = seen
        self._last = self._build(now_ns)
        return self._last

    def _build(self, now_ns: int) -> Snapshot:
        engine, metrics = self._engine, self._engine.metrics
        account, view = engine.account, engine.view
        held = [group for group in account.groups.values() if group.first_fill_ns]
        exposures = InterimExposureHandler.measure(held, view, now_ns, account.settings.shock_bps)
        live = [exposures[group.group_id] for group in held if not group.is_over]
        level = self._level()
        if self._open_paise is None:
            self._open_paise = level
        return Snapshot(
            version=self._version,
            at_ns=now_ns,
            mode=self._mode,
            title=self._title,
            underlying=self._underlying,
            underlying_paise=level,
            underlying_open_paise=self._open_paise,
            account=account,
            view=view,
            exposures=exposures,
            total=total_exposure(live),
            moves=self._next_moves(now_ns),
            day_pnl_paise=day_pnl_paise(
                account, {name: one.pnl_paise for name, one in exposures.items()}, now_ns
            ),
            margin=self._margin(),
            hedge_send_ms=metrics.hedge_send.distribution(),
            hedge_fill_ms=metrics.hedge_fill.distribution(),
            unhedged_longest_ms=longest_unhedged_ms(account, now_ns),
            unhedged_total_ms=sum(g.unhedged.total_at(now_ns) for g in account.groups.values()) // NS_PER_MS,
            health=self._health(now_ns),
            budget=budget_meter(engine.account, now_ns),
            log=tuple(self._log),
            delta_history=tuple(p for p in metrics.deltas if now_ns - p.at_ns <= _HISTORY_NS),
            divergences_found=metrics.divergences_found,
            divergences_healed=metrics.divergences_healed,
            look=self._close_look(now_ns),
            books=engine.books.newest,
            expiries=self._expiries(now_ns),
            finished=self.finished,
            verdict=self.verdict,
        )

    def _close_look(self, now_ns: int) -> GroupLook | None:
        """The group looked at, repriced when it has changed and once a second besides."""
        group = self._engine.account.groups.get(self._looked_at)
        if group is None:
            return None
        log = self._group_logs.get(group.group_id, ())
        known = self._look
        if known is None or known[0] is not group or now_ns - known[1].at_ns >= _LOOK_EVERY_NS:
            self._look = (group, look_closely(group, self._engine.view, now_ns, self.calendar, log))
        return self._look[1] if self._look is not None else None

    def _expiries(self, now_ns: int) -> Expiries:
        """What expires soon, judged once a second."""
        known = self._expiring
        if known is None or now_ns - known[0] >= _LOOK_EVERY_NS:
            found = expiries_of(self._engine.account, self._engine.view, now_ns, self.calendar)
            self._expiring = known = (now_ns, found)
        return known[1]

    def _level(self) -> int | None:
        """The nearest forward of the underlying: where there is no index quote, the best there is."""
        marks = [mark for key, mark in self._engine.view.forwards.items() if key[0] == self._underlying]
        if not marks:
            return None
        return round(min(marks, key=lambda mark: mark.expiry).paise)

    def _next_moves(self, now_ns: int) -> dict[str, NextMove]:
        account = self._engine.account
        for group_id, group in account.groups.items():
            known = self._moves.get(group_id)
            if known is None or known[0] is not group:
                self._moves[group_id] = (group, next_move(account, group, now_ns))
        return {group_id: move for group_id, (_, move) in self._moves.items()}

    def _margin(self) -> MarginMeter:
        funds = self._engine.books.funds
        if funds is None:
            return MarginMeter(baskets=self._engine.metrics.baskets)
        gates = [(g.gate.at_ns, g.group_id, g.gate) for g in self._engine.account.groups.values() if g.gate]
        meter = MarginMeter(
            total_paise=funds.total_paise,
            used_paise=funds.used_paise,
            basis="the broker's charge",
            peak_pct=self._engine.metrics.margin_peak_pct,
            baskets=self._engine.metrics.baskets,
            limit_bps=self._engine.account.settings.margin_use_max_bps,
        )
        if not gates:
            return meter
        _, group_id, gate = max(gates, key=lambda entry: entry[:2])
        worst = self._engine.worst_cases.get(group_id)
        return replace(
            meter,
            worst_paise=gate.required_paise,
            worst_words=gate.sentence if worst is None or worst.worst is None else worst.worst.words,
        )

    def _health(self, now_ns: int) -> Health:
        engine, metrics = self._engine, self._engine.metrics

        def age_ms(at_ns: int | None) -> int | None:
            return None if at_ns is None else max(0, now_ns - at_ns) // NS_PER_MS

        return Health(
            stream_up=engine.stream_up and not engine.stream.is_lost(now_ns),
            stream_age_ms=age_ms(engine.stream_ns),
            stream_uptime_pct=engine.stream.uptime_pct(now_ns),
            poll_age_ms=age_ms(engine.books.read_ns),
            next_poll_ms=max(0, engine.books.next_poll_ns - now_ns) // NS_PER_MS,
            poll_failing=engine.books.failing,
            quotes_age_ms=age_ms(engine.view.at_ns or None),
            journal_ok=not engine.account.journal_failed,
            commit_ms=metrics.commits.distribution(),
            loop_lag_ms=metrics.loop_lag.distribution(),
            decision_ms=metrics.decisions.distribution(),
            round_trip_ms=metrics.round_trips.distribution(),
        )


def budget_meter(account: Account, now_ns: int) -> BudgetMeter:
    """What an account has sent of what it may send."""
    settings, budget = account.settings, account.budget
    today = (to_ist(now_ns).date() - to_ist(0).date()).days
    return BudgetMeter(
        second=sum(1 for at_ns in budget.recent_ns if now_ns - at_ns < NS_PER_S),
        minute=sum(1 for at_ns in budget.recent_ns if now_ns - at_ns < 60 * NS_PER_S),
        day=budget.day_count if budget.day == today else 0,
        per_second=settings.orders_per_second,
        per_minute=settings.orders_per_minute,
        per_day=settings.orders_per_day,
    )


def longest_unhedged_ms(account: Account, now_ns: int) -> int:
    """The longest that any group has stood outside its limits without a break."""
    spans = (
        max(group.unhedged.longest_ns, now_ns - group.unhedged.since_ns if group.unhedged.since_ns else 0)
        for group in account.groups.values()
    )
    return max(spans, default=0) // NS_PER_MS


def total_exposure(exposures: list[Exposure]) -> Exposure:
    """What several groups hold together."""
    return Exposure(
        delta_units=sum(e.delta_units for e in exposures),
        delta_paise_per_pct=sum(e.delta_paise_per_pct for e in exposures),
        uncovered_units=sum(e.uncovered_units for e in exposures),
        loss_down_paise=sum(e.loss_down_paise for e in exposures),
        loss_up_paise=sum(e.loss_up_paise for e in exposures),
        delta_limit_units=sum(e.delta_limit_units for e in exposures),
        loss_limit_paise=sum(e.loss_limit_paise for e in exposures),
        pnl_paise=sum(e.pnl_paise for e in exposures),
        blind=any(e.blind for e in exposures),
    )
