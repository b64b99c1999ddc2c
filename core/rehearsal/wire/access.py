"""Who may talk to the exchange: the app's key and secret, request tokens, access tokens, and read limits."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta

from core.brokers.paper import refusals
from core.brokers.paper.refusals import Refusal
from core.domain.timing import NS_PER_S, Clock, from_ist, to_ist

BAD_TOKEN = Refusal(403, "TokenException", "Incorrect `api_key` or `access_token`.")
BAD_REQUEST_TOKEN = Refusal(403, "TokenException", "Token is invalid or has expired.")
BAD_CHECKSUM = Refusal(403, "TokenException", "Invalid `checksum`.")
BAD_VERSION = Refusal(400, "InputException", "Missing or unknown `X-Kite-Version` header.")
READS_A_SECOND = {"quote": 1, "other": 10}
REQUEST_TOKEN_LIVES_NS = 300 * NS_PER_S
DIES_AT = time(6, 0)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the exchange announces when it is ready."""

    api_key: str
    api_secret: str = field(repr=False)
    request_token: str = field(repr=False)
    access_token: str = field(repr=False)


class Access:
    """One app and one user. Access tokens die at six in the morning, request tokens after one use."""

    def __init__(self, credentials: Credentials, clock: Clock, mint: Callable[[], str]) -> None:
        self._credentials = credentials
        self._clock = clock
        self._mint = mint
        now_ns = clock.now_ns()
        self._access = {credentials.access_token: self._dies_ns(now_ns)}
        self._requests = {credentials.request_token: now_ns + REQUEST_TOKEN_LIVES_NS * 288}
        self._reads: dict[str, tuple[int, int]] = {}

    def refuse_headers(self, headers: Mapping[str, str]) -> Refusal | None:
        """Why a request with these headers is not let in."""
        if headers.get("x-kite-version") != "3":
            return BAD_VERSION
        word, _, pair = headers.get("authorization", "").partition(" ")
        key, _, token = pair.partition(":")
        if word != "token" or not self.knows(key, token):
            return BAD_TOKEN
        return None

    def knows(self, api_key: str, access_token: str) -> bool:
        """Whether this pair may act now."""
        dies_ns = self._access.get(access_token, 0)
        return self.is_app(api_key) and self._clock.now_ns() < dies_ns

    def is_app(self, api_key: str) -> bool:
        """Whether this is the app's key."""
        return hmac.compare_digest(api_key.encode(), self._credentials.api_key.encode())

    def new_request_token(self) -> str:
        """A person has logged in."""
        token = self._mint()
        self._requests[token] = self._clock.now_ns() + REQUEST_TOKEN_LIVES_NS
        return token

    def exchange(self, form: Mapping[str, str]) -> str | Refusal:
        """An access token for a request token, or why not."""
        request_token = form.get("request_token", "")
        expected = f"{self._credentials.api_key}{request_token}{self._credentials.api_secret}"
        checksum = hashlib.sha256(expected.encode()).hexdigest()
        if not self.is_app(form.get("api_key", "")):
            return BAD_TOKEN
        if not hmac.compare_digest(form.get("checksum", "").encode(), checksum.encode()):
            return BAD_CHECKSUM
        if self._requests.pop(request_token, 0) <= self._clock.now_ns():
            return BAD_REQUEST_TOKEN
        now_ns = self._clock.now_ns()
        known = self._credentials.access_token
        token = known if self.knows(self._credentials.api_key, known) else self._mint()
        self._access[token] = self._dies_ns(now_ns)
        return token

    def new_public_token(self) -> str:
        """What Kite hands out beside the access token; it opens nothing here."""
        return self._mint()

    def end(self, access_token: str) -> None:
        """Log out."""
        self._access.pop(access_token, None)

    def refuse_read(self, kind: str) -> Refusal | None:
        """Too many reads of a kind in this calendar second."""
        second = self._clock.now_ns() // NS_PER_S
        at, count = self._reads.get(kind, (second, 0))
        count = count + 1 if at == second else 1
        self._reads[kind] = (second, count)
        return refusals.TOO_MANY_REQUESTS if count > READS_A_SECOND[kind] else None

    @staticmethod
    def _dies_ns(now_ns: int) -> int:
        now = to_ist(now_ns)
        day = now.date() if now.time() < DIES_AT else now.date() + timedelta(days=1)
        return from_ist(day, DIES_AT)
