"""How often the broker has turned down what a leg wanted to send."""

from __future__ import annotations

from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.orders import OrderStatus, Outcome, Purpose


def failed_attempts(
    group: MultiLegOrderGroup, leg: int, side: Side, *, stops: bool = False
) -> tuple[int, int]:
    """How often in a row orders of a leg and side came to nothing, and when that was last heard.

    A group that was taken out of ``MANUAL`` begins anew: whatever stood in the way may be gone.
    Slices that were intended together are one attempt, and one that nobody has decided on yet says nothing.
    Stops are counted apart: one that was refused at its trigger must not hold back what replaces it.
    """
    attempts: set[int] = set()
    heard_ns = 0
    for order in reversed(tuple(group.orders.values())):
        if order.intended_at_ns < group.resumed_ns:
            break
        if order.leg != leg or order.side is not side or (order.purpose is Purpose.STOP) is not stops:
            continue
        refused = order.outcome in (Outcome.REJECTED, Outcome.DENIED) or order.status is OrderStatus.REJECTED
        if refused:
            attempts.add(order.intended_at_ns)
            heard_ns = max(heard_ns, order.heard_at_ns)
        elif order.filled_units or order.status not in (OrderStatus.INTENDED, OrderStatus.PENDING):
            break
    return len(attempts), heard_ns
