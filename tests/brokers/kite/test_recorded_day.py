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
CALL, SYMBOL = 10924290, "NIFTY25O1425000CE"
HOLE_NS = 150 * NS_PER_S
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the recorded ticks are not here"),
]


def recorded() -> list[tuple[int, int]]:
    """Receive times in nanoseconds and last prices in paise of the recorded call, in order."""
    (path,) = FOLDER.glob("ticks_CALL_*.csv.gz")
    with gzip.open(path, "rt") as file:
        rows = [
            (datetime.fromisoformat(row["timestamp"]).replace(tzinfo=IST), int(Decimal(row["ltp"]) * 100))
            for row in csv.DictReader(file)
        ]
    return [(int(at.timestamp()) * NS_PER_S + at.microsecond * 1_000, price) for at, price in rows]


def as_full_packet(last: int, seconds: int) -> bytes:
    """The tick as a full packet with a touch of five paise around it."""
    head = struct.pack(">16I", CALL, last, *([0] * 9), seconds, 0, 0, 0, seconds)
    levels = [(65, last - 5)] + [(0, 0)] * 4 + [(65, last + 5)] + [(0, 0)] * 4
    return head + b"".join(struct.pack(">IIHH", units, price, 1, 0) for units, price in levels)


def test_every_outage_of_a_recorded_day_is_seen_within_the_limit_and_none_is_invented() -> None:
    clock = StepClock()
    stream = KiteStream(SESSION, clock, lambda: 0.0)
    quotes: dict[str, Quote] = {}
    stream.on_quote(lambda quote: quotes.__setitem__(quote.symbol, quote))
    stream.watch({CALL: SYMBOL})
    view = MarketView(quotes=quotes)
    holes = 0
    for (at_ns, price), (next_ns, _) in pairwise(recorded()):
        clock.at_ns = at_ns
        stream.take(framed(as_full_packet(price, at_ns // NS_PER_S)))
        quote = view.fresh(SYMBOL, at_ns)
        assert quote is not None
        assert (quote.last_paise, quote.bid_paise, quote.ask_paise) == (price, price - 5, price + 5)
        if next_ns - at_ns > HOLE_NS:
            holes += 1
            stream.take(b"\x00")
            limit_ns = at_ns + view.stale_after_ns
            assert not view.is_stale(SYMBOL, limit_ns)
            assert view.is_stale(SYMBOL, limit_ns + 1), "a heartbeat is no quote"
    assert holes == 4
    assert stream.counters.malformed == 0
