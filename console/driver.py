"""The driver between Textual and a real terminal: it never blocks the loop, and it survives the terminal.

Textual 8.2's ``LinuxDriver`` is kept for everything that is about terminals and replaced where it waits: its
writer blocks when the terminal stops reading, its end joins two threads, and its input thread spins when the
terminal is gone. It also lets SIGTSTP stop the process, and with it the core: this one does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import shutil
import signal
import sys
import termios
import tty
from codecs import getincrementaldecoder
from threading import Thread
from typing import TYPE_CHECKING, Any

from textual import events
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message

from console.terminal_writer import TerminalWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App

READ_BYTES = 4_096
RESIZE_EVERY_S = 0.15
KEY_WAIT_S = 0.1
"""How long half an escape sequence is waited for before it counts as the Esc key."""


class SteadyDriver(LinuxDriver):
    """Drops frames for a slow terminal and repaints when it catches up; tells ``terminal_lost`` when it is
    gone.

    ``terminal_lost`` is set by whoever supervises the screen; it is called on the event loop, at most once.
    """

    terminal_lost: Callable[[str], None] | None = None

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        kept = {number: signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT)}
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        for number, handler in kept.items():
            signal.signal(number, handler)
        self._output = output_fileno()
        self._writer: TerminalWriter | None = None
        self._stop_read, self._stop_write = os.pipe()
        self._told_lost = False
        self._resize_due: asyncio.TimerHandle | None = None
        self._stopped = False

    @property
    def can_suspend(self) -> bool:
        """Never: the core lives in the same process."""
        return False

    @property
    def is_caught_up(self) -> bool:
        """Whether everything drawn so far has reached the terminal."""
        return self._writer is None or self._writer.is_caught_up

    def write(self, data: str) -> None:
        """Hand a frame over; it is dropped whole if the terminal is behind."""
        if self._writer is not None:
            self._writer.write(data)

    def start_application_mode(self) -> None:
        """Take the terminal: raw keys, its other screen, the mouse, and pastes told apart."""
        # A process in the background of a terminal must go on, not be stopped for touching it.
        for number in (signal.SIGTTOU, signal.SIGTTIN, signal.SIGTSTP):
            signal.signal(number, signal.SIG_IGN)
        self._writer = TerminalWriter(self._output, on_drained=self._catch_up, on_lost=self._output_lost)
        self._writer.start()
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGWINCH, self._on_window_changed)
        self._send_size()
        self.write("\x1b[?1049h")
        self._enable_mouse_support()
        self.attrs_before = self._make_raw()
        self.write("\x1b[?25l")
        self._key_thread = Thread(target=self._run_input_thread, name="hedgerow-keys", daemon=True)
        self._key_thread.start()
        self._request_terminal_sync_mode_support()
        self._query_in_band_window_resize()
        self._enable_bracketed_paste()
        self._disable_line_wrap()

    def _make_raw(self) -> list[Any] | None:
        """Keys one by one, unechoed; returns what the terminal was set to, ``None`` where it cannot say."""
        try:
            before = termios.tcgetattr(self.fileno)
            raw = termios.tcgetattr(self.fileno)
            raw[tty.LFLAG] = self._patch_lflag(raw[tty.LFLAG])
            raw[tty.IFLAG] = self._patch_iflag(raw[tty.IFLAG])
            raw[tty.CC][termios.VMIN] = 1
            termios.tcsetattr(self.fileno, termios.TCSANOW, raw)
        except termios.error:
            return None
        return before

    def _on_window_changed(self, signum: int, frame: object) -> None:
        if not self._in_band_window_resize:
            self._on_loop(self._resized)

    def _resized(self) -> None:
        """A window that is being dragged changes its size sixty times a second: one in a while is enough,
        and the last one always counts.
        """
        if self._resize_due is None:
            self._resize_due = self._loop.call_later(RESIZE_EVERY_S, self._send_last_size)

    def _send_last_size(self) -> None:
        self._resize_due = None
        if not self.exit_event.is_set():
            self._send_size()

    def process_message(self, message: Message) -> None:
        """Sizes that the terminal sends among its keys are not to come more often than by signal."""
        if isinstance(message, events.Resize):
            self._on_loop(self._resized)
        else:
            super().process_message(message)

    def _send_size(self) -> None:
        size = Size(*self._get_terminal_size())
        self._post(events.Resize(size, size))

    def _get_terminal_size(self) -> tuple[int, int]:
        """The terminal's own word first: ``COLUMNS`` and ``LINES`` are not kept up to date by every shell."""
        with contextlib.suppress(OSError):
            size = os.get_terminal_size(self._output)
            if size.columns and size.lines:
                return size.columns, size.lines
        size = shutil.get_terminal_size()
        return size.columns, size.lines

    def _post(self, message: events.Event) -> None:
        with contextlib.suppress(RuntimeError):
            asyncio.run_coroutine_threadsafe(self._app._post_message(message), loop=self._loop)

    def disable_input(self) -> None:
        """Stop reading keys; returns within a moment even if the reader hangs in the terminal."""
        if self.exit_event.is_set():
            return
        self.exit_event.set()
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        self._disable_mouse_support()
        with contextlib.suppress(OSError):
            os.write(self._stop_write, b"x")
        if self._key_thread is not None:
            self._key_thread.join(0.05)
        with contextlib.suppress(termios.error):
            termios.tcflush(self.fileno, termios.TCIFLUSH)

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was."""
        if self._stopped:
            return
        self._stopped = True
        self.disable_input()
        if self.attrs_before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        if self._writer is not None:
            in_band = "\x1b[?2048l" if self._in_band_window_resize else ""
            self._writer.write_last(
                f"\x1b[?2026l\x1b[?2004l\x1b[?7h{in_band}"
                "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?1004l\x1b[?1049l\x1b[?25h"
            )

    def close(self) -> None:
        """Write the last bytes if the terminal takes them now; otherwise leave the thread behind."""
        if self._writer is not None:
            self._writer.stop()
        for number in (self._stop_read, self._stop_write):
            with contextlib.suppress(OSError):
                os.close(number)

    def _catch_up(self) -> None:
        """The terminal reads again: draw everything once. Called from the writer's thread."""
        self._on_loop(self._repaint)

    def _repaint(self) -> None:
        if self._app.is_running and self._app.screen_stack:
            self._app.screen.refresh(layout=True)

    def _output_lost(self, error: OSError) -> None:
        self._on_loop(self._tell_lost, str(error))

    def _tell_lost(self, why: str) -> None:
        if not self._told_lost and not self.exit_event.is_set():
            self._told_lost = True
            if self.terminal_lost is not None:
                self.terminal_lost(why)
            else:
                self._app.exit()

    def _on_loop(self, what: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *arguments)

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except (OSError, ValueError) as error:
            if not self.exit_event.is_set():
                self._on_loop(self._tell_lost, str(error))

    def run_input_thread(self) -> None:
        """Read keys until told to stop; raises ``OSError`` when the terminal is gone."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        poller = select.poll()
        poller.register(self.fileno, select.POLLIN)
        poller.register(self._stop_read, select.POLLIN)
        while not self.exit_event.is_set():
            ready = dict(poller.poll(KEY_WAIT_S * 1_000))
            if self._stop_read in ready:
                return
            if self.fileno in ready:
                data = os.read(self.fileno, READ_BYTES)
                if not data:
                    raise OSError("the terminal was closed")
                self._feed(parser, decode(data))
            for message in parser.tick():
                self.process_message(message)

    def _feed(self, parser: XTermParser, text: str) -> None:
        """Turn what was read into events; what no terminal would send is dropped, not raised."""
        with contextlib.suppress(ParseError):
            for message in parser.feed(text):
                self.process_message(message)


def output_fileno() -> int:
    """Where to draw: standard error if it is a terminal, as Textual does, otherwise standard output."""
    for stream in (sys.__stderr__, sys.__stdout__):
        with contextlib.suppress(OSError, ValueError):
            if stream is not None and os.isatty(stream.fileno()):
                return stream.fileno()
    return sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
