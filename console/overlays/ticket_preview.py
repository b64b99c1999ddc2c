"""What a ticket would do, in words and figures: legs in the order of sending, price, risk, margin, orders."""

from __future__ import annotations

from console.glyphs import Glyphs
from console.overlays.ticket_form import POLICIES
from console.widgets.line import BLANK, Line, Span, fill, line, wrap
from console.wording import rupees, signed
from core.domain.groups import GroupPlan
from core.domain.instruments import Product, Side
from core.domain.timing import due_text
from core.engine.previews import TicketLeg, TicketPreview


def preview_lines(preview: TicketPreview, glyphs: Glyphs, width: int, height: int) -> list[Line]:
    """The legs above, the figures below; reasons give way where there is little room."""
    if not preview.legs:
        return [line(("There is no plan yet: the sentence below says what is missing.", "muted"))]
    dated = len({leg.expiry for leg in preview.legs}) > 1
    lines = [_heading(width, dated=dated)]
    lines += [_leg(leg, glyphs, width, dated=dated) for leg in preview.legs]
    lines.append(BLANK)
    lines += _figures(preview, glyphs, width)
    return lines[:height]


def _heading(width: int, *, dated: bool) -> Line:
    text = (
        fill("score", 6)
        + fill("side", 5)
        + fill("contract", 16 if dated else 11)
        + fill("units", 9, right=True)
    )
    text += fill("at", 10, right=True) + fill("delta", 8, right=True) + fill("orders", 8, right=True)
    return line((text + ("   because it" if width >= 84 else ""), "muted"))


def _leg(leg: TicketLeg, glyphs: Glyphs, width: int, *, dated: bool) -> Line:
    """``dated`` where the legs have different expiries: the contract says its own."""
    touch = f"{leg.touch_paise / 100:,.2f}" if leg.touch_paise is not None else "no quote"
    spans: list[Span] = [
        (fill(f"{glyphs.minus if leg.score < 0 else '+'}{abs(leg.score)}", 6), "muted"),
        (fill(leg.side.value, 5), "bold long" if leg.side is Side.BUY else "bold short"),
        (fill(f"{leg.label} {leg.expiry:%d%b}", 16) if dated and leg.expiry else fill(leg.label, 11), "text"),
        (fill(f"{leg.units:,}", 9, right=True), "bold bright"),
        (fill(touch, 10, right=True), "text" if leg.touch_paise is not None else "bold warn"),
        (fill(signed(leg.delta, glyphs, 2) if leg.delta is not None else "-", 8, right=True), "text"),
        (fill(f"{leg.children}", 8, right=True), "text"),
    ]
    if width >= 84:
        spans.append((f"   {leg.reason}", "muted"))
    return tuple(spans)


def _figures(preview: TicketPreview, glyphs: Glyphs, width: int) -> list[Line]:
    lines: list[Line] = []
    if preview.has_figures and preview.net_paise is not None:
        credit = preview.net_paise >= 0
        lines.append(
            line(
                (fill("credit" if credit else "debit", 14), "muted"),
                (rupees(abs(preview.net_paise), glyphs), "bold ok" if credit else "bold warn"),
                (" at the prices its orders would meet", "muted"),
            )
        )
        lines.append(
            line(
                (fill("maximum loss", 14), "muted"),
                (_bounded(preview.max_loss_paise, glyphs), "bold breach"),
                ("   maximum profit ", "muted"),
                (_bounded(preview.max_profit_paise, glyphs), "bold ok"),
            )
        )
        even = "  ".join(f"{level / 100:,.0f}" for level in preview.breakevens_paise) or "none"
        lines.append(line((fill("breakeven", 14), "muted"), even))
    else:
        lines.append(line(("Some leg is not quoted: its price and its risk are not known.", "warn")))
    if preview.margin_paise is not None:
        fits = preview.margin_paise <= preview.margin_limit_paise
        lines.append(
            line(
                (fill("worst margin", 14), "muted"),
                (rupees(preview.margin_paise, glyphs), "bold ok" if fits else "bold breach"),
                (f" of {rupees(preview.margin_limit_paise, glyphs)} that may be used", "muted"),
            )
        )
    orders = f"{preview.children} order{'' if preview.children == 1 else 's'}"
    lines.append(
        line(
            (fill("sends", 14), "muted"),
            (orders, "bold bright"),
            (f", {preview.budget_s} s of the order budget", "text"),
        )
    )
    if preview.plan is not None:
        lines.append(_terms(preview.plan))
    if preview.margin_words and not preview.problem:
        lines += wrap(line((f"{glyphs.ok} ", "ok"), preview.margin_words), width, 2)
    if preview.structure:
        defined = preview.structure.startswith("defined")
        words = line(
            (f"{glyphs.ok if defined else glyphs.warn} ", "ok" if defined else "warn"), preview.structure
        )
        lines += wrap(words, width, 2)
    return lines


def _terms(plan: GroupPlan) -> Line:
    """How it is carried, what becomes of it where it cannot be completed, and when it ends."""
    ends = f"closed at {due_text(plan.exit_at_ns, plan.good_until_ns)}" if plan.exit_at_ns else "no exit time"
    if plan.product is Product.MIS:
        ends = f"{ends}, intraday"
    return line(
        (fill("terms", 14), "muted"),
        (plan.product.value, "bold bright"),
        (f", {ends}; where incomplete it is to ", "text"),
        (POLICIES[plan.on_incomplete][0], "bold bright"),
    )


def _bounded(paise: int | None, glyphs: Glyphs) -> str:
    return "unbounded" if paise is None else rupees(paise, glyphs)
