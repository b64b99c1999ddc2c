"""The verdict on a rehearsal that has ended: what it came to, and whether it is what it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from core.domain.account import Account
from core.domain.instruments import PositionKey
from core.domain.timing import NS_PER_MS
from core.engine.metrics import Metrics
from core.rehearsal.faults.kinds import MEANING, FaultKind
from core.rehearsal.invariants.resting import RESTS, at_the_end
from core.rehearsal.invariants.truth import Truth
from core.rehearsal.invariants.violation import Violation
from core.rehearsal.preparation import Prepared
from core.rehearsal.report import (
    Report,
    final_state,
    group_report,
    metrics_report,
    violations_report,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict is reached on: what was wanted, what became of it, and what the exchange has seen."""

    prepared: Prepared
    account: Account
    metrics: Metrics
    truth: Truth
    fired: Mapping[FaultKind, int]
    violations: tuple[Violation, ...]
    working_orders: int
    now_ns: int
    wall_s: float
    paced: bool
    """Whether figures of wall time mean anything."""
    journal_name: str


def verdict(seen: Evidence) -> Report:
    """The public report: it passes where nothing was violated and all that the scenario states holds."""
    prepared, account = seen.prepared, seen.account
    asked = prepared.asked
    positions, foreign = _positions(seen.truth)
    state = _final_state(seen)
    statements = [*_failed_decisions(account), *_statements(seen, state)]
    passed = not seen.violations and all(each["holds"] for each in statements)
    return {
        "scenario": asked.scenario.name,
        "seed": asked.seed,
        "market": prepared.market,
        "simulated_s": round((seen.now_ns - prepared.start_ns) / 1e9, 3),
        "wall_s": round(seen.wall_s, 3),
        "verdict": "PASS" if passed else "FAIL",
        "warnings": list(prepared.warnings),
        "violations": violations_report(list(seen.violations), prepared.start_ns),
        "statements": statements,
        "groups": [group_report(group, seen.now_ns) for group in account.groups.values()],
        "metrics": metrics_report(
            seen.metrics,
            account,
            seen.now_ns,
            paced=seen.paced,
            naked_max=seen.truth.naked_most,
            commits=seen.metrics.commits.count,
        ),
        "final": {
            "state": state,
            "positions": positions,
            "foreign": foreign,
            "working_orders": seen.working_orders,
        },
        "journal": seen.journal_name,
    }


def _final_state(seen: Evidence) -> str:
    """What the groups' states come to, where the exchange's own books agree with them; else ``MANUAL``."""
    contradicted = any(
        invariant == RESTS
        for invariant, _, _ in at_the_end(seen.account, seen.truth, seen.now_ns, rested=True)
    )
    return "MANUAL" if contradicted else final_state(seen.account)


def _positions(truth: Truth) -> tuple[dict[str, int], dict[str, int]]:
    """Our non-zero units by symbol, and everybody else's, by the exchange's trades."""
    found = []
    for held in (truth.net, truth.foreign):
        by_symbol: Counter[str] = Counter()
        for key, units in held.items():
            by_symbol[key.symbol] += units
        found.append({symbol: units for symbol, units in sorted(by_symbol.items()) if units})
    return found[0], found[1]


def _statements(seen: Evidence, state: str) -> list[Report]:
    """What the scenario says must hold at its end, and whether it does."""
    asked, account = seen.prepared.asked, seen.account
    expect = asked.scenario.expect
    if asked.chain is not None:
        text = "at the end the account is WHOLE or FLAT"
        return [{"text": text, "holds": state in ("WHOLE", "FLAT")}]
    wanted = expect.held_final if asked.hold else expect.final
    statements: list[Report] = []

    def state_that(text: str, *, holds: bool) -> None:
        statements.append({"text": text, "holds": holds})

    if wanted is not None:
        state_that(f"at the end the account is {wanted}", holds=state == wanted)
    if expect.states and not asked.hold:
        states = tuple(group.state for group in account.groups.values())
        wanted_states = expect.states * len(states) if len(expect.states) == 1 else expect.states
        state_that(
            f"the groups end {', '.join(expect.states)}", holds=bool(states) and states == wanted_states
        )
    for kind in expect.fired:
        state_that(f"it happened: {MEANING[kind]}", holds=seen.fired[kind] > 0)
    most = expect.naked_units_at_most
    if most is not None:
        text = f"no more than {most} short units ever stood beyond cover and plan"
        state_that(text, holds=seen.truth.naked_most <= most)
    if expect.flat_before is not None and not asked.hold:
        text = f"{expect.flat_before / 1_000:g} s after the start every group had been closed at the exchange"
        state_that(text, holds=_was_flat(seen, seen.prepared.start_ns + expect.flat_before * NS_PER_MS))
    if expect.says:
        told = [group.reason for group in account.groups.values()]
        told += [alert.text for alert in account.alerts.values()] + [account.kill.cause]
        state_that(f"it says: {expect.says}", holds=any(expect.says in text for text in told))
    return statements


def _was_flat(seen: Evidence, at_ns: int) -> bool:
    """Whether by then every group had traded, and traded back what it had, by the exchange's own trades."""
    held: dict[str, Counter[PositionKey]] = {}
    for trade in seen.truth.trades:
        if trade.at_ns <= at_ns:
            key = PositionKey(trade.exchange, trade.symbol, trade.product)
            net = held.setdefault(seen.truth.group_of(trade.order_id), Counter())
            net[key] += trade.side.sign * trade.units
    groups = seen.account.groups
    return bool(groups) and all(group in held and not any(held[group].values()) for group in groups)


def _failed_decisions(account: Account) -> list[Report]:
    """A decision that raised fails a rehearsal, whatever became of its group."""
    failed = [alert for alert_id, alert in account.alerts.items() if alert_id.startswith("decision:")]
    return [{"text": f"every decision can be made ({alert.text})", "holds": False} for alert in failed]
