"""Judging one send: by what the broker had told us by then, working and unanswered orders at their worst."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.domain.cover import uncovered_beyond_plan
from core.domain.instruments import Contract, Right, Side
from core.domain.orders import Purpose
from core.rehearsal.invariants.told import ToldGroup, ToldOrder


@dataclass(frozen=True, slots=True)
class SendSeen:
    """A new order, or a change of one, as it was decided: ``order`` stands in the group's orders already.

    ``units`` is what it is to be for in all, ``before`` what it was for before a change: 0 for a new order.
    ``gated`` and ``latched`` are what the committed rows say: whether the group's margin decision was passed,
    and whether the kill switch is on.
    """

    order: ToldOrder
    units: int
    group: ToldGroup
    purpose: Purpose | None
    gated: bool
    latched: bool
    contract: Contract
    before: int = 0

    @property
    def grows(self) -> bool:
        """Whether more may fill by it than before."""
        return self.units > self.before

    @property
    def opens(self) -> bool:
        """Whether it is on the side on which its leg opens what it holds."""
        return self.order.side is self.group.sides[self.order.leg]

    @property
    def is_planned_leg(self) -> bool:
        """Whether the plan has this leg."""
        return self.order.leg < len(self.group.plan.legs)

    @property
    def adds_risk(self) -> bool:
        """Whether uncovered units or the most that can be lost rise by it, whatever it is called.

        Closing what is held does not, nor does buying where something could stand uncovered otherwise, nor a
        future against a delta. An entry always does.
        """
        if not self.grows:
            return False
        if self.purpose is Purpose.ENTRY:
            return True
        order, group = self.order, self.group
        beside = group.working(order.leg, order.side) - order.working
        after = order.side.sign * group.net.get(order.leg, 0) + beside + max(0, self.units - order.filled)
        if after <= 0 or not self.opens:
            return False
        if self.contract.right is None:
            return self.purpose is not Purpose.HEDGE
        if order.side is Side.SELL:
            return True
        return not uncovered_beyond_plan(group.plan, group.worst()) and not self.unsettled

    @property
    def unsettled(self) -> int:
        """Short units of this right whose purchase is being cancelled, and that no other leg covers.

        No other order may buy them back before the cancel is confirmed: cover is all that is left to buy.
        """
        order, group, right = self.order, self.group, self.contract.right
        going = covering = 0
        for leg, contract in group.contracts.items():
            if contract.right is not right:
                continue
            mine = [each for each in group.orders if each.leg == leg and each.side is Side.BUY]
            if leg < len(group.plan.legs):
                going += sum(each.working for each in mine if each.cancel_asked)
            else:
                covering += max(0, group.net.get(leg, 0))
                covering += sum(each.working for each in mine if each is not order)
        return max(0, going - covering)


def covered(seen: SendSeen) -> str:
    """1: no send lets a group's short units exceed what its confirmed longs cover, or its plan allows."""
    if seen.order.side is not Side.SELL or not seen.grows:
        return ""
    plan = seen.group.plan
    after = uncovered_beyond_plan(plan, seen.group.worst())
    if not after:
        return ""
    before = uncovered_beyond_plan(plan, seen.group.worst(but=seen.order, units=seen.before))
    return f"{seen.order.tag} leaves {after} short units uncovered" if after > before else ""


def not_blind(seen: SendSeen) -> str:
    """3: while a send of the group is unanswered, nothing that adds risk goes out."""
    if not seen.adds_risk:
        return ""
    unknown = [o.tag for o in seen.group.orders if o.unanswered and not o.is_over and o is not seen.order]
    return f"{seen.order.tag} was sent while {', '.join(unknown)} was unanswered" if unknown else ""


def no_double_exit(seen: SendSeen) -> str:
    """4: no exit, with all that is working beside it, can turn the position's sign."""
    return "" if _waits_for_cancel(seen) else _over_closes(seen)


def cancel_confirmed(seen: SendSeen) -> str:
    """6: what replaces an order that is being cancelled is for what that order can no longer fill."""
    return _over_closes(seen) if _waits_for_cancel(seen) else ""


def _waits_for_cancel(seen: SendSeen) -> bool:
    order = seen.order
    return any(
        other.cancel_asked and other.working and other.leg == order.leg and other.side is order.side
        for other in seen.group.orders
        if other is not order
    )


def _over_closes(seen: SendSeen) -> str:
    if seen.opens or not seen.grows:
        return ""
    order, group = seen.order, seen.group
    closing = group.working(order.leg, order.side)
    held = max(0, -order.side.sign * group.net.get(order.leg, 0))
    return f"{order.tag}: {closing} would close {held} {order.symbol}" if closing > held else ""


def no_over_hedge(seen: SendSeen) -> str:
    """5 (and 13 for entries): a leg's fills and all that may still fill never exceed what is wanted of it."""
    if not seen.grows:
        return ""
    if not seen.opens:
        return _answers_no_more(seen)
    order, group = seen.order, seen.group
    out = order.side.sign * group.net.get(order.leg, 0) + group.working(order.leg, order.side)
    most = group.plan.units(order.leg) if seen.is_planned_leg else _most_beside_plan(seen)
    if out > most:
        return f"{order.tag}: {out} of {order.symbol} would be held, {most} are wanted"
    return _answers_no_more(seen)


def _most_beside_plan(seen: SendSeen) -> int:
    """The most that a leg which the plan has not may hold: a future the delta that is held, an option cover.

    An option's delta is at most one. Nothing is ever sold short beside the plan but a future.
    """
    order, group = seen.order, seen.group
    options = [(contract, units) for contract, units in group.held() if contract.right is not None]
    if seen.contract.right is None:
        signed = [units if contract.right is Right.CE else -units for contract, units in options]
        return sum(max(0, -order.side.sign * units) for units in signed)
    if order.side is Side.SELL:
        return 0
    return sum(max(0, -units) for contract, units in group.worst() if contract.right is seen.contract.right)


def _answers_no_more(seen: SendSeen) -> str:
    """A hedge in options is for what stands uncovered and nothing on its way would answer.

    A sale that is being cancelled may still fill, and a purchase that is may not: cover is bought for both,
    for the latter even where the plan would leave the short without.
    """
    order, group, contract = seen.order, seen.group, seen.contract
    if seen.purpose is not Purpose.HEDGE or contract.right is None or order.side is Side.SELL:
        return ""
    without = uncovered_beyond_plan(group.plan, group.expected(but=order))
    answered = without - uncovered_beyond_plan(group.plan, group.expected())
    adds = seen.units - max(seen.before, order.filled)
    if adds - max(answered, seen.unsettled) < contract.lot_units:
        return ""
    return f"{order.tag} hedges {adds}, of {without} unmatched it answers {answered}"


def gated(seen: SendSeen) -> str:
    """10: nothing that adds risk is sent for a group that the margin gate has not passed."""
    return f"{seen.order.tag} was sent without a margin decision" if seen.adds_risk and not seen.gated else ""


def latched(seen: SendSeen) -> str:
    """11: after the kill switch nothing that adds risk is sent."""
    return f"{seen.order.tag} was sent with the kill switch on" if seen.adds_risk and seen.latched else ""


def sliced(seen: SendSeen) -> str:
    """13: a child is whole lots, at most the freeze quantity."""
    contract, units = seen.contract, seen.units
    if units <= 0 or units % contract.lot_units:
        return f"{seen.order.tag}: {units} is no whole number of lots of {contract.lot_units}"
    if contract.freeze_units is None or units > contract.freeze_units:
        return f"{seen.order.tag}: {units} is above the freeze quantity {contract.freeze_units}"
    return ""


SEND_CHECKS: tuple[tuple[int, Callable[[SendSeen], str]], ...] = (
    (1, covered),
    (3, not_blind),
    (4, no_double_exit),
    (5, no_over_hedge),
    (6, cancel_confirmed),
    (10, gated),
    (11, latched),
    (13, sliced),
)
