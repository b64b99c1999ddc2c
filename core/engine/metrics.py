"""What is counted while the core runs: for the report, the console and the alerts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

import numpy as np

from core.domain.account import Account
from core.domain.exposure import Exposure
from core.domain.facts import (
    DivergenceFound,
    DivergenceHealed,
    ExposureRestored,
    FillRecorded,
    GateDecided,
    HedgeWanted,
    OrderAnswered,
    OrderIntended,
    OrderSeen,
    ProcessStarted,
    Recorded,
    StateChanged,
)
from core.domain.lifecycle import ENDS
from core.domain.orders import ChildOrder, Funds, Purpose
from core.domain.timing import NS_PER_MS
from core.engine.snapshot import BasketHistory, Comparison, DeltaPoint, Distribution

_DELTA_POINTS = 600
_SAMPLES = 20_000
_TRACE_POINTS = 60


class Series:
    """Durations in milliseconds: the last twenty thousand of them, and the count and maximum of all."""

    def __init__(self, bucket_ms: float = 5.0, buckets: int = 24, trace_every: int = 0) -> None:
        """``trace_every`` keeps the largest of each so many samples, the last sixty of them; 0 keeps none."""
        self._samples: deque[float] = deque(maxlen=_SAMPLES)
        self._bucket_ms = bucket_ms
        self._buckets = [0] * buckets
        self._trace_every = trace_every
        self._trace: deque[float] = deque(maxlen=_TRACE_POINTS)
        self._stretch = 0.0
        self._told: Distribution | None = None
        self.count = 0
        self.max: float | None = None

    def add(self, milliseconds: float) -> None:
        """Add one measurement."""
        self.count += 1
        self._samples.append(milliseconds)
        self.max = milliseconds if self.max is None else max(self.max, milliseconds)
        self._buckets[min(int(milliseconds / self._bucket_ms), len(self._buckets) - 1)] += 1
        if self._trace_every:
            self._stretch = max(self._stretch, milliseconds)
            if self.count % self._trace_every == 0:
                self._trace.append(self._stretch)
                self._stretch = 0.0

    def distribution(self) -> Distribution:
        """The figures now; the same object while nothing was added."""
        if not self._samples:
            return Distribution(buckets=tuple(self._buckets), bucket_ms=self._bucket_ms)
        if self._told is not None and self._told.count == self.count:
            return self._told
        p50, p99 = np.percentile(np.asarray(self._samples), (50, 99)).tolist()
        self._told = Distribution(
            self.count,
            self._samples[-1],
            p50,
            p99,
            self.max,
            tuple(self._buckets),
            self._bucket_ms,
            tuple(self._trace),
        )
        return self._told


class Metrics:
    """Counters and series, fed with committed rows and with the engine's own timings."""

    def __init__(self) -> None:
        self.commits = Series(bucket_ms=0.25)
        self.decisions = Series(bucket_ms=0.1)
        self.round_trips = Series(bucket_ms=10.0)
        self.loop_lag = Series(bucket_ms=2.0, trace_every=100)
        self.hedge_send = Series(bucket_ms=5.0)
        """From a breach to the hand-over of the first order of the hedge that answers it, in market time."""
        self.hedge_fill = Series(bucket_ms=25.0)
        """From a breach to the first word of a fill of the hedge that answers it, in market time."""
        self.orders_sent = 0
        self.children_max_units = 0
        self.divergences_found = 0
        self.divergences_healed = 0
        self.emergency_hedges = 0
        self.uncovered_max_units = 0
        self.delta_max_units = 0.0
        self.margin_peak_pct = 0.0
        self.baskets = BasketHistory()
        """The broker's margins for whole groups beside our own."""
        self.deltas: deque[DeltaPoint] = deque(maxlen=_DELTA_POINTS)
        self._intended_ns: dict[str, int] = {}
        self._unsent_ns: dict[str, int] = {}
        """The breaches that a hedge is wanted for, by group, until its first order is handed over."""
        self._unfilled_ns: dict[str, int] = {}
        """The same until its first fill is known."""
        self._mark = ""

    def funded(self, funds: Funds) -> None:
        """What the broker says is used, of everything the account can put up."""
        if funds.total_paise > 0:
            self.margin_peak_pct = max(self.margin_peak_pct, 100 * funds.used_paise / funds.total_paise)

    def decided(self, elapsed_ns: int, items: int) -> None:
        """Time spent deciding a batch."""
        self.decisions.add(elapsed_ns / NS_PER_MS / max(items, 1))

    def committed(self, elapsed_ns: int) -> None:
        """Time spent waiting for a commit."""
        self.commits.add(elapsed_ns / NS_PER_MS)

    def measured(self, now_ns: int, exposures: Mapping[str, Exposure]) -> None:
        """A monitor's pass: the account's delta is kept for a minute, the maxima for good."""
        total = 0.0
        outside = False
        for exposure in exposures.values():
            total += exposure.delta_units
            self.uncovered_max_units = max(self.uncovered_max_units, exposure.uncovered_units)
            self.delta_max_units = max(self.delta_max_units, abs(exposure.delta_units))
            limit = exposure.delta_limit_units
            outside = outside or bool(limit and abs(exposure.delta_units) > limit)
            outside = outside or exposure.uncovered_units > 0
        self.deltas.append(DeltaPoint(now_ns, total, outside, self._mark))
        self._mark = ""

    def handed_over(self, order: ChildOrder, now_ns: int) -> None:
        """The broker's port gets an order now."""
        if order.purpose is Purpose.HEDGE:
            _timed(self.hedge_send, self._unsent_ns.pop(order.group_id, None), now_ns)

    def count(self, rows: Iterable[Recorded], account: Account) -> None:
        """Take committed rows into account."""
        for row in rows:
            match row.fact:
                case OrderIntended(order):
                    self.orders_sent += 1
                    self.children_max_units = max(self.children_max_units, order.units)
                    self._intended_ns[order.tag] = row.at_ns
                    if order.purpose is Purpose.ENTRY and order.side.sign < 0:
                        self._mark = "shorts out"
                case OrderAnswered(tag=tag):
                    sent_ns = self._intended_ns.pop(tag, None)
                    if sent_ns is not None:
                        self.round_trips.add((row.at_ns - sent_ns) / NS_PER_MS)
                case OrderSeen(tag=tag, filled_units=units) if units:
                    self._hedged(account.groups[row.group_id].orders[tag], row.at_ns)
                case FillRecorded(tag=tag, group_id=group_id):
                    order = account.groups[group_id].orders[tag]
                    self._hedged(order, row.at_ns)
                    if order.purpose is Purpose.ENTRY:
                        self._mark = "wing filled" if order.side.sign > 0 else "short filled"
                case ProcessStarted():
                    # What was wanted by then left with an earlier process, or never.
                    self._unsent_ns.clear()
                case ExposureRestored(group_id=group_id):
                    self._answered(group_id)
                case StateChanged(group_id=group_id, state=state) if state in ENDS:
                    self._answered(group_id)
                case HedgeWanted(group_id=group_id):
                    self.emergency_hedges += 1
                    # Rows of an earlier life are counted against the account as it stands after all of them.
                    outside = account.groups[group_id].unhedged
                    since_ns = outside.uncovered_since_ns or outside.since_ns
                    breach_ns = min(since_ns or row.at_ns, row.at_ns)
                    self._unsent_ns[group_id] = self._unfilled_ns[group_id] = breach_ns
                    self._mark = "hedge"
                case GateDecided(group_id=group_id, basket_paise=theirs, estimate_paise=ours) if (
                    theirs and ours
                ):
                    self.baskets = self.baskets.with_one(Comparison(row.at_ns, group_id, ours, theirs))
                case DivergenceFound():
                    self.divergences_found += 1
                case DivergenceHealed():
                    self.divergences_healed += 1
                case _:
                    pass

    def _hedged(self, order: ChildOrder, at_ns: int) -> None:
        """Something of an order has filled."""
        if order.purpose is Purpose.HEDGE:
            _timed(self.hedge_fill, self._unfilled_ns.pop(order.group_id, None), at_ns)

    def _answered(self, group_id: str) -> None:
        """A breach is over: what answers it no more is not timed from it."""
        self._unsent_ns.pop(group_id, None)
        self._unfilled_ns.pop(group_id, None)


def _timed(series: Series, breach_ns: int | None, now_ns: int) -> None:
    if breach_ns is not None:
        series.add((now_ns - breach_ns) / NS_PER_MS)
