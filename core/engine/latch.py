"""The latch that a flatten leaves behind: a core reads it before it sends anything."""

from __future__ import annotations

import os
from pathlib import Path


class FlattenLatch:
    """A file beside the account's lock that stands until a person resets the kill switch of a core.

    It is the account's and not a journal's: a core finds it whatever journal it keeps.
    """

    def __init__(self, account: Path) -> None:
        self.path = account.with_name(account.name + ".latch")

    def set(self, why: str) -> None:
        """Leave the latch, for its owner alone to read. Raises ``OSError`` where that cannot be done."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, why.encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def read(self) -> str:
        """Why it stands; ``""`` where there is none. One that cannot be read stands as well."""
        try:
            return self.path.read_text("utf-8") or "a flatten left its latch"
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            return f"a flatten left a latch that cannot be read ({error})"

    def clear(self) -> None:
        """A person has reset the kill switch."""
        self.path.unlink(missing_ok=True)
