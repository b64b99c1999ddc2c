"""The invariants, each a small named check, judged at every send and at the end of a run.

A send is judged by what the broker had told us by then, working and unanswered orders counted wherever that
is worse; the end is judged on the exchange's own books.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.brokers.port import OrderRequest
from core.domain.account import Account
from core.domain.cover import uncovered_beyond_plan, worst_holdings
from core.domain.evolve import group_of
from core.domain.facts import FillRecorded, OrderIntended, Recorded
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.lifecycle import RESTING
from core.domain.orders import ChildOrder, Outcome, Purpose, TradeReport
from core.domain.timing import NS_PER_MS, NS_PER_S


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold, when, and how."""

    invariant: int
    at_ns: int
    detail: str


@dataclass(frozen=True, slots=True)
class SendSeen:
    """A new order at the door of the broker, with the account as it stood."""

    request: OrderRequest
    order: ChildOrder
    group: MultiLegOrderGroup
    account: Account
    at_ns: int


def covered(seen: SendSeen) -> str:
    """1: no send lets a defined-risk group's shorts exceed what its confirmed longs cover."""
    if seen.order.side is not Side.SELL:
        return ""
    holdings = worst_holdings(seen.group)
    after = uncovered_beyond_plan(seen.group.plan, holdings)
    if not after:
        return ""
    contract, units = holdings[seen.order.leg]
    holdings[seen.order.leg] = (contract, units + seen.order.units)
    before = uncovered_beyond_plan(seen.group.plan, holdings)
    return f"{seen.order.tag} leaves {after} short units uncovered" if after > before else ""


def not_blind(seen: SendSeen) -> str:
    """3: while a send of the group is unanswered, nothing that adds risk goes out."""
    if seen.order.purpose is not Purpose.ENTRY:
        return ""
    unknown = [
        order.tag
        for order in seen.group.live_orders
        if order.outcome is Outcome.UNKNOWN and order.order_id is None and order.tag != seen.order.tag
    ]
    return f"{seen.order.tag} was sent while {', '.join(unknown)} was unanswered" if unknown else ""


def no_double_exit(seen: SendSeen) -> str:
    """4 and 6: no exit, with all that is working beside it, can turn the position's sign."""
    if seen.order.purpose is Purpose.ENTRY:
        return ""
    leg = seen.group.legs[seen.order.leg]
    side = seen.order.side
    if side is leg.plan.side and len(seen.group.plan.legs) <= seen.order.leg:
        return ""  # a hedge in a leg of its own opens what it holds
    closing = seen.group.working(seen.order.leg, side)
    held = -side.sign * leg.net_units
    if closing > held:
        return f"{seen.order.tag} would close {closing} of {held} {seen.order.symbol}"
    return ""


def gated(seen: SendSeen) -> str:
    """10: nothing that adds risk is sent for a group that the margin gate has not passed."""
    if seen.order.purpose is not Purpose.ENTRY:
        return ""
    gate = seen.group.gate
    return "" if gate is not None and gate.passed else f"{seen.order.tag} was sent without a margin decision"


def latched(seen: SendSeen) -> str:
    """11: after the kill switch nothing that adds risk is sent."""
    if seen.order.purpose is Purpose.ENTRY and seen.account.kill.tripped:
        return f"{seen.order.tag} was sent with the kill switch on"
    return ""


def sliced(seen: SendSeen) -> str:
    """13: a child is whole lots, at most the freeze quantity."""
    contract = seen.group.legs[seen.order.leg].plan.contract
    units = seen.request.units
    if units <= 0 or units % contract.lot_units:
        return f"{seen.order.tag}: {units} is no whole number of lots of {contract.lot_units}"
    if contract.freeze_units is None or units > contract.freeze_units:
        return f"{seen.order.tag}: {units} is above the freeze quantity {contract.freeze_units}"
    return ""


SEND_CHECKS: tuple[tuple[int, Callable[[SendSeen], str]], ...] = (
    (1, covered),
    (3, not_blind),
    (4, no_double_exit),
    (10, gated),
    (11, latched),
    (13, sliced),
)


def within_budget(sends_ns: Iterable[int], account: Account) -> str:
    """12: never more sends in a calendar second or minute than the account may make."""
    times = list(sends_ns)
    settings = account.settings
    for span_ns, limit, word in (
        (NS_PER_S, settings.orders_per_second, "second"),
        (60 * NS_PER_S, settings.orders_per_minute, "minute"),
    ):
        counted = Counter(at_ns // span_ns for at_ns in times)
        if counted and max(counted.values()) > limit:
            return f"{max(counted.values())} sends in one {word}, {limit} are allowed"
    return ""


def intended_first(rows: Iterable[Recorded], tags_at_broker: Iterable[str], nonce: str) -> str:
    """2: every order at the broker that carries our nonce was committed, once."""
    intended = Counter(row.fact.order.tag for row in rows if isinstance(row.fact, OrderIntended))
    twice = [tag for tag, times in intended.items() if times > 1]
    if twice:
        return f"intended twice: {', '.join(sorted(twice)[:3])}"
    orphans = [tag for tag in tags_at_broker if tag.startswith(nonce) and tag not in intended]
    return f"at the broker and never intended: {', '.join(sorted(orphans)[:3])}" if orphans else ""


def nothing_lost(rows: Iterable[Recorded], trades: Iterable[TradeReport], ours: set[str]) -> str:
    """9: every trade of ours at the exchange is in the journal exactly once. ``ours`` are our order ids."""
    recorded = Counter(row.fact.trade_id for row in rows if isinstance(row.fact, FillRecorded))
    twice = [trade_id for trade_id, times in recorded.items() if times > 1]
    if twice:
        return f"recorded twice: trade {', '.join(sorted(twice)[:3])}"
    lost = [t.trade_id for t in trades if t.order_id in ours and t.trade_id not in recorded]
    return f"not in the journal: trade {', '.join(sorted(lost)[:3])}" if lost else ""


def broker_wins(account: Account, theirs: dict[str, int]) -> str:
    """7: our book equals the broker's for every symbol of ours, or the difference is an open divergence."""
    ours: Counter[str] = Counter()
    for group in account.groups.values():
        for leg in group.legs:
            ours[leg.plan.contract.symbol] += leg.net_units
    for symbol in sorted(set(ours) | set(theirs)):
        if ours[symbol] == theirs.get(symbol, 0):
            continue
        if any(d.is_open and d.symbol == symbol for d in account.divergences.values()):
            continue
        return f"{symbol}: we say {ours[symbol]:+d}, the exchange {theirs.get(symbol, 0):+d}"
    return ""


def at_rest(account: Account) -> Iterable[str]:
    """14: every group is whole, flat or in a person's hands."""
    for group_id, group in sorted(account.groups.items()):
        if group.state not in RESTING:
            yield f"{group_id} is still {group.state.value}: {group.reason}"


def add_up(account: Account) -> Iterable[str]:
    """13: no leg was filled for more than was planned, on its own side."""
    for group_id, group in sorted(account.groups.items()):
        for index in range(len(group.plan.legs)):
            entered = sum(
                order.filled_units
                for order in group.orders.values()
                if order.leg == index and order.purpose is Purpose.ENTRY
            )
            if entered > group.plan.units(index):
                symbol = group.plan.legs[index].contract.symbol
                yield f"{group_id}: {entered} of {group.plan.units(index)} {symbol} were entered"


def naked_most(account: Account, trades: Iterable[TradeReport]) -> int:
    """The most short units of a group that stood beyond cover and plan after any trade at the exchange."""
    held: dict[str, list[int]] = {}
    most = 0
    for trade in trades:
        tag = account.tags.get(trade.order_id)
        group = group_of(account, tag) if tag is not None else None
        if group is None or tag is None:
            continue
        units = held.setdefault(group.group_id, [0] * len(group.legs))
        units[group.orders[tag].leg] += trade.side.sign * trade.units
        holdings = [(leg.plan.contract, units[index]) for index, leg in enumerate(group.legs)]
        most = max(most, uncovered_beyond_plan(group.plan, holdings))
    return most


class Judge:
    """Collects violations over a run; each is reported once."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.sends_ns: list[int] = []
        self._seen: set[tuple[int, str]] = set()
        self._tags: set[str] = set()
        self._committed: set[str] = set()

    def commit(self, rows: tuple[Recorded, ...]) -> None:
        """Rows are on disk: their orders may be sent."""
        for row in rows:
            if isinstance(row.fact, OrderIntended):
                self._committed.add(row.fact.order.tag)

    def place(self, request: OrderRequest, account: Account, at_ns: int) -> None:
        """A new order is at the broker's door."""
        self.sends_ns.append(at_ns)
        if request.tag not in self._committed:
            self.add(2, at_ns, f"{request.tag} was sent before it was committed")
        if request.tag in self._tags:
            self.add(3, at_ns, f"{request.tag} was sent twice")
        self._tags.add(request.tag)
        for group in account.groups.values():
            order = group.orders.get(request.tag)
            if order is not None:
                seen = SendSeen(request, order, group, account, at_ns)
                for number, check in SEND_CHECKS:
                    self.add(number, at_ns, check(seen))
                return
        self.add(2, at_ns, f"{request.tag} belongs to no group")

    def other_send(self, at_ns: int) -> None:
        """A modification or a cancel is at the broker's door."""
        self.sends_ns.append(at_ns)

    def add(self, invariant: int, at_ns: int, detail: str) -> None:
        """Note a violation, where there is one."""
        if detail and (invariant, detail) not in self._seen:
            self._seen.add((invariant, detail))
            self.violations.append(Violation(invariant, at_ns, detail))


def at_ms(violation: Violation, start_ns: int) -> int:
    """Market milliseconds from the start of the run."""
    return (violation.at_ns - start_ns) // NS_PER_MS
