"""Trading a request token for the day's session, and giving it back."""

from __future__ import annotations

import asyncio

import httpx
import msgspec

from core.brokers.kite.errors import Fault, judge, redact, unanswered
from core.brokers.kite.models import SessionGrant
from core.brokers.kite.session import REST_ROOT, STREAM_ROOT, KiteSession, checksum, expires_ns
from core.brokers.kite.stamps import stamp_ns
from core.brokers.kite.transport import TIMEOUT_S, KiteTransport


class LoginRefused(Exception):
    """There is no session; says why and what to do, without a secret."""


async def exchange_token(
    api_key: str,
    api_secret: str,
    request_token: str,
    now_ns: int,
    *,
    rest_root: str = REST_ROOT,
    stream_root: str = STREAM_ROOT,
    transport: httpx.AsyncBaseTransport | None = None,
) -> KiteSession:
    """The session that a request token is good for, once and within minutes. Raises ``LoginRefused``."""
    secrets = (api_secret, request_token)
    form = {
        "api_key": api_key,
        "request_token": request_token,
        "checksum": checksum(api_key, request_token, api_secret),
    }
    headers = {"X-Kite-Version": "3", "User-Agent": "hedgerow"}
    try:
        async with (
            httpx.AsyncClient(base_url=rest_root, headers=headers, timeout=None, transport=transport) as http,
            asyncio.timeout(TIMEOUT_S),
        ):
            response = await http.post("/session/token", data=form)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
        fault = unanswered(error, TIMEOUT_S, secrets)
        said = fault.message.rstrip(".")
        raise LoginRefused(f"Kite did not answer the login: {said}. Try again.") from None
    answer = judge(response.status_code, response.content, secrets)
    if isinstance(answer, Fault):
        raise LoginRefused(
            f"Kite refused the login: {answer.message}. A request token is good once and for a few minutes: "
            "open the login address again, and check the key and the secret of the app."
        )
    try:
        grant = msgspec.json.decode(answer, type=SessionGrant)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise LoginRefused(f"Kite's answer holds no session ({redact(str(error), secrets)}).") from None
    return KiteSession(
        api_key,
        grant.access_token,
        grant.user_id,
        expires_ns(stamp_ns(grant.login_time) or now_ns),
        rest_root,
        stream_root,
    )


async def give_back(transport: KiteTransport, session: KiteSession) -> str:
    """Log out at Kite; an empty string, or why it did not work."""
    params = [("api_key", session.api_key), ("access_token", session.access_token)]
    answer = await transport.change("DELETE", "/session/token", params=params)
    return answer.message if isinstance(answer, Fault) else ""
