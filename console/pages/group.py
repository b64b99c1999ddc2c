"""Enter: everything about one group, on one screen."""

from __future__ import annotations

from dataclasses import replace

from console.pages.child_orders import order_table
from console.pages.guards import guard_lines
from console.pages.page import Page
from console.pages.worth import payoff_chart, shock_grid
from console.panels.legs import leg_heading, leg_row, table_width
from console.panels.log import log_line
from console.panels.timeline import exposed_window, window_of
from console.scene import Scene
from console.widgets.boxes import beside, stacked
from console.widgets.line import Line, Span, line, wrap
from console.wording import LOOK, move_of, sign, span, strategy_words, unhedged_now_ms
from core.domain.groups import MultiLegOrderGroup
from core.engine.snapshot import LogLine

LONGEST_JOURNAL = 200


class GroupPage(Page):
    """Legs with their tracks above; orders and journal at the left, worth and guards at the right."""

    TITLE = "Group"
    PANEL = "groups"

    def key(self, scene: Scene) -> object:
        """A new picture with every version, and where it was scrolled to."""
        return (scene.snapshot.version, scene.snapshot.look, scene.selected, scene.flash, self.top)

    def body(self, scene: Scene, width: int, height: int) -> list[Line]:
        """The parts, each in its frame."""
        group = scene.group
        if group is None:
            words = line(("No group is selected. Esc goes back.", "muted"))
            return self.framed(self.TITLE, (), [words], width, height, "accent")
        look = scene.snapshot.look
        if look is not None and look.group_id != group.group_id:
            look = None
        top = self._legs(group, scene, width, height)
        left = (width * 61) // 100
        rest = height - len(top)
        orders = min(max(5, len(group.orders) + 3), rest // 2)
        right = width - left
        guards = guard_lines(group, scene)
        wrapped = [each for guard in guards for each in wrap(guard, right - 4, 2)]
        guard_height = min(len(wrapped) + 2, max(5, rest // 3))
        grid_height = 0 if rest - guard_height < 15 else 8
        glyphs, roomy = scene.glyphs, rest - guard_height - grid_height
        columns = (
            stacked(
                self.framed(
                    "Child orders",
                    line((f"{len(group.orders)}, {len(group.live)} working", "muted")),
                    order_table(group, glyphs, left - 4, orders - 2),
                    left,
                    orders,
                ),
                self._journal(look.log if look else (), left, rest - orders),
            ),
            stacked(
                self.framed(
                    "Payoff",
                    line(("as planned" if look and look.basis == "planned" else "of what is held", "muted")),
                    payoff_chart(look, glyphs, right - 4, roomy - 2),
                    right,
                    roomy,
                ),
                self.framed(
                    "If the market moves now",
                    line(("price across, IV down", "muted")),
                    shock_grid(look, glyphs, right - 4),
                    right,
                    grid_height,
                )
                if grid_height
                else [],
                self.framed("Guards", (), wrapped, right, guard_height),
            ),
        )
        return [*top, *beside(columns[0], columns[1], left)]

    def _legs(self, group: MultiLegOrderGroup, scene: Scene, width: int, height: int) -> list[Line]:
        """The sentence, the legs, and the exposed window under their tracks."""
        inside = width - 4
        track = inside - table_width(inside)
        window = window_of(group, scene.snapshot.at_ns)
        rows = [*wrap(_sentence(group, scene), inside)[:2], leg_heading(inside, track, window)]
        rows += [leg_row(group, leg, scene, inside, track, window) for leg in group.legs]
        exposed = exposed_window(group, scene.snapshot.at_ns)
        if exposed is not None and track >= 20:
            first, last = (window.column(at_ns, track) for at_ns in exposed)
            spans: list[Span] = [
                ("exposed".rjust(inside - track - 2) + "  ", "muted"),
                (" " * first, "text"),
                (scene.glyphs.shade * (last - first + 1), "warn"),
            ]
            took = span((exposed[1] - exposed[0]) // 1_000_000)
            if last + len(took) + 2 < track:
                spans.append((f" {took}", "warn"))
            rows.append(tuple(spans))
        plan, look = group.plan, LOOK[group.state]
        since = span(max(0, scene.snapshot.at_ns - group.state_since_ns) // 1_000_000)
        expiries = "/".join(
            f"{day:%d-%b}".upper() for day in sorted({leg.contract.expiry for leg in plan.legs})
        )
        dot = f" {scene.glyphs.middle} "
        corner = line(
            (f"{sign(scene.glyphs, look.sign)} {look.word}", f"bold {look.tone}"),
            (f" for {since}", "muted"),
            (
                dot
                + dot.join(
                    (
                        expiries,
                        f"{plan.copies} lots",
                        plan.product.value,
                        plan.on_incomplete.value.replace("_", " "),
                    )
                ),
                "muted",
            ),
        )
        title = f"{group.group_id}  {strategy_words(plan, scene.glyphs)}"
        return self.framed(title, corner, rows, width, min(len(rows) + 2, height // 2), "accent")

    def _journal(self, log: tuple[LogLine, ...], width: int, height: int) -> list[Line]:
        """The group's own lines, newest first."""
        newest = sorted(log, key=lambda each: (each.at_ns, each.seq), reverse=True)[:LONGEST_JOURNAL]
        lines = [log_line(_own(each), width - 4) for each in newest]
        shown = self.windowed(lines, max(0, height - 2)) or [line(("Nothing is journalled yet.", "muted"))]
        corner = (
            f"{self.top} newer above, PgUp"
            if self.top
            else f"{self.hidden} older, PgDn"
            if self.hidden
            else ""
        )
        return self.framed("Journal of the group", line((corner, "muted")), shown, width, height)


def _own(each: LogLine) -> LogLine:
    """A line without the group's name: every line here is about it."""
    return replace(each, group_id="", text=each.text.removeprefix(each.group_id).strip())


def _sentence(group: MultiLegOrderGroup, scene: Scene) -> Line:
    """What it needs, or what it does by itself."""
    move = move_of(scene.snapshot, group)
    late = unhedged_now_ms(group, scene.snapshot.at_ns)
    outside = ((f"  outside its limits for {span(late)}", "bold breach"),) if late else ()
    if move.needs_you and not group.is_over:
        key = ((f"  {scene.key_of(move.key)} ", "bold accent"),) if move.key else ()
        return (*line(("needs you: ", "bold breach"), (move.sentence, "bold bright")), *key, *outside)
    return (*line(("needs nothing from you: ", "bold bright"), move.sentence), *outside)
