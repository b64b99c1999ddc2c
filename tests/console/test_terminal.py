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
from tests.console.terminal import Terminal

ALLOWED_GAP_MS = 200


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Any]:
    made: list[Terminal] = []

    def make(seconds: float, crash_at_s: float = 0.0, where: str = "timer", **environment: str) -> Terminal:
        report = tmp_path / f"report-{len(made)}.json"
        child = ("tests.console.pty_child", str(report), str(seconds), str(crash_at_s), where)
        terminal = Terminal(report, *child, **environment)
        made.append(terminal)
        return terminal

    yield make
    for terminal in made:
        terminal.end()


def test_a_terminal_that_stops_reading_never_holds_the_core_and_is_repainted(terminals: Any) -> None:
    terminal = terminals(9.0)
    terminal.wait_for(b"Interim delta")
    terminal.reading = False
    time.sleep(5.0)
    terminal.text.clear()
    terminal.reading = True
    terminal.wait_for(b"Interim delta", 3.0)
    told = terminal.result()
    assert told["end"] == "asked"
    assert told["max_gap_ms"] < ALLOWED_GAP_MS, told
    assert told["ticks"] > 600


def test_a_terminal_that_is_closed_leaves_the_core_running_without_a_screen(terminals: Any) -> None:
    terminal = terminals(5.0)
    terminal.wait_for(b"Interim delta")
    terminal.close()
    told = terminal.result()
    assert told["end"] == "terminal-lost"
    assert told["painted"] == 1
    assert told["ticks"] > told["ticks_when_screen_ended"] + 50
    assert told["max_gap_ms"] < ALLOWED_GAP_MS


def test_a_screen_that_crashes_comes_back_and_says_so(terminals: Any) -> None:
    terminal = terminals(5.0, crash_at_s=2.0)
    terminal.wait_for(b"Interim delta")
    terminal.wait_for(b"was restarted")
    told = terminal.result()
    assert told["end"] == "asked"
    assert told["painted"] == 2
    assert told["gone"] == 2
    assert told["ticks"] > 300


@pytest.mark.parametrize(
    ("number", "end"),
    [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupted")],
    ids=["SIGTERM", "SIGINT"],
)
def test_a_signal_ends_the_screen_and_not_the_core(terminals: Any, number: int, end: str) -> None:
    terminal = terminals(4.0)
    terminal.wait_for(b"Interim delta")
    terminal.child.send_signal(number)
    told = terminal.result()
    assert told["end"] == end
    assert told["ticks"] > told["ticks_when_screen_ended"]


def test_a_stop_signal_from_the_terminal_does_not_stop_the_core(terminals: Any) -> None:
    terminal = terminals(4.0)
    terminal.wait_for(b"Interim delta")
    terminal.child.send_signal(signal.SIGTSTP)
    told = terminal.result()
    assert told["end"] == "asked"
    assert told["max_gap_ms"] < ALLOWED_GAP_MS


def test_garbage_and_pastes_reach_no_dangerous_key(terminals: Any) -> None:
    terminal = terminals(4.0)
    terminal.wait_for(b"Interim delta")
    os.write(terminal.master, b"\x1b[200~ALL\r\nKILL\r\n\x1b[201~\x1b[<999;\xff\xfe\x00\x1b]\x07")
    told = terminal.result()
    assert told["end"] == "asked"
    assert told["painted"] == 1
    assert told["max_gap_ms"] < ALLOWED_GAP_MS


@pytest.mark.parametrize("where", ["render", "handler"])
def test_whatever_breaks_in_a_widget_the_screen_comes_back_and_the_core_goes_on(
    terminals: Any, where: str
) -> None:
    terminal = terminals(5.0, 1.5, where)
    terminal.wait_for(b"Interim delta")
    time.sleep(1.7)
    terminal.type(b"m")
    terminal.wait_for(b"was restarted")
    told = terminal.result()
    assert told["end"] == "asked"
    assert told["painted"] == 2
    assert told["ticks"] > 300


def test_a_panel_that_cannot_be_painted_says_so_and_the_others_go_on(terminals: Any) -> None:
    terminal = terminals(4.0, 1.5, "panel")
    terminal.wait_for(b"Interim delta")
    terminal.wait_for(b"panel failed")
    told = terminal.result()
    assert told["painted"] == 1
    assert told["max_gap_ms"] < ALLOWED_GAP_MS


def test_a_storm_of_resizes_never_holds_the_core_and_the_last_size_is_painted(terminals: Any) -> None:
    terminal = terminals(7.0)
    terminal.wait_for(b"Interim delta")
    for number in range(60):
        terminal.resize(60 + number * 3 % 140, 20 + number * 7 % 50)
        time.sleep(0.03)
    terminal.resize(160, 50)
    time.sleep(0.5)
    terminal.text.clear()
    terminal.wait_for(b"G-001", 3.0)
    told = terminal.result()
    assert told["end"] == "asked"
    assert told["painted"] == 1
    assert told["max_busy_ms"] < ALLOWED_GAP_MS, told


def test_the_interrupt_key_asks_before_anything_live_is_left_and_esc_stays(terminals: Any) -> None:
    terminal = terminals(4.0)
    terminal.wait_for(b"Interim delta")
    terminal.type(b"\x03")
    terminal.wait_for(b"Leave?")
    terminal.type(b"\x1b")
    told = terminal.result()
    assert told["end"] == "asked"
    assert told["max_gap_ms"] < ALLOWED_GAP_MS


def test_a_hang_up_by_signal_alone_goes_on_without_a_screen(terminals: Any) -> None:
    terminal = terminals(4.0)
    terminal.wait_for(b"Interim delta")
    terminal.child.send_signal(signal.SIGHUP)
    terminal.child.send_signal(signal.SIGHUP)
    told = terminal.result()
    assert told["end"] == "terminal-lost"
    assert told["ticks"] > told["ticks_when_screen_ended"] + 50


def test_every_page_and_overlay_opened_in_a_hurry_never_holds_the_core(terminals: Any) -> None:
    terminal = terminals(8.0)
    terminal.wait_for(b"Interim delta")
    for _ in range(3):
        for keys in (b":", b"?", b"h", b"/", b"+", b"2", b"4", b"1", b"\r", b"A", b"H", b"p", b"K", b"s"):
            terminal.type(keys)
            time.sleep(0.05)
            terminal.type(b"\x1b")
            time.sleep(0.12)
    told = terminal.result()
    assert told["end"] == "asked"
    assert told["painted"] == 1
    assert told["max_busy_ms"] < ALLOWED_GAP_MS, told


def test_no_colour_is_sent_where_none_is_wanted_even_after_a_crash(terminals: Any) -> None:
    terminal = terminals(4.0, crash_at_s=1.5, NO_COLOR="1")
    terminal.wait_for(b"was restarted")
    told = terminal.result()
    assert told["painted"] == 2
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
