"""What a broker can do. Policy reads these, never a broker's name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The defaults are Kite's for index options."""

    name: str = "paper"
    true_market_orders: bool = False
    client_tag: bool = True
    lookup_by_tag: bool = False
    """Whether one query answers for a tag; otherwise the whole order book is read."""
    sl_market_orders: bool = False
    modifies_max: int = 25
    orders_per_second: int = 10
    orders_per_minute: int = 400
    orders_per_day: int = 5_000
    basket_margin: bool = True
    modify_stop_to_limit: bool = True
    """Whether a resting stop can be turned into a limit order."""
