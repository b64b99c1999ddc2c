"""The shape of a fact's meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.domain.account import Account

Meaning = Callable[[Account, Any, int], Account]
"""The account after a fact: given the account before, the fact, and when it was recorded."""
