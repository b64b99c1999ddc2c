"""Refusals in Kite's own words, with the HTTP status and error type that carry them.

Wordings are those that Kite's users report for 2025 and 2026; numbers are filled in. Prices are in rupees.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.instruments import Contract, Side
from core.domain.money import price


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that created or changed nothing: the status and body that Kite would answer with."""

    status: int
    error_type: str
    message: str


LPP_AT_ENTRY = "Price exceeds circuit limits for the instrument. Place an order within the daily range."
LPP_AT_TRIGGER = "17070 : The Price is out of the LPP range"
LAPSED = "The order lapsed at the end of the session."
EXPIRED_OR_UNKNOWN = Refusal(
    400, "InputException", "The instrument you are placing an order for has either expired or does not exist."
)
MARKET_CLOSED = Refusal(
    400,
    "OrderException",
    "Markets are closed right now. Use GTT or place an After Market Order (AMO) instead.",
)
TOO_MANY_REQUESTS = Refusal(429, "NetworkException", "Too many requests")
TOO_MANY_MODIFICATIONS = Refusal(429, "NetworkException", "Maximum allowed order modifications exceeded.")
NO_SUCH_ORDER = Refusal(404, "GeneralException", "Couldn't find that `order_id`.")
BEING_PROCESSED_MODIFY = Refusal(
    400, "OrderException", "Order cannot be modified as it is being processed. Try later."
)
BEING_PROCESSED_CANCEL = Refusal(
    400, "OrderException", "Order cannot be cancelled as it is being processed. Try later."
)
NO_QUANTITY = Refusal(400, "InputException", "Invalid `quantity`.")
NO_PRICE = Refusal(400, "InputException", "Invalid `price`.")
NO_TRIGGER = Refusal(400, "InputException", "Invalid `trigger_price`.")
STOP_FROM_LIMIT = Refusal(400, "InputException", "A limit order cannot be changed into a stop order.")
BELOW_FILLED = Refusal(400, "InputException", "Quantity cannot be less than what is already filled.")


def tag_too_long(length: int, longest: int) -> Refusal:
    """The client's label is too long."""
    return Refusal(
        400, "InputException", f"Invalid `tag`. It has {length} characters; at most {longest} are allowed."
    )


def off_tick(contract: Contract, what: str) -> Refusal:
    """A price that is no multiple of the tick; ``what`` is ``price`` or ``trigger price``."""
    return Refusal(
        400,
        "InputException",
        f"Tick size for this script is {price(contract.tick_paise)}. Kindly enter {what} in the multiple of "
        "tick size for this script",
    )


def broken_lot(contract: Contract) -> Refusal:
    """A quantity that is no whole number of lots."""
    return Refusal(
        400, "InputException", f"Invalid `quantity`. Enter quantity in multiples of {contract.lot_units}."
    )


def above_freeze(contract: Contract, units: int, freeze_units: int) -> Refusal:
    """A quantity above the exchange's freeze quantity."""
    return Refusal(
        400,
        "InputException",
        f"The order quantity {units} ({units // contract.lot_units} lots) is higher than the maximum "
        f"quantity of {freeze_units} ({freeze_units // contract.lot_units} lots) allowed by the exchanges. "
        "You can place an order by splitting the quantity.",
    )


def above_band(upper_paise: int) -> Refusal:
    """A price above the day's range."""
    return Refusal(
        400,
        "InputException",
        f"Your order price is higher than the current upper circuit limit of {price(upper_paise)}. Place an "
        "order within the daily range.",
    )


def below_band(lower_paise: int) -> Refusal:
    """A price below the day's range."""
    return Refusal(
        400,
        "InputException",
        f"Your order price is lower than the current lower circuit limit of {price(lower_paise)}. Place an "
        "order within the daily range.",
    )


def trigger_passed(side: Side, last_paise: int) -> Refusal:
    """A stop whose trigger the market has already passed."""
    word, relation = ("buy", "higher") if side is Side.BUY else ("sell", "lower")
    return Refusal(
        400,
        "InputException",
        f"Trigger price for stoploss {word} orders should be {relation} than the last traded price "
        f"({price(last_paise)}).",
    )


def trigger_beyond_limit(side: Side) -> Refusal:
    """A stop whose limit lies on the wrong side of its trigger, so that it could not fill when released."""
    word, relation = ("buy", "lower") if side is Side.BUY else ("sell", "higher")
    return Refusal(
        400,
        "InputException",
        f"Trigger price for stoploss {word} orders should be {relation} than or equal to the limit price.",
    )


def short_of_margin(required_paise: int, available_paise: int) -> Refusal:
    """Not enough funds, as the check before the order system says it."""
    return Refusal(
        400,
        "MarginException",
        f"Insufficient funds. Required margin is {price(required_paise)} but available margin is "
        f"{price(available_paise)}. Check the orderbook for open orders.",
    )


def margin_exceeds(required_paise: int, available_paise: int) -> str:
    """The same, as the RMS says it on an order that already has an id."""
    return (
        f"RMS:Margin Exceeds,Required:{price(required_paise)}, Available:{price(available_paise)} for entity "
        "account-HEDGEROW across exchange across segment across product "
    )
