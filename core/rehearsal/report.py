"""The report of a rehearsal: the public JSON object, and the same for reading."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from core.domain.account import Account
from core.domain.groups import MultiLegOrderGroup
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Purpose
from core.domain.timing import NS_PER_MS, duration_text
from core.engine.metrics import Metrics, Series
from core.rehearsal.invariants.violation import Violation, at_ms

Report = dict[str, Any]

_FINAL = {
    ExecutionLifecycle.OPEN: "WHOLE",
    ExecutionLifecycle.CLOSED: "FLAT",
    ExecutionLifecycle.REJECTED: "FLAT",
}
_WORST_FIRST = ("MANUAL", "WHOLE", "FLAT")


def final_state(account: Account) -> str:
    """The worst of the groups: ``MANUAL``, then ``WHOLE``, then ``FLAT``; unfinished reads ``MANUAL``."""
    states = {_FINAL.get(group.state, "MANUAL") for group in account.groups.values()}
    return next((state for state in _WORST_FIRST if state in states), "FLAT")


def group_report(group: MultiLegOrderGroup, now_ns: int) -> Report:
    """One group, as the report shows it."""
    return {
        "id": group.group_id,
        "strategy": group.plan.strategy,
        "lifecycle": group.state.value,
        "unhedged_ms": group.unhedged.total_at(now_ns) // NS_PER_MS,
        "reason": group.reason,
        "cause": group.cause.value if group.cause is not None else None,
        "legs": [
            {
                "symbol": leg.plan.contract.symbol,
                "side": leg.plan.side.value,
                "lots": leg.plan.ratio * group.plan.copies,
                "filled_units": leg.entered_units,
                "hedged_units": sum(
                    order.filled_units
                    for order in group.orders.values()
                    if order.leg == index and order.purpose is Purpose.HEDGE
                ),
                "net_units": leg.net_units,
            }
            for index, leg in enumerate(group.legs)
        ],
    }


def figures(series: Series, *, count: bool = False) -> Report:
    """A series of milliseconds as the report shows it; ``None`` where nothing was measured."""
    spread = series.distribution()
    shown: Report = {"count": spread.count} if count else {}
    shown |= {
        name: None if value is None else round(value, 3)
        for name, value in (("p50", spread.p50), ("p99", spread.p99), ("max", spread.max))
    }
    return shown


def metrics_report(
    metrics: Metrics, account: Account, now_ns: int, *, paced: bool, naked_max: int, commits: int
) -> Report:
    """The figures of a run. Wall-clock figures are null in virtual time, where they mean nothing.

    From a breach to the hedge's send and fill is market time, which waits for the core: it holds the windows
    and queues that a hedge went through, not what the machine needed.
    """
    nothing = {"p50": None, "p99": None, "max": None}
    open_now = sum(1 for divergence in account.divergences.values() if divergence.is_open)
    return {
        "unhedged_ms_max": max(
            (group.unhedged.total_at(now_ns) // NS_PER_MS for group in account.groups.values()),
            default=0,
        ),
        "naked_short_units_max": naked_max,
        "interim_delta_max": round(metrics.delta_max_units, 2),
        "hedge_lag_ms": figures(metrics.hedge_fill, count=True),
        "hedge_send_ms": figures(metrics.hedge_send, count=True),
        "margin_use_peak_pct": round(metrics.margin_peak_pct, 2),
        "divergences": {
            "found": metrics.divergences_found,
            "healed": metrics.divergences_healed,
            "open": open_now,
        },
        "emergency_hedges": metrics.emergency_hedges,
        "orders_sent": metrics.orders_sent,
        "children_max_units": metrics.children_max_units,
        "commits": commits,
        "commit_ms": figures(metrics.commits),
        "loop_lag_ms": figures(metrics.loop_lag) if paced else dict(nothing),
    }


def violations_report(violations: list[Violation], start_ns: int) -> list[Report]:
    """Violations as the report shows them."""
    return [
        {"invariant": each.invariant, "at_ms": at_ms(each, start_ns), "detail": each.detail}
        for each in violations
    ]


def to_json(report: Report) -> str:
    """The report as one line-broken JSON object."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def write_report(report: Report, path: Path) -> None:
    """Write the report so that nobody ever sees half of it. Raises ``OSError``."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(to_json(report) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def readable(report: Report) -> str:
    """The report for a person: the verdict, the groups, and the figures that matter."""
    lines = [
        f"{report['verdict']}  {report['scenario']}  seed {report['seed']}  market {report['market']}",
        f"      {report['simulated_s']:.0f} market seconds in {report['wall_s']:.1f} s",
        "",
    ]
    for group in report["groups"]:
        outside = duration_text(group["unhedged_ms"])
        lines.append(f"{group['id']}  {group['strategy']}  {group['lifecycle']}  outside limits {outside}")
        if group["lifecycle"] in ("REJECTED", "MANUAL"):
            lines.append(f"       {group['reason']}")
        lines += [
            f"       {leg['side']:<4} {leg['symbol']:<22} filled {leg['filled_units']:>6,}"
            f"   held {leg['net_units']:>+7,}"
            for leg in group["legs"]
        ]
    lines += ["", *_figure_lines(report["metrics"]), ""]
    final: Mapping[str, Any] = report["final"]
    lines.append(f"at the end: {final['state']}, {_held(final)}; {final['working_orders']} working orders")
    lines += [f"warning: {warning}" for warning in report.get("warnings", ())]
    for violation in report["violations"]:
        lines.append(
            f"VIOLATION of invariant {violation['invariant']} at {violation['at_ms'] / 1000:.3f} s: "
            f"{violation['detail']}"
        )
    for statement in report["statements"]:
        mark = "holds" if statement["holds"] else "DOES NOT HOLD"
        lines.append(f"statement: {statement['text']}: {mark}")
    if report.get("journal"):
        lines.append(f"journal: {report['journal']}")
    return "\n".join(lines)


def _held(final: Mapping[str, Any]) -> str:
    """What is left of our trades, and what other people's trades in the same contracts have done to it."""
    ours, others = final["positions"], final["foreign"]
    left = {symbol: units + others.get(symbol, 0) for symbol, units in ours.items()}
    held = ", ".join(f"{units:+,} {symbol}" for symbol, units in left.items() if units) or "nothing"
    traded = ", ".join(f"{others[symbol]:+,} {symbol}" for symbol in ours if symbol in others)
    return f"holding {held}" + (f" (others have traded {traded})" if traded else "")


def _figure_lines(metrics: Mapping[str, Any]) -> list[str]:
    divergences = metrics["divergences"]
    commit = metrics["commit_ms"]
    return [
        f"orders sent {metrics['orders_sent']}, largest {metrics['children_max_units']:,} units",
        f"naked short units, most: {metrics['naked_short_units_max']}; "
        f"interim delta, most: {metrics['interim_delta_max']:.0f} units",
        f"margin use, peak: {metrics['margin_use_peak_pct']:.0f} %; "
        f"emergency hedges: {metrics['emergency_hedges']}",
        f"divergences: {divergences['found']} found, {divergences['healed']} healed, "
        f"{divergences['open']} open",
        f"commits {metrics['commits']}"
        + (f", p99 {commit['p99']:.2f} ms" if commit["p99"] is not None else ""),
    ]
