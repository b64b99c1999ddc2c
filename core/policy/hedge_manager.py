"""Which answer to uncovered units or to delta is best: what is exposed, what is on offer, what it costs.

Over-hedging is judged as if everything working fills, cover as if none of it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.domain.cover import (
    Holding,
    beyond_plan_by_kind,
    confirmed_holdings,
    cover_width,
    covers,
    uncovered_beyond_plan,
)
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import Contract, InstrumentKind, Side
from core.domain.orders import ChildOrder, OrderStatus, OrderType, Purpose
from core.domain.quotes import MarketView
from core.domain.timing import NS_PER_MS
from core.policy.attempts import failed_attempts

_REFUSED_FOR_MS = 2_000
"""A contract whose order was refused is not tried again for this long."""


@dataclass(frozen=True, slots=True)
class HedgeChoice:
    """One way to answer: what to buy or sell, how much of it, and what it costs beyond its fair price."""

    kind: str
    contract: Contract
    side: Side
    units: int
    cost_paise: float
    fills_at_once: bool
    leg: int | None
    """The group's leg it belongs to; ``None`` where a leg has to be added."""


class EmergencyHedgeManager:
    """What is exposed, and which answer is best. Pure: it reads and proposes."""

    @staticmethod
    def unanswered_units(group: MultiLegOrderGroup, *, count_working: bool = True) -> int:
        """Uncovered units that would be left if every purchase that is out filled.

        Zero does not mean safe: it means that enough is on its way.
        """
        return uncovered_beyond_plan(group.plan, _holdings(group, count_working=count_working))

    @staticmethod
    def unanswered_like(group: MultiLegOrderGroup, contract: Contract) -> int:
        """The part of ``unanswered_units`` that is of the right and the expiry of ``contract``."""
        if contract.right is None:
            return 0
        beyond = beyond_plan_by_kind(group.plan, _holdings(group))
        return beyond.get((contract.right, contract.expiry), 0)

    @staticmethod
    def choices(
        group: MultiLegOrderGroup,
        view: MarketView,
        now_ns: int,
        units: int,
        without: str = "",
        *,
        count_working: bool = True,
        taken: frozenset[str] = frozenset(),
    ) -> list[HedgeChoice]:
        """Every way to answer ``units`` uncovered, best first; ``without`` is an order not to count on.

        While loss is uncapped the fastest comes first, then the cheapest for what it answers; one alone may
        answer a part only. It stays bounded if the order it replaces fills as well: all of them are
        purchases. ``taken`` are symbols in which somebody else is short: bought there, units would close his
        position and cover nothing. ``count_working`` is whether what is on its way counts as part of the
        answer; only the simulator ever says no.
        """
        buying = _buying(group) if count_working else [0] * len(group.legs)
        holdings = _holdings(group, without, count_working=count_working)
        shorts = tuple(_shorts(group, holdings))
        proposed = [
            *_reversals(group, shorts, now_ns, units, buying),
            *_completions(group, shorts, now_ns, units, buying),
            *_other_strikes(group, shorts, view, now_ns, units),
        ]
        found = [
            _choice(kind, contract, Side.BUY, answered, view, now_ns, leg)
            for kind, contract, wanted, leg in proposed
            if (kind == "reverse" or contract.symbol not in taken)
            and (answered := _answered(group, holdings, contract, wanted))
        ]
        return sorted(found, key=lambda choice: _order_of(group, choice))

    @staticmethod
    def neutral_future(
        group: MultiLegOrderGroup,
        view: MarketView,
        now_ns: int,
        delta_units: float,
        taken: frozenset[str] = frozenset(),
    ) -> HedgeChoice | None:
        """The index future against this delta: whole lots, rounded toward zero, net of what is out.

        ``taken`` are symbols that somebody else holds the other way round.
        """
        futures = sorted(
            (
                contract
                for contract in view.contracts.values()
                if contract.kind is InstrumentKind.FUTURE
                and contract.underlying == group.plan.underlying
                and contract.symbol not in taken
                and contract.sliceable_units
                and view.fresh(contract.symbol, now_ns) is not None
            ),
            key=lambda contract: contract.expiry,
        )
        if not futures:
            return None
        contract = futures[0]
        leg = _leg_of(group, contract)
        out = 0 if leg is None else group.working(leg, Side.BUY) - group.working(leg, Side.SELL)
        wanted = int(abs(delta_units + out)) // contract.lot_units * contract.lot_units
        if not wanted:
            return None
        side = Side.SELL if delta_units + out > 0 else Side.BUY
        return _choice("neutralise", contract, side, wanted, view, now_ns, leg)


def _holdings(group: MultiLegOrderGroup, without: str = "", *, count_working: bool = True) -> list[Holding]:
    """What a group holds once every purchase that is out has filled; ``without`` is an order left aside."""
    if not count_working:
        return confirmed_holdings(group)
    buying = [0] * len(group.legs)
    for order in group.live_orders:
        if order.side is Side.BUY and not _awaits_trigger(order) and order.tag != without:
            buying[order.leg] += order.working_units
    return [(leg.plan.contract, leg.net_units + buying[index]) for index, leg in enumerate(group.legs)]


def _awaits_trigger(order: ChildOrder) -> bool:
    """Whether it is a stop that buys nothing until its trigger is reached, or until it is told to."""
    return (
        order.purpose is Purpose.STOP
        and order.order_type is OrderType.SL
        and order.status is not OrderStatus.OPEN
        and not order.asked_to_limit
    )


def _stop_units(group: MultiLegOrderGroup, leg: int) -> int:
    """Units of a short leg that its resting stops can be told to buy back now; fired ones do so already."""
    if group.legs[leg].retired_at_ns:
        return 0
    return sum(order.working_units for order in group.live_orders if order.leg == leg and can_be_told(order))


def can_be_told(order: ChildOrder) -> bool:
    """Whether a resting stop can be told to buy now, instead of at its trigger."""
    settled = order.order_id is not None and not order.modify_pending and not order.asked_limit_paise
    return order.is_resting_stop and settled and not order.modify_refusals


def _leg_of(group: MultiLegOrderGroup, contract: Contract) -> int | None:
    for index, leg in enumerate(group.legs):
        if leg.plan.contract.symbol == contract.symbol:
            return index
    return None


_Shorts = tuple[tuple[int, int], ...]
"""Legs that are short of an uncovered kind, with the uncovered units of that kind."""

_Proposal = tuple[str, Contract, int, int | None]
"""The kind of an answer, what it buys, how many units at most, and the leg it belongs to, if there is one."""


def _shorts(group: MultiLegOrderGroup, holdings: list[Holding]) -> Iterator[tuple[int, int]]:
    beyond = beyond_plan_by_kind(group.plan, holdings)
    for index, leg in enumerate(group.legs):
        contract = leg.plan.contract
        if contract.right is None or leg.net_units >= 0:
            continue
        units = beyond.get((contract.right, contract.expiry), 0)
        if units:
            yield index, units


def _answered(group: MultiLegOrderGroup, holdings: list[Holding], contract: Contract, units: int) -> int:
    """The most of these units that leave as many fewer uncovered, unit for unit: more would hedge nothing."""
    before = uncovered_beyond_plan(group.plan, holdings)
    while units > 0:
        after = uncovered_beyond_plan(group.plan, _bought(holdings, contract, units))
        if before - after >= units:
            break
        units = _whole(before - after, contract)
    return max(0, units)


def _order_of(group: MultiLegOrderGroup, choice: HedgeChoice) -> tuple[bool, bool, float, str, str]:
    """The fastest first, then a long sold too often, which is bought back anyway, then the cheapest."""
    leg = None if choice.leg is None else group.legs[choice.leg]
    oversold = choice.kind == "reverse" and leg is not None and leg.plan.side is Side.BUY
    cost_paise = choice.cost_paise / choice.units
    return not choice.fills_at_once, not oversold, cost_paise, choice.contract.symbol, choice.kind


def _bought(holdings: list[Holding], contract: Contract, units: int) -> Iterator[Holding]:
    """The holdings with these units of a contract added."""
    for each, held in holdings:
        yield each, held + units if each == contract else held
        units = 0 if each == contract else units
    if units:
        yield contract, units


def _buying(group: MultiLegOrderGroup) -> list[int]:
    """Units of each leg that may still be bought."""
    return [group.working(index, Side.BUY) for index in range(len(group.legs))]


def _reversals(
    group: MultiLegOrderGroup, shorts: _Shorts, now_ns: int, units: int, buying: list[int]
) -> Iterator[_Proposal]:
    for index, beyond in shorts:
        leg = group.legs[index]
        closable = -leg.net_units - buying[index]
        if buying[index]:
            closable += _stop_units(group, index)
        wanted = _whole(min(units, beyond, closable), leg.plan.contract)
        if wanted and not _refused(group, index, now_ns):
            yield "reverse", leg.plan.contract, wanted, index


def _completions(
    group: MultiLegOrderGroup, shorts: _Shorts, now_ns: int, units: int, buying: list[int]
) -> Iterator[_Proposal]:
    for short, beyond in shorts:
        for index, leg in enumerate(group.legs[: len(group.plan.legs)]):
            contract = leg.plan.contract
            if leg.plan.side is not Side.BUY or not covers(
                contract, group.legs[short].plan.contract, cover_width(group.plan)
            ):
                continue
            room = group.plan.units(index) - leg.held_units - buying[index]
            wanted = _whole(min(units, beyond, room), contract)
            if wanted and not _refused(group, index, now_ns):
                yield "complete", contract, wanted, index


def _other_strikes(
    group: MultiLegOrderGroup, shorts: _Shorts, view: MarketView, now_ns: int, units: int
) -> Iterator[_Proposal]:
    """The nearest quoted strikes that would cover: bounded even if the order they stand in for fills too."""
    own = {leg.plan.contract.symbol for leg in group.legs[: len(group.plan.legs)]}
    for short, beyond in shorts:
        contract = group.legs[short].plan.contract
        near = sorted(
            (
                other
                for other in view.contracts.values()
                if other.symbol not in own
                and other.expiry == contract.expiry
                and other.sliceable_units
                and covers(other, contract, cover_width(group.plan))
                and view.fresh(other.symbol, now_ns) is not None
            ),
            key=lambda other: (abs(other.strike_paise - contract.strike_paise), other.symbol),
        )
        for other in near[:4]:
            leg = _leg_of(group, other)
            wanted = _whole(min(units, beyond), other)
            if wanted and (leg is None or not _refused(group, leg, now_ns)):
                yield "cover", other, wanted, leg


def _whole(units: int, contract: Contract) -> int:
    return max(0, units) // contract.lot_units * contract.lot_units


def _refused(group: MultiLegOrderGroup, leg: int, now_ns: int) -> bool:
    attempts, heard_ns = failed_attempts(group, leg, Side.BUY)
    return attempts > 0 and now_ns - heard_ns < _REFUSED_FOR_MS * NS_PER_MS


_TRADES = {"reverse": 1, "complete": 2, "cover": 2, "neutralise": 2}
"""How many times the spread is paid until the group is flat: cover that is bought has to be sold again."""


def _choice(
    kind: str,
    contract: Contract,
    side: Side,
    units: int,
    view: MarketView,
    now_ns: int,
    leg: int | None,
) -> HedgeChoice:
    """Cost: half the spread for every trade, and once more for each multiple of the size on show."""
    quote = view.fresh(contract.symbol, now_ns)
    touch = quote.touch_paise(side) if quote is not None else None
    if quote is None or touch is None:
        return HedgeChoice(kind, contract, side, units, float("inf"), False, leg)
    shown = max(quote.touch_units(side), 1)
    half = max(quote.half_spread_paise, contract.tick_paise / 2)
    slippage = half * (units / shown if units > shown else 0.0)
    cost = units * (half * _TRADES[kind] + slippage)
    return HedgeChoice(kind, contract, side, units, cost, units <= shown, leg)
