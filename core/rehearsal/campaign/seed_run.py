"""One seed, played to its end in memory and judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import perf_counter

from core.brokers.paper.books import MemoryBooks
from core.domain.account import Account
from core.domain.facts import Recorded
from core.domain.timing import NS_PER_MS, clock_text
from core.engine.log_lines import log_line
from core.journal.persistence import InlinePersistence, PersistenceLayer
from core.rehearsal.campaign.staging import ROWS_MAX, is_own_story, stage
from core.rehearsal.campaign.story import draw_story
from core.rehearsal.faults.kinds import FaultKind
from core.rehearsal.invariants.violation import Violation
from core.rehearsal.person import manual_cause
from core.rehearsal.preparation import Prepared
from core.rehearsal.run import Rehearsal
from core.rehearsal.scenario import MarketTable, Scenario
from core.rehearsal.shelf import find_scenario
from core.rehearsal.sim_loop import Deadlock, run_virtual

RAISED = 0
"""Stands for an invariant's number where the program itself raised."""
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
    """The name that the scenario gives itself."""
    played: str = ""
    """What it was asked for by: a name of the shelf, or the path of a file."""
    violations: list[tuple[int, str, str]] = field(default_factory=list)
    """Invariant, group, and what happened."""
    faults: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    endings: list[str] = field(default_factory=list)
    healed: list[bool] = field(default_factory=list)
    """For each group, whether all that had gone wrong for it was well again long before the end."""
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


def run_named(name: str, seed: int, scenario: Scenario | None = None, **how: object) -> SeedResult:
    """What a campaign plays under a name, ``""`` for the seed's own story; ``scenario`` is that name's, if it
    was read already. See ``run_story`` for ``how``, and for what is raised."""
    own = is_own_story(name, seed)
    result = run_seed(seed, None if own else scenario or find_scenario(name), **how)
    result.played = name or result.scenario
    return result


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
    staged = stage(scenario, seed, drawn=drawn, deadly=deadly, guards_off=guards_off)
    result = SeedResult(seed, scenario.name, deadly=staged.deadly)
    rehearsal = staged.rehearsal(InlinePersistence(), MemoryBooks(), reopen=_from_bytes, rows_max=rows_max)
    try:
        run_virtual(rehearsal.play, rehearsal.clock, staged.shuffle())
    except Deadlock as error:
        result.violations.append((RAISED, "", str(error)))
    except Exception as error:  # the run is judged by what it raised, the campaign goes on
        result.violations.append((RAISED, "", raised_text(error)))
    _fill(result, rehearsal, staged.prepared)
    result.wall_s = perf_counter() - began
    return result


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
        result.healed.append(rehearsal.has_healed(group))
        result.endings.append(rehearsal.handed_over.get(group.group_id, manual_cause(group)))
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


def raised_text(error: BaseException) -> str:
    """What a program's error comes to for whoever has to find it: its kind, its text, and where it arose."""
    return f"{type(error).__name__}: {error} {_where(error)}"


def _where(error: BaseException) -> str:
    """The innermost places of an error."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return "(" + " < ".join(reversed(places[-4:])) + ")"
