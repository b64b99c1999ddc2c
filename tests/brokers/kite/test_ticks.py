from __future__ import annotations

import base64
import json
import struct
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.brokers.kite.ticks import (
    Frame,
    Level,
    Ohlc,
    QuoteFrame,
    decode_frame,
    decode_packet,
    decode_quotes,
    quote_from,
)
from core.domain.timing import NS_PER_S
from tests.brokers.kite.support import MOCKS, needs_mocks

NIFTY = 256265
OPTION = 10924290
USDINR = 412675


def framed(*packets: bytes) -> bytes:
    return struct.pack(">H", len(packets)) + b"".join(struct.pack(">H", len(p)) + p for p in packets)


def full_packet(token: int = OPTION, bid: int = 5810, ask: int = 5820, bid_units: int = 650) -> bytes:
    head = struct.pack(
        ">16I", token, 5815, 65, 5800, 130_000, 900, 800, 5500, 6000, 5400, 5600, 7, 11, 12, 10, 9
    )
    bids = b"".join(struct.pack(">IIHH", bid_units, bid - 5 * n, 3 + n, 0) for n in range(5))
    asks = b"".join(struct.pack(">IIHH", 325, ask + 5 * n, 2, 0) for n in range(5))
    return head + bids + asks


def test_one_frame_carries_packets_of_every_length() -> None:
    ltp = struct.pack(">II", OPTION, 5815)
    index = struct.pack(">IIIIIIi", NIFTY, 2_413_000, 2_420_000, 2_400_000, 2_405_000, 2_410_000, -3_000)
    index_full = index + struct.pack(">I", 1_790_000_000)
    quote = full_packet()[:44]
    frame = decode_frame(framed(ltp, index, index_full, quote, full_packet()))
    assert (len(frame.ticks), frame.malformed, frame.unknown) == (5, 0, 0)
    assert frame.ticks[0].last_paise == 5815
    assert frame.ticks[2].exchange_at_ns == 1_790_000_000 * NS_PER_S
    assert frame.ticks[3].bids is None
    assert frame.ticks[4].bids is not None


def test_an_index_packet_has_its_prices_in_another_order_than_a_quote() -> None:
    index = struct.pack(">IIIIIIi", NIFTY, 5, 4, 1, 2, 3, 0)
    tick = decode_packet(index)
    assert tick is not None
    assert tick.ohlc == Ohlc(open_paise=2, high_paise=4, low_paise=1, close_paise=3)
    quote = decode_packet(struct.pack(">11I", OPTION, 5, 0, 0, 0, 0, 0, 2, 4, 1, 3))
    assert quote is not None
    assert quote.ohlc == tick.ohlc


def test_currencies_have_a_divisor_of_their_own() -> None:
    cds = decode_packet(struct.pack(">II", USDINR, 727_550_000))
    bcd = decode_packet(struct.pack(">II", 6, 727_600))
    assert cds is not None
    assert bcd is not None
    assert (cds.last_paise, bcd.last_paise) == (7_276, 7_276)


def test_a_single_byte_is_a_heartbeat_and_nothing_else() -> None:
    assert decode_frame(b"\x00") == Frame(heartbeat=True)


@pytest.mark.parametrize("cut", range(3, 190, 13))
def test_a_frame_cut_short_gives_what_was_whole_and_counts_the_rest(cut: int) -> None:
    whole = framed(struct.pack(">II", OPTION, 1), full_packet())
    frame = decode_frame(whole[:cut])
    assert frame.malformed == 1
    assert len(frame.ticks) == (1 if cut >= 12 else 0)


def test_bytes_after_the_last_packet_are_counted() -> None:
    assert decode_frame(framed() + b"xyz").malformed == 1


def test_a_packet_of_a_length_nobody_documents_is_stepped_over() -> None:
    frame = decode_frame(framed(b"x" * 60, struct.pack(">II", OPTION, 1)))
    assert (len(frame.ticks), frame.unknown, frame.malformed) == (1, 1, 0)


def test_a_quote_without_depth_does_not_wipe_the_bid_and_the_offer() -> None:
    tick = decode_packet(full_packet()[:44])
    assert tick is not None
    assert quote_from(tick, "X", 1) is None


def test_an_index_is_a_quote_of_its_last_price_only() -> None:
    tick = decode_packet(struct.pack(">IIIIIIi", NIFTY, 2_413_000, 0, 0, 0, 0, 0))
    assert tick is not None
    quote = quote_from(tick, "NIFTY 50", 7)
    assert quote is not None
    assert (quote.last_paise, quote.bid_paise, quote.at_ns) == (2_413_000, None, 7)


def test_an_empty_side_of_the_book_is_no_price() -> None:
    tick = decode_packet(full_packet(bid_units=0))
    assert tick is not None
    quote = quote_from(tick, "X", 1)
    assert quote is not None
    assert (quote.bid_paise, quote.bid_units, quote.ask_paise, quote.ask_units) == (None, 0, 5820, 325)


@needs_mocks
def test_the_published_full_packet_decodes_to_its_published_figures() -> None:
    told: dict[str, Any] = json.loads((MOCKS / "ticker_full.json").read_text())
    tick = decode_packet(base64.b64decode((MOCKS / "ticker_full.packet").read_text()))
    assert tick is not None
    assert tick.day is not None
    assert tick.ohlc is not None
    assert tick.interest is not None
    assert (tick.token, tick.last_paise) == (told["instrument_token"], round(told["last_price"] * 100))
    assert tick.day.last_units == told["last_quantity"]
    assert tick.day.average_paise == round(told["average_price"] * 100)
    assert tick.day.volume_units == told["volume"]
    assert (tick.day.buy_units, tick.day.sell_units) == (told["buy_quantity"], told["sell_quantity"])
    ohlc = told["ohlc"]
    assert tick.ohlc == Ohlc(*(round(ohlc[name] * 100) for name in ("open", "high", "low", "close")))
    assert tick.interest.units == told["oi"]
    for at_ns, text in ((tick.traded_at_ns, "last_trade_time"), (tick.exchange_at_ns, "timestamp")):
        assert at_ns == int(datetime.fromisoformat(told[text]).timestamp()) * NS_PER_S
    for levels, side in ((tick.bids, "buy"), (tick.asks, "sell")):
        assert levels == tuple(
            Level(level["quantity"], round(level["price"] * 100), level["orders"])
            for level in told["depth"][side]
        )


@needs_mocks
def test_the_published_ltp_tick_is_what_an_8_byte_packet_says() -> None:
    told = json.loads((MOCKS / "ticker_ltp.json").read_text())
    tick = decode_packet(struct.pack(">II", told["instrument_token"], round(told["last_price"] * 100)))
    assert tick is not None
    assert (tick.token, tick.last_paise / 100) == (told["instrument_token"], told["last_price"])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_quotes_read_in_one_go_are_the_quotes_of_the_ticks(data: st.DataObject) -> None:
    tokens = (OPTION, OPTION + 256, NIFTY, OPTION & ~0xFF | 3)
    packets = []
    for token in data.draw(st.lists(st.sampled_from(tokens), max_size=5)):
        size = data.draw(st.sampled_from((8, 28, 32, 44, 184, 7)))
        body = data.draw(st.binary(min_size=size, max_size=size))
        packets.append(struct.pack(">I", token)[:size] + body[4:])
    frame = framed(*packets)
    frame = frame[: len(frame) - data.draw(st.integers(0, 3))]
    symbols = {token: f"S{token}" for token in tokens[:-1]}
    ticks = decode_frame(frame)
    quotes = [
        quote
        for tick in ticks.ticks
        if tick.token in symbols and (quote := quote_from(tick, symbols[tick.token], 7)) is not None
    ]
    assert decode_quotes(frame, symbols, 7) == QuoteFrame(
        quotes, len(ticks.ticks), ticks.malformed, ticks.unknown
    )
