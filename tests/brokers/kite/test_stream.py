from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
import websockets
from websockets.asyncio.server import ServerConnection, serve

from core.brokers.kite.stream import Connection, KiteStream
from core.brokers.port import StreamBeat, StreamDown, StreamFrame, StreamOrder, StreamUp
from core.domain.orders import OrderStatus
from core.domain.quotes import Quote
from core.domain.timing import NS_PER_S
from tests.brokers.kite.support import ACCESS_TOKEN, SESSION, HeldClock, StepClock, order_row
from tests.brokers.kite.test_ticks import NIFTY, OPTION, framed, full_packet


class Line:
    """A websocket that says what it was told to, then breaks or falls silent."""

    def __init__(self, *frames: str | bytes | Exception) -> None:
        self._frames = list(frames)
        self.sent: list[str] = []

    async def send(self, message: str) -> None:
        self.sent.append(message)

    async def recv(self) -> str | bytes:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if not self._frames:
            await asyncio.Event().wait()
        frame = self._frames.pop(0)
        if isinstance(frame, Exception):
            raise frame
        return frame

    async def close(self) -> None:
        pass


def stream_over(
    *lines: Line | Exception, clock: StepClock | None = None, jitter: float = 0.999999
) -> tuple[KiteStream, list[str], asyncio.Event]:
    """A stream whose connections are these lines, one after the other; set when none is left."""
    waiting = list(lines)
    addresses: list[str] = []
    exhausted = asyncio.Event()

    @contextlib.asynccontextmanager
    async def connector(address: str) -> AsyncIterator[Connection]:
        addresses.append(address)
        if not waiting:
            exhausted.set()
            await asyncio.Event().wait()
        line = waiting.pop(0)
        if isinstance(line, Exception):
            raise line
        yield line

    return (
        KiteStream(SESSION, clock or StepClock(), lambda: jitter, connector=connector),
        addresses,
        exhausted,
    )


async def run_out(stream: KiteStream, exhausted: asyncio.Event) -> None:
    """Run the stream until it has used up its lines."""
    task = asyncio.create_task(stream.run())
    async with asyncio.timeout(5):
        await exhausted.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def heard(stream: KiteStream) -> list[StreamFrame]:
    frames: list[StreamFrame] = []
    stream.listen(frames.append)
    return frames


def order_frame(**changes: object) -> str:
    return json.dumps({"type": "order", "data": order_row(**changes)})


def test_after_every_reconnect_everything_is_subscribed_again() -> None:
    async def story() -> tuple[Line, Line, list[StreamFrame]]:
        first = Line(b"\x00", ConnectionResetError("gone"))
        second = Line(b"\x00", ConnectionResetError("gone"))
        stream, _, exhausted = stream_over(first, second)
        frames = heard(stream)
        stream.watch({OPTION: "X", NIFTY: "NIFTY 50"})
        await run_out(stream, exhausted)
        return first, second, frames

    first, second, frames = asyncio.run(story())
    tokens = sorted([OPTION, NIFTY])
    wanted = [{"a": "subscribe", "v": tokens}, {"a": "mode", "v": ["full", tokens]}]
    assert [json.loads(m) for m in first.sent] == wanted
    assert [json.loads(m) for m in second.sent] == wanted
    kinds = [type(frame) for frame in frames if not isinstance(frame, StreamBeat)]
    assert kinds == [StreamUp, StreamDown, StreamUp, StreamDown]


def test_what_is_watched_later_is_subscribed_on_the_open_line() -> None:
    async def story() -> list[str]:
        line = Line(b"\x00")
        stream, _, _ = stream_over(line, clock=HeldClock())
        task = asyncio.create_task(stream.run())
        stream.watch({1: "A"})
        for _ in range(5):
            await asyncio.sleep(0)
        stream.watch({1: "A", 2: "B"})
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return line.sent

    sent = [json.loads(message)["v"] for message in asyncio.run(story())]
    assert sent[0] == [1]
    assert [2] in sent


def test_five_silent_seconds_are_a_dead_line() -> None:
    async def story() -> tuple[list[StreamFrame], int]:
        clock = StepClock()
        started_ns = clock.now_ns()
        stream, _, exhausted = stream_over(Line(), clock=clock)
        frames = heard(stream)
        await run_out(stream, exhausted)
        return frames, clock.now_ns() - started_ns

    frames, took_ns = asyncio.run(story())
    assert StreamDown("nothing heard for 5 s") in frames
    assert 5 * NS_PER_S <= took_ns <= 8 * NS_PER_S


def test_back_off_doubles_to_a_minute_and_starts_again_after_a_good_line() -> None:
    async def story() -> list[float]:
        clock = StepClock()
        times: list[int] = []
        lines: list[Line | Exception] = [OSError("no route") for _ in range(8)]
        lines += [Line(b"\x00", ConnectionResetError("gone"))]
        stream, _, exhausted = stream_over(*lines, clock=clock)
        stream.listen(lambda f: times.append(clock.now_ns()) if isinstance(f, StreamDown) else None)
        await run_out(stream, exhausted)
        times.append(clock.now_ns())
        return [round((b - a) / NS_PER_S) for a, b in itertools.pairwise(times)]

    waits = asyncio.run(story())
    assert waits[:7] == [2, 4, 8, 16, 32, 60, 60]
    assert waits[-1] == 1


def test_jitter_spreads_a_wait_over_its_upper_half() -> None:
    async def story(jitter: float) -> int:
        clock = StepClock()
        started_ns = clock.now_ns()
        stream, _, exhausted = stream_over(OSError("no"), clock=clock, jitter=jitter)
        await run_out(stream, exhausted)
        return clock.now_ns() - started_ns

    assert (asyncio.run(story(0.0)), asyncio.run(story(0.5))) == (NS_PER_S, 3 * NS_PER_S // 2)


def test_an_order_frame_reaches_its_listeners_translated_and_in_order() -> None:
    stream = KiteStream(SESSION, StepClock(), lambda: 0.0)
    frames = heard(stream)
    stream.take(order_frame(status="UPDATE", filled_quantity=30))
    stream.take(order_frame(status="COMPLETE", filled_quantity=65))
    reports = [frame.report for frame in frames if isinstance(frame, StreamOrder)]
    assert [(r.status, r.filled_units) for r in reports] == [
        (OrderStatus.OPEN, 30),
        (OrderStatus.COMPLETE, 65),
    ]


@pytest.mark.parametrize(
    "frame",
    [
        b"\x00\x02\x00\x08abc",
        "not json",
        "[]",
        '{"type":"order"}',
        '{"type":"order","data":{"order_id":"1"}}',
        order_frame(quantity="x"),
        order_frame(transaction_type="HOLD"),
        '{"type":5}',
        b"",
        '{"type":"order","data":' + "[" * 50_000 + "]" * 50_000 + "}",
    ],
)
def test_a_malformed_frame_is_counted_and_skipped(frame: str | bytes) -> None:
    stream = KiteStream(SESSION, StepClock(), lambda: 0.0)
    frames = heard(stream)
    stream.take(frame)
    assert stream.counters.malformed == 1
    stream.take(order_frame())
    assert any(isinstance(f, StreamOrder) for f in frames)


def test_quotes_of_watched_contracts_are_dated_by_their_arrival() -> None:
    clock = StepClock()
    stream = KiteStream(SESSION, clock, lambda: 0.0)
    quotes: list[Quote] = []
    stream.on_quote(quotes.append)
    stream.watch({OPTION: "NIFTY2690124350CE"})
    stream.take(framed(full_packet(), full_packet(token=999)))
    (quote,) = quotes
    assert (quote.symbol, quote.at_ns) == ("NIFTY2690124350CE", clock.now_ns())
    assert (quote.bid_paise, quote.bid_units, quote.ask_paise) == (5810, 650, 5820)


def test_more_instruments_than_a_connection_carries_are_refused_whole() -> None:
    stream = KiteStream(SESSION, StepClock(), lambda: 0.0)
    with pytest.raises(ValueError, match="3000"):
        stream.watch({token: str(token) for token in range(3_001)})


def test_a_listener_that_fails_takes_nothing_from_the_others() -> None:
    stream = KiteStream(SESSION, StepClock(), lambda: 0.0)

    def broken(frame: StreamFrame) -> None:
        raise RuntimeError("mine")

    stream.listen(broken)
    frames = heard(stream)
    stream.take(order_frame())
    assert any(isinstance(f, StreamOrder) for f in frames)
    assert stream.counters.listener_errors > 0


def test_beats_are_thinned_out() -> None:
    clock = StepClock()
    stream = KiteStream(SESSION, clock, lambda: 0.0)
    frames = heard(stream)
    for _ in range(100):
        stream.take(b"\x00")
        clock.at_ns += NS_PER_S // 100
    assert len(frames) == 4


def test_what_kite_says_to_people_is_passed_on_without_secrets() -> None:
    stream = KiteStream(SESSION, StepClock(), lambda: 0.0)
    notices: list[tuple[str, str]] = []
    stream.on_notice(lambda kind, text: notices.append((kind, text)))
    stream.take(json.dumps({"type": "error", "data": f"bad access_token={ACCESS_TOKEN}"}))
    assert notices == [("error", "bad access_token=***")]


def over_sockets(
    handler: Callable[[ServerConnection], object],
    use: Callable[[KiteStream], object],
    refuse: int | None = None,
) -> KiteStream:
    """Run a stream against a real websocket server on loopback until ``use`` returns true for it."""

    async def story() -> KiteStream:
        async def handle(socket: ServerConnection) -> None:
            result = handler(socket)
            if asyncio.iscoroutine(result):
                await result

        def gate(socket: ServerConnection, asked: websockets.Request) -> websockets.Response | None:
            return socket.respond(refuse, "no") if refuse else None

        async with serve(handle, "127.0.0.1", 0, process_request=gate) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            session = replace(SESSION, stream_root=f"ws://127.0.0.1:{port}")
            stream = KiteStream(session, HeldClock(), lambda: 0.0)
            stream.watch({OPTION: "X"})
            done = asyncio.Event()
            stream.listen(lambda frame: done.set() if use(stream) else None)
            stream.on_tick(lambda tick, at_ns: done.set() if use(stream) else None)
            task = asyncio.create_task(stream.run())
            async with asyncio.timeout(5):
                await done.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return stream

    return asyncio.run(story())


def test_over_a_real_socket_the_address_carries_the_session_and_ticks_arrive() -> None:
    seen: list[str] = []

    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen.append(socket.request.path)
        seen.append(socket.request.headers["X-Kite-Version"])
        seen.append(str(await socket.recv()))
        seen.append(str(await socket.recv()))
        await socket.send(b"\x00")
        await socket.send(framed(full_packet()))
        await socket.wait_closed()

    stream = over_sockets(handler, lambda s: s.counters.ticks > 0 or s.counters.drops > 3)
    assert stream.counters.ticks == 1
    assert seen[0] == f"/?api_key=akey&access_token={ACCESS_TOKEN}"
    assert seen[1] == "3"
    assert json.loads(seen[2]) == {"a": "subscribe", "v": [OPTION]}


def test_a_refused_handshake_says_to_log_in_again() -> None:
    stream = over_sockets(lambda socket: None, lambda s: s.needs_login, refuse=403)
    assert stream.needs_login
