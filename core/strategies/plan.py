"""From what a person says to a ``GroupPlan`` that can be executed and judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import gcd
from typing import Final

from core.domain.calendar import SessionCalendar
from core.domain.cover import Holding
from core.domain.groups import GroupPlan, IncompletePolicy, LegPlan, LegType
from core.domain.instruments import Contract, Product, Right, Side
from core.domain.leg_roles import in_sending_order
from core.domain.quotes import MarketView
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_S, clock_text, to_ist
from core.risk.exercise_handler import out_by_ns
from core.risk.smile import chain_vols
from core.strategies.catalogue import Anchor, Strategy, strategy_named
from core.strategies.errors import StrategyError
from core.strategies.plan_limits import limits_on_path
from core.strategies.selection import (
    Chain,
    StrikeChoice,
    chain_of,
    choose_expiry,
    expiries_of,
    underlying_of,
)

GOOD_FOR_NS: Final = 30 * 60 * NS_PER_S
"""How long a group may go on entering when nobody says."""
MAX_SLIPPAGE_BPS: Final = 300
LEGS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class LegRequest:
    """One leg that was asked for: lots per copy of the group."""

    contract: Contract
    side: Side
    ratio: int


@dataclass(frozen=True, slots=True)
class Choices:
    """How a named strategy picks its contracts; everything left out takes the strategy's own default.

    ``call`` and ``put`` choose the body of each side; a strategy with one body takes whichever is given.
    ``width_paise`` is from body to wing. ``right`` says which options a calendar uses.
    """

    underlying: str | None = None
    expiry: date | None = None
    far_expiry: date | None = None
    call: StrikeChoice | None = None
    put: StrikeChoice | None = None
    width_paise: int | None = None
    right: Right | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How a group is executed and ended; the fields are those of ``GroupPlan``.

    ``limit_net_paise`` is for one unit of every leg's ratio as asked for.
    """

    product: Product = Product.NRML
    on_incomplete: IncompletePolicy = IncompletePolicy.SCALE_DOWN
    max_slippage_bps: int = MAX_SLIPPAGE_BPS
    good_for_ns: int = GOOD_FOR_NS
    limit_net_paise: int | None = None
    exit_at_ns: int | None = None
    allow_naked: bool = False
    stop_premium_bps: int = 0
    stop_loss_paise: int = 0
    target_paise: int = 0
    stop_below_paise: int = 0
    stop_above_paise: int = 0


def plan_from_strategy(
    name: str,
    view: MarketView,
    *,
    lots: int,
    group_id: str,
    number: int,
    now_ns: int,
    settings: ExecutionSettings,
    choices: Choices | None = None,
    terms: Terms | None = None,
    calendar: SessionCalendar | None = None,
    held: Iterable[Holding] = (),
) -> GroupPlan:
    """The plan of a named strategy on the contracts and quotes of a view.

    Raises ``StrategyError`` for an unknown name, strike, expiry or quantity, saying what there is instead.
    Whether a naked group may run is the gate's decision, not this function's.
    """
    choices, calendar = choices or Choices(), calendar or SessionCalendar()
    strategy = strategy_named(name)
    legs = choose_legs(strategy, view, choices, now_ns, calendar)
    return build_plan(
        strategy.name,
        legs,
        view,
        lots=lots,
        group_id=group_id,
        number=number,
        now_ns=now_ns,
        settings=settings,
        terms=terms,
        calendar=calendar,
        held=held,
    )


def choose_legs(
    strategy: Strategy, view: MarketView, choices: Choices, now_ns: int, calendar: SessionCalendar
) -> tuple[LegRequest, ...]:
    """The contracts of a named strategy. Raises ``StrategyError``."""
    underlying = underlying_of(view, choices.underlying)
    expiries = expiries_of(view, underlying)
    near_day = choose_expiry(expiries, choices.expiry, now_ns, calendar)
    near = chain_of(view, underlying, near_day, now_ns, calendar)
    far = near
    if strategy.has_two_expiries:
        far_day = choose_expiry(expiries, choices.far_expiry, now_ns, calendar, after=near_day)
        far = chain_of(view, underlying, far_day, now_ns, calendar)
    elif choices.far_expiry is not None:
        raise StrategyError(f"{strategy.title} has one expiry; a far expiry belongs to a calendar")
    _refuse_what_means_nothing(strategy, choices)
    bodies = _bodies(strategy, near, choices)
    legs = []
    for template in strategy.legs:
        right = template.right if choices.right is None else choices.right
        chain = far if template.far else near
        strike = bodies[right]
        if template.anchor is Anchor.WING:
            strike = chain.wing(strike, right, choices.width_paise)
        elif template.far:
            strike = chain.listed(strike, right)
        legs.append(LegRequest(chain.side(right)[strike], template.side, template.ratio))
    return tuple(legs)


def build_plan(
    strategy: str,
    legs: Sequence[LegRequest],
    view: MarketView,
    *,
    lots: int,
    group_id: str,
    number: int,
    now_ns: int,
    settings: ExecutionSettings,
    terms: Terms | None = None,
    calendar: SessionCalendar | None = None,
    held: Iterable[Holding] = (),
) -> GroupPlan:
    """The plan of these legs, ``lots`` times each leg's ratio, ordered for sending and with its own limits.

    It ends before an expiry that would leave it uncovered or deliver it, whatever the terms say.
    Ratios are brought to the smallest whole copy: 2 lots of a 2x4 are 4 copies of a 1x2. Raises
    ``StrategyError`` for what cannot be traded, or not be priced.
    """
    terms, calendar = terms or Terms(), calendar or SessionCalendar()
    _refuse_impossible(legs, lots, now_ns, calendar)
    _refuse_exit_outside_session(terms.exit_at_ns, calendar)
    common = gcd(*(leg.ratio for leg in legs))
    copies = lots * common
    ordered = in_sending_order(
        [
            LegPlan(index, leg.contract, leg.side, leg.ratio // common, LegType.LONG, 0, "")
            for index, leg in enumerate(legs)
        ],
        view.quotes,
        held,
    )
    forwards, years, vols = _pricing_of(ordered, view, now_ns, calendar)
    delta_limit_units, loss_limit_paise = limits_on_path(ordered, copies, forwards, years, vols, settings)
    limit_net = terms.limit_net_paise
    expiries_ns = {leg.contract.expiry: calendar.expiry_ns(leg.contract.expiry) for leg in ordered}
    ends_ns = [at_ns for at_ns in (terms.exit_at_ns, out_by_ns(ordered, expiries_ns)) if at_ns is not None]
    return GroupPlan(
        group_id=group_id,
        number=number,
        strategy=strategy,
        underlying=ordered[0].contract.underlying,
        product=terms.product,
        legs=ordered,
        copies=copies,
        on_incomplete=terms.on_incomplete,
        max_slippage_bps=terms.max_slippage_bps,
        good_until_ns=now_ns + terms.good_for_ns,
        limit_net_paise=None if limit_net is None else -(-limit_net // common),
        exit_at_ns=min(ends_ns, default=None),
        allow_naked=terms.allow_naked,
        delta_limit_units=delta_limit_units,
        loss_limit_paise=loss_limit_paise,
        stop_premium_bps=terms.stop_premium_bps,
        stop_loss_paise=terms.stop_loss_paise,
        target_paise=terms.target_paise,
        stop_below_paise=terms.stop_below_paise,
        stop_above_paise=terms.stop_above_paise,
    )


def _refuse_exit_outside_session(exit_at_ns: int | None, calendar: SessionCalendar) -> None:
    """Nothing can be closed while the market is: the group would be carried unasked."""
    if exit_at_ns is None or calendar.is_open(exit_at_ns):
        return
    session = calendar.session_at(exit_at_ns)
    when = f"{to_ist(exit_at_ns):%d %b %H:%M}"
    hours = "is closed on that day"
    if session is not None:
        hours = f"is open from {clock_text(session.opens_ns)} to {clock_text(session.closes_ns)}"
    raise StrategyError(f"nothing can be closed at {when}: the market {hours}")


def _refuse_what_means_nothing(strategy: Strategy, choices: Choices) -> None:
    """A choice that the strategy would silently ignore is a misunderstanding worth stopping for."""
    rights = {leg.right for leg in strategy.legs}
    if choices.right is not None and not strategy.has_two_expiries:
        raise StrategyError(f"{strategy.title} has its own rights; choosing calls or puts is for a calendar")
    if choices.width_paise is not None and not strategy.has_wings:
        raise StrategyError(f"{strategy.title} has no wings, so a width means nothing")
    if strategy.one_body:
        if choices.call is not None and choices.put is not None and choices.call != choices.put:
            raise StrategyError(f"{strategy.title} has one body strike; choose it once")
        return
    for right, choice in ((Right.CE, choices.call), (Right.PE, choices.put)):
        if choice is not None and right not in rights:
            raise StrategyError(f"{strategy.title} has no {right.value} leg to choose a strike for")


def _bodies(strategy: Strategy, chain: Chain, choices: Choices) -> dict[Right, int]:
    if strategy.one_body:
        right = Right.PE if choices.right is Right.PE or (choices.call is None and choices.put) else Right.CE
        choice = choices.call or choices.put
        strike = chain.choose(choice, right) if choice else chain.default(strategy.body, right)
        if not strategy.has_two_expiries:
            chain.listed(strike, Right.CE)
            chain.listed(strike, Right.PE)
        return {Right.CE: strike, Right.PE: strike}
    bodies = {}
    for right, choice in ((Right.CE, choices.call), (Right.PE, choices.put)):
        if any(leg.right is right for leg in strategy.legs):
            bodies[right] = chain.choose(choice, right) if choice else chain.default(strategy.body, right)
    if len(bodies) == 2 and bodies[Right.PE] >= bodies[Right.CE]:
        raise StrategyError(
            f"the put at {bodies[Right.PE] / 100:g} must lie below the call at {bodies[Right.CE] / 100:g}; "
            "for one strike choose an iron butterfly or a straddle"
        )
    return bodies


def _refuse_impossible(legs: Sequence[LegRequest], lots: int, now_ns: int, calendar: SessionCalendar) -> None:
    if not legs:
        raise StrategyError("a group needs at least one leg")
    if len(legs) > LEGS_MAX:
        raise StrategyError(f"a group has at most {LEGS_MAX} legs, not {len(legs)}")
    if lots < 1:
        raise StrategyError(f"the number of lots must be at least 1, not {lots}")
    seen: set[str] = set()
    for leg in legs:
        contract = leg.contract
        if contract.right is None:
            raise StrategyError(f"{contract.symbol} is not an option; groups are built of options")
        if leg.ratio < 1:
            raise StrategyError(f"the lots of {contract.symbol} must be at least 1, not {leg.ratio}")
        if contract.symbol in seen:
            raise StrategyError(f"{contract.symbol} appears twice; give it one leg with the net quantity")
        if calendar.expiry_ns(contract.expiry) <= now_ns:
            raise StrategyError(f"{contract.symbol} expired on {contract.expiry:%Y-%m-%d}")
        seen.add(contract.symbol)
    if len({(leg.contract.underlying, leg.contract.exchange) for leg in legs}) > 1:
        raise StrategyError("all legs of a group must be on one underlying and one exchange")


def _pricing_of(
    legs: Sequence[LegPlan], view: MarketView, now_ns: int, calendar: SessionCalendar
) -> tuple[list[float], list[float], list[float]]:
    """Forward, time and volatility by leg. Raises ``StrategyError`` where one cannot be told."""
    chains: dict[date, tuple[Chain, dict[str, float]]] = {}
    forwards, years, vols = [], [], []
    for leg in legs:
        contract = leg.contract
        if contract.expiry not in chains:
            chain = chain_of(view, contract.underlying, contract.expiry, now_ns, calendar)
            listed = [*chain.calls.values(), *chain.puts.values()]
            chains[contract.expiry] = (
                chain,
                chain_vols(view, [*listed, contract], chain.forward_paise, chain.years),
            )
        chain, by_symbol = chains[contract.expiry]
        vol = by_symbol.get(contract.symbol)
        if vol is None:
            raise StrategyError(f"{chain.name} has no usable quote, so {contract.symbol} cannot be priced")
        forwards.append(chain.forward_paise)
        years.append(chain.years)
        vols.append(vol)
    return forwards, years, vols
