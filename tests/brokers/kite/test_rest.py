from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from core.brokers.kite.quotes import KiteQuotes
from core.brokers.port import BasketLeg, BookUnavailable, OrderChange, Reply
from core.domain.instruments import PositionKey, Product, Side
from core.domain.orders import AccessRefusal, OrderStatus, OrderType, Outcome
from core.domain.timing import NS_PER_S
from tests.brokers.kite.support import (
    ACCESS_TOKEN,
    Scripted,
    StepClock,
    mock,
    needs_mocks,
    ok,
    order_row,
    refused,
    request,
    rest_with,
    transport_with,
)


def form_of(asked: httpx.Request) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(asked.content.decode()).items()}


def test_an_order_goes_out_as_one_form_with_its_tag_and_exact_rupees() -> None:
    script = Scripted(ok({"order_id": "1953341975595868160"}))
    reply = asyncio.run(rest_with(script).place(request()))
    assert reply == Reply(Outcome.CONFIRMED, "1953341975595868160")
    (asked,) = script.asked
    assert (asked.method, asked.url.path) == ("POST", "/orders/regular")
    assert asked.headers["authorization"] == f"token akey:{ACCESS_TOKEN}"
    assert asked.headers["x-kite-version"] == "3"
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert form_of(asked) == {
        "exchange": "NFO",
        "tradingsymbol": "NIFTY2690124350CE",
        "transaction_type": "SELL",
        "product": "NRML",
        "tag": "abc123g1l0c0a0",
        "order_type": "LIMIT",
        "quantity": "65",
        "price": "58.15",
        "validity": "DAY",
    }


def test_a_stop_carries_its_trigger() -> None:
    script = Scripted(ok({"order_id": "1"}))
    asyncio.run(rest_with(script).place(request(order_type=OrderType.SL, trigger_paise=12_005)))
    form = form_of(script.asked[0])
    assert (form["order_type"], form["trigger_price"]) == ("SL", "120.05")


@pytest.mark.parametrize(
    "wrong",
    [
        {"tag": ""},
        {"tag": "x" * 21},
        {"tag": "has space"},
        {"units": 0},
        {"units": -65},
        {"limit_paise": 0},
        {"order_type": OrderType.SL, "trigger_paise": 0},
    ],
)
def test_what_cannot_be_an_order_is_denied_and_never_sent(wrong: dict[str, Any]) -> None:
    script = Scripted()
    assert asyncio.run(rest_with(script).place(request(**wrong))).outcome is Outcome.DENIED
    assert script.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, text="<html>Bad gateway</html>"),
        httpx.Response(200, text='{"status":"success","data":{"order_i'),
        ok(None),
        ok({}),
        ok([]),
        ok({"order_id": ""}),
        ok("fine"),
        refused(503, "NetworkException"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("closed"),
        httpx.ConnectError("refused"),
    ],
)
def test_an_order_whose_answer_proves_nothing_is_unknown_and_sent_once(
    answer: httpx.Response | Exception,
) -> None:
    script = Scripted(answer)
    reply = asyncio.run(rest_with(script).place(request()))
    assert reply.outcome is Outcome.UNKNOWN
    assert len(script.asked) == 1


def test_a_refusal_is_told_in_the_brokers_words() -> None:
    script = Scripted(refused(400, "MarginException", "Insufficient funds."))
    reply = asyncio.run(rest_with(script).place(request()))
    assert reply.outcome is Outcome.REJECTED
    assert reply.message == "Insufficient funds. (HTTP 400, MarginException)"


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (refused(403, "TokenException", "Incorrect `access_token`."), AccessRefusal.LOGIN),
        (refused(403, "PermissionException", "Static IP is not registered."), AccessRefusal.ADDRESS),
        (refused(400, "OrderException", "Insufficient funds"), None),
    ],
)
def test_whatever_is_asked_a_refusal_of_login_or_address_is_told_as_one(
    answer: httpx.Response, refusal: AccessRefusal | None
) -> None:
    rest = rest_with(Scripted(answer, answer, answer))

    async def ask() -> list[Reply]:
        change = OrderChange(OrderType.LIMIT, 65, 100)
        return [await rest.place(request()), await rest.modify("1", change), await rest.cancel("1")]

    assert [reply.access_refused for reply in asyncio.run(ask())] == [refusal] * 3


def test_a_429_for_an_order_is_a_refusal_and_holds_the_next_one_back_a_second() -> None:
    clock = StepClock()
    started_ns = clock.now_ns()
    script = Scripted(refused(429, "NetworkException", "Too many requests"), ok({"order_id": "2"}))

    async def twice() -> tuple[Reply, Reply]:
        rest = rest_with(script, clock)
        return await rest.place(request()), await rest.place(request(tag="b"))

    first, second = asyncio.run(twice())
    assert (first.outcome, second.outcome) == (Outcome.REJECTED, Outcome.CONFIRMED)
    assert clock.now_ns() - started_ns == NS_PER_S


def test_both_shapes_of_an_autoslice_reply_are_read() -> None:
    error = {"code": 400, "error_type": "MarginException", "message": "Insufficient funds", "data": None}
    newer = {"order_id": "7", "children": [{"order_id": "8"}, {"error": error}]}
    older = [{"order_id": "8"}, {"error": error}]
    script = Scripted(ok(newer), ok(older), ok([{"error": error}]))

    async def thrice() -> list[Reply]:
        rest = rest_with(script)
        return [await rest.place(request()) for _ in range(3)]

    replies = asyncio.run(thrice())
    assert [(r.outcome, r.order_id) for r in replies] == [
        (Outcome.CONFIRMED, "7"),
        (Outcome.CONFIRMED, "8"),
        (Outcome.REJECTED, None),
    ]
    assert replies[0].message == "1 of 2 slices were refused: Insufficient funds"


def test_an_order_is_modified_at_most_25_times() -> None:
    script = Scripted(*[ok({"order_id": "9"}) for _ in range(30)])
    change = OrderChange(OrderType.LIMIT, 65, 5_900)

    async def often() -> list[Outcome]:
        rest = rest_with(script)
        return [(await rest.modify("9", change)).outcome for _ in range(26)]

    outcomes = asyncio.run(often())
    assert outcomes == [Outcome.CONFIRMED] * 25 + [Outcome.DENIED]
    assert len(script.asked) == 25
    assert (script.asked[0].method, script.asked[0].url.path) == ("PUT", "/orders/regular/9")
    assert form_of(script.asked[0])["price"] == "59.00"


def test_a_cancel_names_the_variety_that_the_book_gave_the_order() -> None:
    script = Scripted(
        ok([order_row(order_id="5", variety="amo")]), ok({"order_id": "5"}), ok({"order_id": "6"})
    )

    async def story() -> None:
        rest = rest_with(script)
        await rest.orders()
        await rest.cancel("5")
        await rest.cancel("6")

    asyncio.run(story())
    assert [(r.method, r.url.path) for r in script.asked[1:]] == [
        ("DELETE", "/orders/amo/5"),
        ("DELETE", "/orders/regular/6"),
    ]


def test_our_tag_is_found_in_either_field_and_each_tag_once() -> None:
    rows = [
        order_row(tag="ours", tags=None),
        order_row(tag=None, tags=["mktp", "ours"]),
        order_row(tag="ours", tags=["ours", "autoslice"]),
    ]
    reports = asyncio.run(rest_with(Scripted(ok(rows))).orders())
    assert [r.tags for r in reports] == [("ours",), ("mktp", "ours"), ("ours", "autoslice")]


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("COMPLETE", OrderStatus.COMPLETE),
        ("CANCELLED", OrderStatus.CANCELLED),
        ("REJECTED", OrderStatus.REJECTED),
        ("OPEN", OrderStatus.OPEN),
        ("UPDATE", OrderStatus.OPEN),
        ("MODIFY PENDING", OrderStatus.OPEN),
        ("CANCEL PENDING", OrderStatus.CANCEL_PENDING),
        ("PUT ORDER REQ RECEIVED", OrderStatus.PENDING),
        ("TRIGGER PENDING", OrderStatus.TRIGGER_PENDING),
        ("SOMETHING NEW", None),
    ],
)
def test_statuses_are_mapped_and_an_unknown_one_is_not_terminal(
    word: str, meaning: OrderStatus | None
) -> None:
    (report,) = asyncio.run(rest_with(Scripted(ok([order_row(status=word)]))).orders())
    assert (report.status, report.raw_status) == (meaning, word)


def test_a_resting_stop_that_is_being_modified_does_not_look_triggered() -> None:
    resting = order_row(order_type="SL", status="MODIFY PENDING", trigger_price=80)
    filling = order_row(order_type="SL", status="UPDATE", filled_quantity=65, quantity=130)
    reports = asyncio.run(rest_with(Scripted(ok([resting, filling]))).orders())
    assert [r.status for r in reports] == [OrderStatus.TRIGGER_PENDING, OrderStatus.OPEN]


def test_a_cancelled_order_keeps_its_fill_whatever_the_other_quantities_say() -> None:
    row = order_row(
        status="CANCELLED", filled_quantity=65, quantity=130, pending_quantity=1, cancelled_quantity=0
    )
    (report,) = asyncio.run(rest_with(Scripted(ok([row]))).orders())
    assert report.filled_units == 65


@pytest.mark.parametrize(
    "damage",
    [
        {"quantity": None},
        {"quantity": 65.5},
        {"quantity": "NaN"},
        {"price": 1e300},
        {"filled_quantity": "many"},
        {"transaction_type": "HOLD"},
        {"order_type": "MYSTERY"},
        {"order_id": None},
        {"status": 3},
    ],
)
def test_a_book_with_one_unreadable_row_is_no_book(damage: dict[str, Any]) -> None:
    script = Scripted(ok([order_row(), order_row(**damage)]))
    with pytest.raises(BookUnavailable):
        asyncio.run(rest_with(script).orders())


@pytest.mark.parametrize("data", [None, {}, "none", 0])
def test_an_answer_that_is_not_a_list_is_not_an_empty_book(data: Any) -> None:
    with pytest.raises(BookUnavailable):
        asyncio.run(rest_with(Scripted(ok(data))).orders())


def test_orders_of_products_that_cannot_be_ours_are_left_out() -> None:
    rows = [order_row(product="CNC", price=1), order_row(product="MIS")]
    reports = asyncio.run(rest_with(Scripted(ok(rows))).orders())
    assert [r.product for r in reports] == [Product.MIS]


def test_a_read_is_tried_again_and_a_change_is_not() -> None:
    script = Scripted(httpx.ReadError("reset"), refused(429, "NetworkException"), ok([]))
    assert asyncio.run(rest_with(script).orders()) == ()
    assert len(script.asked) == 3


def test_a_read_gives_up_after_three_tries() -> None:
    script = Scripted(*[httpx.Response(502, text="<html>") for _ in range(5)])
    with pytest.raises(BookUnavailable, match="HTTP 502"):
        asyncio.run(rest_with(script).trades())
    assert len(script.asked) == 3


def test_a_dead_session_is_told_at_once_with_what_to_do() -> None:
    script = Scripted(refused(403, "TokenException", "Incorrect `api_key` or `access_token`."))
    rest = rest_with(script)
    with pytest.raises(BookUnavailable, match="hedgerow login kite") as caught:
        asyncio.run(rest.positions())
    assert caught.value.needs_login
    assert rest.needs_login
    assert len(script.asked) == 1


def test_positions_are_signed_and_keyed_by_product() -> None:
    row = {
        "exchange": "NFO",
        "tradingsymbol": "X",
        "product": "MIS",
        "quantity": -65,
        "overnight_quantity": 0,
    }
    rows = {"net": [row | {"average_price": 57.33}], "day": []}
    (report,) = asyncio.run(rest_with(Scripted(ok(rows))).positions())
    assert report.key == PositionKey("NFO", "X", Product.MIS)
    assert (report.units, report.average_paise) == (-65, 5_733)


def test_one_orders_states_and_fills_are_asked_by_its_id() -> None:
    order = {
        "order_id": "17/4",
        "status": "OPEN",
        "exchange": "NFO",
        "tradingsymbol": "X",
        "transaction_type": "SELL",
        "order_type": "LIMIT",
        "product": "NRML",
        "quantity": 130,
        "filled_quantity": 0,
        "price": 58.15,
    }
    trade = {
        "trade_id": "T1",
        "order_id": "17/4",
        "exchange": "NFO",
        "tradingsymbol": "X",
        "transaction_type": "SELL",
        "product": "NRML",
        "quantity": 65,
        "average_price": 58.2,
    }
    script = Scripted(ok([order, order | {"status": "COMPLETE", "filled_quantity": 130}]), ok([trade]))

    async def read() -> tuple[Any, ...]:
        rest = rest_with(script)
        return await rest.order_history("17/4"), await rest.order_trades("17/4")

    states, fills = asyncio.run(read())
    assert [(state.status, state.filled_units) for state in states] == [
        (OrderStatus.OPEN, 0),
        (OrderStatus.COMPLETE, 130),
    ]
    assert [(fill.trade_id, fill.units, fill.price_paise) for fill in fills] == [("T1", 65, 5_820)]
    assert [each.url.raw_path for each in script.asked] == [b"/orders/17%2F4", b"/orders/17%2F4/trades"]


def test_a_basket_is_asked_as_a_bare_list_and_needs_are_rounded_up() -> None:
    answer = {"initial": {"total": 96504.975}, "final": {"total": 34786.7200001}, "orders": []}
    script = Scripted(ok(answer))
    leg = BasketLeg("NIFTY2690124350CE", "NFO", Product.NRML, Side.SELL, 65, 5_815)
    margin = asyncio.run(rest_with(script).basket_margin((leg,)))
    assert (margin.initial_paise, margin.final_paise) == (9_650_498, 3_478_673)
    (asked,) = script.asked
    assert asked.headers["content-type"] == "application/json"
    assert asked.url.query == b"consider_positions=true"
    (order,) = json.loads(asked.content)
    assert (order["quantity"], order["price"], order["order_type"]) == (65, 58.15, "LIMIT")


def test_collateral_pays_no_premium() -> None:
    equity = {"net": 1000.0, "available": {"collateral": 700}, "utilised": {"debits": 50}}
    funds = asyncio.run(rest_with(Scripted(ok({"equity": equity}))).funds())
    assert (funds.available_paise, funds.cash_paise, funds.used_paise) == (100_000, 30_000, 5_000)


@needs_mocks
def test_the_published_books_are_translated() -> None:
    script = Scripted(*(ok(mock(f"{name}.json")) for name in ("orders", "trades", "positions", "margins")))

    async def read() -> tuple[Any, ...]:
        rest = rest_with(script)
        return await rest.orders(), await rest.trades(), await rest.positions(), await rest.funds()

    orders, trades, positions, funds = asyncio.run(read())
    by_id = {report.order_id: report for report in orders}
    sliced = by_id["1953367517686685697"]
    assert (sliced.units, sliced.filled_units, sliced.status) == (150, 150, OrderStatus.COMPLETE)
    assert "autoslice" in sliced.tags
    assert {t.trade_id for t in trades} == {"40000000", "70000000", "90000000"}
    assert {p.key.symbol for p in positions} == {"LEADMINI17DECFUT", "GOLDGUINEA17DECFUT"}
    assert funds.total_paise == 24_543_160


def test_instrument_dumps_come_as_they_are_and_a_page_is_no_dump() -> None:
    csv = b"instrument_token,exchange_token\n1,2\n"
    script = Scripted(httpx.Response(200, content=csv), httpx.Response(200, text="<html>"))
    assert asyncio.run(rest_with(script).instruments("NFO")) == csv
    assert script.asked[0].url.path == "/instruments/NFO"
    with pytest.raises(BookUnavailable):
        asyncio.run(rest_with(script).instruments())


def test_quotes_are_split_at_what_a_request_may_carry_and_paced_to_one_a_second() -> None:
    clock = StepClock()
    started_ns = clock.now_ns()
    level = {"price": 58.1, "quantity": 650, "orders": 2}
    row = {"last_price": 58.15, "depth": {"buy": [level], "sell": []}, "upper_circuit_limit": 99.95}
    script = Scripted(ok({"NFO:A0": row}), ok({}))
    keys = [f"NFO:A{n}" for n in range(600)]
    quotes = asyncio.run(KiteQuotes(transport_with(script, clock), clock).quotes(keys))
    assert [len(r.url.params.get_list("i")) for r in script.asked] == [500, 100]
    assert clock.now_ns() - started_ns == NS_PER_S
    quote = quotes["NFO:A0"]
    assert (quote.symbol, quote.bid_paise, quote.ask_paise, quote.last_paise) == ("A0", 5_810, None, 5_815)
    assert quote.upper_paise == 9_995
