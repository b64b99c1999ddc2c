"""Interim exposure: what a group holds while it is not what was planned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exposure:
    """The interim exposure of a group, or of all of them.

    ``loss_down_paise`` and ``loss_up_paise`` are the change in value at -3 % and +3 % of the forward
    (negative is a loss). ``blind`` means that quotes are stale and the worst of +-3 % is shown.
    """

    delta_units: float = 0.0
    delta_paise_per_pct: float = 0.0
    uncovered_units: int = 0
    loss_down_paise: int = 0
    loss_up_paise: int = 0
    delta_limit_units: int = 0
    loss_limit_paise: int = 0
    pnl_paise: int = 0
    blind: bool = False
