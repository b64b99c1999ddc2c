"""Trading symbols as Kite writes them. Symbols are made here and never parsed: a dump has columns."""

from __future__ import annotations

from datetime import date

from core.domain.instruments import Right

_MONTH_LETTERS = "123456789OND"
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def kite_symbol(
    underlying: str, expiry: date, strike_paise: int, right: Right | None, *, monthly: bool
) -> str:
    """``NIFTY26AUG24350CE``, weekly ``NIFTY2690124350CE`` (1 September 2026), future ``NIFTY26AUGFUT``.

    The expiry that is its month's last is always in monthly form.
    """
    if monthly:
        when = f"{expiry:%y}{_MONTHS[expiry.month - 1]}"
    else:
        when = f"{expiry:%y}{_MONTH_LETTERS[expiry.month - 1]}{expiry:%d}"
    if right is None:
        return f"{underlying}{when}FUT"
    rupees, paise = divmod(strike_paise, 100)
    strike = f"{rupees}.{paise:02d}".rstrip("0").rstrip(".") if paise else str(rupees)
    return f"{underlying}{when}{strike}{right.value}"
