from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest
from websockets.asyncio.server import ServerConnection, serve

from core.brokers.kite.rest import KiteRest
from core.brokers.kite.stream import KiteStream
from core.brokers.kite.transport import KiteTransport
from core.brokers.port import BookUnavailable, StreamDown, StreamFrame
from tests.brokers.kite.support import ACCESS_TOKEN, SESSION, HeldClock, StepClock, request
from tests.brokers.kite.test_ugly_answers import http, read_request


def test_a_session_does_not_show_its_token() -> None:
    assert ACCESS_TOKEN not in repr(SESSION)
    assert ACCESS_TOKEN not in str(SESSION)


def test_no_log_at_any_level_holds_the_token_of_a_request(caplog: pytest.LogCaptureFixture) -> None:
    """Even where the broker's own error repeats it."""
    body = f'{{"status":"error","message":"bad {ACCESS_TOKEN}","error_type":"InputException"}}'.encode()

    async def story() -> list[str]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(http("400 Bad Request", body))
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = KiteTransport(replace(SESSION, rest_root=f"http://127.0.0.1:{port}"), StepClock())
        rest = KiteRest(transport)
        texts = [(await rest.place(request())).message]
        try:
            await rest.orders()
        except BookUnavailable as error:
            texts.append(str(error))
        path = f"/session/token?access_token={ACCESS_TOKEN}"
        await transport.change("DELETE", path)
        await transport.aclose()
        server.close()
        return texts

    with caplog.at_level(logging.DEBUG):
        texts = asyncio.run(story())
    assert len(texts) == 2
    assert ACCESS_TOKEN not in caplog.text + "".join(texts)


def test_no_log_at_any_level_holds_the_token_of_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> list[StreamFrame]:
        quiet = logging.getLogger("tests.quiet")
        quiet.setLevel(logging.CRITICAL)

        async def drop(socket: ServerConnection) -> None:
            await socket.send(b"\x00")
            await socket.close(1011, f"token {ACCESS_TOKEN} is odd")

        async with serve(drop, "127.0.0.1", 0, logger=quiet) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            session = replace(SESSION, stream_root=f"ws://127.0.0.1:{port}")
            stream = KiteStream(session, HeldClock(), lambda: 0.0)
            frames: list[StreamFrame] = []
            over = asyncio.Event()
            stream.listen(frames.append)
            stream.listen(lambda frame: over.set() if isinstance(frame, StreamDown) else None)
            task = asyncio.create_task(stream.run())
            async with asyncio.timeout(5):
                await over.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return frames

    with caplog.at_level(logging.DEBUG):
        frames = asyncio.run(story())
    assert any(isinstance(frame, StreamDown) for frame in frames)
    assert ACCESS_TOKEN not in caplog.text + repr(frames)


def test_a_stream_address_that_cannot_be_opened_is_told_without_its_token() -> None:
    async def story() -> str:
        session = replace(SESSION, stream_root="ws://127.0.0.1:1")
        stream = KiteStream(session, HeldClock(), lambda: 0.0)
        reasons: list[str] = []
        over = asyncio.Event()

        def hear(frame: StreamFrame) -> None:
            if isinstance(frame, StreamDown):
                reasons.append(frame.reason)
                over.set()

        stream.listen(hear)
        task = asyncio.create_task(stream.run())
        async with asyncio.timeout(5):
            await over.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return reasons[0]

    reason = asyncio.run(story())
    assert reason
    assert ACCESS_TOKEN not in reason
