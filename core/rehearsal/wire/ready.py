"""What an exchange announces when it can be reached: everything that a client needs to know."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

START_PATH = "/market/start"
"""Not Kite's: starts a market that is held, so that a client can make ready first."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What is printed, as one JSON line, once the exchange can be reached."""

    rest: str
    stream: str
    api_key: str
    api_secret: str
    request_token: str
    access_token: str

    def line(self) -> str:
        """One JSON object; it is meant for the program that started the exchange, and holds its secrets."""
        return msgspec.json.encode(self).decode()
