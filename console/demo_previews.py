"""What the demo's core answers when it is asked for a close look, a ticket, or the ways out of a group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from console.demo_groups import EXPIRY, FREEZE_UNITS, LOT_UNITS, Leg, contract_of, group_of
from core.domain.calendar import SessionCalendar
from core.domain.groups import MultiLegOrderGroup
from core.domain.inputs import OperatorAction
from core.domain.instruments import Contract, PositionKey, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import (
    BookSnapshot,
    ChildOrder,
    OrderReport,
    OrderStatus,
    PositionReport,
)
from core.domain.quotes import ForwardMark, MarketView
from core.engine.expiries import expiries_of
from core.engine.group_look import look_closely
from core.engine.previews import CUSTOM, ForeseenOrder, TicketLeg, TicketPreview, TicketRequest, WayOut
from core.engine.snapshot import GroupLook, Snapshot
from core.engine.ticket_entries import exit_instant

FAR_EXPIRY = date(2025, 12, 26)
SLICE_UNITS = FREEZE_UNITS // LOT_UNITS * LOT_UNITS
FLAT_VOL = 0.128


def priced_view(snapshot: Snapshot, contracts: Sequence[Contract]) -> MarketView:
    """The snapshot's quotes with a forward for every expiry, and one volatility for every contract."""
    level = float(snapshot.underlying_paise or 0)
    marks = {
        (each.underlying, each.expiry): ForwardMark(each.underlying, each.expiry, level, snapshot.at_ns)
        for each in contracts
    }
    return replace(snapshot.view, forwards=marks, vols={each.symbol: FLAT_VOL for each in contracts})


def with_expiries(snapshot: Snapshot) -> Snapshot:
    """The snapshot with what expiry would make of its groups, by the core's own arithmetic."""
    contracts = [leg.plan.contract for group in snapshot.account.groups.values() for leg in group.legs]
    view = priced_view(snapshot, contracts)
    found = expiries_of(snapshot.account, view, snapshot.at_ns, SessionCalendar())
    return replace(snapshot, expiries=found)


def demo_look(group: MultiLegOrderGroup, snapshot: Snapshot) -> GroupLook:
    """The group repriced at one volatility, and its lines of the log."""
    view = priced_view(snapshot, [leg.plan.contract for leg in group.legs])
    log = [each for each in snapshot.log if each.group_id == group.group_id]
    short = f"{group.plan.number}-"
    log += [each for each in snapshot.log if not each.group_id and each.text.startswith(short)]
    return look_closely(group, view, snapshot.at_ns, SessionCalendar(), log)


def demo_books(groups: Iterable[MultiLegOrderGroup], now_ns: int, read_ns: int) -> BookSnapshot:
    """The broker's books: ours, one position that is twice what we know, and one of the trader's own."""
    held: dict[PositionKey, tuple[int, int]] = {}
    orders = []
    for group in groups:
        for index, leg in enumerate(group.legs):
            key = group.position_key(index)
            units = held.get(key, (0, 0))[0] + leg.net_units
            paid = (leg.average_paise or 0) * (0.97 if units > 0 else 1.04)
            held[key] = (units, round(paid))
        orders += [_report(order, now_ns) for order in group.orders.values()]
    doubled = PositionKey("NFO", "NIFTY25NOV25300CE", Product.NRML)
    held[doubled] = (2 * held[doubled][0], held[doubled][1])
    held[PositionKey("NFO", "NIFTY25NOV25000PE", Product.NRML)] = (-75, 18_240)
    positions = [PositionReport(key, units, 0, average) for key, (units, average) in held.items()]
    return BookSnapshot(tuple(orders), (), tuple(positions), read_ns, read_ns)


def _report(order: ChildOrder, now_ns: int) -> OrderReport:
    return OrderReport(
        order_id=order.order_id or "",
        tags=(order.tag,),
        symbol=order.symbol,
        exchange=order.exchange,
        product=order.product,
        side=order.side,
        order_type=order.order_type,
        units=order.units,
        filled_units=order.filled_units,
        limit_paise=order.limit_paise,
        trigger_paise=order.trigger_paise,
        status=OrderStatus.CANCEL_PENDING if order.cancel_pending else order.status,
        raw_status="CANCEL PENDING" if order.cancel_pending else order.status.value,
        at_ns=now_ns,
    )


CONDOR = (
    (24_500, Right.PE, Side.BUY, 41.35, -0.16, 100, "protects the short 24600 PE"),
    (25_200, Right.CE, Side.BUY, 38.70, 0.15, 100, "protects the short 25100 CE"),
    (24_600, Right.PE, Side.SELL, 58.05, -0.22, -50, "covered by the long 24500 PE"),
    (25_100, Right.CE, Side.SELL, 54.80, 0.21, -50, "covered by the long 25200 CE"),
)


def demo_preview(request: TicketRequest, at_ns: int) -> TicketPreview:
    """An iron condor of so many lots and on these terms; a number of lots that is none is refused."""
    empty = TicketPreview(
        request,
        at_ns=at_ns,
        strategies=(
            ("iron_condor", "Iron condor"),
            ("bull_put_spread", "Bull put spread (credit)"),
            ("calendar", "Calendar spread"),
            (CUSTOM, "Legs of your own"),
        ),
        underlyings=("NIFTY",),
        expiries=(EXPIRY, FAR_EXPIRY),
    )
    if not request.lots.isdigit() or not 1 <= int(request.lots) <= 10_000:
        asked = request.lots or "nothing"
        return replace(empty, problem=f"Lots must be a whole number from 1 to 10,000, not {asked}.")
    lots = int(request.lots)
    units = lots * LOT_UNITS
    children = -(-units // SLICE_UNITS)
    legs = [Leg(strike, right, side, units, 0, 0.0) for strike, right, side, *_ in CONDOR]
    plan = group_of(
        15, "iron_condor", ExecutionLifecycle.PLANNED, legs, copies=lots, at_ns=at_ns, planned_ns=at_ns
    ).plan
    plan = replace(
        plan,
        product=request.product,
        on_incomplete=request.on_incomplete,
        exit_at_ns=exit_instant(request.exit_at, at_ns),
    )
    credit = round(32.80 * 100 * units)
    margin, limit = 3_15_000_00 * lots // 10, 2_99_520_00
    refused = (
        "Refused: with the 24600 PE short filled, -3 %, IV +50 %, it needs more than may be used."
        if margin > limit
        else ""
    )
    return replace(
        empty,
        problem=refused,
        plan=plan,
        legs=tuple(
            TicketLeg(
                contract_of(leg).label, leg.side, units, children, score, why, round(price * 100), delta
            )
            for leg, (_, _, _, price, delta, score, why) in zip(legs, CONDOR, strict=True)
        ),
        has_figures=True,
        net_paise=credit,
        max_profit_paise=credit,
        max_loss_paise=100 * 100 * units - credit,
        breakevens_paise=(24_567_20, 25_132_80),
        structure="defined risk: every short is covered, unit for unit, by a long that expires no earlier",
        margin_words=refused
        or "Passed: at worst it needs less than the limit (25100 CE short filled, +3 %).",
        margin_paise=margin,
        margin_limit_paise=limit,
        children=4 * children,
        budget_s=-(-4 * children // 8),
    )


def demo_ways(group_id: str) -> tuple[WayOut, ...]:
    """What could be done about the strangle whose cancel is not confirmed."""
    if group_id != "G-011":
        return ()
    back = (
        ForeseenOrder("24300 PE", Side.BUY, 65, 29_60),
        ForeseenOrder("25300 CE", Side.BUY, 65, 30_75),
    )
    return (
        WayOut(
            OperatorAction.HEDGE,
            True,
            "hedging 65 uncovered units of G-011",
            (ForeseenOrder("25400 CE", Side.BUY, 65, 22_40),),
            state="HEDGING",
        ),
        WayOut(OperatorAction.COMPLETE, False, "refused: the kill switch is on, and completing adds risk"),
        WayOut(OperatorAction.SCALE_DOWN, True, "bringing G-011 to 1 copies", state="UNWINDING"),
        WayOut(OperatorAction.UNWIND, True, "bringing G-011 to 0 copies", back, cancels=1, state="UNWINDING"),
        WayOut(
            OperatorAction.ADOPT,
            True,
            "G-011 now holds -65 NIFTY25NOV25300CE as well",
            changes_holding=True,
            state="MANUAL",
        ),
        WayOut(
            OperatorAction.HANDLED,
            True,
            "G-011 is marked as handled; its positions stay as they are",
            state="MANUAL",
        ),
    )
