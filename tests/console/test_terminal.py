"""The terminal may stall, close or be killed; the core's own ticks are the judge."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.terminal_writer import TerminalWriter
from tests.console.pty_child import TICKS_AFTER_END
from tests.console.terminal import Terminal

ALLOWED_GAP_MS = 200


class Watched(Terminal):
    """A terminal over the ticking core, driven by states and never by the clock."""

    def begin(self) -> None:
        """Wait for the first picture, and that the core knows of it."""
        self.wait_for_screens(painted=1)
        self.wait_for(b"Interim delta")

    def wait_for_screens(self, *, painted: int = 0, gone: int = 0) -> None:
        """Wait until so many screens have been painted, and so many have ended."""

        def come() -> bool:
            marker = self.report.with_suffix(".screens")
            seen = marker.read_text(encoding="utf-8").split() if marker.is_file() else ["0", "0"]
            return int(seen[0]) >= painted and int(seen[1]) >= gone

        self.wait_until(come, f"not {painted} screens were painted and {gone} ended")

    def breaks(self) -> None:
        """Break what the child was told to break."""
        self.child.send_signal(signal.SIGUSR1)

    def told(self) -> dict[str, Any]:
        """End the core; what it reports, after a hundred more ticks that only a living core makes.

        Whatever the terminal did, the core itself was never held for long.
        """
        self.child.send_signal(signal.SIGUSR2)
        told = self.result()
        assert told["max_gap_ms"] < ALLOWED_GAP_MS, told
        assert told["ticks"] >= TICKS_AFTER_END, told
        return told


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Any]:
    made: list[Watched] = []

    def make(where: str = "timer", **environment: str) -> Watched:
        report = tmp_path / f"report-{len(made)}.json"
        terminal = Watched(report, "tests.console.pty_child", str(report), where, **environment)
        made.append(terminal)
        terminal.begin()
        return terminal

    yield make
    for terminal in made:
        terminal.end()


def test_a_terminal_that_stops_reading_never_holds_the_core_and_is_repainted(terminals: Any) -> None:
    terminal = terminals()
    terminal.reading = False
    # Longer than Textual's own writer can go on: 30 frames, then it holds the loop until somebody reads.
    time.sleep(9.0)
    terminal.text.clear()
    terminal.reading = True
    terminal.wait_for(b"Interim delta")
    assert terminal.told()["end"] == "asked"


def test_a_terminal_that_is_closed_leaves_the_core_running_without_a_screen(terminals: Any) -> None:
    terminal = terminals()
    terminal.close()
    terminal.wait_for_screens(gone=1)
    told = terminal.told()
    assert told["end"] == "terminal-lost"
    assert told["painted"] == 1
    assert told["ticks"] >= told["ticks_when_screen_ended"] + TICKS_AFTER_END


@pytest.mark.parametrize("where", ["timer", "render", "handler"])
def test_whatever_crashes_in_a_widget_the_screen_comes_back_and_says_so(terminals: Any, where: str) -> None:
    terminal = terminals(where)
    terminal.breaks()
    if where == "handler":
        terminal.type_until(b"m", b"was restarted")
    terminal.wait_for(b"was restarted")
    terminal.wait_for_screens(painted=2)
    told = terminal.told()
    assert told["end"] == "asked"
    assert told["painted"] == 2
    assert told["gone"] == 2


@pytest.mark.parametrize(
    ("number", "end"),
    [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupted")],
    ids=["SIGTERM", "SIGINT"],
)
def test_a_signal_ends_the_screen_and_not_the_core(terminals: Any, number: int, end: str) -> None:
    terminal = terminals()
    terminal.child.send_signal(number)
    terminal.wait_for_screens(gone=1)
    told = terminal.told()
    assert told["end"] == end
    assert told["ticks"] >= told["ticks_when_screen_ended"] + TICKS_AFTER_END


def test_a_stop_signal_from_the_terminal_does_not_stop_the_core(terminals: Any) -> None:
    terminal = terminals()
    terminal.child.send_signal(signal.SIGTSTP)
    terminal.text.clear()
    terminal.wait_for(b"G-001")
    assert terminal.told()["end"] == "asked"


def test_garbage_and_pastes_reach_no_dangerous_key(terminals: Any) -> None:
    terminal = terminals()
    os.write(terminal.master, b"\x1b[200~ALL\r\nKILL\r\n\x1b[201~\x1b[<999;\xff\xfe\x00\x1b]\x07")
    terminal.type_until(b"m", b"bell is muted")
    told = terminal.told()
    assert told["end"] == "asked"
    assert told["painted"] == 1
    assert b"to begin typing" not in terminal.text


def test_a_panel_that_cannot_be_painted_says_so_and_the_others_go_on(terminals: Any) -> None:
    terminal = terminals("panel")
    terminal.breaks()
    terminal.wait_for(b"panel failed")
    assert terminal.told()["painted"] == 1


def test_a_storm_of_resizes_never_holds_the_core_and_the_last_size_is_painted(terminals: Any) -> None:
    terminal = terminals()
    for number in range(60):
        terminal.resize(60 + number * 3 % 140, 20 + number * 7 % 50)
        time.sleep(0.03)
    terminal.resize(78, 24)
    terminal.wait_for(b"This terminal is 78x24")
    told = terminal.told()
    assert told["end"] == "asked"
    assert told["painted"] == 1


def test_the_interrupt_key_asks_before_anything_live_is_left_and_esc_stays(terminals: Any) -> None:
    terminal = terminals()
    terminal.type(b"\x03")
    terminal.wait_for(b"Leave?")
    terminal.type(b"\x1b")
    terminal.text.clear()
    terminal.wait_for(b"G-001")
    assert terminal.told()["end"] == "asked"


def test_a_hang_up_by_signal_alone_goes_on_without_a_screen(terminals: Any) -> None:
    terminal = terminals()
    terminal.child.send_signal(signal.SIGHUP)
    terminal.child.send_signal(signal.SIGHUP)
    terminal.wait_for_screens(gone=1)
    told = terminal.told()
    assert told["end"] == "terminal-lost"
    assert told["ticks"] >= told["ticks_when_screen_ended"] + TICKS_AFTER_END


def test_every_page_and_overlay_opened_in_a_hurry_never_holds_the_core(terminals: Any) -> None:
    terminal = terminals()
    for _ in range(3):
        for keys in (b":", b"?", b"h", b"/", b"+", b"2", b"4", b"1", b"\r", b"A", b"H", b"p", b"K", b"s"):
            terminal.type(keys)
            time.sleep(0.05)
            terminal.type(b"\x1b")
            time.sleep(0.12)
    terminal.text.clear()
    terminal.type_until(b"m", b"bell is muted")
    told = terminal.told()
    assert told["end"] == "asked"
    assert told["painted"] == 1


def test_no_colour_is_sent_where_none_is_wanted_even_after_a_crash(terminals: Any) -> None:
    terminal = terminals(NO_COLOR="1")
    terminal.breaks()
    terminal.wait_for(b"was restarted")
    terminal.wait_for_screens(painted=2)
    assert terminal.told()["painted"] == 2
    assert b"38;2;" not in terminal.text
    assert b"48;2;" not in terminal.text
    assert re.search(rb"\x1b\[[0-9;]*(?:3[0-7]|4[0-7])m", terminal.text) is None


def test_a_write_that_finds_the_pipe_full_is_dropped_and_asks_for_a_repaint() -> None:
    read, write = os.pipe()
    drained = threading.Event()
    writer = TerminalWriter(write, on_drained=drained.set, backlog_bytes=4_096)
    writer.start()
    frame = "x" * 50_000
    started = time.monotonic()
    for _ in range(40):
        writer.write(frame)
    assert time.monotonic() - started < 0.5
    assert writer.dropped > 30
    assert not writer.is_caught_up
    taken = 0
    while not drained.is_set():
        taken += len(os.read(read, 65_536))
    assert taken % 50_000 in (0, len("\x1b[?2026l"))
    os.close(read)
    writer.stop()
    os.close(write)


def test_a_pipe_with_nobody_at_its_end_is_reported_once_and_swallows_the_rest() -> None:
    read, write = os.pipe()
    lost: list[OSError] = []
    writer = TerminalWriter(write, on_lost=lost.append)
    writer.start()
    os.close(read)
    for _ in range(5):
        writer.write("frame")
    assert writer.stop()
    writer.write("more")
    assert len(lost) == 1
    assert writer.lost
    os.close(write)
