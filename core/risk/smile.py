"""The volatilities that a chain of quotes implies, one for every listed strike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite

import numpy as np

from core.domain.instruments import Contract, Right
from core.domain.quotes import MarketView, Quote
from core.risk.implied_vol import implied_vols
from core.risk.parity import two_sided_mid
from core.risk.pricing import is_call


def chain_vols(
    view: MarketView, contracts: Iterable[Contract], forward_paise: float, years: float
) -> dict[str, float]:
    """Volatility by symbol for option contracts of one underlying and one expiry.

    What the view says comes first. Otherwise a strike takes the volatility of its out-of-the-money side,
    whose price is all time value, then of its other side, then of the nearest strike that has one (a far
    wing that nobody bids still has to be priced). Empty where no quote of the chain can be used.
    """
    options = [contract for contract in contracts if contract.right is not None]
    known = {
        contract.symbol: vol
        for contract in options
        if (vol := view.vols.get(contract.symbol)) is not None and isfinite(vol) and vol > 0
    }
    wanting = [contract for contract in options if contract.symbol not in known]
    if not wanting:
        return known
    by_strike = _by_strike(
        options, known, _implied(options, view.quotes, forward_paise, years), forward_paise
    )
    if not by_strike:
        return known
    strikes = np.array(sorted(by_strike), dtype=np.float64)
    for contract in wanting:
        nearest = int(strikes[np.abs(np.log(strikes / contract.strike_paise)).argmin()])
        known[contract.symbol] = by_strike[nearest]
    return known


def _implied(
    options: list[Contract], quotes: Mapping[str, Quote], forward_paise: float, years: float
) -> dict[str, float]:
    priced = [(option, mid) for option in options if (mid := two_sided_mid(quotes.get(option.symbol)))]
    if not priced:
        return {}
    solved = implied_vols(
        [mid for _, mid in priced],
        forward_paise,
        [option.strike_paise for option, _ in priced],
        years,
        is_call([option.right for option, _ in priced if option.right is not None]),
    )
    return {
        option.symbol: float(vol)
        for (option, _), vol, reason in zip(priced, solved.vol, solved.reason, strict=True)
        if reason == 0
    }


def _by_strike(
    options: list[Contract], known: Mapping[str, float], implied: Mapping[str, float], forward_paise: float
) -> dict[int, float]:
    """One volatility a strike; the out-of-the-money side is written last and so wins."""

    def is_out_of_the_money(option: Contract) -> bool:
        return (option.strike_paise >= forward_paise) is (option.right is Right.CE)

    result: dict[int, float] = {}
    for option in sorted(options, key=is_out_of_the_money):
        vol = known.get(option.symbol, implied.get(option.symbol))
        if vol is not None:
            result[option.strike_paise] = vol
    return result
