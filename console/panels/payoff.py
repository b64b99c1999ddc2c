"""The payoff at expiry of what a group holds: a small chart, its extremes and its breakevens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.glyphs import Glyphs
from console.widgets.bars import area, runs
from console.widgets.line import Line, Span, line
from console.wording import signed_rupees
from core.domain.groups import LegState, MultiLegOrderGroup
from core.domain.instruments import InstrumentKind, Right

MARGIN_SHARE = 0.35
"""How far beyond the outer strikes the chart reaches, as a part of the distance between them."""


@dataclass(frozen=True, slots=True)
class Payoff:
    """Rupee results in paise at levels of the underlying, both in paise, lowest level first."""

    levels: tuple[int, ...]
    results: tuple[int, ...]
    breakevens: tuple[int, ...]


def payoff_of(group: MultiLegOrderGroup, points: int) -> Payoff | None:
    """What the units held would be worth at expiry, premiums included; ``None`` where that is no one curve.

    That is so with several expiries, with anything but options, or with nothing held.
    """
    held = [leg for leg in group.legs if leg.net_units]
    contracts = [leg.plan.contract for leg in held]
    if not held or len({contract.expiry for contract in contracts}) > 1:
        return None
    if any(contract.kind is not InstrumentKind.OPTION for contract in contracts):
        return None
    strikes = sorted({contract.strike_paise for contract in contracts})
    reach = max(round((strikes[-1] - strikes[0]) * MARGIN_SHARE), strikes[0] // 100)
    low, high = strikes[0] - reach, strikes[-1] + reach
    levels = tuple(low + (high - low) * step // (points - 1) for step in range(points))
    cash = sum(leg.cash_paise for leg in group.legs)
    results = tuple(cash + sum(_worth(leg, level) for leg in held) for level in levels)
    knots = [low, *strikes, high]
    worths = [cash + sum(_worth(leg, level) for leg in held) for level in knots]
    crossings = [
        round(left + (right - left) * (0 - a) / (b - a))
        for left, right, a, b in zip(knots, knots[1:], worths, worths[1:], strict=False)
        if (a < 0 < b) or (b < 0 < a)
    ]
    return Payoff(levels, results, tuple(crossings))


def _worth(leg: LegState, level_paise: int) -> int:
    """The intrinsic value of the units held in a leg."""
    contract = leg.plan.contract
    distance = level_paise - contract.strike_paise
    return leg.net_units * max(0, distance if contract.right is Right.CE else -distance)


def payoff_lines(
    group: MultiLegOrderGroup, spot_paise: int | None, width: int, height: int, glyphs: Glyphs
) -> list[Line]:
    """A chart of ``height`` rows and a row of figures; gains and losses differ by colour and by their sign
    below.
    """
    label = 19
    columns = min(60, width - label)
    if columns < 20 or height < 2:
        return []
    payoff = payoff_of(group, columns)
    if payoff is None:
        return []
    worst, best = min(payoff.results), max(payoff.results)
    spread = max(1, best - worst)
    rows = area(
        [result - worst + spread / 16 for result in payoff.results], spread * 17 / 16, height - 1, glyphs
    )
    tones = ["ok" if result > 0 else "breach" for result in payoff.results]
    here = _nearest(payoff.levels, spot_paise)
    lines: list[Line] = []
    for number, row in enumerate(rows):
        head = "payoff at expiry" if number == 0 else ""
        marked = list(tones)
        if here is not None:
            marked[here] = "bright"
        lines.append(((head.ljust(label), "muted"), *runs(row, marked)))
    breakevens: list[Span] = [("   breakeven ", "muted")] if payoff.breakevens else []
    breakevens += [(f"{level / 100:,.0f} ", "text") for level in payoff.breakevens]
    figures = line(
        (" " * label + "here ", "muted"),
        (signed_rupees(worst, glyphs), "breach" if worst < 0 else "ok"),
        (" to ", "muted"),
        (signed_rupees(best, glyphs), "ok" if best > 0 else "breach"),
        *breakevens,
    )
    return [*lines, figures]


def _nearest(levels: Sequence[int], spot_paise: int | None) -> int | None:
    """The column of the underlying's level, if it is on the chart."""
    if spot_paise is None or not levels[0] <= spot_paise <= levels[-1]:
        return None
    return min(range(len(levels)), key=lambda column: abs(levels[column] - spot_paise))
