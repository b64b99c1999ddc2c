"""Groups built straight from the domain's types, as a journal would have folded them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from core.domain.groups import (
    Goal,
    GroupPlan,
    IncompletePolicy,
    LegPlan,
    LegState,
    LegType,
    MultiLegOrderGroup,
    Unhedged,
)
from core.domain.instruments import Contract, InstrumentKind, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle, ManualCause
from core.domain.orders import ChildOrder, OrderStatus, OrderType, Outcome, Purpose
from core.domain.quotes import MarketView, Quote

CONTRACT_DAY = date(2025, 11, 24)
EXPIRY = date(2025, 11, 28)
LOT_UNITS = 65
FREEZE_UNITS = 1_800


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg to build: strike in rupees, units planned and filled, average in rupees, and when."""

    strike: int
    right: Right
    side: Side
    planned: int
    filled: int
    average: float
    sent_ns: int = 0
    filled_ns: int = 0
    working: int = 0
    limit: float = 0.0
    weeks: int = 0


def contract_of(leg: Leg) -> Contract:
    """The contract of a leg."""
    expiry = EXPIRY + timedelta(weeks=leg.weeks)
    return Contract(
        symbol=f"NIFTY{expiry:%y%b}{leg.strike}{leg.right.value}".upper(),
        exchange="NFO",
        underlying="NIFTY",
        kind=InstrumentKind.OPTION,
        expiry=expiry,
        strike_paise=leg.strike * 100,
        right=leg.right,
        lot_units=LOT_UNITS,
        tick_paise=5,
        freeze_units=FREEZE_UNITS,
    )


def group_of(
    number: int,
    strategy: str,
    state: ExecutionLifecycle,
    legs: Sequence[Leg],
    *,
    copies: int,
    at_ns: int,
    planned_ns: int,
    unhedged: Unhedged | None = None,
    cause: ManualCause | None = None,
    reason: str = "",
    stop_premium_bps: int = 0,
) -> MultiLegOrderGroup:
    """A group with these legs, and one or two orders behind each."""
    group_id = f"G-{number:03d}"
    plans = [_leg_plan(index, leg, legs, copies) for index, leg in enumerate(legs)]
    orders = [
        order for index, leg in enumerate(legs) for order in _orders(group_id, number, index, leg, at_ns)
    ]
    return MultiLegOrderGroup(
        plan=GroupPlan(
            group_id=group_id,
            number=number,
            strategy=strategy,
            underlying="NIFTY",
            product=Product.NRML,
            legs=tuple(plans),
            copies=copies,
            on_incomplete=IncompletePolicy.SCALE_DOWN,
            max_slippage_bps=50,
            good_until_ns=at_ns,
            stop_premium_bps=stop_premium_bps,
        ),
        state=state,
        planned_at_ns=planned_ns,
        state_since_ns=planned_ns,
        goal=Goal.EXIT if state is ExecutionLifecycle.EXITING else Goal.ENTER,
        copies=0 if state is ExecutionLifecycle.EXITING else copies,
        legs=tuple(_leg_state(plan, leg) for plan, leg in zip(plans, legs, strict=True)),
        orders={order.tag: order for order in orders},
        live=tuple(order.tag for order in orders if not order.is_terminal),
        unhedged=unhedged or Unhedged(),
        cause=cause,
        reason=reason,
    )


def _leg_plan(index: int, leg: Leg, legs: Sequence[Leg], copies: int) -> LegPlan:
    covered = any(other.side is Side.BUY and other.right is leg.right for other in legs)
    if leg.side is Side.BUY:
        kind, score, why = LegType.PROTECTIVE_LONG, 100, "protects a short of this group"
    elif covered:
        kind, score, why = LegType.COVERED_SHORT, -50, "covered by a long of this group"
    else:
        kind, score, why = LegType.NAKED_SHORT, -100, "nothing covers it"
    ratio = max(1, leg.planned // (copies * LOT_UNITS))
    return LegPlan(index, contract_of(leg), leg.side, ratio, kind, score, why)


def _leg_state(plan: LegPlan, leg: Leg) -> LegState:
    value = round(leg.average * 100) * leg.filled
    bought = leg.side is Side.BUY
    return LegState(
        plan=plan,
        bought_units=leg.filled if bought else 0,
        sold_units=0 if bought else leg.filled,
        bought_value_paise=value if bought else 0,
        sold_value_paise=0 if bought else value,
        priced_bought_units=leg.filled if bought else 0,
        priced_sold_units=0 if bought else leg.filled,
        children=2 if leg.working else 1,
        sent_at_ns=leg.sent_ns,
        filled_at_ns=leg.filled_ns,
    )


def _orders(group_id: str, number: int, index: int, leg: Leg, at_ns: int) -> list[ChildOrder]:
    contract = contract_of(leg)

    def order(child: int, units: int, filled: int, status: OrderStatus, limit: float) -> ChildOrder:
        return ChildOrder(
            tag=f"K7Q2XA{number:02d}{index + 1:02d}{child:02d}",
            group_id=group_id,
            leg=index,
            child=child,
            attempt=1,
            purpose=Purpose.ENTRY,
            symbol=contract.symbol,
            exchange=contract.exchange,
            product=Product.NRML,
            side=leg.side,
            units=units,
            lot_units=LOT_UNITS,
            order_type=OrderType.LIMIT,
            limit_paise=round(limit * 100),
            trigger_paise=0,
            intended_at_ns=leg.sent_ns,
            outcome=Outcome.CONFIRMED,
            order_id=f"25112400{number:03d}{index}{child}",
            status=status,
            filled_units=filled,
            heard_at_ns=at_ns,
        )

    orders = [order(1, leg.filled, leg.filled, OrderStatus.COMPLETE, leg.average)] if leg.filled else []
    if leg.working:
        orders.append(order(2, leg.working, 0, OrderStatus.OPEN, leg.limit or leg.average))
    return orders


def with_unconfirmed_cancel(group: MultiLegOrderGroup, leg: int, asks: int) -> MultiLegOrderGroup:
    """The group with an exit of this leg that nobody has confirmed to be cancelled."""
    entry = next(order for order in group.orders.values() if order.leg == leg)
    order = replace(
        entry,
        tag=entry.tag[:-1] + "2",
        child=2,
        purpose=Purpose.EXIT,
        side=entry.side.opposite,
        limit_paise=entry.limit_paise + 55,
        status=OrderStatus.CANCEL_PENDING,
        filled_units=0,
        order_id=f"{entry.order_id}9",
        cancel_asks=asks,
        cancel_pending=True,
    )
    return replace(group, orders={**group.orders, order.tag: order}, live=(*group.live, order.tag))


def quotes_for(groups: Iterable[MultiLegOrderGroup], at_ns: int) -> MarketView:
    """A two-sided quote for every leg, near its average price."""
    quotes = {}
    contracts = {}
    for group in groups:
        for leg in group.legs:
            contract = leg.plan.contract
            middle = round(leg.average_paise or 50_00)
            quotes[contract.symbol] = Quote(
                contract.symbol, at_ns, middle - 15, 1_300, middle + 15, 1_300, middle
            )
            contracts[contract.symbol] = contract
    return MarketView(version=1, at_ns=at_ns, quotes=quotes, contracts=contracts)
