"""Sweeps: a scenario played once for every effect boundary, dying at each in turn, and at pairs of them."""

from __future__ import annotations

from collections.abc import Iterator

from core.brokers.paper.draws import Draws
from core.rehearsal.campaign.pool import Run
from core.rehearsal.campaign.seed_run import run_named
from core.rehearsal.shelf import shipped

_PAIRS = 700
_PAIRS_SHARE = 4


def sweep(name: str, seed: int, guards_off: frozenset[str]) -> list[Run]:
    """Every run of the sweep of one scenario, or of ``all``. Raises ``ScenarioError``."""
    names = [each.name for each in shipped()] if name == "all" else [name]
    return [run for each in names for run in _sweep_one(each, seed, guards_off)]


def _sweep_one(name: str, seed: int, guards_off: frozenset[str]) -> Iterator[Run]:
    whole = run_named(name, seed, guards_off=guards_off)
    count = whole.boundaries
    yield Run(seed, name, (), guards_off, replay=True)
    for number in range(1, count + 1):
        yield Run(seed, name, (number,), guards_off)
    draws = Draws(seed)
    for pair in range(count // _PAIRS_SHARE):
        first = 1 + draws.bits(_PAIRS, 2 * pair) % count
        second = first + 1 + draws.bits(_PAIRS, 2 * pair + 1) % max(1, count // 4)
        yield Run(seed, name, (first, second), guards_off)
