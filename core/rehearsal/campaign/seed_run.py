"""One seed, played to its end in memory and judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import perf_counter

from core.brokers.paper.books import MemoryBooks
from core.brokers.paper.draws import Draws
from core.domain.account import Account
from core.domain.facts import Recorded
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.timing import NS_PER_MS, clock_text
from core.engine.log_lines import log_line
from core.journal.persistence import InlinePersistence, PersistenceLayer
from core.market.synthetic import SyntheticMarket
from core.rehearsal.campaign.story import draw_story, name_of
from core.rehearsal.faults.kinds import FaultKind
from core.rehearsal.invariants.violation import Violation
from core.rehearsal.preparation import Asked, Prepared, prepare
from core.rehearsal.run import GRACE_NS, Rehearsal
from core.rehearsal.scenario import MarketTable, Scenario
from core.rehearsal.sim_loop import Deadlock, run_virtual

RAISED = 0
"""Stands for an invariant's number where the program itself raised."""
ROWS_MAX = 8_000
"""Of the first 300 seeds the longest journal has 810 rows: one ten times as long belongs to a run that has
lost its way, and would grow until the machine is out of memory."""
_SHUFFLE = 500
_NEAR_STRIKES_PAISE = 100_00
_LAST_ROWS = 40
_MARKET_KINDS = {
    "thin": FaultKind.PARTIAL_FILLS,
    "no-liquidity": FaultKind.PARTIAL_FILLS,
    "gap": FaultKind.PRICE_GAP,
    "circuit-lock": FaultKind.CIRCUIT_LOCK,
    "vol": FaultKind.SHOCK,
    "spread": FaultKind.SHOCK,
}


@dataclass(slots=True)
class SeedResult:
    """What became of a seed. ``endings`` has one entry a group: ``""`` by policy, or the cause of MANUAL."""

    seed: int
    scenario: str
    violations: list[tuple[int, str, str]] = field(default_factory=list)
    """Invariant, group, and what happened."""
    faults: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    endings: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    simulated_s: float = 0.0
    wall_s: float = 0.0
    last_hash: str = ""
    boundaries: int = 0
    story: list[str] = field(default_factory=list)
    """The last rows of the group that a violation was about, to read."""
    deadly: tuple[int, ...] = ()
    replayed: bool | None = None
    """Whether it was the same again in another process; ``None`` where it was played once."""


def run_seed(seed: int, scenario: Scenario | None = None, **how: object) -> SeedResult:
    """Play the story of a seed, or a scenario with this seed; see ``run_story`` for ``how``."""
    chosen = draw_story(seed) if scenario is None else scenario
    return run_story(chosen, seed, drawn=scenario is None, **how)  # type: ignore[arg-type]


def run_story(
    scenario: Scenario,
    seed: int,
    *,
    drawn: bool = False,
    deadly: Iterable[int] = (),
    guards_off: frozenset[str] = frozenset(),
    rows_max: int = ROWS_MAX,
) -> SeedResult:
    """Play a scenario in virtual time over a journal in memory, and judge it. What the core raises is found.

    ``deadly`` are effect boundaries at which the core dies; a drawn story adds those of its own. A run whose
    journal grows beyond ``rows_max`` rows is stopped, and that is a violation.
    """
    began = perf_counter()
    result = SeedResult(seed, scenario.name)
    prepared = prepare(Asked(scenario, seed=seed))
    _restrict(prepared)
    journal = InlinePersistence()
    result.deadly = tuple(sorted({*deadly, *(_own_deaths(seed) if drawn else ())}))
    rehearsal = Rehearsal(
        prepared,
        journal,
        MemoryBooks(),
        paced=False,
        reopen=_from_bytes,
        deadly=frozenset(result.deadly),
        guards_off=guards_off,
        strict=True,
        rows_max=rows_max,
        grace_ns=0 if drawn else GRACE_NS,
        taken_over=True,
    )
    draws = Draws(seed)
    shuffled = 0

    def shuffle(ready: int) -> int:
        nonlocal shuffled
        shuffled += 1
        return draws.bits(_SHUFFLE, shuffled) % ready

    try:
        run_virtual(rehearsal.play, rehearsal.clock, shuffle)
    except Deadlock as error:
        result.violations.append((RAISED, "", str(error)))
    except Exception as error:  # the run is judged by what it raised, the campaign goes on
        result.violations.append((RAISED, "", f"{type(error).__name__}: {error} {_where(error)}"))
    _fill(result, rehearsal, prepared)
    result.wall_s = perf_counter() - began
    return result


def _own_deaths(seed: int) -> tuple[int, ...]:
    """In every third story the core dies at one or two drawn boundaries, the second soon after the first."""
    draws = Draws(seed)
    if draws.unit(_SHUFFLE + 1, 0) > 1 / 3:
        return ()
    first = 1 + int(draws.unit(_SHUFFLE + 1, 1) ** 2 * 300)
    if draws.unit(_SHUFFLE + 1, 2) > 0.5:
        return (first,)
    return first, first + 1 + int(draws.unit(_SHUFFLE + 1, 3) ** 2 * 60)


def _restrict(prepared: Prepared) -> None:
    """Quote only what these groups can come to trade: their strikes, those near them, and the future."""
    source = prepared.source
    if not isinstance(source, SyntheticMarket):
        return
    strikes = [leg.contract.strike_paise for s in prepared.submissions for leg in s.plan.legs]
    if not strikes:
        return
    low, high = min(strikes) - _NEAR_STRIKES_PAISE, max(strikes) + _NEAR_STRIKES_PAISE
    last = max(leg.contract.expiry for s in prepared.submissions for leg in s.plan.legs)
    source.restrict(
        [
            symbol
            for symbol, contract in source.contracts.items()
            if contract.right is None or (low <= contract.strike_paise <= high and contract.expiry <= last)
        ]
    )


def _from_bytes(journal: PersistenceLayer) -> PersistenceLayer:
    """All that a dead process leaves of its journal are the bytes."""
    if not isinstance(journal, InlinePersistence):
        raise TypeError("a simulated crash needs the journal in memory")
    return InlinePersistence(image=journal.image())


def _fill(result: SeedResult, rehearsal: Rehearsal, prepared: Prepared) -> None:
    account = rehearsal.engine.account
    result.violations += [(v.invariant, v.group_id, _dated(v)) for v in rehearsal.judge.violations]
    result.faults.update({kind.value: count for kind, count in rehearsal.faults.fired.items() if count})
    result.faults.update(_market_faults(prepared, account))
    result.crashes = len(rehearsal.boundaries.deaths)
    result.boundaries = rehearsal.boundaries.count
    result.simulated_s = (rehearsal.clock.now_ns() - prepared.start_ns) / 1e9
    for group in account.groups.values():
        result.states.append(group.state.value)
        manual = group.state is ExecutionLifecycle.MANUAL
        cause = (group.cause.value if group.cause else "unnamed") if manual else ""
        result.endings.append(rehearsal.handed_over.get(group.group_id, cause))
    journal = rehearsal.journal
    if isinstance(journal, InlinePersistence):
        result.last_hash = journal.last_hash
        if result.violations:
            first = next((v for v in rehearsal.judge.violations), None)
            concerned = first.group_id if first is not None else ""
            until_ns = first.at_ns if first is not None else rehearsal.clock.now_ns()
            result.story = last_rows(journal.read(), concerned, until_ns)


def _dated(violation: Violation) -> str:
    return f"{clock_text(violation.at_ns, millis=True)} {violation.detail}"


def last_rows(rows: Iterable[Recorded], group_id: str, until_ns: int) -> list[str]:
    """The last rows of a group, or of all, up to an instant, as lines to read."""
    of_group = (row for row in rows if not group_id or row.group_id in (group_id, ""))
    chosen = [row for row in of_group if row.at_ns <= until_ns][-_LAST_ROWS:]
    lines = []
    for row in chosen:
        told = log_line(row)
        text = told.text if told is not None else repr(row.fact)[:160]
        lines.append(f"{clock_text(row.at_ns, millis=True)} {row.seq:>5} {type(row.fact).__name__}: {text}")
    return lines


def _market_faults(prepared: Prepared, account: Account) -> Counter[str]:
    """Scripted market faults count where they met a group that had begun and not ended."""
    fired: Counter[str] = Counter()
    for table in prepared.asked.scenario.market:
        kind = _MARKET_KINDS.get(table.kind)
        if kind is not None and _meets_a_group(table, prepared, account):
            fired[kind.value] += 1
    return fired


def _meets_a_group(table: MarketTable, prepared: Prepared, account: Account) -> bool:
    from_ns = prepared.start_ns + table.at * NS_PER_MS
    until_ns = from_ns + (table.lasts or 0) * NS_PER_MS
    return any(
        group.first_fill_ns
        and group.planned_at_ns <= max(until_ns, from_ns)
        and (not group.is_over or group.state_since_ns >= from_ns)
        for group in account.groups.values()
    )


def _where(error: BaseException) -> str:
    """The innermost places of an error, for whoever has to find it."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return "(" + " < ".join(reversed(places[-4:])) + ")"


__all__ = ["RAISED", "SeedResult", "last_rows", "name_of", "run_seed", "run_story"]
