"""A recorded option chain, played back: contracts are built from it, and its gaps are gaps.

The file is CSV, plain or gzipped, one row for each contract and instant: ``ts`` in exchange time (IST),
prices in rupees, quantities in units. A price of 0 is a side that was not quoted. Crossed and one-sided
quotes are kept as they were recorded; nobody trades on a crossed one, and ``remarks`` counts them.
"""

from __future__ import annotations

import bisect
import csv
import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from core.domain.instruments import Contract, Right
from core.domain.quotes import Quote
from core.domain.timing import IST, NS_PER_S
from core.market.contract_facts import UnderlyingFacts, facts_of
from core.market.errors import MarketDataError
from core.market.source import Forwards
from core.risk.parity import implied_forward_paise

COLUMNS = ("ts", "expiry", "strike", "right", "ltp", "bid", "bid_qty", "ask", "ask_qty")
"""What is read; ``volume_lots``, ``oi_lots`` and ``iv`` may be there and are not needed."""
STALE_AFTER_NS = 180 * NS_PER_S


class RecordedMarket:
    """``MarketSource`` over a recorded chain; raises ``MarketDataError`` for a file that cannot be used."""

    def __init__(self, path: Path, underlying: str = "NIFTY", facts: UnderlyingFacts | None = None) -> None:
        self.path = path
        self.name = path.name
        self.underlying = underlying
        self.stale_after_ns = STALE_AFTER_NS
        reader = _Reader(path, facts_of(underlying) if facts is None else facts)
        steps = reader.read()
        if not steps:
            raise MarketDataError(f"{path}: it has a header and no quotes; record the chain again")
        self.contracts: Mapping[str, Contract] = reader.contracts
        self.remarks = reader.remarks()
        """Sentences about rows that are in the file and cannot be used; empty where all can."""
        self._times = sorted(steps)
        self._steps = steps
        self.start_ns, self.end_ns = self._times[0], self._times[-1]
        self._expiries = sorted({contract.expiry for contract in self.contracts.values()})
        self._by_expiry = {
            expiry: [contract for contract in self.contracts.values() if contract.expiry == expiry]
            for expiry in self._expiries
        }
        self._forwards: tuple[int, Forwards] | None = None

    def step_times(self, after_ns: int) -> int | None:
        """The next recorded instant after this one."""
        at = bisect.bisect_right(self._times, after_ns)
        return self._times[at] if at < len(self._times) else None

    def quotes_at(self, at_ns: int) -> Mapping[str, Quote]:
        """What was recorded at this instant."""
        return self._steps.get(at_ns, {})

    def book_at(self, at_ns: int) -> Mapping[str, Quote]:
        """The newest quote of every contract at or before an instant."""
        book: dict[str, Quote] = {}
        for time_ns in reversed(self._times[: bisect.bisect_right(self._times, at_ns)]):
            for symbol, quote in self._steps[time_ns].items():
                book.setdefault(symbol, quote)
            if len(book) == len(self.contracts):
                break
        return book

    def forwards_at(self, at_ns: int) -> Forwards:
        """The forwards that put-call parity implies from the newest recorded chain, in paise."""
        at = bisect.bisect_right(self._times, at_ns) - 1
        if at < 0:
            return {}
        time_ns = self._times[at]
        if self._forwards is None or self._forwards[0] != time_ns:
            quotes = self._steps[time_ns]
            forwards: dict[tuple[str, date], float] = {}
            for expiry, contracts in self._by_expiry.items():
                implied = implied_forward_paise(contracts, quotes, self.underlying, expiry)
                if implied is not None:
                    forwards[self.underlying, expiry] = implied
            self._forwards = (time_ns, forwards)
        return self._forwards[1]

    def is_silent(self, at_ns: int) -> bool:
        """Never: a gap of the recording has no quotes for the exchange either."""
        return False


@dataclass(slots=True)
class _Oddity:
    """Rows of one kind that cannot be used, and where the first of them is."""

    words: str
    rows: int = 0
    first_line: int = 0

    def count(self, line: int) -> None:
        self.rows += 1
        self.first_line = self.first_line or line


class _Reader:
    """One pass over the file. Everything that repeats from row to row is worked out once."""

    def __init__(self, path: Path, facts: UnderlyingFacts) -> None:
        self.contracts: dict[str, Contract] = {}
        self._path = path
        self._facts = facts
        self._times: dict[str, int] = {}
        self._days: dict[str, date] = {}
        self._by_terms: dict[tuple[str, str, str], Contract] = {}
        self._paise: dict[str, int] = {}
        self._rows = 0
        self._crossed = _Oddity("have a bid at or above the ask")
        self._empty = _Oddity("have neither bid nor ask")

    def remarks(self) -> tuple[str, ...]:
        """What is odd about the rows that were read."""
        return tuple(
            f"{self._path}: {odd.rows:,} of {self._rows:,} rows {odd.words}, the first in line "
            f"{odd.first_line}; nothing is priced from them or traded on them"
            for odd in (self._crossed, self._empty)
            if odd.rows
        )

    def read(self) -> dict[int, dict[str, Quote]]:
        """Quotes by instant and symbol; a repeated row replaces the one before."""
        try:
            with self._open() as file:
                return self._parse(csv.reader(file))
        except FileNotFoundError:
            raise MarketDataError(f"{self._path}: there is no such file; check the path") from None
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise MarketDataError(
                f"{self._path}: the gzip file is torn ({error}); copy or download it again"
            ) from error
        except OSError as error:
            raise MarketDataError(f"{self._path}: cannot be read ({error.strerror or error})") from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise MarketDataError(f"{self._path}: not a CSV file: {error}") from error

    def _open(self) -> IO[str]:
        with self._path.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
        if is_gzip or self._path.suffix == ".gz":
            return gzip.open(self._path, "rt", newline="", encoding="utf-8-sig")
        return self._path.open(newline="", encoding="utf-8-sig")

    def _parse(self, reader: Any) -> dict[int, dict[str, Quote]]:
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise MarketDataError(
                f"{self._path}: column {', '.join(missing)} is missing; a recorded chain has the columns "
                f"{', '.join(COLUMNS)}"
            )
        places = [header.index(name) for name in COLUMNS]
        width = len(header)
        steps: dict[int, dict[str, Quote]] = {}
        for row in reader:
            if not row:
                continue
            if len(row) != width:
                raise MarketDataError(
                    f"{self._path}, line {reader.line_num}: {len(row)} fields where the header has {width}; "
                    "the file is cut off or damaged"
                )
            ts, expiry, strike, right, *figures = (row[place] for place in places)
            try:
                at_ns = self._times.get(ts) or self._time(ts)
                contract = self._by_terms.get((expiry, strike, right)) or self._contract(
                    expiry, strike, right, ts
                )
                quote = self._quote(contract.symbol, at_ns, figures)
            except MarketDataError:
                raise
            except (ValueError, OverflowError) as error:
                raise MarketDataError(
                    f"{self._path}, line {reader.line_num}: the row does not parse ({error}); "
                    "correct the line or take it out"
                ) from error
            steps.setdefault(at_ns, {})[contract.symbol] = quote
            self._rows += 1
            if quote.is_crossed:
                self._crossed.count(reader.line_num)
            elif quote.bid_paise is None and quote.ask_paise is None:
                self._empty.count(reader.line_num)
        return steps

    def _quote(self, symbol: str, at_ns: int, figures: list[str]) -> Quote:
        known = self._paise
        ltp, bid, bid_qty, ask, ask_qty = figures
        last = known.get(ltp)
        last = self._price(ltp) if last is None else last
        bid_paise = known.get(bid)
        bid_paise = self._price(bid) if bid_paise is None else bid_paise
        ask_paise = known.get(ask)
        ask_paise = self._price(ask) if ask_paise is None else ask_paise
        bid_units, ask_units = int(bid_qty), int(ask_qty)
        if bid_units < 0 or ask_units < 0:
            raise ValueError("a quantity is below 0")
        return Quote(
            symbol,
            at_ns,
            bid_paise or None,
            bid_units if bid_paise else 0,
            ask_paise or None,
            ask_units if ask_paise else 0,
            last or None,
        )

    def _price(self, text: str) -> int:
        if not text.strip():
            raise ValueError("a price is empty; 0 stands for a side that was not quoted")
        rupees = float(text)
        if not 0 <= rupees < 1e9:
            raise ValueError(f"{text!r} is no price in rupees")
        paise = self._paise[text] = round(rupees * 100)
        return paise

    def _time(self, text: str) -> int:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=IST)
        at_ns = int(moment.timestamp()) * NS_PER_S + moment.microsecond * 1_000
        self._times[text] = at_ns
        self._days[text] = moment.astimezone(IST).date()
        return at_ns

    def _contract(self, expiry: str, strike: str, right: str, ts: str) -> Contract:
        strike_paise = round(float(strike) * 100)
        if strike_paise <= 0:
            raise ValueError(f"the strike {strike!r} is not above 0")
        if right not in Right.__members__:
            raise ValueError(f"the right {right!r} is neither CE nor PE")
        contract = self._facts.option(date.fromisoformat(expiry), strike_paise, Right(right), self._days[ts])
        contract = self.contracts.setdefault(contract.symbol, contract)
        self._by_terms[expiry, strike, right] = contract
        return contract
