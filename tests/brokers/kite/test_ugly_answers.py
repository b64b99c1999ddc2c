"""What really comes over a socket when things go wrong, from a small server that misbehaves on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from core.brokers.kite.rest import KiteRest
from core.brokers.kite.transport import KiteTransport
from core.brokers.port import BookUnavailable, Reply
from core.domain.orders import Outcome
from tests.brokers.kite.support import SESSION, StepClock, request

Misbehaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(status: str, body: bytes, *, kind: str = "application/json", claims: int | None = None) -> bytes:
    length = len(body) if claims is None else claims
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


async def read_request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))


def saying(answer: bytes) -> Misbehaviour:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    return behave


async def reset_after_the_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.transport.abort()


async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await reader.read()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Always another byte within any single read's patience, and never the last one."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


GOOD = b'{"status":"success","data":{"order_id":"1"}}'
UGLY: dict[str, Misbehaviour] = {
    "an HTML 502": saying(http("502 Bad Gateway", b"<html>nginx</html>", kind="text/html")),
    "an HTML 200": saying(http("200 OK", b"<html>maintenance</html>", kind="text/html")),
    "an HTML 400": saying(http("400 Bad Request", b"<html>cloudflare</html>", kind="text/html")),
    "JSON cut short": saying(http("200 OK", GOOD[:-9])),
    "a body shorter than it claims": saying(http("200 OK", GOOD, claims=len(GOOD) + 50)),
    "no HTTP at all": saying(b"\x00\x01\x02 what?\r\n\r\n"),
    "nothing, then a close": saying(b""),
    "a reset after the request": reset_after_the_request,
    "silence": never_answer,
    "an answer that never ends": drip,
    "a redirect": saying(http("302 Found", b"")),
}


def against(behave: Misbehaviour, use: Callable[[KiteRest], Awaitable[object]]) -> tuple[object, int]:
    """Run ``use`` against a server that behaves so; what it returned, and how often it was asked."""

    async def story() -> tuple[object, int]:
        asked = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            asked += 1
            try:
                await behave(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        session = replace(SESSION, rest_root=f"http://127.0.0.1:{port}")
        transport = KiteTransport(session, StepClock(), timeout_s=0.3)
        try:
            return await use(KiteRest(transport)), asked
        finally:
            await transport.aclose()
            server.close()

    return asyncio.run(story())


@pytest.mark.parametrize("name", UGLY)
def test_an_order_answered_so_is_unknown_and_was_sent_once(name: str) -> None:
    reply, asked = against(UGLY[name], lambda rest: rest.place(request()))
    assert isinstance(reply, Reply)
    assert reply.outcome is Outcome.UNKNOWN
    assert asked == 1


@pytest.mark.parametrize("name", UGLY)
def test_a_book_answered_so_is_no_book(name: str) -> None:
    async def read(rest: KiteRest) -> object:
        with pytest.raises(BookUnavailable) as caught:
            await rest.orders()
        return caught.value

    error, _ = against(UGLY[name], read)
    assert isinstance(error, BookUnavailable)
    assert not error.needs_login


def test_a_refused_connection_is_unknown() -> None:
    async def story() -> Reply:
        transport = KiteTransport(
            replace(SESSION, rest_root="http://127.0.0.1:1"), StepClock(), timeout_s=0.3
        )
        try:
            return await KiteRest(transport).place(request())
        finally:
            await transport.aclose()

    assert asyncio.run(story()).outcome is Outcome.UNKNOWN


def test_a_good_answer_over_the_same_kind_of_socket_is_confirmed() -> None:
    reply, _ = against(saying(http("200 OK", GOOD)), lambda rest: rest.place(request()))
    assert reply == Reply(Outcome.CONFIRMED, "1")
