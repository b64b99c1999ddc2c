"""The order ticket: from what a person typed to a plan, its price, its risk and what the gates would say.

The plan is submitted to the same pure decisions that a real one meets, and the result thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from core.domain.account import Account
from core.domain.calendar import SessionCalendar
from core.domain.facts import GateDecided
from core.domain.groups import GroupPlan
from core.domain.holdings import account_holdings
from core.domain.inputs import MarginAnswered, SubmitGroup
from core.domain.instruments import InstrumentKind, Right
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import Funds
from core.domain.quotes import MarketView
from core.domain.tags import group_id_for
from core.engine.previews import CUSTOM, TicketLeg, TicketPreview, TicketRequest
from core.engine.ticket_entries import (
    exit_instant,
    in_paise,
    multiple_bps,
    strike_choice,
    typed_leg,
    whole_lots,
)
from core.policy.collaborators import Collaborators
from core.policy.decide import decide
from core.risk.payoff import PayoffLeg, payoff_of
from core.risk.priced import PricedContract, price_contracts
from core.risk.pricing import black76
from core.strategies.catalogue import STRATEGIES, Strategy, strategy_named
from core.strategies.errors import StrategyError
from core.strategies.plan import LEGS_MAX, Choices, LegRequest, Terms, build_plan, choose_legs
from core.strategies.selection import chain_of, choose_expiry, expiries_of, underlying_of
from core.strategies.structure import structure_of

_NAMES = (
    *((strategy.name, strategy.title) for strategy in STRATEGIES.values()),
    (CUSTOM, "Legs of your own"),
)
_TERMS = ("lots", "limit_net", "stop", "exit_at", "product", "on_incomplete", "allow_naked")


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


def fields_of(asked: TicketRequest) -> tuple[str, ...]:
    """The fields of a request that mean something for its strategy, in the order of the form."""
    if asked.strategy == CUSTOM:
        return ("strategy", "underlying", "expiry", "far_expiry", "legs", *_TERMS)
    strategy = STRATEGIES.get(asked.strategy)
    if strategy is None:
        return ("strategy", "underlying", "expiry", *_TERMS)
    rights = {leg.right for leg in strategy.legs}
    meant = {
        "far_expiry": strategy.has_two_expiries,
        "right": strategy.has_two_expiries,
        "call": Right.CE in rights,
        "put": Right.PE in rights and not strategy.one_body,
        "width": strategy.has_wings,
    }
    return ("strategy", "underlying", "expiry", *(name for name, there in meant.items() if there), *_TERMS)


def _plan(asked: TicketRequest, market: TicketMarket) -> GroupPlan:
    if asked.strategy == CUSTOM:
        name, legs = CUSTOM, _own_legs(asked, market)
    else:
        strategy = strategy_named(asked.strategy)
        name = strategy.name
        legs = choose_legs(strategy, market.view, _choices(asked, strategy), market.now_ns, market.calendar)
    return build_plan(
        name,
        legs,
        market.view,
        lots=whole_lots(asked.lots),
        group_id=group_id_for(market.number),
        number=market.number,
        now_ns=market.now_ns,
        settings=market.account.settings,
        terms=Terms(
            product=asked.product,
            on_incomplete=asked.on_incomplete,
            limit_net_paise=in_paise(asked.limit_net, "the limit"),
            exit_at_ns=exit_instant(asked.exit_at, market.now_ns),
            allow_naked=asked.allow_naked,
            stop_premium_bps=multiple_bps(asked.stop),
        ),
        calendar=market.calendar,
        held=account_holdings(market.account, asked.product, market.view.contracts),
    )


def _choices(asked: TicketRequest, strategy: Strategy) -> Choices:
    meant = fields_of(asked)
    return Choices(
        underlying=asked.underlying or None,
        expiry=asked.expiry,
        far_expiry=asked.far_expiry if "far_expiry" in meant else None,
        call=strike_choice(asked.call, "the call") if "call" in meant else None,
        put=strike_choice(asked.put, "the put") if "put" in meant else None,
        width_paise=in_paise(asked.width, "the width") if "width" in meant else None,
        right=asked.right if "right" in meant else None,
    )


def _own_legs(asked: TicketRequest, market: TicketMarket) -> Sequence[LegRequest]:
    """The legs as they were typed, one text each. Raises ``StrategyError`` naming the leg."""
    typed = [(number, text) for number, text in enumerate(asked.legs, 1) if text.strip()]
    if not typed:
        raise StrategyError(
            f"write a leg in each field, up to {LEGS_MAX}: +1 24500 PE buys, -2 24600 CE sells"
        )
    underlying = underlying_of(market.view, asked.underlying or None)
    days = expiries_of(market.view, underlying)
    near = choose_expiry(days, asked.expiry, market.now_ns, market.calendar)
    return [_own_leg(number, text, asked, market, underlying, days, near) for number, text in typed]


def _own_leg(
    number: int,
    text: str,
    asked: TicketRequest,
    market: TicketMarket,
    underlying: str,
    days: Sequence[date],
    near: date,
) -> LegRequest:
    try:
        leg = typed_leg(text)
        day = near
        if leg.far:
            day = choose_expiry(days, asked.far_expiry, market.now_ns, market.calendar, after=near)
        chain = chain_of(market.view, underlying, day, market.now_ns, market.calendar)
        strike = chain.choose(leg.strike, leg.right)
    except StrategyError as error:
        raise StrategyError(f"leg {number}: {error}") from None
    return LegRequest(chain.side(leg.right)[strike], leg.side, leg.ratio)


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
                leg.contract.expiry,
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
