"""From a broker's ticks to the ``MarketView``: gathers them, keeps what they omit, and asks when they stop.

A contract that nobody trades is not ticked for minutes, so silence alone says nothing: what is needed and has
grown stale is asked for by REST, and only an answer makes it fresh again. Until then entries wait. Ticks
carry no price range, so that is asked for as well: it moves in the day, as when a contract has run into it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract
from core.domain.quotes import MarketView, Quote
from core.domain.timing import NS_PER_MS, NS_PER_S, Clock
from core.engine.view_keeper import ViewKeeper
from core.risk.parity import implied_forward_paise

GATHER_NS = 40 * NS_PER_MS
"""Ticks within this long of each other are one change of the view; the first one is never held back."""
LOOK_EVERY_NS = 500 * NS_PER_MS
ASK_EARLY_NS = NS_PER_S
"""How long before a quote is stale it is asked for: an answer takes its time."""
RANGE_EVERY_NS = 30 * NS_PER_S
"""How often the price range of what is needed is asked for."""

Asked = Callable[[Sequence[str]], Awaitable[Mapping[str, Quote]]]
"""Quotes by ``EXCHANGE:SYMBOL``; raises where there is no answer."""
Tell = Callable[[MarketView, frozenset[str]], None]
Forwards = Mapping[tuple[str, date], float]


class QuoteFeed:
    """Takes quotes as they come and tells of views. ``needed`` names the symbols that are traded now."""

    def __init__(
        self,
        clock: Clock,
        keeper: ViewKeeper,
        calendar: SessionCalendar,
        ask: Asked,
        failed: type[Exception] | tuple[type[Exception], ...],
    ) -> None:
        """``failed`` is what ``ask`` raises where there is no answer."""
        self._clock = clock
        self._keeper = keeper
        self._calendar = calendar
        self._ask = ask
        self._failed = failed
        self._listeners: list[Tell] = []
        self._raw: list[Callable[[Mapping[str, Quote], Forwards], None]] = []
        self._pending: dict[str, Quote] = {}
        self._told_ns = 0
        self._telling = False
        self._ranges: dict[str, tuple[int | None, int | None]] = {}
        self._ranged_ns: dict[str, int] = {}
        """When the exchange was last heard on a contract's price range."""
        self._chains: dict[tuple[str, date], list[Contract]] = {}
        self.needed: Callable[[], Iterable[str]] = lambda: ()
        self.asked = 0
        """How often quotes were asked for by REST."""
        self.unanswered = 0
        keeper.update(clock.now_ns(), {})

    @property
    def view(self) -> MarketView:
        """The newest view."""
        return self._keeper.view

    def listen(self, listener: Tell) -> None:
        """Call ``listener`` with every new view and the symbols that changed."""
        self._listeners.append(listener)

    def listen_first(self, listener: Callable[[Mapping[str, Quote], Forwards], None]) -> None:
        """Call ``listener`` with the quotes and forwards themselves, before any view is told."""
        self._raw.append(listener)

    def follow_chain(self, contracts: Iterable[Contract]) -> None:
        """Imply forwards from these options from now on, and from no others."""
        for contract in contracts:
            if contract.right is None:
                continue
            chain = self._chains.setdefault((contract.underlying, contract.expiry), [])
            if contract not in chain:
                chain.append(contract)

    def take(self, quote: Quote) -> None:
        """A quote has arrived."""
        self._pending[quote.symbol] = self._with_range(quote)
        if self._telling:
            return
        self._telling = True
        now_ns = self._clock.now_ns()
        self._clock.call_at(max(now_ns, self._told_ns + GATHER_NS), self._tell_pending)

    def doubt_range(self, symbol: str) -> None:
        """The broker has refused an order: at the next look ask what the exchange takes now."""
        self._ranged_ns.pop(symbol, None)

    def _with_range(self, quote: Quote) -> Quote:
        """Ticks carry no price range; the one that was last asked for holds until the session turns."""
        self._note_range(quote)
        lower, upper = self._ranges.get(quote.symbol, (None, None))
        if (lower, upper) == (quote.lower_paise, quote.upper_paise):
            return quote
        return replace(quote, lower_paise=lower, upper_paise=upper)

    def _note_range(self, quote: Quote) -> None:
        if quote.lower_paise is not None or quote.upper_paise is not None:
            self._ranges[quote.symbol] = (quote.lower_paise, quote.upper_paise)
            self._ranged_ns[quote.symbol] = quote.at_ns

    def _tell_pending(self) -> None:
        self._telling = False
        changed, self._pending = self._pending, {}
        self._told_ns = self._clock.now_ns()
        self._publish(changed)

    def look_again(self) -> None:
        """Make a new view although nothing was quoted: a session has begun or ended."""
        self._publish({})

    def _publish(self, changed: Mapping[str, Quote]) -> None:
        now_ns = self._clock.now_ns()
        forwards = self._forwards(changed, now_ns)
        for raw in self._raw:
            raw(changed, forwards)
        view = self._keeper.update(now_ns, changed, forwards)
        symbols = frozenset(changed)
        for listener in self._listeners:
            listener(view, symbols)

    def _forwards(self, changed: Mapping[str, Quote], now_ns: int) -> Forwards:
        """Forwards of the chains that moved, from quotes that are not stale."""
        found: dict[tuple[str, date], float] = {}
        oldest_ns = now_ns - self.view.stale_after_ns
        for key, chain in self._chains.items():
            if not any(contract.symbol in changed for contract in chain):
                continue
            fresh = {}
            for contract in chain:
                quote = changed.get(contract.symbol) or self.view.quotes.get(contract.symbol)
                if quote is not None and quote.at_ns >= oldest_ns:
                    fresh[contract.symbol] = quote
            forward = implied_forward_paise(chain, fresh, *key)
            if forward is not None:
                found[key] = forward
        return found

    async def run(self) -> None:
        """Ask by REST for what is needed and grows stale, for ever; tell of every opening and close."""
        self._tell_next_session()
        while True:
            await self._clock.sleep_until(self._clock.now_ns() + LOOK_EVERY_NS)
            if self._calendar.is_open(self._clock.now_ns()):
                await self._refresh(self.needed())

    async def _refresh(self, symbols: Iterable[str]) -> None:
        now_ns, known, contracts = self._clock.now_ns(), self.view.quotes, self.view.contracts
        oldest_ns = now_ns - self.view.stale_after_ns + ASK_EARLY_NS
        wanted = {contract.symbol for chain in self._chains.values() for contract in chain}
        wanted -= self._ranged_ns.keys()
        for symbol in symbols:
            is_old = symbol not in known or known[symbol].at_ns < oldest_ns
            if is_old or self._ranged_ns.get(symbol, 0) <= now_ns - RANGE_EVERY_NS:
                wanted.add(symbol)
        keys = [f"{contracts[symbol].exchange}:{symbol}" for symbol in sorted(wanted) if symbol in contracts]
        if keys:
            await self.ask(keys)

    async def ask(self, keys: Sequence[str]) -> None:
        """Ask for quotes now; no answer leaves everything as it is."""
        self.asked += 1
        try:
            answer = await self._ask(keys)
        except self._failed:
            self.unanswered += 1
            return
        for quote in answer.values():
            self._note_range(quote)
            newer = self.view.quotes.get(quote.symbol)
            if newer is None or newer.at_ns <= quote.at_ns:
                self.take(quote)
        # A key without data is absent from the answer, and is not asked for at every look.
        self._ranged_ns |= dict.fromkeys((key.partition(":")[2] for key in keys), self._clock.now_ns())

    def _tell_next_session(self) -> None:
        session = self._calendar.next_session(self._clock.now_ns())
        now_ns = self._clock.now_ns()
        at_ns = session.opens_ns if now_ns < session.opens_ns else session.closes_ns
        self._clock.call_at(at_ns, self._session_turns)

    def _session_turns(self) -> None:
        self._ranges.clear()
        self._ranged_ns.clear()
        self.look_again()
        self._tell_next_session()
