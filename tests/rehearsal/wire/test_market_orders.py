from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from core.brokers.kite.ticks import decode_packet
from core.domain.quotes import Quote
from core.rehearsal.wire.packets import packet
from core.rehearsal.wire.rows import full_quote
from core.rehearsal.wire.tape import Shown
from tests.brokers.conformance import ASK, BID, MANY
from tests.brokers.simulated import DAY, OPEN_NS, mover, strikes
from tests.rehearsal.wire.serving import Served, served

HEADERS = {"X-Kite-Version": "3", "Authorization": "token akey:access"}


def tell(story: Callable[[Served, httpx.AsyncClient], Awaitable[None]]) -> None:
    async def play() -> None:
        async with served() as at, httpx.AsyncClient(base_url=at.ready.rest, headers=HEADERS) as http:
            await story(at, http)

    asyncio.run(play())


def form(**changes: str) -> dict[str, str]:
    near, _ = strikes()
    whole = {
        "exchange": "NFO",
        "tradingsymbol": near.symbol,
        "transaction_type": "BUY",
        "order_type": "MARKET",
        "quantity": "65",
        "product": "NRML",
        "market_protection": "2",
        "tag": "mine1",
    }
    return whole | changes


async def order_of(http: httpx.AsyncClient, order_id: str) -> dict[str, Any]:
    book = (await http.get("/orders")).json()["data"]
    return next(row for row in book if row["order_id"] == order_id)


@pytest.mark.parametrize(
    ("side", "protection", "limit", "tag"),
    [
        ("BUY", "2", int(ASK * 1.02) // 5 * 5, "mktp:2.00"),
        ("SELL", "2", -(-int(BID * 0.98) // 5) * 5, "mktp:2.00"),
        ("BUY", "-1", int(ASK * 1.03) // 5 * 5, "mktp:3.00"),
    ],
)
def test_a_protected_market_order_becomes_a_limit_at_its_protection(
    side: str, protection: str, limit: int, tag: str
) -> None:
    async def story(at: Served, http: httpx.AsyncClient) -> None:
        asked = form(transaction_type=side, market_protection=protection)
        placed = (await http.post("/orders/regular", data=asked)).json()
        row = await order_of(http, placed["data"]["order_id"])
        assert (row["order_type"], row["price"], row["market_protection"]) == ("LIMIT", limit / 100, 0)
        assert row["tags"] == ["mine1", "mktp", tag]
        assert row["filled_quantity"] == 65

    tell(story)


def test_what_runs_away_from_a_protected_order_leaves_it_open() -> None:
    async def story(at: Served, http: httpx.AsyncClient) -> None:
        near, _ = strikes()
        move = mover(at.world.broker, at.market)
        move(near, BID, ASK, 65)
        placed = (await http.post("/orders/regular", data=form(quantity="650"))).json()
        move(near, ASK * 2, ASK * 2 + 50, MANY)
        row = await order_of(http, placed["data"]["order_id"])
        assert (row["status"], row["filled_quantity"], row["pending_quantity"]) == ("OPEN", 65, 585)

    tell(story)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"market_protection": "0"}, "without market protection"),
        ({"market_protection": ""}, "without market protection"),
        ({"market_protection": "101"}, "market_protection"),
        ({"market_protection": "NaN"}, "market_protection"),
        ({"market_protection": "-2"}, "market_protection"),
        ({"tradingsymbol": "NOWHERE"}, "no price"),
        ({"order_type": "SL-M", "trigger_price": "90"}, "16052"),
    ],
)
def test_a_market_order_that_kite_would_refuse_is_refused(changes: dict[str, str], words: str) -> None:
    async def story(at: Served, http: httpx.AsyncClient) -> None:
        answer = await http.post("/orders/regular", data=form(**changes))
        assert answer.status_code == 400
        assert words in answer.json()["message"]
        assert (await http.get("/orders")).json()["data"] == []

    tell(story)


@pytest.mark.parametrize("units", ["6_5", "६५", "65e0", "+65", " 65", "0x41", "65.5", "-65", "1" * 30])
def test_a_quantity_is_written_in_plain_digits(units: str) -> None:
    async def story(at: Served, http: httpx.AsyncClient) -> None:
        answer = await http.post("/orders/regular", data=form(order_type="LIMIT", price="90", quantity=units))
        assert (answer.status_code, answer.json()["message"]) == (400, "Invalid `quantity`.")

    tell(story)


def test_what_the_form_forbids_counts_as_a_request_all_the_same() -> None:
    async def story(at: Served, http: httpx.AsyncClient) -> None:
        await http.post("/orders/regular", data=form(market_protection="0"))
        await http.put("/orders/regular/1", data={"price": "90"})
        await http.delete("/orders/amo/1")
        assert at.world.exchange.ledger.request_count == 3

    tell(story)


def test_a_working_order_is_not_made_ioc_nor_cancelled_as_another_variety() -> None:
    async def story(at: Served, http: httpx.AsyncClient) -> None:
        asked = form(order_type="LIMIT", price=f"{BID / 100}", market_protection="0")
        order_id = (await http.post("/orders/regular", data=asked)).json()["data"]["order_id"]
        changed = await http.put(f"/orders/regular/{order_id}", data={"validity": "IOC", "price": "1"})
        assert (changed.status_code, "validity" in changed.json()["message"]) == (400, True)
        cancelled = await http.delete(f"/orders/amo/{order_id}")
        assert (cancelled.status_code, "variety" in cancelled.json()["message"]) == (400, True)
        assert (await order_of(http, order_id))["status"] == "OPEN"

    tell(story)


def test_a_limit_that_is_modified_to_market_goes_to_the_touch() -> None:
    async def story(at: Served, http: httpx.AsyncClient) -> None:
        asked = form(order_type="LIMIT", price=f"{BID / 100}", market_protection="0")
        order_id = (await http.post("/orders/regular", data=asked)).json()["data"]["order_id"]
        assert (await order_of(http, order_id))["filled_quantity"] == 0
        change = {"order_type": "MARKET", "market_protection": "1"}
        await http.put(f"/orders/regular/{order_id}", data=change)
        row = await order_of(http, order_id)
        assert (row["order_type"], row["filled_quantity"]) == ("LIMIT", 65)

    tell(story)


def test_five_prices_of_the_book_are_shown_on_each_side() -> None:
    near, _ = strikes()
    quote = Quote(near.symbol, OPEN_NS, BID, 650, ASK, 325, BID)
    shown = Shown(quote, DAY, BID, BID, BID, BID, near.tick_paise)
    buys, sells = [BID - 5 * n for n in range(5)], [ASK + 5 * n for n in range(5)]
    depth = full_quote(shown, near.token)["depth"]
    assert [level["price"] for level in depth["buy"]] == [price / 100 for price in buys]
    assert [level["price"] for level in depth["sell"]] == [price / 100 for price in sells]
    tick = decode_packet(packet(near.token, shown, "full", is_index=False, at_ns=OPEN_NS))
    assert tick is not None
    assert tick.bids is not None
    assert tick.asks is not None
    assert [(level.price_paise, level.units) for level in tick.bids] == [(price, 650) for price in buys]
    assert [(level.price_paise, level.units) for level in tick.asks] == [(price, 325) for price in sells]


def test_a_side_that_nobody_quotes_is_five_empty_levels() -> None:
    near, _ = strikes()
    shown = Shown(Quote(near.symbol, OPEN_NS, None, 0, 15, 65, 10), DAY, 10, 10, 10, 10, near.tick_paise)
    depth = full_quote(shown, near.token)["depth"]
    assert [level["quantity"] for level in depth["buy"]] == [0] * 5
    tick = decode_packet(packet(near.token, shown, "full", is_index=False, at_ns=OPEN_NS))
    assert tick is not None
    assert tick.bids is not None
    assert [level.units for level in tick.bids] == [0] * 5


def test_a_price_with_the_noise_of_a_float_is_its_tick_and_half_a_paisa_is_refused() -> None:
    """What ``round(price / 0.05) * 0.05`` makes of a tick."""

    async def story(at: Served, http: httpx.AsyncClient) -> None:
        limit = {"order_type": "LIMIT", "market_protection": "0"}
        noisy = await http.post("/orders/regular", data=form(price="95.35000000000001", **limit))
        row = await order_of(http, noisy.json()["data"]["order_id"])
        assert row["price"] == 95.35
        refused = await http.post("/orders/regular", data=form(price="95.355", **limit))
        assert (refused.status_code, refused.json()["message"]) == (400, "Invalid `price`.")

    tell(story)
