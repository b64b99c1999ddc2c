"""Entry: protection first, shorts only against confirmed protection, in whole copies of the group."""

from __future__ import annotations

from core.domain.cover import confirmed_holdings, uncovered_beyond_plan, worst_holdings
from core.domain.effects import AskMargin
from core.domain.facts import GateAsked
from core.domain.groups import IncompletePolicy, LegType, MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.money import price
from core.domain.orders import ChildOrder, OrderStatus, Purpose
from core.domain.timing import NS_PER_MS
from core.policy.attempts import failed_attempts
from core.policy.child_orders import ChildOrderManager, reprice
from core.policy.overnight import overnight_is_compared
from core.policy.pricing_rules import entry_price
from core.policy.session import intraday_entry_is_over
from core.policy.turn import Turn

ATTEMPTS_MAX = 3
"""A leg that the broker refuses so often in a row will not be taken."""
_RETRY_MS = 500


def obstacle(turn: Turn, group: MultiLegOrderGroup) -> str:
    """Why nothing that adds risk may be sent for this group now; ``""`` when it may.

    Every one of these passes by itself, or a deadline of the group ends the waiting.
    """
    account, now_ns = turn.account, turn.now_ns
    if account.journal_failed:
        return "the journal cannot be written"
    if not account.reconciled_at_ns:
        return "the broker's books have not been read yet"
    if now_ns < account.entries_allowed_ns:
        turn.wake(group.group_id, account.entries_allowed_ns)
        return "settling after the start"
    if not turn.view.is_open(now_ns):
        turn.wake(group.group_id, turn.view.opens_ns)
        return "the session is closed"
    if not overnight_is_compared(turn):
        return "what was carried over the night has not been compared with the broker's books yet"
    if group.has_unknown:
        return "a send has not been answered"
    return ""


def whole_copies(group: MultiLegOrderGroup) -> int:
    """Copies of the group that are held in every leg that is still wanted, confirmed."""
    return min(
        (
            max(0, leg.held_units) // leg.plan.units_per_copy
            for leg in group.legs[: len(group.plan.legs)]
            if not leg.retired_at_ns
        ),
        default=0,
    )


def enter(turn: Turn, group_id: str) -> str:
    """Bring a group closer to its plan. Returns why it cannot be completed; ``""`` while it can."""
    group = turn.group(group_id)
    if turn.account.kill.tripped:
        return f"the kill switch is on: {turn.account.kill.cause}"
    if turn.now_ns >= group.good_until_ns:
        return "its time is up"
    if intraday_entry_is_over(turn, group):
        return "intraday groups enter until 14:45"
    turn.wake(group_id, group.good_until_ns)
    if obstacle(turn, group):
        return ""
    if not _gate_holds(turn, group, turn.account.reconciled_at_ns):
        return ""  # nothing that adds risk goes on after a restart before it was judged again
    for order in group.live_orders:
        if order.purpose is Purpose.ENTRY:
            reason = _chase(turn, group, order)
            if reason:
                return reason
    return _release(turn, group_id)


def _chase(turn: Turn, group: MultiLegOrderGroup, order: ChildOrder) -> str:
    """Move an order that the market has left behind: once a second, within the slippage agreed."""
    if order.modify_pending or order.cancel_pending or order.status is OrderStatus.INTENDED:
        return ""
    leg = group.legs[order.leg]
    quote = turn.view.fresh(order.symbol, turn.now_ns)
    if quote is None:
        return ""
    wanted = entry_price(leg.plan.contract, order.side, quote, leg.arrival_paise, group.plan.max_slippage_bps)
    if wanted is None or order.side.sign * (wanted.paise - order.limit_paise) <= 0:
        return ""
    due_ns = max(order.intended_at_ns, order.repriced_at_ns) + turn.settings.reprice_every_ms * NS_PER_MS
    if turn.now_ns < due_ns:
        turn.wake(group.group_id, due_ns)
        return ""
    spent = order.modifies >= turn.settings.reprices_max
    if spent and group.plan.on_incomplete is not IncompletePolicy.COMPLETE:
        return f"{leg.plan.contract.label} was re-priced {order.modifies} times and has not filled"
    if order.modifies >= turn.settings.modifies_max:
        return f"{leg.plan.contract.label} may not be re-priced any more"
    reprice(turn, order, wanted.paise, f"{price(order.limit_paise)} → {price(wanted.paise)}, {wanted.how}")
    return ""


def _release(turn: Turn, group_id: str) -> str:
    """Send what may be sent now, highest priority first."""
    group = turn.group(group_id)
    for plan in sorted(group.plan.legs, key=lambda leg: (-leg.score, leg.index)):
        index = plan.index
        group = turn.group(group_id)
        missing = (
            abs(group.target_units(index))
            - group.legs[index].held_units
            - group.legs[index].closed_units
            - group.working(index, plan.side)
        )
        allowed = min(missing, _releasable(turn, group, index))
        allowed -= allowed % plan.contract.lot_units
        if allowed <= 0:
            continue
        attempts, failed_ns = failed_attempts(group, index, plan.side)
        if attempts >= ATTEMPTS_MAX:
            return f"{plan.contract.label} was refused {attempts} times"
        if attempts and turn.now_ns < failed_ns + _RETRY_MS * NS_PER_MS:
            turn.wake(group_id, failed_ns + _RETRY_MS * NS_PER_MS)
            continue
        reason = _send(turn, group, index, allowed)
        if reason:
            return reason
    return ""


def _send(turn: Turn, group: MultiLegOrderGroup, index: int, units: int) -> str:
    """Price a leg's missing units and intend them, unless the whole would miss the price agreed."""
    plan = group.plan.legs[index]
    key = group.position_key(index)
    if key in turn.account.doubts or turn.account.differs_in(key.symbol):
        return ""  # the broker's books differ from ours and nobody knows yet why
    foreign = turn.account.foreign.get(key, 0)
    if foreign * plan.side.sign < 0:
        return f"the trader holds {foreign:+d} {key.symbol}: an opposite leg would close that"
    quote = turn.view.fresh(plan.contract.symbol, turn.now_ns)
    if quote is None:
        return ""
    wanted = entry_price(
        plan.contract,
        plan.side,
        quote,
        group.legs[index].arrival_paise,
        group.plan.max_slippage_bps,
    )
    if wanted is None:
        return ""
    reason = _misses_price(turn, group)
    if reason is None:
        return ""  # a leg that nobody quotes now: whether the whole meets the price cannot be told
    if reason:
        return reason
    oldest_ns = turn.now_ns - turn.settings.gate_max_age_ms * NS_PER_MS
    asks_again = plan.side is Side.SELL or not group.orders
    if asks_again and not _gate_holds(turn, group, oldest_ns):
        return ""
    ChildOrderManager.intend(turn, group.group_id, index, plan.side, units, Purpose.ENTRY, wanted.paise)
    return ""


def _releasable(turn: Turn, group: MultiLegOrderGroup, index: int) -> int:
    """Unsigned units of a leg that may be out now beyond what is filled or working.

    A protective long always; a covered short as far as whole copies of its protection are confirmed; a naked
    short once everything else is whole.
    """
    plan = group.plan.legs[index]
    leg = group.legs[index]
    if plan.leg_type in (LegType.PROTECTIVE_LONG, LegType.LONG, LegType.HEDGE):
        return abs(group.target_units(index))
    protected = [
        other.held_units // other.plan.units_per_copy
        for other in group.legs[: len(group.plan.legs)]
        if other.plan.side is Side.BUY
    ]
    if plan.leg_type is LegType.NAKED_SHORT:
        protected += [
            other.held_units // other.plan.units_per_copy
            for other in group.legs[: len(group.plan.legs)]
            if other.plan.leg_type is LegType.COVERED_SHORT
        ]
    copies = min([*protected, group.copies])
    if not turn.guarded("cover-before-release"):
        copies = group.copies
    out = leg.held_units + group.working(index, Side.SELL)
    wanted = copies * plan.units_per_copy - out
    if wanted <= 0 or not turn.guarded("cover-before-release"):
        return wanted
    return wanted - _would_be_uncovered(group, index, wanted)


def _would_be_uncovered(group: MultiLegOrderGroup, index: int, units: int) -> int:
    """Units of a sale that today's confirmed longs would not cover, everything working counted as sold."""
    holdings = worst_holdings(group)
    contract, held = holdings[index]
    holdings[index] = (contract, held - units)
    return uncovered_beyond_plan(group.plan, holdings)


def _gate_holds(turn: Turn, group: MultiLegOrderGroup, since_ns: int) -> bool:
    """Whether a margin decision since then let the group through; otherwise it is asked for again."""
    gate = group.gate
    if gate is not None and gate.passed and gate.at_ns >= since_ns:
        return True
    age_ns = turn.settings.gate_max_age_ms * NS_PER_MS
    refused_ns = gate.at_ns if gate is not None and not gate.passed else 0
    last_ns = max(group.gate_asked_ns, refused_ns)
    if turn.now_ns - last_ns > age_ns:
        turn.record(GateAsked(group.group_id), group.group_id)
        turn.perform(AskMargin(group.plan))
        last_ns = turn.now_ns
    turn.wake(group.group_id, last_ns + age_ns + 1)
    return False


def _misses_price(turn: Turn, group: MultiLegOrderGroup) -> str | None:
    """Why the fills so far and the marketable prices of the rest do not meet the price agreed; or ``""``.

    ``None`` while a leg that is still to be traded has no fresh price on its side.
    """
    limit = group.plan.limit_net_paise
    if limit is None:
        return ""
    net = 0.0
    for leg in group.legs[: len(group.plan.legs)]:
        plan = leg.plan
        wanted = group.plan.units(plan.index)
        quote = turn.view.fresh(plan.contract.symbol, turn.now_ns)
        touch = quote.touch_paise(plan.side) if quote is not None else None
        done = min(leg.entered_units, wanted)
        average = leg.average_paise
        if average is None:
            done = 0
        if touch is None and done < wanted:
            return None
        value = (average or 0.0) * done + (touch or 0) * (wanted - done)
        net -= plan.side.sign * plan.ratio * value / wanted
    if net >= limit:
        return ""
    word = "credit" if group.plan.is_credit else "debit"
    return f"the {word} would be {price(abs(round(net)))}, agreed was {price(abs(limit))}"


def lacks(group: MultiLegOrderGroup) -> bool:
    """Whether a leg holds less than is wanted now, whatever others hold beyond it."""
    return any(leg.held_units < abs(group.target_units(index)) for index, leg in enumerate(group.legs))


def is_whole(group: MultiLegOrderGroup) -> bool:
    """Whether every leg holds what is wanted now and no entry is still working."""
    if any(order.purpose is not Purpose.STOP for order in group.live_orders):
        return False
    return all(
        leg.net_units == group.target_units(index) for index, leg in enumerate(group.legs)
    ) and not uncovered_beyond_plan(group.plan, confirmed_holdings(group))
