"""Groups of legs: the plan a person agreed to, and what has become of it.

A *group unit*, or *copy*, is the smallest whole copy of a group: a 1x2 ratio has copies of one and two lots.
Release, scale-down and rollout happen in whole copies, never leg by leg.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from core.domain.instruments import Contract, PositionKey, Product, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import ChildOrder, Purpose


class LegType(StrEnum):
    """What a leg does for its group; the priority of its orders follows from it."""

    PROTECTIVE_LONG = "PROTECTIVE_LONG"
    LONG = "LONG"
    HEDGE = "HEDGE"
    COVERED_SHORT = "COVERED_SHORT"
    NAKED_SHORT = "NAKED_SHORT"


class IncompletePolicy(StrEnum):
    """What becomes of a group that cannot be completed."""

    COMPLETE = "complete"
    SCALE_DOWN = "scale_down"
    UNWIND = "unwind"


class Goal(StrEnum):
    """What the group is being brought to: its plan, fewer copies of it, or nothing."""

    ENTER = "ENTER"
    REDUCE = "REDUCE"
    EXIT = "EXIT"


@dataclass(frozen=True, slots=True)
class LegPlan:
    """One leg as planned: ``ratio`` lots a copy; ``score`` and ``reason`` say when it is sent and why."""

    index: int
    contract: Contract
    side: Side
    ratio: int
    leg_type: LegType
    score: int
    reason: str

    @property
    def units_per_copy(self) -> int:
        """Units of one copy of the group."""
        return self.ratio * self.contract.lot_units


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """What a person agreed to, complete enough to be executed and judged without any other source.

    ``limit_net_paise`` is the least credit (positive) or the largest debit (negative) of one unit of every
    ratio, in paise per unit; ``None`` is no limit. ``max_slippage_bps`` bounds each price against the one
    seen when the leg was first sent. Times are exchange time. ``delta_limit_units`` and ``loss_limit_paise``
    say when the group counts as unhedged while it is incomplete.
    """

    group_id: str
    number: int
    strategy: str
    underlying: str
    product: Product
    legs: tuple[LegPlan, ...]
    copies: int
    on_incomplete: IncompletePolicy
    max_slippage_bps: int
    good_until_ns: int
    limit_net_paise: int | None = None
    exit_at_ns: int | None = None
    allow_naked: bool = False
    delta_limit_units: int = 0
    loss_limit_paise: int = 0
    stop_premium_bps: int = 0
    """A short leg's stop as a part of its average price (20,000 is twice); 0 is none."""
    stop_loss_paise: int = 0
    """The group's loss at which it is closed; 0 is none."""
    target_paise: int = 0
    """The group's profit at which it is closed; 0 is none."""
    stop_below_paise: int = 0
    """The underlying's level under which the group is closed; 0 is none."""
    stop_above_paise: int = 0
    """The underlying's level over which the group is closed; 0 is none."""
    origin: str = ""
    """What asked for it, where that must not ask twice: a file's name and the hash of its text."""

    def units(self, leg: int, copies: int | None = None) -> int:
        """Unsigned units of a leg for a number of copies, the planned one by default."""
        return self.legs[leg].units_per_copy * (self.copies if copies is None else copies)

    @property
    def strike_width_paise(self) -> int:
        """The widest distance between a long and a short of the same right: how far cover may reach."""
        longs = [leg.contract for leg in self.legs if leg.side is Side.BUY]
        widths = [
            abs(long.strike_paise - short.contract.strike_paise)
            for short in self.legs
            if short.side is Side.SELL and short.contract.right is not None
            for long in longs
            if long.right is short.contract.right
        ]
        return max(widths, default=0)

    @property
    def is_credit(self) -> bool:
        """Whether a price limit of this group is a credit to receive."""
        return self.limit_net_paise is not None and self.limit_net_paise >= 0


@dataclass(frozen=True, slots=True)
class LegState:
    """What has been done for one leg. Units come from cumulative fills, values from the trades known.

    A leg added after planning (a hedge at another strike, a future) has no part in the plan: its target is 0.
    """

    plan: LegPlan
    bought_units: int = 0
    sold_units: int = 0
    bought_value_paise: int = 0
    sold_value_paise: int = 0
    priced_bought_units: int = 0
    priced_sold_units: int = 0
    arrival_paise: int = 0
    """The marketable price when the leg's first entry order was intended; slippage counts from here."""
    children: int = 0
    """Orders intended so far: numbers the next one."""
    sent_at_ns: int = 0
    filled_at_ns: int = 0
    closed_units: int = 0
    """Units that other people's trades or settlement took away on the leg's own side; what they took away on
    the other side, and what a person adopted into the leg, count against it."""
    stop_triggered_ns: int = 0
    """When a stop of this leg was first known to be triggered; 0 while none was."""
    retired_at_ns: int = 0
    """When the leg ceased to be wanted, by its stop or with the leg it belongs to; 0 while it is wanted."""

    @property
    def net_units(self) -> int:
        """The signed position that this leg holds."""
        return self.bought_units - self.sold_units - self.plan.side.sign * self.closed_units

    @property
    def held_units(self) -> int:
        """The position in the leg's own direction: positive as planned, negative when over-closed."""
        return self.plan.side.sign * self.net_units

    @property
    def entered_units(self) -> int:
        """Units filled on the leg's own side, whatever was closed since."""
        return self.bought_units if self.plan.side is Side.BUY else self.sold_units

    @property
    def average_paise(self) -> float | None:
        """The average entry price of the trades known."""
        if self.plan.side is Side.BUY:
            units, value = self.priced_bought_units, self.bought_value_paise
        else:
            units, value = self.priced_sold_units, self.sold_value_paise
        return value / units if units else None

    @property
    def cash_paise(self) -> int:
        """Premium received less premium paid, over all trades known."""
        return self.sold_value_paise - self.bought_value_paise


@dataclass(frozen=True, slots=True)
class Gate:
    """The margin decision a group was let through by, or was refused by."""

    passed: bool
    required_paise: int
    available_paise: int
    use_bps: int
    basis: str
    sentence: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Unhedged:
    """The time a group has spent outside its limits.

    ``since_ns`` is 0 while it is inside, ``uncovered_since_ns`` while no short units stand naked beyond the
    plan. ``uncovered_max_units`` is the most that ever did.
    """

    since_ns: int = 0
    uncovered_since_ns: int = 0
    total_ns: int = 0
    longest_ns: int = 0
    uncovered_max_units: int = 0
    reason: str = ""

    def total_at(self, now_ns: int) -> int:
        """Nanoseconds outside, up to now."""
        return self.total_ns + (now_ns - self.since_ns if self.since_ns else 0)


@dataclass(frozen=True, slots=True)
class HedgeState:
    """The emergency hedging of a group: when it was wanted, sent and filled, and how often it was tried."""

    kind: str = ""
    wanted_at_ns: int = 0
    window_closes_ns: int = 0
    """The end of the debounce window that the last hedge opened; 0 while none is open."""
    tries: int = 0
    hedges: int = 0


@dataclass(frozen=True, slots=True)
class CarriedValue:
    """A group's profit and loss, all told, at the end of a day's session."""

    day: date
    pnl_paise: int


@dataclass(frozen=True, slots=True)
class MultiLegOrderGroup:
    """One group: its plan and everything that has happened to it.

    ``live`` names the orders that are not over, in the order in which they were intended. ``copies`` is the
    number of copies wanted now: the plan's, fewer after a scale-down, 0 on the way out.
    """

    plan: GroupPlan
    state: ExecutionLifecycle
    planned_at_ns: int
    state_since_ns: int
    goal: Goal
    copies: int
    legs: tuple[LegState, ...]
    orders: Mapping[str, ChildOrder] = field(default_factory=dict)
    live: tuple[str, ...] = ()
    reason: str = ""
    cause: ManualCause | None = None
    gate: Gate | None = None
    gate_asked_ns: int = 0
    """When the margin decision was asked for; 0 while none is pending."""
    gate_legs: Mapping[str, tuple[LegState, ...]] = field(default_factory=dict)
    """What every group had done when it was asked for: the funds in the answer may know of nothing since."""
    unhedged: Unhedged = Unhedged()
    hedge: HedgeState = HedgeState()
    first_fill_ns: int = 0
    last_fill_ns: int = 0
    flat_asked_ns: int = 0
    """When the books were asked to confirm that nothing is left; 0 while that is not pending."""
    goal_since_ns: int = 0
    extended_until_ns: int = 0
    """A person has given the group until then to be completed; 0 leaves it at the plan's time."""
    sends: int = 0
    manual_since_ns: int = 0
    resumed_ns: int = 0
    """When the group last left ``MANUAL``: what was refused before does not count against what follows."""
    handled: bool = False
    """An operator has looked at this ``MANUAL`` group and marked it as handled; a fill since then is news."""

    carried: tuple[CarriedValue, ...] = ()
    """What it had come to at the end of the last two sessions that it was carried over."""

    @property
    def group_id(self) -> str:
        """The public name, ``G-014``."""
        return self.plan.group_id

    @property
    def good_until_ns(self) -> int:
        """Until when the group may go on entering."""
        return self.extended_until_ns or self.plan.good_until_ns

    def position_key(self, leg: int) -> PositionKey:
        """Which of the broker's positions a leg is a part of."""
        contract = self.legs[leg].plan.contract
        return PositionKey(contract.exchange, contract.symbol, self.plan.product)

    def carried_paise(self, today: date) -> int:
        """What it had come to when this day began: what it makes today is what it makes beyond that."""
        return next((value.pnl_paise for value in reversed(self.carried) if value.day < today), 0)

    @property
    def lost_units(self) -> bool:
        """Whether somebody else has closed units of it."""
        return any(leg.closed_units for leg in self.legs)

    @property
    def was_exited(self) -> bool:
        """Whether an exit of it was ever intended."""
        return any(order.purpose is Purpose.EXIT for order in self.orders.values())

    @property
    def is_over(self) -> bool:
        """Whether the group has ended."""
        return self.state in (ExecutionLifecycle.REJECTED, ExecutionLifecycle.CLOSED)

    @property
    def live_orders(self) -> tuple[ChildOrder, ...]:
        """Orders that may still fill, oldest first."""
        return tuple(self.orders[tag] for tag in self.live)

    def target_units(self, leg: int) -> int:
        """The signed position wanted in a leg now; 0 for a retired leg and for one the plan has not."""
        if leg >= len(self.plan.legs) or self.legs[leg].retired_at_ns:
            return 0
        return self.plan.legs[leg].side.sign * self.plan.units(leg, self.copies)

    def working(self, leg: int, side: Side, *purposes: Purpose) -> int:
        """Unsigned units of live orders in a leg on one side, of the given purposes or of all."""
        return sum(
            order.working_units
            for order in self.live_orders
            if order.leg == leg and order.side is side and (not purposes or order.purpose in purposes)
        )

    def resting_stops(self, leg: int) -> list[ChildOrder]:
        """The stops of a leg that wait at the broker, oldest first."""
        return [order for order in self.live_orders if order.leg == leg and order.is_resting_stop]

    @property
    def has_unknown(self) -> bool:
        """Whether any send of this group has not been answered."""
        return any(self.orders[tag].is_unknown for tag in self.live)


def replaced_leg(legs: tuple[LegState, ...], index: int, leg: LegState) -> tuple[LegState, ...]:
    """The legs with one of them in its new state."""
    return (*legs[:index], leg, *legs[index + 1 :])
