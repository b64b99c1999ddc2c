"""The order ticket: from what a person typed to a plan, its price, its risk and what the gates would say.

The plan is submitted to the same pure decisions that a real one meets, and the result thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from core.domain.account import Account
from core.domain.calendar import SessionCalendar
from core.domain.facts import GateDecided
from core.domain.groups import GroupPlan
from core.domain.inputs import MarginAnswered, SubmitGroup
from core.domain.instruments import InstrumentKind, Right
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Funds
from core.domain.quotes import MarketView
from core.domain.tags import group_id_for
from core.engine.previews import TicketLeg, TicketPreview, TicketRequest
from core.policy.collaborators import Collaborators
from core.policy.decide import decide
from core.risk.payoff import PayoffLeg, payoff_of
from core.risk.priced import PricedContract, price_contracts
from core.risk.pricing import black76
from core.strategies.catalogue import STRATEGIES, Strategy, strategy_named
from core.strategies.errors import StrategyError
from core.strategies.plan import Choices, Terms, plan_from_strategy
from core.strategies.selection import AtDelta, AtStrike, FromMoney, StrikeChoice, expiries_of
from core.strategies.structure import structure_of

_NAMES = tuple((strategy.name, strategy.title) for strategy in STRATEGIES.values())
LOTS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class TicketMarket:
    """What a ticket is judged on: the account, the market, and the funds where the broker has told them."""

    account: Account
    view: MarketView
    now_ns: int
    calendar: SessionCalendar
    parts: Collaborators
    funds: Funds | None
    number: int
    """The number that the new group would have."""


def preview_ticket(asked: TicketRequest, market: TicketMarket) -> TicketPreview:
    """The preview of a ticket. What is wrong with it is said in ``problem``, never raised."""
    names = sorted({c.underlying for c in market.view.contracts.values() if c.kind is InstrumentKind.OPTION})
    underlying = asked.underlying or (names[0] if len(names) == 1 else "")
    days = expiries_of(market.view, underlying) if underlying in names else []
    empty = TicketPreview(
        asked,
        at_ns=market.now_ns,
        strategies=_NAMES,
        underlyings=tuple(names),
        expiries=tuple(day for day in days if market.calendar.expiry_ns(day) > market.now_ns),
    )
    try:
        plan = _plan(asked, market)
    except StrategyError as error:
        return replace(empty, problem=_sentence(str(error)))
    return _judged(_described(replace(empty, plan=plan), plan, market), plan, market)


def _plan(asked: TicketRequest, market: TicketMarket) -> GroupPlan:
    strategy = strategy_named(asked.strategy)
    return plan_from_strategy(
        asked.strategy,
        market.view,
        lots=_whole(asked.lots, "lots"),
        group_id=group_id_for(market.number),
        number=market.number,
        now_ns=market.now_ns,
        settings=market.account.settings,
        choices=_choices(asked, strategy),
        terms=Terms(
            limit_net_paise=_paise(asked.limit_net, "the limit"),
            allow_naked=asked.allow_naked,
            stop_premium_bps=_multiple_bps(asked.stop),
        ),
        calendar=market.calendar,
    )


def _choices(asked: TicketRequest, strategy: Strategy) -> Choices:
    rights = {leg.right for leg in strategy.legs}
    return Choices(
        underlying=asked.underlying or None,
        expiry=asked.expiry,
        call=_strike(asked.call, "the call") if Right.CE in rights else None,
        put=_strike(asked.put, "the put") if Right.PE in rights and not strategy.one_body else None,
        width_paise=_paise(asked.width, "the width") if strategy.has_wings else None,
    )


def _strike(text: str, what: str) -> StrikeChoice | None:
    """``24900`` a strike, ``0.20`` a delta, ``+300`` or ``-50`` points from the money; empty is nothing."""
    text = text.strip()
    if not text:
        return None
    number = _number(text, what, "a strike (24900), a delta (0.20) or points from the money (+300)")
    if text[0] in "+-":
        return FromMoney(round(number * 100))
    if 0 < number < 1:
        return AtDelta(float(number))
    if number <= 0:
        raise StrategyError(f"{what} cannot be {text}: a strike lies above zero")
    return AtStrike(round(number * 100))


def _number(text: str, what: str, wanted: str) -> Decimal:
    try:
        number = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        raise StrategyError(f"{what} cannot be {text.strip()!r}: give {wanted}") from None
    if not number.is_finite() or abs(number) > 10_000_000:
        raise StrategyError(f"{what} cannot be {text.strip()!r}: give {wanted}")
    return number


def _whole(text: str, what: str) -> int:
    number = _number(text or "0", what, "a whole number, such as 4")
    if number != number.to_integral_value() or not 1 <= number <= LOTS_MAX:
        raise StrategyError(
            f"{what} must be a whole number from 1 to {LOTS_MAX:,}, not {text.strip() or 'nothing'}"
        )
    return int(number)


def _paise(text: str, what: str) -> int | None:
    if not text.strip():
        return None
    return round(_number(text, what, "a number, such as 200") * 100)


def _multiple_bps(text: str) -> int:
    if not text.strip():
        return 0
    number = _number(text, "the stop", "a multiple of the premium, such as 2")
    if not 1 < number <= 20:
        raise StrategyError(
            f"the stop must lie above 1 and at most at 20 times the premium, not at {text.strip()}"
        )
    return round(number * 10_000)


def _described(preview: TicketPreview, plan: GroupPlan, market: TicketMarket) -> TicketPreview:
    """With its legs, its price and its payoff."""
    priced, problems = price_contracts(
        market.view, [leg.contract for leg in plan.legs], market.now_ns, market.calendar
    )
    legs: list[TicketLeg] = []
    touches: list[int | None] = []
    for place, leg in enumerate(plan.legs):
        quote = market.view.fresh(leg.contract.symbol, market.now_ns)
        touches.append(quote.touch_paise(leg.side) if quote is not None else None)
        units, slice_units = plan.units(leg.index), leg.contract.sliceable_units
        legs.append(
            TicketLeg(
                leg.contract.label,
                leg.side,
                units,
                -(-units // slice_units) if slice_units else 0,
                leg.score,
                leg.reason,
                touches[-1],
                None if problems else _delta(priced[place]),
            )
        )
    children = sum(leg.children for leg in legs)
    settings = market.account.settings
    a_second = max(1, settings.orders_per_second - settings.reserve_per_second)
    preview = replace(
        preview,
        legs=tuple(legs),
        structure=structure_of(plan.legs).sentence,
        children=children,
        budget_s=-(-children // a_second),
    )
    if problems or None in touches:
        return preview
    at_touch = [
        PayoffLeg(one, leg.side.sign * plan.units(leg.index), float(touch or 0))
        for one, leg, touch in zip(priced, plan.legs, touches, strict=True)
    ]
    payoff = payoff_of(at_touch)
    return replace(
        preview,
        has_figures=True,
        net_paise=round(payoff.net_entry_paise),
        max_profit_paise=None if payoff.max_profit_paise is None else round(payoff.max_profit_paise),
        max_loss_paise=None if payoff.max_loss_paise is None else round(payoff.max_loss_paise),
        breakevens_paise=tuple(round(level) for level in payoff.breakevens_paise),
    )


def _delta(one: PricedContract) -> float:
    """Of one unit, with its sign."""
    contract = one.contract
    greeks = black76(
        one.forward_paise, [contract.strike_paise], one.years, [one.vol], contract.right is Right.CE
    )
    return float(greeks.delta[0])


def _judged(preview: TicketPreview, plan: GroupPlan, market: TicketMarket) -> TicketPreview:
    """With what admission and the margin gate would say now."""
    submitted = decide(
        market.account, SubmitGroup(plan, "preview"), market.view, market.now_ns, collaborators=market.parts
    )
    group = submitted.account.groups[plan.group_id]
    if group.state is ExecutionLifecycle.REJECTED:
        return replace(preview, problem=_sentence(group.reason))
    if market.funds is None:
        return replace(preview, problem="The broker has not told the funds yet: the margin cannot be judged.")
    answer = MarginAnswered(plan.group_id, market.funds, None, None)
    answered = decide(submitted.account, answer, market.view, market.now_ns, collaborators=market.parts)
    gate = next((row.fact for row in answered.rows if isinstance(row.fact, GateDecided)), None)
    if gate is None:
        return replace(preview, problem="The margin gate gave no answer.")
    worst = answered.worst_cases.get(plan.group_id)
    return replace(
        preview,
        problem="" if gate.passed else _sentence(gate.sentence),
        margin_words=gate.sentence,
        margin_paise=gate.required_paise,
        margin_limit_paise=worst.limit_paise if worst is not None else 0,
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
