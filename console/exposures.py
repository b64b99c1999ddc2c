"""An exposure in words: delta in money, both shocks, and the worse of them where quotes are too old."""

from __future__ import annotations

from console.glyphs import Glyphs
from console.widgets.line import Line, line
from console.wording import money_tone, signed_rupees
from core.engine.snapshot import Exposure


def worst_shock(exposure: Exposure, glyphs: Glyphs, name: str = "worst of ") -> Line:
    """What is known of an exposure on quotes that are too old: the worse of the two shocks, and so called."""
    worst = min(exposure.loss_down_paise, exposure.loss_up_paise)
    return line(
        (f"{name}{glyphs.plus_minus}3 % ", "muted"),
        (signed_rupees(worst, glyphs), f"bold {money_tone(worst)}"),
    )


def both_shocks(exposure: Exposure, glyphs: Glyphs) -> Line:
    """The change in value at -3 % and at +3 %."""
    down, up = exposure.loss_down_paise, exposure.loss_up_paise
    return line(
        (f"{glyphs.plus_minus}3 % ", "muted"),
        (signed_rupees(down, glyphs), money_tone(down)),
        " ",
        (signed_rupees(up, glyphs), money_tone(up)),
    )


def per_cent_worth(exposure: Exposure, glyphs: Glyphs) -> Line:
    """Delta in money: what a rise of the underlying by one per cent would bring, in rupees."""
    return line(("per 1 % ", "muted"), (signed_rupees(round(exposure.delta_paise_per_pct), glyphs), "text"))
