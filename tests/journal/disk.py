"""A disk that forgets what was not synced: an SQLite VFS which knows what a power cut would leave.

SQLite works on real files; beside them each file's durable content is kept. A write becomes durable when its
file is synced. What a cut leaves of the rest is up to the drive: nothing, a prefix, or any torn subset.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import apsw

SECTOR = 512
Change = tuple[int, bytes | None]
"""A write at an offset, or, without bytes, a truncation to it."""


@dataclass
class FileOnDisk:
    """One file: what is surely on the platter, and what is on its way there in order."""

    durable: bytes = b""
    on_the_way: list[Change] = field(default_factory=list)

    def after_cut(self, choice: random.Random) -> bytes:
        """What a power cut now might leave."""
        kind = choice.choice(("nothing", "prefix", "torn"))
        if kind == "nothing":
            kept: list[Change] = []
        elif kind == "prefix":
            kept = self.on_the_way[: choice.randrange(len(self.on_the_way) + 1)]
        else:
            kept = [
                piece for change in self.on_the_way for piece in _sectors(change) if choice.random() < 0.5
            ]
        return _applied(self.durable, kept)

    def sync(self) -> None:
        """Everything written so far is on the platter."""
        self.durable = _applied(self.durable, self.on_the_way)
        self.on_the_way.clear()


class ForgetfulDisk(apsw.VFS):
    """The VFS. ``on_operation`` is called before each write and each sync: a moment for a power cut."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.files: dict[str, FileOnDisk] = {}
        self.on_operation: Callable[[], None] = lambda: None
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:
            return apsw.VFSFile("", None, flags)
        return _File(self, self.files.setdefault(Path(path).name, FileOnDisk()), name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.files.pop(Path(filename).name, None)
        super().xDelete(filename, syncdir)

    def after_cut(self, choice: random.Random) -> dict[str, bytes]:
        """The content of every file as a power cut now might leave it."""
        return {name: file.after_cut(choice) for name, file in self.files.items()}


class _File(apsw.VFSFile):
    def __init__(
        self, disk: ForgetfulDisk, file: FileOnDisk, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        self._disk = disk
        self._file = file
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.on_operation()
        super().xWrite(data, offset)
        self._file.on_the_way.append((offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._file.on_the_way.append((newsize, None))

    def xSync(self, flags: int) -> None:
        self._disk.on_operation()
        super().xSync(flags)
        self._file.sync()


def _sectors(change: Change) -> list[Change]:
    offset, data = change
    if data is None:
        return [change]
    return [(offset + at, data[at : at + SECTOR]) for at in range(0, len(data), SECTOR)]


def _applied(content: bytes, changes: list[Change]) -> bytes:
    image = bytearray(content)
    for offset, data in changes:
        if data is None:
            del image[offset:]
            continue
        if len(image) < offset:
            image.extend(bytes(offset - len(image)))
        image[offset : offset + len(data)] = data
    return bytes(image)
