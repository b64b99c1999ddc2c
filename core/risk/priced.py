"""Contracts with everything needed to reprice them, or the reason why one cannot be priced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite

from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, InstrumentKind, Right
from core.domain.quotes import MarketView, Quote
from core.domain.timing import to_ist
from core.risk import pricing
from core.risk.implied_vol import implied_vol
from core.risk.parity import forward_paise, two_sided_mid
from core.risk.pricing import Undefined, years_until
from core.risk.smile import chain_vols


@dataclass(frozen=True, slots=True)
class PricedContract:
    """One contract as the market prices it. ``vol`` is 0 for a future; ``days`` are calendar days left.

    ``underlying_paise`` is what exposure margin is counted on: the index where it is known, else the forward.
    """

    contract: Contract
    forward_paise: float
    underlying_paise: float
    years: float
    days: int
    vol: float
    value_paise: float
    half_spread_paise: float

    @property
    def right_sign(self) -> int:
        """+1 for a call, -1 for a put, 0 for a future."""
        right = self.contract.right
        return 0 if right is None else 1 if right is Right.CE else -1


@dataclass(frozen=True, slots=True)
class Unpriceable:
    """A contract that cannot be priced now, and why."""

    symbol: str
    why: str

    def __str__(self) -> str:
        return f"{self.symbol} cannot be priced: {self.why}"


def price_contracts(
    view: MarketView,
    contracts: Iterable[Contract],
    now_ns: int,
    calendar: SessionCalendar,
    *,
    underlying_paise: Mapping[str, float] | None = None,
    need_fresh: frozenset[str] = frozenset(),
) -> tuple[list[PricedContract], list[Unpriceable]]:
    """Price each contract, in order; those that cannot be priced are in the second list.

    Symbols in ``need_fresh`` also need a quote that is present, not crossed and not stale: what is about to
    be traded must be seen. Other holdings may take their volatility from the chain around them.
    """
    chains = _Chains(view, now_ns, calendar)
    spot = underlying_paise or {}
    priced: list[PricedContract] = []
    problems: list[Unpriceable] = []
    for contract in contracts:
        why = _unusable(view, contract.symbol, now_ns) if contract.symbol in need_fresh else ""
        result = Unpriceable(contract.symbol, why) if why else chains.price(contract, spot)
        if isinstance(result, Unpriceable):
            problems.append(result)
        else:
            priced.append(result)
    return priced, problems


def _unusable(view: MarketView, symbol: str, now_ns: int) -> str:
    quote = view.quotes.get(symbol)
    if quote is None or (quote.bid_paise is None and quote.ask_paise is None):
        return "nobody quotes it"
    if quote.is_crossed:
        return f"its quote is crossed (bid {quote.bid_paise}, ask {quote.ask_paise} paise)"
    if any(side is not None and side <= 0 for side in (quote.bid_paise, quote.ask_paise)):
        return "its quote is not above zero"
    if view.is_stale(symbol, now_ns):
        return f"its quote is {(now_ns - quote.at_ns) / 1e9:.0f} s old"
    return ""


class _Chains:
    """Forward, time and volatility, each worked out once a chain and only when it is needed."""

    def __init__(self, view: MarketView, now_ns: int, calendar: SessionCalendar) -> None:
        self._view = view
        self._now_ns = now_ns
        self._calendar = calendar
        self._today = to_ist(now_ns).date()
        self._terms: dict[tuple[str, date], tuple[float | None, float]] = {}
        self._smiles: dict[tuple[str, date], dict[str, float]] = {}

    def price(self, contract: Contract, spot: Mapping[str, float]) -> PricedContract | Unpriceable:
        symbol = contract.symbol
        if contract.right is None and contract.kind is not InstrumentKind.FUTURE:
            return Unpriceable(symbol, "it is neither an option nor a future")
        key = (contract.underlying, contract.expiry)
        if key not in self._terms:
            self._terms[key] = (
                forward_paise(self._view, *key),
                years_until(self._calendar.expiry_ns(contract.expiry), self._now_ns),
            )
        forward, years = self._terms[key]
        if years <= 0:
            return Unpriceable(symbol, f"it expired on {contract.expiry:%Y-%m-%d}")
        quote = self._view.quotes.get(symbol)
        if forward is None and contract.right is None:
            forward = two_sided_mid(quote)
        if forward is None or not (isfinite(forward) and forward > 0):
            return Unpriceable(symbol, f"no forward is known for {contract.expiry:%d %b %Y}")
        vol, value = 0.0, forward
        if contract.right is not None:
            found = self._vol(contract, forward, years)
            if found is None:
                return Unpriceable(symbol, f"no quote of the chain of {contract.expiry:%d %b %Y} can be used")
            model = pricing.price(forward, contract.strike_paise, years, found, contract.right)
            if isinstance(model, Undefined):
                return Unpriceable(symbol, str(model))
            vol, value = found, model
        return PricedContract(
            contract,
            forward,
            spot.get(contract.underlying, forward),
            years,
            (contract.expiry - self._today).days,
            vol,
            value,
            _half_spread(quote, value),
        )

    def _vol(self, contract: Contract, forward: float, years: float) -> float | None:
        known = self._view.vols.get(contract.symbol)
        if known is not None and isfinite(known) and known > 0:
            return known
        mid = two_sided_mid(self._view.quotes.get(contract.symbol))
        is_out = (contract.strike_paise >= forward) is (contract.right is Right.CE)
        if mid is not None and is_out and contract.right is not None:
            own = implied_vol(mid, forward, contract.strike_paise, years, contract.right)
            if not isinstance(own, Undefined):
                return own
        key = (contract.underlying, contract.expiry)
        if contract.symbol not in self._smiles.get(key, {}):
            chain = [
                other
                for other in self._view.contracts.values()
                if other.underlying == contract.underlying and other.expiry == contract.expiry
            ]
            self._smiles[key] = chain_vols(self._view, [*chain, contract], forward, years)
        return self._smiles[key].get(contract.symbol)


def _half_spread(quote: Quote | None, value_paise: float) -> float:
    """Half the spread; where one side is missing the distance from the value to the side that is there."""
    if quote is None or quote.is_crossed:
        return value_paise / 2
    if quote.bid_paise is not None and quote.ask_paise is not None:
        return quote.half_spread_paise
    side = quote.ask_paise if quote.ask_paise is not None else quote.bid_paise
    return abs(side - value_paise) if side is not None else value_paise / 2
