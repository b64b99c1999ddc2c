"""A synthetic market that needs no data: a pure function of its seed and the time.

Asking for an instant gives the same quotes however one came there, so a run that is killed resumes in the
same market. Prices are Black-76 on a seeded forward path with jumps; volatility has a level that wanders, a
skew and a curvature; spreads are wider for dear and deep contracts and after jumps; displayed sizes are
larger for cheap ones. None of it is fitted: it is there to be traded against, not to be believed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, time

import numpy as np
from numpy.typing import NDArray

from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, Right
from core.domain.quotes import Quote
from core.domain.timing import NS_PER_MS, NS_PER_S, from_ist
from core.market.contract_facts import facts_of
from core.market.errors import MarketDataError
from core.market.paths import CALM_WEATHER, Paths, StepsAt, Weather, draw_paths, script
from core.market.scripted import (
    CircuitLock,
    FeedSilence,
    MarketEvent,
    NoLiquidity,
    PriceGap,
    SizeShock,
    SpreadShock,
    VolShock,
)
from core.market.source import Forwards
from core.market.synthetic_chain import QuoteBlock, SyntheticChain

BLOCK_STEPS = 32


@dataclass(frozen=True, slots=True)
class SyntheticSpec:
    """What is quoted, from when, how often. Times are Indian; the market runs to the session's close."""

    seed: int = 1
    underlying: str = "NIFTY"
    day: date = date(2026, 8, 17)
    start: time = time(10, 0)
    sessions: int = 1
    expiries: tuple[date, ...] = (date(2026, 8, 25), date(2026, 9, 1))
    future_expiry: date = date(2026, 8, 25)
    forward_paise: int = 24_500_00
    strikes_each_side: int = 14
    step_ms: int = 250
    requote_ms: int = 1_000
    """How often a contract away from the money is quoted anew."""
    stale_after_ms: int = 3_000
    weather: Weather = CALM_WEATHER
    events: tuple[MarketEvent, ...] = field(default=())


class SyntheticMarket:
    """``MarketSource`` over a ``SyntheticSpec``; raises ``MarketDataError`` for one that makes no market."""

    def __init__(self, spec: SyntheticSpec | None = None, calendar: SessionCalendar | None = None) -> None:
        self.spec = spec = SyntheticSpec() if spec is None else spec
        calendar = SessionCalendar() if calendar is None else calendar
        self.name = "synthetic"
        self.underlying = spec.underlying
        self.stale_after_ns = spec.stale_after_ms * NS_PER_MS
        self.contracts: Mapping[str, Contract] = _contracts(spec)
        self._step_ns = spec.step_ms * NS_PER_MS
        self._windows = _windows(spec, calendar, self._step_ns)
        self._every = max(1, spec.requote_ms // spec.step_ms)
        self._first_steps = np.cumsum([0, *(steps for _, steps in self._windows)]).tolist()
        self.start_ns = self._windows[0][0]
        opens_ns, steps = self._windows[-1]
        self.end_ns = opens_ns + (steps - 1) * self._step_ns
        self._paths = self._draw()
        self._whole_steps = self._shocked_steps()
        self._chain = SyntheticChain(
            tuple(self.contracts.values()), spec.seed, spec.weather.vol, self._every, calendar
        )
        self._bands: dict[int, tuple[list[int], list[int]]] = {}
        self._locks: dict[CircuitLock, int] = {}
        self._blocks: dict[int, QuoteBlock] = {}
        self._cached: tuple[int, Mapping[str, Quote]] | None = None
        self._interest: NDArray[np.int64] | None = None
        self._always = self._scripted_columns()

    def restrict(self, symbols: Collection[str] | None) -> None:
        """Quote only these contracts from now on (``None``: all). Their quotes are the same either way."""
        self._cached = None
        self._blocks.clear()
        self._interest = None
        if symbols is None:
            self._always = self._scripted_columns()
            return
        unknown = sorted(set(symbols) - set(self.contracts))
        if unknown:
            raise MarketDataError(
                f"not in the synthetic market: {', '.join(unknown)}; it quotes {len(self.contracts)} "
                f"contracts of {self.underlying} expiring on {', '.join(map(str, self.spec.expiries))}"
            )
        wanted = set(symbols)
        self._interest = np.array([i for i, name in enumerate(self.contracts) if name in wanted], np.int64)
        self._always = self._scripted_columns()

    def step_times(self, after_ns: int) -> int | None:
        """The next update after an instant."""
        for opens_ns, steps in self._windows:
            if after_ns < opens_ns:
                return opens_ns
            at = (after_ns - opens_ns) // self._step_ns + 1
            if at < steps:
                return opens_ns + at * self._step_ns
        return None

    def quotes_at(self, at_ns: int) -> Mapping[str, Quote]:
        """What the update at this instant brings: contracts near the money, and some of the others."""
        step = self._step_at(at_ns)
        if step is None or self._time_of(step) != at_ns:
            return {}
        return self._quotes(step)

    def book_at(self, at_ns: int) -> Mapping[str, Quote]:
        """The newest quote of every contract at or before an instant."""
        step = self._step_at(at_ns)
        book: dict[str, Quote] = {}
        if step is not None:
            first = self._first_steps[self._window_of(step)]
            for earlier in range(max(first, step - self._every + 1), step + 1):
                book.update(self._quotes(earlier))
        return book

    def forwards_at(self, at_ns: int) -> Forwards:
        """The forwards of the newest update at or before an instant, in paise."""
        step = self._step_at(at_ns)
        if step is None:
            return {}
        base = float(self._paths.forward[step])
        return {
            (self.underlying, expiry): base * carry for expiry, carry in self._chain.carry_by_expiry.items()
        }

    def is_silent(self, at_ns: int) -> bool:
        """Whether a scripted silence of the feed covers the instant."""
        return any(
            isinstance(event, FeedSilence) and self._covers(event.at_s, event.for_s, at_ns)
            for event in self.spec.events
        )

    def _draw(self) -> Paths:
        spec = self.spec
        steps = tuple(count for _, count in self._windows)
        paths = draw_paths(spec.seed, spec.forward_paise, spec.step_ms / 1_000, steps, spec.weather)
        offsets = [
            (opens_ns - self.start_ns) / NS_PER_S + np.arange(count) * (spec.step_ms / 1_000)
            for opens_ns, count in self._windows
        ]
        self._steps_at = StepsAt(np.concatenate(offsets))
        return script(paths, spec.events, self._steps_at)

    def _covers(self, from_s: float, for_s: float | None, at_ns: int) -> bool:
        since = (at_ns - self.start_ns) / NS_PER_S - from_s
        return since >= 0 and (for_s is None or since < for_s)

    def _step_at(self, at_ns: int) -> int | None:
        """The newest step at or before an instant."""
        found = None
        for first, (opens_ns, steps) in zip(self._first_steps, self._windows, strict=False):
            if at_ns >= opens_ns:
                found = first + min((at_ns - opens_ns) // self._step_ns, steps - 1)
        return found

    def _window_of(self, step: int) -> int:
        window = 0
        while step >= self._first_steps[window + 1]:
            window += 1
        return window

    def _time_of(self, step: int) -> int:
        window = self._window_of(step)
        return int(self._windows[window][0] + (step - self._first_steps[window]) * self._step_ns)

    def _quotes(self, step: int) -> Mapping[str, Quote]:
        if self._cached is not None and self._cached[0] == step:
            return self._cached[1]
        at_ns = self._time_of(step)
        lower, upper = self._range(self._window_of(step))
        block = self._block(step // BLOCK_STEPS)
        row = step % BLOCK_STEPS
        due = np.flatnonzero(self._is_whole(step) | self._always | block.due[row])
        picked = due if self._interest is None else self._interest[due]
        quotes: dict[str, Quote] = {}
        symbols = self._chain.symbols
        for i, bid, bid_units, ask, ask_units, last in zip(
            picked.tolist(),
            block.bid[row, due].tolist(),
            block.bid_units[row, due].tolist(),
            block.ask[row, due].tolist(),
            block.ask_units[row, due].tolist(),
            block.last[row, due].tolist(),
            strict=True,
        ):
            symbol = symbols[i]
            quotes[symbol] = Quote(
                symbol,
                at_ns,
                bid or None,
                bid_units if bid else 0,
                ask,
                ask_units,
                last,
                lower[i],
                upper[i],
            )
        self._script_contracts(quotes, at_ns)
        self._cached = (step, quotes)
        return quotes

    def _block(self, number: int) -> QuoteBlock:
        """The arithmetic of consecutive steps, done together: numpy costs as much for one step."""
        block = self._blocks.get(number)
        if block is None:
            first, last = number * BLOCK_STEPS, min((number + 1) * BLOCK_STEPS, self._first_steps[-1])
            paths, span = self._paths, slice(first, last)
            at_ns = np.array([self._time_of(step) for step in range(first, last)], dtype=np.int64)
            block = self._chain.block(
                first,
                paths.forward[span],
                paths.vol[span],
                paths.spread[span],
                paths.size[span],
                at_ns,
                self._interest,
            )
            while len(self._blocks) >= 2:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[number] = block
        return block

    def _is_whole(self, step: int) -> bool:
        """Whether a step quotes every contract: a session's first, and where a scenario shocks the market."""
        return step in self._whole_steps

    def _scripted_columns(self) -> NDArray[np.bool_]:
        """Contracts that a scenario does something to: they are quoted at every step."""
        scripted: set[str] = set()
        for event in self.spec.events:
            match event:
                case NoLiquidity() | SizeShock():
                    scripted |= event.symbols
                case CircuitLock():
                    scripted.add(event.symbol)
                case _:
                    pass
        names = list(self.contracts)
        columns = range(len(names)) if self._interest is None else self._interest.tolist()
        return np.array([names[i] in scripted for i in columns], dtype=np.bool_)

    def _shocked_steps(self) -> frozenset[int]:
        steps = set(self._first_steps[:-1])
        for event in self.spec.events:
            if isinstance(event, PriceGap | VolShock | SpreadShock | SizeShock):
                for_s = None if isinstance(event, PriceGap) else event.for_s
                for at_s in (event.at_s, *(() if for_s is None else (event.at_s + for_s,))):
                    steps.add(self._steps_at(at_s, None).start)
        return frozenset(steps)

    def _range(self, window: int) -> tuple[list[int], list[int]]:
        """The day's price range of every contract, from the prices at its session's start."""
        if window not in self._bands:
            step = self._first_steps[window]
            forward, vol = float(self._paths.forward[step]), float(self._paths.vol[step])
            self._bands[window] = self._chain.price_range(forward, vol, self._windows[window][0])
        return self._bands[window]

    def _script_contracts(self, quotes: dict[str, Quote], at_ns: int) -> None:
        """What a scenario does to single contracts."""
        for event in self.spec.events:
            match event:
                case NoLiquidity() if self._covers(event.from_s, event.until_s - event.from_s, at_ns):
                    for symbol in event.symbols & quotes.keys():
                        was = quotes[symbol]
                        quotes[symbol] = Quote(
                            symbol, at_ns, None, 0, None, 0, was.last_paise, was.lower_paise, was.upper_paise
                        )
                case SizeShock() if event.symbols and self._covers(event.at_s, event.for_s, at_ns):
                    for symbol in event.symbols & quotes.keys():
                        quotes[symbol] = self._thinned(quotes[symbol], event.multiplier)
                case CircuitLock() if event.symbol in quotes and self._covers(event.at_s, event.for_s, at_ns):
                    quotes[event.symbol] = self._locked(event, quotes[event.symbol])
                case _:
                    pass

    def _thinned(self, quote: Quote, multiplier: float) -> Quote:
        lot = self.contracts[quote.symbol].lot_units

        def units(shown: int) -> int:
            return max(lot, int(shown * multiplier) // lot * lot) if shown else 0

        return Quote(
            quote.symbol,
            quote.at_ns,
            quote.bid_paise,
            units(quote.bid_units),
            quote.ask_paise,
            units(quote.ask_units),
            quote.last_paise,
            quote.lower_paise,
            quote.upper_paise,
        )

    def _locked(self, lock: CircuitLock, quote: Quote) -> Quote:
        """The book at the end of the range: one side only, at a price that does not move while it lasts."""
        contract = self.contracts[lock.symbol]
        if lock not in self._locks:
            step = self._step_at(self.start_ns + int(lock.at_s * NS_PER_S))
            row = np.array([self._chain.symbols.index(lock.symbol)])
            first = step or 0
            forward, vol = float(self._paths.forward[first]), float(self._paths.vol[first])
            fair = float(self._chain.fair(forward, vol, self._time_of(first), row)[0])
            way = 1 if lock.side == "upper" else -1
            ticks = round(fair * (1 + way * lock.move) / contract.tick_paise)
            self._locks[lock] = max(1, ticks) * contract.tick_paise
        pinned = self._locks[lock]
        crowd = 200 * contract.lot_units
        if lock.side == "upper":
            return Quote(lock.symbol, quote.at_ns, pinned, crowd, None, 0, pinned, quote.lower_paise, pinned)
        return Quote(lock.symbol, quote.at_ns, None, 0, pinned, crowd, pinned, pinned, quote.upper_paise)


def _contracts(spec: SyntheticSpec) -> dict[str, Contract]:
    facts = facts_of(spec.underlying)
    step = facts.strike_step_paise
    centre = round(spec.forward_paise / step) * step
    contracts = [
        facts.option(expiry, centre + i * step, right, spec.day)
        for expiry in spec.expiries
        for i in range(-spec.strikes_each_side, spec.strikes_each_side + 1)
        for right in Right
    ]
    contracts.append(facts.future(spec.future_expiry, spec.day))
    return {contract.symbol: contract for contract in contracts}


def _windows(spec: SyntheticSpec, calendar: SessionCalendar, step_ns: int) -> list[tuple[int, int]]:
    """When each session's first step is, and how many it has."""
    if step_ns <= 0 or spec.sessions < 1 or not spec.expiries:
        raise MarketDataError(
            "a synthetic market needs at least one session, one expiry and a step above 0 ms"
        )
    begin_ns = from_ist(spec.day, spec.start)
    session = calendar.session(spec.day)
    if session is None or not session.is_open(begin_ns):
        raise MarketDataError(
            f"the exchange is closed on {spec.day} at {spec.start}; choose a time within a trading session"
        )
    windows: list[tuple[int, int]] = []
    for _ in range(spec.sessions):
        windows.append((begin_ns, max(1, -(-(session.closes_ns - begin_ns) // step_ns))))
        session = calendar.next_session(session.closes_ns)
        begin_ns = session.opens_ns
    return windows
