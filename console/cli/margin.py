"""``hedgerow margin``: what a group needs, at rest and at worst on its way in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.failing import refuse
from console.cli.what_if import WhatIf, look
from core.domain.money import rupees
from core.domain.orders import Funds
from core.market.margin_parameters import (
    MarginFileError,
    built_in_parameters,
    read_parameters,
    too_new,
)
from core.market.risk_arrays import RiskArrayFileError, read_risk_arrays
from core.risk.margin import MarginBreakdown, RiskArrays, margin_of
from core.risk.span import MarginParameters
from core.risk.worst_case import WorstCase, WorstCaseMarginSimulator
from core.strategies.structure import structure_of

REFUSED = 1
_AMPLE_PAISE = 10**15
_MOST_RUPEES = 1e13

Group = Annotated[Path, typer.Argument(help="The group's TOML file.", show_default=False)]
Chain = Annotated[Path | None, typer.Option(help="A recorded option chain; else the synthetic market.")]
Arrays = Annotated[Path | None, typer.Option(help="The exchange's risk arrays (CSV), in place of estimates.")]
Parameters = Annotated[Path | None, typer.Option(help="Margin parameters (TOML) in place of the built-in.")]
Available = Annotated[float | None, typer.Option(min=0, help="Rupees that may be used, for a verdict.")]
At = Annotated[
    str | None, typer.Option(help="Time of day to look at (11:00); the market's start if left out.")
]
Underlying = Annotated[str, typer.Option(help="What the chain is on.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, for programs; amounts in rupees.")]


def register(app: typer.Typer) -> None:
    """Add ``margin`` to the program."""
    app.command("margin")(margin)


def margin(
    group: Group,
    chain: Chain = None,
    arrays: Arrays = None,
    parameters: Parameters = None,
    available: Available = None,
    at: At = None,
    underlying: Underlying = "NIFTY",
    as_json: AsJson = False,
) -> None:
    """Margin of a group, and its worst case over every fill prefix and shock.

    Exit status: 0, or 1 where --available is given and does not suffice, or 2 for input that cannot be used.
    """
    if available is not None and not available <= _MOST_RUPEES:
        refuse(f"--available {available:g}: give a sum in rupees, up to {_MOST_RUPEES:g}")
    seen = look(group, chain, at, underlying)
    try:
        chosen = read_parameters(parameters) if parameters else built_in_parameters()
        known: RiskArrays = read_risk_arrays(arrays, underlying) if arrays else {}
    except (MarginFileError, RiskArrayFileError) as error:
        refuse(error)
    rest, worst = _figures(seen, chosen, known, available)
    warnings = _warnings(seen, chosen, rest, known)
    if as_json:
        typer.echo(json.dumps(_as_json(seen, chosen, rest, worst, available, warnings), allow_nan=False))
    else:
        _print(seen, chosen, rest, worst, available, warnings)
    if available is not None and not worst.passed:
        raise typer.Exit(REFUSED)


def _figures(
    seen: WhatIf, parameters: MarginParameters, arrays: RiskArrays, available: float | None
) -> tuple[MarginBreakdown, WorstCase]:
    rest = margin_of([(leg.priced, leg.units) for leg in seen.payoff_legs()], parameters, arrays)
    paise = _AMPLE_PAISE if available is None else round(available * 100)
    worst = WorstCaseMarginSimulator(parameters, arrays=arrays, calendar=seen.calendar).simulate(
        seen.plan, seen.view, Funds(paise, paise, 0), now_ns=seen.now_ns
    )
    if worst.worst is None and available is None:
        refuse(worst.sentence)
    return rest, worst


def _as_json(
    seen: WhatIf,
    parameters: MarginParameters,
    rest: MarginBreakdown,
    worst: WorstCase,
    available: float | None,
    warnings: list[str],
) -> dict[str, Any]:
    cell = worst.worst
    structure = structure_of(seen.plan.legs)
    return {
        "market": seen.where,
        "strategy": seen.plan.strategy,
        "legs": [
            {"side": leg.side.value, "symbol": leg.contract.symbol, "units": seen.plan.units(leg.index)}
            for leg in seen.plan.legs
        ],
        "defined_risk": structure.is_defined_risk,
        "structure": structure.sentence,
        "parameters_as_of": parameters.as_of.isoformat(),
        "warnings": warnings,
        "from_risk_arrays": rest.from_arrays,
        "scan_risk": rest.scan_paise / 100,
        "calendar_charge": rest.calendar_paise / 100,
        "net_option_value": rest.net_option_value_paise / 100,
        "span": rest.span_paise / 100,
        "exposure": rest.exposure_paise / 100,
        "expiry_day": rest.expiry_day_paise / 100,
        "total": rest.total_paise / 100,
        "worst_case": None
        if cell is None
        else {
            "required": worst.required_paise / 100,
            "prefix": list(worst.prefixes[: cell.prefix]),
            "price_shock": cell.price_shock,
            "vol_shock": cell.vol_shock,
            "spread_factor": cell.spread_factor,
            "premium": worst.premium_paise / 100,
            "words": cell.words,
        },
        "verdict": None
        if available is None
        else {
            "passed": worst.passed,
            "available": available,
            "limit": worst.limit_paise / 100,
            "short": worst.short_paise / 100,
            "sentence": worst.sentence,
        },
    }


def _print(
    seen: WhatIf,
    parameters: MarginParameters,
    rest: MarginBreakdown,
    worst: WorstCase,
    available: float | None,
    warnings: list[str],
) -> None:
    typer.echo(f"{seen.plan.strategy} on {seen.where}")
    for leg in seen.plan.legs:
        typer.echo(
            f"  {leg.side.value:<4} {seen.plan.units(leg.index):>6} {leg.contract.symbol:<24} {leg.reason}"
        )
    typer.echo(structure_of(seen.plan.legs).sentence)
    source = "the exchange's risk arrays" if rest.from_arrays else "estimated"
    rows = [
        (f"scan risk ({source})", rest.scan_paise),
        ("calendar charge", rest.calendar_paise),
        ("net option value", rest.net_option_value_paise),
        ("SPAN requirement", rest.span_paise),
        ("exposure margin", rest.exposure_paise),
        ("expiry-day margin", rest.expiry_day_paise),
        ("total", rest.total_paise),
    ]
    for name, paise in rows:
        if paise or name not in ("calendar charge", "expiry-day margin"):
            typer.echo(f"  {name:<42} {rupees(paise):>16}")
    if worst.worst is not None:
        typer.echo(f"  {'worst case on the way in':<42} {rupees(worst.required_paise):>16}")
        typer.echo(f"    {worst.worst.words}")
    typer.echo(f"parameters of {parameters.as_of}: {parameters.source}")
    for warning in warnings:
        typer.echo(f"warning: {warning}")
    if available is not None:
        typer.echo(worst.sentence)


def _warnings(
    seen: WhatIf, parameters: MarginParameters, rest: MarginBreakdown, arrays: RiskArrays
) -> list[str]:
    """What a reader of the figures must know about the files that they come from."""
    warnings = list(seen.remarks)
    newer = too_new(parameters, seen.recorded_on) if seen.recorded_on is not None else ""
    if newer:
        warnings.append(f"{newer}; give that day's with --parameters")
    if arrays and not rest.from_arrays:
        warnings.append("--arrays does not have every leg of this group: what it lacks is estimated")
    return warnings
