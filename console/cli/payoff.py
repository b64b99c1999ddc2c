"""``hedgerow payoff``: a group's profit and loss, drawn in the terminal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from console.cli.what_if import WhatIf, look
from core.domain.money import rupees
from core.risk.payoff import Payoff, payoff_of
from core.risk.stress import PayoffCurve, payoff_curve
from core.strategies.structure import structure_of

_ROWS = 17
_MARGIN = 14

Group = Annotated[Path, typer.Argument(help="The group's TOML file.", show_default=False)]
Chain = Annotated[Path | None, typer.Option(help="A recorded option chain; else the synthetic market.")]
At = Annotated[
    str | None, typer.Option(help="Time of day to look at (11:00); the market's start if left out.")
]
Underlying = Annotated[str, typer.Option(help="What the chain is on.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, for programs; amounts in rupees.")]


def register(app: typer.Typer) -> None:
    """Add ``payoff`` to the program."""
    app.command("payoff")(payoff)


def payoff(
    group: Group,
    chain: Chain = None,
    at: At = None,
    underlying: Underlying = "NIFTY",
    as_json: AsJson = False,
) -> None:
    """Profit and loss of a group today and when its first leg expires, entered at mid prices.

    Exit status: 0, or 2 for input that cannot be used.
    """
    seen = look(group, chain, at, underlying)
    legs = seen.payoff_legs()
    result = payoff_of(legs)
    width = max(40, min(120, shutil.get_terminal_size((100, 30)).columns - _MARGIN - 1))
    curve = payoff_curve(legs, points=width)
    if as_json:
        typer.echo(json.dumps(_as_json(seen, result, curve), allow_nan=False))
        return
    console = Console(highlight=False)
    forward = min(legs, key=lambda leg: leg.priced.years).priced.forward_paise
    for line in (*drawing(curve, forward), *_summary(seen, result)):
        console.print(line, soft_wrap=True)


def drawing(curve: PayoffCurve, forward_paise: float) -> list[Text]:
    """The two curves over a zero line: ``●`` at expiry, ``·`` today; one text a line of the terminal."""
    highest = max(0, *curve.at_expiry_paise, *curve.now_paise)
    lowest = min(0, *curve.at_expiry_paise, *curve.now_paise)
    span = max(1, highest - lowest)

    def row_of(paise: int) -> int:
        return round((highest - paise) / span * (_ROWS - 1))

    zero = row_of(0)
    lines = []
    for row in range(_ROWS):
        value = highest - span * row / (_ROWS - 1)
        label = "0" if row == zero else (rupees(round(value)) if row in (0, _ROWS - 1) else "")
        line = Text(f"{label:>{_MARGIN - 2}} │")
        for expiry, today in zip(curve.at_expiry_paise, curve.now_paise, strict=True):
            if row_of(expiry) == row:
                line.append("●", "green" if expiry > 0 else "red" if expiry < 0 else "")
            elif row_of(today) == row:
                line.append("·", "cyan")
            else:
                line.append("─" if row == zero else " ", "dim")
        lines.append(line)
    low, high = curve.levels_paise[0], curve.levels_paise[-1]
    width = len(curve.levels_paise)
    place = max(0, min(width - 1, round((forward_paise - low) / max(1, high - low) * (width - 1))))
    name = f"▲ {forward_paise / 100:.0f}"
    marker = name if place + len(name) <= width else f"{forward_paise / 100:.0f} ▲"
    start = place if marker is name else place + 1 - len(marker)
    lines.append(Text(" " * (_MARGIN + max(0, start)) + marker))
    ends = f"{low / 100:.0f}", f"{high / 100:.0f}"
    lines.append(
        Text(" " * _MARGIN + ends[0] + " " * max(1, width - len(ends[0]) - len(ends[1])) + ends[1], "dim")
    )
    lines.append(Text(" " * _MARGIN + "● when the first leg expires   · today"))
    return lines


def _summary(seen: WhatIf, result: Payoff) -> Sequence[Text]:
    net = round(result.net_entry_paise)
    known = "" if result.exact else " (within 35 % of the forward, later legs by the model)"
    chance = result.probability_of_profit
    levels = ", ".join(f"{level / 100:.2f}" for level in result.breakevens_paise) or "none"
    odds = "unknown" if chance is None else f"{chance * 100:.1f} %"
    most, least = _bounded(result.max_profit_paise), _bounded(result.max_loss_paise)
    several = len({leg.contract.expiry for leg in seen.plan.legs}) > 1
    legs = ", ".join(
        f"{leg.side.value} {seen.plan.units(leg.index)} {leg.contract.label}"
        + (f" {leg.contract.expiry:%d %b}" if several else "")
        for leg in seen.plan.legs
    )
    return [
        Text(f"{seen.plan.strategy} on {seen.where}", "bold"),
        Text(f"  {legs}"),
        Text(f"  {'credit' if net >= 0 else 'debit'} {rupees(abs(net))} at mid prices"),
        Text(f"  maximum profit {most}, maximum loss {least}{known}"),
        Text(f"  breakevens {levels}"),
        Text(f"  probability of profit {odds} (risk-neutral)"),
        Text(f"  {structure_of(seen.plan.legs).sentence}"),
        *(Text(f"warning: {remark}") for remark in seen.remarks),
    ]


def _bounded(paise: float | None) -> str:
    return "unbounded" if paise is None else rupees(round(paise))


def _as_json(seen: WhatIf, result: Payoff, curve: PayoffCurve) -> dict[str, Any]:
    def amount(paise: float | None) -> float | None:
        return None if paise is None else round(paise) / 100

    return {
        "market": seen.where,
        "strategy": seen.plan.strategy,
        "net_entry": amount(result.net_entry_paise),
        "max_profit": amount(result.max_profit_paise),
        "max_loss": amount(result.max_loss_paise),
        "breakevens": [amount(level) for level in result.breakevens_paise],
        "probability_of_profit": result.probability_of_profit,
        "exact": result.exact,
        "warnings": list(seen.remarks),
        "structure": structure_of(seen.plan.legs).sentence,
        "curve": {
            "levels": [level / 100 for level in curve.levels_paise],
            "now": [paise / 100 for paise in curve.now_paise],
            "at_expiry": [paise / 100 for paise in curve.at_expiry_paise],
        },
    }
