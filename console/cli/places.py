"""Where the program keeps things on this machine."""

from __future__ import annotations

import re
from pathlib import Path

import platformdirs

from console.cli.addresses import OWN, place_of
from core.brokers.kite.session import KiteSession
from core.brokers.kite.session_store import SessionStore, system_keyring


def config_folder() -> Path:
    """The user's settings, and the broker's session where there is no keyring."""
    return platformdirs.user_config_path("hedgerow")


def data_folder() -> Path:
    """Journals and instrument dumps."""
    return platformdirs.user_data_path("hedgerow")


def kite_sessions(*, elsewhere: bool = False) -> SessionStore:
    """Where the Kite session of the day is kept, or that of another address, in a slot of its own."""
    return SessionStore(config_folder(), system_keyring(), elsewhere=elsewhere)


def journal_name(addresses: tuple[str, str], *, paper: bool) -> str:
    """The file of the default journal: a simulated exchange has one of its own, for every address."""
    money = "paper" if paper else "live"
    if addresses == OWN:
        return f"{money}.db"
    return f"{'exchange-paper' if paper else 'exchange'}-{_file_part(addresses[0])}.db"


def kept_dump(session: KiteSession) -> Path | None:
    """Where the day's instrument dump is kept; nowhere where it is not Kite's own."""
    return None if session.is_elsewhere else data_folder() / "instruments.csv"


def account_lock(session: KiteSession, *, paper: bool) -> Path:
    """What is locked so that two programs never trade one account, whatever journals they keep.

    A simulated exchange has one account, so its address names it, whoever is said to be logged in.
    """
    data_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    name = _file_part(session.rest_root) if session.is_elsewhere else session.user_id
    return data_folder() / f"{'paper' if paper else 'account'}-{name}"


def _file_part(rest_root: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", place_of(rest_root))
