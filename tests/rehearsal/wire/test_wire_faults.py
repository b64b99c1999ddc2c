from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from core.brokers.paper.faults import BookFault, NoFaults, ReplyFault, RequestFault
from core.brokers.port import BookUnavailable, OrderRequest, Reply, StreamDown, StreamOrder, StreamUp
from core.domain.instruments import Product, Side
from core.domain.orders import OrderType, Outcome
from core.domain.timing import NS_PER_S
from tests.brokers.simulated import strikes
from tests.rehearsal.wire.serving import Served, served


def request(tag: str, limit_paise: int = 97_00) -> OrderRequest:
    near, _ = strikes()
    return OrderRequest(
        tag, near.symbol, near.exchange, Product.NRML, Side.BUY, near.lot_units, OrderType.LIMIT, limit_paise
    )


def tell(story: Callable[[Served], Awaitable[None]], **options: Any) -> None:
    async def play() -> None:
        async with served(**options) as at:
            await story(at)

    asyncio.run(play())


class LosesFirstReply(NoFaults):
    """The first order arrives; nobody is told."""

    def on_request(self, kind: Any, n: int, now_ns: int) -> RequestFault | None:
        lost = Reply(Outcome.UNKNOWN, message="the request timed out")
        return RequestFault(answer=lost, answer_after_ns=NS_PER_S) if n == 0 else None


def test_an_order_whose_reply_is_lost_is_unknown_and_found_by_its_tag() -> None:
    async def story(at: Served) -> None:
        reply = await at.kite.rest.place(request("lost1"))
        assert reply.outcome is Outcome.UNKNOWN
        await at.settle()
        assert [row.tags for row in await at.kite.rest.orders()] == [("lost1",)]

    tell(story, faults=LosesFirstReply())


class AnswersWithAPage(NoFaults):
    """Every first reply is replaced by a gateway's page."""

    def on_reply(self, kind: Any, n: int, reply: Reply, now_ns: int) -> ReplyFault | None:
        return ReplyFault(Reply(Outcome.UNKNOWN, message="bad gateway")) if n == 0 else None


def test_a_gateways_page_leaves_an_order_unknown_too() -> None:
    async def story(at: Served) -> None:
        reply = await at.kite.rest.place(request("page1"))
        assert reply.outcome is Outcome.UNKNOWN
        assert "HTTP 502" in reply.message
        assert len(await at.kite.rest.orders()) == 1

    tell(story, faults=AnswersWithAPage())


class BreaksBooks(NoFaults):
    """No book can be read."""

    def on_book(self, kind: Any, n: int, now_ns: int) -> BookFault | None:
        return BookFault(error=BookUnavailable("down"))


def test_a_book_that_fails_is_unavailable_and_not_empty() -> None:
    async def story(at: Served) -> None:
        for read in (at.kite.rest.orders, at.kite.rest.trades, at.kite.rest.positions):
            with pytest.raises(BookUnavailable):
                await read()

    tell(story, faults=BreaksBooks())


class LosesAndRepeatsFrames(NoFaults):
    """The first order frame is lost, every later one comes twice."""

    def __init__(self) -> None:
        self.seen = 0

    def on_frame(self, n: int, frame: Any, now_ns: int) -> tuple[int, ...]:
        if not isinstance(frame, StreamOrder):
            return (0,)
        self.seen += 1
        return () if self.seen == 1 else (0, 0)


def test_lost_and_repeated_frames_travel_the_wire_as_they_are() -> None:
    faults = LosesAndRepeatsFrames()

    async def story(at: Served) -> None:
        await at.kite.rest.place(request("frames1"))
        await at.kite.rest.place(request("frames2"))
        await at.settle()
        reports = [frame.report for frame in at.frames if isinstance(frame, StreamOrder)]
        assert len(reports) == 2 * (faults.seen - 1)
        assert reports[0] == reports[1]

    tell(story, faults=faults)


def test_a_dropped_stream_goes_down_and_comes_back() -> None:
    async def story(at: Served) -> None:
        at.world.broker.stream.drop("the test says so")
        await at.settle()
        assert any(isinstance(frame, StreamDown) for frame in at.frames)
        at.world.broker.stream.restore()
        for _ in range(8):
            await at.settle()
        kinds = [type(frame) for frame in at.frames if isinstance(frame, (StreamUp, StreamDown))]
        assert kinds[0] is StreamUp
        assert kinds[-1] is StreamUp
        before = len(at.frames)
        await at.kite.rest.place(request("again1"))
        await at.settle()
        assert any(isinstance(frame, StreamOrder) for frame in at.frames[before:])

    tell(story)


def test_the_eleventh_order_of_a_second_is_a_429() -> None:
    near, _ = strikes()
    form = {
        "exchange": "NFO",
        "tradingsymbol": near.symbol,
        "transaction_type": "BUY",
        "order_type": "LIMIT",
        "quantity": "65",
        "product": "NRML",
        "price": "97",
    }

    async def story(at: Served) -> None:
        headers = {"X-Kite-Version": "3", "Authorization": "token akey:access"}
        async with httpx.AsyncClient(base_url=at.ready.rest, headers=headers) as http:
            answers = await asyncio.gather(*(http.post("/orders/regular", data=form) for _ in range(25)))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 429}
        refused = next(answer.json() for answer in answers if answer.status_code == 429)
        assert refused["error_type"] == "NetworkException"
        assert refused["message"] == "Too many requests"

    tell(story, speed=1.0)


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({}, 400, "InputException"),
        ({"X-Kite-Version": "3"}, 403, "TokenException"),
        ({"X-Kite-Version": "3", "Authorization": "token akey:wrong"}, 403, "TokenException"),
        ({"X-Kite-Version": "3", "Authorization": "Bearer akey:access"}, 403, "TokenException"),
        (
            {"X-Kite-Version": "3", "Authorization": "token \u00e9:\u00e9".encode("latin-1")},
            403,
            "TokenException",
        ),
    ],
)
def test_headers_are_enforced(headers: dict[str, Any], status: int, error: str) -> None:
    async def story(at: Served) -> None:
        async with httpx.AsyncClient(base_url=at.ready.rest) as http:
            answer = await http.get("/orders", headers=headers)
        assert (answer.status_code, answer.json()["error_type"]) == (status, error)

    tell(story)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PATCH", "/orders", 405)])
def test_a_path_that_kite_does_not_have_is_refused_in_its_envelope(
    method: str, path: str, status: int
) -> None:
    async def story(at: Served) -> None:
        async with httpx.AsyncClient(base_url=at.ready.rest) as http:
            answer = await http.request(method, path)
        assert (answer.status_code, answer.json()["error_type"]) == (status, "GeneralException")

    tell(story)


@pytest.mark.parametrize("path", ["/margins/orders", "/margins/basket", "/orders/regular", "/orders/amo"])
@pytest.mark.parametrize(
    "body", [b"", b"[", b"[1]", b'[{"quantity":"x"}]', b"\xff\xfe", b"price=NaN", b"[{}]"]
)
def test_a_body_that_makes_no_sense_is_a_400(path: str, body: bytes) -> None:
    async def story(at: Served) -> None:
        headers = {"X-Kite-Version": "3", "Authorization": "token akey:access"}
        async with httpx.AsyncClient(base_url=at.ready.rest, headers=headers) as http:
            answer = await http.post(path, content=body)
        if path.startswith("/orders") or body:
            assert answer.status_code == 400
        assert answer.json()["status"] == "error"

    tell(story)
