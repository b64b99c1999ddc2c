"""The broker's word beside ours for one group: its positions, and its orders that are not settled."""

from __future__ import annotations

from console.glyphs import Glyphs
from console.scene import Scene
from console.widgets.line import Line, Span, fill, line
from console.wording import span
from core.domain.groups import MultiLegOrderGroup
from core.domain.orders import TERMINAL, ChildOrder, OrderReport
from core.domain.timing import clock_text


def book_lines(group: MultiLegOrderGroup, scene: Scene, width: int, height: int) -> list[Line]:
    """A heading with the books' age, a line for each position, a line for each order in doubt or at work."""
    books, glyphs = scene.snapshot.books, scene.glyphs
    if books is None:
        return [
            line(
                (
                    f"{glyphs.clock} The broker's books have not been read yet: only our own word is known.",
                    "warn",
                )
            )
        ]
    age = max(0, scene.snapshot.at_ns - books.read_at_ns) // 1_000_000
    head = fill("", 24) + fill("broker", 10, right=True) + fill("we", 10, right=True)
    head += fill("others", 10, right=True) + f"   {span(age)} ago, at {clock_text(books.read_at_ns)}"
    lines = [line((head, "muted"))]
    broker = {report.key: report.units for report in books.positions}
    for index, leg in enumerate(group.legs):
        contract = leg.plan.contract
        key = group.position_key(index)
        others = (
            scene.snapshot.account.net_units(key) - leg.net_units + scene.snapshot.account.foreign.get(key, 0)
        )
        there = broker.get(key, 0)
        if there or leg.net_units or leg.plan.index < len(group.plan.legs):
            lines.append(_position(contract.label, there, leg.net_units, others, glyphs))
    by_tag = {tag: report for report in books.orders for tag in report.tags}
    doubtful = [order for order in group.orders.values() if _is_doubtful(order, by_tag.get(order.tag))]
    room = max(1, height - len(lines))
    shown = doubtful if len(doubtful) <= room else doubtful[: room - 1]
    lines += [_order(group, order, by_tag.get(order.tag), glyphs) for order in shown]
    if len(shown) < len(doubtful):
        lines.append(line((f"{glyphs.down} {len(doubtful) - len(shown)} more orders", "muted")))
    return lines[: max(2, height)]


def _position(label: str, there: int, ours: int, others: int, glyphs: Glyphs) -> Line:
    agree = there == ours + others
    verdict = (
        (f"  {glyphs.ok} agreed", "ok")
        if agree
        else (f"  {glyphs.breach} {there - ours - others:+,}", "bold breach")
    )
    return line(
        ("position  ", "muted"),
        (fill(label, 14), "bold bright"),
        (fill(f"{there:+,}" if there else "0", 10, right=True), "bold bright"),
        (fill(f"{ours:+,}" if ours else "0", 10, right=True), "text"),
        (fill(f"{others:+,}" if others else "0", 10, right=True), "warn" if others else "muted"),
        verdict,
    )


def _is_doubtful(order: ChildOrder, report: OrderReport | None) -> bool:
    """Whether an order is at work here or there, or the two disagree about what filled."""
    if not order.is_terminal:
        return True
    if report is None:
        return False
    return report.status not in TERMINAL or report.filled_units != order.filled_units


def _order(group: MultiLegOrderGroup, order: ChildOrder, report: OrderReport | None, glyphs: Glyphs) -> Line:
    label = group.legs[order.leg].plan.contract.label
    name = f"{order.side.value} {label}"
    if report is None:
        there: Span = ("not in its book", "bold warn")
    else:
        word = report.raw_status or (report.status.value if report.status is not None else "?")
        there = (f"{word.lower().replace('_', ' ')} {report.filled_units:,}/{report.units:,}", "bold bright")
    if order.is_unknown:
        ours = "unanswered" if order.outcome else "being sent"
    else:
        ours = f"{order.status.value.lower().replace('_', ' ')} {order.filled_units:,}/{order.units:,}"
    if order.cancel_pending:
        ours += f", cancel asked {order.cancel_asks}{glyphs.times}"
    return line(
        (f"{order.purpose.value.lower():<9} ", "muted"),
        (fill(name, 18), "text"),
        ("broker ", "muted"),
        there,
        ("   we ", "muted"),
        (ours, "text"),
    )
