"""The exchange's simplified charge: a scan of the price alone, plus exposure margin for shorts.

Not SPAN, and not our own estimate either. For each underlying the price moves by -3/3 to +3/3 of the scan
range (NSE Clearing: at least 9.3 % for an index); an option is then worth its intrinsic value plus the share
of today's time value that the move leaves, none at either end. The worst liability is blocked, and 2 % of the
notional of every short option and of every future, hedged or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from core.domain.instruments import Contract, InstrumentKind, Right

SHOCKS = (-1.0, -2 / 3, -1 / 3, 0.0, 1 / 3, 2 / 3, 1.0)

ForwardOf = Callable[[str, date], float | None]


@dataclass(frozen=True, slots=True)
class Held:
    """Signed units of a contract, and what one unit is worth now in paise."""

    contract: Contract
    units: int
    mark_paise: float


@dataclass(frozen=True, slots=True)
class Charge:
    """What is blocked, in paise."""

    scan_paise: int
    exposure_paise: int

    @property
    def total_paise(self) -> int:
        """Scan and exposure together."""
        return self.scan_paise + self.exposure_paise


def charge(held: Iterable[Held], forward_of: ForwardOf, scan_bps: int, exposure_bps: int) -> Charge:
    """The charge for all that is held, rows of one contract netted: a sale that closes a long opens no short.

    Where no forward is known, the strike stands for it.
    """
    worths: dict[str, list[float]] = {}
    options: dict[str, tuple[int, float]] = {}
    exposed = 0.0
    scan = scan_bps / 10_000
    for row in held:
        contract, units = row.contract, row.units
        if not units:
            continue
        known = forward_of(contract.underlying, contract.expiry)
        forward = float(contract.strike_paise or row.mark_paise) if known is None else known
        if contract.kind is InstrumentKind.OPTION:
            values = _option_values(
                contract.strike_paise, 1 if contract.right is Right.CE else -1, row.mark_paise, forward, scan
            )
            before, _ = options.get(contract.symbol, (0, 0.0))
            options[contract.symbol] = (before + units, forward)
        else:
            values = tuple(forward * shock * scan for shock in SHOCKS)
            exposed += abs(units) * forward
        worth = worths.get(contract.underlying)
        if worth is None:
            worths[contract.underlying] = [units * value for value in values]
        else:
            worths[contract.underlying] = [
                total + units * value for total, value in zip(worth, values, strict=True)
            ]
    exposed += sum(max(0, -units) * forward for units, forward in options.values())
    scanned = sum(max(0.0, -min(worth)) for worth in worths.values())
    return Charge(round(scanned), round(exposed * exposure_bps / 10_000))


@lru_cache(maxsize=1_024)
def _option_values(strike: int, way: int, mark: float, forward: float, scan: float) -> tuple[float, ...]:
    """What one unit is worth after each shock, in paise; cached because before and after share most rows."""
    time_value = max(0.0, mark - max(0.0, way * (forward - strike)))
    return tuple(
        time_value * (1 - abs(shock)) + max(0.0, way * (forward * (1 + shock * scan) - strike))
        for shock in SHOCKS
    )
