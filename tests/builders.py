"""Small builders: contracts, plans, quotes, and a desk that stands where engine and broker are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time

from core.domain.account import Account
from core.domain.effects import AskMargin, CancelOrder, Effect, ModifyOrder, ReadBooks, SendOrder
from core.domain.evolve import fold
from core.domain.facts import Fact, JournalOpened, Recorded, SettingsAdopted
from core.domain.groups import GroupPlan, IncompletePolicy, LegPlan, LegType, MultiLegOrderGroup
from core.domain.inputs import (
    BooksRead,
    CancelReply,
    CoreStarted,
    Input,
    MarginAnswered,
    ModifyReply,
    MonitorPass,
    OrderNews,
    SendReply,
    SubmitGroup,
    WakeUp,
)
from core.domain.instruments import Contract, InstrumentKind, PositionKey, Product, Right, Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.orders import (
    BookSnapshot,
    ChildOrder,
    Funds,
    OrderReport,
    OrderStatus,
    Outcome,
    PositionReport,
    Purpose,
    Source,
    TradeReport,
)
from core.domain.quotes import ForwardMark, MarketView, Quote
from core.domain.settings import ExecutionSettings
from core.domain.timing import NS_PER_MS, NS_PER_S, from_ist
from core.policy.decide import decide
from core.policy.turn import Decision

DAY = date(2026, 8, 17)
EXPIRY = date(2026, 8, 25)
NOW = from_ist(DAY, time(10))
"""17 August 2026, ten o'clock in Mumbai."""
NONCE = "QX7K2M"
LOT = 65
FORWARD_PAISE = 24_500_00.0
RICH = Funds(available_paise=20_00_00_000_00, cash_paise=10_00_00_000_00, used_paise=0)
"""Twenty crore rupees."""


def option(strike: int, right: Right, *, freeze_units: int | None = 1_800, expiry: date = EXPIRY) -> Contract:
    """A NIFTY option of 65 units a lot; the strike is in rupees."""
    symbol = f"NIFTY{expiry:%y%b}{strike}{right.value}".upper()
    return Contract(
        symbol,
        "NFO",
        "NIFTY",
        InstrumentKind.OPTION,
        expiry,
        strike * 100,
        right,
        LOT,
        5,
        freeze_units,
    )


FUTURE = Contract("NIFTY26AUGFUT", "NFO", "NIFTY", InstrumentKind.FUTURE, EXPIRY, 0, None, LOT, 10, 1_800)


def leg(index: int, contract: Contract, side: Side, ratio: int = 1) -> LegPlan:
    """A leg before anybody has scored it."""
    return LegPlan(index, contract, side, ratio, LegType.LONG, 0, "")


CONDOR = (
    leg(0, option(24_000, Right.PE), Side.BUY),
    leg(1, option(25_000, Right.CE), Side.BUY),
    leg(2, option(24_200, Right.PE), Side.SELL),
    leg(3, option(24_800, Right.CE), Side.SELL),
)
"""Wings first: long put, long call, short put, short call."""
VERTICAL = (leg(0, option(24_000, Right.PE), Side.BUY), leg(1, option(24_200, Right.PE), Side.SELL))
"""A bull put spread: the wing, then the short."""
CONTRACTS = tuple(each.contract for each in CONDOR)
LONG_PUT, LONG_CALL, SHORT_PUT, SHORT_CALL = (contract.symbol for contract in CONTRACTS)


def plan(
    legs: Iterable[LegPlan] = CONDOR,
    copies: int = 10,
    *,
    number: int = 1,
    on_incomplete: IncompletePolicy = IncompletePolicy.SCALE_DOWN,
    good_for_s: int = 600,
    limit_net_paise: int | None = None,
    max_slippage_bps: int = 300,
    exit_at_ns: int | None = None,
    allow_naked: bool = False,
    product: Product = Product.NRML,
) -> GroupPlan:
    """A group as a person would agree to it; no exposure limits, so that only cover is watched."""
    return GroupPlan(
        group_id=f"G-{number:03d}",
        number=number,
        strategy="custom",
        underlying="NIFTY",
        product=product,
        legs=tuple(legs),
        copies=copies,
        on_incomplete=on_incomplete,
        max_slippage_bps=max_slippage_bps,
        good_until_ns=NOW + good_for_s * NS_PER_S,
        limit_net_paise=limit_net_paise,
        exit_at_ns=exit_at_ns,
        allow_naked=allow_naked,
    )


def quote(
    symbol: str, bid_paise: int | None = 98_00, ask_paise: int | None = 100_00, *, at_ns: int = NOW
) -> Quote:
    """A two-sided quote with plenty on show."""
    last = None if bid_paise is None or ask_paise is None else (bid_paise + ask_paise) // 10 * 5
    return Quote(symbol, at_ns, bid_paise, 9_000, ask_paise, 9_000, last)


PRICES: Mapping[str, tuple[int, int]] = {
    LONG_PUT: (39_00, 40_00),
    LONG_CALL: (29_00, 30_00),
    SHORT_PUT: (79_00, 80_00),
    SHORT_CALL: (69_00, 70_00),
}


def market(contracts: Iterable[Contract] = CONTRACTS, *, at_ns: int = NOW) -> MarketView:
    """A quoted chain with its forward; quotes never go stale unless a test says so."""
    listed = {contract.symbol: contract for contract in contracts}
    expiries = {contract.expiry for contract in listed.values()}
    return MarketView(
        version=1,
        at_ns=at_ns,
        quotes={
            symbol: quote(symbol, *PRICES.get(symbol, (98_00, 100_00)), at_ns=at_ns) for symbol in listed
        },
        forwards={
            ("NIFTY", expiry): ForwardMark("NIFTY", expiry, FORWARD_PAISE, at_ns) for expiry in expiries
        },
        vols=dict.fromkeys(listed, 0.13),
        contracts=listed,
        expiries_ns={expiry: from_ist(expiry, time(15, 30)) for expiry in expiries},
        stale_after_ns=3_600 * NS_PER_S,
    )


def opening(settings: ExecutionSettings | None = None) -> tuple[Recorded, ...]:
    """The first rows of a journal."""
    return (
        Recorded(1, NOW, "", JournalOpened(NONCE, 1, "test", "PAPER", "made up", "test", 1)),
        Recorded(2, NOW, "", SettingsAdopted(settings or ExecutionSettings())),
    )


def opened(settings: ExecutionSettings | None = None) -> Account:
    """An account whose journal has been opened and nothing else."""
    return fold(opening(settings))


@dataclass(slots=True)
class Desk:
    """Gives inputs to ``decide`` and keeps what follows; what the broker says is up to the test.

    ``sent`` are the orders sent so far, in order; ``ids`` are the broker's order ids by tag. The broker's own
    books are kept beside, so that ``read_books`` can show them whole.
    """

    account: Account = field(default_factory=opened)
    view: MarketView = field(default_factory=market)
    now_ns: int = NOW
    rows: list[Recorded] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    sent: list[ChildOrder] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    book: dict[str, OrderReport] = field(default_factory=dict)
    trades: list[TradeReport] = field(default_factory=list)
    others: dict[PositionKey, int] = field(default_factory=dict)
    """Signed units that the account holds and that none of these orders traded."""
    wakes: dict[str, int] = field(default_factory=dict)
    funds: Funds = RICH
    guards_off: frozenset[str] = frozenset()
    """Guards of policy that are switched off, to show that a test notices."""

    # Inputs

    def give(self, item: Input) -> Decision:
        """Decide one input, take its facts over, and answer what it asked of the broker's arithmetic."""
        before = self.account
        decision = decide(before, item, self.view, self.now_ns, guards_off=self.guards_off)
        self.account = decision.account
        self.rows.extend(decision.rows)
        self.effects.extend(decision.effects)
        self.sent.extend(effect.order for effect in decision.effects if isinstance(effect, SendOrder))
        for group_id, at_ns in decision.wakes.items():
            if at_ns:
                self.wakes[group_id] = at_ns
            else:
                self.wakes.pop(group_id, None)
        self.watch(before, decision)
        for effect in decision.effects:
            if isinstance(effect, AskMargin):
                self.give(MarginAnswered(effect.plan.group_id, self.funds, 1_00_000_00, 1_00_000_00))
        return decision

    def watch(self, before: Account, decision: Decision) -> None:
        """Called with every decision before anything follows from it, for desks that judge."""

    def start(self, *, restart: bool = False) -> Desk:
        """Bring the core up: ask the broker, take its books over, and let the settling pass."""
        self.give(CoreStarted(restart))
        self.later(100)
        self.read_books(Source.RECOVERY)
        self.later(self.account.settings.settle_delay_ms)
        return self

    def later(self, milliseconds: int) -> Desk:
        """Let time pass, stopping wherever a group wanted to be looked at again."""
        until_ns = self.now_ns + milliseconds * NS_PER_MS
        while self.wakes and min(self.wakes.values()) <= until_ns:
            self.now_ns = max(self.now_ns + 1, min(self.wakes.values()))
            due = tuple(sorted(name for name, at_ns in self.wakes.items() if at_ns <= self.now_ns))
            for name in due:
                del self.wakes[name]
            self.give(WakeUp(due))
        self.now_ns = max(self.now_ns, until_ns)
        return self

    def monitor(self) -> Decision:
        """A monitor's pass."""
        return self.give(MonitorPass())

    def submit(self, wanted: GroupPlan) -> MultiLegOrderGroup:
        """Ask for a group; it is taken as far as its first orders."""
        self.give(SubmitGroup(wanted))
        return self.account.groups[wanted.group_id]

    def move_quote(self, symbol: str, bid_paise: int | None, ask_paise: int | None) -> None:
        """Quote one contract afresh. Nobody is told: the next input sees it."""
        quotes = dict(self.view.quotes)
        quotes[symbol] = quote(symbol, bid_paise, ask_paise, at_ns=self.now_ns)
        self.view = replace(self.view, quotes=quotes, version=self.view.version + 1)

    # What the broker does

    def accept(self, *orders: ChildOrder) -> None:
        """The broker takes orders and gives them ids; all that were sent and not answered, by default."""
        for order in orders or [each for each in self.sent if each.tag not in self.ids]:
            order_id = self._book(order)
            self.give(SendReply(order.tag, Outcome.CONFIRMED, order_id))

    def lose_reply(self, order: ChildOrder, *, arrived: bool) -> None:
        """The send goes unanswered, whether the broker has the order or not."""
        if arrived:
            self._book(order)
        self.give(SendReply(order.tag, Outcome.UNKNOWN, None, "time-out"))

    def refuse(self, order: ChildOrder, message: str = "no") -> None:
        """The broker answers that nothing was created."""
        self.give(SendReply(order.tag, Outcome.REJECTED, None, message))

    def _book(self, order: ChildOrder) -> str:
        order_id = self.ids.setdefault(order.tag, f"26081700000{len(self.ids):04d}")
        self.book[order_id] = OrderReport(
            order_id,
            (order.tag,),
            order.symbol,
            order.exchange,
            order.product,
            order.side,
            order.order_type,
            order.units,
            0,
            order.limit_paise,
            order.trigger_paise,
            OrderStatus.OPEN,
            "OPEN",
            at_ns=self.now_ns,
        )
        return order_id

    def change(self, order: ChildOrder, **values: object) -> OrderReport:
        """Change a row of the broker's order book without telling anybody."""
        order_id = self.ids[order.tag]
        self.book[order_id] = replace(self.book[order_id], at_ns=self.now_ns, **values)  # type: ignore[arg-type]
        return self.book[order_id]

    def trade(self, order: ChildOrder, units: int | None = None, price_paise: int = 0) -> OrderReport:
        """The broker fills an order, wholly by default, without telling anybody."""
        row = self.book[self.ids[order.tag]]
        units = row.units - row.filled_units if units is None else units
        self.trades.append(
            TradeReport(
                f"T{len(self.trades) + 1:04d}",
                row.order_id,
                row.symbol,
                row.exchange,
                row.product,
                row.side,
                units,
                price_paise or row.limit_paise,
                self.now_ns,
            )
        )
        filled = row.filled_units + units
        status = OrderStatus.COMPLETE if filled >= row.units else row.status
        return self.change(order, filled_units=filled, status=status)

    def fill(self, order: ChildOrder, units: int | None = None, price_paise: int = 0) -> Decision:
        """The broker fills an order, wholly by default, and the stream tells of it."""
        return self.give(OrderNews(self.trade(order, units, price_paise)))

    def cancelled(self, order: ChildOrder) -> Decision:
        """The broker cancels an order, and the stream tells of it."""
        return self.give(OrderNews(self.change(order, status=OrderStatus.CANCELLED)))

    def answer_changes(self, outcome: Outcome = Outcome.CONFIRMED) -> None:
        """Answer every modification and every cancel that was asked for and not answered yet."""
        pending, self.effects = self.effects, []
        for effect in pending:
            match effect:
                case ModifyOrder(tag=tag, limit_paise=limit):
                    if outcome is Outcome.CONFIRMED:
                        self.change(self.order(tag), limit_paise=limit)
                    self.give(ModifyReply(tag, outcome))
                case CancelOrder(tag=tag):
                    self.give(CancelReply(tag, outcome))
                case _:
                    pass

    def snapshot(self, asked_at_ns: int | None = None) -> BookSnapshot:
        """The broker's books, whole, as they are now."""
        held = dict(self.others)
        for trade in self.trades:
            key = PositionKey(trade.exchange, trade.symbol, trade.product)
            held[key] = held.get(key, 0) + trade.side.sign * trade.units
        return BookSnapshot(
            tuple(self.book.values()),
            tuple(self.trades),
            tuple(PositionReport(key, units, self.others.get(key, 0)) for key, units in held.items()),
            self.now_ns if asked_at_ns is None else asked_at_ns,
            self.now_ns,
        )

    def read_books(self, source: Source = Source.POLL) -> Decision:
        """The core reads the broker's books."""
        return self.give(BooksRead(self.snapshot(), source))

    # Looking

    def group(self, number: int = 1) -> MultiLegOrderGroup:
        """A group by its number."""
        return self.account.groups[f"G-{number:03d}"]

    @property
    def state(self) -> ExecutionLifecycle:
        """The first group's state."""
        return self.group().state

    def is_in(self, state: ExecutionLifecycle, number: int = 1) -> bool:
        """Whether a group, the first by default, is in a state."""
        return self.group(number).state is state

    def order(self, tag: str) -> ChildOrder:
        """What is known of an order now."""
        for group in self.account.groups.values():
            if tag in group.orders:
                return group.orders[tag]
        raise KeyError(tag)

    def sends(
        self, symbol: str = "", side: Side | None = None, purpose: Purpose | None = None
    ) -> list[ChildOrder]:
        """The orders sent so far of this kind."""
        return [
            order
            for order in self.sent
            if (not symbol or order.symbol == symbol)
            and (side is None or order.side is side)
            and (purpose is None or order.purpose is purpose)
        ]

    def facts(self, *kinds: type[Fact]) -> list[Fact]:
        """The facts of these kinds, oldest first."""
        return [row.fact for row in self.rows if isinstance(row.fact, kinds)]

    def stands(self, alert_id: str) -> bool:
        """Whether an alert was raised and not taken down since."""
        alert = self.account.alerts.get(alert_id)
        return alert is not None and not alert.cleared

    def net(self) -> dict[str, int]:
        """What all groups hold, by symbol; zeros left out."""
        held: dict[str, int] = {}
        for group in self.account.groups.values():
            for each in group.legs:
                symbol = each.plan.contract.symbol
                held[symbol] = held.get(symbol, 0) + each.net_units
        return {symbol: units for symbol, units in held.items() if units}

    def asked_for_books(self) -> int:
        """How often the books were asked for."""
        return sum(isinstance(effect, ReadBooks) for effect in self.effects)


def desk_with(
    wanted: GroupPlan, *, settings: ExecutionSettings | None = None, view: MarketView | None = None
) -> Desk:
    """A desk that has started and been asked for a group, whose first orders are out."""
    desk = Desk(account=opened(settings), view=view or market(each.contract for each in wanted.legs))
    desk.start()
    desk.submit(wanted)
    return desk


def fill_everything(desk: Desk, rounds: int = 40) -> None:
    """A broker that takes and fills whatever is sent at once, until nothing more is sent."""
    for _ in range(rounds):
        waiting = [order for order in desk.sent if order.tag not in desk.ids]
        for order in waiting:
            desk.accept(order)
            desk.fill(order)
        desk.later(100)
        desk.answer_changes()
        if not waiting and not [order for order in desk.sent if order.tag not in desk.ids]:
            desk.later(1_000)
            desk.read_books()
            if not [order for order in desk.sent if order.tag not in desk.ids]:
                return


def open_condor(copies: int = 10, **terms: object) -> Desk:
    """A desk with a condor that is whole."""
    desk = desk_with(plan(copies=copies, **terms))  # type: ignore[arg-type]
    fill_everything(desk)
    assert desk.is_in(ExecutionLifecycle.OPEN), desk.group().reason
    return desk
