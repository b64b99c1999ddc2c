"""What each leg of a group does for it, and the order in which legs are sent: protection first.

The scores are the user's: +100 a long that protects, +50 a hedge that offsets a short already held, -50 a
short that is covered, -100 a naked short. A long that protects nothing has 0: it neither waits nor is waited
for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from core.domain.cover import Holding, covers, uncovered_units
from core.domain.groups import LegPlan, LegType
from core.domain.instruments import Contract, Side
from core.domain.quotes import Quote

SCORES: Final[Mapping[LegType, int]] = {
    LegType.PROTECTIVE_LONG: 100,
    LegType.HEDGE: 50,
    LegType.LONG: 0,
    LegType.COVERED_SHORT: -50,
    LegType.NAKED_SHORT: -100,
}


def in_sending_order(
    legs: Sequence[LegPlan], quotes: Mapping[str, Quote], held: Iterable[Holding] = ()
) -> tuple[LegPlan, ...]:
    """The legs, scored and renumbered: highest score first, then tighter relative spread, then symbol.

    ``held`` is what the account holds already, signed, in the group's product. A leg without a two-sided
    quote counts as having the widest spread.
    """
    existing = tuple(held)
    naked = _naked_units(legs)
    scored = []
    for place, leg in enumerate(legs):
        kind, reason = _role(leg, legs, naked[place], existing)
        scored.append(replace(leg, leg_type=kind, score=SCORES[kind], reason=reason))
    scored.sort(
        key=lambda leg: (-leg.score, relative_spread(quotes.get(leg.contract.symbol)), leg.contract.symbol)
    )
    return tuple(replace(leg, index=index) for index, leg in enumerate(scored))


def relative_spread(quote: Quote | None) -> float:
    """Spread over mid, infinite where it cannot be told."""
    if quote is None or quote.bid_paise is None or quote.ask_paise is None:
        return float("inf")
    total = quote.bid_paise + quote.ask_paise
    return (
        2 * (quote.ask_paise - quote.bid_paise) / total
        if total > 0 and not quote.is_crossed
        else float("inf")
    )


def _naked_units(legs: Sequence[LegPlan]) -> list[int]:
    """Units per copy of each leg that the group's own longs do not cover; cheapest-to-cover shorts first.

    Of several shorts that share too little cover, those listed last in order of strike and symbol are left
    naked: which of them it is says nothing about the group's risk, only which is sent last.
    """
    holding: list[Holding] = [(leg.contract, leg.units_per_copy) for leg in legs if leg.side is Side.BUY]
    naked = [0] * len(legs)
    before = 0
    shorts = [place for place, leg in enumerate(legs) if leg.side is Side.SELL]
    for place in sorted(shorts, key=lambda at: (legs[at].contract.strike_paise, legs[at].contract.symbol)):
        leg = legs[place]
        if leg.contract.right is None:
            naked[place] = leg.units_per_copy
            continue
        holding.append((leg.contract, -leg.units_per_copy))
        after = uncovered_units(holding, None)
        naked[place], before = min(leg.units_per_copy, max(0, after - before)), after
    return naked


def _role(
    leg: LegPlan, legs: Sequence[LegPlan], naked_units: int, held: tuple[Holding, ...]
) -> tuple[LegType, str]:
    contract = leg.contract
    if leg.side is Side.SELL:
        if contract.right is None:
            return LegType.NAKED_SHORT, "a short future: nothing bounds its loss"
        if not naked_units:
            return LegType.COVERED_SHORT, f"covered by {_covering(contract, legs)}"
        if naked_units == leg.units_per_copy:
            return LegType.NAKED_SHORT, "naked: no long of this group covers it"
        return LegType.NAKED_SHORT, f"naked: {naked_units} of {leg.units_per_copy} units a copy have no cover"
    protected = [
        other.contract.label
        for other in legs
        if other.side is Side.SELL
        and other.contract.right is not None
        and covers(contract, other.contract, None)
    ]
    if contract.right is not None and protected:
        return LegType.PROTECTIVE_LONG, f"protects the short {' and '.join(protected)}"
    for other, units in held:
        offsets = other.symbol == contract.symbol or (
            contract.right is not None and other.right is not None and covers(contract, other, None)
        )
        if units < 0 and offsets:
            return LegType.HEDGE, f"offsets the short {other.label} already held"
    return LegType.LONG, "a long that no short depends on"


def _covering(short: Contract, legs: Sequence[LegPlan]) -> str:
    longs = [
        leg.contract.label
        for leg in legs
        if leg.side is Side.BUY and leg.contract.right is not None and covers(leg.contract, short, None)
    ]
    return "the long " + " and ".join(longs)
