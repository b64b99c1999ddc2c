"""The instrument catalogue: a broker's dump, and the exchange's freeze quantities, as contracts.

The dump is Kite's CSV of twelve columns, prices in rupees; the freeze file is NSE's, its header and fields
padded with spaces. Symbols are never parsed: expiry, strike and right come from their columns.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from core.domain.instruments import Contract, InstrumentKind, Right, Settlement
from core.market.errors import MarketDataError

DUMP_COLUMNS = (
    "instrument_token", "exchange_token", "tradingsymbol", "name", "last_price", "expiry", "strike",
    "tick_size", "lot_size", "instrument_type", "segment", "exchange",
)  # fmt: skip
FREEZE_COLUMNS = ("SYMBOL", "VOL_FRZ_QTY")
DERIVATIVES = frozenset({"CE", "PE", "FUT"})
CASH_SETTLED = frozenset(
    {"NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50", "SENSEX", "BANKEX", "SENSEX50"}
)
"""Index underlyings; everything else is delivered."""


class InstrumentCatalogue:
    """Contracts by symbol and by what they are. Built once, then read."""

    def __init__(self, contracts: Iterable[Contract]) -> None:
        self._by_symbol: dict[str, Contract] = {}
        self._options: dict[tuple[str, date, int, Right], Contract] = {}
        for contract in contracts:
            self._by_symbol[contract.symbol] = contract
            if contract.kind is InstrumentKind.OPTION and contract.right is not None:
                key = (contract.underlying, contract.expiry, contract.strike_paise, contract.right)
                self._options[key] = contract

    @property
    def contracts(self) -> Mapping[str, Contract]:
        """Every contract by symbol."""
        return self._by_symbol

    def __len__(self) -> int:
        return len(self._by_symbol)

    def __iter__(self) -> Iterator[Contract]:
        return iter(self._by_symbol.values())

    def by_symbol(self, symbol: str) -> Contract | None:
        """The contract of a trading symbol."""
        return self._by_symbol.get(symbol)

    def option(self, underlying: str, expiry: date, strike_paise: int, right: Right) -> Contract | None:
        """The option with these terms."""
        return self._options.get((underlying, expiry, strike_paise, right))

    def underlyings(self) -> tuple[str, ...]:
        """Every underlying, sorted."""
        return tuple(sorted({contract.underlying for contract in self}))

    def expiries(self, underlying: str) -> tuple[date, ...]:
        """The option expiries of an underlying, nearest first."""
        return tuple(sorted({key[1] for key in self._options if key[0] == underlying}))

    def strikes(self, underlying: str, expiry: date) -> tuple[int, ...]:
        """The strikes, in paise and ascending, at which both a call and a put exist."""
        calls, puts = (
            {key[2] for key in self._options if key[0] == underlying and key[1] == expiry and key[3] is right}
            for right in (Right.CE, Right.PE)
        )
        return tuple(sorted(calls & puts))


def read_freeze_quantities(path: Path) -> Mapping[str, int]:
    """The largest order by underlying, in units; raises ``MarketDataError``."""
    freezes: dict[str, int] = {}
    for line, row in _rows(path, FREEZE_COLUMNS, "a freeze-quantity file"):
        symbol, units = row["SYMBOL"], row["VOL_FRZ_QTY"]
        if not units.isdigit() or int(units) == 0 or not symbol:
            raise MarketDataError(
                f"{path}, line {line}: the freeze quantity {units!r} of {symbol!r} is no whole number "
                "above 0; download the file again"
            )
        freezes[symbol] = int(units)
    return freezes


def read_catalogue(
    path: Path, freeze_quantities: Mapping[str, int] | None = None, underlyings: Iterable[str] | None = None
) -> InstrumentCatalogue:
    """The futures and options of a Kite instrument dump; raises ``MarketDataError``.

    ``freeze_quantities`` are by underlying: a contract of any other has none, and is never sent.
    ``underlyings`` restricts what is kept.
    """
    freezes = {} if freeze_quantities is None else freeze_quantities
    wanted = None if underlyings is None else set(underlyings)
    contracts: list[Contract] = []
    seen: dict[str, int] = {}
    for line, row in _rows(path, DUMP_COLUMNS, "a Kite instrument dump"):
        kind = row["instrument_type"]
        if kind not in DERIVATIVES or (wanted is not None and row["name"] not in wanted):
            continue
        symbol = row["tradingsymbol"]
        if symbol in seen:
            raise MarketDataError(
                f"{path}, line {line}: {symbol} was already on line {seen[symbol]}; download the dump again"
            )
        seen[symbol] = line
        try:
            contracts.append(_contract(row, freezes.get(row["name"])))
        except (ValueError, InvalidOperation) as error:
            raise MarketDataError(
                f"{path}, line {line}: {symbol or 'a row without a symbol'} does not parse ({error}); "
                "download the dump again"
            ) from error
    if not contracts:
        raise MarketDataError(f"{path}: no futures or options in it; is this the dump of NFO or BFO?")
    return InstrumentCatalogue(contracts)


def _contract(row: Mapping[str, str], freeze_units: int | None) -> Contract:
    right = None if row["instrument_type"] == "FUT" else Right(row["instrument_type"])
    lot_units, tick = int(row["lot_size"]), _paise(row["tick_size"])
    if lot_units <= 0 or tick <= 0:
        raise ValueError(f"lot size {row['lot_size']} and tick size {row['tick_size']} must be above 0")
    if not row["tradingsymbol"] or not row["name"]:
        raise ValueError("symbol and name must not be empty")
    strike = _paise(row["strike"])
    if right is not None and strike <= 0:
        raise ValueError(f"the strike of an option must be above 0, not {row['strike']}")
    return Contract(
        symbol=row["tradingsymbol"],
        exchange=row["exchange"],
        underlying=row["name"],
        kind=InstrumentKind.FUTURE if right is None else InstrumentKind.OPTION,
        expiry=date.fromisoformat(row["expiry"]),
        strike_paise=0 if right is None else strike,
        right=right,
        lot_units=lot_units,
        tick_paise=tick,
        freeze_units=freeze_units,
        token=int(row["instrument_token"]),
        settlement=Settlement.CASH if row["name"] in CASH_SETTLED else Settlement.PHYSICAL,
    )


def _paise(rupees: str) -> int:
    paise = Decimal(rupees) * 100
    if not paise.is_finite() or paise != int(paise):
        raise ValueError(f"{rupees} is no amount in whole paise")
    return int(paise)


def _rows(path: Path, columns: tuple[str, ...], what: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file, header and fields stripped of spaces, with their line numbers."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                raise MarketDataError(
                    f"{path}: not {what}: column {', '.join(missing)} is missing; found "
                    f"{', '.join(header) or 'nothing'}"
                )
            for fields in reader:
                if not fields:
                    continue
                if len(fields) != len(header):
                    raise MarketDataError(
                        f"{path}, line {reader.line_num}: {len(fields)} fields where the header has "
                        f"{len(header)}; the file is cut off or damaged, download it again"
                    )
                yield (
                    reader.line_num,
                    {name: field.strip() for name, field in zip(header, fields, strict=True)},
                )
    except FileNotFoundError:
        raise MarketDataError(f"{path}: there is no such file; check the path") from None
    except OSError as error:
        raise MarketDataError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise MarketDataError(f"{path}: not {what}: {error}") from error
