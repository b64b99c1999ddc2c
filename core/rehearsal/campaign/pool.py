"""Running many seeds over all cores, in order, and stopping at the first violation."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from threading import Thread
from time import sleep
from typing import overload

from core.rehearsal.campaign.replay import Again, Replayer
from core.rehearsal.campaign.seed_run import SeedResult, run_named
from core.rehearsal.scenario import Scenario
from core.rehearsal.shelf import find_scenario

REPLAY_EVERY = 20
_AHEAD = 3
"""Runs that wait for each worker, so that none is idle while results are taken."""

_scenarios: dict[str, Scenario] = {}
_replayer = Replayer()


@dataclass(frozen=True, slots=True)
class Run:
    """One run to make: a seed's own story, or a scenario with that seed, dying where it is told to."""

    seed: int
    scenario: str = ""
    deadly: tuple[int, ...] = ()
    guards_off: frozenset[str] = frozenset()
    replay: bool = False


@dataclass(frozen=True, slots=True)
class Seeds(Sequence[Run]):
    """The runs of so many seeds from ``first`` on, each made when it is looked at: a billion cost nothing."""

    first: int
    how_many: int
    scenario: str = ""
    deadly: tuple[int, ...] = ()
    guards_off: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return self.how_many

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Seeds: ...
    def __getitem__(self, index: int | slice) -> Run | Seeds:
        seeds = range(self.first, self.first + self.how_many)
        if isinstance(index, slice):
            if index.step not in (None, 1):
                raise ValueError("seeds are played one after the other")
            part = seeds[index]
            return replace(self, first=part.start, how_many=len(part))
        seed = seeds[index]
        replay = seed % REPLAY_EVERY == 0
        return Run(seed, self.scenario, self.deadly, self.guards_off, replay)


def play(run: Run) -> SeedResult:
    """Make one run; every so often, make it again elsewhere and compare."""
    scenario = None
    if run.scenario:
        scenario = _scenarios.get(run.scenario) or find_scenario(run.scenario)
        _scenarios[run.scenario] = scenario
    result = run_named(run.scenario, run.seed, scenario, deadly=run.deadly, guards_off=run.guards_off)
    if run.replay:
        again = Again(run.seed, run.scenario, sorted(run.guards_off), list(run.deadly))
        said = _replayer.last_hash(again)
        result.replayed = said == result.last_hash
        if not result.replayed:
            result.violations.append((0, "", f"played again it ended with {said[:12] or 'an error'}"))
    return result


def _begin_worker(parent: int) -> None:
    """Have this worker end when its parent has, however that ended, and look for garbage seldom."""

    def watch() -> None:
        while os.getppid() == parent:
            sleep(1)
        os._exit(1)

    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Thread(target=watch, daemon=True).start()


def play_all(runs: Iterable[Run], workers: int, *, keep_going: bool) -> Iterator[SeedResult]:
    """The results in the order of the runs. After a violation none is begun, those in flight are finished."""
    waiting = iter(runs)
    if workers <= 1:
        for run in waiting:
            result = play(run)
            yield result
            if result.violations and not keep_going:
                return
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, context, initializer=_begin_worker, initargs=(os.getpid(),)) as pool:
        flying: deque[Future[SeedResult]] = deque(
            pool.submit(play, run) for run in islice(waiting, workers * _AHEAD)
        )
        stopped = False
        while flying:
            result = flying.popleft().result()
            yield result
            if result.violations and not keep_going and not stopped:
                stopped = True
                flying = deque(future for future in flying if not future.cancel())
            if not stopped:
                flying.extend(pool.submit(play, run) for run in islice(waiting, 1))
