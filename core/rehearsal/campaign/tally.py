"""Adding up a campaign: the public JSON, and the file from which one is gone on with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from core.rehearsal.campaign.seed_run import SeedResult
from core.rehearsal.faults.kinds import FaultKind
from core.rehearsal.report import write_report

LIVE = 14
"""The invariant that a campaign as a whole can break."""
BY_POLICY_MIN = 0.95
"""So many of the groups whose faults have all healed must end as their own policy says, not in ``MANUAL``."""
ENOUGH_GROUPS = 200
"""Of fewer groups a share says nothing."""
PROGRAM = "program"
"""Under which name a campaign's terms hold the digest of the program."""


class CannotResume(ValueError):
    """The file belongs to another campaign, or to none; the message says which."""


@dataclass(slots=True)
class Tally:
    """What a campaign has come to so far."""

    seeds: int = 0
    crashes: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    by_policy: int = 0
    manual: dict[str, int] = field(default_factory=dict)
    healed: int = 0
    """Groups whose faults had all healed long before the end."""
    healed_manual: int = 0
    """Those of them that ended in ``MANUAL`` all the same."""
    violations: list[dict[str, Any]] = field(default_factory=list)
    replayed: int = 0
    replay_identical: bool = True
    simulated_s: float = 0.0
    wall_s: float = 0.0
    worked_s: float = 0.0
    """Wall time of all workers together."""

    def add(self, result: SeedResult) -> None:
        """Count one seed in."""
        self.seeds += 1
        self.crashes += result.crashes
        for kind, count in result.faults.items():
            self.faults[kind] = self.faults.get(kind, 0) + count
        for ending in result.endings:
            if ending:
                self.manual[ending] = self.manual.get(ending, 0) + 1
            else:
                self.by_policy += 1
        self.healed += sum(result.healed)
        self.healed_manual += sum(
            bool(e) for e, well in zip(result.endings, result.healed, strict=True) if well
        )
        for invariant, _, detail in result.violations:
            where = f"{result.scenario}: " if not result.scenario.startswith("torture-") else ""
            self.violations.append({"seed": result.seed, "invariant": invariant, "detail": where + detail})
        if result.replayed is not None:
            self.replayed += 1
            self.replay_identical &= result.replayed
        self.simulated_s += result.simulated_s
        self.worked_s += result.wall_s

    @property
    def shortfall(self) -> str:
        """14 over the campaign: why too few groups ended by their own policy; ``""`` where enough did."""
        by_policy = self.healed - self.healed_manual
        if self.healed < ENOUGH_GROUPS or by_policy >= BY_POLICY_MIN * self.healed:
            return ""
        return (
            f"of {self.healed} groups whose faults had healed {by_policy} ended by their own policy: "
            f"{by_policy / self.healed:.1%}, and {BY_POLICY_MIN:.0%} have to"
        )

    def as_json(self) -> dict[str, Any]:
        """The public object. A violation of the campaign as a whole has -1 for its seed."""
        whole = [{"seed": -1, "invariant": LIVE, "detail": self.shortfall}] if self.shortfall else []
        return {
            "seeds": self.seeds,
            "crashes": self.crashes,
            "faults": {kind.value: self.faults.get(kind.value, 0) for kind in FaultKind},
            "endings": {"by_policy": self.by_policy, "manual": dict(sorted(self.manual.items()))},
            "violations": self.violations + whole,
            "replay_identical": self.replay_identical,
            "simulated_s": round(self.simulated_s, 1),
            "wall_s": round(self.wall_s, 1),
            "simulated_s_per_s": round(self.simulated_s / self.wall_s, 1) if self.wall_s else 0.0,
        }

    def readable(self) -> str:
        """The same for a person."""
        told = self.as_json()
        lines = [
            f"{self.seeds} seeds, {self.crashes} crashes, {told['simulated_s']:,.0f} market seconds in "
            f"{told['wall_s']:,.0f} s: {told['simulated_s_per_s']:,.0f} a second",
            "faults: " + ", ".join(f"{kind} {count}" for kind, count in told["faults"].items() if count),
            f"groups that ended by their own policy: {self.by_policy}; in MANUAL: {sum(self.manual.values())}"
            + "".join(f", {cause} {count}" for cause, count in sorted(self.manual.items())),
            f"of {self.healed} whose faults had healed {self.healed_manual} ended in MANUAL"
            + (f": INVARIANT {LIVE} IS BROKEN, {self.shortfall}" if self.shortfall else ""),
            f"replayed with another hash seed: {self.replayed}, "
            + ("all identical" if self.replay_identical else "NOT ALL IDENTICAL"),
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign has come: what was asked for, the seed to go on with, and the tally."""

    asked: dict[str, Any]
    next_seed: int
    tally: Tally


def save(path: Path, progress: Progress) -> None:
    """Keep it, so that nobody ever sees half of it. Raises ``OSError``."""
    write_report(msgspec.to_builtins(progress), path)


def load(path: Path, asked: dict[str, Any]) -> Progress | None:
    """Where a campaign stopped; ``None`` where it has not begun. Raises ``CannotResume``."""
    if not path.exists():
        return None
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Progress)
    except (OSError, msgspec.MsgspecError) as error:
        raise CannotResume(f"{path}: not the progress of a campaign ({error}); give another file") from error
    wrong = _nonsense(kept, asked)
    if wrong:
        raise CannotResume(f"{path}: not the progress of a campaign ({wrong}); give another file")
    if kept.asked[PROGRAM] != asked[PROGRAM]:
        raise CannotResume(
            f"{path}: was begun with another version of the program, and one tally must not mix them: "
            "give another file to begin anew"
        )
    for name, now in asked.items():
        if kept.asked[name] != now:
            raise CannotResume(
                f"{path}: belongs to a campaign with {name} {kept.asked[name]!r}, not {now!r}: give another"
            )
    return kept


def _nonsense(kept: Progress, asked: dict[str, Any]) -> str:
    """What cannot be so in a file that ``save`` wrote; ``""`` where it can."""
    tally = kept.tally
    if set(kept.asked) != set(asked):
        return f"it says {', '.join(sorted(kept.asked)) or 'nothing'} of what was asked for"
    counts = [tally.seeds, tally.crashes, tally.by_policy, tally.replayed]
    counts += [tally.healed, tally.healed_manual, *tally.faults.values(), *tally.manual.values()]
    if min(counts) < 0 or min(tally.simulated_s, tally.wall_s, tally.worked_s) < 0:
        return "it counts less than nothing"
    if not set(tally.faults) <= {kind.value for kind in FaultKind}:
        return "it counts faults that there are not"
    if tally.replayed > tally.seeds:
        return "more was replayed than played"
    begun = kept.asked["from"]
    if not isinstance(begun, int) or kept.next_seed != begun + tally.seeds:
        return f"{tally.seeds} seeds from {begun!r} do not lead to seed {kept.next_seed}"
    return ""
