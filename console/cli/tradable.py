"""What can be traded today: the broker's instruments, with the exchange's freeze quantities."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

from core.domain.instruments import Contract
from core.domain.timing import from_ist, to_ist
from core.market.catalogue import read_catalogue, read_freeze_quantities
from core.market.contract_facts import load_facts
from core.market.errors import MarketDataError

DUMP_MADE_AT = time(8, 30)
"""Kite makes its dump once a day about then."""
EXCHANGES = ("NFO", "BFO")


@dataclass(frozen=True, slots=True)
class Tradable:
    """Contracts by symbol, and the underlyings asked for."""

    contracts: Mapping[str, Contract]
    underlyings: tuple[str, ...]


async def read_tradable(
    download: Callable[[str], Awaitable[bytes]],
    now_ns: int,
    underlyings: tuple[str, ...] = (),
    *,
    symbols: Iterable[str] = (),
    if_listed: tuple[str, ...] = (),
    dump: Path | None,
    freeze: Path | None,
    keep: Path | None,
) -> Tradable:
    """The contracts of the underlyings, of those that ``symbols`` are of, and of ``if_listed``.

    ``underlyings`` have to be listed today; the others are left out where they are not. Without a ``dump``
    one is downloaded and kept for a day in ``keep``.

    Freeze quantities come from the file, else from the contract facts as far as they reach; elsewhere they
    are unknown, and a group with such a contract is refused. Raises ``MarketDataError``, ``BookUnavailable``
    or ``OSError``.
    """
    day = to_ist(now_ns).date()
    freezes = read_freeze_quantities(freeze) if freeze is not None else _known_freezes(day)
    symbols = tuple(symbols)
    names = {*underlyings, *if_listed, *_possible_underlyings(symbols)}
    if dump is not None:
        catalogue = read_catalogue(dump, freezes, names)
    elif keep is not None:
        if not _is_of_today(keep, now_ns):
            _write(keep, await _whole_dump(download))
        catalogue = read_catalogue(keep, freezes, names)
    else:
        with tempfile.TemporaryDirectory(prefix="hedgerow-") as folder:
            path = Path(folder) / "instruments.csv"
            _write(path, await _whole_dump(download))
            catalogue = read_catalogue(path, freezes, names)
    missing = [name for name in underlyings if not catalogue.expiries(name)]
    if missing:
        raise MarketDataError(f"no options on {', '.join(missing)} are listed today; check the name")
    held = [contract.underlying for symbol in symbols if (contract := catalogue.by_symbol(symbol))]
    listed = [name for name in (*held, *if_listed) if catalogue.expiries(name)]
    chosen = tuple(dict.fromkeys((*underlyings, *listed)))
    return Tradable({each.symbol: each for each in catalogue if each.underlying in chosen}, chosen)


def _possible_underlyings(symbols: Iterable[str]) -> set[str]:
    """Every name that a symbol may begin with: where the name ends only the dump says."""
    return {symbol[:length] for symbol in symbols for length in range(1, len(symbol))}


def _known_freezes(day: date) -> dict[str, int]:
    known = {name: facts.freeze_units(day) for name, facts in load_facts().items()}
    return {name: units for name, units in known.items() if units is not None}


async def _whole_dump(download: Callable[[str], Awaitable[bytes]]) -> bytes:
    """The dumps of the derivative segments in one, under one header."""
    parts = [await download(exchange) for exchange in EXCHANGES]
    lines = parts[0].splitlines()
    for part in parts[1:]:
        lines += part.splitlines()[1:]
    return b"\n".join(lines) + b"\n"


def _is_of_today(path: Path, now_ns: int) -> bool:
    try:
        made_ns = path.stat().st_mtime_ns
    except OSError:
        return False
    return made_ns >= from_ist(to_ist(now_ns).date(), DUMP_MADE_AT)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(name, path)
