"""Paise and ticks: rounding that goes the safe way, and the Indian way of writing rupees."""

from __future__ import annotations

from core.domain.instruments import Side

PAISE_PER_RUPEE = 100


def floor_to_tick(price_paise: float, tick_paise: int) -> int:
    """The highest multiple of the tick at or below ``price_paise``, never under one tick."""
    return max(tick_paise, int(price_paise // tick_paise) * tick_paise)


def ceil_to_tick(price_paise: float, tick_paise: int) -> int:
    """The lowest multiple of the tick at or above ``price_paise``, never under one tick."""
    return max(tick_paise, int(-(-price_paise // tick_paise)) * tick_paise)


def marketable_to_tick(price_paise: float, tick_paise: int, side: Side) -> int:
    """Round towards being filled: a purchase up, a sale down."""
    if side is Side.BUY:
        return ceil_to_tick(price_paise, tick_paise)
    return floor_to_tick(price_paise, tick_paise)


def patient_to_tick(price_paise: float, tick_paise: int, side: Side) -> int:
    """Round towards paying no more than asked: a purchase down, a sale up."""
    return marketable_to_tick(price_paise, tick_paise, side.opposite)


def grouped(number: int) -> str:
    """Group digits as they are read in India: ``20000000`` is ``2,00,00,000``."""
    sign = "-" if number < 0 else ""
    digits = str(abs(number))
    if len(digits) <= 3:
        return sign + digits
    head, tail = digits[:-3], digits[-3:]
    pairs: list[str] = []
    while head:
        pairs.insert(0, head[-2:])
        head = head[:-2]
    return sign + ",".join([*pairs, tail])


def rupees(paise: int, *, signed: bool = False) -> str:
    """Whole rupees with the rupee sign, rounded half away from zero: ``₹ 41,200``."""
    whole = (abs(paise) + PAISE_PER_RUPEE // 2) // PAISE_PER_RUPEE
    sign = "-" if paise < 0 and whole else ("+" if signed and whole else "")
    return f"{sign}₹ {grouped(whole)}"


def price(paise: int) -> str:
    """A quoted price, with two decimals: ``58.15``."""
    return f"{paise / PAISE_PER_RUPEE:.2f}"
