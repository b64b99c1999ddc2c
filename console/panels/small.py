"""What a terminal that is too small shows: what is wrong, what to do, and what must not be missed."""

from __future__ import annotations

from collections.abc import Sequence

from console.exposures import worst_shock
from console.panels.groups import calm_lines, urgent_lines
from console.scene import Scene
from console.widgets.framed import FramedPanel
from console.widgets.line import BLANK, Line, line, wrap
from console.wording import money_tone, signed, signed_rupees
from core.domain.timing import clock_text

SMALLEST = (100, 30)


class SmallPanel(FramedPanel):
    """Takes the place of the whole screen below 100x30; F9 and K still work."""

    TITLE = "HEDGEROW"

    def corner(self, scene: Scene) -> Line:
        """The mode must be in view here too."""
        mode = scene.snapshot.mode
        return line((f" {mode} ", "bold bright on breach" if mode == "LIVE" else "bold ground on muted"))

    def content(self, scene: Scene, width: int, height: int) -> Sequence[Line]:
        """The sentence about the size, then the sentences about the groups."""
        size = self.app.size
        text = (
            f"This terminal is {size.width}x{size.height}; the console needs {SMALLEST[0]}x{SMALLEST[1]}. "
            "Enlarge the window or use a smaller font. The core goes on; F9, K and q work."
        )
        snapshot = scene.snapshot
        facts = line(
            (clock_text(snapshot.at_ns) if snapshot.at_ns else "--:--:--", "bold bright"),
            ("  ", "muted"),
            *(
                worst_shock(snapshot.total, scene.glyphs)
                if scene.is_blind
                else line(("delta ", "muted"), signed(snapshot.total.delta_units, scene.glyphs))
            ),
            ("  uncovered ", "muted"),
            (
                f"{snapshot.total.uncovered_units:,}",
                "bold breach" if snapshot.total.uncovered_units else "ok",
            ),
            ("  P&L ", "muted"),
            (signed_rupees(snapshot.day_pnl_paise, scene.glyphs), money_tone(snapshot.day_pnl_paise)),
        )
        return [
            *wrap(line((text, "bold warn")), width),
            BLANK,
            *wrap(facts, width),
            BLANK,
            *urgent_lines(scene, width),
            *calm_lines(scene, width),
        ]
