"""A real pseudo-terminal with a program in it, for the tests that take the terminal away."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 90.0
"""How long a state is waited for: far more than a machine needs, so that only what never comes fails."""


class Terminal:
    """A pseudo-terminal of 160x50 with a child in it; ``reading`` says whether anybody reads its screen.

    ``command`` is a module and its arguments, run by this interpreter; ``report`` is the file it leaves.
    """

    def __init__(self, report: Path, *command: str, **environment: str) -> None:
        self.report = report
        self.master, slave = pty.openpty()
        self.resize(160, 50)
        self.text = bytearray()
        self.reading = True
        self.closed = False
        # A size that the environment claims, as in a worker of pytest-xdist, would hide this terminal's own.
        not_ours = ("NO_COLOR", "COLUMNS", "LINES")
        inherited = {name: value for name, value in os.environ.items() if name not in not_ours}
        environment = {**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
        self.child = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while not self.closed:
            if self.reading and select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self.master, 65_536)
                except OSError:
                    return
            elif not self.reading:
                time.sleep(0.02)

    def wait_for(self, text: bytes) -> None:
        """Wait until this has been drawn."""
        self.wait_until(lambda: text in self.text, f"{text!r} was never drawn")

    def wait_until(self, come: Callable[[], bool], otherwise: str) -> None:
        """Wait for a state; fails with ``otherwise`` if it never comes."""
        end = time.monotonic() + PATIENCE_S
        while not come():
            assert time.monotonic() < end, otherwise
            assert self.child.poll() is None, f"the process ended; {otherwise}"
            time.sleep(0.02)

    def type_until(self, keys: bytes, text: bytes) -> None:
        """Press keys, once a second, until this has been drawn.

        A machine that stands still for a moment reads an Escape and the key behind it as one, or a key before
        the signal that was sent first.
        """
        again = time.monotonic()

        def come() -> bool:
            nonlocal again
            if text in self.text:
                return True
            if time.monotonic() >= again:
                self.type(keys)
                again = time.monotonic() + 1.0
            return False

        self.wait_until(come, f"{text!r} was never drawn")

    def wait_for_last(self, text: bytes) -> None:
        """Wait for words that the child has written before it ended."""
        end = time.monotonic() + PATIENCE_S
        while text not in self.text:
            assert time.monotonic() < end, f"{text!r} was never written"
            time.sleep(0.02)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, as its window does; the child is told by SIGWINCH."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def close(self) -> None:
        """Close the terminal as closing its window does: the process is hung up on."""
        self.closed = True
        self._reader.join(2)
        os.close(self.master)

    def result(self, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """The child's report."""
        self.child.wait(timeout_s)
        assert self.report.exists(), f"no report; exit status {self.child.returncode}"
        told: dict[str, Any] = json.loads(self.report.read_text(encoding="utf-8"))
        return told

    def end(self) -> None:
        """Nothing of it is left."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(5)
        if not self.closed:
            self.close()
