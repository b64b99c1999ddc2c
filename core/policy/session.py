"""What the clock of the exchange does to groups: expiry, the end of a session, and intraday hours.

Sources: index options are settled in cash at expiry by themselves (NSE settlement page); brokers square
intraday (``MIS``) positions off before the close, so ours are out earlier.
"""

from __future__ import annotations

from datetime import time

from core.domain.account import Severity
from core.domain.facts import (
    HoldingClosedByOthers,
)
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import Product, Settlement
from core.domain.timing import NS_PER_S, from_ist, to_ist
from core.policy.turn import Turn
from core.risk.exercise_handler import delivers_on, out_by_ns, settles_from_ns

MIS_LAST_ENTRY = time(14, 45)
MIS_CLOSE_BEGINS = time(15, 5)
DELIVERY_WARNED_NS = 7 * 24 * 3_600 * NS_PER_S
"""A week holds the four sessions over which the margin of a delivery steps up, whatever the holidays."""
QUOTED_BY_NS = 60 * NS_PER_S
"""How long after the open, and after a start, what is held may stay without its first quote."""
SETTLED = "expired and settled in cash"
DELIVERED = "expired; what was in the money was delivered"


def intraday_entry_is_over(turn: Turn, group: MultiLegOrderGroup) -> bool:
    """Whether an intraday group may no longer enter today."""
    return group.plan.product is Product.MIS and turn.now_ns >= _today_at(turn, MIS_LAST_ENTRY)


def exit_ns(turn: Turn, group: MultiLegOrderGroup) -> int | None:
    """When a group is closed: by its plan, as an intraday product, or before an expiry; the first counts."""
    plan = group.plan
    intraday_ns = _today_at(turn, MIS_CLOSE_BEGINS) if plan.product is Product.MIS else None
    times = (plan.exit_at_ns, intraday_ns, out_by_ns(plan.legs, turn.view.expiries_ns))
    return min((at_ns for at_ns in times if at_ns is not None), default=None)


def warn_of_delivery(turn: Turn, group: MultiLegOrderGroup) -> None:
    """Say a week ahead that a group holds what would be delivered: its margin steps up from then on."""
    day = delivers_on(group.plan.legs)
    if day is None:
        return
    stops_ns, out_ns = turn.view.expiries_ns.get(day), out_by_ns(group.plan.legs, turn.view.expiries_ns)
    if stops_ns is None or out_ns is None:
        return
    due_ns = stops_ns - DELIVERY_WARNED_NS
    if turn.now_ns < due_ns:
        turn.wake(group.group_id, due_ns)
        return
    turn.alert(
        f"delivery:{group.group_id}",
        Severity.WARNING,
        f"{group.group_id} holds contracts that are settled in shares on {day:%d %b}: margin steps up over "
        f"the last four sessions, and it is closed from {to_ist(out_ns):%d %b %H:%M}",
        "delivery",
        group.group_id,
    )


def _today_at(turn: Turn, at: time) -> int:
    return from_ist(to_ist(turn.now_ns).date(), at)


def settle_expired(turn: Turn, group: MultiLegOrderGroup) -> None:
    """Take expired legs off the books: nobody trades them away, the exchange settles them.

    What is settled in shares goes as well: the option is gone, and the shares are a position of their own.
    """
    for index, leg in enumerate(group.legs):
        contract = leg.plan.contract
        stops_ns = turn.view.stops_ns(contract.expiry, turn.now_ns)
        if not leg.net_units or stops_ns is None:
            continue
        settles_ns = settles_from_ns(stops_ns, leg.filled_at_ns)
        how = SETTLED if contract.settlement is Settlement.CASH else DELIVERED
        if turn.now_ns < settles_ns:
            turn.wake(group.group_id, settles_ns)
        else:
            turn.record(HoldingClosedByOthers(group.group_id, index, leg.held_units, how), group.group_id)


def session_is_over(turn: Turn) -> bool:
    """Whether today's session has ended: the next one opens on a later day."""
    if turn.view.is_open(turn.now_ns):
        return False
    return to_ist(turn.view.opens_ns).date() > to_ist(turn.now_ns).date()
