"""The campaign that every change has to pass: three hundred seeds, and a crash at every boundary of a run."""

from __future__ import annotations

from collections.abc import Iterable

from core.rehearsal.campaign.pool import REPLAY_EVERY, Run, play_all
from core.rehearsal.campaign.seed_run import SeedResult
from core.rehearsal.campaign.sweep import sweep
from core.rehearsal.campaign.tally import Tally
from core.rehearsal.faults.kinds import FaultKind

SEEDS = 300
WORKERS = 2


def broken(results: Iterable[SeedResult]) -> list[str]:
    """What was violated, where, and the rows that led to it."""
    return [
        "\n".join([f"seed {result.seed}, deadly {result.deadly}: {result.violations}", *result.story])
        for result in results
        if result.violations
    ]


def test_three_hundred_seeds_hold_every_invariant_meet_every_fault_and_replay_the_same() -> None:
    runs = [Run(seed, replay=seed % REPLAY_EVERY == 0) for seed in range(SEEDS)]
    results = list(play_all(runs, WORKERS, keep_going=True))
    assert broken(results) == []
    tally = Tally()
    for result in results:
        tally.add(result)
    assert tally.seeds == SEEDS
    assert (tally.replayed, tally.replay_identical) == (SEEDS // REPLAY_EVERY, True)
    assert {kind for kind in FaultKind if not tally.faults.get(kind.value)} == set()
    assert tally.by_policy >= 0.95 * (tally.by_policy + sum(tally.manual.values()))


def test_a_crash_at_any_boundary_of_a_group_on_its_way_is_survived() -> None:
    runs = sweep("crash-mid-group", 1, frozenset())
    results = list(play_all(runs, WORKERS, keep_going=True))
    assert broken(results) == []
    assert len(results) == len(runs) > 100
    assert all(
        result.crashes and result.boundaries >= result.deadly[0] for result in results if result.deadly
    )
