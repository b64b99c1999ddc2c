from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from core.brokers.kite import models
from tests.brokers.kite.support import MOCKS, mock, needs_mocks

REPLIES: dict[str, Any] = {
    "basket_margins.json": models.BasketMargins,
    "generate_session.json": models.SessionGrant,
    "ltp.json": dict[str, models.QuoteRow],
    "margins.json": models.Margins,
    "order_cancel.json": models.Placement,
    "order_margins.json": list[models.OrderMargin],
    "order_modify.json": models.Placement,
    "order_response.json": models.Placement,
    "orders.json": list[models.OrderRow],
    "positions.json": models.Positions,
    "postback.json": models.OrderRow,
    "profile.json": models.Profile,
    "quote.json": dict[str, models.QuoteRow],
    "session_logout.json": bool,
    "trades.json": list[models.TradeRow],
}


def plain(value: Any) -> Any:
    """A model as plain data, its numbers as floats so that 1 and 1.0 and Decimal("1.00") compare."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (Decimal, int)) and not isinstance(value, bool):
        return float(value)
    return value


def missing(original: Any, parsed: Any, path: str = "") -> list[str]:
    """Every field of the reply that the model has lost or changed."""
    if isinstance(original, dict):
        if not isinstance(parsed, dict):
            return [path]
        return [
            lost
            for key, item in original.items()
            for lost in missing(item, parsed.get(key, ...), f"{path}.{key}")
        ]
    if isinstance(original, list):
        if not isinstance(parsed, list) or len(parsed) != len(original):
            return [path]
        return [
            lost
            for at, (item, got) in enumerate(zip(original, parsed, strict=True))
            for lost in missing(item, got, f"{path}[{at}]")
        ]
    return [] if original == parsed else [f"{path}: {original!r} became {parsed!r}"]


@needs_mocks
@pytest.mark.parametrize("name", sorted(REPLIES))
def test_every_published_reply_parses_field_for_field(name: str) -> None:
    parsed = msgspec.json.decode(msgspec.json.encode(mock(name)), type=REPLIES[name])
    assert missing(plain(mock(name)), plain(parsed)) == []


@needs_mocks
def test_no_published_json_reply_is_left_out() -> None:
    ticks = {"ticker_full.json", "ticker_ltp.json"}  # decoded packets, compared in test_ticks
    assert {path.name for path in MOCKS.glob("*.json")} - ticks == REPLIES.keys()


def test_an_order_id_beyond_a_float_survives_as_a_number_too() -> None:
    placed = msgspec.json.decode(b'{"order_id": 1953341975595868161}', type=models.Placement)
    assert str(placed.order_id) == "1953341975595868161"


def test_fields_nobody_documented_are_no_obstacle() -> None:
    raw = b'{"last_price": 1.05, "novelty": {"a": [1]}, "oi": null}'
    assert msgspec.json.decode(raw, type=models.QuoteRow).last_price == Decimal("1.05")


def test_a_session_grant_does_not_show_its_tokens() -> None:
    grant = models.SessionGrant(user_id="AB1234", access_token="hush", enctoken="hush")
    assert "hush" not in repr(grant)
    assert "hush" not in str(grant)
