"""Kite's rupees and our paise, without a float between them.

Kite writes money as JSON numbers in rupees; they are read as decimals from the very digits on the wire.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

LARGEST_EXPONENT = 15
"""Nothing at a broker has more digits than this; a number that does is damage, not money."""


class NotANumber(ValueError):
    """A figure of the wire that cannot be money or a quantity."""


def _checked(value: Decimal, what: str) -> Decimal:
    if not value.is_finite() or value.adjusted() > LARGEST_EXPONENT:
        raise NotANumber(f"{what} is no usable number")
    return value


def paise(rupees: Decimal | None, what: str = "a price") -> int:
    """Rupees to the nearest paisa, half to even; ``None`` is 0. Raises ``NotANumber``."""
    if rupees is None:
        return 0
    return int((_checked(rupees, what) * 100).to_integral_value(ROUND_HALF_EVEN))


def paise_needed(rupees: Decimal | None, what: str = "a margin") -> int:
    """Rupees that have to be put up, rounded up to the next paisa. Raises ``NotANumber``."""
    if rupees is None:
        return 0
    return int((_checked(rupees, what) * 100).to_integral_value(ROUND_CEILING))


def units(quantity: Decimal, what: str = "a quantity") -> int:
    """A whole number of units, written ``75`` or ``75.0``. Raises ``NotANumber``."""
    whole = int(_checked(quantity, what))
    if whole != quantity:
        raise NotANumber(f"{what} is not whole")
    return whole


def rupees_text(price_paise: int) -> str:
    """Paise as Kite wants a price: ``5815`` is ``58.15``."""
    sign = "-" if price_paise < 0 else ""
    whole, rest = divmod(abs(price_paise), 100)
    return f"{sign}{whole}.{rest:02d}"
