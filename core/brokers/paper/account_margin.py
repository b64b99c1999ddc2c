"""What the account can still afford: its money, what is blocked, and what an order would need on top."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from core.brokers.paper.config import ExchangeConfig
from core.brokers.paper.ledger import BookOrder, Ledger
from core.brokers.paper.margin import Charge, Held, charge
from core.brokers.port import BasketLeg, BasketMargin
from core.domain.instruments import Contract, InstrumentKind, PositionKey, Side
from core.domain.orders import Funds
from core.domain.quotes import Quote
from core.risk.parity import implied_forward_paise


class AccountMargin:
    """Margin over a ledger and the newest marks. Keeps nothing but the forwards it was told."""

    def __init__(
        self,
        ledger: Ledger,
        contracts: Mapping[str, Contract],
        quotes: Mapping[str, Quote],
        config: ExchangeConfig,
    ) -> None:
        self.ledger = ledger
        self._contracts = contracts
        self._quotes = quotes
        self._config = config
        self._forwards: dict[tuple[str, date], float] = {}
        self._implied: dict[tuple[str, date], float | None] = {}

    def note_forwards(self, forwards: Mapping[tuple[str, date], float]) -> None:
        """Take the newest forwards, in paise; what older quotes implied is forgotten."""
        self._implied.clear()
        self._forwards.update(forwards)

    def forward_paise(self, underlying: str, expiry: date) -> float | None:
        """The forward last told, or what the quotes imply."""
        key = (underlying, expiry)
        known = self._forwards.get(key)
        if known is not None:
            return known
        if key not in self._implied:
            self._implied[key] = implied_forward_paise(
                self._contracts.values(), self._quotes, underlying, expiry
            )
        return self._implied[key]

    def funds(self) -> Funds:
        """What the account may use now."""
        available, cash, blocked = self._money("", self._charge(self._blocking("")).total_paise)
        return Funds(available, max(0, min(available, cash)), blocked)

    def funds_without_orders(self) -> Funds:
        """What the account could use if no order were working."""
        charged = self._charge(self._positions()).total_paise
        config = self._config
        available = config.funds_paise + self._flow() - charged
        return Funds(available, max(0, min(available, config.cash_paise + self._flow())), charged)

    def shortfall(
        self, key: PositionKey, side: Side, units: int, limit_paise: int, exclude: str = ""
    ) -> tuple[int, int] | None:
        """Required and available paise where an order cannot be afforded, else ``None``.

        ``exclude`` is the id of the order that this one replaces. Buying back a short needs nothing: it frees
        more than it costs.
        """
        contract = self._contracts[key.symbol]
        held = self._blocking(exclude)
        before = self._charge(held).total_paise
        available, cash, _ = self._money(exclude, before)
        if contract.kind is InstrumentKind.OPTION and side is Side.BUY:
            required = self._opening_units(key, side, units, exclude) * limit_paise
            return (required, min(available, cash)) if required > min(available, cash) else None
        row = Held(contract, side.sign * units, self._mark(key.symbol, float(limit_paise)))
        # Together never costs more than apart, and most orders are affordable even by themselves.
        if self._charge([row]).total_paise <= available:
            return None
        after = self._charge([*held, row]).total_paise
        required = max(0, after - before)
        return (required, available) if required > available else None

    def basket(self, legs: Iterable[BasketLeg]) -> BasketMargin:
        """Initial and final margin of orders sent together, as Kite reports them.

        Initial counts no cover between the orders; final is what is blocked once all are filled, less the
        premium received.
        """
        held = self._blocking("")
        before = self._charge(held).total_paise
        alone, together, bought, net = 0, list(held), 0, 0
        for leg in legs:
            contract = self._contracts[leg.symbol]
            row = Held(contract, leg.side.sign * leg.units, self._mark(leg.symbol, float(leg.price_paise)))
            together.append(row)
            is_option = contract.kind is InstrumentKind.OPTION
            if is_option:
                net += leg.side.sign * leg.units * leg.price_paise
            if is_option and leg.side is Side.BUY:
                bought += leg.units * leg.price_paise
            else:
                alone += max(0, self._charge([*held, row]).total_paise - before)
        final = self._charge(together).total_paise - before + net
        return BasketMargin(initial_paise=alone + bought, final_paise=max(0, final))

    def _money(self, exclude: str, charged: int) -> tuple[int, int, int]:
        """Available, cash for premium, and blocked, after ``charged`` paise of margin."""
        config, flow = self._config, self._flow()
        premium = sum(
            self._opening_units(order.key, order.side, order.open_units, order.order_id) * order.limit_paise
            for order in self._working(exclude)
            if order.side is Side.BUY and self._contracts[order.key.symbol].kind is InstrumentKind.OPTION
        )
        blocked = charged + premium
        return config.funds_paise + flow - blocked, config.cash_paise + flow - premium, blocked

    def _flow(self) -> int:
        """Cash that trades have brought, futures at their marks."""
        flow = self.ledger.cash_flow_paise
        for key, holding in self.ledger.holdings.items():
            contract = self._contracts.get(key.symbol)
            if holding.units and contract is not None and contract.kind is InstrumentKind.FUTURE:
                flow += round(holding.units * self._mark(key.symbol, float(holding.average_paise)))
        return flow

    def _charge(self, held: Iterable[Held]) -> Charge:
        return charge(held, self.forward_paise, self._config.scan_bps, self._config.exposure_bps)

    def _blocking(self, exclude: str) -> list[Held]:
        """Positions, and working orders whose fill would raise the charge."""
        rows = self._positions()
        for order in self._working(exclude):
            contract = self._contracts[order.key.symbol]
            opening = self._opening_units(order.key, order.side, order.open_units, order.order_id)
            if opening and (order.side is Side.SELL or contract.kind is not InstrumentKind.OPTION):
                mark = self._mark(order.key.symbol, float(order.limit_paise))
                rows.append(Held(contract, order.side.sign * opening, mark))
        return rows

    def _positions(self) -> list[Held]:
        return [
            Held(contract, holding.units, self._mark(key.symbol, float(holding.average_paise)))
            for key, holding in self.ledger.holdings.items()
            if holding.units and (contract := self._contracts.get(key.symbol)) is not None
        ]

    def _opening_units(self, key: PositionKey, side: Side, units: int, own_id: str) -> int:
        """How many units of an order open a position, beyond closing what is held and not yet asked for."""
        holding = self.ledger.holdings.get(key)
        closable = -holding.units * side.sign if holding is not None else 0
        if closable <= 0:
            return units
        for order in self.ledger.working.get(key.symbol, {}).values():
            if order.order_id == own_id:
                break
            if order.key == key and order.side is side:
                closable -= order.open_units
        return max(0, units - max(0, closable))

    def _working(self, exclude: str) -> list[BookOrder]:
        return [
            order
            for orders in self.ledger.working.values()
            for order in orders.values()
            if order.order_id != exclude
        ]

    def _mark(self, symbol: str, otherwise: float) -> float:
        quote = self._quotes.get(symbol)
        if quote is None or quote.is_crossed:
            return otherwise
        mid = quote.mid_paise
        return otherwise if mid is None else mid
