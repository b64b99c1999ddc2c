"""p: every position of the account, by the broker's word and by ours, and what is the trader's own."""

from __future__ import annotations

from dataclasses import dataclass

from console.glyphs import Glyphs
from console.pages.page import Page
from console.scene import Scene
from console.widgets.boxes import stacked
from console.widgets.line import BLANK, Line, Span, cut, fill, line, wrap
from console.wording import money_tone, signed_rupees, span
from core.domain.instruments import Contract, PositionKey, Settlement
from core.domain.orders import TERMINAL
from core.domain.timing import NS_PER_MS
from core.engine.snapshot import ExpiryOutlook, Snapshot


@dataclass(frozen=True, slots=True)
class Standing:
    """One position: signed units by the broker (``None`` where it was not in its books), ours and foreign."""

    key: PositionKey
    label: str
    broker: int | None
    ours: int
    foreign: int
    holders: tuple[tuple[str, int], ...]
    average_paise: int
    overnight: int
    last_paise: float | None
    expired: bool = False
    """The contract has stopped: until the broker settles it, its books may still show it."""
    delivers: bool = False
    """It is settled in shares."""
    moved: bool = False
    """It has filled so late that the books, read before or just then, may not know of it."""

    @property
    def difference(self) -> int:
        """Units that nothing explains: not our groups, the trader himself, an expiry, or a late fill."""
        return 0 if self.expired or self.moved else self.gap

    @property
    def gap(self) -> int:
        """Units of which the broker's books tell otherwise than ours, whatever the reason."""
        return 0 if self.broker is None else self.broker - self.ours - self.foreign

    @property
    def waits(self) -> bool:
        """The books have yet to show what has filled."""
        return self.broker is None or (self.moved and self.gap != 0)

    @property
    def expired_words(self) -> str:
        """What is known of a contract that has stopped."""
        if not self.broker:
            return "expired"
        return "expired, delivered if in the money" if self.delivers else "expired, not settled yet"

    @property
    def pnl_paise(self) -> int | None:
        """The result at the middle price, where average and price are known."""
        if not self.broker or not self.average_paise or self.last_paise is None:
            return None
        return round((self.last_paise - self.average_paise) * self.broker)


HOLDERS_FROM, SYMBOLS_FROM = 108, 140
"""The widths from which there is room for who holds a position, and for the exchange's own symbols."""


def standings(snapshot: Snapshot) -> list[Standing]:
    """Every position that anybody holds: those that differ first, then ours, then foreign ones."""
    account, books = snapshot.account, snapshot.books
    broker = {report.key: report for report in books.positions} if books is not None else {}
    holders: dict[PositionKey, dict[str, int]] = {}
    contracts: dict[str, Contract] = {}
    moved: set[PositionKey] = set()
    lag_ns = account.settings.position_lag_ms * NS_PER_MS
    for group in account.groups.values():
        for index, leg in enumerate(group.legs):
            key = group.position_key(index)
            contracts[key.symbol] = leg.plan.contract
            if books is not None and leg.filled_at_ns >= books.asked_at_ns - lag_ns:
                moved.add(key)
            if leg.net_units:
                held = holders.setdefault(key, {})
                held[group.group_id] = held.get(group.group_id, 0) + leg.net_units
    found = []
    for key in {*broker, *holders, *(key for key, units in account.foreign.items() if units)}:
        report = broker.get(key)
        contract = contracts.get(key.symbol) or snapshot.view.contracts.get(key.symbol)
        quote = snapshot.view.quotes.get(key.symbol)
        standing = Standing(
            key=key,
            label=contract.label if contract is not None else "",
            broker=(report.units if report is not None else 0) if books is not None else None,
            ours=sum(holders.get(key, {}).values()),
            foreign=account.foreign.get(key, 0),
            holders=tuple(sorted(holders.get(key, {}).items())),
            average_paise=report.average_paise if report is not None else 0,
            overnight=report.overnight_units if report is not None else 0,
            last_paise=quote.mid_paise if quote is not None else None,
            expired=contract is not None and snapshot.view.has_expired(contract.expiry, snapshot.at_ns),
            delivers=contract is not None and contract.settlement is Settlement.PHYSICAL,
            moved=key in moved,
        )
        if standing.broker or standing.ours or standing.foreign:
            found.append(standing)
    return sorted(found, key=lambda each: (not each.difference, not each.ours, each.key))


class PositionsPage(Page):
    """The table, what expires soon, then what is not ours."""

    TITLE = "Positions"
    ARROWS_SCROLL = True

    def key(self, scene: Scene) -> object:
        """A new picture with every version."""
        return (scene.snapshot.version, self.top)

    def stale_ms(self, scene: Scene) -> int | None:
        """The core's silence, or books that are more than twice their period old."""
        if scene.core_is_silent:
            return scene.silent_ms
        age = scene.snapshot.health.poll_age_ms
        late = 2 * scene.snapshot.account.settings.poll_every_ms
        return age if age is not None and age > late and not scene.snapshot.finished else None

    def body(self, scene: Scene, width: int, height: int) -> list[Line]:
        """The table, what expires soon, and what is not ours; the table scrolls."""
        snapshot, glyphs = scene.snapshot, scene.glyphs
        found = standings(snapshot)
        below = _orders(scene, width - 4)
        lower = min(len(below) + 2, max(4, height // 3))
        ending = _at_most(expiry_lines(scene, width - 4), max(2, height // 4))
        middle = len(ending) + 2 if ending else 0
        upper = height - lower - middle
        differing = sum(1 for each in found if each.difference)
        rows = [_heading(width - 4)]
        if found:
            rows += self.windowed([_row(each, glyphs, width - 4) for each in found], upper - 4)
        else:
            words = (
                "The broker holds nothing, and so do we."
                if snapshot.books
                else "The books have not been read yet."
            )
            rows.append(line((words, "muted")))
        summary: Line = (
            line(
                (
                    f"{glyphs.breach} {differing} position{'' if differing == 1 else 's'} unexplained",
                    "bold breach",
                )
            )
            if differing
            else line((f"{glyphs.ok} every position is explained", "ok"), (_not_compared(found), "muted"))
            if snapshot.books is not None
            else ()
        )
        rows += [BLANK] * max(0, upper - 3 - len(rows))
        rows.append((*summary, *_total(found, glyphs)))
        age = snapshot.health.poll_age_ms
        corner = f"books read {span(age)} ago, broker wins" if age is not None else "books not read yet"
        hidden = f"{self.hidden} more, PgDn   " if self.hidden > self.top else ""
        return stacked(
            self.framed(self.TITLE, line((hidden, "warn"), (corner, "muted")), rows, width, upper, "accent"),
            self.framed("At expiry", line(("if the market ended here", "muted")), ending, width, middle)
            if middle
            else [],
            self.framed("Not ours", line(("never traded without adopt", "muted")), below, width, lower),
        )


def _at_most(lines: list[Line], room: int) -> list[Line]:
    """The first lines; the last one says how many there would be more."""
    if len(lines) <= room:
        return lines
    return [
        *lines[: room - 1],
        line((f"{len(lines) - room + 1} lines more, where there is more room", "warn")),
    ]


def _not_compared(found: list[Standing]) -> str:
    """What the books cannot be held against."""
    expired = sum(1 for each in found if each.expired and each.broker)
    moved = sum(1 for each in found if each.waits and not each.expired)
    return (f", {expired} expired and not compared" if expired else "") + (
        f", {moved} filled since the books were read" if moved else ""
    )


def _heading(width: int) -> Line:
    text = fill("contract", 36 if width >= SYMBOLS_FROM else 20) + fill("product", 8)
    text += "".join(fill(name, 9, right=True) for name in ("broker", "ours", "foreign", "differs"))
    text += fill("average", 11, right=True) + fill("middle", 10, right=True) + fill("P&L", 11, right=True)
    return line((text + ("   held by" if width >= HOLDERS_FROM else ""), "muted"))


def _row(each: Standing, glyphs: Glyphs, width: int) -> Line:
    wide = width >= SYMBOLS_FROM
    name = each.label or each.key.symbol
    if wide:
        name = f"{each.label:<10}  {each.key.symbol}"
    pnl = each.pnl_paise
    differs = each.difference
    lead = glyphs.breach if differs else glyphs.clock if each.waits else glyphs.ok
    tone = "breach" if differs else "muted" if each.waits else "ok"
    spans: list[Span] = [
        (f"{lead} ", tone),
        (fill(name, 33 if wide else 17) + " ", "bold bright"),
        (fill(each.key.product.value, 8), "muted"),
        _units(each.broker, glyphs, "bold bright"),
        _units(each.ours, glyphs, "text"),
        _units(each.foreign, glyphs, "warn"),
        _units(differs, glyphs, "bold breach"),
        (fill(f"{each.average_paise / 100:,.2f}" if each.average_paise else "-", 11, right=True), "text"),
        (
            fill(f"{each.last_paise / 100:,.2f}" if each.last_paise is not None else "-", 10, right=True),
            "text",
        ),
        (
            fill(signed_rupees(pnl, glyphs) if pnl is not None else "-", 11, right=True),
            money_tone(pnl) if pnl is not None else "muted",
        ),
    ]
    if width >= HOLDERS_FROM:
        held = "  ".join(f"{group_id} {_signed(units, glyphs)}" for group_id, units in each.holders)
        words = held or (each.expired_words if each.expired else "the trader")
        spans.append((f"   {words}", "text" if held else "muted" if each.expired else "warn"))
        if each.overnight:
            spans.append((f"   {_signed(each.overnight, glyphs)} overnight", "muted"))
    return tuple(spans)


def _units(units: int | None, glyphs: Glyphs, tone: str) -> Span:
    if units is None:
        return (fill("-", 9, right=True), "muted")
    return (fill(_signed(units, glyphs), 9, right=True), tone if units else "muted")


def _signed(units: int, glyphs: Glyphs) -> str:
    return f"{'+' if units > 0 else glyphs.minus}{abs(units):,}" if units else "0"


def _total(found: list[Standing], glyphs: Glyphs) -> Line:
    known = [each.pnl_paise for each in found if each.pnl_paise is not None]
    if not known:
        return ()
    total = sum(known)
    return line(
        ("   open result ", "muted"), (signed_rupees(total, glyphs, symbol=True), f"bold {money_tone(total)}")
    )


def expiry_lines(scene: Scene, width: int) -> list[Line]:
    """What expires within a week: what delivers shares, a line for each expiry, and what cannot be judged."""
    glyphs, expiries = scene.glyphs, scene.snapshot.expiries
    lines: list[Line] = []
    for each in expiries.outlooks:
        for warning in each.warnings:
            lines += wrap(line((f"{glyphs.warn} ", "warn"), warning), width)
    lines += [cut(_outlook_line(each, glyphs), width, glyphs.ellipsis) for each in expiries.outlooks]
    if expiries.unlisted:
        told = line(("not judged, not in the list of contracts: ", "warn"), ", ".join(expiries.unlisted))
        lines.append(cut(told, width, glyphs.ellipsis))
    return lines


def _outlook_line(each: ExpiryOutlook, glyphs: Glyphs) -> Line:
    left = "its last session" if each.sessions_left <= 1 else f"{each.sessions_left} sessions left"
    level = f" at {each.level_paise / 100:,.2f}" if each.level_paise is not None else ""
    told: list[Span | str] = [
        (f"{each.day:%d-%b}".upper(), "bold bright"),
        f"  {each.underlying}{level}",
        (f"  {left}   ", "muted"),
    ]
    if each.in_cash:
        told.append((signed_rupees(each.cash_paise, glyphs, symbol=True), money_tone(each.cash_paise)))
    parts = (
        f" in cash for {each.in_cash}" if each.in_cash else "",
        f"{each.delivered} in shares" if each.delivered else "",
        f"{each.lapsing} lapse{'s' if each.lapsing == 1 else ''}" if each.lapsing else "",
    )
    told.append(", ".join(filter(None, parts)))
    if each.unjudged:
        told.append((f"{each.unjudged} not judged: no price of {each.underlying}", "warn"))
    return line(*told)


def _orders(scene: Scene, width: int) -> list[Line]:
    """Foreign positions in a sentence each, and orders in the book that bear no tag of ours."""
    account, glyphs = scene.snapshot.account, scene.glyphs
    lines: list[Line] = []
    for key, units in sorted(account.foreign.items()):
        if units:
            text = "is nobody's of ours: counted in margin, never traded without adopt."
            lines += wrap(line((f"{_signed(units, glyphs)} {key.symbol} ", "warn"), text), width)
    lines += [
        line(("foreign order ", "muted"), text, (f"  {order_id}", "muted"))
        for order_id, text in account.foreign_orders.items()
    ]
    books = scene.snapshot.books
    if books is not None:
        working = sum(1 for order in books.orders if order.status not in TERMINAL)
        lines.append(
            line(
                ("the order book has ", "muted"),
                f"{len(books.orders)} orders, {working} working",
                (", the trade book ", "muted"),
                f"{len(books.trades)} trades",
            )
        )
    return lines or [line(("Nothing foreign is known.", "muted"))]
