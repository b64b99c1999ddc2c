"""What an account holds, whoever traded it: the groups' legs and the trader's own positions, netted."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.account import Account
from core.domain.cover import Holding
from core.domain.instruments import Contract, PositionKey, Product


def account_holdings(
    account: Account, product: Product | None, contracts: Mapping[str, Contract]
) -> list[Holding]:
    """The signed units of every contract that the account holds in a product, none of them twice.

    ``None`` nets all products. ``contracts`` are those that the market lists, by symbol: a position of the
    trader's own in a contract that it does not know is left out (``unlisted_symbols`` names it).
    """
    found: dict[str, Contract] = {}
    held: dict[str, int] = {}
    for group in account.groups.values():
        if product is not None and group.plan.product is not product:
            continue
        for leg in group.legs:
            if leg.net_units:
                symbol = leg.plan.contract.symbol
                found[symbol] = leg.plan.contract
                held[symbol] = held.get(symbol, 0) + leg.net_units
    for key, units in account.foreign.items():
        contract = _listed(key, contracts)
        if contract is not None and (product is None or key.product is product):
            found[key.symbol] = contract
            held[key.symbol] = held.get(key.symbol, 0) + units
    return [(found[symbol], units) for symbol, units in held.items() if units]


def unlisted_symbols(account: Account, contracts: Mapping[str, Contract]) -> list[str]:
    """The trader's own positions in contracts that the market does not list, by symbol."""
    return sorted(
        key.symbol for key, units in account.foreign.items() if units and _listed(key, contracts) is None
    )


def _listed(key: PositionKey, contracts: Mapping[str, Contract]) -> Contract | None:
    contract = contracts.get(key.symbol)
    return contract if contract is not None and contract.exchange == key.exchange else None
