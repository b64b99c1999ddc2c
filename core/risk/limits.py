"""Limits a person sets for themselves: per trade, per day, per underlying. One rule is one small class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.domain.groups import GroupPlan
from core.domain.money import rupees


class RiskLimitError(Exception):
    """A group that breaks one of the account's own limits. ``breaches`` holds a sentence for each."""

    def __init__(self, breaches: Sequence[str]) -> None:
        super().__init__("; ".join(breaches))
        self.breaches = tuple(breaches)


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """``None`` is no limit. Lots are the largest leg's; losses are maximum losses at expiry, in paise."""

    lots_per_trade: int | None = None
    lots_per_underlying: int | None = None
    lots_per_underlying_named: Mapping[str, int] = field(default_factory=dict)
    """Takes the place of ``lots_per_underlying`` for the underlyings it names."""
    loss_per_trade_paise: int | None = None
    loss_per_day_paise: int | None = None
    """Of what is realised and open today, before this group adds to it."""
    orders_per_trade: int | None = None
    orders_per_day: int | None = None
    groups_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A group as the limits look at it, with what the day has seen.

    ``max_loss_paise`` is ``None`` where the loss is unbounded. ``orders`` are the child orders that entering
    takes. ``open_lots`` are lots of the same underlying in groups that have not ended. ``day_pnl_paise`` is
    negative after a loss.
    """

    plan: GroupPlan
    max_loss_paise: int | None
    orders: int
    open_lots: int = 0
    day_pnl_paise: int = 0
    orders_today: int = 0
    groups_today: int = 0

    @property
    def lots(self) -> int:
        """The lots of the group's largest leg."""
        return self.plan.copies * max((leg.ratio for leg in self.plan.legs), default=0)


class Rule(Protocol):
    """One limit: a sentence when it is broken, ``""`` otherwise."""

    def check(self, request: Request, limits: RiskLimits) -> str:
        """Why the request breaks this limit."""
        ...


class LotsPerTrade:
    """The size of one group."""

    def check(self, request: Request, limits: RiskLimits) -> str:
        """A sentence, or nothing."""
        most = limits.lots_per_trade
        if most is None or request.lots <= most:
            return ""
        return f"{request.lots} lots in one group; at most {most} are allowed"


class LotsPerUnderlying:
    """The size of everything open on one underlying."""

    def check(self, request: Request, limits: RiskLimits) -> str:
        """A sentence, or nothing."""
        underlying = request.plan.underlying
        most = limits.lots_per_underlying_named.get(underlying, limits.lots_per_underlying)
        total = request.open_lots + request.lots
        if most is None or total <= most:
            return ""
        return f"{total} lots of {underlying} with those open already; at most {most} are allowed"


class LossPerTrade:
    """What one group can lose."""

    def check(self, request: Request, limits: RiskLimits) -> str:
        """A sentence, or nothing."""
        most = limits.loss_per_trade_paise
        if most is None:
            return ""
        if request.max_loss_paise is None:
            return f"its loss is unbounded; at most {rupees(most)} may be at risk in one group"
        if request.max_loss_paise <= most:
            return ""
        lose = rupees(request.max_loss_paise)
        return f"it can lose {lose}; at most {rupees(most)} may be at risk in one group"


class LossPerDay:
    """No new group once the day has lost enough, nor one that could take it there."""

    def check(self, request: Request, limits: RiskLimits) -> str:
        """A sentence, or nothing."""
        most = limits.loss_per_day_paise
        if most is None:
            return ""
        lost = max(0, -request.day_pnl_paise)
        if lost >= most:
            return f"the day has lost {rupees(lost)}; its limit is {rupees(most)}"
        if request.max_loss_paise is None or lost + request.max_loss_paise > most:
            risk = "without bound" if request.max_loss_paise is None else rupees(request.max_loss_paise)
            return (
                f"the day has lost {rupees(lost)} and this can lose {risk}; the day's limit is {rupees(most)}"
            )
        return ""


class OrdersPerTrade:
    """How many child orders one group may take to enter."""

    def check(self, request: Request, limits: RiskLimits) -> str:
        """A sentence, or nothing."""
        most = limits.orders_per_trade
        return (
            ""
            if most is None or request.orders <= most
            else f"{request.orders} orders; at most {most} a group"
        )


class OrdersPerDay:
    """How many orders a day may see, this group's entry included."""

    def check(self, request: Request, limits: RiskLimits) -> str:
        """A sentence, or nothing."""
        most, total = limits.orders_per_day, request.orders_today + request.orders
        return (
            "" if most is None or total <= most else f"{total} orders today with this group; at most {most}"
        )


class GroupsPerDay:
    """How many groups a day may see."""

    def check(self, request: Request, limits: RiskLimits) -> str:
        """A sentence, or nothing."""
        most, total = limits.groups_per_day, request.groups_today + 1
        return (
            "" if most is None or total <= most else f"it would be group {total} of the day; at most {most}"
        )


RULES: tuple[Rule, ...] = (
    LotsPerTrade(),
    LotsPerUnderlying(),
    LossPerTrade(),
    LossPerDay(),
    OrdersPerTrade(),
    OrdersPerDay(),
    GroupsPerDay(),
)


def breaches(request: Request, limits: RiskLimits) -> tuple[str, ...]:
    """A sentence for every limit that a group breaks."""
    return tuple(sentence for rule in RULES if (sentence := rule.check(request, limits)))


def require_within(request: Request, limits: RiskLimits) -> None:
    """Raise ``RiskLimitError`` with everything that is wrong."""
    if found := breaches(request, limits):
        raise RiskLimitError(found)
