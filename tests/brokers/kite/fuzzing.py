"""A seeded mutator over real frames and bodies, and everything of the adapter that reads them.

Nothing here waits or opens a socket: the coroutines of the adapter run to their end in one step.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Coroutine
from typing import Any

from core.brokers.kite.errors import Fault
from core.brokers.kite.rest import KiteRest
from core.brokers.kite.stream import KiteStream
from core.brokers.kite.transport import KiteTransport
from core.brokers.port import BookUnavailable, OrderChange, Reply
from core.domain.orders import OrderType
from tests.brokers.kite.support import MOCKS, SESSION, StepClock, order_row, request
from tests.brokers.kite.test_ticks import NIFTY, OPTION, framed, full_packet

INTERESTING = (
    b"",
    b"null",
    b"0",
    b"-1",
    b"1e400",
    b"[]",
    b"{}",
    b'"',
    b"\x00",
    b"\xff",
    b"NaN",
    b"\\u0000",
    b"1e9999999",
)
STATUSES = (200, 200, 200, 200, 400, 403, 404, 429, 500, 502, 503, 301)


class Served(KiteTransport):
    """Answers every request with the one body it was given."""

    status = 200
    body = b""

    async def _exchange(self, *_: Any) -> tuple[int, bytes] | Fault:
        return self.status, self.body


class Instant(StepClock):
    """Waiting takes no step of the loop."""

    async def sleep_until(self, deadline_ns: int) -> None:
        self.at_ns = max(self.at_ns, deadline_ns)


def at_once(coroutine: Coroutine[Any, Any, object]) -> object:
    """The result of a coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return finished.value
    raise AssertionError("the coroutine waited for something")


def ticks() -> list[bytes]:
    """Frames of every kind."""
    ltp = struct.pack(">II", OPTION, 5815)
    index = struct.pack(">IIIIIIi", NIFTY, 2_413_000, 2_420_000, 2_400_000, 2_405_000, 2_410_000, -3_000)
    index_full = index + struct.pack(">I", 1_790_000_000)
    packets = [ltp, index, index_full, full_packet()[:44], full_packet()]
    return [b"\x00", framed(), *(framed(p) for p in packets), framed(*packets)]


PUBLISHED = {
    "orders": ("orders.json",),
    "trades": ("trades.json",),
    "positions": ("positions.json",),
    "funds": ("margins.json",),
    "basket": ("basket_margins.json",),
    "profile": ("profile.json",),
    "change": ("order_response.json", "order_modify.json", "order_cancel.json"),
}


def bodies() -> dict[str, list[bytes]]:
    """Replies by who reads them: of our own making, and the published ones where they lie here."""
    trade: dict[str, Any] = {"trade_id": "1", "order_id": "2", "exchange": "NFO", "tradingsymbol": "X"}
    trade |= {"product": "NRML", "transaction_type": "BUY", "quantity": 65, "average_price": 58.15}
    position: dict[str, Any] = {"exchange": "NFO", "tradingsymbol": "X", "product": "NRML", "quantity": -65}
    position |= {"overnight_quantity": 0, "average_price": 57.3}
    error = {"error": {"code": 400, "error_type": "MarginException", "message": "no", "data": None}}
    datas: dict[str, list[Any]] = {
        "orders": [[order_row(), order_row(status="CANCELLED", filled_quantity=30)], []],
        "trades": [[trade], [trade, trade | {"trade_id": 7}]],
        "positions": [{"net": [position], "day": []}],
        "funds": [{"equity": {"net": 10.5, "available": {"collateral": 1}, "utilised": {"debits": 2}}}],
        "basket": [{"initial": {"total": 1.5}, "final": {"total": 2}}],
        "profile": [{"user_id": "AB1234"}],
        "change": [
            {"order_id": "1953341975595868160"},
            {"order_id": "7", "children": [{"order_id": "8"}, error]},
            [{"order_id": "8"}, error],
        ],
    }
    made = {
        name: [json.dumps({"status": "success", "data": data}).encode() for data in examples]
        for name, examples in datas.items()
    }
    if MOCKS.is_dir():
        for name, files in PUBLISHED.items():
            made[name] += [(MOCKS / file).read_bytes() for file in files]
    made["dump"] = [b"instrument_token,exchange_token,tradingsymbol\n1,2,X\n"]
    made["trouble"] = [
        b'{"status":"error","message":"no","error_type":"InputException","data":null}',
        b"<html><body>502 Bad Gateway</body></html>",
    ]
    return made


def texts() -> list[bytes]:
    """Text frames of the stream."""
    frames = [
        {"type": "order", "data": order_row(status="UPDATE")},
        {"type": "error", "data": "sorry"},
        {"type": "message", "data": {"a": 1}},
    ]
    return [json.dumps(frame).encode() for frame in frames]


def mutate(draw: random.Random, seed: bytes, other: bytes) -> bytes:
    """One to four damages: flipped bytes, cuts, repetitions, splices, and values that hurt."""
    data = bytearray(seed)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        at = draw.randrange(len(data) + 1)
        kind = draw.randrange(7)
        if kind == 0 and data:
            data[at % len(data)] = draw.randrange(256)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at : at + draw.randint(1, 16)]
        elif kind == 3:
            data[at:at] = draw.choice(INTERESTING)
        elif kind == 4:
            data[at:at] = data[at : at + draw.randint(1, 64)] * draw.randint(1, 3)
        elif kind == 5:
            data[at:] = other[draw.randrange(len(other) + 1) :]
        elif data:
            data[at % len(data)] ^= 1 << draw.randrange(8)
    return bytes(data)


class KiteFuzz:
    """Feeds the adapter damage, input after input. Anything but a refusal in its own words is a crash."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._transport = Served(SESSION, Instant())
        self._rest = KiteRest(self._transport)
        self._stream = KiteStream(SESSION, Instant(), lambda: 0.0)
        self._stream.watch({OPTION: "X", NIFTY: "NIFTY 50"})
        self._ticks, self._bodies, self._texts = ticks(), bodies(), texts()
        self._kinds = sorted(self._bodies)
        self._reads: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "orders": self._rest.orders,
            "trades": self._rest.trades,
            "positions": self._rest.positions,
            "funds": self._rest.funds,
            "profile": self._rest.profile,
            "dump": self._rest.instruments,
            "basket": lambda: self._rest.basket_margin(()),
        }
        self._readers = sorted(self._reads)
        change = OrderChange(OrderType.LIMIT, 65, 5_800)
        self._changes: list[Callable[[], Coroutine[Any, Any, object]]] = [
            lambda: self._rest.place(request()),
            lambda: self._rest.modify(str(self._draw.random()), change),
            lambda: self._rest.cancel("9"),
        ]
        self.read_well = 0
        self.refused = 0
        self.last = b""
        """The input that is being tried, for whoever has to look at a crash."""

    def run(self, inputs: int) -> None:
        """Try so many inputs. Raises whatever the adapter should not have raised."""
        for _ in range(inputs):
            kind = self._draw.randrange(4)
            if kind == 0:
                self._frame(self._ticks, binary=True)
            elif kind == 1:
                self._frame(self._texts, binary=False)
            else:
                self._answer()

    def _frame(self, seeds: list[bytes], *, binary: bool) -> None:
        frame = mutate(self._draw, self._draw.choice(seeds), self._draw.choice(seeds))
        self.last = frame
        before = self._stream.counters.malformed
        self._stream.take(frame if binary else frame.decode("utf-8", "replace"))
        if self._stream.counters.malformed == before:
            self.read_well += 1
        else:
            self.refused += 1

    def _answer(self) -> None:
        """Damage to what the reader expects, and now and then to something else altogether."""
        draw = self._draw
        reader = "change" if draw.random() < 0.3 else draw.choice(self._readers)
        of = reader if draw.random() < 0.8 else draw.choice(self._kinds)
        body, other = draw.choice(self._bodies[of]), draw.choice(self._bodies[draw.choice(self._kinds)])
        self._transport.body = self.last = mutate(draw, body, other)
        self._transport.status = draw.choice(STATUSES)
        if reader == "change":
            assert isinstance(at_once(draw.choice(self._changes)()), Reply)
            return
        try:
            at_once(self._reads[reader]())
            self.read_well += 1
        except BookUnavailable:
            self.refused += 1
