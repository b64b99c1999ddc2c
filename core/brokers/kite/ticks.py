"""The stream's binary frames: packets of ticks, big-endian.

A frame is a count of packets, then each packet with its length before it. The length says what a packet is:
8 last price, 28 and 32 an index, 44 a quote, 184 a quote with five levels of depth. One byte alone is a
heartbeat. Damage is counted and skipped. Source: kite.trade/docs/connect/v3/websocket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct

from core.domain.quotes import Quote
from core.domain.timing import NS_PER_S

INDEX_SEGMENT = 9
DIVISORS: dict[int, int] = {3: 10_000_000, 6: 10_000}
"""What a price is multiplied by on the wire, by segment (the token's last byte): currencies only."""
DIVISOR = 100
"""Everywhere else, so that the wire's integer is already paise."""

_COUNT = Struct(">H")
_LTP = Struct(">II")
_INDEX = Struct(">IIIIIIi")
_INDEX_FULL = Struct(">IIIIIIiI")
_QUOTE = Struct(">11I")
_FULL = Struct(">16I")
_LEVEL = Struct(">IIHxx")
LEVELS = 5
FULL_BYTES = _FULL.size + 2 * LEVELS * _LEVEL.size


@dataclass(frozen=True, slots=True)
class Level:
    """One price of the book: how much, at what price, in how many orders."""

    units: int
    price_paise: int
    orders: int


@dataclass(frozen=True, slots=True)
class Ohlc:
    """The day's prices in paise; ``close`` is the previous day's."""

    open_paise: int
    high_paise: int
    low_paise: int
    close_paise: int


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What a quote packet adds to the last price."""

    last_units: int
    average_paise: int
    volume_units: int
    buy_units: int
    sell_units: int


@dataclass(frozen=True, slots=True)
class OpenInterest:
    """Open interest in units, and its range of the day."""

    units: int
    high_units: int
    low_units: int


@dataclass(frozen=True, slots=True)
class Tick:
    """One packet. What its kind does not carry is ``None``; times are in nanoseconds, 0 where absent."""

    token: int
    last_paise: int
    ohlc: Ohlc | None = None
    day: DayFigures | None = None
    interest: OpenInterest | None = None
    traded_at_ns: int = 0
    exchange_at_ns: int = 0
    bids: tuple[Level, ...] | None = None
    asks: tuple[Level, ...] | None = None

    @property
    def is_index(self) -> bool:
        """Whether this is an index, which is quoted and not traded."""
        return self.token & 0xFF == INDEX_SEGMENT


@dataclass(frozen=True, slots=True)
class Frame:
    """A binary frame: its readable packets, how many were not, and how many of a length nobody documents."""

    ticks: tuple[Tick, ...] = ()
    malformed: int = 0
    unknown: int = 0
    heartbeat: bool = False


def decode_frame(data: bytes) -> Frame:
    """Every packet that can be read; never raises."""
    if len(data) < 2:
        return Frame(heartbeat=len(data) == 1, malformed=0 if data else 1)
    (count,) = _COUNT.unpack_from(data)
    ticks: list[Tick] = []
    unknown = 0
    at = 2
    for _ in range(count):
        if at + 2 > len(data):
            return Frame(tuple(ticks), malformed=1, unknown=unknown)
        (length,) = _COUNT.unpack_from(data, at)
        at += 2
        if at + length > len(data):
            return Frame(tuple(ticks), malformed=1, unknown=unknown)
        tick = decode_packet(data[at : at + length])
        if tick is None:
            unknown += 1
        else:
            ticks.append(tick)
        at += length
    return Frame(tuple(ticks), malformed=int(at != len(data)), unknown=unknown)


def decode_packet(packet: bytes) -> Tick | None:
    """One packet without its length, or ``None`` where no document describes its length."""
    if len(packet) == FULL_BYTES:
        return _full(packet)
    if len(packet) == _QUOTE.size:
        return _quote(_QUOTE.unpack(packet))
    if len(packet) == _LTP.size:
        token, last = _LTP.unpack(packet)
        return Tick(token, _paise(last, token))
    if len(packet) == _INDEX_FULL.size:
        *figures, stamp = _INDEX_FULL.unpack(packet)
        return _index(tuple(figures), stamp)
    if len(packet) == _INDEX.size:
        return _index(_INDEX.unpack(packet), 0)
    return None


def _paise(raw: int, token: int) -> int:
    divisor = DIVISORS.get(token & 0xFF, DIVISOR)
    return raw if divisor == DIVISOR else round(raw * DIVISOR / divisor)


def _index(figures: tuple[int, ...], stamp: int) -> Tick:
    token, last, high, low, opened, close, _change = figures
    ohlc = Ohlc(_paise(opened, token), _paise(high, token), _paise(low, token), _paise(close, token))
    return Tick(token, _paise(last, token), ohlc, exchange_at_ns=stamp * NS_PER_S)


def _day(figures: tuple[int, ...]) -> tuple[Ohlc, DayFigures]:
    token, _, units, average, volume, buys, sells, opened, high, low, close = figures[:11]
    ohlc = Ohlc(_paise(opened, token), _paise(high, token), _paise(low, token), _paise(close, token))
    return ohlc, DayFigures(units, _paise(average, token), volume, buys, sells)


def _quote(figures: tuple[int, ...]) -> Tick:
    token, last = figures[:2]
    ohlc, day = _day(figures)
    return Tick(token, _paise(last, token), ohlc, day)


def _full(packet: bytes) -> Tick:
    figures = _FULL.unpack_from(packet)
    token, last = figures[:2]
    traded, interest, interest_high, interest_low, stamp = figures[11:]
    levels = tuple(
        Level(units, _paise(price, token), orders)
        for units, price, orders in _LEVEL.iter_unpack(packet[_FULL.size :])
    )
    ohlc, day = _day(figures)
    return Tick(
        token,
        _paise(last, token),
        ohlc,
        day,
        OpenInterest(interest, interest_high, interest_low),
        traded * NS_PER_S,
        stamp * NS_PER_S,
        levels[:LEVELS],
        levels[LEVELS:],
    )


def quote_from(tick: Tick, symbol: str, at_ns: int) -> Quote | None:
    """The tick as a quote of its arrival, or ``None`` where it cannot be one: a tradable without depth.

    Such a packet comes between subscribing and the change of mode; taking it for an empty book would wipe the
    bid and the offer.
    """
    if tick.bids is None or tick.asks is None:
        if not tick.is_index:
            return None
        return Quote(symbol, at_ns, None, 0, None, 0, tick.last_paise or None)
    bid, bid_units = _touch(tick.bids)
    ask, ask_units = _touch(tick.asks)
    return Quote(symbol, at_ns, bid, bid_units, ask, ask_units, tick.last_paise or None)


@dataclass(frozen=True, slots=True)
class QuoteFrame:
    """The quotes of a binary frame, and the same counts as ``Frame`` has."""

    quotes: list[Quote]
    ticks: int = 0
    malformed: int = 0
    unknown: int = 0


def decode_quotes(data: bytes, symbols: Mapping[int, str], at_ns: int) -> QuoteFrame:
    """The frame's quotes of these instruments, as ``quote_from`` would make them of its ticks; never raises.

    A live session hears thousands of ticks a second and trades on the touch: reading only that is about ten
    times as fast.
    """
    if len(data) < 2:
        return QuoteFrame([], malformed=0 if data else 1)
    (count,) = _COUNT.unpack_from(data)
    quotes: list[Quote] = []
    ticks = unknown = 0
    at = 2
    for _ in range(count):
        if at + 2 > len(data):
            return QuoteFrame(quotes, ticks, 1, unknown)
        (length,) = _COUNT.unpack_from(data, at)
        at += 2
        if at + length > len(data):
            return QuoteFrame(quotes, ticks, 1, unknown)
        if length == FULL_BYTES:
            ticks += 1
            token, last = _LTP.unpack_from(data, at)
            symbol = symbols.get(token)
            if symbol is not None and token & 0xFF not in DIVISORS:
                bid_units, bid, _ = _LEVEL.unpack_from(data, at + _FULL.size)
                ask_units, ask, _ = _LEVEL.unpack_from(data, at + _FULL.size + LEVELS * _LEVEL.size)
                quotes.append(_touched(symbol, at_ns, last, bid, bid_units, ask, ask_units))
                at += length
                continue
        tick = decode_packet(data[at : at + length])
        if tick is None:
            unknown += 1
        else:
            ticks += length != FULL_BYTES
            symbol = symbols.get(tick.token)
            quote = quote_from(tick, symbol, at_ns) if symbol is not None else None
            if quote is not None:
                quotes.append(quote)
        at += length
    return QuoteFrame(quotes, ticks, int(at != len(data)), unknown)


def _touched(symbol: str, at_ns: int, last: int, bid: int, bid_units: int, ask: int, ask_units: int) -> Quote:
    """A quote of the touch; a side without price or size is not quoted."""
    if not (bid and bid_units):
        bid_units = 0
    if not (ask and ask_units):
        ask_units = 0
    return Quote(
        symbol,
        at_ns,
        bid if bid_units else None,
        bid_units,
        ask if ask_units else None,
        ask_units,
        last or None,
    )


def _touch(levels: tuple[Level, ...]) -> tuple[int | None, int]:
    best = levels[0]
    return (best.price_paise, best.units) if best.price_paise and best.units else (None, 0)
