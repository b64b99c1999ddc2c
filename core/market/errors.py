"""The error of everything that reads market data."""

from __future__ import annotations


class MarketDataError(ValueError):
    """Market data that cannot be used: says the file, the line where there is one, and what to do."""
