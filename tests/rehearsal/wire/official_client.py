"""Zerodha's own Python client, unchanged, against the exchange: what it parsed, as one JSON object.

Run as a program, with the exchange's ready line as its argument: the client's ticker owns the reactor of its
process.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

from kiteconnect import KiteConnect, KiteTicker

PACE_S = 0.3
"""Between requests: the exchange keeps to Kite's read limits in its own, faster, seconds."""
PATIENCE_S = 20.0


def paced(call: Any, *arguments: Any, **options: Any) -> Any:
    """Call, and wait as a well-behaved client does."""
    answer = call(*arguments, **options)
    time.sleep(PACE_S)
    return answer


def refused(call: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    """The error that a call is answered with."""
    try:
        call(*arguments, **options)
    except Exception as error:
        return {"type": type(error).__name__, "code": getattr(error, "code", None), "message": str(error)}
    finally:
        time.sleep(PACE_S)
    return {"type": "none"}


def rest(ready: dict[str, str], found: dict[str, Any]) -> tuple[KiteConnect, dict[str, Any]]:
    """Everything over REST; the client, and the option it traded."""
    kite = KiteConnect(ready["api_key"], root=ready["rest"])
    session = paced(kite.generate_session, ready["request_token"], api_secret=ready["api_secret"])
    found["session"] = {"user_id": session["user_id"], "login_time": str(session["login_time"])}
    found["session"]["own_key"] = session["api_key"] == ready["api_key"]
    found["profile"] = paced(kite.profile)["user_id"]
    found["margins"] = paced(kite.margins)["equity"]
    instruments = paced(kite.instruments, "NFO")
    found["instruments"] = len(instruments)
    calls = [row for row in instruments if row["instrument_type"] == "CE"]
    keys = [f"NFO:{row['tradingsymbol']}" for row in calls]
    prices = paced(kite.ltp, keys)
    key = min(prices, key=lambda name: abs(prices[name]["last_price"] - 150))
    found["ohlc"] = paced(kite.ohlc, [key])[key]["ohlc"]
    quote = paced(kite.quote, [key, "NFO:NOSUCH"])
    found["absent_key"] = "NFO:NOSUCH" in quote
    option = next(row for row in calls if f"NFO:{row['tradingsymbol']}" == key)
    order = {"variety": "regular", "exchange": "NFO", "tradingsymbol": option["tradingsymbol"]}
    order |= {"product": "NRML", "quantity": option["lot_size"], "validity": "DAY"}
    ask, bid = quote[key]["depth"]["sell"][0]["price"], quote[key]["depth"]["buy"][0]["price"]
    limits = {"order_type": "LIMIT", "tag": "official1"}
    filled = paced(kite.place_order, **order, **limits, transaction_type="BUY", price=ask + 5)
    resting = paced(kite.place_order, **order, **limits, transaction_type="BUY", price=round(bid * 0.9, 0))
    modified = paced(kite.modify_order, "regular", resting, price=round(bid * 0.9, 0) - 1)
    found["ids"] = {"filled": filled, "resting": resting, "modified": modified}
    found["history"] = [row["status"] for row in paced(kite.order_history, resting)]
    found["cancelled"] = paced(kite.cancel_order, "regular", resting)
    time.sleep(1)
    found["orders"] = [
        {
            name: row[name]
            for name in ("order_id", "status", "filled_quantity", "price", "average_price", "tag", "quantity")
        }
        for row in paced(kite.orders)
    ]
    found["stamps"] = [str(row["order_timestamp"]) for row in paced(kite.orders)]
    found["trades"] = [
        {name: row[name] for name in ("trade_id", "order_id", "quantity", "average_price")}
        for row in paced(kite.trades)
    ]
    found["order_trades"] = len(paced(kite.order_trades, filled))
    found["positions"] = [
        {name: row[name] for name in ("tradingsymbol", "quantity", "average_price")}
        for row in paced(kite.positions)["net"]
    ]
    sell = {"exchange": "NFO", "tradingsymbol": option["tradingsymbol"], "transaction_type": "SELL"}
    sell |= {"variety": "regular", "product": "NRML", "order_type": "LIMIT", "quantity": 130, "price": bid}
    sell["trigger_price"] = 0
    found["order_margins"] = paced(kite.order_margins, [sell])[0]["total"]
    basket = paced(kite.basket_order_margins, [sell], consider_positions=True)
    found["basket"] = [basket["initial"]["total"], basket["final"]["total"]]
    wrong = {"transaction_type": "BUY", "tag": "official2"}
    broken = order | {"quantity": 66}
    found["refusals"] = {
        "lot": refused(kite.place_order, **broken, **wrong, order_type="LIMIT", price=bid),
        "freeze": refused(
            kite.place_order, **(order | {"quantity": 65 * 28}), **wrong, order_type="LIMIT", price=bid
        ),
        "market": refused(kite.place_order, **order, **wrong, order_type="MARKET"),
        "sl-m": refused(
            kite.place_order,
            **order,
            **wrong,
            order_type="SL-M",
            trigger_price=ask + 20,
            market_protection=-1,
        ),
        "tag": refused(
            kite.place_order,
            **order,
            order_type="LIMIT",
            price=bid,
            transaction_type="BUY",
            tag="x" * 21,
        ),
        "band": refused(kite.place_order, **order, **wrong, order_type="LIMIT", price=99_999),
        "token": refused(KiteConnect(ready["api_key"], "wrong", root=ready["rest"]).profile),
    }
    return kite, option


def stream(ready: dict[str, str], kite: KiteConnect, option: dict[str, Any], found: dict[str, Any]) -> None:
    """Ticks in every mode, and the news of an order."""
    token, index = option["instrument_token"], 256265
    ticker = KiteTicker(ready["api_key"], kite.access_token, root=ready["stream"])
    ticks: dict[str, dict[str, Any]] = {}
    updates: list[dict[str, Any]] = []
    errors: list[str] = []
    complete = threading.Event()

    def look() -> None:
        if {"full", "index"} <= ticks.keys() and any(u["status"] == "COMPLETE" for u in updates):
            complete.set()

    def on_connect(socket: Any, response: Any) -> None:
        socket.subscribe([token, index])
        socket.set_mode(socket.MODE_FULL, [token, index])

    def on_ticks(socket: Any, batch: list[dict[str, Any]]) -> None:
        for tick in batch:
            name = "index" if tick["instrument_token"] == index else tick["mode"]
            ticks[name] = {key: str(value) if key.endswith("time") else value for key, value in tick.items()}
        look()

    def on_order_update(socket: Any, data: dict[str, Any]) -> None:
        updates.append(data)
        look()

    ticker.on_connect = on_connect
    ticker.on_ticks = on_ticks
    ticker.on_order_update = on_order_update
    ticker.on_error = lambda socket, code, reason: errors.append(f"{code} {reason}")
    ticker.connect(threaded=True)
    time.sleep(1)
    key = f"NFO:{option['tradingsymbol']}"
    ask = paced(kite.quote, [key])[key]["depth"]["sell"][0]["price"]
    found["streamed_id"] = kite.place_order(
        "regular", "NFO", option["tradingsymbol"], "BUY", 65, "NRML", "LIMIT", price=ask + 5, tag="official3"
    )
    found["stream_complete"] = complete.wait(PATIENCE_S)
    ticker.close()
    found["ticks"] = json.loads(json.dumps(ticks, default=str))
    found["updates"] = [
        {name: update[name] for name in ("order_id", "status", "filled_quantity", "tag")}
        for update in updates
    ]
    found["errors"] = errors


def main() -> None:
    """Print what was found; errors go to the log and end with 1."""
    ready = json.loads(sys.argv[1])
    found: dict[str, Any] = {}
    kite, option = rest(ready, found)
    stream(ready, kite, option, found)
    found["logged_out"] = kite.invalidate_access_token()
    found["after_logout"] = refused(kite.profile)
    print(json.dumps(found, default=str))


if __name__ == "__main__":
    main()
