"""What the broker has told us by now: kept at the core's door, beside it, and never by it.

Only what went through the door counts: our sends, and the replies, frames and books that came back. After a
crash it begins again with what the journal kept, because a process that has died cannot know more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.brokers.port import OrderChange, OrderRequest, Reply
from core.domain.account import Account
from core.domain.cover import Holding, uncovered_beyond_plan
from core.domain.groups import GroupPlan
from core.domain.instruments import Contract, Side
from core.domain.orders import (
    TERMINAL,
    ChildOrder,
    OrderReport,
    OrderStatus,
    OrderType,
    Outcome,
    TradeReport,
)
from core.domain.tags import group_id_of, leg_of
from core.domain.timing import NS_PER_S, to_ist


@dataclass(slots=True)
class ToldOrder:
    """One order of ours. ``is_over`` once the broker has called it terminal or it was proved absent."""

    tag: str
    group_id: str
    leg: int
    symbol: str
    side: Side
    units: int
    sent_ns: int
    trigger_paise: int = 0
    """The trigger of a stop, as far as anybody has told; 0 for any other order."""
    filled: int = 0
    is_over: bool = False
    order_id: str = ""
    unanswered: bool = False
    """The send came back with nothing that says whether the order exists, and nothing has said it since."""
    cancel_asked: bool = False
    awaits_trigger: bool = False
    """A stop that has not been released: it answers nothing until it is."""
    heard_ns: int = 0
    missing: int = 0
    """How many whole books have answered without it since it was last heard of..."""
    missed_ns: int = 0
    """...and when the last of them was asked for."""
    trades: dict[str, int] = field(default_factory=dict)
    described_ns: int = 0
    """The exchange's time of the newest description, or of the last change that was confirmed after it."""
    asked_ns: int = 0
    """When the last modification was asked for."""
    units_before: int = 0
    """The quantity before the last modification was asked for."""
    changing_to: int = 0
    """The quantity of a modification that has not been answered; 0 where there is none."""

    def is_past(self, now_ns: int) -> bool:
        """Whether it was sent on an earlier day: an order lives for its day."""
        return to_ist(self.sent_ns).date() < to_ist(now_ns).date()

    @property
    def working(self) -> int:
        """Units that may still fill, as far as anybody has told."""
        return 0 if self.is_over else max(0, self.units - self.filled)


@dataclass(slots=True)
class ToldGroup:
    """A group's orders, and the signed units that each leg holds by what was told."""

    plan: GroupPlan
    orders: list[ToldOrder] = field(default_factory=list)
    net: dict[int, int] = field(default_factory=dict)
    contracts: dict[int, Contract] = field(default_factory=dict)
    sides: dict[int, Side] = field(default_factory=dict)
    """The side on which each leg opens what it holds."""

    def held(self) -> list[Holding]:
        """What is confirmed."""
        return [(self.contracts[leg], units) for leg, units in self.net.items()]

    def worst(self, but: ToldOrder | None = None, units: int = 0) -> list[Holding]:
        """What would be held if every working sale filled and no purchase did.

        ``but`` counts as if it were for these ``units`` in all.
        """
        net = dict(self.net)
        for order in self.orders:
            if order.side is Side.SELL:
                working = order.working if order is not but else max(0, units - order.filled)
                net[order.leg] = net.get(order.leg, 0) - working
        return [(self.contracts[leg], units) for leg, units in net.items()]

    def hoped(self, but: ToldOrder | None = None) -> list[Holding]:
        """What would be held if every purchase filled, resting stops aside.

        One that is being cancelled is not hoped for any more; ``but`` is left out.
        """
        net = dict(self.net)
        for order in self.orders:
            if order.side is Side.SELL or order.awaits_trigger or order.cancel_asked or order is but:
                continue
            net[order.leg] = net.get(order.leg, 0) + order.working
        return [(self.contracts[leg], units) for leg, units in net.items()]

    def expected(self, but: ToldOrder | None = None) -> list[Holding]:
        """What is hoped for, if sales that are being cancelled fill all the same; ``but`` is left out."""
        going: Counter[int] = Counter()
        for order in self.orders:
            if order.side is Side.SELL and order.cancel_asked:
                going[order.leg] += order.working
        legs = zip(self.net, self.hoped(but), strict=True)
        return [(contract, units - going[leg]) for leg, (contract, units) in legs]

    def unanswered(self, but: ToldOrder | None = None) -> int:
        """Short units beyond cover and plan that nothing on its way would answer, ``but`` left out."""
        return uncovered_beyond_plan(self.plan, self.hoped(but=but))

    def uncovered(self) -> int:
        """Short units that stand beyond cover and plan by what is confirmed."""
        return uncovered_beyond_plan(self.plan, self.held())

    def working(self, leg: int, side: Side) -> int:
        """Units of a leg that may still fill on one side."""
        return sum(order.working for order in self.orders if order.leg == leg and order.side is side)


class Told:
    """Every order of ours as the broker has described it so far."""

    def __init__(self, contracts: Mapping[str, Contract]) -> None:
        self._contracts = contracts
        self.groups: dict[str, ToldGroup] = {}
        self.orders: dict[str, ToldOrder] = {}
        self._tags: dict[str, str] = {}

    def planned(self, plan: GroupPlan) -> None:
        """A group was accepted."""
        group = self.groups[plan.group_id] = ToldGroup(plan)
        for leg in plan.legs:
            group.net[leg.index] = 0
            group.contracts[leg.index] = leg.contract
            group.sides[leg.index] = leg.side

    def restart(self, account: Account) -> None:
        """Begin again with what a journal says."""
        self.groups.clear()
        self.orders.clear()
        self._tags.clear()
        for group in account.groups.values():
            self.planned(group.plan)
            told = self.groups[group.group_id]
            for index, leg in enumerate(group.legs):
                told.net[index] = leg.net_units
                told.contracts[index] = leg.plan.contract
                told.sides[index] = leg.plan.side
            for order in group.orders.values():
                self._remember(told, order)

    def _remember(self, group: ToldGroup, order: ChildOrder) -> None:
        told = ToldOrder(
            order.tag,
            order.group_id,
            order.leg,
            order.symbol,
            order.side,
            order.most_units,
            order.intended_at_ns,
            trigger_paise=order.trigger_paise,
            filled=order.filled_units,
            is_over=order.is_terminal,
            order_id=order.order_id or "",
            unanswered=order.is_unknown,
            cancel_asked=order.cancel_pending,
            awaits_trigger=order.order_type is OrderType.SL and order.status is not OrderStatus.OPEN,
            heard_ns=order.heard_at_ns,
            trades={trade.trade_id: trade.units for trade in order.trades},
        )
        group.orders.append(told)
        self.orders[order.tag] = told
        if order.order_id is not None:
            self._tags[order.order_id] = order.tag

    def sent(self, request: OrderRequest, at_ns: int) -> ToldOrder | None:
        """An order goes out. ``None`` where its tag names no group."""
        group = self.groups.get(group_id_of(request.tag))
        if group is None:
            return None
        leg = leg_of(request.tag)
        group.contracts.setdefault(leg, self._contracts[request.symbol])
        group.sides.setdefault(leg, request.side)
        group.net.setdefault(leg, 0)
        known = self.orders.get(request.tag)
        if known is not None:
            return known
        order = ToldOrder(
            request.tag,
            group.plan.group_id,
            leg,
            request.symbol,
            request.side,
            request.units,
            at_ns,
            trigger_paise=request.trigger_paise,
            heard_ns=at_ns,
            awaits_trigger=request.order_type is OrderType.SL,
        )
        group.orders.append(order)
        self.orders[request.tag] = order
        return order

    def lapse(self, now_ns: int) -> None:
        """An order lives for its day: those of earlier days are over, whether or not anybody was told."""
        for order in self.orders.values():
            if not order.is_over and order.is_past(now_ns):
                order.is_over, order.unanswered = True, False

    def changing(self, order: ToldOrder, units: int, at_ns: int) -> None:
        """A modification was decided: until more is told, the larger quantity counts."""
        order.units_before = order.units
        order.units = max(order.units, units)
        order.changing_to = units
        order.asked_ns = at_ns

    def asking(self, order_id: str, at_ns: int) -> ToldOrder | None:
        """A modification goes out."""
        order = self.orders.get(self._tags.get(order_id, ""))
        if order is not None:
            order.asked_ns = at_ns
        return order

    def changed(self, order_id: str, change: OrderChange, reply: Reply) -> None:
        """A modification is answered. Once taken, what was written down before it was asked for is past."""
        order = self.orders.get(self._tags.get(order_id, ""))
        if order is not None:
            order.changing_to = 0
            if reply.outcome is Outcome.REJECTED:
                order.units = min(order.units, order.units_before)
            if reply.outcome is Outcome.UNKNOWN:
                # What is written down from that second on decides: brokers may write down no finer time.
                order.described_ns = min(order.described_ns, order.asked_ns // NS_PER_S * NS_PER_S)
            if reply.outcome is Outcome.CONFIRMED:
                order.units = change.units
                order.described_ns = max(order.described_ns, order.asked_ns)
                order.awaits_trigger &= change.order_type is OrderType.SL
                order.trigger_paise = change.trigger_paise

    def tag_of(self, order_id: str) -> str:
        """Our tag of an order of the broker's; ``""`` where it is not ours."""
        return self._tags.get(order_id, "")

    def cancelling(self, order_id: str) -> ToldOrder | None:
        """A request to cancel goes out."""
        order = self.orders.get(self._tags.get(order_id, ""))
        if order is not None:
            order.cancel_asked = True
        return order

    def answered(self, tag: str, reply: Reply, at_ns: int) -> None:
        """The answer to a send came through the door."""
        order = self.orders.get(tag)
        if order is None:
            return
        order.heard_ns, order.missing = at_ns, 0
        if reply.outcome is Outcome.REJECTED and not order.order_id:
            order.is_over, order.unanswered = True, False
        elif reply.outcome is Outcome.UNKNOWN and not order.order_id and not order.is_over:
            order.unanswered = True
        elif reply.order_id is not None:
            self._named(order, reply.order_id)

    def _named(self, order: ToldOrder, order_id: str) -> None:
        order.order_id, order.unanswered = order_id, False
        self._tags[order_id] = order.tag

    def described(self, report: OrderReport, at_ns: int) -> ToldOrder | None:
        """An order frame, or a row of the order book. Returns our order, if it is one."""
        order = self.orders.get(self._tags.get(report.order_id, ""))
        if order is None:
            order = next((self.orders[tag] for tag in report.tags if tag in self.orders), None)
            if order is None:
                order = self._of_an_earlier_life(report)
            if order is None:
                return None
        self._named(order, report.order_id)
        order.heard_ns, order.missing = at_ns, 0
        self._fill(order, report.filled_units)
        if report.at_ns >= order.described_ns:
            order.described_ns = report.at_ns
            order.units = max(report.units, order.changing_to)
            order.trigger_paise = report.trigger_paise
        if report.status is OrderStatus.OPEN and report.order_type is OrderType.LIMIT:
            order.awaits_trigger = False
        if report.status in TERMINAL:
            order.is_over = True
        return order

    def _of_an_earlier_life(self, report: OrderReport) -> ToldOrder | None:
        """An order that a process sent while it could not write its journal, and that died with it."""
        tag = next((tag for tag in report.tags if group_id_of(tag) in self.groups), None)
        if tag is None:
            return None
        group, leg = self.groups[group_id_of(tag)], leg_of(tag)
        group.contracts.setdefault(leg, self._contracts[report.symbol])
        group.sides.setdefault(leg, report.side)
        group.net.setdefault(leg, 0)
        order = ToldOrder(
            tag,
            group.plan.group_id,
            leg,
            report.symbol,
            report.side,
            report.units,
            report.at_ns,
            trigger_paise=report.trigger_paise,
            awaits_trigger=report.order_type is OrderType.SL,
        )
        group.orders.append(order)
        self.orders[tag] = order
        return order

    def traded(self, report: TradeReport) -> None:
        """A row of the trade book."""
        order = self.orders.get(self._tags.get(report.order_id, ""))
        if order is not None and report.trade_id not in order.trades:
            order.trades[report.trade_id] = report.units
            self._fill(order, sum(order.trades.values()))

    def _fill(self, order: ToldOrder, filled: int) -> None:
        more = filled - order.filled
        if more > 0:
            order.filled = filled
            group = self.groups[order.group_id]
            group.net[order.leg] = group.net.get(order.leg, 0) + order.side.sign * more

    def filled_unseen(self, tag: str, filled: int, now_ns: int) -> None:
        """An order of an earlier day was concluded to have filled so much: only positions could tell of it.

        What was concluded wrongly is found where our books are compared with the exchange's.
        """
        order = self.orders.get(tag)
        if order is not None and order.is_past(now_ns):
            self._fill(order, filled)

    def read(self, orders: Iterable[OrderReport], trades: Iterable[TradeReport], asked_ns: int) -> None:
        """Both books were read whole: count those that they do not know."""
        seen = {tag for report in orders for tag in report.tags}
        seen |= {self._tags[report.order_id] for report in trades if report.order_id in self._tags}
        for order in self.orders.values():
            lacking = order.unanswered and not order.is_over and order.tag not in seen
            if lacking and asked_ns > order.heard_ns:
                order.missing, order.missed_ns = order.missing + 1, asked_ns

    def is_unanswered(self, symbol: str) -> bool:
        """Whether a send in a contract came back without an answer, and nothing has told of it since."""
        return any(
            order.unanswered and not order.is_over and order.symbol == symbol
            for order in self.orders.values()
        )

    def closed_by_others(self, group_id: str, leg: int, units: int) -> None:
        """Units of a leg were found to be gone without an order of ours."""
        group = self.groups[group_id]
        group.net[leg] = group.net.get(leg, 0) - group.sides[leg].sign * units

    def absent(self, tag: str) -> ToldOrder | None:
        """An unanswered send was concluded not to exist."""
        order = self.orders.get(tag)
        if order is not None and not order.order_id:
            order.is_over, order.unanswered = True, False
        return order
