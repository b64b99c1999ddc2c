"""``hedgerow price``: one option's price, greeks and volatility."""

from __future__ import annotations

import json
from math import isfinite
from typing import Annotated

import typer

from core.domain.instruments import Right
from core.risk.implied_vol import implied_vol
from core.risk.pricing import DAYS_PER_YEAR, Reason, Undefined, black76

FIGURES = ("price", "delta", "gamma", "vega", "theta", "vol")


def register(app: typer.Typer) -> None:
    """Add ``price`` to the program."""
    app.command("price")(price)


def price(
    forward: Annotated[float, typer.Option(help="The forward, in the same money as the strike.")],
    strike: Annotated[float, typer.Option(help="The strike.")],
    days: Annotated[float, typer.Option(help="Days to expiry, of a 365-day year; fractions are welcome.")],
    right: Annotated[Right, typer.Option(case_sensitive=False, help="CE is a call, PE a put.")],
    vol: Annotated[float | None, typer.Option(help="Volatility a year; 0.13 is 13 %.")] = None,
    price: Annotated[float | None, typer.Option(help="The option's price, to imply the volatility.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
) -> None:
    """Black-76, undiscounted. Give --vol for a price, or --price for the volatility it implies.

    Vega is per 1.00 of volatility, theta per day. What is undefined is null, with the reason. Exit status: 0,
    or 2 for options that cannot be read.
    """
    if (vol is None) == (price is None):
        raise typer.BadParameter("give either --vol or --price", param_hint="--vol / --price")
    figures = what_if(forward, strike, days, right, vol, price)
    if as_json:
        typer.echo(json.dumps(figures, allow_nan=False))
        return
    for name in FIGURES:
        value = figures[name]
        typer.echo(f"{name:<6} {'undefined' if value is None else format(value, '.8g')}")
    if "reason" in figures:
        typer.echo(f"undefined: {figures['reason']}")


def what_if(
    forward: float, strike: float, days: float, right: Right, vol: float | None, price: float | None
) -> dict[str, float | str | None]:
    """The six figures, ``None`` where undefined, and then a ``reason``."""
    years = days / DAYS_PER_YEAR
    figures: dict[str, float | str | None] = dict.fromkeys(FIGURES)
    if price is not None:
        implied = implied_vol(price, forward, strike, years, right)
        if isinstance(implied, Undefined):
            figures["price"] = price if isfinite(price) else None
            figures["reason"] = str(implied)
            return figures
        vol = implied
    greeks = black76(forward, strike, years, vol if vol is not None else 0.0, right is Right.CE)
    reason = Reason(int(greeks.reason))
    if reason is not Reason.DEFINED:
        figures["reason"] = reason.text
        return figures
    for name in FIGURES[:-1]:
        figures[name] = float(getattr(greeks, name))
    figures["vol"] = vol
    return figures
