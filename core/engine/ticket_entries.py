"""What a person types into an order ticket: strikes, numbers, times, legs; what is wrong is a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Final

from core.domain.instruments import Right, Side
from core.domain.timing import clock_text, from_ist, to_ist
from core.strategies.errors import StrategyError
from core.strategies.selection import AtDelta, AtStrike, FromMoney, StrikeChoice

LOTS_MAX: Final = 10_000
RATIO_MAX: Final = 100
_LARGEST: Final = 10_000_000
_STRIKES: Final = "a strike (24900), a delta (0.20) or points from the money (+300)"
_LEG: Final = re.compile(
    r"(?P<side>buy|sell|b|s|\+|-)\s*(?P<ratio>[0-9]+)?\s+"
    r"(?P<strike>\S+?)\s*(?P<right>ce|pe|c|p)(?P<far>\s+far|\s+f)?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class TypedLeg:
    """A leg of the ticket's own: ``ratio`` lots a copy; ``far`` takes the far expiry."""

    side: Side
    ratio: int
    strike: StrikeChoice
    right: Right
    far: bool


def typed_leg(text: str) -> TypedLeg:
    """``+1 24500 PE``, ``-2 0.20 CE``, ``sell 1 +300 ce far``. Raises ``StrategyError``."""
    found = _LEG.fullmatch(text.strip())
    if found is None:
        raise StrategyError(f"{text.strip()!r} is no leg: write +1 24500 PE, -2 0.20 CE or -1 +300 CE far")
    ratio = int(found["ratio"] or 1) if len(found["ratio"] or "") < 6 else 0
    if not 1 <= ratio <= RATIO_MAX:
        raise StrategyError(f"its ratio must be from 1 to {RATIO_MAX} lots, not {found['ratio']}")
    strike = strike_choice(found["strike"], "its strike")
    assert strike is not None
    return TypedLeg(
        side=Side.BUY if found["side"].lower() in ("buy", "b", "+") else Side.SELL,
        ratio=ratio,
        strike=strike,
        right=Right.CE if found["right"].lower().startswith("c") else Right.PE,
        far=found["far"] is not None,
    )


def strike_choice(text: str, what: str) -> StrikeChoice | None:
    """``24900`` a strike, ``0.20`` a delta, ``+300`` or ``-50`` points from the money; empty is nothing.

    Raises ``StrategyError``.
    """
    text = text.strip()
    if not text:
        return None
    number = _number(text, what, _STRIKES)
    if text[0] in "+-":
        return FromMoney(round(number * 100))
    if 0 < number < 1:
        return AtDelta(float(number))
    if number <= 0:
        raise StrategyError(f"{what} cannot be {text}: a strike lies above zero")
    return AtStrike(round(number * 100))


def whole_lots(text: str) -> int:
    """A number of lots. Raises ``StrategyError``."""
    number = _number(text or "0", "lots", "a whole number, such as 4")
    if number != number.to_integral_value() or not 1 <= number <= LOTS_MAX:
        raise StrategyError(
            f"lots must be a whole number from 1 to {LOTS_MAX:,}, not {text.strip() or 'nothing'}"
        )
    return int(number)


def in_paise(text: str, what: str) -> int | None:
    """Rupees or points in paise; ``None`` where nothing is written. Raises ``StrategyError``."""
    if not text.strip():
        return None
    return round(_number(text, what, "a number, such as 200") * 100)


def multiple_bps(text: str) -> int:
    """A stop as a multiple of the premium, in basis points; 0 is none. Raises ``StrategyError``."""
    if not text.strip():
        return 0
    number = _number(text, "the stop", "a multiple of the premium, such as 2")
    if not 1 < number <= 20:
        raise StrategyError(
            f"the stop must lie above 1 and at most at 20 times the premium, not at {text.strip()}"
        )
    return round(number * 10_000)


def exit_instant(text: str, now_ns: int) -> int | None:
    """``15:10`` of today; ``None`` where nothing is written.

    Raises ``StrategyError``.
    """
    text = text.strip()
    if not text:
        return None
    try:
        clock = time.fromisoformat(text if len(text.partition(":")[0]) == 2 else f"0{text}")
    except ValueError:
        clock = None
    if clock is None or ":" not in text or clock.tzinfo is not None:
        raise StrategyError(f"the exit cannot be {text!r}: give a time of today, such as 15:10")
    exit_ns = from_ist(to_ist(now_ns).date(), clock)
    if exit_ns <= now_ns:
        raise StrategyError(f"the exit at {text} has passed: it is {clock_text(now_ns)}")
    return exit_ns


def _number(text: str, what: str, wanted: str) -> Decimal:
    try:
        number = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        raise StrategyError(f"{what} cannot be {text.strip()!r}: give {wanted}") from None
    if not number.is_finite() or abs(number) > _LARGEST:
        raise StrategyError(f"{what} cannot be {text.strip()!r}: give {wanted}")
    return number
