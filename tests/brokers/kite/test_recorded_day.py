from __future__ import annotations

import csv
import gzip
import struct
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from core.brokers.kite.stream import KiteStream
from core.domain.quotes import MarketView, Quote
from core.domain.timing import IST, NS_PER_S
from tests.brokers.kite.support import SESSION, StepClock
from tests.brokers.kite.test_ticks import framed

FOLDER = Path(__file__).parents[3].parent / "shared" / "data" / "kite_ticks"
INDEX, CALL, PUT = 256265, 10924290, 10932226
HOLE_NS = 150 * NS_PER_S
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the recorded ticks are not here"),
]


def recorded(token: int) -> list[tuple[int, int]]:
    """Receive times in nanoseconds and last prices in paise of what was recorded, in order."""
    (path,) = FOLDER.glob(f"ticks_*_{token}_2025*.csv.gz")
    with gzip.open(path, "rt") as file:
        rows = [
            (datetime.fromisoformat(row["timestamp"]).replace(tzinfo=IST), int(Decimal(row["ltp"]) * 100))
            for row in csv.DictReader(file)
        ]
    return [(int(at.timestamp()) * NS_PER_S + at.microsecond * 1_000, price) for at, price in rows]


def as_packet(token: int, last: int, seconds: int) -> bytes:
    """The tick as a full packet: an index has no book, an option a touch of five paise around it."""
    if token == INDEX:
        return struct.pack(">6IiI", token, last, last, last, last, last, 0, seconds)
    head = struct.pack(">16I", token, last, *([0] * 9), seconds, 0, 0, 0, seconds)
    levels = [(65, last - 5)] + [(0, 0)] * 4 + [(65, last + 5)] + [(0, 0)] * 4
    return head + b"".join(struct.pack(">IIHH", units, price, 1, 0) for units, price in levels)


@pytest.mark.parametrize(("token", "outages"), [(INDEX, 5), (CALL, 4), (PUT, 4)])
def test_every_outage_of_a_recorded_day_is_seen_within_the_limit_and_none_is_invented(
    token: int, outages: int
) -> None:
    """The index had an outage more, before the options were listened to."""
    clock = StepClock()
    stream = KiteStream(SESSION, clock, lambda: 0.0)
    quotes: dict[str, Quote] = {}
    stream.on_quote(lambda quote: quotes.__setitem__(quote.symbol, quote))
    stream.watch({token: "IT"})
    view = MarketView(quotes=quotes)
    touch = 0 if token == INDEX else 5
    holes = 0
    for (at_ns, price), (next_ns, _) in pairwise(recorded(token)):
        clock.at_ns = at_ns
        stream.take(framed(as_packet(token, price, at_ns // NS_PER_S)))
        quote = view.fresh("IT", at_ns)
        assert quote is not None
        assert quote.last_paise == price
        if touch:
            assert (quote.bid_paise, quote.ask_paise) == (price - touch, price + touch)
        if next_ns - at_ns > HOLE_NS:
            holes += 1
            stream.take(b"\x00")
            limit_ns = at_ns + view.stale_after_ns
            assert not view.is_stale("IT", limit_ns)
            assert view.is_stale("IT", limit_ns + 1), "a heartbeat is no quote"
    assert holes == outages
    assert stream.counters.malformed == 0
