"""The parts of policy that can be exchanged as a whole: who scores legs, hedges, stops and judges margin."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.policy.hedge_manager import EmergencyHedgeManager
from core.policy.leg_priority import LegPriorityCalculator
from core.policy.stop_loss import HybridStopLossManager
from core.risk.limits import RiskLimits
from core.risk.worst_case import WorstCaseMarginSimulator


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What a decision is made with, besides the account, the input and the market."""

    priority_calculator: LegPriorityCalculator = field(default_factory=LegPriorityCalculator)
    hedge_manager: EmergencyHedgeManager = field(default_factory=EmergencyHedgeManager)
    sl_manager: HybridStopLossManager = field(default_factory=HybridStopLossManager)
    margin_simulator: WorstCaseMarginSimulator = field(default_factory=WorstCaseMarginSimulator)
    limits: RiskLimits = field(default_factory=RiskLimits)
