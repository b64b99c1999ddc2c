"""Binary tick packets as Kite sends them: big-endian, prices in paise. The sending half of the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Literal

from core.domain.instruments import Side
from core.domain.timing import NS_PER_S
from core.rehearsal.wire.tape import LEVELS, Shown

Mode = Literal["ltp", "quote", "full"]
HEARTBEAT = b"\x00"

_COUNT = Struct(">H")
_LTP = Struct(">II")
_INDEX = Struct(">6Ii")
_TIME = Struct(">I")
_QUOTE = Struct(">11I")
_TRADE_TIME_AND_INTEREST = Struct(">5I")
_LEVEL = Struct(">IIHH")
_LARGEST = 0xFFFFFFFF


def frame(packets: Sequence[bytes]) -> bytes:
    """Packets in one frame: their count, then each behind its length."""
    return _COUNT.pack(len(packets)) + b"".join(_COUNT.pack(len(p)) + p for p in packets)


def packet(token: int, shown: Shown, mode: Mode, *, is_index: bool, at_ns: int) -> bytes:
    """One instrument in a mode. An index has its high first, a contract its open."""
    last = shown.last_paise
    if mode == "ltp":
        return _LTP.pack(token, last)
    seconds = at_ns // NS_PER_S
    if is_index:
        change = last - shown.close_paise
        prices = (shown.high_paise, shown.low_paise, shown.open_paise, shown.close_paise)
        body = _INDEX.pack(token, last, *prices, change)
        return body + _TIME.pack(seconds) if mode == "full" else body
    quote = shown.quote
    sizes = (_fits(quote.bid_units), _fits(quote.ask_units))
    prices = (shown.open_paise, shown.high_paise, shown.low_paise, shown.close_paise)
    body = _QUOTE.pack(token, last, 0, last, 0, *sizes, *prices)
    if mode == "quote":
        return body
    body += _TRADE_TIME_AND_INTEREST.pack(quote.at_ns // NS_PER_S, 0, 0, 0, seconds)
    return body + _side(shown.depth(Side.SELL)) + _side(shown.depth(Side.BUY))


def _side(levels: Sequence[tuple[int, int]]) -> bytes:
    packed = b"".join(_LEVEL.pack(_fits(units), price, 1, 0) for price, units in levels)
    return packed + bytes(_LEVEL.size * (LEVELS - len(levels)))


def _fits(units: int) -> int:
    return min(units, _LARGEST)
