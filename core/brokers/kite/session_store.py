"""Where the day's session is kept: the system's keyring, or a file for its owner only where there is none."""

from __future__ import annotations

import importlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from core.brokers.kite.session import KiteSession

SERVICE = "hedgerow"
ENTRY = "kite-session"
ELSEWHERE = "-elsewhere"
"""What the names of the slot for sessions of other addresses than Kite's own end on."""


class Keyring(Protocol):
    """The part of a keyring that is used here."""

    def get_password(self, service: str, username: str) -> str | None:
        """What is kept under a name, ``None`` if nothing is."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep something under a name."""

    def delete_password(self, service: str, username: str) -> None:
        """Forget it."""


class SessionUnreadable(Exception):
    """A session is stored and cannot be used; says what to do."""


def system_keyring() -> Keyring | None:
    """The system's keyring, or ``None`` where none can keep anything (a server, a container)."""
    try:
        backend: Any = importlib.import_module("keyring").get_keyring()
        usable = float(backend.priority) > 0
    except Exception:
        # Backends fail in ways of their own (D-Bus, locked wallets); any of them means the file is used.
        return None
    return backend if usable else None


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is written: the session, and when it was saved."""

    session: KiteSession
    saved_ns: int


class SessionStore:
    """Keeps one Kite session. ``keyring`` ``None`` means the file in ``folder``.

    The slot ``elsewhere`` is apart, so that a rehearsal never replaces the day's real session.
    """

    def __init__(self, folder: Path, keyring: Keyring | None, *, elsewhere: bool = False) -> None:
        self._entry = ENTRY + ELSEWHERE if elsewhere else ENTRY
        self._path = folder / f"{self._entry}.json"
        self._keyring = keyring

    def save(self, session: KiteSession, saved_ns: int) -> str:
        """Keep a session of this moment and say where. Raises ``OSError`` if neither place takes it."""
        text = msgspec.json.encode(_Kept(session, saved_ns)).decode()
        if self._keyring is not None:
            try:
                self._keyring.set_password(SERVICE, self._entry, text)
            except Exception:
                # A keyring that is there and refuses (locked, no prompt over ssh) must not stop a login.
                pass
            else:
                self._path.unlink(missing_ok=True)
                return "the system keyring"
        self._write(text)
        return str(self._path)

    def load(self) -> KiteSession | None:
        """The stored session, ``None`` if there is none. Raises ``SessionUnreadable``."""
        # A keyring that refused a newer session, and was unlocked since, still holds an older one.
        kept = [_kept(text) for text in (self._from_keyring(), self._from_file()) if text is not None]
        newest = max(kept, key=lambda each: each.saved_ns, default=None)
        return None if newest is None else newest.session

    def forget(self) -> str:
        """Remove the session from wherever it is kept; an empty string, or what may still hold it and why.

        Raises ``OSError`` where the file cannot be removed.
        """
        self._path.unlink(missing_ok=True)
        try:
            if self._keyring is not None and self._keyring.get_password(SERVICE, self._entry) is not None:
                self._keyring.delete_password(SERVICE, self._entry)
        except Exception as error:
            # Backends fail in ways of their own; the file is gone, and the person must hear of the rest.
            return f"the system keyring may still hold it ({type(error).__name__}): unlock it and try again"
        return ""

    def _from_keyring(self) -> str | None:
        if self._keyring is None:
            return None
        try:
            return self._keyring.get_password(SERVICE, self._entry)
        except Exception:
            # See save: the file may hold what a refusing keyring did not take.
            return None

    def _from_file(self) -> str | None:
        try:
            with self._path.open(encoding="utf-8") as file:
                if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                    raise SessionUnreadable(
                        f"{self._path} can be read by others, so its token counts as known to them. "
                        "Log out everywhere in Kite, then log in again here."
                    )
                return file.read()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SessionUnreadable(f"{self._path} cannot be read ({error}). Log in again.") from None

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        beside.replace(self._path)


def _kept(text: str) -> _Kept:
    try:
        return msgspec.json.decode(text, type=_Kept)
    except (msgspec.MsgspecError, RecursionError):
        raise SessionUnreadable("The stored Kite session is damaged. Log in again.") from None
