"""The child orders of a group as a table: what was asked for, and which of the four outcomes it had."""

from __future__ import annotations

from collections.abc import Sequence

from console.glyphs import Glyphs
from console.widgets.line import Line, fill, line
from console.wording import sign
from core.domain.groups import MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.orders import ChildOrder, OrderStatus, Outcome
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
    wide = width >= 96
    heading = fill("order", 9) + fill("for", 7) + fill("side", 5) + fill("contract", 12 if wide else 10)
    heading += fill("filled/units", 13, right=True) + fill("limit", 10, right=True) + "  "
    heading += fill("answer", 12) + fill("at the broker", 16)
    if wide:
        heading += fill("sent", 10) + "tag"
    rows: list[Line] = [line((heading.rstrip(), "muted"))]
    shown = orders if len(orders) < height else orders[: max(0, height - 2)]
    rows += [order_row(group, order, glyphs, wide=wide) for order in shown]
    if len(shown) < len(orders):
        rows.append(line((f"{glyphs.down} {len(orders) - len(shown)} more, all of them over", "muted")))
    return rows


def order_row(group: MultiLegOrderGroup, order: ChildOrder, glyphs: Glyphs, *, wide: bool) -> Line:
    """One order; a refusal shows the broker's words in the place of the tag."""
    mark, word, tone = OUTCOME_WORD[order.outcome]
    contract = group.legs[order.leg].plan.contract
    name = short_name(order.tag) if len(order.tag) == TAG_LENGTH else f"{order.leg + 1}-{order.child}"
    buy = order.side is Side.BUY
    price = f"{order.limit_paise / 100:,.2f}"
    if order.trigger_paise and not order.asked_to_limit:
        price = f"{glyphs.times}{order.trigger_paise / 100:,.2f}"
    quiet = order.is_terminal and order.outcome is not Outcome.REJECTED
    parts: list[tuple[str, str]] = [
        (fill(name, 9), "muted" if quiet else "bold bright"),
        (fill(order.purpose.value.lower(), 7), "muted" if order.purpose.value == "ENTRY" else "warn"),
        (fill(order.side.value, 5), "bold long" if buy else "bold short"),
        (fill(contract.label, 12 if wide else 10), "text"),
        (fill(f"{order.filled_units:,}/{order.units:,}", 13, right=True), "text"),
        (fill(price, 10, right=True), "text"),
        (f"  {sign(glyphs, mark)} ", "ok" if mark == "ok" else tone),
        (fill(word, 10), tone if tone != "text" or not quiet else "muted"),
        *_at_the_broker(order, glyphs),
    ]
    if wide:
        parts.append((fill(clock_text(order.intended_at_ns), 10), "muted"))
        parts.append((order.message or order.tag, "warn" if order.message else "muted"))
    return tuple(parts)


def _at_the_broker(order: ChildOrder, glyphs: Glyphs) -> Sequence[tuple[str, str]]:
    """What the order is there, as far as we know; a cancel that nobody confirms stands out."""
    if order.cancel_pending:
        return [(fill(f"{glyphs.clock} cancel asked {order.cancel_asks}{glyphs.times}", 18), "bold warn")]
    if order.outcome in (Outcome.REJECTED, Outcome.DENIED):
        return [(fill("not there", 16), "muted")]
    if order.is_unknown:
        looked = f"asked {order.lookups}{glyphs.times}" if order.lookups else "not heard of"
        return [(fill(looked, 16), "breach" if order.outcome else "info")]
    if order.status is OrderStatus.COMPLETE:
        return [(fill("complete", 16), "ok")]
    words = order.status.value.lower().replace("_", " ")
    return [(fill(words, 16), "info" if not order.is_terminal else "muted")]
