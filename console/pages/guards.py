"""What guards a group: resting stops against the shorts they belong to, its own limits, and its clock."""

from __future__ import annotations

from console.exposures import both_shocks, per_cent_worth, worst_shock
from console.glyphs import Glyphs
from console.scene import Scene
from console.widgets.line import Line, Span, line
from console.wording import sign, signed, signed_rupees, span, unhedged_now_ms
from core.domain.groups import LegState, MultiLegOrderGroup
from core.domain.instruments import Side
from core.domain.lifecycle import ExecutionLifecycle
from core.domain.money import grouped
from core.domain.orders import Purpose
from core.domain.timing import clock_text, due_text
from core.engine.snapshot import Exposure, GroupLook


def guard_lines(group: MultiLegOrderGroup, scene: Scene) -> list[Line]:
    """A line for each short's stop, each limit of the group, and the time spent outside."""
    plan, glyphs = group.plan, scene.glyphs
    lines: list[Line] = []
    if plan.stop_premium_bps:
        lines += [
            _stop(group, leg, glyphs)
            for leg in group.legs
            if leg.plan.side is Side.SELL and (leg.held_units > 0 or leg.stop_triggered_ns)
        ] or [
            line(
                (f"stop at {plan.stop_premium_bps / 10_000:g}{glyphs.times} premium", "muted"),
                " once a short is held",
            )
        ]
    exposure = scene.snapshot.exposures.get(group.group_id)
    pnl = exposure.pnl_paise if exposure is not None else 0
    if plan.stop_loss_paise or plan.target_paise:
        parts: list[Span] = [("P&L ", "muted"), (signed_rupees(pnl, glyphs), "bold bright")]
        if plan.stop_loss_paise:
            parts.append((f"  closes at {glyphs.minus}{grouped(plan.stop_loss_paise // 100)}", "breach"))
        if plan.target_paise:
            parts.append((f"  or at +{grouped(plan.target_paise // 100)}", "ok"))
        lines.append(tuple(parts))
    levels = [
        f"{word} {level / 100:,.0f}"
        for word, level in (("below", plan.stop_below_paise), ("above", plan.stop_above_paise))
        if level
    ]
    if levels:
        lines.append(line((f"closes with {plan.underlying} ", "muted"), " or ".join(levels)))
    if plan.exit_at_ns:
        lines.append(line(("closes at ", "muted"), due_text(plan.exit_at_ns, scene.snapshot.at_ns)))
    if not lines:
        lines.append(
            line((f"{glyphs.warn} ", "warn"), "No stop, no target and no time: only you close this.")
        )
    if exposure is not None and not group.is_over and scene.snapshot.recorded is None:
        lines.append(_exposed(exposure, glyphs))
    lines.append(_outside(group, scene))
    look = scene.snapshot.look
    if look is not None and look.group_id == group.group_id and look.ratio_words:
        at_rest = group.state in (ExecutionLifecycle.OPEN, ExecutionLifecycle.MANUAL)
        if at_rest and not look.ratio_holds:
            lines.insert(0, _ratio(look, "warn", "bold warn", glyphs))
        elif look.ratio_holds:
            lines.append(_ratio(look, "ok", "ok", glyphs))
        else:
            lines.append(_ratio(look, "working", "muted", glyphs))
    if group.gate is not None:
        passed = group.gate.passed
        lines.append(
            line(
                (f"{sign(glyphs, 'ok' if passed else 'breach')} ", "ok" if passed else "breach"),
                ("margin ", "muted"),
                (group.gate.sentence, "text" if passed else "breach"),
            )
        )
    return lines


def _stop(group: MultiLegOrderGroup, leg: LegState, glyphs: Glyphs) -> Line:
    """A short and the stops that rest for it: as many units as are not on their way out, or it is said."""
    resting = [
        order
        for order in group.live_orders
        if order.leg == leg.plan.index and order.purpose is Purpose.STOP and order.is_resting_stop
    ]
    units = sum(order.working_units for order in resting)
    leaving = group.working(leg.plan.index, Side.BUY) - units
    wanted = leg.held_units - leaving
    name = line(
        (f"{leg.plan.contract.label} ", "text"), ("short ", "muted"), (f"{leg.held_units:,}", "bold short")
    )
    if leg.stop_triggered_ns:
        return (*name, (f"  {glyphs.warn} stop triggered {clock_text(leg.stop_triggered_ns)}", "bold warn"))
    if not resting:
        return (*name, (f"  {glyphs.breach} no stop rests", "bold breach"))
    triggers = " ".join(sorted({f"{order.trigger_paise / 100:,.2f}" for order in resting}))
    state, tone = ("ok", "ok") if units == wanted else ("warn", "warn")
    return (
        *name,
        (f"  {sign(glyphs, state)} ", tone),
        (f"{units:,}", f"bold {tone}"),
        (" rest at ", "muted"),
        (triggers, "text"),
    )


def _exposed(exposure: Exposure, glyphs: Glyphs) -> Line:
    """Delta, what a per cent is worth, and the shocks; the worse of these alone where quotes are too old."""
    if exposure.blind:
        return (*line((f"{glyphs.warn} BLIND ", "bold warn")), *worst_shock(exposure, glyphs))
    return (
        *line(("delta ", "muted"), signed(exposure.delta_units, glyphs), "  "),
        *per_cent_worth(exposure, glyphs),
        *line("  "),
        *both_shocks(exposure, glyphs),
    )


def _ratio(look: GroupLook, name: str, tone: str, glyphs: Glyphs) -> Line:
    """What is held against the design: a fault, and the first to read, only where nothing is on its way."""
    return line((f"{sign(glyphs, name)} ", tone), ("ratio ", "muted"), (look.ratio_words, tone))


def _outside(group: MultiLegOrderGroup, scene: Scene) -> Line:
    """The time outside the limits, and the emergency hedges."""
    now_ns = scene.snapshot.at_ns
    now = unhedged_now_ms(group, now_ns)
    total = group.unhedged.total_at(now_ns) // 1_000_000
    longest = max(group.unhedged.longest_ns // 1_000_000, now)
    parts: list[Span] = [
        ("outside limits ", "muted"),
        (f"now {span(now)}" if now else "not now", "bold breach" if now > 1_000 else "warn" if now else "ok"),
        (f"  longest {span(longest)}  in all {span(total)}" if total else "", "muted"),
    ]
    if group.hedge.hedges or group.hedge.tries:
        parts.append((f"  hedges {group.hedge.hedges}, tries {group.hedge.tries}", "warn"))
    return tuple(parts)
