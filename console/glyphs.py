"""The signs of the console: every state has its own, so that colour is never the only one.

All are one cell wide. The plain set is for terminals and fonts that have nothing but ASCII.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs. ``ramp`` holds rising heights from empty to full, ``hanging`` those
    from the top; ``beat`` turns with the core."""

    ok: str = "✔"
    warn: str = "▲"
    breach: str = "✖"
    clock: str = "◷"
    paused: str = "⏸"
    working: str = "◆"
    ended: str = "·"
    info: str = "i"
    up: str = "▲"
    down: str = "▼"
    mark: str = "▲"
    cursor: str = "▌"
    long_bar: str = "━"
    short_bar: str = "═"
    empty_bar: str = "╌"
    full: str = "█"
    shade: str = "▒"
    trough: str = "░"
    limit: str = "┊"
    dot: str = "●"
    pending: str = "╌"
    track: str = "·"
    ramp: str = " ▁▂▃▄▅▆▇█"
    hanging: str = " ▔▀█"
    beat: str = "◐◓◑◒"
    minus: str = "−"
    plus_minus: str = "±"
    delta: str = "Δ"
    arrow: str = "→"
    times: str = "×"
    middle: str = "·"
    ellipsis: str = "…"
    rupee: str = "₹"
    dash: str = "–"
    enter: str = "⏎"

    def frame(self, border: str) -> str:
        """The eight pieces of a frame: corners and sides, ``╭─╮││╰─╯``."""
        return FRAMES.get(border, FRAMES["round"]) if self is not ASCII else ASCII_FRAMES[border == "heavy"]


FRAMES = {
    "round": "╭─╮││╰─╯",
    "square": "┌─┐││└─┘",
    "heavy": "┏━┓┃┃┗━┛",
    "double": "╔═╗║║╚═╝",
}

UNICODE = Glyphs()

ASCII = Glyphs(
    ok="+",
    warn="!",
    breach="X",
    clock="~",
    paused="P",
    working="o",
    ended=".",
    info="i",
    up="^",
    down="v",
    mark="^",
    cursor=">",
    long_bar="=",
    short_bar="-",
    empty_bar=".",
    full="#",
    shade="+",
    trough=".",
    limit="|",
    dot="O",
    pending=".",
    track=".",
    ramp=" .,:-=+*#",
    hanging=" '\"#",
    beat="|/-\\",
    minus="-",
    plus_minus="+-",
    delta="d",
    arrow="->",
    times="x",
    middle="|",
    ellipsis="~",
    rupee="Rs",
    dash="-",
    enter="Enter",
)

ASCII_FRAMES = ("+-+||+-+", "#=####=#")
