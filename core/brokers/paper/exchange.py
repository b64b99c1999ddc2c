"""The simulated exchange and broker back office: one deterministic state machine.

It reads no clock, awaits nothing and writes nothing: every method takes the market time and returns a
``Step`` with the records to be persisted, before anyone is told, and the frames to be streamed. The same
calls give the same records; refolding the records gives the same books.

What it models: the displayed size of the touch fills and is used up until the next quote of that contract;
a resting order that a later quote crosses fills at that quote's touch. Stops are released by a trade or a
touch at their trigger, where limit price protection is checked. Queue position inside the spread is not
modelled: an order that only joins the touch waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from core.brokers.paper import checks, matching, refusals, statuses
from core.brokers.paper.account_margin import AccountMargin
from core.brokers.paper.admission import Admission
from core.brokers.paper.config import ExchangeConfig
from core.brokers.paper.draws import Draws, Purpose
from core.brokers.paper.ledger import NEVER_NS, BookOrder, Ledger
from core.brokers.paper.records import (
    CancelAsked,
    ExchangeRecord,
    ModifyRefused,
    OrderAccepted,
    OrderModified,
    OrderTraded,
    PositionCarried,
    PositionSettled,
    RequestRefused,
    SessionRolled,
    StatusChanged,
)
from core.brokers.paper.refusals import Refusal
from core.brokers.port import OrderChange, OrderRequest
from core.domain.calendar import SessionCalendar
from core.domain.instruments import Contract, InstrumentKind, PositionKey, Right
from core.domain.orders import OrderReport, OrderType
from core.domain.quotes import Quote

API = "api"
_ORDER_ID_BASE = 1_953_000_000_000_000_000
_TRADE_ID_BASE = 40_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """What one call did. ``refusal`` is set where the request was not taken."""

    records: tuple[ExchangeRecord, ...] = ()
    frames: tuple[OrderReport, ...] = ()
    order_id: str | None = None
    refusal: Refusal | None = None


NOTHING = Step()


class SimExchange:
    """The exchange. ``ledger`` is for reading; it changes only by records."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        calendar: SessionCalendar,
        config: ExchangeConfig | None = None,
        records: Iterable[ExchangeRecord] = (),
    ) -> None:
        self.contracts = contracts
        self.calendar = calendar
        self.config = ExchangeConfig() if config is None else config
        self.quotes: dict[str, Quote] = {}
        self.ledger = Ledger()
        for record in records:
            self.ledger.apply(record)
        self.margin = AccountMargin(self.ledger, contracts, self.quotes, self.config)
        self._draws = Draws(self.config.seed)
        self._first_order_id = _ORDER_ID_BASE + self._draws.bits(Purpose.ORDER_ID, 0) % 10**16
        self._first_trade_id = _TRADE_ID_BASE + self._draws.bits(Purpose.TRADE_ID, 0) % 10**7
        self._admission = Admission(self.ledger, self.margin, contracts, calendar, self.config)
        self._records: list[ExchangeRecord] = []
        self._frames: list[OrderReport] = []

    def place(self, now_ns: int, request: OrderRequest, *, placed_by: str = API, veto: str = "") -> Step:
        """Take or refuse a new order, and match it against the newest quote.

        ``placed_by`` names whoever trades the account besides the API. ``veto`` rejects the order afterwards,
        with these words, as a risk desk would.
        """
        contract = self.contracts.get(request.symbol)
        quote = self.quotes.get(request.symbol)
        refusal = self._admission.refuse_place(now_ns, request, quote, limited=placed_by == API)
        if refusal is not None or contract is None:
            return self._refuse(now_ns, "place", refusal or refusals.EXPIRED_OR_UNKNOWN, tag=request.tag)
        key = PositionKey(request.exchange, request.symbol, request.product)
        late = veto
        short = self.margin.shortfall(key, request.side, request.units, request.limit_paise)
        if short is not None and not late:
            share = self._draws.unit(Purpose.LATE_REJECTION, self.ledger.request_count)
            if share >= self.config.late_margin_share:
                return self._refuse(now_ns, "place", refusals.short_of_margin(*short), tag=request.tag)
            late = refusals.margin_exceeds(*short)
        stops = request.order_type is OrderType.SL
        if not (late or stops) and checks.breaks_protection(
            contract, request.side, request.limit_paise, quote, self.config
        ):
            late = refusals.LPP_AT_ENTRY
        order_id = self._new_order_id()
        self._emit(
            OrderAccepted(
                now_ns,
                order_id,
                request.tag,
                request.symbol,
                request.exchange,
                request.product,
                request.side,
                request.units,
                request.order_type,
                request.limit_paise,
                request.trigger_paise if stops else 0,
                placed_by,
            )
        )
        if late:
            self._change(now_ns, order_id, statuses.REJECTED, late)
        else:
            self._change(now_ns, order_id, statuses.TRIGGER_PENDING if stops else statuses.OPEN)
            self._work(now_ns, self.ledger.orders[order_id])
        return self._step(order_id)

    def modify(self, now_ns: int, order_id: str, change: OrderChange) -> Step:
        """Change a working order. A price outside the protection range is refused only afterwards."""
        order = self.ledger.orders.get(order_id)
        refusal = self._admission.refuse_modify(now_ns, order, change, self.quotes)
        if refusal is not None or order is None:
            return self._refuse(now_ns, "modify", refusal or refusals.NO_SUCH_ORDER, order_id=order_id)
        contract = self.contracts[order.key.symbol]
        quote = self.quotes.get(order.key.symbol)
        releasing = change.order_type is OrderType.LIMIT or order.triggered
        if releasing and checks.breaks_protection(
            contract, order.side, change.limit_paise, quote, self.config
        ):
            self._emit(ModifyRefused(now_ns, order_id, refusals.LPP_AT_ENTRY))
            self._frames.append(order.report(statuses.UPDATE))
            return self._step(order_id)
        trigger = change.trigger_paise if change.order_type is OrderType.SL else 0
        self._emit(
            OrderModified(now_ns, order_id, change.order_type, change.units, change.limit_paise, trigger)
        )
        self._frames.append(order.report(statuses.UPDATE))
        if order.open_units:
            self._work(now_ns, order)
        else:
            self._change(now_ns, order_id, statuses.COMPLETE)
        return self._step(order_id)

    def turn_away(self, now_ns: int, kind: str, refusal: Refusal, order_id: str = "") -> Step:
        """Refuse what cannot even be read as an order or a change; it counts in the rate limits too."""
        return self._refuse(now_ns, kind, self._admission.refuse_any(now_ns) or refusal, order_id=order_id)

    def cancel(self, now_ns: int, order_id: str, *, delay_ns: int | None = None) -> Step:
        """Accept or refuse a request to cancel; it takes effect when ``advance`` reaches its time.

        ``delay_ns`` replaces the drawn delay; ``NEVER_NS`` is a cancel that nobody confirms.
        """
        order = self.ledger.orders.get(order_id)
        if order is None:
            return self._refuse(now_ns, "cancel", refusals.NO_SUCH_ORDER, order_id=order_id)
        if not order.is_working or not self._admission.is_open(now_ns):
            return self._refuse(now_ns, "cancel", refusals.BEING_PROCESSED_CANCEL, order_id=order_id)
        if delay_ns is None:
            delay_ns = self._draws.within(
                Purpose.CANCEL_DELAY, self.ledger.cancel_count, self.config.cancel_delay
            )
        earlier = self.ledger.cancelling.get(order_id, NEVER_NS)
        due_ns = min(earlier, now_ns + delay_ns) if delay_ns < NEVER_NS else earlier
        self._emit(CancelAsked(now_ns, order_id, due_ns))
        return self._step(order_id)

    def on_quotes(
        self,
        now_ns: int,
        quotes: Mapping[str, Quote],
        forwards: Mapping[tuple[str, date], float] | None = None,
    ) -> Step:
        """Take what changed in the market: due cancels first, then stops, then resting orders.

        ``forwards`` (paise) are what margin is charged on; without them quotes imply them, more slowly.
        """
        self.quotes.update(quotes)
        self.margin.note_forwards(forwards or {})
        if self.ledger.cancelling:
            self._cancel_due(now_ns)
        working = self.ledger.working
        if not working or not self._admission.is_open(now_ns):
            return self._step() if self._records else NOTHING
        for symbol in [symbol for symbol in working if symbol in quotes]:
            resting = list(working[symbol].values())
            if len(resting) > 1:
                resting.sort(key=lambda order: -order.side.sign * order.limit_paise)
            for order in resting:
                self._work(now_ns, order)
        return self._step() if self._records else NOTHING

    def advance(self, now_ns: int) -> Step:
        """Let cancels whose time has come take effect."""
        if self.ledger.cancelling:
            self._cancel_due(now_ns)
        return self._step() if self._records else NOTHING

    def force_fill(
        self, now_ns: int, order_id: str, units: int | None = None, price_paise: int | None = None
    ) -> Step:
        """Fill an order whatever its state or the market says: late fills, and fills during a cancel.

        At most its unfilled units, at its limit unless a price is given; a rejected order never fills.
        """
        order = self.ledger.orders.get(order_id)
        if order is None or order.raw_status == statuses.REJECTED:
            return NOTHING
        wanted = order.open_units if units is None else min(units, order.open_units)
        if wanted <= 0:
            return NOTHING
        self._trade(now_ns, order, wanted, order.limit_paise if price_paise is None else price_paise, 0)
        return self._step(order_id)

    def carry(self, now_ns: int, key: PositionKey, units: int, price_paise: int) -> Step:
        """Begin with a position from an earlier day, signed units."""
        contract = self.contracts.get(key.symbol)
        future = contract is not None and contract.kind is InstrumentKind.FUTURE
        cash = -units * price_paise if future else 0
        self._emit(PositionCarried(now_ns, key.symbol, key.exchange, key.product, units, price_paise, cash))
        return self._step()

    def end_session(self, now_ns: int) -> Step:
        """Lapse every working order."""
        self._lapse(now_ns)
        return self._step()

    def roll_session(self, now_ns: int, day: date) -> Step:
        """Begin a new day: working orders lapse, expired positions settle in cash, books start empty.

        An expired contract settles at its intrinsic value against the last forward known for its expiry.
        """
        self._lapse(now_ns)
        for key, holding in list(self.ledger.holdings.items()):
            contract = self.contracts.get(key.symbol)
            if contract is None or contract.expiry >= day or not holding.units:
                continue
            price = self._settlement_paise(contract)
            self._emit(PositionSettled(now_ns, key.symbol, key.exchange, key.product, holding.units, price))
        self._emit(SessionRolled(now_ns, day))
        return self._step()

    def next_due_ns(self) -> int | None:
        """When the next cancel takes effect, or ``None``."""
        due = min(self.ledger.cancelling.values(), default=NEVER_NS)
        return due if due < NEVER_NS else None

    def history(self, order_id: str) -> tuple[OrderReport, ...]:
        """Every state of an order in Kite's sequence, oldest first; empty for an unknown id."""
        order = self.ledger.orders.get(order_id)
        return () if order is None else order.full_history()

    def _work(self, now_ns: int, order: BookOrder) -> None:
        """Release a stop whose trigger is met, and fill what the touch shows."""
        symbol = order.key.symbol
        quote = self.quotes.get(symbol)
        if quote is None or not matching.is_usable(quote, now_ns, self.config.stale_after_ns):
            return
        contract = self.contracts[symbol]
        if order.awaits_trigger:
            if not matching.releases_stop(order.side, order.trigger_paise, quote):
                return
            if checks.breaks_protection(contract, order.side, order.limit_paise, quote, self.config):
                self._change(now_ns, order.order_id, statuses.REJECTED, refusals.LPP_AT_TRIGGER)
                return
            self._change(now_ns, order.order_id, statuses.OPEN)
        taken = self.ledger.taken(symbol, order.side, quote.at_ns)
        units = matching.fillable_units(
            contract, order.side, order.limit_paise, order.open_units, quote, taken
        )
        touch = quote.touch_paise(order.side)
        if units and touch is not None:
            self._trade(now_ns, order, units, touch, quote.at_ns)

    def _trade(self, now_ns: int, order: BookOrder, units: int, price_paise: int, quote_ns: int) -> None:
        n = self.ledger.trade_count
        lag_ns = self._draws.within(Purpose.POSITION_LAG, n, self.config.position_lag)
        trade_id = str(self._first_trade_id + 7 * n + self._draws.bits(Purpose.TRADE_ID, n + 1) % 7)
        self._emit(
            OrderTraded(now_ns, order.order_id, trade_id, units, price_paise, quote_ns, now_ns + lag_ns)
        )
        done = order.raw_status == statuses.COMPLETE
        word = order.raw_status if done or not order.is_working else statuses.UPDATE
        self._frames.append(order.report(word))

    def _cancel_due(self, now_ns: int) -> None:
        for order_id, due_ns in list(self.ledger.cancelling.items()):
            if due_ns <= now_ns:
                self._change(now_ns, order_id, statuses.CANCELLED)

    def _lapse(self, now_ns: int) -> None:
        for orders in list(self.ledger.working.values()):
            for order_id in list(orders):
                self._change(now_ns, order_id, statuses.CANCELLED, refusals.LAPSED)

    def _settlement_paise(self, contract: Contract) -> int:
        forward = self.margin.forward_paise(contract.underlying, contract.expiry)
        if forward is None:
            return 0
        if contract.kind is not InstrumentKind.OPTION:
            return round(forward)
        way = 1 if contract.right is Right.CE else -1
        return max(0, round(way * (forward - contract.strike_paise)))

    def _new_order_id(self) -> str:
        n = self.ledger.order_count
        return str(self._first_order_id + (n << 22) + self._draws.bits(Purpose.ORDER_ID, n + 1) % (1 << 22))

    def _change(self, now_ns: int, order_id: str, raw_status: str, message: str = "") -> None:
        self._emit(StatusChanged(now_ns, order_id, raw_status, message))
        self._frames.append(self.ledger.orders[order_id].history[-1])

    def _refuse(
        self, now_ns: int, request: str, refusal: Refusal, *, order_id: str = "", tag: str = ""
    ) -> Step:
        self._emit(
            RequestRefused(
                now_ns, request, order_id, tag, refusal.status, refusal.error_type, refusal.message
            )
        )
        return self._step(refusal=refusal)

    def _emit(self, record: ExchangeRecord) -> None:
        self.ledger.apply(record)
        self._records.append(record)

    def _step(self, order_id: str | None = None, refusal: Refusal | None = None) -> Step:
        step = Step(tuple(self._records), tuple(self._frames), order_id, refusal)
        self._records, self._frames = [], []
        return step
