"""The legs of the selected group: what was planned, sent, filled and hedged, when, and the orders behind
it.
"""

from __future__ import annotations

from collections.abc import Sequence

from console.panels.payoff import payoff_lines
from console.panels.timeline import TimeWindow, axis, exposed_window, leg_track, shaded, window_of
from console.scene import Scene
from console.widgets.framed import FramedPanel
from console.widgets.line import BLANK, Line, Span, cut, fill, line, wrap
from console.wording import LOOK, sign, strategy_name
from core.domain.groups import LegState, MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.orders import ChildOrder, OrderStatus, Outcome, Purpose

NUMBERS = (("plan", 7), ("sent", 7), ("filled", 7), ("hedged", 7), ("avg", 9))


class LegsPanel(FramedPanel):
    """A table with a track for each leg from its first send to its last fill, and the child orders in
    words.
    """

    TITLE = "Legs"

    def title(self, scene: Scene) -> str:
        """Whose legs."""
        return f"{scene.selected} legs" if scene.group else self.TITLE

    def corner(self, scene: Scene) -> Line:
        """What the group is: strategy, expiry, lots, product, and what becomes of it if it stays
        incomplete.
        """
        group = scene.group
        if group is None:
            return ()
        plan = group.plan
        expiries = sorted({leg.contract.expiry for leg in plan.legs})
        words = [
            strategy_name(plan),
            "/".join(f"{day:%d-%b}".upper() for day in expiries),
            f"{plan.copies} lot{'' if plan.copies == 1 else 's'}",
            plan.product.value,
            plan.on_incomplete.value.replace("_", " "),
        ]
        return line((f" {scene.glyphs.middle} ".join(words), "muted"))

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """Legs, then orders, then what guards the group."""
        group = scene.group
        if group is None:
            return [line(("Select a group with the arrow keys to see its legs.", "muted"))]
        track = width - table_width(width)
        span = window_of(group, scene.snapshot.at_ns)
        lines = [leg_heading(width, track, span)]
        lines += [leg_row(group, leg, scene, width, track, span) for leg in group.legs[: max(1, height - 3)]]
        rest = height - len(lines)
        below = _orders(group, scene, width, max(1, min(3, rest - 2)))
        if rest > len(below) + 1:
            lines.append(BLANK)
        lines += below
        if len(lines) < height:
            lines += wrap(guard_words(group, scene), width)
        rest = height - len(lines)
        if rest >= 2 and not group.is_over:
            chart = payoff_lines(group, scene.snapshot.underlying_paise, width, min(4, rest), scene.glyphs)
            lines += ([BLANK] if chart and len(chart) < rest else []) + chart
        return lines


def table_width(width: int) -> int:
    """The cells of the table itself; the rest is the track. Narrow panels drop score, then hedged and
    average.
    """
    return 6 + _label_width(width) + 5 + sum(size for _, size in _numbers(width)) + 2


def _label_width(width: int) -> int:
    return 12 if width >= 90 else 10


def _numbers(width: int) -> tuple[tuple[str, int], ...]:
    return NUMBERS if width >= 84 else (NUMBERS[0], NUMBERS[2], NUMBERS[4])


def leg_heading(width: int, track: int, span: TimeWindow) -> Line:
    """The names of the columns, and the axis of the tracks."""
    text = fill("score", 5, right=True) + " " + fill("leg", _label_width(width)) + fill("side", 5)
    text += "".join(fill(name, size, right=True) for name, size in _numbers(width)) + "  "
    return line((text + axis(track, span), "muted"))


def leg_row(
    group: MultiLegOrderGroup, leg: LegState, scene: Scene, width: int, track: int, span: TimeWindow
) -> Line:
    """One leg: what was planned and done for it, and its track with the exposed window shaded."""
    plan, glyphs = leg.plan, scene.glyphs
    long = plan.side is Side.BUY
    planned = group.plan.units(plan.index) if plan.index < len(group.plan.legs) else 0
    working = group.working(plan.index, plan.side, Purpose.ENTRY)
    hedged = sum(
        order.filled_units
        for order in group.orders.values()
        if order.leg == plan.index and order.purpose in (Purpose.HEDGE, Purpose.UNWIND)
    )
    whole = planned > 0 and leg.held_units >= planned
    values = {
        "plan": (f"{planned:,}", "muted"),
        "sent": (f"{leg.entered_units + working:,}", "text"),
        "filled": (f"{leg.entered_units:,}", "bold ok" if whole else "bold bright"),
        "hedged": (f"{hedged:,}", "warn" if hedged else "muted"),
        "avg": (f"{leg.average_paise / 100:,.2f}" if leg.average_paise is not None else "-", "text"),
    }
    score = f"{glyphs.minus if plan.score < 0 else '+'}{abs(plan.score)}"
    spans: list[Span] = [
        (fill(score, 5, right=True) + " ", "muted"),
        (fill(plan.contract.label, _label_width(width)), "text"),
        (fill(plan.side.value, 5), "bold long" if long else "bold short"),
    ]
    spans += [(fill(values[name][0], size, right=True), values[name][1]) for name, size in _numbers(width)]
    spans.append(("  ", "text"))
    drawn = leg_track(group, leg, scene.snapshot.at_ns, track, span, glyphs)
    exposed = exposed_window(group, scene.snapshot.at_ns)
    if exposed is not None:
        drawn = shaded(drawn, span.column(exposed[0], track), span.column(exposed[1], track))
    return (*spans, *drawn)


OUTCOME_TONE = {
    Outcome.CONFIRMED: "text",
    Outcome.REJECTED: "breach",
    Outcome.DENIED: "warn",
    Outcome.UNKNOWN: "breach",
    None: "info",
}


def _orders(group: MultiLegOrderGroup, scene: Scene, width: int, height: int) -> list[Line]:
    """The child orders: those that may still fill in full, then the newest of those that are over."""
    live = list(group.live_orders)
    over = [order for order in group.orders.values() if order.is_terminal]
    shown = [*live, *sorted(over, key=lambda order: (-order.attempt, order.leg, order.child))]
    if not shown:
        return [line(("No order has been sent.", "muted"))]
    lines: list[Line] = []
    current: list[Span] = [("orders ", "muted")]
    used = 7
    for position, order in enumerate(shown):
        piece = order_words(order, scene)
        size = sum(len(text) for text, _ in piece)
        if used + size > width:
            lines.append(tuple(current))
            if len(lines) == height:
                left = len(shown) - position
                more = f" +{left} more"
                lines[-1] = (*cut(lines[-1], width - len(more), scene.glyphs.ellipsis), (more, "muted"))
                return lines
            current, used = [(" " * 7, "text")], 7
        current += piece
        used += size
    lines.append(tuple(current))
    return lines


def order_words(order: ChildOrder, scene: Scene) -> Line:
    """``3-2 ◷ 780 @ 57.95``: leg and child, its state, what is left or was filled, and its price."""
    glyphs = scene.glyphs
    name = f"{order.leg + 1}-{order.child}"
    sell = "" if order.purpose is Purpose.ENTRY else f" {order.purpose.value.lower()}"
    if order.is_unknown:
        state, tone, units = (
            ("breach", "breach", "UNKNOWN") if order.outcome else ("working", "info", "sending")
        )
    elif order.status is OrderStatus.COMPLETE:
        state, tone, units = "ok", "ok", f"{order.filled_units:,}"
    elif order.is_terminal:
        word = (
            "rejected" if order.outcome in (Outcome.REJECTED, Outcome.DENIED) else order.status.value.lower()
        )
        state, tone, units = "ended", OUTCOME_TONE[order.outcome] if word == "rejected" else "muted", word
        if order.filled_units:
            units = f"{order.filled_units:,}, {word}"
    else:
        state, tone = "clock", "info"
        units = f"{order.filled_units:,}/{order.units:,} @ {order.limit_paise / 100:.2f}"
        if order.cancel_pending:
            state, tone, units = "warn", "warn", f"{units} cancel asked {order.cancel_asks}{glyphs.times}"
    return (
        (name, "text"),
        (f"{sell} {sign(glyphs, state)} ", tone),
        (f"{units}   ", tone if tone != "ok" else "text"),
    )


def guard_words(group: MultiLegOrderGroup, scene: Scene) -> Line:
    """The state in words, and what would close the group by itself."""
    plan, glyphs = group.plan, scene.glyphs
    look = LOOK[group.state]
    parts: list[Span] = [(look.word.lower(), look.tone)]
    if group.copies != plan.copies and not group.is_over:
        parts.append((f", {group.copies} of {plan.copies} copies wanted", "warn"))
    if group.reason:
        parts.append((f": {group.reason}", "muted"))
    guards = []
    if plan.stop_premium_bps:
        guards.append(f"stop {plan.stop_premium_bps / 10_000:g}{glyphs.times} premium")
    if plan.stop_loss_paise:
        guards.append(f"stop at a loss of {plan.stop_loss_paise // 100:,}")
    if plan.target_paise:
        guards.append(f"target {plan.target_paise // 100:,}")
    if guards:
        parts.append((f"   {', '.join(guards)}", "muted"))
    return tuple(parts)
