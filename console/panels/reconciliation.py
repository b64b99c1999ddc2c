"""Reconciliation: where the broker's word differed from ours, and what came of it. The broker wins."""

from __future__ import annotations

from collections.abc import Sequence

from console.scene import Scene
from console.widgets.framed import FramedPanel
from console.widgets.line import Line, line, spread
from console.wording import sign, signed, span
from core.domain.account import Divergence
from core.domain.timing import clock_text


class ReconciliationPanel(FramedPanel):
    """Open divergences first with their age, then the healed ones, then what belongs to other people."""

    TITLE = "Reconciliation"

    def corner(self, scene: Scene) -> Line:
        """The rule."""
        return line(("broker wins", "muted"))

    def stale_ms(self, scene: Scene) -> int | None:
        """The core's silence, or a poll that is more than twice its period old."""
        if scene.core_is_silent:
            return scene.silent_ms
        age = scene.snapshot.health.poll_age_ms
        late = 2 * scene.snapshot.account.settings.poll_every_ms
        return age if age is not None and age > late and not scene.snapshot.finished else None

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """The count, then one line each."""
        snapshot = scene.snapshot
        differences = snapshot.account.divergences.values()
        open_ones = sorted((each for each in differences if each.is_open), key=lambda each: each.found_ns)
        healed = sorted((each for each in differences if not each.is_open), key=lambda each: -each.healed_ns)
        state = "breach" if open_ones else "ok"
        poll = snapshot.health.next_poll_ms
        due = "-" if poll is None else span(poll) if poll > 0 else "now"
        head = spread(
            line(
                (f"{sign(scene.glyphs, state)} {len(open_ones)} open", f"bold {state}"),
                ("   healed ", "muted"),
                (str(snapshot.divergences_healed), "text"),
            ),
            line(("next poll ", "muted"), (due, "text")),
            width,
        )
        lines = [head]
        lines += [_divergence(each, scene, width) for each in [*open_ones, *healed]]
        lines += [
            line(
                ("foreign ", "muted"),
                (signed(units, scene.glyphs, 0), "warn"),
                f" {key.symbol}",
                (" not ours", "muted"),
            )
            for key, units in sorted(snapshot.account.foreign.items())
            if units
        ]
        lines += [
            line(("foreign order ", "muted"), text) for text in snapshot.account.foreign_orders.values()
        ]
        if len(lines) > height > 3:
            lines = [
                *lines[: height - 1],
                line((f"{scene.glyphs.down} {len(lines) - height + 1} more", "muted")),
            ]
        if len(lines) == 1 and height > 1:
            read = snapshot.health.poll_age_ms is not None
            agreed = (
                "No difference stands."
                if snapshot.divergences_found
                else "Every book read so far agreed with ours."
            )
            text = agreed if read else "The books have not been read yet."
            lines.append(line((text, "muted")))
        return lines


def _divergence(each: Divergence, scene: Scene, width: int) -> Line:
    """``14:31:58 missed fill  G-014 65 @ 58.15   ✔ 0.3 s``."""
    glyphs = scene.glyphs
    if each.is_open:
        age = max(0, scene.snapshot.at_ns - each.found_ns) // 1_000_000
        end = line((f"{glyphs.clock} {span(age)}", "bold breach"))
    else:
        end = line((f"{glyphs.ok} {span((each.healed_ns - each.found_ns) // 1_000_000)}", "ok"))
    tone = "text" if each.is_open else "muted"
    return spread(
        line(
            (f"{clock_text(each.found_ns)} ", "muted"),
            (each.kind.value.replace("-", " "), "breach" if each.is_open else "text"),
            (f"  {each.group_id}" if each.group_id else "", tone),
            (f"  {each.detail}", tone),
        ),
        end,
        width,
    )
