"""Child orders: slices of at most the freeze quantity, a tag each, paced to the order budget."""

from __future__ import annotations

from core.domain.account import Severity
from core.domain.effects import CancelOrder, ModifyOrder, SendOrder
from core.domain.facts import CancelIntended, ModifyIntended, OrderIntended
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import Contract, Side
from core.domain.lifecycle import ManualCause
from core.domain.orders import LANES, ChildOrder, Lane, OrderStatus, OrderType, Outcome, Purpose
from core.domain.tags import tag_for
from core.domain.timing import NS_PER_MS
from core.policy.order_budget import may_send, next_send_ns
from core.policy.turn import Turn

_ABSURD = 4
"""No leg, hedge or reversal needs more than so many times the units of its whole group."""


class ChildOrderManager:
    """Slices a quantity and intends the orders for it, as far as the budget allows now."""

    @staticmethod
    def slices(contract: Contract, units: int) -> tuple[int, ...]:
        """Whole-lot slices of at most the freeze quantity that add up to ``units``.

        Raises ``ValueError`` when the freeze quantity is unknown or ``units`` is no whole number of lots:
        neither is ever guessed or rounded.
        """
        largest = contract.sliceable_units
        if largest <= 0:
            raise ValueError(f"{contract.symbol}: the freeze quantity is unknown or below one lot")
        if units <= 0 or not contract.is_whole_lots(units):
            raise ValueError(f"{contract.symbol}: {units} units are no whole lots of {contract.lot_units}")
        full, rest = divmod(units, largest)
        return (largest,) * full + ((rest,) if rest else ())

    @staticmethod
    def count(contract: Contract, units: int) -> int:
        """How many orders ``units`` take."""
        return len(ChildOrderManager.slices(contract, units)) if units else 0

    @staticmethod
    def intend(
        turn: Turn,
        group_id: str,
        leg: int,
        side: Side,
        units: int,
        purpose: Purpose,
        limit_paise: int,
        *,
        trigger_paise: int = 0,
    ) -> int:
        """Intend orders for ``units`` and have them sent; returns the units that the budget let through.

        What it held back is looked at again when the budget allows: the caller works from what is wanted, so
        nothing needs to remember it.
        """
        contract = turn.group(group_id).legs[leg].plan.contract
        sent = 0
        if not _may_trade(turn, group_id) or _is_absurd(turn, group_id, leg, side, units, purpose):
            return sent
        for slice_units in ChildOrderManager.slices(contract, units):
            if not budget_allows(turn, group_id, LANES[purpose]):
                break
            _intend_one(turn, group_id, leg, side, slice_units, purpose, limit_paise, trigger_paise)
            sent += slice_units
        return sent


def _is_absurd(turn: Turn, group_id: str, leg: int, side: Side, units: int, purpose: Purpose) -> bool:
    """Whether an order goes so far beyond its group that the books it rests on cannot be right.

    An exit is never held back from closing what is held, which an operator may have adopted.
    """
    group = turn.group(group_id)
    held = group.legs[leg].net_units
    closes = max(0, -held if side is Side.BUY else held) if purpose is not Purpose.HEDGE else 0
    planned = sum(group.plan.units(planned.index) for planned in group.plan.legs)
    if units - closes <= _ABSURD * planned:
        return False
    turn.manual(
        group_id,
        ManualCause.QUANTITY_MISMATCH,
        f"an order for {units} units would follow from its books, and the whole group has {planned}: the "
        "books cannot be right. Nothing was sent; compare them with the broker's",
    )
    return True


def budget_allows(turn: Turn, group_id: str, lane: Lane) -> bool:
    """Whether this lane may send now; if not, the group is looked at again once it may."""
    if may_send(turn.account, lane, turn.now_ns):
        turn.clear_alert("budget-entries" if lane is Lane.ENTRY else "budget")
        return True
    at_ns = next_send_ns(turn.account, lane, turn.now_ns)
    if at_ns is not None:
        turn.wake(group_id, at_ns)
        return False
    if lane is Lane.ENTRY:
        words = "the day's orders for entries are used up: what is left is kept for exits and hedges"
        turn.alert("budget-entries", Severity.WARNING, words, "budget")
    else:
        words = "the day's orders are used up: nothing can be sent from here, close at the broker"
        turn.alert("budget", Severity.CRITICAL, words, "budget")
    return False


def _may_trade(turn: Turn, group_id: str) -> bool:
    """No lane sends outside its session or before the first books; what was meant is decided again then."""
    if turn.may_trade():
        return True
    turn.wake_at_open(group_id)
    return False


def _intend_one(
    turn: Turn,
    group_id: str,
    leg: int,
    side: Side,
    units: int,
    purpose: Purpose,
    limit_paise: int,
    trigger_paise: int,
) -> None:
    group = turn.group(group_id)
    contract = group.legs[leg].plan.contract
    child, attempt = _number(group, leg)
    quote = turn.view.quotes.get(contract.symbol)
    order = ChildOrder(
        tag=tag_for(turn.account.identity.nonce, group.plan.number, leg, child, attempt, turn.account.life),
        group_id=group_id,
        leg=leg,
        child=child,
        attempt=attempt,
        purpose=purpose,
        symbol=contract.symbol,
        exchange=contract.exchange,
        product=group.plan.product,
        side=side,
        units=units,
        lot_units=contract.lot_units,
        order_type=OrderType.SL if trigger_paise else OrderType.LIMIT,
        limit_paise=limit_paise,
        trigger_paise=trigger_paise,
        intended_at_ns=turn.now_ns,
    )
    bid = quote.bid_paise if quote is not None else None
    ask = quote.ask_paise if quote is not None else None
    blind = turn.view.fresh(contract.symbol, turn.now_ns) is None
    turn.record(OrderIntended(order, bid or 0, ask or 0, blind), group_id)
    turn.perform(SendOrder(order))


def _number(group: MultiLegOrderGroup, leg: int) -> tuple[int, int]:
    """A child that came to nothing is tried again under its own number; otherwise the next one."""
    for order in reversed(tuple(group.orders.values())):
        if order.leg == leg:
            failed = order.outcome in (Outcome.REJECTED, Outcome.DENIED) or (
                order.status is OrderStatus.REJECTED
            )
            if failed and not order.filled_units:
                return order.child, order.attempt + 1
            break
    return group.legs[leg].children + 1, 1


def reprice(
    turn: Turn,
    order: ChildOrder,
    limit_paise: int,
    reason: str,
    *,
    to_limit: bool = False,
    units: int | None = None,
    lane: Lane | None = None,
) -> bool:
    """Move a working order's limit, if the budget allows. Returns whether it was intended.

    The quantity stays, the larger one where a change of it is unanswered, unless ``units`` says otherwise.
    The change draws on the budget of the order's own lane unless ``lane`` is another.
    """
    whole = order.most_units if units is None else units
    return _modify(turn, order, whole, limit_paise, 0, reason, to_limit=to_limit, lane=lane)


def resize(
    turn: Turn, order: ChildOrder, units: int, limit_paise: int, trigger_paise: int, reason: str
) -> bool:
    """Change a resting stop's quantity and prices, if the budget allows. Returns whether it was intended."""
    return _modify(turn, order, units, limit_paise, trigger_paise, reason)


def _modify(
    turn: Turn,
    order: ChildOrder,
    units: int,
    limit_paise: int,
    trigger_paise: int,
    reason: str,
    *,
    to_limit: bool = False,
    lane: Lane | None = None,
) -> bool:
    """Intend the next modification of an order, if it has an id, in a session, and the budget allows."""
    if order.order_id is None or not _may_trade(turn, order.group_id):
        return False
    if not budget_allows(turn, order.group_id, lane or order.lane):
        return False
    turn.record(
        ModifyIntended(order.tag, limit_paise, trigger_paise, units, to_limit, reason), order.group_id
    )
    number = order.modifies + 1
    turn.perform(ModifyOrder(order.tag, order.order_id, limit_paise, trigger_paise, units, to_limit, number))
    return True


def cancel_order_confirmed(turn: Turn, order: ChildOrder, reason: str, *, patience: int = 4) -> bool:
    """Whether the broker calls an order over, so that its filled units are final; if not, ask for its cancel.

    Asking is not having: until this is true nothing may be sent for what the order could still fill. Each
    time it is waited for longer, up to ``patience`` times the first wait, and never held back by entries. An
    order whose id is not known yet cannot be cancelled: it is as soon as the books have named it.
    """
    if order.is_terminal:
        return True
    if order.order_id is None:
        return False
    if not turn.view.is_open(turn.now_ns):
        turn.wake_at_open(order.group_id)
        return False
    every_ns = turn.settings.cancel_ask_every_ms * NS_PER_MS
    due_ns = order.cancel_asked_at_ns + every_ns * min(order.cancel_asks, patience)
    if order.cancel_pending and turn.now_ns < due_ns:
        turn.wake(order.group_id, due_ns)
        return False
    if not budget_allows(turn, order.group_id, Lane.EXIT):
        return False
    turn.record(CancelIntended(order.tag, reason), order.group_id)
    turn.perform(CancelOrder(order.tag, order.order_id))
    turn.wake(order.group_id, turn.now_ns + every_ns)
    return False
