"""What the tests of the Kite adapter share: a clock that moves when waited for, and scripted answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from core.brokers.kite.rest import KiteRest
from core.brokers.kite.session import KiteSession
from core.brokers.kite.transport import KiteTransport
from core.brokers.port import OrderRequest
from core.domain.instruments import Product, Side
from core.domain.orders import OrderType
from core.domain.timing import NS_PER_S

MOCKS = Path(__file__).parents[3].parent / "shared" / "kite-mocks"
ACCESS_TOKEN = "tokenThatNobodyMaySee"
SESSION = KiteSession("akey", ACCESS_TOKEN, "AB1234", 10**19, "http://kite.test", "ws://stream.test")
START_NS = 1_790_000_000 * NS_PER_S

needs_mocks = pytest.mark.skipif(not MOCKS.is_dir(), reason="the published example replies are not here")


class StepClock:
    """Waiting moves the time instead of taking it."""

    def __init__(self, now_ns: int = START_NS) -> None:
        self.at_ns = now_ns

    def now_ns(self) -> int:
        return self.at_ns

    async def sleep_until(self, deadline_ns: int) -> None:
        await asyncio.sleep(0)
        self.at_ns = max(self.at_ns, deadline_ns)

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> None:
        raise NotImplementedError("the adapter only reads the time and waits")


class HeldClock(StepClock):
    """Time stands still: whoever waits, waits."""

    async def sleep_until(self, deadline_ns: int) -> None:
        if deadline_ns > self.at_ns:
            await asyncio.Event().wait()


class Scripted:
    """Answers requests one after the other as written, and keeps what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def ok(data: Any) -> httpx.Response:
    """A success of Kite."""
    return httpx.Response(200, json={"status": "success", "data": data})


def refused(status: int, error_type: str, message: str = "no") -> httpx.Response:
    """A refusal of Kite."""
    body = {"status": "error", "message": message, "error_type": error_type, "data": None}
    return httpx.Response(status, json=body)


def rest_with(script: Callable[[httpx.Request], httpx.Response], clock: StepClock | None = None) -> KiteRest:
    """The adapter over scripted answers."""
    return KiteRest(transport_with(script, clock))


def transport_with(
    script: Callable[[httpx.Request], httpx.Response], clock: StepClock | None = None
) -> KiteTransport:
    """The transport over scripted answers."""
    return KiteTransport(SESSION, clock or StepClock(), transport=httpx.MockTransport(script))


def request(**changes: Any) -> OrderRequest:
    """A plain order of ours."""
    fields: dict[str, Any] = {
        "tag": "abc123g1l0c0a0",
        "symbol": "NIFTY2690124350CE",
        "exchange": "NFO",
        "product": Product.NRML,
        "side": Side.SELL,
        "units": 65,
        "order_type": OrderType.LIMIT,
        "limit_paise": 5815,
    }
    return OrderRequest(**(fields | changes))


def order_row(**changes: Any) -> dict[str, Any]:
    """An order as Kite's book shows it."""
    fields: dict[str, Any] = {
        "order_id": "1953341975595868160",
        "exchange_order_id": "1000000001482421",
        "parent_order_id": None,
        "status": "OPEN",
        "status_message": None,
        "status_message_raw": None,
        "order_timestamp": "2026-09-01 09:20:01",
        "exchange_update_timestamp": "2026-09-01 09:20:02",
        "variety": "regular",
        "exchange": "NFO",
        "tradingsymbol": "NIFTY2690124350CE",
        "instrument_token": 10924290,
        "order_type": "LIMIT",
        "transaction_type": "SELL",
        "validity": "DAY",
        "product": "NRML",
        "quantity": 65,
        "price": 58.15,
        "trigger_price": 0,
        "average_price": 0,
        "filled_quantity": 0,
        "pending_quantity": 65,
        "cancelled_quantity": 0,
        "market_protection": 0,
        "meta": {},
        "tag": "abc123g1l0c0a0",
        "tags": ["abc123g1l0c0a0"],
    }
    return fields | changes


def mock(name: str) -> Any:
    """The ``data`` of a published example reply."""
    body = json.loads((MOCKS / name).read_text())
    return body["data"] if "status" in body and "data" in body else body


def mock_raw(name: str) -> msgspec.Raw:
    """The same, undecoded."""
    return msgspec.Raw(msgspec.json.encode(mock(name)))
