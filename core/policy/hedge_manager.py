"""Which answer to uncovered units or to delta is best: what is exposed, what is on offer, what it costs.

Over-hedging is judged as if everything working fills, cover as if none of it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.domain.cover import (
    Holding,
    allowed_naked,
    confirmed_holdings,
    cover_width,
    covers,
    uncovered_beyond_plan,
    uncovered_by_kind,
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
        holdings = _with_purchases(group) if count_working else confirmed_holdings(group)
        return uncovered_beyond_plan(group.plan, holdings)

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

        While loss is uncapped the fastest comes first, then the cheapest. An answer stays bounded if the
        order it replaces fills as well: all of them are purchases. ``taken`` are symbols in which somebody
        else is short: bought there, units would close his position and cover nothing. ``count_working`` is
        whether what is on its way counts as part of the answer; only the simulator ever says no.
        """
        buying = _buying(group) if count_working else [0] * len(group.legs)
        shorts = tuple(
            _shorts(group, _with_purchases(group, without) if count_working else confirmed_holdings(group))
        )
        found = list(_reversals(group, shorts, view, now_ns, units, buying))
        found += _completions(group, shorts, view, now_ns, units, buying)
        found += _other_strikes(group, shorts, view, now_ns, units)
        found = [
            choice for choice in found if choice.kind == "reverse" or choice.contract.symbol not in taken
        ]
        return sorted(found, key=lambda c: (not c.fills_at_once, c.cost_paise, c.contract.symbol, c.kind))

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


def _with_purchases(group: MultiLegOrderGroup, without: str = "") -> list[Holding]:
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


def _shorts(group: MultiLegOrderGroup, holdings: list[Holding]) -> Iterator[tuple[int, int]]:
    naked = uncovered_by_kind(holdings, cover_width(group.plan))
    allowed = allowed_naked(group.plan)
    for index, leg in enumerate(group.legs):
        contract = leg.plan.contract
        if contract.right is None or leg.net_units >= 0:
            continue
        kind = (contract.right, contract.expiry)
        beyond = naked.get(kind, 0) - allowed.get(kind, 0)
        if beyond > 0:
            yield index, beyond


def _buying(group: MultiLegOrderGroup) -> list[int]:
    """Units of each leg that may still be bought."""
    return [group.working(index, Side.BUY) for index in range(len(group.legs))]


def _reversals(
    group: MultiLegOrderGroup, shorts: _Shorts, view: MarketView, now_ns: int, units: int, buying: list[int]
) -> Iterator[HedgeChoice]:
    for index, beyond in shorts:
        leg = group.legs[index]
        closable = -leg.net_units - buying[index]
        if buying[index]:
            closable += _stop_units(group, index)
        wanted = _whole(min(units, beyond, closable), leg.plan.contract)
        if wanted and not _refused(group, index, now_ns):
            yield _choice("reverse", leg.plan.contract, Side.BUY, wanted, view, now_ns, index)


def _completions(
    group: MultiLegOrderGroup, shorts: _Shorts, view: MarketView, now_ns: int, units: int, buying: list[int]
) -> Iterator[HedgeChoice]:
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
                yield _choice("complete", contract, Side.BUY, wanted, view, now_ns, index)


def _other_strikes(
    group: MultiLegOrderGroup, shorts: _Shorts, view: MarketView, now_ns: int, units: int
) -> Iterator[HedgeChoice]:
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
                yield _choice("cover", other, Side.BUY, wanted, view, now_ns, leg)


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
