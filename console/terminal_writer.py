"""A writer that never makes the loop wait for a terminal.

Textual's own writer queues thirty frames and then blocks the event loop, and with it everything else that
runs there, until the terminal reads again (measured: 2.8 s after six seconds of ctrl-S). This one drops
whole frames instead and asks for a full repaint once the terminal has read what it was given.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable

BACKLOG_BYTES = 128 * 1024
"""About eight full frames: more is not waited for, it is dropped."""
END_WAIT_S = 0.1
"""How long the end waits for the last bytes; a terminal that reads takes under a millisecond."""
END_SYNCHRONISED_UPDATE = b"\x1b[?2026l"
"""Sent after a drop: the end of an update may have been among what was dropped."""


class TerminalWriter:
    """Writes in a thread of its own, which is abandoned if the terminal never reads again.

    ``write`` may be called from any thread and returns at once. ``on_drained`` is called from the writer's
    thread when everything accepted has been written after something was dropped; ``on_lost`` when the
    terminal is gone. What is accepted is written whole, so that no escape sequence is ever cut.
    """

    def __init__(
        self,
        fileno: int,
        *,
        on_drained: Callable[[], None] = lambda: None,
        on_lost: Callable[[OSError], None] = lambda error: None,
        backlog_bytes: int = BACKLOG_BYTES,
    ) -> None:
        self._fileno = fileno
        self._on_drained = on_drained
        self._on_lost = on_lost
        self._backlog_bytes = backlog_bytes
        self._waiting: deque[bytes] = deque()
        self._wake = threading.Condition()
        self._pending_bytes = 0
        self._dropping = False
        self._ending = False
        self.lost = False
        self.dropped = 0
        """Writes that were dropped so far."""
        self._thread = threading.Thread(target=self._run, name="hedgerow-terminal", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    @property
    def is_caught_up(self) -> bool:
        """Whether everything handed over has reached the terminal."""
        with self._wake:
            return not self._dropping and self._pending_bytes == 0

    def write(self, text: str) -> None:
        """Take the text, or drop it whole while the terminal is behind or gone."""
        data = text.encode("utf-8", "replace")
        with self._wake:
            if self.lost or self._ending:
                return
            if self._dropping or (
                self._pending_bytes and self._pending_bytes + len(data) > self._backlog_bytes
            ):
                self._dropping = True
                self.dropped += 1
                return
            self._accept(data)

    def stop(self) -> bool:
        """Write what is waiting, at most for ``END_WAIT_S``, and end; whether the thread ended in time."""
        with self._wake:
            self._ending = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(END_WAIT_S)
        return not self._thread.is_alive()

    def write_last(self, text: str) -> None:
        """Take the text even while dropping: what restores the terminal must follow if anything does."""
        with self._wake:
            if not (self.lost or self._ending):
                self._accept(text.encode("utf-8", "replace"))

    def _accept(self, data: bytes) -> None:
        self._waiting.append(data)
        self._pending_bytes += len(data)
        self._wake.notify()

    def _run(self) -> None:
        try:
            while (data := self._next()) is not None:
                self._write_whole(data)
                self._written(len(data))
        except OSError as error:
            with self._wake:
                self.lost = True
                self._waiting.clear()
                self._pending_bytes = 0
            self._on_lost(error)

    def _next(self) -> bytes | None:
        with self._wake:
            while not self._waiting and not self._ending:
                self._wake.wait()
            return self._waiting.popleft() if self._waiting else None

    def _written(self, size: int) -> None:
        with self._wake:
            self._pending_bytes -= size
            drained = self._dropping and self._pending_bytes == 0
            if drained:
                self._dropping = False
                self._accept(END_SYNCHRONISED_UPDATE)
        if drained:
            self._on_drained()

    def _write_whole(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fileno, view) :]
