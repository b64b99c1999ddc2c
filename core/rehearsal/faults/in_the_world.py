"""Faults that come by themselves: silences, other people's trades, a sleeping machine, a full disk, death."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from core.brokers.paper.broker import PaperBroker
from core.brokers.port import OrderRequest
from core.domain.instruments import PositionKey, Product, Side
from core.domain.orders import OrderType
from core.domain.timing import NS_PER_S, Clock
from core.rehearsal.faults.at_the_broker import BrokerFaults
from core.rehearsal.faults.at_the_journal import JournalFaults
from core.rehearsal.faults.engine import FaultEngine, FaultRule
from core.rehearsal.faults.kinds import PER_SECOND, FaultKind

_K = FaultKind


class Victim(Protocol):
    """The process that runs the core, as far as it can be hurt from outside."""

    def stall(self, until_ns: int) -> bool:
        """Let nothing of it run until then. Returns whether there was anything to stop."""
        ...

    def doom(self) -> None:
        """Let it die at its next effect."""
        ...


class WorldFaults:
    """Looks once a second of each window which of its kinds happens, and makes it happen."""

    def __init__(
        self,
        engine: FaultEngine,
        clock: Clock,
        broker: PaperBroker,
        at_broker: BrokerFaults,
        at_journal: JournalFaults,
        victim: Victim,
        ours: Callable[[], Mapping[PositionKey, int]],
        spoiled: Callable[[str], None],
    ) -> None:
        """``ours`` gives the signed units that our own orders hold at the exchange.

        ``spoiled`` is told each symbol that somebody else has traded.
        """
        self._engine = engine
        self._clock = clock
        self._broker = broker
        self._at_broker = at_broker
        self._at_journal = at_journal
        self._victim = victim
        self._ours = ours
        self._spoiled = spoiled
        self._start_ns = clock.now_ns()
        self._acts: dict[FaultKind, Callable[[int, FaultRule], None]] = {
            _K.SILENT_STREAM: self._silence,
            _K.TOKEN_EXPIRED: self._refuse,
            _K.FOREIGN_ORDER: self._trade_beside,
            _K.MANUAL_CLOSE: self._close,
            _K.CLOCK_JUMP: self._sleep,
            _K.DISK_FULL: self._fill_disk,
            _K.CRASH: self._kill,
        }

    def start(self) -> None:
        """Schedule the looks."""
        for kind in sorted(self._engine.kinds & PER_SECOND):
            for rule in self._engine.windows(kind):
                self._clock.call_at(max(rule.from_ns, self._clock.now_ns()), self._look(kind, rule))

    def _look(self, kind: FaultKind, rule: FaultRule) -> Callable[[], None]:
        def look() -> None:
            now_ns = self._clock.now_ns()
            if now_ns >= rule.until_ns:
                return
            self._clock.call_at(now_ns + NS_PER_S, look)
            n = (now_ns - self._start_ns) // NS_PER_S
            struck = self._engine.strikes(kind, n, now_ns)
            if struck is not None:
                self._acts[kind](n, struck)

        return look

    def _lasts_until(self, kind: FaultKind, n: int, rule: FaultRule, low_s: float, high_s: float) -> int:
        lasting_ns = rule.lasting_ns or self._engine.between(
            kind, n, int(low_s * NS_PER_S), int(high_s * NS_PER_S)
        )
        return min(self._clock.now_ns() + lasting_ns, rule.until_ns)

    def _silence(self, n: int, rule: FaultRule) -> None:
        """The stream goes quiet, or goes away and comes back."""
        until_ns = self._lasts_until(_K.SILENT_STREAM, n, rule, 2, 15)
        if self._engine.share(_K.SILENT_STREAM, n, 2) < 0.5:
            self._at_broker.quiet_until_ns = until_ns
            return
        self._engine.count(_K.SILENT_STREAM)
        self._broker.stream.drop("the connection was reset")
        self._clock.call_at(until_ns, self._broker.stream.restore)

    def _refuse(self, n: int, rule: FaultRule) -> None:
        self._at_broker.refused_until_ns = self._lasts_until(_K.TOKEN_EXPIRED, n, rule, 1, 8)

    def _fill_disk(self, n: int, rule: FaultRule) -> None:
        self._at_journal.full_until_ns = self._lasts_until(_K.DISK_FULL, n, rule, 1, 12)

    def _sleep(self, n: int, rule: FaultRule) -> None:
        if self._victim.stall(self._lasts_until(_K.CLOCK_JUMP, n, rule, 0.5, 10)):
            self._engine.count(_K.CLOCK_JUMP)

    def _kill(self, n: int, rule: FaultRule) -> None:
        self._victim.doom()

    def _trade_beside(self, n: int, rule: FaultRule) -> None:
        """The trader adds to a symbol of ours, or trades another of the same day."""
        held = sorted((key for key, units in self._ours().items() if units), key=str)
        pick = self._engine.share(_K.FOREIGN_ORDER, n, 1)
        if held and self._engine.share(_K.FOREIGN_ORDER, n, 2) < 0.6:
            key = held[int(pick * len(held))]
            side = Side.BUY if self._ours()[key] > 0 else Side.SELL
        else:
            quotes = sorted(self._broker.exchange.quotes)
            if not quotes:
                return
            contract = self._broker.exchange.contracts[quotes[int(pick * len(quotes))]]
            known = next(iter(held), None)
            product = known.product if known is not None else _any_product(self._ours())
            key = PositionKey(contract.exchange, contract.symbol, product)
            net = self._ours().get(key, 0)
            side = Side.SELL if net < 0 else Side.BUY
        lots = 1 + int(self._engine.share(_K.FOREIGN_ORDER, n, 3) * 3)
        self._trade(_K.FOREIGN_ORDER, key, side, lots)

    def _close(self, n: int, rule: FaultRule) -> None:
        """The trader, or the broker's square-off, closes some or all of what a group of ours holds."""
        held = sorted((key for key, units in self._ours().items() if units), key=str)
        if not held:
            return
        key = held[int(self._engine.share(_K.MANUAL_CLOSE, n, 1) * len(held))]
        units = self._ours()[key]
        side = Side.SELL if units > 0 else Side.BUY
        lot = self._broker.exchange.contracts[key.symbol].lot_units
        lots = abs(units) // lot
        if self._engine.share(_K.MANUAL_CLOSE, n, 2) < 0.5:
            lots = max(1, lots // 2)
        self._trade(_K.MANUAL_CLOSE, key, side, lots)

    def _trade(self, kind: FaultKind, key: PositionKey, side: Side, lots: int) -> None:
        contract = self._broker.exchange.contracts[key.symbol]
        quote = self._broker.exchange.quotes.get(key.symbol)
        touch = quote.touch_paise(side) if quote is not None else None
        if touch is None:
            return
        units = min(lots * contract.lot_units, contract.sliceable_units)
        before = self._broker.exchange.ledger.trade_count
        request = OrderRequest("", key.symbol, key.exchange, key.product, side, units, OrderType.LIMIT, touch)
        order_id = self._broker.trade_by_hand(request)
        if order_id is None:
            return
        self._spoiled(key.symbol)
        if self._broker.exchange.ledger.trade_count > before:
            self._engine.count(kind)
        order = self._broker.exchange.ledger.orders[order_id]
        if order.is_working:
            self._broker.withdraw_by_hand(order_id)


def _any_product(ours: Mapping[PositionKey, int]) -> Product:
    return min((key.product for key in ours), default=Product.NRML)
