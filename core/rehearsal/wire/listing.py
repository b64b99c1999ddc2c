"""The instruments that the exchange lists: tokens, the dump, and the keys by which quotes are asked for."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.instruments import Contract, InstrumentKind

SEGMENTS = {"NFO": 2, "BFO": 5}
"""The last byte of an instrument token (Kite Connect v3): the exchange's segment."""
INDEX_TOKENS = {
    "NIFTY": ("NSE", "NIFTY 50", 256265),
    "BANKNIFTY": ("NSE", "NIFTY BANK", 260105),
    "SENSEX": ("BSE", "SENSEX", 265),
}
"""Exchange, symbol and token of the indices."""
FIRST_EXCHANGE_TOKEN = 35_000
COLUMNS = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)


class Listing:
    """Contracts and their underlying's index, with tokens both ways; ``index`` is ``None`` if unknown."""

    def __init__(self, contracts: Mapping[str, Contract], underlying: str) -> None:
        self.contracts = contracts
        self.tokens: dict[str, int] = {}
        self.symbols: dict[int, str] = {}
        self.keys: dict[str, str] = {}
        """``NFO:SYMBOL`` to symbol."""
        for number, (symbol, contract) in enumerate(sorted(contracts.items())):
            made = (FIRST_EXCHANGE_TOKEN + number) * 256 + SEGMENTS.get(contract.exchange, 2)
            self._add(contract.exchange, symbol, contract.token or made)
        known = INDEX_TOKENS.get(underlying)
        self.index = known[1] if known else None
        self._index_exchange = known[0] if known else ""
        if known:
            self._add(*known)

    def _add(self, exchange: str, symbol: str, token: int) -> None:
        self.tokens[symbol] = token
        self.symbols[token] = symbol
        self.keys[f"{exchange}:{symbol}"] = symbol

    def is_index(self, symbol: str) -> bool:
        """Whether this is the index, which is quoted and not traded."""
        return symbol == self.index

    def dump(self, exchange: str = "") -> str:
        """The instruments as Kite's CSV, of one exchange or of all."""
        lines = [COLUMNS]
        for symbol, contract in sorted(self.contracts.items()):
            if exchange in ("", contract.exchange):
                lines.append(self._line(symbol, contract))
        if self.index and exchange in ("", self._index_exchange):
            token = self.tokens[self.index]
            name, place = self.index, self._index_exchange
            lines.append(f"{token},{token >> 8},{name},{name},0,,0,0,0,EQ,INDICES,{place}")
        return "\n".join(lines) + "\n"

    def _line(self, symbol: str, contract: Contract) -> str:
        token = self.tokens[symbol]
        kind = contract.right.value if contract.right else "FUT"
        family = "OPT" if contract.kind is InstrumentKind.OPTION else "FUT"
        return (
            f'{token},{token >> 8},{symbol},"{contract.underlying}",0,{contract.expiry:%Y-%m-%d},'
            f"{contract.strike_paise / 100:g},{contract.tick_paise / 100:g},{contract.lot_units},{kind},"
            f"{contract.exchange}-{family},{contract.exchange}"
        )
