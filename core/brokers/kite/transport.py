"""Requests to Kite over HTTP: headers, pacing, deadlines, and the judgement of every answer.

Only GETs are ever repeated. Time-outs are the network's and run on the event loop's own clock; waiting for a
turn runs on the injected one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import httpx
import msgspec

from core.brokers.kite.errors import MODIFIES_SPENT, Fault, judge, redact, unanswered
from core.brokers.kite.limits import RequestClass, Turnstile
from core.brokers.kite.session import KiteSession
from core.brokers.port import BookUnavailable
from core.domain.orders import Outcome
from core.domain.timing import NS_PER_MS, Clock

TIMEOUT_S = 7.0
"""What the official clients wait."""
READ_PAUSES_MS = (200, 800)
"""Before the second and the third try of a GET, as long as that is within the time-out of the first."""

_JSON = msgspec.json.Encoder(decimal_format="number")
_T = TypeVar("_T")

Params = Sequence[tuple[str, str]]


class _NoAddresses(logging.Filter):
    """Drops httpx's one line a request: its address may carry a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


logging.getLogger("httpx").addFilter(_NoAddresses())


class KiteTransport:
    """One account's connection to Kite's REST interface."""

    def __init__(
        self,
        session: KiteSession,
        clock: Clock,
        *,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._secrets = session.secrets
        self._clock = clock
        self._timeout_s = timeout_s
        self._turnstiles = {kind: Turnstile(clock, kind) for kind in RequestClass}
        self._http = httpx.AsyncClient(
            base_url=session.rest_root,
            headers={
                "X-Kite-Version": "3",
                "Authorization": session.authorization,
                "User-Agent": "hedgerow",
            },
            timeout=None,
            follow_redirects=False,
            transport=transport,
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=8, keepalive_expiry=15),
        )
        self.needs_login = False
        """The session itself was refused, and no answer since has said otherwise."""

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def change(
        self, method: str, path: str, *, form: Params = (), params: Params = ()
    ) -> msgspec.Raw | Fault:
        """Ask for something to be changed, once. Never raises for what a network can do."""
        body = httpx.QueryParams(list(form)) if form else None
        content = str(body).encode() if body is not None else None
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if content is not None else {}
        return await self._once(RequestClass.ORDER, method, path, params, content, headers)

    async def ask(
        self, path: str, questions: Sequence[Mapping[str, Any]], *, params: Params = ()
    ) -> msgspec.Raw:
        """Put a calculation to Kite: a POST that changes nothing, sent once. Raises ``BookUnavailable``."""
        content = _JSON.encode(questions)
        headers = {"Content-Type": "application/json"}
        answer = await self._once(RequestClass.OTHER, "POST", path, params, content, headers)
        if isinstance(answer, Fault):
            raise _unavailable(path, answer)
        return answer

    async def read(
        self, path: str, *, params: Params = (), request_class: RequestClass = RequestClass.OTHER
    ) -> msgspec.Raw:
        """Get something; tried again while there is time. Raises ``BookUnavailable``."""
        gives_up_ns = self._clock.now_ns() + int(self._timeout_s * 1_000) * NS_PER_MS
        for pause_ms in (*READ_PAUSES_MS, None):
            answer = await self._once(request_class, "GET", path, params, None, {})
            if not isinstance(answer, Fault):
                return answer
            if pause_ms is None or not answer.may_pass:
                break
            resumes_ns = self._clock.now_ns() + pause_ms * NS_PER_MS
            if resumes_ns >= gives_up_ns:
                break
            await self._clock.sleep_until(resumes_ns)
        assert isinstance(answer, Fault)
        raise _unavailable(path, answer)

    async def read_file(self, path: str) -> bytes:
        """Get a file as it is (the instrument dumps). Raises ``BookUnavailable``."""
        response = await self._exchange(RequestClass.OTHER, "GET", path, (), None, {})
        if isinstance(response, Fault):
            raise _unavailable(path, response)
        status, body = response
        if status != 200 or body.lstrip()[:1] in (b"<", b"{"):
            judged = judge(status, body, self._secrets)
            fault = judged if isinstance(judged, Fault) else Fault(Outcome.UNKNOWN, "not a file", status)
            raise _unavailable(path, fault)
        return body

    async def _once(
        self,
        request_class: RequestClass,
        method: str,
        path: str,
        params: Params,
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> msgspec.Raw | Fault:
        response = await self._exchange(request_class, method, path, params, content, headers)
        if isinstance(response, Fault):
            return response
        answer = judge(*response, self._secrets)
        if isinstance(answer, Fault):
            self.needs_login = self.needs_login or answer.needs_login
        else:
            self.needs_login = False
        return answer

    async def _exchange(
        self,
        request_class: RequestClass,
        method: str,
        path: str,
        params: Params,
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> tuple[int, bytes] | Fault:
        turnstile = self._turnstiles[request_class]
        await turnstile.pass_through()
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._http.request(
                    method, path, params=list(params) or None, content=content, headers=dict(headers)
                )
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError, OSError) as error:
            return unanswered(error, self._timeout_s, self._secrets)
        if response.status_code == 429 and MODIFIES_SPENT not in response.text.lower():
            turnstile.refused()
        else:
            turnstile.answered()
        return response.status_code, response.content

    def decode(self, path: str, raw: msgspec.Raw, model: type[_T]) -> _T:
        """The raw ``data`` of an answer as its model. Raises ``BookUnavailable``: half a book is none."""
        try:
            return msgspec.json.decode(raw, type=model)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            detail = redact(str(error), self._secrets)
            raise BookUnavailable(f"{path}: Kite's answer is not what its documents say: {detail}") from None


def _unavailable(path: str, fault: Fault) -> BookUnavailable:
    hint = " Log in again: hedgerow login kite." if fault.needs_login else ""
    return BookUnavailable(f"{path}: {fault.message}.{hint}", needs_login=fault.needs_login)
