"""Reading the exchange's risk arrays from a CSV file.

One row a contract: ``expiry, strike, right, s1 .. s16``, optionally ``underlying``, ``price`` and ``delta``.
The sixteen figures are the loss in rupees of one *long* unit, in the order of the exchange's SPAN file. The
column names of common exports are understood as well (``span_s1``, ``option_type``, ``actual_expiry_date``,
``span_price``, ``span_composite_delta``).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path
from typing import Final

from core.domain.instruments import Right
from core.risk.span import SCENARIOS, ArrayKey, RiskArray

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "underlying": ("underlying", "symbol", "name"),
    "expiry": ("expiry", "actual_expiry_date", "expiry_date"),
    "strike": ("strike", "strike_price"),
    "right": ("right", "option_type", "instrument_type"),
    "price": ("price", "span_price"),
    "delta": ("delta", "composite_delta", "span_composite_delta"),
}
_RIGHTS: Final = {
    "CE": Right.CE,
    "CALL": Right.CE,
    "C": Right.CE,
    "PE": Right.PE,
    "PUT": Right.PE,
    "P": Right.PE,
}


class RiskArrayFileError(ValueError):
    """A risk array file that cannot be used; the text names the line."""


def read_risk_arrays(path: Path, underlying: str = "NIFTY") -> dict[ArrayKey, RiskArray]:
    """The arrays of a file; ``underlying`` is for files without that column. Raises ``RiskArrayFileError``.

    A contract may be listed again with the same figures; two different arrays for one contract are refused,
    because nothing says which of them holds.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return _read(csv.DictReader(lines), path.name, underlying)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise RiskArrayFileError(f"{path}: cannot be read ({why})") from None


def _read(rows: csv.DictReader[str], name: str, underlying: str) -> dict[ArrayKey, RiskArray]:
    header = [column.strip() for column in rows.fieldnames or []]
    rows.fieldnames = header
    columns = {
        key: next((alias for alias in aliases if alias in header), None) for key, aliases in _NAMES.items()
    }
    prefix = next((start for start in ("s", "span_s") if f"{start}1" in header), None)
    missing = [key for key in ("expiry", "strike", "right") if columns[key] is None]
    if prefix is None or any(f"{prefix}{n}" not in header for n in range(1, len(SCENARIOS) + 1)):
        missing.append("s1 to s16")
    if missing:
        raise RiskArrayFileError(f"{name}: the header lacks {', '.join(missing)}")
    result: dict[ArrayKey, RiskArray] = {}
    for row in rows:
        try:
            key, array = _row(row, columns, f"{prefix}", underlying)
        except (ValueError, InvalidOperation) as error:
            raise RiskArrayFileError(f"{name}, line {rows.line_num}: {error}") from None
        if result.setdefault(key, array) != array:
            raise RiskArrayFileError(
                f"{name}, line {rows.line_num}: another array for {key.strike_paise / 100:g} of "
                f"{key.expiry} stands further up; keep one date's arrays in a file"
            )
    if not result:
        raise RiskArrayFileError(f"{name}: no rows")
    return result


def _row(
    row: Mapping[str, str | None], columns: Mapping[str, str | None], prefix: str, underlying: str
) -> tuple[ArrayKey, RiskArray]:
    def text(key: str) -> str:
        column = columns[key]
        return (row.get(column) or "").strip() if column else ""

    right = _RIGHTS.get(text("right").upper())
    if right is None:
        raise ValueError(f"'{text('right')}' is neither a call (CE) nor a put (PE)")
    strike = _rupees(text("strike"), "strike")
    if strike <= 0:
        raise ValueError("the strike must be above zero")
    losses = tuple(
        _rupees(row.get(f"{prefix}{number}") or "", f"s{number}") for number in range(1, len(SCENARIOS) + 1)
    )
    price = _rupees(text("price"), "price") if text("price") else None
    delta = float(text("delta")) if text("delta") else None
    key = ArrayKey(text("underlying") or underlying, date.fromisoformat(text("expiry")), round(strike), right)
    return key, RiskArray(losses, price, delta)


def _rupees(text: str, what: str) -> float:
    """Rupees as text to paise, exact to the digits given."""
    value = float(Decimal(text.strip()) * 100) if text.strip() else float("nan")
    if not isfinite(value):
        raise ValueError(f"{what} is missing or no number")
    return value
