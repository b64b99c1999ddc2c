"""What is wrong with a request for a group, in words that say what to change."""

from __future__ import annotations


class StrategyError(ValueError):
    """A strategy, strike, expiry or quantity that cannot be traded; the text lists what can."""
