"""The daily session: from a login address to an access token that dies at six in the morning.

Source: kite.trade/docs/connect/v3/user. Tokens and secrets are never part of a ``repr``, and nothing here
writes to a log.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import time, timedelta
from urllib.parse import parse_qs, quote, urlsplit

from core.domain.timing import from_ist, to_ist

LOGIN_ROOT = "https://kite.zerodha.com"
REST_ROOT = "https://api.kite.trade"
STREAM_ROOT = "wss://ws.kite.trade"
DIES_AT = time(6, 0)


@dataclass(frozen=True, slots=True)
class KiteSession:
    """One day's permission to act for an account. ``access_token`` is a secret."""

    api_key: str
    access_token: str = field(repr=False)
    user_id: str
    expires_ns: int
    rest_root: str = REST_ROOT
    stream_root: str = STREAM_ROOT

    @property
    def authorization(self) -> str:
        """The value of the ``Authorization`` header; a secret."""
        return f"token {self.api_key}:{self.access_token}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return (self.access_token,)

    @property
    def addresses(self) -> tuple[str, str]:
        """Where REST and the stream are."""
        return self.rest_root, self.stream_root

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is of another address than Kite's own: mostly a simulated exchange."""
        return self.addresses != (REST_ROOT, STREAM_ROOT)

    def is_alive(self, at_ns: int) -> bool:
        """Whether the token has not yet reached its daily end; it can be revoked before."""
        return at_ns < self.expires_ns


def expires_ns(login_ns: int) -> int:
    """The first 06:00 IST after a login: the token of an early bird is not trusted past its first one."""
    moment = to_ist(login_ns)
    day = moment.date() if moment.time() < DIES_AT else moment.date() + timedelta(days=1)
    return from_ist(day, DIES_AT)


def login_address(api_key: str, root: str = LOGIN_ROOT) -> str:
    """Where a person logs in; the browser is then sent on to the app's own address with a request token."""
    return f"{root}/connect/login?v=3&api_key={quote(api_key, safe='')}"


def checksum(api_key: str, request_token: str, api_secret: str) -> str:
    """What proves that the token exchange comes from the app's owner."""
    return hashlib.sha256(f"{api_key}{request_token}{api_secret}".encode()).hexdigest()


def request_token_in(pasted: str) -> str:
    """The request token in what a person pasted: the token itself, or the whole address they landed on.

    Raises ``ValueError`` in words for that person.
    """
    pasted = pasted.strip()
    if "request_token=" in pasted:
        query = urlsplit(pasted).query or pasted.partition("?")[2] or pasted
        pasted = parse_qs(query).get("request_token", [""])[0]
    if not pasted or not pasted.isalnum():
        raise ValueError("That holds no request token. Paste the whole address your browser ended on.")
    return pasted
