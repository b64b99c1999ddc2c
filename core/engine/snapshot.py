"""What the core publishes: one immutable, versioned picture for whoever looks.

The console polls it and never reaches behind it. Everything in it was known at ``at_ns``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.domain.account import Account
from core.domain.exposure import Exposure as Exposure
from core.domain.orders import BookSnapshot
from core.domain.quotes import MarketView
from core.engine.expiries import Expiries as Expiries
from core.engine.expiries import ExpiryOutlook as ExpiryOutlook
from core.risk.basket import BasketHistory as BasketHistory
from core.risk.basket import Comparison as Comparison


@dataclass(frozen=True, slots=True)
class MarginMeter:
    """Margin now and in the worst case, against what is available.

    ``worst_words`` says what breaks first (``worst if CE short filled, -3 %, IV +50 %``) or ``not yet
    computed``; ``basis`` says whose arithmetic ``used_paise`` is.
    """

    total_paise: int = 0
    used_paise: int = 0
    worst_paise: int | None = None
    worst_words: str = "not yet computed"
    baskets: BasketHistory = field(default_factory=BasketHistory)
    """The broker's margins for whole groups beside our own."""
    basis: str = ""
    peak_pct: float = 0.0
    limit_bps: int = 9_000

    @property
    def used_pct(self) -> float:
        """Share of the account's funds in use now, per cent."""
        return 100 * self.used_paise / self.total_paise if self.total_paise else 0.0

    @property
    def worst_pct(self) -> float | None:
        """Share of the funds in use in the worst case, per cent."""
        if self.worst_paise is None or not self.total_paise:
            return None
        return 100 * self.worst_paise / self.total_paise


@dataclass(frozen=True, slots=True)
class Distribution:
    """A few figures of a series in milliseconds; ``None`` where nothing was measured."""

    count: int = 0
    last: float | None = None
    p50: float | None = None
    p99: float | None = None
    max: float | None = None
    buckets: tuple[int, ...] = ()
    """Counts per equal step of ``bucket_ms`` from 0; the last one holds everything beyond."""
    bucket_ms: float = 5.0
    trace: tuple[float, ...] = ()
    """The largest of each second or so of samples, oldest first, where the series keeps one."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether everything that must live does. Ages are in market milliseconds, ``None`` before the first."""

    stream_up: bool = False
    stream_age_ms: int | None = None
    stream_uptime_pct: float | None = None
    """Of the time since its first frame."""
    poll_age_ms: int | None = None
    next_poll_ms: int | None = None
    poll_failing: bool = False
    quotes_age_ms: int | None = None
    journal_ok: bool = True
    commit_ms: Distribution = Distribution()
    loop_lag_ms: Distribution = Distribution()
    decision_ms: Distribution = Distribution()
    round_trip_ms: Distribution = Distribution()


@dataclass(frozen=True, slots=True)
class BudgetMeter:
    """Sends counted against what the account may send."""

    second: int = 0
    minute: int = 0
    day: int = 0
    per_second: int = 10
    per_minute: int = 400
    per_day: int = 5_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the one stream: every order, every decision, every key.

    ``channel`` is one of ``policy broker send stream poll journal gate you alert core``; ``tone`` one of
    ``plain muted ok warn breach info``.
    """

    seq: int
    at_ns: int
    channel: str
    group_id: str
    text: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class DeltaPoint:
    """The account's delta at an instant, with a mark where something happened (``wing filled``)."""

    at_ns: int
    delta_units: float
    outside: bool
    mark: str = ""


@dataclass(frozen=True, slots=True)
class NextMove:
    """What a group does next or needs, in one sentence; ``needs_you`` with the key to press."""

    sentence: str
    needs_you: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class GroupLook:
    """The one group that somebody looks at: what it would be worth elsewhere, and its part of the log.

    Results are of the whole group in paise, what it has received and paid included; levels are of the
    forward. ``basis`` is ``held``, or ``planned`` while nothing is; ``problem`` says why there are no
    figures. ``None`` as an extreme is unbounded. In the grid rows are relative moves of volatility, columns
    of price.
    """

    group_id: str
    at_ns: int = 0
    log: tuple[LogLine, ...] = ()
    basis: str = "held"
    problem: str = ""
    level_paise: int | None = None
    levels_paise: tuple[int, ...] = ()
    now_paise: tuple[int, ...] = ()
    at_expiry_paise: tuple[int, ...] = ()
    breakevens_paise: tuple[int, ...] = ()
    max_profit_paise: int | None = None
    max_loss_paise: int | None = None
    price_steps: tuple[float, ...] = ()
    vol_steps: tuple[float, ...] = ()
    grid_paise: tuple[tuple[int, ...], ...] = ()
    ratio_words: str = ""
    """What is held against the ratio that the group was designed for, in a sentence; ``""`` for nothing."""
    ratio_holds: bool = True
    """Whether it is within the tolerance of that ratio."""


@dataclass(frozen=True, slots=True)
class RecordedAt:
    """Where in a journal a picture was folded: ``row`` of ``rows``, and the times of the first and last row.

    Quotes, funds and the machine's own timings are not journalled: what is not known is left empty.
    """

    row: int
    rows: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the console shows.

    ``version`` rises with every publication and ``account.seq`` with every journalled fact: a core that has
    stopped is seen to have stopped. ``exposures`` and ``moves`` are by group id.
    """

    version: int = 0
    at_ns: int = 0
    mode: str = "PAPER"
    title: str = ""
    """What is being played or traded: the scenario's name, or the broker's."""
    underlying: str = ""
    underlying_paise: int | None = None
    underlying_open_paise: int | None = None
    account: Account = field(default_factory=Account)
    view: MarketView = field(default_factory=MarketView)
    exposures: Mapping[str, Exposure] = field(default_factory=dict)
    total: Exposure = field(default_factory=Exposure)
    moves: Mapping[str, NextMove] = field(default_factory=dict)
    day_pnl_paise: int = 0
    margin: MarginMeter = MarginMeter()
    hedge_send_ms: Distribution = Distribution()
    hedge_fill_ms: Distribution = Distribution()
    unhedged_longest_ms: int = 0
    unhedged_total_ms: int = 0
    health: Health = Health()
    budget: BudgetMeter = BudgetMeter()
    log: tuple[LogLine, ...] = ()
    delta_history: tuple[DeltaPoint, ...] = ()
    divergences_found: int = 0
    divergences_healed: int = 0
    look: GroupLook | None = None
    """The group that ``CoreService.look_at`` named last."""
    books: BookSnapshot | None = None
    """The broker's books as they were last read whole."""
    expiries: Expiries = field(default_factory=Expiries)
    """What expires within a week, as of the last second or so."""
    recorded: RecordedAt | None = None
    """The picture is of a journal being replayed, not of a core that runs."""
    finished: bool = False
    """A rehearsal has come to its end; ``verdict`` says how."""
    verdict: str = ""
