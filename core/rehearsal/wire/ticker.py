"""The stream's sending end: ticks in the mode asked for, order frames for everybody, a beat in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.brokers.port import StreamBeat, StreamDown, StreamFrame, StreamOrder, StreamUp
from core.domain.timing import Clock
from core.rehearsal.wire.access import Access
from core.rehearsal.wire.desk import Desk
from core.rehearsal.wire.packets import HEARTBEAT, Mode, frame, packet

CONNECTIONS_MAX = 3
TOKENS_MAX = 3_000
WAITING_MAX = 1_000
"""Ticks for a client that does not read are dropped beyond so many waiting messages; order frames never."""
GONE_AWAY = 1001
MODES: tuple[Mode, ...] = ("ltp", "quote", "full")


class Client:
    """One connection: what it has subscribed to, and what waits to be sent to it."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.modes: dict[int, Mode] = {}
        self.waiting: asyncio.Queue[bytes | str | None] = asyncio.Queue()

    def tell(self, message: bytes | str) -> None:
        """Send when its turn comes."""
        if isinstance(message, str) or self.waiting.qsize() < WAITING_MAX:
            self.waiting.put_nowait(message)

    async def send_all(self) -> None:
        """Send what waits until told to stop."""
        while (message := await self.waiting.get()) is not None:
            if isinstance(message, str):
                await self.socket.send_text(message)
            else:
                await self.socket.send_bytes(message)


class Ticker:
    """Kite's stream over a desk. It is a listener of the simulated broker's own stream."""

    def __init__(self, desk: Desk, access: Access, clock: Clock) -> None:
        self._desk = desk
        self._access = access
        self._clock = clock
        self._clients: set[Client] = set()
        self._is_up = True

    def hear(self, said: StreamFrame) -> None:
        """Pass on what the broker's stream says: orders, beats, and its being down."""
        match said:
            case StreamOrder(report):
                text = msgspec.json.encode(self._desk.frame(report)).decode()
                for client in self._clients:
                    client.tell(text)
            case StreamBeat():
                for client in self._clients:
                    client.tell(HEARTBEAT)
            case StreamDown():
                self._is_up = False
                for client in self._clients:
                    client.waiting.put_nowait(None)
            case StreamUp():
                self._is_up = True

    def show(self, symbols: Iterable[str]) -> None:
        """Send the newest quotes of these instruments to whoever subscribed to them."""
        tokens = [self._desk.listing.tokens[symbol] for symbol in symbols]
        for client in self._clients:
            self._tell_ticks(client, tokens)

    async def serve(self, socket: WebSocket) -> None:
        """Live through one connection."""
        query = socket.query_params
        knows = self._access.knows(query.get("api_key", ""), query.get("access_token", ""))
        if not knows or not self._is_up or len(self._clients) >= CONNECTIONS_MAX:
            await socket.close()
            return
        await socket.accept()
        client = Client(socket)
        self._clients.add(client)
        sending = asyncio.create_task(client.send_all())
        hearing = asyncio.create_task(self._listen(client))
        try:
            await asyncio.wait((sending, hearing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clients.discard(client)
            for task in (sending, hearing):
                task.cancel()
            await asyncio.gather(sending, hearing, return_exceptions=True)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(GONE_AWAY)

    async def _listen(self, client: Client) -> None:
        while True:
            message = await client.socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._obey(client, message.get("text") or "")

    def _obey(self, client: Client, text: str) -> None:
        """Subscribe, unsubscribe or change a mode; what cannot be understood is answered with an error."""
        try:
            asked = msgspec.json.decode(text, type=dict[str, object])
        except (msgspec.MsgspecError, RecursionError):
            client.tell('{"type":"error","data":"Invalid message."}')
            return
        what, value = asked.get("a"), asked.get("v")
        if what == "subscribe":
            self._set_mode(client, _tokens(value), "quote", only_new=True)
        elif what == "unsubscribe":
            for token in _tokens(value):
                client.modes.pop(token, None)
        elif what == "mode" and isinstance(value, list) and len(value) == 2 and value[0] in MODES:
            self._set_mode(client, _tokens(value[1]), value[0], only_new=False)

    def _set_mode(self, client: Client, tokens: list[int], mode: Mode, *, only_new: bool) -> None:
        listed = [token for token in tokens if token in self._desk.listing.symbols]
        if len(client.modes.keys() | set(listed)) > TOKENS_MAX:
            client.tell('{"type":"error","data":"Too many instruments."}')
            return
        changed = [token for token in listed if not (only_new and token in client.modes)]
        client.modes |= dict.fromkeys(changed, mode)
        self._tell_ticks(client, changed)

    def _tell_ticks(self, client: Client, tokens: Iterable[int]) -> None:
        now_ns = self._clock.now_ns()
        listing, shown = self._desk.listing, self._desk.tape.shown
        packets = [
            packet(token, shown[symbol], mode, is_index=listing.is_index(symbol), at_ns=now_ns)
            for token in tokens
            if (mode := client.modes.get(token)) is not None and (symbol := listing.symbols[token]) in shown
        ]
        if packets:
            client.tell(frame(packets))


def _tokens(value: object) -> list[int]:
    """JSON numbers only: Kite ignores tokens that are written as strings."""
    if not isinstance(value, list):
        return []
    return [token for token in value if isinstance(token, int) and not isinstance(token, bool)]
