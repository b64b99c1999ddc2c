"""Kite's stream: order news and ticks over one websocket, kept up for ever.

Nothing is replayed after a reconnect and frames come repeated and out of order, so everything here is a hint
to read the books. Kite sends something every couple of seconds; five without a byte are a dead line.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

import msgspec
import websockets

from core.brokers.kite.errors import redact
from core.brokers.kite.models import OrderRow, TextFrame
from core.brokers.kite.session import KiteSession
from core.brokers.kite.ticks import Tick, decode_frame, decode_quotes, quote_from
from core.brokers.kite.translate import order_report
from core.brokers.port import StreamBeat, StreamDown, StreamFrame, StreamListener, StreamOrder, StreamUp
from core.domain.quotes import Quote
from core.domain.timing import NS_PER_MS, NS_PER_S, Clock

TOKENS_MAX = 3_000
"""What one connection may subscribe to."""
SILENCE_NS = 5 * NS_PER_S
BACK_OFF_FIRST_NS = NS_PER_S
BACK_OFF_LAST_NS = 60 * NS_PER_S
BEAT_EVERY_NS = 250 * NS_PER_MS
"""Listeners hear no more often than this that the stream lives: ticks come by the hundred."""
CONNECT_S = 7.0
LARGEST_FRAME = 4 * 1024 * 1024

_quiet = logging.getLogger("hedgerow.kite.wire")
_quiet.setLevel(logging.CRITICAL + 1)
"""The library logs its handshake, address and token included; this logger swallows it."""
_log = logging.getLogger("hedgerow.kite.stream")


@dataclass(slots=True)
class StreamCounters:
    """What the stream has seen since the start."""

    connects: int = 0
    drops: int = 0
    frames: int = 0
    ticks: int = 0
    orders: int = 0
    malformed: int = 0
    """Frames or packets that could not be read, and were skipped."""
    unknown: int = 0
    """Packets of undocumented lengths and text frames of undocumented types."""
    listener_errors: int = 0


class Connection(Protocol):
    """The part of a websocket that is used here."""

    async def send(self, message: str) -> None:
        """Send a text frame."""

    async def recv(self) -> str | bytes:
        """The next frame."""

    async def close(self) -> None:
        """Say goodbye."""


Connector = Callable[[str], contextlib.AbstractAsyncContextManager[Connection]]


@contextlib.asynccontextmanager
async def connect(address: str) -> AsyncIterator[Connection]:
    """A websocket to Kite; its own pings are off, because Kite's heartbeat tells more."""
    async with websockets.connect(
        address,
        additional_headers={"X-Kite-Version": "3"},
        user_agent_header="hedgerow",
        open_timeout=CONNECT_S,
        close_timeout=1,
        ping_interval=None,
        max_size=LARGEST_FRAME,
        logger=_quiet,
    ) as socket:
        yield socket


class KiteStream:
    """One connection's worth of stream. ``run`` keeps it up; everything else may be called at any time."""

    def __init__(
        self,
        session: KiteSession,
        clock: Clock,
        jitter: Callable[[], float],
        *,
        connector: Connector = connect,
    ) -> None:
        """``jitter`` gives numbers in [0, 1): many clients must not come back in the same instant."""
        query = urlencode({"api_key": session.api_key, "access_token": session.access_token})
        self._address = f"{session.stream_root}?{query}"
        self._secrets = session.secrets
        self._clock = clock
        self._jitter = jitter
        self._connector = connector
        self._listeners: list[StreamListener] = []
        self._quote_callbacks: list[Callable[[Quote], None]] = []
        self._tick_callbacks: list[Callable[[Tick, int], None]] = []
        self._notice_callbacks: list[Callable[[str, str], None]] = []
        self._symbols: dict[int, str] = {}
        self._unsent: set[int] = set()
        self._wanted = asyncio.Event()
        self._heard_ns = 0
        self._beat_ns = 0
        self.counters = StreamCounters()
        self.needs_login = False
        """The last handshake was refused for its token."""

    def listen(self, listener: StreamListener) -> None:
        """Call ``listener`` for every frame, in the order of arrival."""
        self._listeners.append(listener)

    def on_quote(self, callback: Callable[[Quote], None]) -> None:
        """Call back with every quote of a watched contract, dated by its arrival."""
        self._quote_callbacks.append(callback)

    def on_tick(self, callback: Callable[[Tick, int], None]) -> None:
        """Call back with every tick and the nanosecond of its arrival."""
        self._tick_callbacks.append(callback)

    def on_notice(self, callback: Callable[[str, str], None]) -> None:
        """Call back with the type (``error`` or ``message``) and text of what Kite says to people."""
        self._notice_callbacks.append(callback)

    def watch(self, symbols: Mapping[int, str]) -> None:
        """Subscribe to contracts in full mode: symbols by instrument token, added to those before.

        Raises ``ValueError`` beyond what one connection may carry; nothing is then subscribed.
        """
        together = self._symbols | dict(symbols)
        if len(together) > TOKENS_MAX:
            raise ValueError(f"{len(together)} instruments asked for; a connection carries {TOKENS_MAX}")
        self._unsent |= together.keys() - self._symbols.keys()
        self._symbols = together
        self._wanted.set()

    async def run(self) -> None:
        """Connect, and again whenever the line is lost, until cancelled."""
        tries = 0
        while True:
            heard_before = self.counters.frames
            reason = await self._one_connection()
            tries = 0 if self.counters.frames > heard_before else tries + 1
            self._tell(StreamDown(reason))
            delay_ns = min(BACK_OFF_LAST_NS, BACK_OFF_FIRST_NS << min(tries, 6))
            spread_ns = int(delay_ns * (0.5 + 0.5 * self._jitter()))
            await self._clock.sleep_until(self._clock.now_ns() + spread_ns)

    async def _one_connection(self) -> str:
        """Live through one connection; why it ended."""
        try:
            async with self._connector(self._address) as socket:
                self.counters.connects += 1
                self.needs_login = False
                self._heard_ns = self._clock.now_ns()
                self._unsent = set(self._symbols)
                self._wanted.set()
                try:
                    return await self._live(socket)
                finally:
                    self.counters.drops += 1
        except websockets.InvalidStatus as error:
            status = error.response.status_code
            self.needs_login = status in (401, 403)
            hint = "; log in again: hedgerow login kite" if self.needs_login else ""
            return f"Kite refused the stream (HTTP {status}){hint}"
        except (websockets.WebSocketException, OSError, TimeoutError, EOFError) as error:
            return self._words(error)

    async def _live(self, socket: Connection) -> str:
        """Run the three parts of a connection until one of them ends; why."""
        parts = [
            asyncio.create_task(self._receive(socket)),
            asyncio.create_task(self._subscribe(socket)),
            asyncio.create_task(self._watch_silence()),
        ]
        self._tell(StreamUp())
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        error = next(iter(done)).exception()
        return self._words(error) if error else f"nothing heard for {SILENCE_NS // NS_PER_S} s"

    async def _subscribe(self, socket: Connection) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._unsent:
                tokens, self._unsent = sorted(self._unsent), set()
                for message in subscription(tokens):
                    await socket.send(message)

    async def _watch_silence(self) -> None:
        while (dead_ns := self._heard_ns + SILENCE_NS) > self._clock.now_ns():
            await self._clock.sleep_until(dead_ns)

    async def _receive(self, socket: Connection) -> None:
        while True:
            self.take(await socket.recv())

    def take(self, frame: str | bytes) -> None:
        """Act on one frame as it came; never raises for what is in it."""
        now_ns = self._heard_ns = self._clock.now_ns()
        self.counters.frames += 1
        if isinstance(frame, bytes):
            self._take_ticks(frame, now_ns)
        else:
            self._take_text(frame)
        if now_ns - self._beat_ns >= BEAT_EVERY_NS:
            self._beat_ns = now_ns
            self._tell(StreamBeat())

    def _take_quotes(self, frame: bytes, now_ns: int) -> None:
        decoded = decode_quotes(frame, self._symbols, now_ns)
        self.counters.malformed += decoded.malformed
        self.counters.unknown += decoded.unknown
        self.counters.ticks += decoded.ticks
        for quote in decoded.quotes:
            for on_quote in self._quote_callbacks:
                self._guarded(on_quote, quote)

    def _take_ticks(self, frame: bytes, now_ns: int) -> None:
        if not self._tick_callbacks:
            self._take_quotes(frame, now_ns)
            return
        decoded = decode_frame(frame)
        self.counters.malformed += decoded.malformed
        self.counters.unknown += decoded.unknown
        self.counters.ticks += len(decoded.ticks)
        for tick in decoded.ticks:
            for on_tick in self._tick_callbacks:
                self._guarded(on_tick, tick, now_ns)
            symbol = self._symbols.get(tick.token)
            quote = quote_from(tick, symbol, now_ns) if symbol is not None else None
            if quote is not None:
                for on_quote in self._quote_callbacks:
                    self._guarded(on_quote, quote)

    def _take_text(self, frame: str) -> None:
        try:
            text = msgspec.json.decode(frame, type=TextFrame)
            if text.type == "order":
                report = order_report(msgspec.json.decode(text.data, type=OrderRow))
                self.counters.orders += 1
                if report is not None:
                    self._tell(StreamOrder(report))
            elif text.type in ("error", "message"):
                said = redact(str(msgspec.json.decode(text.data)), self._secrets)
                for on_notice in self._notice_callbacks:
                    self._guarded(on_notice, text.type, said)
            else:
                self.counters.unknown += 1
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self.counters.malformed += 1

    def _tell(self, frame: StreamFrame) -> None:
        for listener in self._listeners:
            self._guarded(listener, frame)

    def _guarded(self, callback: Callable[..., None], *arguments: object) -> None:
        """A listener that fails must not take the stream from the others."""
        try:
            callback(*arguments)
        except Exception as error:
            self.counters.listener_errors += 1
            _log.error("a listener of the stream failed: %s", self._words(error))

    def _words(self, error: BaseException) -> str:
        detail = redact(str(error), self._secrets)
        return f"{type(error).__name__}: {detail}" if detail else type(error).__name__


def subscription(tokens: Iterable[int]) -> tuple[str, str]:
    """The two messages that subscribe tokens in full mode; tokens are JSON numbers, strings are ignored."""
    listed = list(tokens)
    return (
        msgspec.json.encode({"a": "subscribe", "v": listed}).decode(),
        msgspec.json.encode({"a": "mode", "v": ["full", listed]}).decode(),
    )
