"""A desk whose broker keeps stops: they rest until a test triggers them; changes are carried out whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.domain.effects import CancelOrder, ModifyOrder
from core.domain.evolve import evolve
from core.domain.facts import HoldingClosedByOthers, Recorded
from core.domain.groups import GroupPlan, LegPlan
from core.domain.inputs import CancelReply, ModifyReply, OrderNews, QuotesMoved
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import ChildOrder, OrderStatus, OrderType, Outcome, Purpose
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from tests.builders import CONDOR, SHORT_CALL, Desk, market, opened, plan

DOUBLE = 20_000
"""A stop at twice the average premium: the short call sold at 69 stops at 138."""


class StopDesk(Desk):
    """``Desk`` with resting stops."""

    def _book(self, order: ChildOrder) -> str:
        order_id = super()._book(order)
        if order.order_type is OrderType.SL:
            self.book[order_id] = replace(self.book[order_id], status=OrderStatus.TRIGGER_PENDING)
        return order_id

    def accept(self, *orders: ChildOrder) -> None:
        for order in orders or [each for each in self.sent if each.tag not in self.ids]:
            super().accept(order)
            if order.order_type is OrderType.SL:
                self.give(OrderNews(self.book[self.ids[order.tag]]))

    def carry_out(self, outcome: Outcome = Outcome.CONFIRMED) -> int:
        """Answer what was asked for; confirmed changes are carried out. Returns how many there were."""
        pending, self.effects = self.effects, []
        self.now_ns += 1
        answered = 0
        for effect in pending:
            match effect:
                case ModifyOrder():
                    if outcome is Outcome.CONFIRMED:
                        self._carry_out(effect)
                    self.give(ModifyReply(effect.tag, outcome))
                case CancelOrder(tag=tag):
                    self.give(CancelReply(tag, outcome))
                case _:
                    continue
            answered += 1
        return answered

    def _carry_out(self, change: ModifyOrder) -> None:
        row = self.book[change.order_id]
        if change.to_limit or not change.trigger_paise:
            row = replace(row, order_type=OrderType.LIMIT, trigger_paise=0, status=OrderStatus.OPEN)
        else:
            row = replace(row, trigger_paise=change.trigger_paise)
        row = replace(row, units=change.units, limit_paise=change.limit_paise, at_ns=self.now_ns)
        self.book[change.order_id] = row

    def trigger(self, order: ChildOrder) -> None:
        """The market releases a stop, and the stream tells of it."""
        self.give(OrderNews(self.change(order, status=OrderStatus.OPEN)))

    def closed_by_hand(self, leg: int, units: int) -> None:
        """Somebody else has closed a part of what the first group holds, and the core has found it out."""
        gone = HoldingClosedByOthers("G-001", leg, units, "by hand")
        self.account = evolve(self.account, Recorded(self.account.seq + 1, self.now_ns, "G-001", gone))

    def reject(self, order: ChildOrder, message: str = "17070 : The Price is out of the LPP range") -> None:
        """The exchange turns an order away that it had taken."""
        self.give(OrderNews(self.change(order, status=OrderStatus.REJECTED, message=message)))

    def quote(self, symbol: str, bid_paise: int | None, ask_paise: int | None, **values: int | None) -> None:
        """Quote a contract afresh, and let the core see it."""
        self.move_quote(symbol, bid_paise, ask_paise)
        if values:
            quotes = dict(self.view.quotes)
            quotes[symbol] = replace(quotes[symbol], **values)  # type: ignore[arg-type]
            self.view = replace(self.view, quotes=quotes)
        self.give(QuotesMoved(frozenset({symbol})))

    def stops(self, symbol: str = SHORT_CALL) -> list[ChildOrder]:
        """The stops of a contract that may still fill, as they are known."""
        return [o for o in self.group().live_orders if o.symbol == symbol and o.purpose is Purpose.STOP]

    def stop(self, symbol: str = SHORT_CALL) -> ChildOrder:
        """The one stop of a contract."""
        (order,) = self.stops(symbol)
        return order

    def stop_units(self, symbol: str = SHORT_CALL) -> int:
        """What the stops of a contract stand for together."""
        return sum(order.working_units for order in self.stops(symbol))

    def changes(self) -> list[ModifyOrder]:
        """Modifications asked for and not answered."""
        return [effect for effect in self.effects if isinstance(effect, ModifyOrder)]

    def cancels(self) -> list[CancelOrder]:
        """Cancels asked for and not answered."""
        return [effect for effect in self.effects if isinstance(effect, CancelOrder)]

    def alert_ids(self) -> set[str]:
        """The alerts that stand."""
        return {name for name, alert in self.account.alerts.items() if not alert.cleared}


def stopped_plan(
    legs: Iterable[LegPlan] = CONDOR, copies: int = 10, *, allow_naked: bool = False, **terms: int
) -> GroupPlan:
    """A group with premium stops at twice the premium, unless ``terms`` say otherwise."""
    return replace(
        plan(legs, copies, allow_naked=allow_naked),
        **{"stop_premium_bps": DOUBLE, **terms},  # type: ignore[arg-type]
    )


def entering(
    wanted: GroupPlan, settings: ExecutionSettings | None = None, view: MarketView | None = None
) -> StopDesk:
    """A desk that has been asked for a group and whose first orders are out."""
    desk = StopDesk(account=opened(settings), view=view or market(each.contract for each in wanted.legs))
    desk.start()
    desk.submit(wanted)
    return desk


def fill_entries(desk: StopDesk, rounds: int = 12) -> None:
    """Every entry fills at once and every stop rests, until the group is whole and its stops stand."""
    for _ in range(rounds):
        for order in [each for each in desk.sent if each.tag not in desk.ids]:
            desk.accept(order)
            if order.purpose is Purpose.ENTRY:
                desk.fill(order)
        desk.carry_out()
        desk.later(1_000)
        desk.read_books()


def open_with_stops(
    wanted: GroupPlan | None = None,
    settings: ExecutionSettings | None = None,
    view: MarketView | None = None,
) -> StopDesk:
    """A group that is whole, with its stops at the broker; a condor of ten lots by default."""
    desk = entering(wanted or stopped_plan(), settings, view)
    fill_entries(desk)
    assert desk.group().state is ExecutionLifecycle.OPEN, desk.group().reason
    desk.effects.clear()
    return desk
