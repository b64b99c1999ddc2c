"""The story of a seed: which groups, on which market, and what goes wrong. Drawn, never random."""

from __future__ import annotations

import math
from typing import Any

from core.brokers.paper.draws import Draws
from core.domain.inputs import OperatorAction
from core.rehearsal.faults.kinds import OF_THE_MARKET, FaultKind
from core.rehearsal.scenario import (
    ExpectTable,
    FaultTable,
    GroupTable,
    LatencyTable,
    MarketTable,
    OperatorTable,
    Scenario,
)
from core.strategies.catalogue import STRATEGIES

PREFIX = "torture-"
FAULTS_MS = 45_000
CALM_MS = 120_000
_K = FaultKind
_NIGHT_SHARE = 0.2
_STARTS = "14:42"
"""Intraday groups may still begin, and there is not much of a day to be drawn that nobody plays."""
_NAKED = frozenset({"straddle", "strangle"})

_OF_CANCELS = frozenset({_K.FILL_DURING_CANCEL, _K.FILL_AFTER_CANCEL, _K.CANCEL_UNCONFIRMED})
"""Kinds that need orders which are cancelled with something left to fill: little time, and little on show."""

RATES: dict[FaultKind, tuple[float, float]] = {
    _K.REJECT: (0.05, 0.5),
    _K.TIMEOUT_PLACED: (0.03, 0.4),
    _K.PLACED_LATE: (0.03, 0.3),
    _K.RATE_LIMITED: (0.03, 0.4),
    _K.SERVER_ERROR: (0.03, 0.4),
    _K.HTML: (0.03, 0.4),
    _K.TOKEN_EXPIRED: (0.02, 0.1),
    _K.FRAME_LOST: (0.05, 0.8),
    _K.FRAME_REPEATED: (0.05, 0.8),
    _K.FRAME_REORDERED: (0.05, 0.8),
    _K.FRAME_LATE: (0.05, 0.6),
    _K.SILENT_STREAM: (0.03, 0.15),
    _K.FILL_BEFORE_ACK: (0.1, 0.9),
    _K.FILL_DURING_CANCEL: (0.2, 1.0),
    _K.FILL_AFTER_CANCEL: (0.2, 1.0),
    _K.CANCEL_UNCONFIRMED: (0.2, 0.9),
    _K.STALE_ORDERS: (0.1, 0.7),
    _K.STALE_POSITIONS: (0.1, 0.7),
    _K.TRUNCATED_POSITIONS: (0.1, 0.6),
    _K.FOREIGN_ORDER: (0.02, 0.1),
    _K.MANUAL_CLOSE: (0.02, 0.08),
    _K.CLOCK_JUMP: (0.02, 0.1),
    _K.SLOW_JOURNAL: (0.05, 0.5),
    _K.FAILING_JOURNAL: (0.01, 0.1),
    _K.DISK_FULL: (0.02, 0.08),
    _K.CRASH: (0.02, 0.12),
}
"""The least and the greatest rate of each kind in a story that has it."""


class _Dice:
    """Numbers of one story; each question has its own sequence, so one answer more moves no other."""

    def __init__(self, seed: int) -> None:
        self._draws = Draws(seed)
        self._asked: dict[int, int] = {}

    def share(self, question: int) -> float:
        n = self._asked[question] = self._asked.get(question, 0) + 1
        return self._draws.unit(10_000 + question, n)

    def between(self, question: int, low: int, high: int) -> int:
        return low + int(self.share(question) * (high - low + 1))

    def chance(self, question: int, share: float) -> bool:
        return self.share(question) < share

    def spread(self, question: int, low: float, high: float) -> float:
        """Evenly over the orders of magnitude."""
        return math.exp(math.log(low) + self.share(question) * (math.log(high) - math.log(low)))

    def one_of(self, question: int, choices: tuple[str, ...]) -> str:
        return choices[int(self.share(question) * len(choices))]


def name_of(seed: int) -> str:
    """What a seed's story is called: ``torture-1234``."""
    return f"{PREFIX}{seed}"


def draw_story(seed: int) -> Scenario:
    """The story of a seed: at most 45 s of faults, and then 120 s of calm."""
    dice = _Dice(seed)
    overnight = dice.chance(1, _NIGHT_SHARE)
    together = dice.chance(42, 0.25)
    kinds = _kinds(dice)
    hurried = bool(_OF_CANCELS & set(kinds))
    groups = tuple(
        _group(dice, overnight, together=together, hurried=hurried) for _ in range(_how_many(dice))
    )
    night_ms = dice.between(2, 50, 75) * 1_000
    return Scenario(
        name=name_of(seed),
        about="A drawn story.",
        length=_ms(FAULTS_MS + CALM_MS + (_NIGHT_MS if overnight else 0)),
        step=_ms(1_000),
        starts=_STARTS,
        funds_rupees=_funds(dice, together=together),
        allow_naked=any(group.allow_naked for group in groups),
        night_at=_ms(night_ms) if overnight else None,
        group=groups,
        market=_market(dice, kinds, groups),
        operator=_operator(dice, len(groups)),
        fault=tuple(_fault(dice, kind) for kind in kinds if kind not in OF_THE_MARKET),
        latency=_latency(dice),
        expect=ExpectTable(),
    )


_NIGHT_MS = 180_000


def _ms(duration: int) -> Any:
    """A duration as a scenario's file writes it."""
    return f"{duration} ms"


def _funds(dice: _Dice, *, together: bool) -> int:
    """Plenty as a rule; where all groups come at once, often hardly enough for one."""
    scarce = together and dice.chance(43, 0.5)
    return round(dice.spread(3, 5_00_000, 80_00_000) if scarce else dice.spread(3, 60_00_000, 20_00_00_000))


def _how_many(dice: _Dice) -> int:
    return min(6, 1 + int(-math.log(max(1e-9, 1 - dice.share(4))) * 1.6))


def _group(dice: _Dice, overnight: bool, *, together: bool, hurried: bool) -> GroupTable:
    strategy = dice.one_of(5, tuple(sorted(STRATEGIES)))
    has_stop = dice.chance(6, 0.35)
    product = "MIS" if dice.chance(7, 0.25) and not overnight else "NRML"
    wings = STRATEGIES[strategy].has_wings
    return GroupTable.model_validate(
        {
            "strategy": strategy,
            "lots": max(1, round(dice.spread(8, 8 if hurried else 1, 60))),
            "at": "3 s" if together else f"{dice.between(9, 1, 20)} s",
            "good_for": f"{dice.between(10, 3, 15) if hurried else dice.between(10, 8, 60)} s",
            "exit_at": f"{dice.between(11, 25, 100)} s" if dice.chance(12, 0.6) else None,
            "on_incomplete": dice.one_of(13, ("complete", "scale_down", "unwind")),
            "allow_naked": strategy in _NAKED and dice.chance(14, 0.85),
            "max_slippage_bps": dice.between(15, 50, 1_500),
            "product": product,
            "stop_premium_pct": dice.between(16, 101, 160) if has_stop else 0,
            "stop_loss_rupees": dice.between(17, 2_000, 60_000) if dice.chance(18, 0.2) else 0,
            "points_out": dice.between(19, 0, 6) * 50,
            "width_points": dice.between(20, 1, 4) * 50 if wings and dice.chance(21, 0.6) else 0,
        }
    )


def _kinds(dice: _Dice) -> list[FaultKind]:
    """Which kinds are on: two to fourteen of them, never all."""
    everything = list(FaultKind)
    count = dice.between(22, 2, 14)
    chosen = [everything.pop(int(dice.share(23) * len(everything))) for _ in range(count)]
    return sorted(chosen, key=list(FaultKind).index)


def _fault(dice: _Dice, kind: FaultKind) -> FaultTable:
    low, high = RATES[kind]
    from_s = dice.between(24, 0, 20) if dice.chance(25, 0.5) else 0
    return FaultTable.model_validate(
        {
            "kind": kind,
            "rate": dice.spread(26, low, high),
            "at": f"{from_s} s",
            "lasts": f"{45 - from_s} s",
        }
    )


def _market(dice: _Dice, kinds: list[FaultKind], groups: tuple[GroupTable, ...]) -> tuple[MarketTable, ...]:
    legs = len(STRATEGIES[groups[0].strategy].legs)
    tables: list[dict[str, Any]] = []
    if _OF_CANCELS & set(kinds):
        tables.append({"kind": "thin", "lasts": "35 s", "multiplier": dice.spread(44, 0.002, 0.1)})
    for kind in kinds:
        at = f"{dice.between(27, 2, 35)} s"
        lasts = f"{dice.between(28, 3, 10)} s"
        match kind:
            case _K.PARTIAL_FILLS:
                multiplier = dice.spread(29, 0.004, 0.2)
                tables.append({"kind": "thin", "at": at, "lasts": lasts, "multiplier": multiplier})
            case _K.PRICE_GAP:
                percent = dice.spread(30, 0.2, 4.0) * (1 if dice.chance(31, 0.5) else -1)
                tables.append({"kind": "gap", "at": at, "percent": percent})
            case _K.SHOCK:
                multiplier = dice.spread(32, 1.5, 12.0)
                tables.append({"kind": "spread", "at": at, "lasts": lasts, "multiplier": multiplier})
                relative = dice.spread(33, 0.1, 1.0)
                tables.append({"kind": "vol", "at": at, "lasts": lasts, "relative": relative})
            case _K.CIRCUIT_LOCK:
                side = dice.one_of(34, ("upper", "lower"))
                leg = dice.between(35, 1, legs)
                tables.append({"kind": "circuit-lock", "at": at, "lasts": lasts, "legs": [leg], "side": side})
            case _:
                pass
    return tuple(MarketTable.model_validate(table) for table in tables)


def _operator(dice: _Dice, groups: int) -> tuple[OperatorTable, ...]:
    """Now and then a person steps in."""
    if not dice.chance(36, 0.3):
        return ()
    actions = ("exit", "kill", "flatten-all", "unwind", "scale-down", "flatten")
    action = OperatorAction(dice.one_of(37, actions))
    target = f"G-{dice.between(38, 1, groups):03d}"
    if action in (OperatorAction.KILL, OperatorAction.FLATTEN_ALL):
        target = ""
    return (
        OperatorTable.model_validate(
            {"action": action, "at": f"{dice.between(39, 3, 40)} s", "target": target}
        ),
    )


def _latency(dice: _Dice) -> LatencyTable:
    low = dice.between(40, 2, 60)
    return LatencyTable.model_validate({"low": _ms(low), "high": _ms(low + dice.between(41, 5, 250))})
