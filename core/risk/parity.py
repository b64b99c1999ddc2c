"""The forward that option quotes imply, by put-call parity: F = K + C - P."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from statistics import median

from core.domain.instruments import Contract, Right
from core.domain.quotes import MarketView, Quote

STRIKES_USED = 3
"""The median over this many strikes nearest the money: one stale quote does not move it."""


def forward_paise(view: MarketView, underlying: str, expiry: date) -> float | None:
    """The forward of the view, or the one implied by its quotes; ``None`` where neither can be had."""
    mark = view.forwards.get((underlying, expiry))
    if mark is not None and mark.paise > 0:
        return mark.paise
    return implied_forward_paise(view.contracts.values(), view.quotes, underlying, expiry)


def implied_forward_paise(
    contracts: Iterable[Contract], quotes: Mapping[str, Quote], underlying: str, expiry: date
) -> float | None:
    """Put-call parity over the strikes where call and put are closest in price, which are nearest the money.

    Only strikes where both have an uncrossed two-sided quote count; ``None`` where there is none.
    """
    mids: dict[int, dict[Right, float]] = {}
    for contract in contracts:
        if contract.underlying == underlying and contract.expiry == expiry and contract.right is not None:
            mid = two_sided_mid(quotes.get(contract.symbol))
            if mid is not None:
                mids.setdefault(contract.strike_paise, {})[contract.right] = mid
    gaps = sorted(
        (abs(both[Right.CE] - both[Right.PE]), strike + both[Right.CE] - both[Right.PE])
        for strike, both in mids.items()
        if len(both) == 2
    )
    return median(forward for _, forward in gaps[:STRIKES_USED]) if gaps else None


def two_sided_mid(quote: Quote | None) -> float | None:
    """The mid of a quote that can be trusted: both sides there, above zero, not crossed."""
    if quote is None or quote.bid_paise is None or quote.ask_paise is None:
        return None
    if quote.bid_paise <= 0 or quote.is_crossed:
        return None
    return (quote.bid_paise + quote.ask_paise) / 2
