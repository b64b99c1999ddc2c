"""The transport bar of a replay: where in the journal this is, and how fast it moves."""

from __future__ import annotations

from console.glyphs import Glyphs
from console.transport import Transport
from console.widgets.framed import LinePainter
from console.widgets.line import Line, Span, line, spread, width_of
from core.domain.timing import clock_text


class TransportBar(LinePainter):
    """One line above the footer; it is only there in a replay."""

    GROUND = "raised"

    def paint(self, transport: Transport) -> int:
        """Show where the transport stands."""
        return self.show([transport_line(transport, self.size.width, self.glyphs)])


def transport_line(transport: Transport, width: int, glyphs: Glyphs) -> Line:
    """State and speed at the left, the place as a bar, row and time at the right."""
    replay = transport.replay
    state: Span = (
        (" playing ", "bold ground on ok") if transport.playing else (" paused ", "bold ground on warn")
    )
    left = line(
        (" REPLAY ", "bold ground on info"),
        state,
        (f" {transport.speed:g}{glyphs.times} ", "bold bright"),
    )
    right = line(
        (f" row {replay.row:,} of {replay.rows:,} ", "muted"),
        (f" {clock_text(replay.at_ns, millis=True)} ", "bold bright"),
    )
    room = max(4, width - width_of(left) - width_of(right) - 2)
    length = replay.last_ns - replay.first_ns
    share = (replay.at_ns - replay.first_ns) / length if length else 1.0
    place = min(room - 1, round(share * (room - 1)))
    bar = line(
        (glyphs.long_bar * place, "info"),
        (glyphs.dot, "bold bright"),
        (glyphs.empty_bar * (room - 1 - place), "line"),
    )
    return spread((*left, *bar), right, width)
