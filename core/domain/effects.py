"""Effects: what is to be done outside, once the facts behind it are committed."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.groups import GroupPlan
from core.domain.orders import ChildOrder


@dataclass(frozen=True, slots=True)
class SendOrder:
    """Send an intended order, as it stands in the account."""

    order: ChildOrder


@dataclass(frozen=True, slots=True)
class ModifyOrder:
    """Change a working order; the values are those of its ``ModifyIntended``."""

    tag: str
    order_id: str
    limit_paise: int
    trigger_paise: int
    units: int
    to_limit: bool
    number: int
    """Which modification of the order it is, from 1."""


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Ask for an order to be cancelled. Asking is not having."""

    tag: str
    order_id: str


@dataclass(frozen=True, slots=True)
class ReadBooks:
    """Read order book, trade book and positions, whole. Several at once are one."""

    reason: str


@dataclass(frozen=True, slots=True)
class AskMargin:
    """Ask the broker for its funds and for the margin of a group as a basket."""

    plan: GroupPlan


Effect = SendOrder | ModifyOrder | CancelOrder | ReadBooks | AskMargin
