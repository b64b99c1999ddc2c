"""Rules that no guard switches off: without them a campaign finds a violation as well."""

from __future__ import annotations

from functools import partial
from itertools import chain

import pytest

from core.policy.emergency_hedge import EmergencyHedgeExecutor
from core.rehearsal import core_life
from core.rehearsal.campaign.seed_run import run_seed
from core.risk.worst_case import WorstCaseMarginSimulator

LOOK_FURTHER = 400


def found_with(invariant: int, words: str, known_seed: int) -> bool:
    """Whether the known seed, or one of so many others, breaks this invariant in these words."""
    seeds = chain([known_seed], range(LOOK_FURTHER))
    return any(
        number == invariant and words in detail
        for seed in seeds
        for number, _, detail in run_seed(seed).violations
    )


def test_a_loss_limit_that_nobody_answers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        EmergencyHedgeExecutor, "answer_breach", staticmethod(lambda turn, group_id, exposure: "")
    )
    assert found_with(8, "loss limit", 3)


def test_a_gate_that_gives_the_safety_buffer_away_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = partial(WorstCaseMarginSimulator, margin_use_max_bps=10_000)
    monkeypatch.setattr(core_life, "WorstCaseMarginSimulator", wide)
    assert found_with(10, "is sent although", 154)
