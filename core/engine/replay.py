"""A journal played again: the same pictures, folded from its rows up to any point, and nothing decided anew.

It is a ``CoreService`` that refuses every command. Quotes are known only where a row kept them: what was bid
and offered when an order was intended, and how far outside its limits a group was. The rest is left empty,
and ``Snapshot.recorded`` says so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from core.domain.account import Account
from core.domain.evolve import evolve, fold
from core.domain.exposure import Exposure
from core.domain.facts import (
    AlertRaised,
    ExposureBreached,
    ExposureRestored,
    OrderIntended,
    Recorded,
    StateChanged,
)
from core.domain.groups import GroupPlan, MultiLegOrderGroup
from core.domain.inputs import OperatorCommand
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.quotes import MarketView, Quote
from core.domain.timing import NS_PER_MS, NS_PER_S
from core.engine.group_look import with_ratio
from core.engine.log_lines import log_line
from core.engine.metrics import Metrics
from core.engine.previews import TicketPreview, TicketRequest, WayOut
from core.engine.publishing import budget_meter, longest_unhedged_ms, total_exposure
from core.engine.sentences import next_move
from core.engine.snapshot import (
    DeltaPoint,
    GroupLook,
    Health,
    LogLine,
    MarginMeter,
    RecordedAt,
    Snapshot,
)
from core.policy.exposure import day_pnl_paise

CHECKPOINT_EVERY = 250
LOG_LINES = 500
HISTORY_NS = 60 * NS_PER_S
NOT_RECORDED = "not in the journal: nothing can be worked out for this moment."
NOTABLE = frozenset({ExecutionLifecycle.MANUAL, ExecutionLifecycle.HEDGING, ExecutionLifecycle.UNWINDING})


class JournalReplay:
    """A place in a list of rows, and the picture of the account there.

    ``row`` rows are folded; ``at_ns`` is market time, which may lie between two rows. Raises ``ValueError``
    for a list without rows.
    """

    def __init__(self, rows: Sequence[Recorded], title: str = "") -> None:
        if not rows:
            raise ValueError("the journal has no rows: there is nothing to replay")
        self._rows = rows
        self._times = list(accumulate((row.at_ns for row in rows), max))
        self._title = title
        self._checkpoints = [Account()]
        account = self._checkpoints[0]
        self._lines: list[LogLine] = []
        self._lines_upto = [0]
        for number, row in enumerate(rows, 1):
            account = evolve(account, row)
            if number % CHECKPOINT_EVERY == 0:
                self._checkpoints.append(account)
            told = log_line(row)
            if told is not None:
                self._lines.append(told)
            self._lines_upto.append(len(self._lines))
        self._last = account
        self._version = 0
        self._looked_at = ""
        self._picture: Snapshot | None = None
        self.row = 0
        self.at_ns = self._times[0]
        self._account = Account()
        self._restart()
        self.seek_row(1)

    def _restart(self) -> None:
        """Back before the first row, as far as what is counted goes."""
        self._counted = 0
        self._metrics = Metrics()
        self._quotes: dict[str, Quote] = {}
        self._breaches: dict[str, ExposureBreached] = {}
        self._deltas: list[DeltaPoint] = []

    # Moving

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    @property
    def first_ns(self) -> int:
        """When the first row was written."""
        return self._times[0]

    @property
    def last_ns(self) -> int:
        """When the last row was written."""
        return self._times[-1]

    @property
    def is_at_end(self) -> bool:
        """Whether there is nothing further."""
        return self.row == self.rows and self.at_ns >= self.last_ns

    def seek_row(self, row: int) -> None:
        """Stand right after this row, counted from 1."""
        self._fold_to(min(max(1, row), self.rows))
        self._at(self._times[self.row - 1])

    def seek_ns(self, at_ns: int) -> None:
        """Stand at this market time, after every row written until then."""
        at_ns = min(max(at_ns, self.first_ns), self.last_ns)
        self._fold_to(max(1, bisect_right(self._times, at_ns)))
        self._at(at_ns)

    def seek_notable(self, step: int) -> bool:
        """Go to the next (1) or the last (-1) row that raised an alert or hands a group to a hedge, a
        reversal or a person. Whether there is one.
        """
        places = range(self.row + 1, self.rows + 1) if step > 0 else range(self.row - 1, 0, -1)
        for row in places:
            fact = self._rows[row - 1].fact
            if isinstance(fact, AlertRaised) or (isinstance(fact, StateChanged) and fact.state in NOTABLE):
                self.seek_row(row)
                return True
        return False

    def _at(self, at_ns: int) -> None:
        self.at_ns = at_ns
        self._picture = None
        self._version += 1

    def _fold_to(self, row: int) -> None:
        if row < self.row or row - self.row > CHECKPOINT_EVERY:
            start = row // CHECKPOINT_EVERY
            base, account = start * CHECKPOINT_EVERY, self._checkpoints[start]
        else:
            base, account = self.row, self._account
        self._account = fold(self._rows[base:row], account)
        self.row = row
        if row < self._counted:
            self._restart()
        self._count(self._rows[self._counted : row])
        self._counted = row

    def _count(self, rows: Sequence[Recorded]) -> None:
        """Take what rows kept of the market and of the time that things took."""
        self._metrics.count(rows, self._last)
        for row in rows:
            match row.fact:
                case OrderIntended(order, bid, ask):
                    quote = Quote(order.symbol, row.at_ns, bid or None, 0, ask or None, 0)
                    self._quotes[order.symbol] = quote
                case ExposureBreached() as breach:
                    self._breaches[breach.group_id] = breach
                    self._deltas.append(DeltaPoint(row.at_ns, float(breach.delta_units), True, breach.reason))
                case ExposureRestored():
                    self._deltas.append(DeltaPoint(row.at_ns, 0.0, False, "inside again"))
                case _:
                    pass

    # CoreService

    def snapshot(self) -> Snapshot:
        """See ``CoreService``."""
        if self._picture is None:
            self._picture = self._build()
        return self._picture

    def command(self, command: OperatorCommand) -> None:
        """Refused: what has happened is not changed."""

    def submit(self, plan: GroupPlan, by: str) -> None:
        """Refused: what has happened is not changed."""

    def look_at(self, group_id: str) -> None:
        """See ``CoreService``."""
        if group_id != self._looked_at:
            self._looked_at = group_id
            self._at(self.at_ns)

    def preview(self, request: TicketRequest) -> TicketPreview:
        """See ``CoreService``: nothing can be ordered in the past."""
        return TicketPreview(request, self.at_ns, problem="This is a replay: nothing can be sent.")

    def ways_out(self, group_id: str) -> tuple[WayOut, ...]:
        """See ``CoreService``: there is no way out of the past."""
        return ()

    def _build(self) -> Snapshot:
        account, now_ns = self._account, self.at_ns
        exposures = dict(self._exposures())
        alive = [one for name, one in exposures.items() if not account.groups[name].is_over]
        identity = account.identity
        plans = [group.plan for group in account.groups.values()]
        return Snapshot(
            version=self._version,
            at_ns=now_ns,
            mode=identity.mode or "PAPER",
            title=self._title or identity.scenario,
            underlying=plans[0].underlying if plans else "",
            account=account,
            view=MarketView(at_ns=now_ns, quotes=dict(self._quotes)),
            exposures=exposures,
            total=total_exposure(alive),
            moves={name: next_move(account, group, now_ns) for name, group in account.groups.items()},
            day_pnl_paise=day_pnl_paise(
                account, {name: one.pnl_paise for name, one in exposures.items()}, now_ns
            ),
            margin=self._margin(),
            hedge_send_ms=self._metrics.hedge_send.distribution(),
            hedge_fill_ms=self._metrics.hedge_fill.distribution(),
            unhedged_longest_ms=longest_unhedged_ms(account, now_ns),
            unhedged_total_ms=sum(g.unhedged.total_at(now_ns) for g in account.groups.values()) // NS_PER_MS,
            health=Health(
                journal_ok=not account.journal_failed,
                round_trip_ms=self._metrics.round_trips.distribution(),
            ),
            budget=budget_meter(account, now_ns),
            log=self._log(),
            delta_history=tuple(point for point in self._deltas if now_ns - point.at_ns <= HISTORY_NS),
            divergences_found=self._metrics.divergences_found,
            divergences_healed=self._metrics.divergences_healed,
            look=self._look(),
            recorded=RecordedAt(self.row, self.rows, self.first_ns, self.last_ns),
        )

    def _log(self) -> tuple[LogLine, ...]:
        upto = self._lines_upto[self.row]
        return tuple(self._lines[max(0, upto - LOG_LINES) : upto])

    def _exposures(self) -> Iterator[tuple[str, Exposure]]:
        """What is known: the result of groups that have ended, and of those outside how far they were."""
        for name, group in self._account.groups.items():
            if group.is_over:
                if group.first_fill_ns:
                    yield name, Exposure(pnl_paise=sum(leg.cash_paise for leg in group.legs))
                continue
            breach = self._breaches.get(name)
            if breach is not None and group.unhedged.since_ns:
                yield name, _breached(group, breach)

    def _margin(self) -> MarginMeter:
        gates = [group.gate for group in self._account.groups.values() if group.gate]
        newest = max(gates, key=lambda gate: gate.at_ns).sentence if gates else "not asked for yet"
        words = f"worst case at the gate: {newest}"
        return MarginMeter(
            worst_words=words,
            baskets=self._metrics.baskets,
            limit_bps=self._account.settings.margin_use_max_bps,
        )

    def _look(self) -> GroupLook | None:
        group = self._account.groups.get(self._looked_at)
        if group is None:
            return None
        own = tuple(each for each in self._log() if each.group_id == self._looked_at)
        look = GroupLook(self._looked_at, self.at_ns, own, problem=f"Quotes are {NOT_RECORDED}")
        return with_ratio(look, group)


def _breached(group: MultiLegOrderGroup, breach: ExposureBreached) -> Exposure:
    return Exposure(
        delta_units=float(breach.delta_units),
        uncovered_units=breach.uncovered_units,
        loss_down_paise=breach.loss_down_paise,
        loss_up_paise=breach.loss_up_paise,
        delta_limit_units=group.plan.delta_limit_units,
        loss_limit_paise=group.plan.loss_limit_paise,
        blind=True,
    )
