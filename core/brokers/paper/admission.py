"""Which requests the broker turns away: rate limits, the session, the order's shape, its price, the money."""

from __future__ import annotations

from collections.abc import Mapping

from core.brokers.paper import checks, refusals
from core.brokers.paper.account_margin import AccountMargin
from core.brokers.paper.config import ExchangeConfig
from core.brokers.paper.ledger import BookOrder, Ledger
from core.brokers.paper.refusals import Refusal
from core.brokers.port import OrderChange, OrderRequest
from core.domain.calendar import Session, SessionCalendar
from core.domain.instruments import Contract
from core.domain.orders import OrderType
from core.domain.quotes import Quote
from core.domain.timing import NS_PER_S, to_ist


class Admission:
    """The checks before an order exists, in the order in which Kite makes them."""

    def __init__(
        self,
        ledger: Ledger,
        margin: AccountMargin,
        contracts: Mapping[str, Contract],
        calendar: SessionCalendar,
        config: ExchangeConfig,
    ) -> None:
        self._ledger = ledger
        self._margin = margin
        self._contracts = contracts
        self._calendar = calendar
        self._config = config
        self._session: Session | None = None

    def is_open(self, now_ns: int) -> bool:
        """Whether the exchange trades at this instant."""
        session = self._session
        if session is None or not session.opens_ns <= now_ns < session.closes_ns:
            session = self._session = self._calendar.session_at(now_ns)
        return session is not None and session.is_open(now_ns)

    def refuse_place(
        self, now_ns: int, request: OrderRequest, quote: Quote | None, *, limited: bool
    ) -> Refusal | None:
        """Why a new order cannot be taken, money aside; ``limited`` where the API's rate limits apply."""
        contract = self._contracts.get(request.symbol)
        if limited and self._over_rate(now_ns):
            return refusals.TOO_MANY_REQUESTS
        if len(request.tag) > self._config.tag_length_max:
            return refusals.tag_too_long(len(request.tag), self._config.tag_length_max)
        if contract is None or contract.exchange != request.exchange:
            return refusals.EXPIRED_OR_UNKNOWN
        if contract.expiry < to_ist(now_ns).date():
            return refusals.EXPIRED_OR_UNKNOWN
        if not self.is_open(now_ns):
            return refusals.MARKET_CLOSED
        side, kind = request.side, request.order_type
        limit, trigger = request.limit_paise, request.trigger_paise
        refusal = checks.refuse_shape(contract, side, kind, request.units, limit, trigger)
        return refusal or checks.refuse_price(side, kind, limit, trigger, quote)

    def refuse_modify(
        self, now_ns: int, order: BookOrder | None, change: OrderChange, quotes: Mapping[str, Quote]
    ) -> Refusal | None:
        """Why an order cannot be changed so."""
        if self._over_rate(now_ns):
            return refusals.TOO_MANY_REQUESTS
        if order is None:
            return refusals.NO_SUCH_ORDER
        if not order.is_working or order.order_id in self._ledger.cancelling or not self.is_open(now_ns):
            return refusals.BEING_PROCESSED_MODIFY
        if order.modifies >= self._config.modifies_max:
            return refusals.TOO_MANY_MODIFICATIONS
        if order.order_type is OrderType.LIMIT and change.order_type is OrderType.SL:
            return refusals.STOP_FROM_LIMIT
        if change.units < order.filled_units:
            return refusals.BELOW_FILLED
        contract, side = self._contracts[order.key.symbol], order.side
        limit, trigger = change.limit_paise, change.trigger_paise
        refusal = checks.refuse_shape(contract, side, change.order_type, change.units, limit, trigger)
        if refusal is not None:
            return refusal
        kind = OrderType.LIMIT if order.triggered else change.order_type
        refusal = checks.refuse_price(side, kind, limit, trigger, quotes.get(order.key.symbol))
        if refusal is not None:
            return refusal
        if change.units > order.units or limit > order.limit_paise:
            units = change.units - order.filled_units
            short = self._margin.shortfall(order.key, side, units, limit, exclude=order.order_id)
            if short is not None:
                return refusals.short_of_margin(*short)
        return None

    def refuse_any(self, now_ns: int) -> Refusal | None:
        """Why not even a request that can be nothing is answered with what is wrong about it."""
        return refusals.TOO_MANY_REQUESTS if self._over_rate(now_ns) else None

    def _over_rate(self, now_ns: int) -> bool:
        config, recent = self._config, self._ledger.requests_ns
        if self._ledger.requests_today >= config.orders_per_day:
            return True
        per_minute = config.orders_per_minute
        if len(recent) >= per_minute and recent[-per_minute] > now_ns - 60 * NS_PER_S:
            return True
        second, this_second = now_ns // NS_PER_S, 0
        for at_ns in reversed(recent):
            if at_ns // NS_PER_S != second:
                break
            this_second += 1
        return this_second >= config.orders_per_second
