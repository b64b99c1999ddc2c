"""The child orders of a group as a table: what was asked for, and which of the four outcomes it had."""

from __future__ import annotations

from console.glyphs import Glyphs
from console.widgets.line import Line, Span, fill, line
from console.wording import sign
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.orders import ChildOrder, OrderStatus, Outcome, Purpose
from core.domain.tags import TAG_LENGTH, short_name
from core.domain.timing import clock_text

OUTCOME_WORD = {
    Outcome.CONFIRMED: ("ok", "confirmed", "text"),
    Outcome.REJECTED: ("breach", "REJECTED", "breach"),
    Outcome.DENIED: ("ended", "denied", "warn"),
    Outcome.UNKNOWN: ("warn", "UNKNOWN", "bold breach"),
    None: ("working", "sending", "info"),
}
"""Sign, word and tone of each outcome of a send; ``None`` while its answer is awaited."""


def ordered(group: MultiLegOrderGroup) -> list[ChildOrder]:
    """Those that may still fill first, then the newest of the others."""
    over = [order for order in group.orders.values() if order.is_terminal]
    return [*group.live_orders, *sorted(over, key=lambda each: (-each.intended_at_ns, each.leg, each.child))]


def order_table(group: MultiLegOrderGroup, glyphs: Glyphs, width: int, height: int) -> list[Line]:
    """A heading and a row for each order; what does not fit is counted."""
    orders = ordered(group)
    if not orders:
        return [line(("No order has been sent for this group.", "muted"))]
    wide = width >= 88
    heading = fill("order", 8) + (fill("for", 7) if wide else "") + fill("side", 5) + fill("contract", 10)
    heading += fill("filled/units", 12, right=True) + fill("limit", 8, right=True) + "  "
    heading += (fill("answer", 12) + fill("at the broker", 18)) if wide else "stands"
    if wide:
        heading += "sent"
    rows: list[Line] = [line((heading.rstrip(), "muted"))]
    shown = orders if len(orders) < height else orders[: max(0, height - 2)]
    rows += [order_row(group, order, glyphs, wide=wide) for order in shown]
    if len(shown) < len(orders):
        rows.append(line((f"{glyphs.down} {len(orders) - len(shown)} more, all of them over", "muted")))
    return rows


def order_row(group: MultiLegOrderGroup, order: ChildOrder, glyphs: Glyphs, *, wide: bool) -> Line:
    """One order; the broker's words, where there are any, stand at its end."""
    mark, word, tone = OUTCOME_WORD[order.outcome]
    contract = group.legs[order.leg].plan.contract
    name = short_name(order.tag) if len(order.tag) == TAG_LENGTH else f"{order.leg + 1}-{order.child}"
    buy = order.side is Side.BUY
    price = f"{order.limit_paise / 100:,.2f}"
    if order.trigger_paise and not order.asked_to_limit:
        price = f"{glyphs.times}{order.trigger_paise / 100:,.2f}"
    quiet = order.is_terminal and order.outcome is not Outcome.REJECTED
    parts: list[tuple[str, str]] = [(fill(name, 8), "muted" if quiet else "bold bright")]
    if wide:
        entry = order.purpose is Purpose.ENTRY
        parts.append((fill(order.purpose.value.lower(), 7), "muted" if entry else "warn"))
    parts += [
        (fill(order.side.value, 5), "bold long" if buy else "bold short"),
        (fill(contract.label, 10), "text"),
        (fill(f"{order.filled_units:,}/{order.units:,}", 12, right=True), "text"),
        (fill(price, 8, right=True), "text"),
        (f"  {sign(glyphs, mark)} ", "ok" if mark == "ok" else tone),
    ]
    there, there_tone = _at_the_broker(order, glyphs)
    if wide or order.outcome is not Outcome.CONFIRMED:
        parts.append((fill(word, 10), tone if tone != "text" or not quiet else "muted"))
    if wide or order.outcome is Outcome.CONFIRMED:
        parts.append((fill(there, 18) if wide else there, there_tone))
    if wide:
        parts.append((clock_text(order.intended_at_ns), "muted"))
    if order.message:
        parts.append((f"  {order.message}", "warn"))
    return tuple(parts)


def _at_the_broker(order: ChildOrder, glyphs: Glyphs) -> Span:
    """What the order is there, as far as we know; a cancel that nobody confirms stands out."""
    if order.cancel_pending:
        return f"{glyphs.clock} cancel asked {order.cancel_asks}{glyphs.times}", "bold warn"
    if order.outcome in (Outcome.REJECTED, Outcome.DENIED):
        return "not there", "muted"
    if order.is_unknown:
        looked = f"asked {order.lookups}{glyphs.times}" if order.lookups else "not heard of"
        return looked, "breach" if order.outcome else "info"
    if order.status is OrderStatus.COMPLETE:
        return "complete", "ok"
    words = order.status.value.lower().replace("_", " ")
    return words, "muted" if order.is_terminal else "info"
