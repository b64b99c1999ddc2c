"""Where the program keeps things on this machine."""

from __future__ import annotations

from pathlib import Path

import platformdirs

from core.brokers.kite.session import KiteSession
from core.brokers.kite.session_store import SessionStore, system_keyring


def config_folder() -> Path:
    """The user's settings, and the broker's session where there is no keyring."""
    return platformdirs.user_config_path("hedgerow")


def data_folder() -> Path:
    """Journals and instrument dumps."""
    return platformdirs.user_data_path("hedgerow")


def kite_sessions() -> SessionStore:
    """Where the Kite session of the day is kept."""
    return SessionStore(config_folder(), system_keyring())


def account_lock(session: KiteSession, *, paper: bool) -> Path:
    """What is locked so that two programs never trade one account, whatever journals they keep.

    A simulated exchange has an account of its own for every key.
    """
    data_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    name = session.api_key if session.user_id == "wire" else session.user_id
    return data_folder() / f"{'paper' if paper else 'account'}-{name}"
