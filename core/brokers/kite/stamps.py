"""Kite's times: ``yyyy-mm-dd hh:mm:ss`` in Indian time, without a zone."""

from __future__ import annotations

from datetime import datetime

from core.domain.timing import IST, NS_PER_S


def stamp_ns(*candidates: object) -> int:
    """The first readable time of several, in nanoseconds since the epoch; 0 where there is none.

    A time is never a reason to refuse a row: orders that never reached the exchange carry nulls.
    """
    for text in candidates:
        if not isinstance(text, str) or len(text) < 19:
            continue
        try:
            moment = datetime.fromisoformat(text[:19])
        except ValueError:
            continue
        if moment.year >= 1971:
            return int(moment.replace(tzinfo=IST).timestamp()) * NS_PER_S
    return 0
