"""Snapshots of a busy session, the same on every machine: for pictures, and for tests of the screen.

Nothing here trades. Each builder returns an ordinary ``Snapshot`` made of the core's own types.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, time

from console.demo_groups import CONTRACT_DAY, Leg, group_of, quotes_for, with_unconfirmed_cancel
from console.demo_previews import demo_books, demo_look, demo_preview, demo_ways, with_expiries
from core.domain.account import Account, Alert, Divergence, DivergenceKind, JournalIdentity, Severity
from core.domain.groups import GroupPlan, MultiLegOrderGroup, Unhedged
from core.domain.inputs import OperatorCommand
from core.domain.instruments import PositionKey, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.timing import NS_PER_MS, NS_PER_S, from_ist
from core.engine.previews import TicketPreview, TicketRequest, WayOut
from core.engine.snapshot import (
    BasketHistory,
    BudgetMeter,
    Comparison,
    DeltaPoint,
    Distribution,
    Exposure,
    Health,
    LogLine,
    MarginMeter,
    NextMove,
    Snapshot,
)

_S = ExecutionLifecycle
NOW_NS = from_ist(CONTRACT_DAY, time(14, 32, 7)) + 120 * NS_PER_MS
BASKETS = BasketHistory(
    (
        Comparison(NOW_NS - 5_000 * NS_PER_S, "G-005", 1_92_400_00, 1_85_300_00),
        Comparison(NOW_NS - 3_100 * NS_PER_S, "G-008", 88_150_00, 88_900_00),
        Comparison(NOW_NS - 50 * NS_PER_S, "G-012", 3_09_700_00, 2_98_400_00),
    )
)


class DemoService:
    """A core that never changes by itself: it gives out one snapshot and keeps what it was told."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.current = snapshot
        self.commands: list[OperatorCommand] = []
        self.submitted: list[GroupPlan] = []

    def snapshot(self) -> Snapshot:
        """The snapshot it was given last."""
        return self.current

    def command(self, command: OperatorCommand) -> None:
        """Keep the command."""
        self.commands.append(command)

    def submit(self, plan: GroupPlan, by: str) -> None:
        """Keep the plan."""
        self.submitted.append(plan)

    def look_at(self, group_id: str) -> None:
        """Look closely at a group, with the core's own arithmetic."""
        group = self.current.account.groups.get(group_id)
        look = demo_look(group, self.current) if group is not None else None
        self.current = replace(self.current, look=look)

    def preview(self, request: TicketRequest) -> TicketPreview:
        """A ticket's preview: only the number of lots counts."""
        return demo_preview(request, self.current.at_ns)

    def ways_out(self, group_id: str) -> tuple[WayOut, ...]:
        """The ways out of the group that waits for a person."""
        return demo_ways(group_id)


def ago(seconds: float) -> int:
    """The instant so many seconds before the demo's now."""
    return NOW_NS - round(seconds * NS_PER_S)


def demo_groups() -> list[MultiLegOrderGroup]:
    """Six groups: one entering, three open, one on its way out, one that waits for a person."""
    condor = group_of(
        14,
        "iron_condor",
        _S.PARTIALLY_EXPOSED,
        [
            Leg(24500, Right.PE, Side.BUY, 1300, 1300, 41.25, ago(1.9), ago(1.4)),
            Leg(25200, Right.CE, Side.BUY, 1300, 1300, 38.60, ago(1.85), ago(1.2)),
            Leg(24600, Right.PE, Side.SELL, 1300, 520, 58.15, ago(1.15), ago(0.75), working=780, limit=57.95),
            Leg(25100, Right.CE, Side.SELL, 1300, 520, 54.90, ago(1.15), ago(0.55), working=780, limit=54.70),
        ],
        copies=20,
        at_ns=NOW_NS,
        planned_ns=ago(2.0),
        unhedged=Unhedged(ago(0.412), 412 * NS_PER_MS, 412 * NS_PER_MS, 0, reason="delta"),
        stop_premium_bps=20_000,
        reason="wings full, shorts released against cover",
    )
    bull_put = group_of(
        13,
        "bull_put_spread",
        _S.OPEN,
        [
            Leg(24300, Right.PE, Side.BUY, 650, 650, 28.40, ago(3000), ago(2999)),
            Leg(24400, Right.PE, Side.SELL, 650, 650, 39.10, ago(2999), ago(2997)),
        ],
        copies=10,
        at_ns=NOW_NS,
        planned_ns=ago(3001),
    )
    fly = group_of(
        12,
        "iron_butterfly",
        _S.OPEN,
        [
            Leg(24600, Right.PE, Side.BUY, 325, 325, 60.20, ago(5000), ago(4999)),
            Leg(25000, Right.CE, Side.BUY, 325, 325, 72.85, ago(5000), ago(4998)),
            Leg(24800, Right.PE, Side.SELL, 325, 325, 131.40, ago(4998), ago(4996)),
            Leg(24800, Right.CE, Side.SELL, 325, 325, 148.05, ago(4998), ago(4996)),
        ],
        copies=5,
        at_ns=NOW_NS,
        planned_ns=ago(5001),
    )
    strangle = group_of(
        11,
        "strangle",
        _S.MANUAL,
        [
            Leg(24300, Right.PE, Side.SELL, 65, 65, 29.05, ago(900), ago(899)),
            Leg(25300, Right.CE, Side.SELL, 65, 65, 30.15, ago(900), ago(898)),
        ],
        copies=1,
        at_ns=NOW_NS,
        planned_ns=ago(901),
        cause=ManualCause.CANCEL_UNCONFIRMED,
        unhedged=Unhedged(ago(9.4), 9_400 * NS_PER_MS, 9_400 * NS_PER_MS, 65, reason="cancel unconfirmed"),
        reason="the broker never confirmed a cancel",
    )
    strangle = with_unconfirmed_cancel(strangle, 0, 37)
    bear_call = group_of(
        10,
        "bear_call_spread",
        _S.EXITING,
        [
            Leg(25100, Right.CE, Side.BUY, 650, 650, 55.20, ago(4000), ago(3999)),
            Leg(25000, Right.CE, Side.SELL, 650, 390, 74.60, ago(3999), ago(3997)),
        ],
        copies=10,
        at_ns=NOW_NS,
        planned_ns=ago(4001),
        reason="target reached: shorts first",
    )
    calendar = group_of(
        9,
        "calendar",
        _S.OPEN,
        [
            Leg(24800, Right.CE, Side.BUY, 325, 325, 211.30, ago(7000), ago(6999), weeks=4),
            Leg(24800, Right.CE, Side.SELL, 325, 325, 139.75, ago(6998), ago(6997)),
        ],
        copies=5,
        at_ns=NOW_NS,
        planned_ns=ago(7001),
    )
    return [calendar, bear_call, strangle, fly, bull_put, condor]


EXPOSURES = {
    "G-014": Exposure(18.4, 4_600_00, 0, -4_120_00, 980_00, 62, 10_000_00, -210_00),
    "G-013": Exposure(-4.1, -1_020_00, 0, -2_600_00, 640_00, 50, 10_000_00, 950_00),
    "G-012": Exposure(0.8, 200_00, 0, -1_900_00, -2_050_00, 50, 10_000_00, 3_180_00),
    "G-011": Exposure(-61.0, -15_130_00, 65, -9_800_00, -7_400_00, 50, 10_000_00, -1_275_00),
    "G-010": Exposure(-2.2, -550_00, 0, 810_00, -1_350_00, 50, 10_000_00, 1_640_00),
    "G-009": Exposure(6.7, 1_660_00, 0, -1_080_00, 720_00, 50, 10_000_00, 420_00),
}

MOVES = {
    "G-014": NextMove("wings full, shorts 40 % released against cover; next re-price in 0.3 s"),
    "G-013": NextMove("whole and hedged as designed"),
    "G-012": NextMove("whole and hedged as designed"),
    "G-011": NextMove("put leg: cancel unconfirmed for 9.4 s, cover bought at 24,200", True, "F9"),
    "G-010": NextMove("shorts are being bought back first; 390 left, then the longs"),
    "G-009": NextMove("whole and hedged as designed"),
}


def demo_alerts() -> dict[str, Alert]:
    """Two critical ones that ask, one warning that asks, two that were acknowledged."""
    rows = [
        Alert(
            "cancel:G-011",
            Severity.CRITICAL,
            "cancel unconfirmed 9.4 s; the broker says CANCEL PENDING",
            "cancel-unconfirmed",
            ago(10),
            ago(10),
            37,
            "G-011",
        ),
        Alert(
            "uncovered:G-011",
            Severity.CRITICAL,
            "65 units short without cover",
            "uncovered",
            ago(10.2),
            ago(10.2),
            1,
            "G-011",
        ),
        Alert(
            "reconcile:G-014",
            Severity.WARNING,
            "missed fill, adopted from the trade book",
            "reconciliation",
            ago(9),
            ago(9),
            1,
            "G-014",
        ),
        Alert(
            "quotes",
            Severity.WARNING,
            "quotes stale 3.4 s, 24300 PE",
            "stale-quotes",
            ago(207),
            ago(207),
            2,
            "",
            acknowledged=True,
        ),
        Alert(
            "stop:G-008",
            Severity.INFO,
            "stop fell back to market",
            "stop-fallback",
            ago(2225),
            ago(2225),
            1,
            "G-008",
            acknowledged=True,
        ),
    ]
    return {row.alert_id: row for row in rows}


def demo_divergences() -> dict[str, Divergence]:
    """Two healed, one open."""
    rows = [
        Divergence(
            "d3",
            DivergenceKind.QUANTITY_MISMATCH,
            ago(3.1),
            "25300 CE 65, broker 130",
            "G-011",
            "NIFTY25300CE",
        ),
        Divergence(
            "d2",
            DivergenceKind.MISSED_FILL,
            ago(9),
            "65 @ 58.15",
            "G-014",
            "NIFTY24600PE",
            ago(8.7),
            "adopted",
        ),
        Divergence("d1", DivergenceKind.MISSED_CANCEL, ago(5095), "", "G-006", "", ago(5092.9), "adopted"),
    ]
    return {row.divergence_id: row for row in rows}


def demo_delta_history() -> tuple[DeltaPoint, ...]:
    """One point a second over the last minute, with two marks."""
    points = []
    for second in range(60, -1, -1):
        value = -1.888 * (9 + 7 * math.sin((60 - second) / 7.5) + (6 if second < 16 else 0))
        mark = {40: "wing filled", 15: "shorts 40 %"}.get(second, "")
        points.append(DeltaPoint(ago(second), round(value, 2), second < 13, mark))
    return tuple(points)


def demo_lag_trace() -> tuple[float, ...]:
    """The loop's worst lag of each of the last sixty seconds."""
    return tuple(
        round(1.4 + 1.1 * math.sin(second / 4) ** 2 + (6.2 if second == 41 else 0), 2) for second in range(60)
    )


LOG = (
    (10.1, "policy", "G-011", "cancel unconfirmed for 5 s: bought cover 24,200 PE 65 @ 31.05", "breach"),
    (8.82, "poll", "G-014", "missed fill 65 @ 58.15 adopted from the trade book", "warn"),
    (1.97, "you", "", "New group G-014 confirmed (trader @ desk-2), saw snapshot 88,121", "plain"),
    (1.95, "gate", "G-014", "worst case 71 % of 90 %: passed in 0.6 ms", "ok"),
    (1.94, "send", "", "14-1-1 BUY 24500 PE 1,300 @ 41.35  tag K7Q2XA140101", "info"),
    (1.93, "send", "", "14-2-1 BUY 25200 CE 1,300 @ 38.70  tag K7Q2XA140201", "info"),
    (1.91, "stream", "", "fill before acknowledgement on 14-2-1: kept, matched by tag", "info"),
    (1.40, "broker", "", "14-1-1 COMPLETE 1,300 @ 41.25", "ok"),
    (1.20, "broker", "", "14-2-1 COMPLETE 1,300 @ 38.60", "ok"),
    (1.18, "policy", "G-014", "cover confirmed 1,300; release shorts 40 % = 520 each side", "plain"),
    (1.17, "journal", "", "fact 18,204 committed in 0.4 ms, 3 rows", "muted"),
    (0.75, "broker", "", "14-3-1 COMPLETE 520 @ 58.15   trade 7731902", "ok"),
    (0.21, "policy", "G-014", "re-price 24600 PE child 2: 58.05 to 57.95, within slippage", "plain"),
)


def busy_snapshot(mode: str = "PAPER") -> Snapshot:
    """The moment of the design's picture: one group entering, one waiting for a person, four that need
    nothing.
    """
    groups = {group.group_id: group for group in demo_groups()}
    account = Account(
        identity=JournalIdentity("K7Q2XA", 1, "0.1.0", mode, "synthetic", "demo", 1),
        seq=18_204,
        at_ns=NOW_NS,
        groups=groups,
        alerts=demo_alerts(),
        divergences=demo_divergences(),
        foreign={PositionKey("NFO", "NIFTY25NOV25000PE", Product.NRML): -75},
        emergency_hedges=3,
    )
    busy = Snapshot(
        version=88_124,
        at_ns=NOW_NS,
        mode=mode,
        title="calm" if mode == "PAPER" else "kite",
        underlying="NIFTY",
        underlying_paise=24_812_35,
        underlying_open_paise=24_708_50,
        account=account,
        view=quotes_for(groups.values(), NOW_NS),
        exposures=EXPOSURES,
        total=Exposure(-41.4, -10_270_00, 65, -18_690_00, -8_460_00, 62, 10_000_00, 4_705_00),
        moves=MOVES,
        day_pnl_paise=18_420_00,
        margin=MarginMeter(
            6_40_000_00,
            3_07_200_00,
            4_54_400_00,
            "worst if CE short filled, -3 %, IV +50 %, spread x2",
            BASKETS,
            "SPAN-style estimate",
            73.0,
        ),
        hedge_send_ms=Distribution(3, 31, 31, 44, 44, (0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0), 5),
        hedge_fill_ms=Distribution(3, 212, 212, 240, 240, (0, 0, 0, 2, 1, 0, 0, 0), 60),
        unhedged_longest_ms=9_400,
        unhedged_total_ms=12_100,
        health=Health(
            stream_up=True,
            stream_age_ms=200,
            stream_uptime_pct=99.8,
            poll_age_ms=7_000,
            next_poll_ms=5_000,
            quotes_age_ms=300,
            commit_ms=Distribution(18_204, 0.4, 0.4, 0.9, 3.1, (2, 61, 24, 9, 3, 1, 0, 0, 1, 0, 0, 0), 0.25),
            loop_lag_ms=Distribution(90_000, 1, 0.6, 2, 9, (70, 9, 4, 1, 1, 0, 0, 0), 2.0, demo_lag_trace()),
            decision_ms=Distribution(41_388, 0.1, 0.1, 0.4, 1.8, (80, 31, 12, 5, 2, 1, 1, 0, 0, 1), 0.1),
            round_trip_ms=Distribution(612, 84, 80, 130, 212, (0, 2, 9, 12, 6, 2, 1), 20),
        ),
        budget=BudgetMeter(3, 41, 612),
        log=tuple(
            LogLine(seq, ago(seconds), channel, group_id, text, tone)
            for seq, (seconds, channel, group_id, text, tone) in enumerate(LOG, 18_192)
        ),
        delta_history=demo_delta_history(),
        divergences_found=3,
        divergences_healed=2,
        books=demo_books(groups.values(), NOW_NS, ago(7)),
    )
    return with_expiries(busy)


def calm_snapshot(mode: str = "PAPER") -> Snapshot:
    """The same session with nothing that needs anybody."""
    busy = busy_snapshot(mode)
    groups = {
        name: replace(group, state=_S.OPEN, unhedged=Unhedged(), cause=None, live=(), reason="")
        for name, group in busy.account.groups.items()
        if name in ("G-013", "G-012", "G-009")
    }
    account = replace(busy.account, groups=groups, alerts={}, divergences={}, foreign={}, emergency_hedges=0)
    calm = replace(
        busy,
        account=account,
        exposures={name: EXPOSURES[name] for name in groups},
        moves={name: MOVES[name] for name in groups},
        total=Exposure(3.4, 840_00, 0, -5_580_00, -690_00, 62, 10_000_00, 4_550_00),
        margin=replace(busy.margin, used_paise=1_98_400_00, worst_paise=None, worst_words="not yet computed"),
        hedge_send_ms=Distribution(),
        hedge_fill_ms=Distribution(),
        unhedged_longest_ms=0,
        delta_history=tuple(
            DeltaPoint(point.at_ns, point.delta_units / 4, False) for point in busy.delta_history
        ),
        log=busy.log[3:12],
    )
    return with_expiries(calm)


def empty_snapshot(mode: str = "PAPER") -> Snapshot:
    """A core that has just started: no group, no market, nothing known of the funds."""
    return Snapshot(version=1, at_ns=from_ist(date(2025, 11, 24), time(9, 15)), mode=mode, underlying="NIFTY")
