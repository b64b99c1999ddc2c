"""Looking at one group closely: its payoff now and at expiry, and what it would make of shocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.domain.calendar import SessionCalendar
from core.domain.groups import LegState, MultiLegOrderGroup
from core.domain.quotes import MarketView
from core.engine.snapshot import GroupLook, LogLine
from core.policy.mismatch import balance_of
from core.risk.payoff import PayoffLeg, payoff_of
from core.risk.priced import price_contracts
from core.risk.stress import payoff_curve, stress_grid

CURVE_POINTS = 61
REACH = 0.03
"""How far the curves go: as far as the shocks of the exposure panel."""


def look_closely(
    group: MultiLegOrderGroup,
    view: MarketView,
    now_ns: int,
    calendar: SessionCalendar,
    log: Iterable[LogLine] = (),
) -> GroupLook:
    """What the group holds, repriced; while it holds nothing, what its plan would be at today's values."""
    known = with_ratio(GroupLook(group.group_id, now_ns, tuple(log)), group)
    held = [(leg.plan.contract, leg.net_units) for leg in group.legs if leg.net_units]
    basis = "held" if held or group.is_over else "planned"
    if basis == "planned":
        held = [(leg.contract, leg.side.sign * group.plan.units(leg.index)) for leg in group.plan.legs]
    if not held:
        return replace(known, basis=basis, problem="The group holds nothing.")
    priced, problems = price_contracts(view, [contract for contract, _ in held], now_ns, calendar)
    if problems:
        return replace(known, basis=basis, problem=f"{problems[0]}.")
    if basis == "held":
        # All that was received and paid is charged to the first leg: only the sum has a meaning.
        values = {one.contract.symbol: one.value_paise for one in priced}
        cash = sum(
            leg.cash_paise - _unpriced_units(leg) * values.get(leg.plan.contract.symbol, 0.0)
            for leg in group.legs
        )
        entries = [-cash / held[0][1], *(0.0 for _ in held[1:])]
    else:
        entries = [one.value_paise for one in priced]
    legs = [
        PayoffLeg(one, units, entry) for one, (_, units), entry in zip(priced, held, entries, strict=True)
    ]
    payoff, curve, grid = payoff_of(legs), payoff_curve(legs, CURVE_POINTS, REACH), stress_grid(legs)
    return replace(
        known,
        basis=basis,
        level_paise=round(min(priced, key=lambda one: one.years).forward_paise),
        levels_paise=curve.levels_paise,
        now_paise=curve.now_paise,
        at_expiry_paise=curve.at_expiry_paise,
        breakevens_paise=tuple(round(level) for level in payoff.breakevens_paise),
        max_profit_paise=_rounded(payoff.max_profit_paise),
        max_loss_paise=_rounded(payoff.max_loss_paise),
        price_steps=grid.price_steps,
        vol_steps=grid.vol_steps,
        grid_paise=grid.profit_paise,
    )


def with_ratio(look: GroupLook, group: MultiLegOrderGroup) -> GroupLook:
    """The look with what the validator says of the group's ratio; nothing is said while it holds nothing."""
    if not any(leg.net_units for leg in group.legs):
        return look
    balance = balance_of(group)
    return replace(look, ratio_words=balance.sentence, ratio_holds=balance.balanced)


def _unpriced_units(leg: LegState) -> int:
    """Signed units whose trades are not told yet: until then they count as taken at today's value."""
    bought = leg.bought_units - leg.priced_bought_units
    return bought - (leg.sold_units - leg.priced_sold_units)


def _rounded(paise: float | None) -> int | None:
    return None if paise is None else round(paise)
