"""What a broker can do. Policy reads these, never a broker's name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The defaults are Kite's for index options."""

    name: str = "paper"
    true_market_orders: bool = False
    market_protection: bool = True
    """Whether a market order says how far it may go, and becomes a limit there."""
    client_tag: bool = True
    """Whether an order carries a label of ours, by which it is found again when its answer is lost."""
    lookup_by_tag: bool = False
    """Whether one query answers for a tag; otherwise the whole order book is read."""
    sl_market_orders: bool = False
    modifies_max: int = 25
    orders_per_second: int = 10
    orders_per_minute: int = 400
    orders_per_day: int = 5_000
    freeze_known: bool = False
    """Whether the broker's list of contracts has freeze quantities; otherwise NSE's file gives them."""
    basket_margin: bool = True
    modify_stop_to_limit: bool = True
    """Whether a resting stop can be turned into a limit order."""

    @property
    def unfit(self) -> str:
        """Why groups cannot be executed safely over such a broker; ``""`` where they can."""
        if not self.client_tag:
            return (
                "its orders carry no label of ours, so that one whose answer is lost could not be found again"
            )
        if self.modifies_max < 1:
            return "it changes no working order, so that stops could not follow their position"
        return ""
